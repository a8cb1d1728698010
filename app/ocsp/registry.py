"""Which configuration answers for which issuer."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from cryptography import x509

from app.domain.responder import ResponseSigner, RevocationConfiguration, SigningFlag
from app.pki.ocsp_request import issuer_hashes
from app.pki.ocsp_response import responder_id_by_key, responder_id_by_name

if TYPE_CHECKING:
    from collections.abc import Iterable

    from app.domain.ids import ConfigurationId
    from app.ocsp.answers import ConfiguredAuthority
    from app.pki.ocsp_request import CertId

_Issuer = tuple[str, bytes, bytes]


@dataclass(frozen=True, slots=True, eq=False)
class Installed:
    """A configuration ready for use; compared by identity, a replacement is another one.

    `responder_id` (DER), `not_before` and `not_after` are of the signing certificate; empty and
    None without a signer.
    """

    configuration: RevocationConfiguration
    signer: ResponseSigner | None
    problem: str
    responder_id: bytes
    not_before: datetime | None
    not_after: datetime | None
    issuers: tuple[_Issuer, ...]

    @property
    def id(self) -> ConfigurationId:
        """The configuration's id."""
        return self.configuration.id

    def allows(self, flag: SigningFlag) -> bool:
        """Whether a signing flag is set."""
        return flag in self.configuration.signing_flags


class Registry:
    """Installed configurations by id and by every form in which a request can name the issuer."""

    def __init__(self) -> None:
        self._installed: dict[ConfigurationId, Installed] = {}
        self._by_issuer: dict[_Issuer, Installed] = {}
        self._signed_with: dict[ConfigurationId, bytes] = {}

    def install(self, configured: ConfiguredAuthority) -> bool:
        """Install or replace; True when answers given before must be forgotten."""
        configuration, signer = configured.configuration, configured.signer
        before = self._installed.get(configuration.id)
        self._installed[configuration.id] = _prepare(configured)
        self._index()
        signed_with = self._signed_with.get(configuration.id)
        if signer is not None:
            self._signed_with[configuration.id] = signer.certificate
        replaced = signer is not None and signed_with not in (None, signer.certificate)
        return before is not None and (before.configuration != configuration or replaced)

    def remove(self, configuration_id: ConfigurationId) -> bool:
        """Remove; False when it was not there."""
        self._signed_with.pop(configuration_id, None)
        if self._installed.pop(configuration_id, None) is None:
            return False
        self._index()
        return True

    def _index(self) -> None:
        # Of two configurations for one CA key the older answers, whatever state it is in: another
        # one's key is never a substitute that nobody asked for.
        self._by_issuer = {}
        for configuration_id in sorted(self._installed):
            installed = self._installed[configuration_id]
            for issuer in installed.issuers:
                self._by_issuer.setdefault(issuer, installed)

    def ids(self) -> frozenset[ConfigurationId]:
        """Ids of all that is installed."""
        return frozenset(self._installed)

    def current(self, installed: Installed) -> bool:
        """Whether it has been neither replaced nor removed."""
        return self._installed.get(installed.id) is installed

    def find(self, cert_ids: Iterable[CertId]) -> Installed | None:
        """The one configuration for all of these certificates; None when there is none."""
        found: Installed | None = None
        for cert_id in cert_ids:
            issuer = (cert_id.hash_algorithm, cert_id.issuer_name_hash, cert_id.issuer_key_hash)
            installed = self._by_issuer.get(issuer)
            if installed is None or found not in (None, installed):
                return None
            found = installed
        return found


def _prepare(configured: ConfiguredAuthority) -> Installed:
    configuration, signer = configured.configuration, configured.signer
    issuers = tuple(
        (oid, name_hash, key_hash)
        for oid, (name_hash, key_hash) in issuer_hashes(configuration.ca_certificate).items()
    )
    if signer is None:
        return Installed(configuration, None, configured.problem, b"", None, None, issuers)
    by_name = SigningFlag.RESPONDER_ID_NAME in configuration.signing_flags
    responder_id = responder_id_by_name if by_name else responder_id_by_key
    certificate = x509.load_der_x509_certificate(signer.certificate)
    return Installed(
        configuration,
        signer,
        configured.problem,
        responder_id(signer.certificate),
        certificate.not_valid_before_utc,
        certificate.not_valid_after_utc,
        issuers,
    )

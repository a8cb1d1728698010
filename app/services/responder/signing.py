"""Signing certificates of the responder: enrolment with a new key, renewal, and their signers."""

from __future__ import annotations

import os
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

import structlog
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from app.domain.authorities import Authority
from app.domain.commands import command_line
from app.domain.errors import KeyStorageError, Refused, SealkeeperError
from app.domain.events import EventLevel
from app.domain.ids import SignerId
from app.domain.keys import EC_BITS, HashAlgorithm, KeyAlgorithm, KeySpec
from app.domain.libraries import SOFTWARE_PROVIDER
from app.domain.principals import AccountName, TemplateRight
from app.domain.progress import Silent
from app.domain.responder import (
    RevocationConfiguration,
    SignerState,
    SigningCertificate,
    SigningFlag,
)
from app.domain.services import ServiceName
from app.domain.templates import Template
from app.hsm.private_key import private_key
from app.pki.signatures import SigningKey, signing_hash
from app.pki.signing_certificate import check_signing_certificate
from app.services.authority.access import template_rights
from app.services.authority.enrollment import SubmitRequest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from app.domain.ids import ConfigurationId
    from app.domain.keys import KeyDescription, KeyProvider, TokenIdentity
    from app.domain.progress import Progress
    from app.services.authority.context import AuthorityContext
    from app.services.authority.enrollment import EnrollmentService

log = structlog.get_logger()

SOURCE = "Online Responder"
#: Longer than generating the slowest key and issuing may take.
LEASE = timedelta(minutes=10)
#: Seconds to wait for another enrolment of the same configuration, and between two looks.
PATIENCE = 60.0
LOOK_AGAIN = 0.1
#: As far back as the same failure is looked for in the event log.
EVENTS_SEEN = 200


@dataclass(frozen=True, slots=True)
class _Enrolment:
    """The records that one enrolment reads at its beginning."""

    configuration: RevocationConfiguration
    authority: Authority
    template: Template
    account: AccountName
    current: SigningCertificate | None


class SigningCertificateService:
    """Enrolls and renews signing certificates; call it from task threads."""

    def __init__(self, context: AuthorityContext, enrollment: EnrollmentService) -> None:
        self._context = context
        self._enrollment = enrollment
        self._enrolling = threading.Lock()

    def enroll(
        self, configuration_id: ConfigurationId, progress: Progress | None = None
    ) -> SigningCertificate:
        """Generate a new key, get a certificate for it from the CA, prove it, make it current.

        The earlier certificate stays current until the new one has signed and been verified.
        A key without a certificate is deleted again.

        Raises:
            Refused: a permission or the issuing of the template is missing, or another process
                has been enrolling for this configuration for too long.
            KeyStorageError: the token could not make or use the key.
        """
        with self._alone(configuration_id, PATIENCE):
            return self._enroll_recorded(configuration_id, progress)

    def enroll_if_due(
        self, configuration_id: ConfigurationId, progress: Progress | None = None
    ) -> SigningCertificate | None:
        """The same, unless somebody has done it meanwhile; then the current one, or None.

        Raises:
            Refused, KeyStorageError: as `enroll`.
        """
        with self._alone(configuration_id, PATIENCE):
            with self._context.database.read() as tx:
                configuration = tx.configurations.get(configuration_id)
                current = tx.signers.current(configuration_id)
            if not self.renewal_due(configuration):
                return current
            return self._enroll_recorded(configuration_id, progress)

    def maintain(self) -> int:
        """Enroll where no signing certificate is and renew where the renewal period has begun.

        A configuration that fails does not keep the others from their turn; why it failed stands in
        the event log and in its status.

        Returns:
            How many certificates were enrolled.
        """
        with self._context.database.read() as tx:
            configurations = tx.configurations.all()
        enrolled = 0
        for configuration in configurations:
            automatic = SigningFlag.AUTO_ENROLL in configuration.signing_flags
            if not automatic or not self.renewal_due(configuration):
                continue
            with self._context.database.read() as tx:
                before = tx.signers.current(configuration.id)
            try:
                after = self.enroll_if_due(configuration.id)
            except SealkeeperError as error:
                log.warning(
                    "a signing certificate could not be enrolled",
                    configuration=configuration.name,
                    error=error.one_line(),
                )
                continue
            enrolled += after is not None and (before is None or after.id != before.id)
        return enrolled

    def renewal_due(self, configuration: RevocationConfiguration) -> bool:
        """Whether its signing certificate is missing or in its renewal period."""
        with self._context.database.read() as tx:
            current = tx.signers.current(configuration.id)
            template = tx.templates.get(configuration.template)
        if current is None:
            return True
        at = renewal_time(current, template)
        return at is not None and self._context.clock.now() >= at

    # --- parts ----------------------------------------------------------------------------------

    @contextmanager
    def _alone(self, configuration_id: ConfigurationId, patience: float) -> Iterator[None]:
        """Nobody else enrolls for this configuration meanwhile, in this process or another."""
        lease, database = f"signer/{configuration_id}", self._context.database
        holder = database.holder
        until = time.monotonic() + patience
        with self._enrolling:
            while True:
                with database.write() as tx:
                    free = tx.leases.acquire(lease, holder, LEASE)
                if free:
                    break
                if time.monotonic() > until:
                    raise Refused(
                        "Another process enrolls a signing certificate for this configuration.",
                        remedy="Try again in a moment.",
                    )
                time.sleep(LOOK_AGAIN)
            try:
                yield
            finally:
                with database.write() as tx:
                    tx.leases.release(lease, holder)

    def _enroll_recorded(
        self, configuration_id: ConfigurationId, progress: Progress | None
    ) -> SigningCertificate:
        try:
            return self._enroll(self._read(configuration_id), progress or Silent())
        except SealkeeperError as error:
            self._failed(configuration_id, error)
            raise

    def _read(self, configuration_id: ConfigurationId) -> _Enrolment:
        with self._context.database.read() as tx:
            configuration = tx.configurations.get(configuration_id)
            template = tx.templates.get(configuration.template)
            authority = tx.authorities.get(configuration.authority_id)
            account = tx.services.get(ServiceName.ONLINE_RESPONDER).log_on_as
            current = tx.signers.current(configuration_id)
        if template is None:
            raise Refused(
                f"The template {configuration.template} of this configuration does not exist.",
                remedy="Choose another template in the configuration's properties.",
            )
        return _Enrolment(configuration, authority, template, account, current)

    def _enroll(self, enrolment: _Enrolment, progress: Progress) -> SigningCertificate:
        # Before a key is made: the schedule tries again and again.
        self._require_autoenroll(enrolment)
        self._require_issuing(enrolment)
        provider = self._provider(enrolment)
        spec = _spec(enrolment.template, provider)
        now = self._context.clock.now()
        label = f"OCSPSvc\\{enrolment.configuration.name} {now:%Y-%m-%d %H:%M:%S}"
        progress.report(f"Generating an {spec} key in {provider.name}…")
        pair = provider.generate(spec, f"{label} {os.urandom(2).hex()}")
        recorded = False
        try:
            certificate = self._certificate(enrolment, provider, pair, progress)
            signer = self._record(enrolment, pair, certificate)
            recorded = True
        finally:
            if not recorded:
                _discard(provider, pair)
        return signer

    def _require_autoenroll(self, enrolment: _Enrolment) -> None:
        """Auto-enrolment needs the permission Autoenroll besides Enroll, as on Windows."""
        identity = self._identity(enrolment.account)
        rights = template_rights(self._context.directory, enrolment.template.permissions, identity)
        missing = [
            word
            for word, right in (
                ("enroll", TemplateRight.ENROLL),
                ("autoenroll", TemplateRight.AUTOENROLL),
            )
            if right not in rights
        ]
        if missing:
            words = " and ".join(word.capitalize() for word in missing)
            raise Refused(
                f"{identity} may not enroll automatically for the template "
                f"{enrolment.template.display_name}.",
                cause=f"The permission {words} is missing.",
                remedy="Grant it: "
                + command_line(
                    *("template", "permit", enrolment.template.name),
                    *(str(identity), "+read,enroll,autoenroll"),
                ),
            )

    def _require_issuing(self, enrolment: _Enrolment) -> None:
        """The CA takes the request and needs nobody's approval for it."""
        self._enrollment.require_acceptance(
            enrolment.authority, enrolment.template, self._identity(enrolment.account)
        )
        if enrolment.template.manager_approval:
            raise Refused(
                "Requests for the signing certificate would be pending.",
                cause=f"The template {enrolment.template.display_name} asks for the approval of a "
                "CA certificate manager.",
                remedy="Clear “CA certificate manager approval” in the template: a responder "
                "that renews itself cannot wait.",
            )

    def _identity(self, account: AccountName) -> AccountName:
        return self._context.directory.network_identity(account)

    def _provider(self, enrolment: _Enrolment) -> KeyProvider:
        bare = (
            enrolment.configuration.provider
            or next(iter(enrolment.template.providers), "")
            or enrolment.authority.provider.rpartition("#")[2]
        )
        allowed = enrolment.template.providers
        if allowed and bare not in allowed:
            raise Refused(
                f"The template {enrolment.template.display_name} does not allow keys in {bare}.",
                cause=f"It allows {', '.join(allowed)}.",
                remedy="Choose one of these in the configuration, or change the template.",
            )
        return self._context.key_access.open_provider(
            bare, self._token(enrolment, bare), enrolment.account
        )

    def _token(self, enrolment: _Enrolment, bare: str) -> TokenIdentity | None:
        """The token of the current key, else the CA's, where the account may open it."""
        if bare == SOFTWARE_PROVIDER:
            return None
        locators = [enrolment.current.key] if enrolment.current else []
        locators.append(enrolment.authority.key)
        with self._context.database.read() as tx:
            for locator in locators:
                if locator.token and tx.registrations.find(locator.token, enrolment.account):
                    return locator.token
        return None

    def _certificate(
        self,
        enrolment: _Enrolment,
        provider: KeyProvider,
        pair: KeyDescription,
        progress: Progress,
    ) -> bytes:
        progress.report("Requesting the signing certificate…")
        key = private_key(provider, pair.locator)
        name = x509.Name(
            [x509.NameAttribute(NameOID.COMMON_NAME, self._context.directory.host.lower())]
        )
        submission = self._enrollment.submit(
            SubmitRequest(
                authority_id=enrolment.authority.id,
                request=_request(name, key, enrolment.template.request_hash),
                attributes=(("CertificateTemplate", enrolment.template.name),),
                requester=self._identity(enrolment.account),
            )
        )
        if submission.certificate is None:  # the template was changed meanwhile
            raise Refused(f"The request {submission.row.id} for the signing certificate waits.")
        progress.report("Proving the new signing certificate…")
        problems = check_signing_certificate(
            submission.certificate,
            enrolment.authority.certificate,
            self._context.clock.now(),
        )
        if problems:
            raise Refused(
                "The certificate that was issued cannot sign OCSP answers.",
                cause=" ".join(problems),
                remedy="Correct the template.",
            )
        return submission.certificate

    def _record(
        self, enrolment: _Enrolment, pair: KeyDescription, certificate: bytes
    ) -> SigningCertificate:
        parsed = x509.load_der_x509_certificate(certificate)
        name = enrolment.configuration.name
        with self._context.database.write() as tx:
            signer = tx.signers.add(
                SigningCertificate(
                    id=SignerId(0),
                    configuration_id=enrolment.configuration.id,
                    certificate=certificate,
                    key=pair.locator,
                    state=SignerState.EARLIER,
                    enrolled_at=self._context.clock.now(),
                    not_before=parsed.not_valid_before_utc,
                    not_after=parsed.not_valid_after_utc,
                )
            )
            tx.signers.make_current(signer.id)
            tx.events.add(
                EventLevel.INFORMATION,
                SOURCE,
                5126,
                f"The signing certificate of {name} was enrolled; it is valid until "
                f"{signer.not_after:%Y-%m-%d %H:%M} UTC.",
                str(enrolment.account),
                name,
            )
            current = tx.signers.current(enrolment.configuration.id)
        if current is None:
            raise Refused(f"The configuration {name} was removed meanwhile.")
        return current

    def _failed(self, configuration_id: ConfigurationId, error: SealkeeperError) -> None:
        """Log it once: the schedule fails in the same way until somebody mends it."""
        with self._context.database.write() as tx:
            found = [c for c in tx.configurations.all() if c.id == configuration_id]
            if not found:
                return  # removed meanwhile
            name = found[0].name
            message = f"The signing certificate of {name} could not be enrolled. {error.one_line()}"
            own = (event for event in tx.events.page(EVENTS_SEEN) if event.subject == name)
            last = next(own, None)
            if last is not None and last.message == message:
                return
            account = str(self._context.caller())
            tx.events.add(EventLevel.ERROR, SOURCE, 34, message, account, name)


def _request(name: x509.Name, key: SigningKey, hash_algorithm: HashAlgorithm) -> bytes:
    """A PKCS#10 for the key, DER."""
    builder = x509.CertificateSigningRequestBuilder().subject_name(name)
    return builder.sign(key, signing_hash(hash_algorithm)).public_bytes(Encoding.DER)


def renewal_time(signer: SigningCertificate, template: Template | None) -> datetime | None:
    """When the renewal period of a signing certificate begins; None without its template."""
    return None if template is None else signer.not_after - template.renewal.length


def _spec(template: Template, provider: KeyProvider) -> KeySpec:
    """The key that a template asks for.

    Raises:
        Refused: the provider cannot make it.
    """
    bits = EC_BITS.get(template.algorithm, template.minimum_key_size)
    if template.algorithm not in provider.algorithms():
        raise Refused(
            f"{provider.name} cannot make the {template.algorithm} keys that the template "
            f"{template.display_name} asks for.",
            remedy="Choose another algorithm in the template.",
        )
    return KeySpec(template.algorithm, bits)


def signature_hash(
    configuration: RevocationConfiguration, signer: SigningCertificate
) -> HashAlgorithm:
    """The hash that answers are signed with: the configuration's, at least as strong as the key."""
    if signer.key.algorithm is KeyAlgorithm.ECDSA_P384:
        return HashAlgorithm.SHA384
    if signer.key.algorithm is KeyAlgorithm.ECDSA_P521:
        return HashAlgorithm.SHA512
    return configuration.hash_algorithm


def _discard(provider: KeyProvider, pair: KeyDescription) -> None:
    try:
        provider.delete(pair.locator)
    except KeyStorageError as error:
        log.warning("the key of a failed enrolment stays", label=pair.locator.label, error=error)

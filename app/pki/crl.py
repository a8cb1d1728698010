"""Certificate revocation lists: their times as AD CS computes them, and their bytes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from cryptography import x509

from app.domain.errors import Refused
from app.domain.requests import RevocationReason, RevokedEntry
from app.pki import der, microsoft
from app.pki.parts import certificate_parts, load_certificate, signs_with_pss
from app.pki.signatures import (
    SigningKey,
    algorithm_identifier,
    family,
    require_usable,
    sign,
    signature_matches,
    signing_hash,
    wrong_signature,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from app.domain.authorities import CrlSettings
    from app.domain.keys import HashAlgorithm

_OID_CRL_NUMBER = "2.5.29.20"
_OID_REASON = "2.5.29.21"
_OID_AUTHORITY_KEY = "2.5.29.35"
_LONGEST_COMPUTED_OVERLAP = timedelta(hours=12)


@dataclass(frozen=True, slots=True)
class CrlTimes:
    """Times of one CRL, aware UTC in whole seconds."""

    this_update: datetime
    next_update: datetime
    next_publish: datetime


def crl_times(
    now: datetime, settings: CrlSettings, ca_not_before: datetime, ca_not_after: datetime
) -> CrlTimes:
    """Times of a CRL that is published now (MS-CSRA; none lies outside the CA's own validity).

    Raises:
        Refused: the CA's certificate has expired.
    """
    now = now.astimezone(UTC).replace(microsecond=0)
    if now >= ca_not_after:
        raise Refused(
            "The certificate of the certification authority has expired, so no CRL is published.",
            remedy="Renew the CA certificate.",
        )
    skew, period = settings.clock_skew, settings.period.length
    if settings.overlap is not None:
        overlap = settings.overlap.length
    else:
        tenth = min(period / 10, _LONGEST_COMPUTED_OVERLAP)
        overlap = min(max(tenth, 1.5 * skew), period)
    next_update = (now + period + overlap + skew).replace(microsecond=0)
    return CrlTimes(
        this_update=max(now - skew, ca_not_before),
        next_update=min(next_update, ca_not_after),
        next_publish=min(now + period, ca_not_after),
    )


def build_crl(  # noqa: PLR0913 - what a CRL is made of, each named
    entries: Iterable[RevokedEntry],
    number: int,
    times: CrlTimes,
    issuer: bytes,
    key: SigningKey,
    hash_algorithm: HashAlgorithm,
    *,
    pss: bool | None = None,
) -> bytes:
    """A base CRL, DER, with its signature checked; blocks while the key signs.

    It is put together from bytes, since `cryptography`'s builder takes quadratic time.

    Args:
        entries: revoked certificates, in the order in which they are to stand.
        number: CRLNumber.
        times: from `crl_times`.
        issuer: DER of the CA's certificate.
        key: the CA's.
        hash_algorithm: for the signature; SHA-256 or better.
        pss: RSASSA-PSS instead of PKCS#1 v1.5, for RSA keys; None: as the CA signed itself.

    Raises:
        InvalidInput: SHA-1, or the CA certificate cannot be read.
        KeyStorageError: the key's holder failed, or its signature is not by the CA's key.
    """
    signing_hash(hash_algorithm)
    issuer_key = require_usable(load_certificate(issuer).public_key())
    if family(issuer_key) != family(key):
        raise wrong_signature("the new CRL")
    with_pss = signs_with_pss(issuer) if pss is None else pss
    algorithm = (family(key, pss=with_pss), hash_algorithm)
    identifier = algorithm_identifier(*algorithm)
    to_be_signed = _to_be_signed(entries, number, times, issuer, identifier)
    signature = sign(key, to_be_signed, hash_algorithm, pss=with_pss)
    if not signature_matches(issuer_key, signature, to_be_signed, algorithm):
        raise wrong_signature("the new CRL")
    return der.sequence(to_be_signed, identifier, der.bit_string(signature))


def _to_be_signed(
    entries: Iterable[RevokedEntry], number: int, times: CrlTimes, issuer: bytes, identifier: bytes
) -> bytes:
    """DER TBSCertList (RFC 5280 §5.1.2)."""
    revoked = b"".join(_entry(entry) for entry in entries)
    return der.sequence(
        der.integer(1),
        identifier,
        certificate_parts(issuer).subject,
        der.time(times.this_update),
        der.time(times.next_update),
        # RFC 5280 §5.1.2.6: absent where nothing is revoked.
        der.sequence(revoked) if revoked else b"",
        der.explicit(0, der.sequence(*_extensions(number, times, issuer))),
    )


def _reason_extension(reason: RevocationReason) -> bytes:
    # RFC 5280 §5.3.1: unspecified is left out.
    if reason is RevocationReason.UNSPECIFIED:
        return b""
    return der.sequence(der.extension(_OID_REASON, der.enumerated(reason)))


_REASON_EXTENSIONS = {reason: _reason_extension(reason) for reason in RevocationReason}


def _entry(entry: RevokedEntry) -> bytes:
    return der.sequence(
        der.integer(entry.serial),
        der.time(entry.effective),
        _REASON_EXTENSIONS[entry.reason],
    )


def _extensions(number: int, times: CrlTimes, issuer: bytes) -> tuple[bytes, ...]:
    # AuthorityKeyIdentifier with [0] IMPLICIT keyIdentifier.
    key_identifier = der.encode(0x80, certificate_parts(issuer).key_identifier)
    return (
        der.extension(_OID_AUTHORITY_KEY, der.sequence(key_identifier)),
        der.extension(microsoft.OID_CA_VERSION, _ca_version(issuer)),
        der.extension(_OID_CRL_NUMBER, der.integer(number)),
        der.extension(
            microsoft.OID_NEXT_PUBLISH, microsoft.encode_next_publish(times.next_publish)
        ),
    )


def _ca_version(issuer: bytes) -> bytes:
    """The CA version of the CA's certificate, 0.0 where it has none."""
    try:
        extension = load_certificate(issuer).extensions.get_extension_for_oid(
            x509.ObjectIdentifier(microsoft.OID_CA_VERSION)
        )
    except x509.ExtensionNotFound:
        return microsoft.encode_ca_version(0)
    return extension.value.public_bytes()

"""Certificates: built from a profile, signed, checked again, and described for rows and screens."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding

from app.domain.keys import HashAlgorithm
from app.domain.periods import Period
from app.domain.requests import CertificateSide
from app.domain.templates import KeyUsage
from app.pki import der, microsoft
from app.pki.describe import describe_certificate
from app.pki.names import name_columns
from app.pki.parts import certificate_parts, key_bits, load_certificate, signs_with_pss
from app.pki.profile import CLOCK_SKEW, IssuanceProfile
from app.pki.serials import serial_hex
from app.pki.signatures import (
    RSA_PSS,
    PublicKey,
    SigningKey,
    builder_hash,
    digest,
    family,
    hash_of,
    key_algorithm,
    public_key_der,
    public_key_text,
    read_algorithm_identifier,
    require_usable,
    signature_matches,
    wrong_signature,
)

__all__ = [
    "RootRequest",
    "build_certificate",
    "build_root",
    "certificate_side",
    "describe_certificate",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class RootRequest:
    """What a root certificate is to be.

    Attributes:
        subject: not empty.
        not_before is now minus the clock skew, not_after is now plus `validity`.
        ca_version: Microsoft's certificate index, 0 until the CA is renewed.
        path_length: None means no limit.
    """

    subject: x509.Name
    validity: Period
    now: datetime
    serial: int
    ca_version: int = 0
    path_length: int | None = None
    clock_skew: timedelta = CLOCK_SKEW


def build_root(
    request: RootRequest,
    key: SigningKey,
    hash_algorithm: HashAlgorithm,
    *,
    pss: bool = False,
) -> bytes:
    """A self-signed CA certificate, DER, with its signature checked; blocks while the key signs.

    Raises:
        InvalidInput: SHA-1.
        KeyStorageError: the key's holder failed, or its signature is wrong.
    """
    strong_hash = builder_hash(key, hash_algorithm)
    public_key = key.public_key()
    usage = frozenset({KeyUsage.DIGITAL_SIGNATURE, KeyUsage.KEY_CERT_SIGN, KeyUsage.CRL_SIGN})
    builder = (
        x509.CertificateBuilder()
        .subject_name(request.subject)
        .issuer_name(request.subject)
        .serial_number(request.serial)
        .not_valid_before(_whole(request.now - request.clock_skew))
        .not_valid_after(_whole(request.now + request.validity.length))
        .public_key(public_key)
        .add_extension(x509.BasicConstraints(ca=True, path_length=request.path_length), True)
        .add_extension(_key_usage(usage), True)
        .add_extension(_subject_key_identifier(public_key_der(public_key)), False)
        .add_extension(
            _unrecognized(
                microsoft.OID_CA_VERSION, microsoft.encode_ca_version(request.ca_version)
            ),
            False,
        )
    )
    certificate = builder.sign(
        key, strong_hash, rsa_padding=_padding(key, hash_algorithm, pss=pss)
    ).public_bytes(Encoding.DER)
    _check(certificate, certificate, public_key_der(public_key), request.serial)
    return certificate


def build_certificate(  # noqa: PLR0913 - what a certificate is made of, each named
    profile: IssuanceProfile,
    serial: int,
    issuer: bytes,
    public_key: PublicKey,
    key: SigningKey,
    hash_algorithm: HashAlgorithm,
    *,
    pss: bool | None = None,
) -> bytes:
    """A certificate, DER, with its signature checked; blocks while the key signs.

    Args:
        profile: what it says.
        serial: from `new_serial`.
        issuer: DER of the CA's certificate.
        public_key: of the holder, from the request.
        key: the CA's.
        hash_algorithm: for the signature; SHA-256 or better.
        pss: RSASSA-PSS instead of PKCS#1 v1.5, for RSA keys; None: as the CA signed itself.

    Raises:
        InvalidInput: SHA-1, or the CA certificate cannot be read.
        KeyStorageError: the key's holder failed, or its signature is not by the CA's key.
    """
    strong_hash = builder_hash(key, hash_algorithm)
    with_pss = signs_with_pss(issuer) if pss is None else pss
    holder_key = public_key_der(public_key)
    builder = (
        x509.CertificateBuilder()
        .subject_name(profile.subject)
        .issuer_name(load_certificate(issuer).subject)
        .serial_number(serial)
        .not_valid_before(profile.not_before)
        .not_valid_after(profile.not_after)
        .public_key(public_key)
    )
    for extension, critical in _extensions(profile, holder_key, issuer):
        builder = builder.add_extension(extension, critical)
    certificate = builder.sign(
        key, strong_hash, rsa_padding=_padding(key, hash_algorithm, pss=with_pss)
    ).public_bytes(Encoding.DER)
    _check(certificate, issuer, holder_key, serial)
    return certificate


def _extensions(
    profile: IssuanceProfile, holder_key: bytes, issuer: bytes
) -> list[tuple[x509.ExtensionType, bool]]:
    """Extensions and whether they are critical, in the order in which AD CS writes them."""
    found: list[tuple[x509.ExtensionType, bool]] = []
    if profile.is_ca:
        found.append((x509.BasicConstraints(ca=True, path_length=profile.path_length), True))
        found.append(
            (_unrecognized(microsoft.OID_CA_VERSION, microsoft.encode_ca_version(0)), False)
        )
    if profile.key_usage:
        found.append((_key_usage(profile.key_usage), True))
    if profile.application_policies:
        policies = [x509.ObjectIdentifier(oid) for oid in profile.application_policies]
        found.append((x509.ExtendedKeyUsage(policies), False))
    found.append((_template_extension(profile), False))
    found.append((_subject_key_identifier(holder_key), False))
    if profile.san is not None:
        # RFC 5280 §4.2.1.6: critical where the subject is empty.
        found.append((profile.san, not profile.subject.rdns))
    found.append((_authority_key_identifier(issuer), False))
    if profile.cdp_urls:
        found.append((_distribution_points(profile.cdp_urls), False))
    if profile.aia_urls or profile.ocsp_urls:
        found.append((_authority_information(profile), False))
    if profile.no_check:
        found.append((x509.OCSPNoCheck(), False))
    return found


def _template_extension(profile: IssuanceProfile) -> x509.ExtensionType:
    template = profile.template
    if template.schema_version == 1:
        value = microsoft.encode_template_name(template.name)
        return _unrecognized(microsoft.OID_TEMPLATE_NAME, value)
    oid = x509.ObjectIdentifier(template.oid)
    return x509.MSCertificateTemplate(oid, template.major_version, template.minor_version)


def _distribution_points(urls: tuple[str, ...]) -> x509.CRLDistributionPoints:
    # One point with all the places: they hold the same CRL (RFC 5280 §4.2.1.13).
    places = [x509.UniformResourceIdentifier(url) for url in urls]
    return x509.CRLDistributionPoints([x509.DistributionPoint(places, None, None, None)])


def _authority_information(profile: IssuanceProfile) -> x509.AuthorityInformationAccess:
    issuers = x509.oid.AuthorityInformationAccessOID.CA_ISSUERS
    ocsp = x509.oid.AuthorityInformationAccessOID.OCSP
    return x509.AuthorityInformationAccess(
        [
            x509.AccessDescription(method, x509.UniformResourceIdentifier(url))
            for method, urls in ((issuers, profile.aia_urls), (ocsp, profile.ocsp_urls))
            for url in urls
        ]
    )


def _subject_key_identifier(public_key: bytes) -> x509.SubjectKeyIdentifier:
    return x509.SubjectKeyIdentifier(digest(HashAlgorithm.SHA1, key_bits(public_key)))


def _authority_key_identifier(issuer: bytes) -> x509.AuthorityKeyIdentifier:
    return x509.AuthorityKeyIdentifier(certificate_parts(issuer).key_identifier, None, None)


def _unrecognized(oid: str, value: bytes) -> x509.UnrecognizedExtension:
    return x509.UnrecognizedExtension(x509.ObjectIdentifier(oid), value)


def _key_usage(usage: frozenset[KeyUsage]) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=KeyUsage.DIGITAL_SIGNATURE in usage,
        content_commitment=KeyUsage.NON_REPUDIATION in usage,
        key_encipherment=KeyUsage.KEY_ENCIPHERMENT in usage,
        data_encipherment=KeyUsage.DATA_ENCIPHERMENT in usage,
        key_agreement=KeyUsage.KEY_AGREEMENT in usage,
        key_cert_sign=KeyUsage.KEY_CERT_SIGN in usage,
        crl_sign=KeyUsage.CRL_SIGN in usage,
        encipher_only=False,
        decipher_only=False,
    )


def _whole(moment: datetime) -> datetime:
    return moment.replace(microsecond=0)


def _padding(
    key: SigningKey, hash_algorithm: HashAlgorithm, *, pss: bool
) -> padding.PSS | padding.PKCS1v15 | None:
    if not isinstance(key, rsa.RSAPrivateKey):
        return None
    if not pss:
        return padding.PKCS1v15()
    return padding.PSS(padding.MGF1(hash_of(hash_algorithm)), padding.PSS.DIGEST_LENGTH)


def _check(certificate: bytes, issuer: bytes, public_key: bytes, serial: int) -> None:
    """Read a fresh certificate again: names, key and serial as meant, signature by the issuer.

    Raises:
        KeyStorageError: anything is wrong.
    """
    parts, issuer_parts = certificate_parts(certificate), certificate_parts(issuer)
    signed, algorithm, signature = _signed_parts(certificate)
    known = read_algorithm_identifier(algorithm)
    issuer_key = require_usable(load_certificate(issuer).public_key())
    as_meant = (
        parts.issuer == issuer_parts.subject
        and parts.public_key == public_key
        and parts.serial == serial
    )
    if not as_meant or known is None or known[0] not in {family(issuer_key), RSA_PSS}:
        raise wrong_signature("the new certificate")
    if not signature_matches(issuer_key, signature, signed, known):
        raise wrong_signature("the new certificate")


def _signed_parts(certificate: bytes) -> tuple[bytes, bytes, bytes]:
    """What is signed, the AlgorithmIdentifier and the signature of a DER certificate."""
    outer = der.Reader(certificate).enter()
    return outer.read_raw(der.SEQUENCE), outer.read_raw(der.SEQUENCE), outer.bits()


def certificate_side(certificate: bytes, template_name: str) -> CertificateSide:
    """The certificate columns of a row.

    Raises:
        InvalidInput: the DER is no certificate.
    """
    loaded = load_certificate(certificate)
    parts = certificate_parts(certificate)
    public_key = loaded.public_key()
    known = key_algorithm(public_key)
    return CertificateSide(
        raw_certificate=certificate,
        serial_number=serial_hex(parts.serial),
        certificate_hash=digest(HashAlgorithm.SHA1, certificate).hex(),
        certificate_template=template_name,
        not_before=loaded.not_valid_before_utc,
        not_after=loaded.not_valid_after_utc,
        subject_key_identifier=parts.key_identifier.hex(),
        public_key_sha256=digest(HashAlgorithm.SHA256, parts.public_key).hex(),
        public_key_algorithm=public_key_text(public_key) if known is None else known[0].value,
        public_key_length=0 if known is None else known[1],
        name=name_columns(loaded.subject),
    )

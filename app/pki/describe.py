"""Certificates as readable text, field by field and extension by extension."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm

from app.domain.certificates import CertificateFacts, ExtensionFacts
from app.domain.keys import HashAlgorithm
from app.domain.templates import APPLICATION_POLICIES, policy_name
from app.pki import der, microsoft
from app.pki.names import format_name
from app.pki.parts import certificate_parts, load_certificate
from app.pki.serials import serial_hex
from app.pki.signatures import digest, public_key_text, signature_name

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

_EXTENSION_NAMES = {
    "2.5.29.14": "Subject Key Identifier",
    "2.5.29.15": "Key Usage",
    "2.5.29.17": "Subject Alternative Name",
    "2.5.29.18": "Issuer Alternative Name",
    "2.5.29.19": "Basic Constraints",
    "2.5.29.30": "Name Constraints",
    "2.5.29.31": "CRL Distribution Points",
    "2.5.29.32": "Certificate Policies",
    "2.5.29.35": "Authority Key Identifier",
    "2.5.29.37": "Enhanced Key Usage",
    "1.3.6.1.5.5.7.1.1": "Authority Information Access",
    "1.3.6.1.5.5.7.48.1.5": "OCSP No Revocation Checking",
    microsoft.OID_CA_VERSION: "CA Version",
    microsoft.OID_PREVIOUS_CA_HASH: "Previous CA Certificate Hash",
    microsoft.OID_TEMPLATE_NAME: "Certificate Template Name",
    microsoft.OID_TEMPLATE_INFORMATION: "Certificate Template Information",
    microsoft.OID_APPLICATION_POLICIES: "Application Policies",
}
_USAGES = (
    ("digital_signature", "Digital Signature"),
    ("content_commitment", "Non-Repudiation"),
    ("key_encipherment", "Key Encipherment"),
    ("data_encipherment", "Data Encipherment"),
    ("key_agreement", "Key Agreement"),
    ("key_cert_sign", "Certificate Signing"),
    ("crl_sign", "CRL Signing"),
)


def describe_certificate(
    certificate: bytes, template_names: Mapping[str, str] | None = None
) -> CertificateFacts:
    """What a DER certificate says, ready to be shown.

    Args:
        certificate: DER.
        template_names: template OID → name; without an entry the OID stands for the name.

    Raises:
        InvalidInput: the DER is no certificate.
    """
    loaded = load_certificate(certificate)
    parts = certificate_parts(certificate)
    return CertificateFacts(
        subject=format_name(loaded.subject),
        issuer=format_name(loaded.issuer),
        serial=serial_hex(parts.serial),
        not_before=loaded.not_valid_before_utc,
        not_after=loaded.not_valid_after_utc,
        signature_algorithm=signature_name(loaded.signature_algorithm_oid.dotted_string),
        public_key=_key_text(loaded),
        public_key_hex=parts.key_bits.hex(),
        sha1=digest(HashAlgorithm.SHA1, certificate).hex(),
        sha256=digest(HashAlgorithm.SHA256, certificate).hex(),
        extensions=tuple(_extensions(loaded, certificate)),
        template=_template(certificate, template_names or {}),
        is_ca=_is_ca(loaded),
    )


def _key_text(certificate: x509.Certificate) -> str:
    try:
        return public_key_text(certificate.public_key())
    except (UnsupportedAlgorithm, ValueError):
        return certificate.public_key_algorithm_oid.dotted_string


def _is_ca(certificate: x509.Certificate) -> bool:
    try:
        return certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except (x509.ExtensionNotFound, x509.DuplicateExtension, ValueError):
        return False


def _raw_extensions(certificate: bytes) -> tuple[tuple[str, bool, bytes], ...]:
    """Extensions as (identifier, critical, value), read without knowing them."""
    tbs = der.Reader(certificate).enter().enter()
    try:
        while tbs.tag != der.CONTEXT_3:
            if tbs.at_end:
                return ()
            tbs.read_raw()
        return tbs.enter(der.CONTEXT_3).extensions()
    except der.DerError:
        return ()


def _template(certificate: bytes, names: Mapping[str, str]) -> str:
    for oid, _, value in _raw_extensions(certificate):
        if oid == microsoft.OID_TEMPLATE_NAME:
            return microsoft.read_text(value)
        information = oid == microsoft.OID_TEMPLATE_INFORMATION
        found = microsoft.read_template_information(value) if information else None
        if found is not None:
            return names.get(found[0], found[0])
    return ""


def _extensions(certificate: x509.Certificate, raw: bytes) -> Iterator[ExtensionFacts]:
    try:
        parsed = {item.oid.dotted_string: item.value for item in certificate.extensions}
    except (ValueError, x509.DuplicateExtension, x509.UnsupportedGeneralNameType):
        parsed = {}  # one of them is malformed: all are shown in hex then
    for oid, critical, value in _raw_extensions(raw):
        text = _microsoft(oid, value) or _known(parsed.get(oid)) or value.hex(" ")
        yield ExtensionFacts(oid, _EXTENSION_NAMES.get(oid, oid), critical, text)


def _microsoft(oid: str, value: bytes) -> str:
    """Text of Microsoft's extensions, "" for others."""
    if oid == microsoft.OID_TEMPLATE_NAME:
        return microsoft.read_text(value)
    if oid == microsoft.OID_TEMPLATE_INFORMATION:
        found = microsoft.read_template_information(value)
        return "" if found is None else f"Template {found[0]}, version {found[1]}.{found[2]}"
    if oid == microsoft.OID_CA_VERSION:
        found_version = microsoft.read_ca_version(value)
        return "" if found_version is None else f"V{found_version[0]}.{found_version[1]}"
    return ""


def _known(value: object) -> str:
    for kind, reader in _READERS:
        if isinstance(value, kind):
            return reader(value)
    return ""


def _basic_constraints(value: x509.BasicConstraints) -> str:
    if not value.ca:
        return "End entity"
    limit = "no limit" if value.path_length is None else str(value.path_length)
    return f"Certification authority\nPath length: {limit}"


def _key_usage(value: x509.KeyUsage) -> str:
    return "\n".join(label for field, label in _USAGES if getattr(value, field))


def _purposes(value: x509.ExtendedKeyUsage) -> str:
    oids = [purpose.dotted_string for purpose in value]
    return "\n".join(
        f"{policy_name(oid)} ({oid})" if oid in APPLICATION_POLICIES else oid for oid in oids
    )


def _names(value: Iterable[x509.GeneralName]) -> str:
    return "\n".join(_general_name(name) for name in value)


def _general_name(name: x509.GeneralName) -> str:
    if isinstance(name, x509.DirectoryName):
        return f"Directory name: {format_name(name.value)}"
    if isinstance(name, x509.OtherName):
        text = microsoft.read_text(name.value)
        is_upn = name.type_id.dotted_string == microsoft.OID_UPN
        kind = "Principal name" if is_upn else name.type_id.dotted_string
        return f"{kind}: {text or name.value.hex(' ')}"
    label = {
        x509.DNSName: "DNS name",
        x509.RFC822Name: "E-mail",
        x509.UniformResourceIdentifier: "URL",
        x509.IPAddress: "IP address",
    }.get(type(name), "Name")
    return f"{label}: {name.value}"


def _distribution_points(value: x509.CRLDistributionPoints) -> str:
    return "\n".join(_names(point.full_name or ()) for point in value)


def _authority_information(value: x509.AuthorityInformationAccess) -> str:
    ocsp = x509.oid.AuthorityInformationAccessOID.OCSP
    return "\n".join(
        f"{'OCSP' if item.access_method == ocsp else 'Certification authority issuer'}: "
        f"{_general_name(item.access_location)}"
        for item in value
    )


def _authority_key(value: x509.AuthorityKeyIdentifier) -> str:
    return (value.key_identifier or b"").hex(" ")


def _policies(value: x509.CertificatePolicies) -> str:
    return "\n".join(policy.policy_identifier.dotted_string for policy in value)


_READERS: tuple[tuple[type, Callable[[Any], str]], ...] = (
    (x509.BasicConstraints, _basic_constraints),
    (x509.KeyUsage, _key_usage),
    (x509.ExtendedKeyUsage, _purposes),
    (x509.SubjectAlternativeName, _names),
    (x509.IssuerAlternativeName, _names),
    (x509.CRLDistributionPoints, _distribution_points),
    (x509.AuthorityInformationAccess, _authority_information),
    (x509.SubjectKeyIdentifier, lambda value: value.digest.hex(" ")),
    (x509.AuthorityKeyIdentifier, _authority_key),
    (x509.CertificatePolicies, _policies),
    (x509.OCSPNoCheck, lambda _: "Yes"),
)

"""Microsoft's identifiers and the encodings of its certificate and CRL extensions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from asn1crypto import core

from app.pki import der

if TYPE_CHECKING:
    from datetime import datetime

OID_CA_VERSION = "1.3.6.1.4.1.311.21.1"
OID_PREVIOUS_CA_HASH = "1.3.6.1.4.1.311.21.2"
OID_NEXT_PUBLISH = "1.3.6.1.4.1.311.21.4"
OID_TEMPLATE_INFORMATION = "1.3.6.1.4.1.311.21.7"
OID_APPLICATION_POLICIES = "1.3.6.1.4.1.311.21.10"
OID_TEMPLATE_NAME = "1.3.6.1.4.1.311.20.2"
OID_UPN = "1.3.6.1.4.1.311.20.2.3"
OID_NAME_VALUE_PAIR = "1.3.6.1.4.1.311.13.2.1"
_BMP_STRING = 0x1E


def encode_ca_version(certificate_index: int, key_index: int = 0) -> bytes:
    """Value of the CA version extension: key index above, certificate index in the low 16 bits."""
    return der.integer(key_index << 16 | certificate_index)


def read_ca_version(value: bytes) -> tuple[int, int] | None:
    """Certificate index and key index; None when the value is something else."""
    try:
        version = der.Reader(value).integer()
    except der.DerError:
        return None
    return version & 0xFFFF, version >> 16


def encode_template_name(name: str) -> bytes:
    """Value of the template name extension of version 1 templates, a BMPString."""
    return der.encode(_BMP_STRING, name.encode("utf-16-be"))


def encode_next_publish(moment: datetime) -> bytes:
    """Value of the Next CRL Publish extension."""
    return der.time(moment)


def read_text(value: bytes) -> str:
    """Any ASN.1 character string; "" when it is none."""
    try:
        decoded = core.load(value, strict=True).native
    except (ValueError, TypeError):
        return ""
    return decoded if isinstance(decoded, str) else ""


def read_template_information(value: bytes) -> tuple[str, int, int] | None:
    """Template OID, major and minor version; None when the value is something else."""
    try:
        info = der.Reader(value).enter()
        oid = info.object_identifier()
        major = 0 if info.at_end else info.integer()
        minor = 0 if info.at_end else info.integer()
    except der.DerError:
        return None
    return oid, major, minor


def read_name_value_pair(value: bytes) -> tuple[str, str] | None:
    """Name and value of an enrolment attribute (MS-WCCE 2.2.2.7.10); None for something else."""
    try:
        pair = der.Reader(value).enter()
        name, text = read_text(pair.read_raw()), read_text(pair.read_raw())
    except der.DerError:
        return None
    return (name, text) if name else None

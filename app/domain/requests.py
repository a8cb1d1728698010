"""Rows of the certification authority's database, with the columns of AD CS."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum, StrEnum

from app.domain.ids import AuthorityId, RequestId


class Disposition(IntEnum):
    """Request.Disposition of AD CS."""

    ACTIVE = 8
    PENDING = 9
    CA_CERTIFICATE = 15
    ISSUED = 20
    REVOKED = 21
    FAILED = 30
    DENIED = 31


class RevocationReason(IntEnum):
    """CRLReason (RFC 5280 §5.3.1)."""

    UNSPECIFIED = 0
    KEY_COMPROMISE = 1
    CA_COMPROMISE = 2
    AFFILIATION_CHANGED = 3
    SUPERSEDED = 4
    CESSATION_OF_OPERATION = 5
    CERTIFICATE_HOLD = 6

    @property
    def label(self) -> str:
        """As the console of AD CS words it."""
        return _REASON_LABELS[self]


_REASON_LABELS = {
    RevocationReason.UNSPECIFIED: "Unspecified",
    RevocationReason.KEY_COMPROMISE: "Key Compromise",
    RevocationReason.CA_COMPROMISE: "CA Compromise",
    RevocationReason.AFFILIATION_CHANGED: "Change of Affiliation",
    RevocationReason.SUPERSEDED: "Superseded",
    RevocationReason.CESSATION_OF_OPERATION: "Cease of Operation",
    RevocationReason.CERTIFICATE_HOLD: "Certificate Hold",
}


@dataclass(frozen=True, slots=True)
class NameColumns:
    """Subject columns of a request or certificate; "" where the name has none."""

    distinguished_name: str = ""
    common_name: str = ""
    organization: str = ""
    org_unit: str = ""
    country: str = ""
    locality: str = ""
    state: str = ""
    email: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestSide:
    """What was asked: the request side of a row.

    Attributes:
        raw_request: DER PKCS#10, b"" for a certificate that the CA made itself.
        attributes: (name, value) as given with the request, such as CertificateTemplate.
        template: template name that was asked for, "" when none was.
    """

    authority_id: AuthorityId
    raw_request: bytes
    attributes: tuple[tuple[str, str], ...]
    template: str
    requester_name: str
    caller_name: str
    submitted_when: datetime
    name: NameColumns


@dataclass(frozen=True, slots=True, kw_only=True)
class CertificateSide:
    """What was issued: the certificate side of a row.

    Attributes:
        raw_certificate: DER.
        serial_number: lower-case hex without separators, an even number of digits.
        certificate_hash: SHA-1 of the DER, lower-case hex.
        subject_key_identifier: lower-case hex.
        public_key_sha256: of the SubjectPublicKeyInfo, lower-case hex.
    """

    raw_certificate: bytes
    serial_number: str
    certificate_hash: str
    certificate_template: str
    not_before: datetime
    not_after: datetime
    subject_key_identifier: str
    public_key_sha256: str
    public_key_algorithm: str
    public_key_length: int
    name: NameColumns


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestRow:
    """One row without its blobs: what lists show.

    `serial_number` is set as soon as it is reserved, before the signature; the other
    certificate columns are empty or None until the certificate is issued. `status_code` is an
    HRESULT as AD CS stores it, 0 when all is well.
    """

    id: RequestId
    authority_id: AuthorityId
    disposition: Disposition
    disposition_message: str
    status_code: int
    submitted_when: datetime
    resolved_when: datetime | None
    requester_name: str
    caller_name: str
    template: str
    request_name: NameColumns
    serial_number: str
    certificate_hash: str
    certificate_template: str
    not_before: datetime | None
    not_after: datetime | None
    subject_key_identifier: str
    public_key_sha256: str
    public_key_algorithm: str
    public_key_length: int
    issued_name: NameColumns
    revoked_when: datetime | None
    revoked_effective_when: datetime | None
    revoked_reason: RevocationReason | None


@dataclass(frozen=True, slots=True)
class RevokedEntry:
    """One revoked certificate for a CRL: serial as a number, effective time, reason."""

    serial: int
    effective: datetime
    reason: RevocationReason


def serial_text(serial: int) -> str:
    """A positive serial as every record keeps it: lower-case hex, an even number of digits."""
    digits = f"{serial:x}"
    return digits.zfill(len(digits) + len(digits) % 2)


class RequestSort(StrEnum):
    """Columns that a list of requests can be sorted by; rows that tie follow their id."""

    ID = "id"
    COMMON_NAME = "common name"
    REQUESTER = "requester"
    TEMPLATE = "template"
    SERIAL_NUMBER = "serial number"
    SUBMITTED = "submitted"
    RESOLVED = "resolved"
    NOT_BEFORE = "not before"
    NOT_AFTER = "not after"
    REVOKED = "revoked"
    REVOKED_EFFECTIVE = "revoked effective"
    REVOKED_REASON = "revoked reason"
    DISPOSITION = "disposition"


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestQuery:
    """Which rows of a CA a list shows, and in which order.

    Attributes:
        dispositions: rows in one of these; empty means all.
        text: part of the common name, requester, serial or template; "" means all.
    """

    authority_id: AuthorityId
    dispositions: frozenset[Disposition] = frozenset()
    text: str = ""
    sort: RequestSort = RequestSort.ID
    descending: bool = True

"""Revocation configurations, signing certificates and the responder's interfaces."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import Flag, StrEnum
from typing import TYPE_CHECKING, Protocol

from app.domain.ids import AuthorityId, ConfigurationId, SignerId
from app.domain.keys import HashAlgorithm, KeyLocator
from app.domain.periods import Period, PeriodUnit
from app.domain.requests import RevocationReason

if TYPE_CHECKING:
    from collections.abc import Awaitable


class SigningFlag(Flag):
    """SigningFlags of the Online Responder, with Microsoft's bit values."""

    NONE = 0
    SILENT = 0x001
    USE_CA_CERTIFICATE = 0x002
    AUTO_RENEWAL = 0x004
    FORCE_ISSUER_IS_CA = 0x008
    AUTO_DISCOVER = 0x010
    MANUAL_ASSIGN = 0x020
    RESPONDER_ID_KEY_HASH = 0x040
    RESPONDER_ID_NAME = 0x080
    ALLOW_NONCE = 0x100
    AUTO_ENROLL = 0x200


DEFAULT_SIGNING_FLAGS = (
    SigningFlag.AUTO_RENEWAL
    | SigningFlag.FORCE_ISSUER_IS_CA
    | SigningFlag.AUTO_DISCOVER
    | SigningFlag.RESPONDER_ID_KEY_HASH
    | SigningFlag.ALLOW_NONCE
    | SigningFlag.AUTO_ENROLL
)


ONE_HOUR = Period(1, PeriodUnit.HOURS)


@dataclass(frozen=True, slots=True, kw_only=True)
class RevocationConfiguration:
    """Settings to answer for the certificates of one CA key.

    Attributes:
        name: unique without regard to case.
        authority_id: the CA of ours that it answers for, from its database.
        ca_certificate: DER.
        template: name of the template that the signing certificate is enrolled from.
        provider: bare provider name for the signing key; "" takes the template's first.
        answer_validity: nextUpdate minus thisUpdate of an answer.
    """

    id: ConfigurationId
    name: str
    authority_id: AuthorityId
    ca_certificate: bytes
    signing_flags: SigningFlag
    template: str
    hash_algorithm: HashAlgorithm = HashAlgorithm.SHA256
    provider: str = ""
    answer_validity: Period = ONE_HOUR


class SignerState(StrEnum):
    """Life of a signing certificate."""

    CURRENT = "current"
    EARLIER = "earlier"


@dataclass(frozen=True, slots=True, kw_only=True)
class SigningCertificate:
    """A signing certificate of a configuration; `certificate` is DER.

    `key_retired_at` is when its key was deleted because the certificate was past; None before.
    """

    id: SignerId
    configuration_id: ConfigurationId
    certificate: bytes
    key: KeyLocator
    state: SignerState
    enrolled_at: datetime
    not_before: datetime
    not_after: datetime
    key_retired_at: datetime | None = None


class CertificateStatus(StrEnum):
    """CertStatus (RFC 6960 §4.2.1)."""

    GOOD = "good"
    REVOKED = "revoked"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class StatusAnswer:
    """What is known of one serial now.

    `changes_at` is when the answer changes with the clock alone: a revocation that takes effect
    later; no answer may be valid beyond it.
    """

    status: CertificateStatus
    revoked_at: datetime | None = None
    reason: RevocationReason | None = None
    changes_at: datetime | None = None


class RevocationSource(Protocol):
    """Tells the status of serials of one CA; called from the responder's executor threads."""

    def status(self, authority_id: AuthorityId, serial: int, at: datetime) -> StatusAnswer:
        """Status of that serial at that time; never cached."""
        ...

    def position(self) -> int:
        """Number of the last change that `status` has seen at the least (see Change)."""
        ...


class ResponseSigner(Protocol):
    """Signs answers for one configuration; used on the responder's loop."""

    @property
    def certificate(self) -> bytes:
        """DER of the delegated signing certificate (or the CA's)."""
        ...

    @property
    def padding_and_hash(self) -> tuple[str, HashAlgorithm]:
        """Signature algorithm family (`RSA` or `ECDSA`) and the hash."""
        ...

    def sign(self, to_be_signed: bytes) -> Awaitable[bytes]:
        """Signature over the DER of ResponseData, as X.509 wants it."""
        ...

"""Joins keys with the certificates that were issued for them, and tells which are past."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING

from cryptography import x509

from app.domain.ids import SignerId
from app.domain.requests import serial_text
from app.domain.responder import SignerState
from app.pki.names import format_name

if TYPE_CHECKING:
    from app.store.database import Transaction


class CertificateState(StrEnum):
    """What a certificate is to its owner now; only an expired one is past."""

    CURRENT = "current"
    EARLIER = "earlier"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True)
class KeyCertificate:
    r"""One certificate whose private key is a key pair of ours.

    Attributes:
        owner: `CA Test-CA` or `OCSPSvc\Test`.
        serial: lower-case hex.
        subject: its distinguished name.
        state: `EXPIRED` for an earlier one whose time is over; the current one of a CA or of a
            configuration stays `CURRENT`, also when it has expired.
        certificate: DER.
        signer_id: of the responder's signing certificate; None for a CA's.
    """

    owner: str
    serial: str
    subject: str
    not_before: datetime
    not_after: datetime
    state: CertificateState
    certificate: bytes = field(repr=False)
    signer_id: SignerId | None = None

    @property
    def past(self) -> bool:
        """Whether nothing needs its key any more."""
        return self.state is CertificateState.EXPIRED


def certificates_of_keys(tx: Transaction, now: datetime) -> dict[str, tuple[KeyCertificate, ...]]:
    """All certificates of ours by SHA-256 of the public key (hex), the current ones first.

    Keys that were retired are left out: their certificates stay, but no key belongs to them.
    """
    found: dict[str, list[KeyCertificate]] = {}
    for authority in tx.authorities.all():
        found.setdefault(authority.key.public_key_sha256, []).append(
            _read(f"CA {authority.name}", authority.certificate, CertificateState.CURRENT)
        )
    for configuration in tx.configurations.all():
        for signer in tx.signers.all(configuration.id):
            if signer.key_retired_at is None:
                state = _state(signer.state, signer.not_after, now)
                owner = f"OCSPSvc\\{configuration.name}"
                found.setdefault(signer.key.public_key_sha256, []).append(
                    _read(owner, signer.certificate, state, signer.id)
                )
    order = list(CertificateState)
    return {
        key: tuple(sorted(rows, key=lambda row: order.index(row.state)))
        for key, rows in found.items()
    }


def _state(state: SignerState, not_after: datetime, now: datetime) -> CertificateState:
    if state is SignerState.CURRENT:
        return CertificateState.CURRENT
    return CertificateState.EXPIRED if not_after < now else CertificateState.EARLIER


def _read(
    owner: str, der: bytes, state: CertificateState, signer_id: SignerId | None = None
) -> KeyCertificate:
    certificate = x509.load_der_x509_certificate(der)
    return KeyCertificate(
        owner=owner,
        serial=serial_text(certificate.serial_number),
        subject=format_name(certificate.subject),
        not_before=certificate.not_valid_before_utc,
        not_after=certificate.not_valid_after_utc,
        state=state,
        certificate=der,
        signer_id=signer_id,
    )

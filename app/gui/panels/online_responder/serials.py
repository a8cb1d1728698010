"""The serial number of a signing certificate."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from cryptography import x509

from app.pki.serials import serial_hex

if TYPE_CHECKING:
    from app.domain.responder import SigningCertificate


@lru_cache(maxsize=256)
def _serial(der: bytes) -> str:
    return serial_hex(x509.load_der_x509_certificate(der).serial_number)


def serial_of(signer: SigningCertificate) -> str:
    """Its serial number in hex."""
    return _serial(signer.certificate)

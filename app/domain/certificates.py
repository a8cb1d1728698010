"""What a certificate says, ready to be shown."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class ExtensionFacts:
    """One extension: its identifier, its name, and its value as readable lines."""

    oid: str
    name: str
    critical: bool
    text: str


@dataclass(frozen=True, slots=True)
class CertificateFacts:
    """A certificate's fields as text; times are aware UTC, serial and thumbprints lower-case hex.

    Attributes:
        public_key: algorithm and size, for example `RSA 2048` or `ECDSA P-256`.
        public_key_hex: the SubjectPublicKeyInfo's key bits in hex.
        template: name from Microsoft's template extension, or "".
    """

    subject: str
    issuer: str
    serial: str
    not_before: datetime
    not_after: datetime
    signature_algorithm: str
    public_key: str
    public_key_hex: str
    sha1: str
    sha256: str
    extensions: tuple[ExtensionFacts, ...]
    template: str
    is_ca: bool
    version: int = 3

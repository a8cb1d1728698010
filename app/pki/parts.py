"""The exact bytes inside a certificate: names and keys as their issuer encoded them."""

from __future__ import annotations

from dataclasses import dataclass

from cryptography import x509
from cryptography.x509.oid import SignatureAlgorithmOID

from app.domain.errors import InvalidInput
from app.domain.keys import HashAlgorithm
from app.pki import der
from app.pki.signatures import digest


@dataclass(frozen=True, slots=True)
class CertificateParts:
    """Parts of a certificate as raw DER.

    Attributes:
        subject / issuer: DER of the names.
        public_key: DER SubjectPublicKeyInfo.
        key_bits: content of its BIT STRING, which key identifiers are hashes of.
    """

    serial: int
    issuer: bytes
    subject: bytes
    public_key: bytes
    key_bits: bytes

    @property
    def key_identifier(self) -> bytes:
        """SHA-1 of the key bits (RFC 5280 §4.2.1.2, method 1)."""
        return digest(HashAlgorithm.SHA1, self.key_bits)


def certificate_parts(certificate: bytes) -> CertificateParts:
    """Take a DER certificate apart.

    Raises:
        InvalidInput: it is none.
    """
    try:
        outer = der.Reader(certificate)
        body = outer.enter()
        outer.finish()
        tbs = body.enter()
        if tbs.tag == der.CONTEXT_0:
            tbs.read_raw()
        serial = tbs.integer()
        tbs.read_raw(der.SEQUENCE)
        issuer = tbs.read_raw(der.SEQUENCE)
        tbs.read_raw(der.SEQUENCE)
        subject = tbs.read_raw(der.SEQUENCE)
        public_key = tbs.read_raw(der.SEQUENCE)
    except der.DerError as error:
        raise _no_certificate(str(error)) from None
    return CertificateParts(serial, issuer, subject, public_key, key_bits(public_key))


def key_bits(public_key: bytes) -> bytes:
    """Content of the BIT STRING of a DER SubjectPublicKeyInfo.

    Raises:
        InvalidInput: it is none.
    """
    try:
        info = der.Reader(public_key).enter()
        info.read_raw(der.SEQUENCE)
        return info.bits()
    except der.DerError as error:
        raise InvalidInput("This is not a public key.", detail=str(error)) from None


def load_certificate(certificate: bytes) -> x509.Certificate:
    """Parse a DER certificate.

    Raises:
        InvalidInput: it is none.
    """
    try:
        return x509.load_der_x509_certificate(certificate)
    except ValueError as error:
        raise _no_certificate(str(error)) from None


def _no_certificate(detail: str) -> InvalidInput:
    return InvalidInput(
        "This is not a certificate.",
        cause="The bytes cannot be read as an X.509 certificate.",
        remedy="Choose a certificate file in DER or PEM form.",
        detail=detail,
    )


def signs_with_pss(certificate: bytes) -> bool:
    """Whether a CA signed its own certificate with RSASSA-PSS, so what it issues is signed alike.

    Raises:
        InvalidInput: it is no certificate.
    """
    loaded = load_certificate(certificate)
    pss = loaded.signature_algorithm_oid == SignatureAlgorithmOID.RSASSA_PSS
    return pss and loaded.issuer == loaded.subject

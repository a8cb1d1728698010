"""A certification authority made with cryptography alone: the alternatives' side of the scales."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey
PublicKey = ec.EllipticCurvePublicKey | rsa.RSAPublicKey


@dataclass(frozen=True, slots=True)
class Authority:
    """Its key, its certificate, and the PEM file of that."""

    key: Key
    certificate: x509.Certificate
    file: Path


def named(name: str) -> x509.Name:
    """A subject."""
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def certificate_for(public_key: PublicKey, subject: str, serial: int) -> x509.CertificateBuilder:
    """What all certificates here have in common; issuer and extensions are still missing."""
    now = datetime.now(UTC).replace(microsecond=0)
    return (
        x509.CertificateBuilder()
        .subject_name(named(subject))
        .public_key(public_key)
        .serial_number(serial)
        .not_valid_before(now - timedelta(minutes=10))
        .not_valid_after(now + timedelta(days=30))
    )


def make_authority(folder: Path, key: Key) -> Authority:
    """A root."""
    made = (
        certificate_for(key.public_key(), "Measured CA", 1)
        .issuer_name(named("Measured CA"))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(
            x509.KeyUsage(
                digital_signature=True,
                key_cert_sign=True,
                crl_sign=True,
                content_commitment=False,
                key_encipherment=False,
                data_encipherment=False,
                key_agreement=False,
                encipher_only=False,
                decipher_only=False,
            ),
            critical=True,
        )
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    file = folder / "measured-ca.pem"
    file.write_bytes(made.public_bytes(Encoding.PEM))
    return Authority(key, made, file)


def signing_certificate(authority: Authority, key: Key) -> x509.Certificate:
    """A delegated OCSP signing certificate (RFC 6960 §4.2.2.2)."""
    return (
        certificate_for(key.public_key(), "Measured Responder", 2)
        .issuer_name(authority.certificate.subject)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.OCSP_SIGNING]), critical=False)
        .add_extension(x509.OCSPNoCheck(), critical=False)
        .sign(authority.key, hashes.SHA256())
    )

"""Keys, CAs, templates and requests for the tests of app.pki."""

from __future__ import annotations

import functools
import hashlib
import shutil
import subprocess
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from app.domain.keys import HashAlgorithm, KeyAlgorithm
from app.domain.periods import Period, PeriodUnit
from app.domain.templates import (
    OID_OCSP_SIGNING,
    OID_SERVER_AUTH,
    KeyUsage,
    SubjectType,
    Template,
)
from app.pki.certificates import RootRequest, build_certificate, build_root
from app.pki.names import parse_distinguished_name
from app.pki.pem import CERTIFICATE, to_pem
from app.pki.profile import AuthorityFacts, build_profile
from app.pki.requests import parse_request
from app.pki.serials import new_serial
from app.pki.signatures import SigningKey, builder_hash

if TYPE_CHECKING:
    from pathlib import Path

# The judges compare with the machine's clock, so "now" is the real one, taken once.
NOW = datetime.now(UTC).replace(microsecond=0)
OPENSSL = shutil.which("openssl") or "openssl"

_CURVES = {"P-256": ec.SECP256R1(), "P-384": ec.SECP384R1(), "P-521": ec.SECP521R1()}
KINDS = ("RSA", *_CURVES, "Ed25519", "DSA")


@functools.cache
def key(kind: str, name: str = "ca") -> SigningKey:
    """One key for each kind and name."""
    assert name
    if kind == "RSA":
        return rsa.generate_private_key(65_537, 2048)
    if kind == "Ed25519":
        return ed25519.Ed25519PrivateKey.generate()
    if kind == "DSA":
        return dsa.generate_private_key(2048)
    return ec.generate_private_key(_CURVES[kind])


def serial(text: str) -> int:
    return new_serial(hashlib.sha256(text.encode()).digest())


@dataclass(frozen=True)
class Ca:
    certificate: bytes
    key: SigningKey

    def facts(self, **changes: object) -> AuthorityFacts:
        values: dict[str, object] = {
            "certificate": self.certificate,
            "maximum_validity": Period(2, PeriodUnit.YEARS),
            "cdp_urls": ("http://ca.example/CertEnroll/Root.crl",),
            "aia_urls": ("http://ca.example/CertEnroll/Root.crt",),
            "ocsp_urls": ("http://ca.example/ocsp",),
        }
        return AuthorityFacts(**(values | changes))  # type: ignore[arg-type]  # named above


@functools.cache
def ca(kind: str = "P-256", name: str = "Root", *, pss: bool = False) -> Ca:
    """A root CA that is valid since an hour ago."""
    request = RootRequest(
        subject=parse_distinguished_name(f"CN={name},O=Example,C=DE"),
        validity=Period(5, PeriodUnit.YEARS),
        now=NOW - timedelta(hours=1),
        serial=serial(f"{kind} {name} {pss}"),
    )
    signing_key = key(kind, name)
    return Ca(build_root(request, signing_key, HashAlgorithm.SHA256, pss=pss), signing_key)


def template(**changes: object) -> Template:
    """A web server template, with changes."""
    values: dict[str, object] = {
        "name": "WebServer",
        "display_name": "Web Server",
        "oid": "1.3.6.1.4.1.311.21.8.1000.2000.3",
        "schema_version": 2,
        "major_version": 100,
        "minor_version": 4,
        "subject_type": SubjectType.COMPUTER,
        "validity": Period(1, PeriodUnit.YEARS),
        "renewal": Period(6, PeriodUnit.WEEKS),
        "algorithm": KeyAlgorithm.ECDSA_P256,
        "key_usage": frozenset({KeyUsage.DIGITAL_SIGNATURE}),
        "application_policies": (OID_SERVER_AUTH,),
    }
    return Template(**(values | changes))  # type: ignore[arg-type]  # named above


def ocsp_template(**changes: object) -> Template:
    """An OCSP signing template for P-256 keys, with changes."""
    values: dict[str, object] = {
        "name": "OCSPResponseSigning",
        "display_name": "OCSP Response Signing",
        "application_policies": (OID_OCSP_SIGNING,),
        "validity": Period(2, PeriodUnit.WEEKS),
        "renewal": Period(2, PeriodUnit.DAYS),
        "ocsp_no_check": True,
    }
    return template(**(values | changes))


def request(
    holder: SigningKey,
    subject: str = "CN=www.example.com,O=Example",
    extensions: tuple[x509.ExtensionType, ...] = (),
) -> bytes:
    """DER PKCS#10."""
    name = parse_distinguished_name(subject) if subject else x509.Name([])
    builder = x509.CertificateSigningRequestBuilder().subject_name(name)
    for extension in extensions:
        builder = builder.add_extension(extension, critical=False)
    return builder.sign(holder, builder_hash(holder, HashAlgorithm.SHA256)).public_bytes(
        Encoding.DER
    )


def issue(
    authority: Ca,
    used: Template,
    holder: SigningKey,
    *,
    name: str = "leaf",
    now: datetime = NOW,
    pss: bool = False,
    **facts: object,
) -> bytes:
    """A certificate by that template for that key."""
    parsed = parse_request(request(holder, f"CN={name}.example.com,O=Example"))
    profile = build_profile(used, parsed, None, authority.facts(**facts), now)
    return build_certificate(
        profile,
        serial(name),
        authority.certificate,
        parsed.public_key,
        authority.key,
        HashAlgorithm.SHA256,
        pss=pss,
    )


def private_pem(holder: SigningKey) -> bytes:
    return holder.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def write_pem(folder: Path, name: str, certificate: bytes) -> Path:
    path = folder / name
    path.write_bytes(to_pem(CERTIFICATE, certificate))
    return path


def openssl(*arguments: object, succeeds: bool = True) -> str:
    """Run openssl; its output, standard error included."""
    words = [OPENSSL, *(str(argument) for argument in arguments)]
    done = subprocess.run(
        words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=60, check=False
    )
    assert (done.returncode == 0) is succeeds, done.stdout
    return done.stdout

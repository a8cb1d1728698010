"""Issuing certificates through the service, against signing and committing bare."""

from __future__ import annotations

import os
import sqlite3
import time
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding

from app.domain.keys import KeyAlgorithm, KeySpec
from app.domain.libraries import SOFTWARE_PROVIDER
from app.main import open_backend
from app.services.authority.authorities import CreateAuthority
from app.services.authority.enrollment import SubmitRequest
from tests.bench.authority import certificate_for, make_authority, named
from tests.bench.rounds import Benchmark, Contender, Tally, WrongAnswerError

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import ExitStack
    from pathlib import Path

LEAVES = "WebServer"


def issuing(folder: Path, stack: ExitStack, quick: bool) -> Benchmark:
    """One certificate after the other, each durable before the next."""
    return Benchmark(
        name="issue",
        title="issuing certificates, P-256 key in software, each durable",
        unit="certificates per second",
        seconds=0.8 if quick else 2.0,
        contenders=(
            Contender("CertificateBuilder.sign and two durable commits", _bare(folder, stack)),
            Contender("EnrollmentService.submit", _service(folder, stack)),
        ),
    )


def _service(folder: Path, stack: ExitStack) -> Callable[[float], Tally]:
    home = folder / "home"
    home.mkdir(mode=0o700)
    backend = stack.enter_context(open_backend(home))
    authority = backend.authorities.create(
        CreateAuthority(
            name="Measured CA",
            provider=f"ECDSA_P256#{SOFTWARE_PROVIDER}",
            spec=KeySpec(KeyAlgorithm.ECDSA_P256, 256),
        )
    )
    backend.authorities.add_template(authority.id, LEAVES)
    issuer = x509.load_der_x509_certificate(authority.certificate)
    # The template asks for RSA; the request is signed once and outside of what is measured.
    request = _request()

    def issue() -> bytes:
        done = backend.enrollment.submit(
            SubmitRequest(authority_id=authority.id, request=request, template=LEAVES)
        )
        if done.certificate is None:
            raise WrongAnswerError("the request is pending")
        return done.certificate

    return _turn(issue, issuer)


def _request() -> bytes:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    builder = x509.CertificateSigningRequestBuilder().subject_name(named("leaf.test"))
    return builder.sign(key, hashes.SHA256()).public_bytes(Encoding.DER)


def _bare(folder: Path, stack: ExitStack) -> Callable[[float], Tally]:
    authority = make_authority(folder, ec.generate_private_key(ec.SECP256R1()))
    connection = sqlite3.connect(folder / "bare.db", isolation_level=None)
    stack.callback(connection.close)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("CREATE TABLE issued (serial TEXT PRIMARY KEY, certificate BLOB)")
    public_key = rsa.generate_private_key(public_exponent=65537, key_size=2048).public_key()

    def issue() -> bytes:
        serial = int.from_bytes(os.urandom(16), "big") >> 1
        connection.execute("INSERT INTO issued (serial) VALUES (?)", (f"{serial:x}",))
        made = (
            certificate_for(public_key, "leaf.test", serial)
            .issuer_name(authority.certificate.subject)
            .sign(authority.key, hashes.SHA256())
        )
        der = made.public_bytes(Encoding.DER)
        connection.execute(
            "UPDATE issued SET certificate = ? WHERE serial = ?", (der, f"{serial:x}")
        )
        return der

    return _turn(issue, authority.certificate)


def _turn(issue: Callable[[], bytes], issuer: x509.Certificate) -> Callable[[float], Tally]:
    def turn(seconds: float) -> Tally:
        made = []
        began = time.perf_counter()
        while time.perf_counter() - began < seconds:
            made.append(issue())
        took = time.perf_counter() - began
        _check(made, issuer)
        return Tally(len(made), took, len(made))

    return turn


def _check(made: list[bytes], issuer: x509.Certificate) -> None:
    """All are signed by the CA, for the subject that was asked for, under serials of their own."""
    loaded = [x509.load_der_x509_certificate(der) for der in made]
    try:
        for certificate in loaded:
            certificate.verify_directly_issued_by(issuer)
    except (InvalidSignature, ValueError) as error:
        raise WrongAnswerError("a certificate is not by the CA") from error
    if len({certificate.serial_number for certificate in loaded}) != len(loaded):
        raise WrongAnswerError("two certificates share a serial number")
    if any("leaf.test" not in c.subject.rfc4514_string() for c in loaded):
        raise WrongAnswerError("a certificate is for another subject")

"""OCSP answers per second over loopback HTTP, against `openssl ocsp -port`."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp

from app.domain.keys import KeyAlgorithm
from tests.bench.load import Client
from tests.bench.responders import Responder, start_openssl, start_sealkeeper
from tests.bench.rounds import Benchmark, Contender, Tally
from tests.softhsm import make_softhsm

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from contextlib import ExitStack
    from pathlib import Path

CONNECTIONS = 16
#: For what opens a connection for each request; openssl serves one after the other anyway.
SHORT_CONNECTIONS = 4
SAMPLES = 10
NONCES = 4000
NONCE_LENGTH = 32
#: DER, serial and nonce of a request.
Question = tuple[bytes, int, bytes | None]


def software_p256(folder: Path, stack: ExitStack, quick: bool) -> Benchmark:
    """Key of the responder: P-256 of the software provider."""
    return _benchmark("ocsp-software-p256", folder, stack, KeyAlgorithm.ECDSA_P256, quick=quick)


def softhsm_p256(folder: Path, stack: ExitStack, quick: bool) -> Benchmark:
    """Key of the responder: P-256 in SoftHSM."""
    return _benchmark("ocsp-softhsm-p256", folder, stack, KeyAlgorithm.ECDSA_P256, quick=quick)


def softhsm_rsa(folder: Path, stack: ExitStack, quick: bool) -> Benchmark:
    """Key of the responder: RSA-2048 in SoftHSM."""
    return _benchmark("ocsp-softhsm-rsa", folder, stack, KeyAlgorithm.RSA, quick=quick)


def _benchmark(
    name: str, folder: Path, stack: ExitStack, algorithm: KeyAlgorithm, *, quick: bool
) -> Benchmark:
    in_token = "softhsm" in name
    token = make_softhsm(folder / "softhsm") if in_token else None
    ours = start_sealkeeper(folder, stack, algorithm, token)
    theirs = start_openssl(folder / "openssl", stack, algorithm)
    kind = "RSA-2048" if algorithm is KeyAlgorithm.RSA else "P-256"
    where = "in SoftHSM" if in_token else "in software"

    def contender(label: str, responder: Responder, *, nonces: int, keep_alive: bool) -> Contender:
        return Contender(label, _turn(responder, folder, nonces=nonces, keep_alive=keep_alive))

    return Benchmark(
        name=name,
        title=f"OCSP answers, {kind} key of ours {where}, of openssl's in a file",
        unit="answers per second",
        seconds=0.5 if quick else 1.0,
        contenders=(
            contender("openssl ocsp, connection each", theirs, nonces=0, keep_alive=False),
            contender("cached, connections kept", ours, nonces=0, keep_alive=True),
            contender("cached, connection each", ours, nonces=0, keep_alive=False),
            Contender("raw uvloop, dict of the same answers", _raw(ours, folder, stack)),
            contender("signed with nonce, connections kept", ours, nonces=NONCES, keep_alive=True),
            contender("signed with nonce, connection each", ours, nonces=NONCES, keep_alive=False),
        ),
    )


def _turn(
    responder: Responder, folder: Path, *, nonces: int, keep_alive: bool
) -> Callable[[float], Tally]:
    questions = _questions(responder, nonces)
    client = Client(
        responder.address,
        [_http(responder, der, keep_alive=keep_alive) for der, _, _ in questions],
        connections=CONNECTIONS if keep_alive else SHORT_CONNECTIONS,
        keep_alive=keep_alive,
    )

    return _asking(client, responder, questions, folder)


def _asking(
    client: Client, responder: Responder, questions: Sequence[Question], folder: Path
) -> Callable[[float], Tally]:
    def turn(seconds: float) -> Tally:
        load = client.run(seconds, SAMPLES)
        for number, (asked, body) in enumerate(load.sample):
            _, serial, nonce = questions[asked]
            responder.judge.verify(body, serial, nonce)
            if number % 5 == 0:
                responder.judge.verify_by_openssl(body, serial, folder)
        return Tally(load.answers, load.seconds, len(load.sample))

    return turn


def _raw(ours: Responder, folder: Path, stack: ExitStack) -> Callable[[float], Tally]:
    """Our answers out of a dict by a server that does nothing else: the limit of this machine."""
    questions = _questions(ours, 0)
    requests = [_http(ours, der, keep_alive=True) for der, _, _ in questions]
    answers = {}
    for request in requests:
        client = Client(ours.address, [request], connections=1, keep_alive=False)
        ((_, body),) = client.run(0.0, 1).sample
        head = b"HTTP/1.1 200 OK\r\nContent-Type: application/ocsp-response\r\n"
        answer = head + b"Content-Length: %d\r\n\r\n" % len(body) + body
        answers[request.hex()] = answer.hex()
    child = stack.enter_context(
        subprocess.Popen(
            [sys.executable, "-m", "tests.bench.raw"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
    )
    assert child.stdin is not None
    assert child.stdout is not None
    child.stdin.write(json.dumps(answers) + "\n")
    child.stdin.flush()
    address = ("127.0.0.1", int(child.stdout.readline()))
    client = Client(address, requests, connections=CONNECTIONS, keep_alive=True)
    return _asking(client, ours, questions, folder)


def _questions(responder: Responder, nonces: int) -> list[Question]:
    """DER, serial and nonce of each request; one for each certificate, or as many as nonces."""
    issuer = x509.load_pem_x509_certificate(responder.judge.issuer.read_bytes())
    name = issuer.subject.public_bytes()
    found = issuer.extensions.get_extension_for_class(x509.SubjectKeyIdentifier)
    key_hash, name_hash = found.value.digest, hashes.Hash(hashes.SHA1())  # noqa: S303 - CertID
    name_hash.update(name)
    digest = name_hash.finalize()
    serials = list(responder.judge.truth)

    def question(serial: int, nonce: bytes | None) -> Question:
        builder = ocsp.OCSPRequestBuilder().add_certificate_by_hash(
            digest,
            key_hash,
            serial,
            hashes.SHA1(),  # noqa: S303 - what clients send
        )
        if nonce is not None:
            builder = builder.add_extension(x509.OCSPNonce(nonce), critical=False)
        return builder.build().public_bytes(Encoding.DER), serial, nonce

    if not nonces:
        return [question(serial, None) for serial in serials]
    return [
        question(serials[number % len(serials)], os.urandom(NONCE_LENGTH))
        for number in range(nonces)
    ]


def _http(responder: Responder, der: bytes, *, keep_alive: bool) -> bytes:
    host, port = responder.address
    head = (
        f"POST {responder.path} HTTP/1.{1 if keep_alive else 0}\r\nHost: {host}:{port}\r\n"
        f"Content-Type: application/ocsp-request\r\nContent-Length: {len(der)}\r\n\r\n"
    )
    return head.encode() + der

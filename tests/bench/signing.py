"""Signatures through the key isolation process, against the same calls without it."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import time
from collections import deque
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from app.domain.keys import (
    HashAlgorithm,
    KeyAlgorithm,
    KeySpec,
    SignaturePadding,
    SignatureScheme,
)
from app.hsm import codes, public_keys
from app.hsm.isolation import KeyIsolation
from tests.bench.echo import start_echo
from tests.bench.rounds import Benchmark, Bound, Contender, Tally, WrongAnswerError
from tests.softhsm import make_softhsm

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import ExitStack

    from app.domain.errors import SealkeeperError
    from app.domain.keys import KeyDescription, KeyProvider
    from app.domain.secret import Secret
    from tests.softhsm import SoftHsm

LANES, IN_FLIGHT = 4, 32
SAMPLES = 8
LOOP = Path(__file__).with_name("direct.c")
DIRECT = "C_SignInit and C_Sign in a C program, one session"
CTYPES = "the same calls from Python, one session, no isolation"
ONE = "isolated, 1 in flight"
ECHO = "bare pipe echo, no signature"
DIGEST = hashlib.sha256(b"to be signed").digest()
# DigestInfo of SHA-256 (RFC 8017 §9.2, note 1).
DIGEST_INFO = bytes.fromhex("3031300d060960864801650304020105000420")


class RightPin:
    """The right PIN."""

    def __init__(self, pin: Secret) -> None:
        self._pin = pin

    def pin(self) -> Secret:
        return self._pin

    def attempt(self) -> nullcontext[None]:
        return nullcontext()

    def refused(self, error: SealkeeperError) -> None:
        raise error


def p256(folder: Path, stack: ExitStack, quick: bool) -> Benchmark:
    """ECDSA P-256 in SoftHSM."""
    return _benchmark(folder, stack, KeySpec(KeyAlgorithm.ECDSA_P256, 256), quick=quick)


def rsa_2048(folder: Path, stack: ExitStack, quick: bool) -> Benchmark:
    """RSA-2048 in SoftHSM."""
    return _benchmark(folder, stack, KeySpec(KeyAlgorithm.RSA, 2048), quick=quick)


def _benchmark(folder: Path, stack: ExitStack, spec: KeySpec, *, quick: bool) -> Benchmark:
    token = make_softhsm(folder)
    isolation = KeyIsolation(lanes=LANES)
    stack.callback(isolation.close)
    provider = isolation.library(token.spec).provider(
        token.token, "SoftHSM", RightPin(token.user_pin)
    )
    pair = provider.generate(spec, "measured")
    rsa = spec.algorithm is KeyAlgorithm.RSA
    scheme = SignatureScheme(
        SignaturePadding.PKCS1 if rsa else SignaturePadding.ECDSA, HashAlgorithm.SHA256
    )
    short = "rsa" if rsa else "p256"
    many = f"isolated, {LANES} lanes, {IN_FLIGHT} in flight"
    return Benchmark(
        name=f"sign-{short}",
        title=f"{spec} signatures of a SoftHSM token, through the isolation process",
        unit="signatures per second",
        seconds=0.6 if quick else 1.5,
        contenders=(
            Contender(DIRECT, _direct(token, pair, folder, stack)),
            Contender(many, isolated(provider, pair, scheme, IN_FLIGHT)),
            Contender(ONE, isolated(provider, pair, scheme, 1)),
            Contender(CTYPES, _from_python(token, pair, stack)),
            Contender(ECHO, _piped(stack)),
        ),
        bounds=() if rsa else _bounds(many),
    )


def _bounds(many: str) -> tuple[Bound, ...]:
    """For P-256: an RSA signature takes so long that the isolation hardly shows."""
    return (
        Bound(
            "latency of a signature through the key provider over a direct C_Sign, "
            "in round trips of a bare pipe",
            lambda rates: (1 / rates[ONE] - 1 / rates[DIRECT]) * rates[ECHO],
            4,
            at_most=True,
        ),
        Bound(
            f"{many}: rate to that of a C loop with one session",
            lambda rates: rates[many] / rates[DIRECT],
            0.8,
        ),
    )


def _check(pair: KeyDescription, scheme: SignatureScheme, signature: bytes) -> None:
    key = public_keys.load_public_key(pair.locator.public_key)
    try:
        public_keys.verify(key, scheme, DIGEST, signature)
    except InvalidSignature as error:
        raise WrongAnswerError("a signature is wrong") from error


def isolated(
    provider: KeyProvider, pair: KeyDescription, scheme: SignatureScheme, in_flight: int
) -> Callable[[float], Tally]:
    def turn(seconds: float) -> Tally:
        made = []
        began = time.perf_counter()
        flying = deque(provider.sign(pair.locator, scheme, DIGEST) for _ in range(in_flight))
        while flying:
            made.append(flying.popleft().result(30))
            if time.perf_counter() - began < seconds:
                flying.append(provider.sign(pair.locator, scheme, DIGEST))
        took = time.perf_counter() - began
        sample = made[:: max(1, len(made) // SAMPLES)]
        for signature in sample:
            _check(pair, scheme, signature)
        return Tally(len(made), took, len(sample))

    return turn


def _direct(
    token: SoftHsm, pair: KeyDescription, folder: Path, stack: ExitStack
) -> Callable[[float], Tally]:
    """A loop in C, in a process of its own."""
    program = folder / "direct"
    command = ["gcc", "-O2", "-Wall", "-Wextra", "-Werror", "-o", str(program), str(LOOP), "-ldl"]
    subprocess.run(command, check=True, capture_output=True, text=True)
    child = subprocess.Popen(
        [str(program), str(token.library)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=token.environment,
    )
    stack.enter_context(child)
    rsa = pair.locator.algorithm is KeyAlgorithm.RSA
    scheme = SignatureScheme(
        SignaturePadding.PKCS1 if rsa else SignaturePadding.ECDSA, HashAlgorithm.SHA256
    )

    def tell(line: str) -> None:
        assert child.stdin is not None
        child.stdin.write(line + "\n")
        child.stdin.flush()

    mechanism = f"{codes.RSA_PKCS if rsa else codes.ECDSA:x}"
    data = (DIGEST_INFO + DIGEST if rsa else DIGEST).hex()
    pin = token.user_pin.reveal().decode()
    tell(f"{token.token.label}\t{pin}\t{pair.locator.cka_id}\t{mechanism}\t{data}")

    def turn(seconds: float) -> Tally:
        assert child.stdout is not None
        tell(str(seconds))
        count, took, signature = child.stdout.readline().split()
        raw = bytes.fromhex(signature)
        _check(pair, scheme, raw if rsa else _der(raw))
        return Tally(int(count), float(took), 1)

    return turn


def _from_python(
    token: SoftHsm, pair: KeyDescription, stack: ExitStack
) -> Callable[[float], Tally]:
    """In a process of its own: a PKCS#11 library is never loaded here."""
    child = subprocess.Popen(
        [sys.executable, "-m", "tests.bench.direct_ctypes"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=token.environment,
    )
    stack.enter_context(child)
    rsa = pair.locator.algorithm is KeyAlgorithm.RSA
    scheme = SignatureScheme(
        SignaturePadding.PKCS1 if rsa else SignaturePadding.ECDSA, HashAlgorithm.SHA256
    )
    facts = {
        "library": str(token.library),
        "label": token.token.label,
        "pin": token.user_pin.reveal().decode(),
        "cka_id": pair.locator.cka_id,
        "mechanism": codes.RSA_PKCS if rsa else codes.ECDSA,
        "data": (DIGEST_INFO + DIGEST if rsa else DIGEST).hex(),
    }

    def ask(line: str) -> None:
        assert child.stdin is not None
        child.stdin.write(line + "\n")
        child.stdin.flush()

    ask(json.dumps(facts))

    def turn(seconds: float) -> Tally:
        assert child.stdout is not None
        ask(str(seconds))
        answer: dict[str, Any] = json.loads(child.stdout.readline())
        raw = bytes.fromhex(answer["signature"])
        _check(pair, scheme, raw if rsa else _der(raw))
        return Tally(answer["count"], answer["seconds"], 1)

    return turn


def _der(raw: bytes) -> bytes:
    half = len(raw) // 2
    return encode_dss_signature(
        int.from_bytes(raw[:half], "big"), int.from_bytes(raw[half:], "big")
    )


def _piped(stack: ExitStack) -> Callable[[float], Tally]:
    connection = start_echo(stack)
    # As long as a request to sign.
    message = bytes(range(160))

    def turn(seconds: float) -> Tally:
        count = 0
        began = time.perf_counter()
        while time.perf_counter() - began < seconds:
            connection.send_bytes(message)
            if connection.recv_bytes() != message:
                raise WrongAnswerError("the echo is another")
            count += 1
        return Tally(count, time.perf_counter() - began, count)

    return turn

"""Signatures side by side: by sixteen lanes of a slow token, and while a large key is generated."""

from __future__ import annotations

import threading
import time
from dataclasses import replace
from typing import TYPE_CHECKING

from app.domain.keys import (
    HashAlgorithm,
    KeyAlgorithm,
    KeySpec,
    SignaturePadding,
    SignatureScheme,
)
from app.hsm.isolation import KeyIsolation
from tests.bench.rounds import Benchmark, Bound, Contender, Tally
from tests.bench.signing import RightPin, isolated
from tests.faults.module import Faults, build
from tests.softhsm import make_softhsm

if TYPE_CHECKING:
    from contextlib import ExitStack
    from pathlib import Path

    from app.domain.keys import KeyDescription, KeyProvider

P256 = KeySpec(KeyAlgorithm.ECDSA_P256, 256)
SCHEME = SignatureScheme(SignaturePadding.ECDSA, HashAlgorithm.SHA256)
DELAY_MILLISECONDS = 10
LANES = 16
ONE_LANE, ALL_LANES = "1 lane, 1 in flight", f"{LANES} lanes, {LANES} in flight"
ALONE, GENERATING = "nothing else", "while an RSA-4096 key is generated"


def sixteen(folder: Path, stack: ExitStack, quick: bool) -> Benchmark:
    """A token that takes 10 ms for each signature, behind the fault module."""
    softhsm = make_softhsm(folder / "softhsm")
    control = folder / "control"
    control.write_text("")
    environment = (
        *softhsm.spec.environment,
        ("FAULT_TARGET", str(softhsm.library)),
        ("FAULT_CONTROL", str(control)),
    )
    spec = replace(softhsm.spec, path=str(build(folder)), environment=environment)
    faults = Faults(softhsm=replace(softhsm, spec=spec), control=control)

    def provider(lanes: int) -> KeyProvider:
        isolation = KeyIsolation(lanes=lanes)
        stack.callback(isolation.close)
        pins = RightPin(softhsm.user_pin)
        return isolation.library(spec).provider(softhsm.token, "SoftHSM", pins, lanes)

    pair = provider(1).generate(P256, "measured")
    faults.set(f"C_Sign delay {DELAY_MILLISECONDS}")
    return Benchmark(
        name="sign-lanes",
        title=f"{P256} signatures of a token that takes {DELAY_MILLISECONDS} ms for each",
        unit="signatures per second",
        seconds=1 if quick else 2,
        contenders=(
            Contender(ONE_LANE, isolated(provider(1), pair, SCHEME, 1)),
            Contender(ALL_LANES, isolated(provider(LANES), pair, SCHEME, LANES)),
        ),
        bounds=(
            Bound(
                f"{ALL_LANES}: rate to that of {ONE_LANE}",
                lambda rates: rates[ALL_LANES] / rates[ONE_LANE],
                12,
            ),
        ),
    )


def generating(folder: Path, stack: ExitStack, quick: bool) -> Benchmark:
    """One lane signs, with and without an RSA-4096 generation in the same library."""
    softhsm = make_softhsm(folder)
    isolation = KeyIsolation()
    stack.callback(isolation.close)
    pins = RightPin(softhsm.user_pin)
    provider = isolation.library(softhsm.spec).provider(softhsm.token, "SoftHSM", pins)
    pair = provider.generate(P256, "measured")
    return Benchmark(
        name="sign-generating",
        title=f"{P256} signatures, one in flight, while the same token generates RSA-4096",
        unit="signatures per second",
        seconds=0.6 if quick else 1.5,
        contenders=(
            Contender(ALONE, isolated(provider, pair, SCHEME, 1)),
            Contender(GENERATING, _Generating(provider, pair).turn),
        ),
        bounds=(
            Bound(
                "milliseconds by which a signature takes longer",
                lambda rates: 1000 * (1 / rates[GENERATING] - 1 / rates[ALONE]),
                50,
                at_most=True,
            ),
        ),
    )


class _Generating:
    """Signs for as long as one key pair is being generated."""

    def __init__(self, provider: KeyProvider, pair: KeyDescription) -> None:
        self._provider = provider
        self._pair = pair
        self._made = 0

    def turn(self, seconds: float) -> Tally:
        """As long as generations take, one after the other, for at least so many seconds."""
        tally, until = Tally(0, 0.0, 0), time.perf_counter() + seconds
        while time.perf_counter() < until:
            more = self._while_one_is_generated()
            tally = Tally(
                tally.operations + more.operations,
                tally.seconds + more.seconds,
                tally.verified + more.verified,
            )
        return tally

    def _while_one_is_generated(self) -> Tally:
        self._made += 1
        made: list[KeyDescription] = []
        spec, label = KeySpec(KeyAlgorithm.RSA, 4096), f"large {self._made}"
        thread = threading.Thread(target=lambda: made.append(self._provider.generate(spec, label)))
        thread.start()
        operations, verified, began = 0, 0, time.perf_counter()
        sign = isolated(self._provider, self._pair, SCHEME, 1)
        while thread.is_alive():
            tally = sign(0.02)
            operations, verified = operations + tally.operations, verified + tally.verified
        took = time.perf_counter() - began
        thread.join()
        if not made:
            raise RuntimeError("no key was generated")
        self._provider.delete(made[0].locator)
        return Tally(operations, took, verified)

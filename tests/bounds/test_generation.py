"""A key generation does not hold up the signatures of the same library."""

from __future__ import annotations

import hashlib
import statistics
import time
from threading import Thread
from typing import TYPE_CHECKING

import pytest

from app.domain.keys import (
    HashAlgorithm,
    KeyAlgorithm,
    KeyDescription,
    KeySpec,
    SignaturePadding,
    SignatureScheme,
)
from app.hsm import public_keys
from tests.hsm.conftest import isolation, library, pins, provider
from tests.softhsm import softhsm

if TYPE_CHECKING:
    from collections.abc import Callable

    from app.hsm.isolation import TokenKeyProvider

__all__ = ["isolation", "library", "pins", "provider", "softhsm"]

pytestmark = pytest.mark.bound
SCHEME = SignatureScheme(SignaturePadding.ECDSA, HashAlgorithm.SHA256)
DIGEST = hashlib.sha256(b"meanwhile").digest()
BOUND_SECONDS = 0.05
SIGNATURES = 200


def times(
    provider: TokenKeyProvider, pair: KeyDescription, more: Callable[[int], bool]
) -> list[float]:
    """Seconds that each signature takes, one after the other while there is to be more."""
    key = public_keys.load_public_key(pair.locator.public_key)
    taken: list[float] = []
    while more(len(taken)):
        began = time.monotonic()
        signature = provider.sign(pair.locator, SCHEME, DIGEST).result(30)
        taken.append(time.monotonic() - began)
        public_keys.verify(key, SCHEME, DIGEST, signature)
    return taken


def test_generation_does_not_delay_signatures(provider: TokenKeyProvider) -> None:
    pair = provider.generate(KeySpec(KeyAlgorithm.ECDSA_P256, 256), "signs meanwhile")
    alone = times(provider, pair, lambda count: count < SIGNATURES)
    made: list[KeyDescription] = []

    def generate() -> None:
        spec = KeySpec(KeyAlgorithm.RSA, 4096)
        made.extend(provider.generate(spec, f"large {number}") for number in range(2))

    thread = Thread(target=generate)
    thread.start()
    meanwhile = times(provider, pair, lambda _: thread.is_alive())
    thread.join()
    assert len(made) == 2
    assert len(meanwhile) > 10
    medians = statistics.median(alone), statistics.median(meanwhile)
    print(  # noqa: T201
        f"median alone {medians[0] * 1000:.2f} ms, meanwhile {medians[1] * 1000:.2f} ms; "
        f"longest {max(alone) * 1000:.1f} and {max(meanwhile) * 1000:.1f} ms"
    )
    assert medians[1] - medians[0] <= BOUND_SECONDS
    # A generation lasts seconds: one signature that waited for it would show.
    assert max(meanwhile) - max(alone) <= 0.5

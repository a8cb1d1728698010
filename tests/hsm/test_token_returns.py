"""A token that goes away and comes back, behind a library that sees it only when it is loaded."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from app.domain.errors import KeyAbsent, SealkeeperError, TokenAbsent
from app.domain.keys import (
    HashAlgorithm,
    KeyAlgorithm,
    KeySpec,
    SignaturePadding,
    SignatureScheme,
)
from app.hsm import public_keys, supervision

if TYPE_CHECKING:
    from app.domain.keys import KeyDescription
    from app.hsm.isolation import TokenKeyProvider
    from tests.softhsm import SoftHsm

SCHEME = SignatureScheme(SignaturePadding.ECDSA, HashAlgorithm.SHA256)
DIGEST = bytes(range(32))


def sign(provider: TokenKeyProvider, pair: KeyDescription) -> None:
    signature = provider.sign(pair.locator, SCHEME, DIGEST).result(30)
    key = public_keys.load_public_key(pair.locator.public_key)
    public_keys.verify(key, SCHEME, DIGEST, signature)


def test_a_token_that_came_back_signs_again(
    provider: TokenKeyProvider, softhsm: SoftHsm, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervision, "JUST_LOOKED", 0.0)
    monkeypatch.setattr(supervision, "FIRST_LOOK", 0.0)
    provider._library._look_pause = 0.0
    pair = provider.generate(KeySpec(KeyAlgorithm.ECDSA_P256, 256), "comes back")
    tokens = softhsm.conf.parent / "tokens"
    away = tokens.with_name("away")
    tokens.rename(away)
    tokens.mkdir()
    with pytest.raises((TokenAbsent, KeyAbsent)):
        sign(provider, pair)
    tokens.rmdir()
    away.rename(tokens)
    sign(provider, pair)


def test_a_key_that_stays_away_does_not_reload_the_library_each_time(
    provider: TokenKeyProvider,
) -> None:
    library = provider._library
    pair = provider.generate(KeySpec(KeyAlgorithm.ECDSA_P256, 256), "gone")
    other = provider.generate(KeySpec(KeyAlgorithm.ECDSA_P256, 256), "stays")
    provider.delete(pair.locator)
    pids, pauses = set(), set()
    for _ in range(6):
        with pytest.raises(SealkeeperError):
            sign(provider, pair)
        # That another key signs is no reason to look for this one any sooner.
        sign(provider, other)
        pids.add(library.process_id)
        pauses.add(library._look_pause)
    assert len(pids) == 1, "only the first try loads it anew"
    assert pauses == {2 * supervision.FIRST_LOOK}

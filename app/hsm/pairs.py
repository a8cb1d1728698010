"""Key pairs out of the halves that a token shows."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from app.domain.keys import KEY_BITS, KeyAlgorithm, KeyDescription, KeyLocator, TokenIdentity
from app.hsm.public_keys import algorithm_of, bits_of, curve_algorithm, public_key_of, spki

if TYPE_CHECKING:
    from collections.abc import Iterable

    from app.hsm import messages


def describe(
    library: str, token: TokenIdentity, halves: Iterable[messages.KeyObject]
) -> tuple[KeyDescription, ...]:
    """Pairs out of halves; those of algorithms that are not offered are left out.

    Halves belong together by public key where both show it, else by type and CKA_ID. A private
    half whose public key is shown nowhere has an empty public key in its locator.
    """
    publics = [half for half in halves if not half.private]
    pairs: list[tuple[messages.KeyObject | None, messages.KeyObject | None]] = []
    for private in (half for half in halves if half.private):
        partner = _partner(private, publics)
        if partner is not None:
            publics.remove(partner)
        pairs.append((private, partner))
    pairs += [(None, public) for public in publics]
    described = (describe_pair(library, token, private, public) for private, public in pairs)
    return tuple(pair for pair in described if pair is not None)


def _partner(
    private: messages.KeyObject, publics: list[messages.KeyObject]
) -> messages.KeyObject | None:
    same = [half for half in publics if half.kind == private.kind]
    if private.modulus:
        return next((half for half in same if half.modulus == private.modulus), None)
    same = [half for half in same if half.cka_id == private.cka_id]
    by_label = [half for half in same if half.label == private.label]
    return next(iter(by_label or same), None)


def describe_pair(
    library: str,
    token: TokenIdentity,
    private: messages.KeyObject | None,
    public: messages.KeyObject | None,
) -> KeyDescription | None:
    """One pair, or the half of it that is there; None for an algorithm that is not offered."""
    shown = [half for half in (public, private) if half is not None]
    key = next((key for half in shown if (key := public_key_of(half)) is not None), None)
    algorithm = algorithm_of(key) if key is not None else _algorithm_without_key(shown)
    if algorithm is None:
        return None
    first = private or shown[0]
    der = spki(key) if key is not None else b""
    locator = KeyLocator(
        library_path=library,
        token=token,
        public_key=der,
        public_key_sha256=hashlib.sha256(der).hexdigest() if der else "",
        cka_id=first.cka_id.hex(),
        label=first.label,
        algorithm=algorithm,
        bits=bits_of(key) if key is not None else _bits_without_key(algorithm, shown),
    )
    return _description(locator, private, public)


def known_pair(locator: KeyLocator, halves: tuple[messages.KeyObject, ...]) -> KeyDescription:
    """The halves that were found for a locator, of which none shows what it is."""
    private = next((half for half in halves if half.private), None)
    public = next((half for half in halves if not half.private), None)
    return _description(locator, private, public)


def _description(
    locator: KeyLocator, private: messages.KeyObject | None, public: messages.KeyObject | None
) -> KeyDescription:
    return KeyDescription(
        locator=locator,
        has_private=private is not None,
        has_public=public is not None,
        extractable=private.extractable if private else None,
        sensitive=private.sensitive if private else None,
        local=private.local if private else None,
    )


def _algorithm_without_key(halves: list[messages.KeyObject]) -> KeyAlgorithm | None:
    """What a pair is of which no half shows the public key."""
    if halves[0].kind == "RSA":
        return KeyAlgorithm.RSA
    if halves[0].kind == "DSA":
        return KeyAlgorithm.DSA if any(half.prime for half in halves) else None
    return next((found for half in halves if (found := curve_algorithm(half)) is not None), None)


def _bits_without_key(algorithm: KeyAlgorithm, halves: list[messages.KeyObject]) -> int:
    if algorithm is KeyAlgorithm.RSA:
        return 0  # without the modulus, nothing tells
    if algorithm is not KeyAlgorithm.DSA:
        return KEY_BITS[algorithm][0]
    primes = (half.prime for half in halves if half.prime)
    return int.from_bytes(next(primes), "big").bit_length()

"""What a token offers: algorithms and key sizes out of its mechanism list."""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.domain.keys import KEY_BITS, KeyAlgorithm, current_first
from app.hsm import codes, public_keys

if TYPE_CHECKING:
    from collections.abc import Iterable

    from app.domain.tokens import Mechanism
    from app.hsm import messages

_LARGEST_IN_BYTES = 1023  # no token stops at so few bits
_SIGNING: dict[messages.KeyKind, tuple[int, ...]] = {
    "RSA": (codes.RSA_PKCS, codes.RSA_PKCS_PSS),
    "DSA": (codes.DSA,),
    "EC": (codes.ECDSA,),
    "EDWARDS": (codes.EDDSA,),
}


def offered_bits(mechanisms: Iterable[Mechanism]) -> dict[KeyAlgorithm, tuple[int, ...]]:
    """Algorithms that a token can both generate and sign with, and the sizes that it takes.

    In the order in which they are offered: those that are out of date last.
    """
    known = {mechanism.code: mechanism for mechanism in mechanisms}
    sizes = {algorithm: _sizes(algorithm, known) for algorithm in KeyAlgorithm}
    return {
        algorithm: sizes[algorithm]
        for algorithm in current_first(each for each, bits in sizes.items() if bits)
    }


def _sizes(algorithm: KeyAlgorithm, known: dict[int, Mechanism]) -> tuple[int, ...]:
    kind = public_keys.kind_of(algorithm)
    if not any(code in known for code in _SIGNING[kind]):
        return ()
    generating = [known[code] for code in codes.GENERATION[kind] if code in known]
    if algorithm is KeyAlgorithm.ED25519:
        # Tokens give its size as 255, as 256 or as that of another curve.
        return KEY_BITS[algorithm] if generating else ()
    return tuple(
        bits
        for bits in KEY_BITS[algorithm]
        if any(_takes(mechanism, bits, kind) for mechanism in generating)
    )


def _takes(mechanism: Mechanism, bits: int, kind: messages.KeyKind) -> bool:
    """Whether a size lies in the mechanism's range; 0 as its end means that it tells none."""
    smallest, largest = mechanism.min_size, mechanism.max_size
    if kind == "RSA" and 0 < largest <= _LARGEST_IN_BYTES:
        smallest, largest = 8 * smallest, 8 * largest  # some count in bytes
    return smallest <= bits and (bits <= largest or not largest)

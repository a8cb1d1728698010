"""Has a provider sign something random, to see whether it can."""

from __future__ import annotations

import hashlib
import secrets
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cryptography.exceptions import InvalidSignature

from app.domain.keys import (
    EC_BITS,
    HashAlgorithm,
    KeyAlgorithm,
    KeySpec,
    SignaturePadding,
    SignatureScheme,
)
from app.hsm.public_keys import load_public_key, verify

if TYPE_CHECKING:
    from app.domain.keys import KeyDescription, KeyProvider

TEMPORARY_LABEL = "Sealkeeper slot test"


@dataclass(frozen=True, slots=True)
class Trial:
    """Whether a signature was made and is right, how long it took, and with which key."""

    signs: bool
    milliseconds: float
    note: str


def sign_once(provider: KeyProvider, algorithms: tuple[KeyAlgorithm, ...]) -> Trial:
    """Sign with a key that is there, else with a temporary one that is deleted afterwards.

    Raises:
        KeyStorageError: the token refuses.
    """
    for key in tuple(provider.keys()):
        if key.has_private and key.locator.public_key:
            return _sign(provider, key, f"The key {key.locator.label} signed.")
    spec = _temporary_spec(algorithms)
    if spec is None:
        return Trial(
            signs=False, milliseconds=0.0, note="The token offers no algorithm that is known here."
        )
    key = provider.generate(spec, f"{TEMPORARY_LABEL} {secrets.token_hex(4)}")
    try:
        return _sign(provider, key, f"A temporary {spec} key signed and was deleted.")
    finally:
        provider.delete(key.locator)


def _temporary_spec(algorithms: tuple[KeyAlgorithm, ...]) -> KeySpec | None:
    """The kind of key that is made fastest."""
    for algorithm, bits in EC_BITS.items():
        if algorithm in algorithms:
            return KeySpec(algorithm, bits)
    return KeySpec(KeyAlgorithm.RSA, 2048) if KeyAlgorithm.RSA in algorithms else None


def _sign(provider: KeyProvider, key: KeyDescription, note: str) -> Trial:
    digest = hashlib.sha256(secrets.token_bytes(32)).digest()
    is_rsa = key.locator.algorithm is KeyAlgorithm.RSA
    scheme = SignatureScheme(
        SignaturePadding.PKCS1 if is_rsa else SignaturePadding.ECDSA, HashAlgorithm.SHA256
    )
    started = time.perf_counter()
    signature = provider.sign(key.locator, scheme, digest).result()
    milliseconds = (time.perf_counter() - started) * 1000
    try:
        verify(load_public_key(key.locator.public_key), scheme, digest, signature)
    except InvalidSignature:
        wrong = f"The signature of the key {key.locator.label} does not match its public key."
        return Trial(signs=False, milliseconds=milliseconds, note=wrong)
    return Trial(signs=True, milliseconds=milliseconds, note=note)

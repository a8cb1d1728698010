"""Has one key sign something random and verifies the signature with its public half."""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cryptography.exceptions import InvalidSignature

from app.domain.keys import KEY_BITS
from app.hsm.public_keys import load_public_key, verify

if TYPE_CHECKING:
    from app.domain.keys import KeyDescription, KeyLocator, KeyProvider, SignatureScheme

DIGEST_BYTES = 32


@dataclass(frozen=True, slots=True)
class KeyTest:
    """What a test of a key found.

    Attributes:
        signs: a signature was made and is right.
        milliseconds: how long the signature took.
        algorithm: how it signed, for example `RSA 2048, PKCS1 with SHA256`; "" when it did not.
        note: one sentence.
    """

    signs: bool
    milliseconds: float
    algorithm: str
    note: str


def kind_words(locator: KeyLocator) -> str:
    """`RSA 2048`, `ECDSA_P256`; also for sizes that are not offered here, such as RSA 1024.

    A private RSA key whose modulus is shown nowhere has no size.
    """
    if len(KEY_BITS[locator.algorithm]) == 1 or not locator.bits:
        return str(locator.algorithm)
    return f"{locator.algorithm} {locator.bits}"


def try_key(provider: KeyProvider, key: KeyDescription) -> KeyTest:
    """One signature over a random digest.

    Raises:
        KeyStorageError: the token refuses.
    """
    label = key.locator.label
    if not key.has_private:
        return KeyTest(False, 0.0, "", f"The private half of the key “{label}” is not there.")
    if not key.locator.public_key:
        why = "does not show its public half, so that no signature could be verified"
        return KeyTest(False, 0.0, "", f"The key “{label}” {why}.")
    return _sign(provider, key, provider.scheme(key.locator.algorithm))


def _sign(provider: KeyProvider, key: KeyDescription, scheme: SignatureScheme) -> KeyTest:
    digest = secrets.token_bytes(DIGEST_BYTES)
    started = time.perf_counter()
    signature = provider.sign(key.locator, scheme, digest).result()
    milliseconds = (time.perf_counter() - started) * 1000
    label = key.locator.label
    try:
        verify(load_public_key(key.locator.public_key), scheme, digest, signature)
    except InvalidSignature:
        wrong = f"The signature of the key “{label}” does not match its public half."
        return KeyTest(False, milliseconds, "", wrong)
    how = f"{kind_words(key.locator)}, {scheme.padding} with {scheme.hash}"
    return KeyTest(
        True, milliseconds, how, f"The key “{label}” signed, and its signature is right."
    )

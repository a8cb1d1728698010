"""What several tests of tokens do: sign and verify, and put a chosen key on a soft token."""

from __future__ import annotations

import secrets
import subprocess
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from app.domain.keys import (
    ED25519_SCHEME,
    HashAlgorithm,
    KeyAlgorithm,
    KeyDescription,
    KeySpec,
    SignaturePadding,
    SignatureScheme,
)
from app.hsm import public_keys

if TYPE_CHECKING:
    from concurrent.futures import Future
    from pathlib import Path

    from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes

    from app.hsm.isolation import TokenKeyProvider
    from tests.softhsm import SoftHsm

P256 = KeySpec(KeyAlgorithm.ECDSA_P256, 256)
RSA = KeySpec(KeyAlgorithm.RSA, 2048)
ECDSA = SignatureScheme(SignaturePadding.ECDSA, HashAlgorithm.SHA256)
PKCS1 = SignatureScheme(SignaturePadding.PKCS1, HashAlgorithm.SHA256)
PSS = SignatureScheme(SignaturePadding.PSS, HashAlgorithm.SHA256)
DIGEST = bytes(range(32))
SECONDS = 20


def begin(
    provider: TokenKeyProvider, pair: KeyDescription, scheme: SignatureScheme | None = None
) -> Future[bytes]:
    """One signature over `DIGEST`, on its way."""
    return provider.sign(pair.locator, scheme or _scheme(pair), DIGEST)


def verify(pair: KeyDescription, signature: bytes, scheme: SignatureScheme | None = None) -> None:
    """Verify a signature that `begin` began."""
    key = public_keys.load_public_key(pair.locator.public_key)
    public_keys.verify(key, scheme or _scheme(pair), DIGEST, signature)


def sign(
    provider: TokenKeyProvider,
    pair: KeyDescription,
    *,
    times: int = 1,
    scheme: SignatureScheme | None = None,
) -> None:
    """Signatures side by side, each verified."""
    for future in [begin(provider, pair, scheme) for _ in range(times)]:
        verify(pair, future.result(SECONDS), scheme)


def _scheme(pair: KeyDescription) -> SignatureScheme:
    schemes = {KeyAlgorithm.RSA: PKCS1, KeyAlgorithm.ED25519: ED25519_SCHEME}
    return schemes.get(pair.locator.algorithm, ECDSA)


def put_key(
    softhsm: SoftHsm,
    folder: Path,
    label: str,
    key: PrivateKeyTypes | None = None,
    *,
    cka_id: bytes | None = None,
) -> None:
    """Put a pair on the token with its own tool; a library that is loaded may have to reload."""
    key = key or ec.generate_private_key(ec.SECP256R1())
    identifier = cka_id or secrets.token_bytes(8)
    file = folder / f"{identifier.hex()}.pem"
    file.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    place = ["--token", softhsm.token.label, "--pin", softhsm.user_pin.reveal().decode()]
    subprocess.run(
        [
            *(softhsm.tool, "--import", str(file), *place),
            *("--label", label, "--id", identifier.hex(), "--force"),
        ],
        env=softhsm.environment,
        check=True,
        capture_output=True,
    )

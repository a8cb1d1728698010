"""Private keys in `cryptography`'s form whose signatures are made by a key provider."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, NoReturn

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed25519, padding, rsa, utils

from app.domain.errors import DeadlineExceeded, KeyStorageError
from app.domain.keys import (
    ED25519_SCHEME,
    HashAlgorithm,
    KeyLocator,
    KeyProvider,
    SignaturePadding,
    SignatureScheme,
)
from app.hsm import public_keys

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.padding import AsymmetricPadding
    from cryptography.hazmat.primitives.serialization import (
        Encoding,
        KeySerializationEncryption,
        PrivateFormat,
    )
    from cryptography.utils import Buffer

# The provider has deadlines of its own, with a restart and a login between; this is the last one.
TIMEOUT = 120.0

Hash = utils.Prehashed | hashes.HashAlgorithm
RsaHash = Hash | utils.NoDigestInfo


def private_key(
    provider: KeyProvider, locator: KeyLocator
) -> rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | dsa.DSAPrivateKey | ed25519.Ed25519PrivateKey:
    """A key object for `cryptography`'s builders; it can sign and tell its public half.

    `sign` blocks, so it is for task threads, not for an event loop or the GUI. Each signature is
    verified with the public key before it is returned.

    Raises:
        InvalidInput: the locator's public key cannot be read.
    """
    key = public_keys.load_public_key(locator.public_key)
    if isinstance(key, rsa.RSAPublicKey):
        return TokenRsaPrivateKey(provider, locator, key)
    if isinstance(key, dsa.DSAPublicKey):
        return TokenDsaPrivateKey(provider, locator, key)
    if isinstance(key, ed25519.Ed25519PublicKey):
        return TokenEd25519PrivateKey(provider, locator, key)
    return TokenEcPrivateKey(provider, locator, key)


class _Signer:
    """Signs by a provider and verifies what it gets."""

    def __init__(
        self, provider: KeyProvider, locator: KeyLocator, key: public_keys.PublicKey
    ) -> None:
        self._provider = provider
        self._locator = locator
        self._key = key

    def sign(self, padding_kind: SignaturePadding, algorithm: Hash, data: Buffer) -> bytes:
        """Hash here, sign there, verify here.

        Raises:
            KeyStorageError: the provider cannot sign, or its signature is wrong.
            cryptography.exceptions.UnsupportedAlgorithm: the hash is not supported.
        """
        name, digest = _digest(algorithm, bytes(data))
        return self.sign_digest(SignatureScheme(padding_kind, name), digest)

    def sign_digest(self, scheme: SignatureScheme, digest: bytes) -> bytes:
        """Sign there, verify here; `digest` as `KeyProvider.sign` wants it.

        Raises:
            KeyStorageError: the provider cannot sign, or its signature is wrong.
        """
        try:
            signature = self._provider.sign(self._locator, scheme, digest).result(TIMEOUT)
        except TimeoutError as error:
            raise DeadlineExceeded(
                f"The key {self._locator.label} did not sign within {TIMEOUT:g} seconds.",
                remedy="Check that the HSM can be reached, then try again.",
            ) from error
        verify_first_signature(self._key, scheme, digest, signature, self._locator.label)
        return signature


def verify_first_signature(
    key: public_keys.PublicKey,
    scheme: SignatureScheme,
    digest: bytes,
    signature: bytes,
    label: str,
) -> None:
    """Make sure that no wrong signature gets out.

    Raises:
        KeyStorageError: the signature does not verify with the public key.
    """
    try:
        public_keys.verify(key, scheme, digest, signature)
    except InvalidSignature as error:
        raise KeyStorageError(
            f"The signature that the key {label} made is wrong.",
            cause="The token is faulty, or another key has the identity of this one.",
            remedy="Test the key; do not use it until it signs correctly.",
        ) from error


def _digest(algorithm: Hash, data: bytes) -> tuple[HashAlgorithm, bytes]:
    if isinstance(algorithm, utils.Prehashed):
        size = algorithm.digest_size
        inner = algorithm._algorithm  # noqa: SLF001 - the only way to the hash that was used
        if len(data) != size:
            raise ValueError("The digest has another length than its hash.")
        return _hash_name(inner), data
    name = _hash_name(algorithm)
    return name, hashlib.new(algorithm.name, data, usedforsecurity=False).digest()


def _hash_name(algorithm: hashes.HashAlgorithm) -> HashAlgorithm:
    for name, known in public_keys.HASHES.items():
        if known.name == algorithm.name:
            return name
    raise UnsupportedAlgorithm(f"{algorithm.name} is not supported for signatures.")


def _refuse(what: str) -> NoReturn:
    raise UnsupportedAlgorithm(f"A key behind a key provider {what}.")


class TokenRsaPrivateKey(rsa.RSAPrivateKey):
    """An RSA key that can sign and tell its public half."""

    def __init__(self, provider: KeyProvider, locator: KeyLocator, key: rsa.RSAPublicKey) -> None:
        self._signer = _Signer(provider, locator, key)
        self._public = key

    def __repr__(self) -> str:
        return f"<RSA key of {self._public.key_size} bits behind a key provider>"

    @property
    def key_size(self) -> int:
        """Bits of the modulus."""
        return self._public.key_size

    def public_key(self) -> rsa.RSAPublicKey:
        """The public half."""
        return self._public

    def sign(self, data: bytes, padding: AsymmetricPadding, algorithm: RsaHash) -> bytes:
        """Sign with PKCS #1 v1.5, or with PSS whose salt is as long as the hash.

        Raises:
            KeyStorageError: the provider cannot sign.
            cryptography.exceptions.UnsupportedAlgorithm: another padding, salt or hash.
        """
        if isinstance(algorithm, utils.NoDigestInfo):
            _refuse("signs digests only")
        return self._signer.sign(_rsa_padding(padding, algorithm), algorithm, data)

    def decrypt(self, ciphertext: bytes, padding: AsymmetricPadding) -> bytes:
        """Refused: keys are for signing only."""
        _refuse("signs only")

    def private_numbers(self) -> rsa.RSAPrivateNumbers:
        """Refused: the key does not leave its provider."""
        _refuse("does not show its private numbers")

    def private_bytes(
        self,
        encoding: Encoding,
        format: PrivateFormat,  # noqa: A002 - the name that the interface gives
        encryption_algorithm: KeySerializationEncryption,
    ) -> bytes:
        """Refused: the key does not leave its provider."""
        _refuse("cannot be exported")

    def __copy__(self) -> TokenRsaPrivateKey:
        return self

    def __deepcopy__(self, memo: dict[int, object]) -> TokenRsaPrivateKey:
        return self


def _rsa_padding(wanted: AsymmetricPadding, algorithm: Hash) -> SignaturePadding:
    if isinstance(wanted, padding.PKCS1v15):
        return SignaturePadding.PKCS1
    if not isinstance(wanted, padding.PSS):
        _refuse(f"cannot sign with the padding {wanted.name}")
    salt = wanted._salt_length  # noqa: SLF001 - as the other implementations of the interface do
    mask = wanted.mgf
    if not isinstance(mask, padding.MGF1) or mask._algorithm.name != _name_of(algorithm):  # noqa: SLF001
        _refuse("signs PSS with MGF1 over the hash of the message only")
    if salt not in (algorithm.digest_size, padding.PSS.DIGEST_LENGTH):
        _refuse("signs PSS with a salt as long as the hash only")
    return SignaturePadding.PSS


def _name_of(algorithm: Hash) -> str:
    inner = algorithm._algorithm if isinstance(algorithm, utils.Prehashed) else algorithm  # noqa: SLF001
    return inner.name


class TokenEcPrivateKey(ec.EllipticCurvePrivateKey):
    """An EC key that can sign and tell its public half."""

    def __init__(
        self, provider: KeyProvider, locator: KeyLocator, key: ec.EllipticCurvePublicKey
    ) -> None:
        self._signer = _Signer(provider, locator, key)
        self._public = key

    def __repr__(self) -> str:
        return f"<EC key on {self._public.curve.name} behind a key provider>"

    @property
    def curve(self) -> ec.EllipticCurve:
        """The curve."""
        return self._public.curve

    @property
    def key_size(self) -> int:
        """Bits of the curve's field."""
        return self._public.key_size

    def public_key(self) -> ec.EllipticCurvePublicKey:
        """The public half."""
        return self._public

    def sign(self, data: Buffer, signature_algorithm: ec.EllipticCurveSignatureAlgorithm) -> bytes:
        """Sign with ECDSA; the result is a DER Ecdsa-Sig-Value.

        Raises:
            KeyStorageError: the provider cannot sign.
            cryptography.exceptions.UnsupportedAlgorithm: another algorithm or hash.
        """
        if not isinstance(signature_algorithm, ec.ECDSA):
            _refuse("signs with ECDSA only")
        return self._signer.sign(SignaturePadding.ECDSA, signature_algorithm.algorithm, data)

    def exchange(self, algorithm: ec.ECDH, peer_public_key: ec.EllipticCurvePublicKey) -> bytes:
        """Refused: keys are for signing only."""
        _refuse("signs only")

    def private_numbers(self) -> ec.EllipticCurvePrivateNumbers:
        """Refused: the key does not leave its provider."""
        _refuse("does not show its private numbers")

    def private_bytes(
        self,
        encoding: Encoding,
        format: PrivateFormat,  # noqa: A002 - the name that the interface gives
        encryption_algorithm: KeySerializationEncryption,
    ) -> bytes:
        """Refused: the key does not leave its provider."""
        _refuse("cannot be exported")

    def __copy__(self) -> TokenEcPrivateKey:
        return self

    def __deepcopy__(self, memo: dict[int, object]) -> TokenEcPrivateKey:
        return self


class TokenDsaPrivateKey(dsa.DSAPrivateKey):
    """A DSA key that can sign and tell its public half; DSA is out of date (FIPS 186-5)."""

    def __init__(self, provider: KeyProvider, locator: KeyLocator, key: dsa.DSAPublicKey) -> None:
        self._signer = _Signer(provider, locator, key)
        self._public = key

    def __repr__(self) -> str:
        return f"<DSA key of {self._public.key_size} bits behind a key provider>"

    @property
    def key_size(self) -> int:
        """Bits of p."""
        return self._public.key_size

    def public_key(self) -> dsa.DSAPublicKey:
        """The public half."""
        return self._public

    def parameters(self) -> dsa.DSAParameters:
        """p, q and g."""
        return self._public.parameters()

    def sign(self, data: Buffer, algorithm: Hash) -> bytes:
        """Sign; the result is a DER Dss-Sig-Value.

        Raises:
            KeyStorageError: the provider cannot sign.
            cryptography.exceptions.UnsupportedAlgorithm: another hash.
        """
        return self._signer.sign(SignaturePadding.DSA, algorithm, data)

    def private_numbers(self) -> dsa.DSAPrivateNumbers:
        """Refused: the key does not leave its provider."""
        _refuse("does not show its private numbers")

    def private_bytes(
        self,
        encoding: Encoding,
        format: PrivateFormat,  # noqa: A002 - the name that the interface gives
        encryption_algorithm: KeySerializationEncryption,
    ) -> bytes:
        """Refused: the key does not leave its provider."""
        _refuse("cannot be exported")

    def __copy__(self) -> TokenDsaPrivateKey:
        return self

    def __deepcopy__(self, memo: dict[int, object]) -> TokenDsaPrivateKey:
        return self


class TokenEd25519PrivateKey(ed25519.Ed25519PrivateKey):
    """An Ed25519 key that can sign and tell its public half."""

    def __init__(
        self, provider: KeyProvider, locator: KeyLocator, key: ed25519.Ed25519PublicKey
    ) -> None:
        self._signer = _Signer(provider, locator, key)
        self._public = key

    def __repr__(self) -> str:
        return "<Ed25519 key behind a key provider>"

    def public_key(self) -> ed25519.Ed25519PublicKey:
        """The public half."""
        return self._public

    def sign(self, data: Buffer) -> bytes:
        """Sign the message, which travels to the key's holder as a whole (RFC 8032).

        Raises:
            KeyStorageError: the provider cannot sign.
        """
        return self._signer.sign_digest(ED25519_SCHEME, bytes(data))

    def private_bytes_raw(self) -> bytes:
        """Refused: the key does not leave its provider."""
        _refuse("cannot be exported")

    def private_bytes(
        self,
        encoding: Encoding,
        format: PrivateFormat,  # noqa: A002 - the name that the interface gives
        encryption_algorithm: KeySerializationEncryption,
    ) -> bytes:
        """Refused: the key does not leave its provider."""
        _refuse("cannot be exported")

    def __copy__(self) -> TokenEd25519PrivateKey:
        return self

    def __deepcopy__(self, memo: dict[int, object]) -> TokenEd25519PrivateKey:
        return self

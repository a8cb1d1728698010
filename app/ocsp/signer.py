"""Signs responses with a key of a provider, and never lets a wrong signature out."""

from __future__ import annotations

import asyncio
import hashlib
from typing import TYPE_CHECKING

import structlog
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from app.domain.errors import InvalidInput, KeyStorageError
from app.domain.keys import HashAlgorithm, KeyAlgorithm, SignaturePadding, SignatureScheme
from app.pki.signatures import hash_of

if TYPE_CHECKING:
    from app.domain.keys import KeyLocator, KeyProvider

VERIFY_EVERY = 1000

log = structlog.get_logger(__name__)


class KeySigner:
    """A `ResponseSigner` over a `KeyProvider`; used on the responder's loop.

    The first signature and then each 1,000th is verified with the certificate's public key, since
    a token's answer is otherwise believed blindly; after a wrong one all are, until one is right.

    Args:
        provider: holds the key.
        locator: the key.
        certificate: DER of the certificate of that key.
        hash_algorithm: hash of the signatures.

    Raises:
        InvalidInput: the certificate is not of that key, or of a kind that cannot sign here.
    """

    def __init__(
        self,
        provider: KeyProvider,
        locator: KeyLocator,
        certificate: bytes,
        hash_algorithm: HashAlgorithm,
    ) -> None:
        self._provider = provider
        self._locator = locator
        self._certificate = certificate
        self._hash = hash_algorithm
        self._public_key = _public_key(certificate, locator)
        rsa_key = locator.algorithm is KeyAlgorithm.RSA
        self._family = "RSA" if rsa_key else "ECDSA"
        scheme_padding = SignaturePadding.PKCS1 if rsa_key else SignaturePadding.ECDSA
        self._scheme = SignatureScheme(scheme_padding, hash_algorithm)
        self._until_check = 0
        self._wrong = 0

    @property
    def certificate(self) -> bytes:
        """DER of the signing certificate."""
        return self._certificate

    @property
    def padding_and_hash(self) -> tuple[str, HashAlgorithm]:
        """`RSA` or `ECDSA`, and the hash."""
        return self._family, self._hash

    @property
    def wrong_signatures(self) -> int:
        """How many signatures did not verify and were thrown away."""
        return self._wrong

    async def sign(self, to_be_signed: bytes) -> bytes:
        """Sign the DER of ResponseData.

        Raises:
            KeyStorageError: the key cannot be used, or what it signed does not verify.
        """
        digest = hashlib.new(self._hash.value, to_be_signed).digest()
        future = self._provider.sign(self._locator, self._scheme, digest)
        signature = await asyncio.wrap_future(future)
        if self._until_check <= 0:
            self._check(signature, to_be_signed)
            self._until_check = VERIFY_EVERY
        self._until_check -= 1
        return signature

    def _check(self, signature: bytes, message: bytes) -> None:
        algorithm = hash_of(self._hash)
        try:
            if isinstance(self._public_key, rsa.RSAPublicKey):
                self._public_key.verify(signature, message, padding.PKCS1v15(), algorithm)
            else:
                self._public_key.verify(signature, message, ec.ECDSA(algorithm))
        except InvalidSignature as error:
            self._wrong += 1
            log.warning("a signature does not verify", key=self._locator.public_key_sha256)
            raise KeyStorageError(
                "The key storage returned a signature that does not verify, so it was not sent.",
                cause="The key on the token is not the key of the signing certificate, or the"
                " token is faulty.",
                remedy="Renew the signing certificate with a new key.",
                detail=f"key {self._locator.public_key_sha256} “{self._locator.label}”",
            ) from error


def _public_key(
    certificate: bytes, locator: KeyLocator
) -> rsa.RSAPublicKey | ec.EllipticCurvePublicKey:
    key = x509.load_der_x509_certificate(certificate).public_key()
    if not isinstance(key, rsa.RSAPublicKey | ec.EllipticCurvePublicKey):
        raise InvalidInput("The signing certificate has neither an RSA nor an ECDSA key.")
    encoded = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    if hashlib.sha256(encoded).hexdigest() != locator.public_key_sha256:
        raise InvalidInput(
            "The signing certificate does not belong to the key that should sign.",
            remedy="Enroll a new signing certificate.",
        )
    return key

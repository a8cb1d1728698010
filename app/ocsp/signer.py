"""Signs responses with a key of a provider, and never lets a wrong signature out."""

from __future__ import annotations

import asyncio
import hashlib
from typing import TYPE_CHECKING

import structlog
from cryptography import x509

from app.domain.errors import InvalidInput, KeyStorageError, TokenError
from app.domain.keys import HashAlgorithm, SignaturePadding, scheme_for
from app.pki.signatures import (
    family_of,
    public_key_der,
    require_usable,
    signature_matches,
)

if TYPE_CHECKING:
    from app.domain.keys import KeyLocator, KeyProvider
    from app.pki.signatures import PublicKey

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
        hash_algorithm: hash of the signatures; Ed25519 has its own.

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
        self._public_key = _public_key(certificate, locator)
        self._scheme = scheme_for(locator.algorithm, hash_algorithm)
        self._until_check = 0
        self._wrong = 0

    @property
    def certificate(self) -> bytes:
        """DER of the signing certificate."""
        return self._certificate

    @property
    def padding_and_hash(self) -> tuple[str, HashAlgorithm]:
        """`RSA`, `RSA-PSS`, `ECDSA`, `DSA` or `Ed25519`, and the hash."""
        pss = self._scheme.padding is SignaturePadding.PSS
        return family_of(self._locator.algorithm, pss=pss), self._scheme.hash

    @property
    def wrong_signatures(self) -> int:
        """How many signatures did not verify and were thrown away."""
        return self._wrong

    async def sign(self, to_be_signed: bytes) -> bytes:
        """Sign the DER of ResponseData.

        Raises:
            KeyStorageError: the key cannot be used, or what it signed does not verify.
        """
        try:
            signature = await self._sign(to_be_signed)
        except TokenError as error:
            if not self._pkcs1_refused(error):
                raise
            self._scheme = scheme_for(self._locator.algorithm, self._scheme.hash, pss=True)
            log.info("the token signs with RSASSA-PSS only", key=self._locator.public_key_sha256)
            signature = await self._sign(to_be_signed)
        if self._until_check <= 0:
            self._check(signature, to_be_signed)
            self._until_check = VERIFY_EVERY
        self._until_check -= 1
        return signature

    async def _sign(self, to_be_signed: bytes) -> bytes:
        signed = to_be_signed
        if self._scheme.padding is not SignaturePadding.EDDSA:
            signed = hashlib.new(self._scheme.hash.value, to_be_signed).digest()
        return await asyncio.wrap_future(self._provider.sign(self._locator, self._scheme, signed))

    def _pkcs1_refused(self, error: TokenError) -> bool:
        """Whether the token, in FIPS mode perhaps, has no PKCS #1 v1.5 for this RSA key."""
        refused = error.ckr == "CKR_MECHANISM_INVALID"
        return refused and self._scheme.padding is SignaturePadding.PKCS1

    def _check(self, signature: bytes, message: bytes) -> None:
        if not signature_matches(self._public_key, signature, message, self.padding_and_hash):
            self._wrong += 1
            log.warning("a signature does not verify", key=self._locator.public_key_sha256)
            raise KeyStorageError(
                "The key storage returned a signature that does not verify, so it was not sent.",
                cause="The key on the token is not the key of the signing certificate, or the"
                " token is faulty.",
                remedy="Renew the signing certificate with a new key.",
                detail=f"key {self._locator.public_key_sha256} “{self._locator.label}”",
            )


def _public_key(certificate: bytes, locator: KeyLocator) -> PublicKey:
    key = require_usable(x509.load_der_x509_certificate(certificate).public_key())
    if hashlib.sha256(public_key_der(key)).hexdigest() != locator.public_key_sha256:
        raise InvalidInput(
            "The signing certificate does not belong to the key that should sign.",
            remedy="Enroll a new signing certificate.",
        )
    return key

"""A token's keys under the name of its legacy provider: RSA only."""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.domain.errors import InvalidInput
from app.domain.keys import HashAlgorithm, KeyAlgorithm

if TYPE_CHECKING:
    from concurrent.futures import Future

    from app.domain.keys import KeyDescription, KeyLocator, KeyProvider, KeySpec, SignatureScheme
    from app.domain.secret import Secret


class LegacyProvider:
    """A `KeyProvider` over another that offers, lists and makes RSA keys alone."""

    def __init__(self, provider: KeyProvider, name: str) -> None:
        self._provider = provider
        self._name = name

    @property
    def name(self) -> str:
        """See KeyProvider."""
        return self._name

    def algorithms(self) -> tuple[KeyAlgorithm, ...]:
        """See KeyProvider."""
        return tuple(each for each in self._provider.algorithms() if each is KeyAlgorithm.RSA)

    def scheme(
        self, algorithm: KeyAlgorithm, hash_algorithm: HashAlgorithm = HashAlgorithm.SHA256
    ) -> SignatureScheme:
        """See KeyProvider."""
        return self._provider.scheme(algorithm, hash_algorithm)

    def generate(
        self, spec: KeySpec, label: str, *, so_pin: Secret | None = None
    ) -> KeyDescription:
        """See KeyProvider.

        Raises:
            InvalidInput: it is no RSA key.
        """
        if spec.algorithm is not KeyAlgorithm.RSA:
            raise InvalidInput(
                f"{self._name} makes no {spec.algorithm} keys.",
                cause="A legacy provider offers RSA only.",
                remedy="Choose RSA, or the key storage provider.",
            )
        return self._provider.generate(spec, label, so_pin=so_pin)

    def keys(self) -> tuple[KeyDescription, ...]:
        """See KeyProvider."""
        found = self._provider.keys()
        return tuple(key for key in found if key.locator.algorithm is KeyAlgorithm.RSA)

    def find(self, locator: KeyLocator) -> KeyDescription:
        """See KeyProvider."""
        return self._provider.find(locator)

    def delete(self, locator: KeyLocator) -> None:
        """See KeyProvider."""
        self._provider.delete(locator)

    def rename(self, locator: KeyLocator, label: str) -> KeyDescription:
        """See KeyProvider."""
        return self._provider.rename(locator, label)

    def sign(self, locator: KeyLocator, scheme: SignatureScheme, digest: bytes) -> Future[bytes]:
        """See KeyProvider."""
        return self._provider.sign(locator, scheme, digest)

"""Key algorithms, how a key is found again, and the interface of everything that holds keys."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

from app.domain.errors import InvalidInput

if TYPE_CHECKING:
    from concurrent.futures import Future


class KeyAlgorithm(StrEnum):
    """Algorithms as CNG names them; the part before `#` in a provider's listing."""

    RSA = "RSA"
    ECDSA_P256 = "ECDSA_P256"
    ECDSA_P384 = "ECDSA_P384"
    ECDSA_P521 = "ECDSA_P521"


class HashAlgorithm(StrEnum):
    """Hash algorithms for signatures."""

    SHA1 = "SHA1"
    SHA256 = "SHA256"
    SHA384 = "SHA384"
    SHA512 = "SHA512"


class SignaturePadding(StrEnum):
    """How a digest becomes a signature."""

    PKCS1 = "PKCS1"
    PSS = "PSS"
    ECDSA = "ECDSA"


EC_BITS = {
    KeyAlgorithm.ECDSA_P256: 256,
    KeyAlgorithm.ECDSA_P384: 384,
    KeyAlgorithm.ECDSA_P521: 521,
}
RSA_BITS = (2048, 3072, 4096)


@dataclass(frozen=True, slots=True)
class KeySpec:
    """What key to generate.

    Raises:
        InvalidInput: RSA below 2048, above 4096 or not a multiple of 1024; EC with another size.
    """

    algorithm: KeyAlgorithm
    bits: int

    def __post_init__(self) -> None:
        allowed = RSA_BITS if self.algorithm is KeyAlgorithm.RSA else (EC_BITS[self.algorithm],)
        if self.bits not in allowed:
            sizes = ", ".join(str(size) for size in allowed)
            raise InvalidInput(
                f"{self.algorithm} keys of {self.bits} bits are not offered.",
                remedy=f"Choose {sizes} bits.",
            )

    def __str__(self) -> str:
        return f"RSA {self.bits}" if self.algorithm is KeyAlgorithm.RSA else self.algorithm.value


@dataclass(frozen=True, slots=True)
class SignatureScheme:
    """Padding and hash of one signature; for PSS the salt is as long as the hash."""

    padding: SignaturePadding
    hash: HashAlgorithm


@dataclass(frozen=True, slots=True)
class TokenIdentity:
    """A token, whatever slot it stands in today.

    Serial and label are as the token reports them, without padding.
    """

    serial: str
    label: str


@dataclass(frozen=True, slots=True)
class KeyLocator:
    """Finds one key pair again: by public key first, then CKA_ID and label; never by handle.

    Attributes:
        library_path: path of the security library; "" for the software provider.
        token: the token; None for the software provider.
        public_key: DER SubjectPublicKeyInfo.
        public_key_sha256: SHA-256 of `public_key`, lower-case hex.
        cka_id: CKA_ID in lower-case hex; for a software key the name of its file.
        label: CKA_LABEL.
        algorithm: of the key.
        bits: modulus or field size.
    """

    library_path: str
    token: TokenIdentity | None
    public_key: bytes
    public_key_sha256: str
    cka_id: str
    label: str
    algorithm: KeyAlgorithm
    bits: int

    @property
    def spec(self) -> KeySpec:
        """Algorithm and size."""
        return KeySpec(self.algorithm, self.bits)


@dataclass(frozen=True, slots=True)
class KeyDescription:
    """One key pair as its holder reports it.

    Attributes:
        locator: how to find it again.
        has_private / has_public: which halves are there.
        extractable / sensitive: CKA_EXTRACTABLE and CKA_SENSITIVE; None where not reported.
        local: CKA_LOCAL, generated inside the token; None where not reported.
    """

    locator: KeyLocator
    has_private: bool
    has_public: bool
    extractable: bool | None
    sensitive: bool | None
    local: bool | None


class KeyProvider(Protocol):
    """Holds key pairs: one token opened with one PIN, or the software store.

    Every method may be called from any thread but the GUI's; those without a Future block.
    All raise `KeyStorageError`s.
    """

    @property
    def name(self) -> str:
        """Provider name without algorithm, for example `SafeNet Key Storage Provider`."""
        ...

    def algorithms(self) -> tuple[KeyAlgorithm, ...]:
        """What the token can generate and sign with, from its mechanism list."""
        ...

    def generate(self, spec: KeySpec, label: str) -> KeyDescription:
        """Generate a non-extractable, sensitive pair with a fresh CKA_ID, persistent on return."""
        ...

    def keys(self) -> tuple[KeyDescription, ...]:
        """All key pairs that can be seen after login."""
        ...

    def find(self, locator: KeyLocator) -> KeyDescription:
        """The pair that a locator means.

        Raises:
            KeyAbsent: it is not there.
        """
        ...

    def delete(self, locator: KeyLocator) -> None:
        """Delete both halves.

        Raises:
            KeyAbsent: it is not there.
        """
        ...

    def sign(self, locator: KeyLocator, scheme: SignatureScheme, digest: bytes) -> Future[bytes]:
        """Sign a digest made with `scheme.hash`.

        The result is as X.509 wants it (ECDSA: DER Ecdsa-Sig-Value).
        """
        ...

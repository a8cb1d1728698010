"""Key algorithms, how a key is found again, and the interface of everything that holds keys."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

from app.domain.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Iterable
    from concurrent.futures import Future

    from app.domain.secret import Secret


class KeyAlgorithm(StrEnum):
    """Algorithms as CNG names them; the part before `#` in a provider's listing.

    Made from a text, the case of its letters does not matter.
    """

    RSA = "RSA"
    DSA = "DSA"
    ECDSA_P256 = "ECDSA_P256"
    ECDSA_P384 = "ECDSA_P384"
    ECDSA_P521 = "ECDSA_P521"
    ED25519 = "Ed25519"

    @classmethod
    def _missing_(cls, value: object) -> KeyAlgorithm | None:
        wanted = str(value).casefold()
        return next((each for each in cls if each.value.casefold() == wanted), None)

    @property
    def outdated(self) -> bool:
        """Out of date: offered where it must be, never proposed (FIPS 186-5 withdrew DSA)."""
        return self is KeyAlgorithm.DSA

    @property
    def text(self) -> str:
        """The name to read in a list, with a mark where it is out of date."""
        return f"{self.value} (out of date)" if self.outdated else self.value


class HashAlgorithm(StrEnum):
    """Hash algorithms for signatures."""

    SHA1 = "SHA1"
    SHA256 = "SHA256"
    SHA384 = "SHA384"
    SHA512 = "SHA512"

    @property
    def outdated(self) -> bool:
        """Out of date: signatures with it can be forged."""
        return self is HashAlgorithm.SHA1

    @property
    def text(self) -> str:
        """The name to read in a list, with a mark where it is out of date."""
        return f"{self.value} (out of date)" if self.outdated else self.value


class SignaturePadding(StrEnum):
    """How a digest becomes a signature."""

    PKCS1 = "PKCS1"
    PSS = "PSS"
    ECDSA = "ECDSA"
    DSA = "DSA"
    EDDSA = "EDDSA"


EC_BITS = {
    KeyAlgorithm.ECDSA_P256: 256,
    KeyAlgorithm.ECDSA_P384: 384,
    KeyAlgorithm.ECDSA_P521: 521,
}
RSA_BITS = (2048, 3072, 4096)
#: Sizes that are offered, the smallest first.
KEY_BITS: dict[KeyAlgorithm, tuple[int, ...]] = {
    KeyAlgorithm.RSA: RSA_BITS,
    KeyAlgorithm.DSA: (2048, 3072),
    **{algorithm: (bits,) for algorithm, bits in EC_BITS.items()},
    KeyAlgorithm.ED25519: (256,),
}
LABEL_CHARACTERS = 100


@dataclass(frozen=True, slots=True)
class KeySpec:
    """What key to generate.

    Raises:
        InvalidInput: a size that is not among `KEY_BITS`.
    """

    algorithm: KeyAlgorithm
    bits: int

    def __post_init__(self) -> None:
        allowed = KEY_BITS[self.algorithm]
        if self.bits not in allowed:
            sizes = ", ".join(str(size) for size in allowed)
            raise InvalidInput(
                f"{self.algorithm} keys of {self.bits} bits are not offered.",
                remedy=f"Choose {sizes} bits.",
            )

    def __str__(self) -> str:
        sizes = KEY_BITS[self.algorithm]
        return f"{self.algorithm} {self.bits}" if len(sizes) > 1 else self.algorithm.value


@dataclass(frozen=True, slots=True)
class SignatureScheme:
    """Padding and hash of one signature; for PSS the salt is as long as the hash.

    With `EDDSA` the hash is part of the algorithm (`ED25519_SCHEME`), and what is signed is the
    message itself.
    """

    padding: SignaturePadding
    hash: HashAlgorithm


# RFC 8032 §5.1: PureEdDSA hashes with SHA-512 inside.
ED25519_SCHEME = SignatureScheme(SignaturePadding.EDDSA, HashAlgorithm.SHA512)


def scheme_for(
    algorithm: KeyAlgorithm,
    hash_algorithm: HashAlgorithm = HashAlgorithm.SHA256,
    *,
    pss: bool = False,
) -> SignatureScheme:
    """How keys of an algorithm sign; `pss` is for RSA keys only and means nothing to others."""
    if algorithm is KeyAlgorithm.ED25519:
        return ED25519_SCHEME
    if algorithm is KeyAlgorithm.RSA:
        padding = SignaturePadding.PSS if pss else SignaturePadding.PKCS1
    elif algorithm is KeyAlgorithm.DSA:
        padding = SignaturePadding.DSA
    else:
        padding = SignaturePadding.ECDSA
    return SignatureScheme(padding, hash_algorithm)


def current_first(algorithms: Iterable[KeyAlgorithm]) -> tuple[KeyAlgorithm, ...]:
    """In the order in which they are offered: those that are out of date last."""
    offered = set(algorithms)
    ordered = sorted(KeyAlgorithm, key=lambda algorithm: algorithm.outdated)
    return tuple(algorithm for algorithm in ordered if algorithm in offered)


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


def check_key_label(label: str) -> None:
    """Refuse what is not possible as the label of a key.

    Raises:
        InvalidInput: it is empty or too long.
    """
    if not label.strip() or len(label) > LABEL_CHARACTERS:
        raise InvalidInput(f"The name of a key has 1 to {LABEL_CHARACTERS} characters.")


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

    def generate(
        self, spec: KeySpec, label: str, *, so_pin: Secret | None = None
    ) -> KeyDescription:
        """Generate a non-extractable, sensitive pair with a fresh CKA_ID, persistent on return.

        Args:
            spec: algorithm and size.
            label: of both halves; no other key may have it.
            so_pin: where only the security officer may generate keys: his PIN.

        Raises:
            InvalidInput: the label is empty or too long, or there is no security officer.
            NameInUse: a key of that label is there.
        """
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

    def rename(self, locator: KeyLocator, label: str) -> KeyDescription:
        """Give both halves another label; the pair as it is found from then on.

        Raises:
            InvalidInput: the label is empty or too long.
            NameInUse: another key has that label.
            KeyAbsent: it is not there.
        """
        ...

    def scheme(
        self, algorithm: KeyAlgorithm, hash_algorithm: HashAlgorithm = HashAlgorithm.SHA256
    ) -> SignatureScheme:
        """How keys of an algorithm sign here: RSA with PSS where there is nothing else."""
        ...

    def delete(self, locator: KeyLocator) -> None:
        """Delete both halves.

        Raises:
            KeyAbsent: it is not there.
        """
        ...

    def sign(self, locator: KeyLocator, scheme: SignatureScheme, digest: bytes) -> Future[bytes]:
        """Sign a digest made with `scheme.hash`; with `EDDSA`, the message itself.

        The result is as X.509 wants it (ECDSA and DSA: DER of r and s; EdDSA: 64 bytes).
        """
        ...

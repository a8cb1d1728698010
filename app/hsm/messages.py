"""What a process and its key isolation processes tell one another, encoded with msgspec."""

from __future__ import annotations

from typing import Literal, TypeVar

import msgspec

from app.domain.keys import TokenIdentity
from app.domain.tokens import LibraryInfo, Mechanism, SlotFacts


class _Message(msgspec.Struct, frozen=True, tag=True):
    """Base of all messages: immutable and told apart by the name of the class."""


class _SecretMessage(_Message, frozen=True):
    """A message that carries a PIN and therefore shows nothing of itself."""

    def __repr__(self) -> str:
        return f"{type(self).__name__}(•••)"


class KeyQuery(msgspec.Struct, frozen=True):
    """How a key pair is found on a token, in the order of trust.

    Attributes:
        kind: of the key.
        modulus / exponent: RSA, big-endian without leading zeros; b"" for EC.
        point: EC, uncompressed; b"" for RSA.
        cka_id / label: the hints that are left where the token shows no public values.
    """

    kind: Literal["RSA", "EC"]
    modulus: bytes
    exponent: bytes
    point: bytes
    cka_id: bytes
    label: str


class KeyObject(msgspec.Struct, frozen=True):
    """One half of a key pair as the token shows it; None for what it does not report."""

    handle: int
    private: bool
    kind: Literal["RSA", "EC"]
    cka_id: bytes
    label: str
    modulus: bytes | None = None
    exponent: bytes | None = None
    ec_params: bytes | None = None
    ec_point: bytes | None = None
    public_key_info: bytes | None = None
    sensitive: bool | None = None
    extractable: bool | None = None
    local: bool | None = None


# --- requests ---------------------------------------------------------------------------------


class Load(_Message, frozen=True):
    """Load and initialise the library; always the first request.

    Attributes:
        path: of the library.
        environment: variables to set before.
        initialisation: string for C_Initialize's pReserved.
        lanes: signing sessions of each token.
        patience: seconds after which the process ends itself in a call that holds the global lock.
    """

    path: str
    environment: tuple[tuple[str, str], ...]
    initialisation: str
    lanes: int
    patience: float


class ListSlots(_Message, frozen=True):
    """Answered by `Slots`."""


class ListMechanisms(_Message, frozen=True):
    """Answered by `Mechanisms`."""

    token: TokenIdentity


class InitialiseToken(_SecretMessage, frozen=True):
    """C_InitToken and C_InitPIN; answered by `Slots` with the one slot."""

    slot_id: int
    label: str
    so_pin: bytes
    user_pin: bytes


class Login(_SecretMessage, frozen=True):
    """C_Login, once; the PIN is kept for logging in again after a lost session.

    `pin` is None where the token has its own PIN pad; `confirmed` says that a person has tried it
    with success since it was refused.
    """

    token: TokenIdentity
    pin: bytes | None
    confirmed: bool = False


class Generate(_Message, frozen=True):
    """Generate a pair; answered by `Keys` with both halves.

    Attributes:
        bits: modulus size for RSA.
        curve: DER of the curve's object identifier for EC, else b"".
    """

    token: TokenIdentity
    kind: Literal["RSA", "EC"]
    bits: int
    curve: bytes
    label: str
    cka_id: bytes


class ListKeys(_Message, frozen=True):
    """All halves of RSA and EC pairs, or those with one CKA_ID; answered by `Keys`."""

    token: TokenIdentity
    cka_id: bytes | None = None


class FindKey(_Message, frozen=True):
    """Both halves of one pair; answered by `Keys`, empty when it is not there."""

    token: TokenIdentity
    query: KeyQuery


class Destroy(_Message, frozen=True):
    """C_DestroyObject on handles that this very process has just told; answered by `Done`."""

    token: TokenIdentity
    handles: tuple[int, ...]


class Sign(_Message, frozen=True):
    """One signature; answered by `Signature` with what C_Sign returned.

    Attributes:
        key: SHA-256 of the public key.
        query: how to find it; left out once this process has been told.
        mechanism: CKM number.
        pss: hashAlg, mgf and sLen of CK_RSA_PKCS_PSS_PARAMS; None for other mechanisms.
    """

    token: TokenIdentity
    key: bytes
    query: KeyQuery | None
    mechanism: int
    pss: tuple[int, int, int] | None
    data: bytes


class Finish(_Message, frozen=True):
    """End yourself after C_Finalize; not answered."""


Request = (
    Load
    | ListSlots
    | ListMechanisms
    | InitialiseToken
    | Login
    | Generate
    | ListKeys
    | FindKey
    | Destroy
    | Sign
    | Finish
)

# --- answers ----------------------------------------------------------------------------------


class Loaded(_Message, frozen=True):
    """The library is initialised."""

    info: LibraryInfo


class Slots(_Message, frozen=True):
    """Slots as far as they could be read."""

    slots: tuple[SlotFacts, ...]


class Mechanisms(_Message, frozen=True):
    """The token's mechanisms."""

    mechanisms: tuple[Mechanism, ...]


class Keys(_Message, frozen=True):
    """Halves of key pairs."""

    objects: tuple[KeyObject, ...]


class Signature(_Message, frozen=True):
    """Exactly what C_Sign returned."""

    value: bytes


class Done(_Message, frozen=True):
    """Nothing to tell but that it worked."""


FailureKind = Literal[
    "answer",  # a Cryptoki function answered other than CKR_OK
    "not loaded",  # the system's loader refused the library
    "no module",  # it has no C_GetFunctionList
    "token absent",
    "token initialised",
    "key absent",
    "name in use",
    "login needed",
    "pin refused before",
    "bug",
]


class Failure(_Message, frozen=True):
    """Why a request failed.

    Attributes:
        kind: what sort of failure.
        text: the loader's words, or a traceback for a bug; never a secret.
        function / ckr: for an answer of the library.
        pin_flags: CKF flags of the token after a refused PIN, else 0.
    """

    kind: FailureKind
    text: str = ""
    function: str = ""
    ckr: str = ""
    pin_flags: int = 0


A = TypeVar("A", bound=_Message)

Answer = Loaded | Slots | Mechanisms | Keys | Signature | Done | Failure

# --- frames -----------------------------------------------------------------------------------


class Call(msgspec.Struct, frozen=True, array_like=True):
    """A numbered request."""

    number: int
    request: Request


class Reply(msgspec.Struct, frozen=True, array_like=True):
    """The answer to the request of that number."""

    number: int
    answer: Answer


def expect(kind: type[A], answer: Answer) -> A:
    """The answer as the kind that its request has; anything else is a bug."""
    if not isinstance(answer, kind):
        raise TypeError(f"{type(answer).__name__} instead of {kind.__name__}")
    return answer

"""What a process and its key isolation processes tell one another, encoded with msgspec."""

from __future__ import annotations

from typing import Literal, TypeVar

import msgspec

from app.domain.keys import TokenIdentity
from app.domain.tokens import LibraryInfo, Mechanism, SlotFacts

KeyKind = Literal["RSA", "DSA", "EC", "EDWARDS"]


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
        modulus / exponent: RSA, big-endian without leading zeros; else b"".
        point: EC, uncompressed, or Edwards, the raw public key; else b"".
        cka_id / label: the hints that are left where the token shows no public values.
        value: DSA, y, big-endian without leading zeros; else b"".
        public_key: DER SubjectPublicKeyInfo, to recognise the private key by what it signs where
            nothing else tells it.
    """

    kind: KeyKind
    modulus: bytes
    exponent: bytes
    point: bytes
    cka_id: bytes
    label: str
    value: bytes = b""
    public_key: bytes = b""


class KeyObject(msgspec.Struct, frozen=True):
    """One half of a key pair as the token shows it; None for what it does not report."""

    handle: int
    private: bool
    kind: KeyKind
    cka_id: bytes
    label: str
    modulus: bytes | None = None
    exponent: bytes | None = None
    ec_params: bytes | None = None
    ec_point: bytes | None = None
    prime: bytes | None = None
    subprime: bytes | None = None
    base: bytes | None = None
    value: bytes | None = None
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
        call_log: file to which calls are written, see `LogCalls`; "" for none.
        keep_alive: seconds after which a login is looked after, so that an idle one is not dropped.
    """

    path: str
    environment: tuple[tuple[str, str], ...]
    initialisation: str
    lanes: int
    patience: float
    call_log: str = ""
    keep_alive: float = 60.0


class ListSlots(_Message, frozen=True):
    """Answered by `Slots`."""


class LogCalls(_Message, frozen=True):
    """Write every PKCS#11 call to a file from now on, or stop with ""; answered by `Done`.

    PINs are left out; the file is made with mode 0600 and does not grow without bound.
    """

    path: str


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
    with success since it was refused. `lanes` are the token's signing sessions from now on; 0
    keeps what `Load` said. Answered by `LoggedIn`.
    """

    token: TokenIdentity
    pin: bytes | None
    confirmed: bool = False
    lanes: int = 0


class SetLanes(_Message, frozen=True):
    """Give a token that is logged in another number of signing sessions; answered by `LoggedIn`."""

    token: TokenIdentity
    lanes: int


class ChangePin(_SecretMessage, frozen=True):
    """C_SetPIN of the user or of the security officer; only in a process that is not logged in.

    Answered by `Done`.
    """

    token: TokenIdentity
    officer: bool
    old_pin: bytes
    new_pin: bytes


class UnlockPin(_SecretMessage, frozen=True):
    """C_Login as security officer and C_InitPIN; only in a process that is not logged in.

    Answered by `Done`.
    """

    token: TokenIdentity
    so_pin: bytes
    new_pin: bytes


class Generate(_SecretMessage, frozen=True):
    """Generate a pair; answered by `Keys` with both halves.

    Attributes:
        bits: modulus size for RSA and DSA.
        curve: DER CKA_EC_PARAMS for EC and Edwards, else b"".
        parameters: p, q and g, big-endian, for DSA; else None.
        so_pin: where only the security officer may generate keys: his PIN; None as a rule.
    """

    token: TokenIdentity
    kind: KeyKind
    bits: int
    curve: bytes
    label: str
    cka_id: bytes
    parameters: tuple[bytes, bytes, bytes] | None = None
    so_pin: bytes | None = None


class TrySigning(_Message, frozen=True):
    """Sign with a session key that is gone afterwards; needs a login. Answered by `Tried`."""

    token: TokenIdentity


class SetLabel(_Message, frozen=True):
    """C_SetAttributeValue of CKA_LABEL on handles that this very process has just told.

    Answered by `Done`.
    """

    token: TokenIdentity
    handles: tuple[int, ...]
    label: str


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
    | LogCalls
    | ListMechanisms
    | InitialiseToken
    | Login
    | SetLanes
    | ChangePin
    | UnlockPin
    | TrySigning
    | SetLabel
    | Generate
    | ListKeys
    | FindKey
    | Destroy
    | Sign
    | Finish
)

# --- answers ----------------------------------------------------------------------------------


class Loaded(_Message, frozen=True):
    """The library is initialised; `problem` says why its calls are not written, "" if nothing."""

    info: LibraryInfo
    problem: str = ""


class LoggedIn(_Message, frozen=True):
    """The token is logged in, and has so many signing sessions.

    They are fewer than were asked for where the library cannot lock or the token has too few.
    """

    lanes: int


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


class Tried(_Message, frozen=True):
    """A signature by a session key.

    Attributes:
        public: its public half, for verifying here.
        mechanism: CKM of the signature.
        data / value: what was signed, and what C_Sign returned.
        milliseconds: that C_SignInit and C_Sign took.
    """

    public: KeyObject
    mechanism: int
    data: bytes
    value: bytes
    milliseconds: float = 0.0


class Done(_Message, frozen=True):
    """Nothing to tell but that it worked."""


FailureKind = Literal[
    "answer",  # a Cryptoki function answered other than CKR_OK
    "not loaded",  # the system's loader refused the library
    "no module",  # it has no C_GetFunctionList
    "not written",  # the call log's file cannot be opened
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
        calls: the last calls to the library with their answers, oldest first, for an answer that
            does not say why; no secrets.
        mechanism: the last one before such an answer; "" for none.
    """

    kind: FailureKind
    text: str = ""
    function: str = ""
    ckr: str = ""
    pin_flags: int = 0
    calls: tuple[str, ...] = ()
    mechanism: str = ""


A = TypeVar("A", bound=_Message)

Answer = Loaded | LoggedIn | Slots | Mechanisms | Keys | Signature | Tried | Done | Failure

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

"""What a security library and its slots report of themselves."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from app.domain.keys import TokenIdentity


@dataclass(frozen=True, slots=True)
class LibrarySpec:
    """How to load a library.

    Absolute path, environment variables of its process, and the string for C_Initialize's
    pReserved ("" for none).
    """

    path: str
    environment: tuple[tuple[str, str], ...] = ()
    initialisation: str = ""


@dataclass(frozen=True, slots=True)
class LibraryInfo:
    """C_GetInfo, without padding."""

    manufacturer: str
    description: str
    cryptoki_version: str
    library_version: str


class PinState(StrEnum):
    """What the token's flags say of the user PIN."""

    READY = "ready"
    COUNT_LOW = "count low"
    FINAL_TRY = "final try"
    LOCKED = "locked"
    TO_BE_CHANGED = "to be changed"


@dataclass(frozen=True, slots=True)
class SlotFacts:
    """One slot as the library reports it; what is not reported is None.

    `token` is None for a slot without a token or with one that is not initialised; then
    `initialised` tells which of the two it is. `total_memory` and `free_memory` are bytes for
    private objects; `max_sessions` 0 means without limit. A flag that a token does not set is no
    statement: `pin_state` None means that it does not say whether its user PIN is set.
    """

    slot_id: int
    description: str
    manufacturer: str
    token: TokenIdentity | None
    token_present: bool
    initialised: bool
    model: str | None = None
    firmware: str | None = None
    token_manufacturer: str | None = None
    pin_state: PinState | None = None
    protected_authentication_path: bool = False
    min_pin: int | None = None
    max_pin: int | None = None
    problem: str = ""
    hardware: str | None = None
    so_pin_state: PinState | None = None
    write_protected: bool = False
    total_memory: int | None = None
    free_memory: int | None = None
    max_sessions: int | None = None
    sessions: int | None = None


@dataclass(frozen=True, slots=True)
class Mechanism:
    """One mechanism of a token.

    CKM name (or hex), key sizes in the token's own unit, flag names such as `sign` and
    `generate_key_pair`.
    """

    name: str
    code: int
    min_size: int
    max_size: int
    flags: frozenset[str] = field(default_factory=frozenset)


@dataclass(frozen=True, slots=True)
class SlotTrial:
    """What a login to a token and a signature with a key of one session showed.

    Attributes:
        mechanisms: of the token.
        signed: whether a session key signed and the signature was verified.
        algorithm: of the session key, for example `ECDSA_P256`; "" when none was generated.
        milliseconds: that the signature took; 0 without one.
        problem: why no session key signed, one or two sentences; "" when it did.
        may_generate: whether this role may generate keys; None when that is not known.
    """

    mechanisms: tuple[Mechanism, ...]
    signed: bool
    algorithm: str
    milliseconds: float
    problem: str
    may_generate: bool | None

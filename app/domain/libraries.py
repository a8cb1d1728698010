"""Registered security libraries and slots."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from app.domain.ids import LibraryId, RegistrationId
from app.domain.keys import KeyAlgorithm, TokenIdentity
from app.domain.principals import AccountName
from app.domain.tokens import LibraryInfo, LibrarySpec

SOFTWARE_PROVIDER = "Software Key Storage Provider"
LUNA_VENDORS = frozenset({"SafeNet", "Luna", "Thales"})
DEFAULT_LANES = 4
MAX_LANES = 32


@dataclass(frozen=True, slots=True)
class Library:
    """A registered security library.

    Attributes:
        info: what it said when it was registered or reloaded last.
        disabled_at: since when nothing loads it; None while it is in use.
        call_log: whether its PKCS#11 calls are written to a file.
        legacy_at: since when its legacy provider is registered; None when it is not.
    """

    id: LibraryId
    spec: LibrarySpec
    vendor: str
    info: LibraryInfo
    registered_at: datetime
    disabled_at: datetime | None = None
    call_log: bool = False
    legacy_at: datetime | None = None

    @property
    def legacy_name(self) -> str:
        """Name of its legacy provider (CAPI): RSA only, the one for templates of schema 2."""
        if self.vendor in LUNA_VENDORS:
            return "Luna Cryptographic Services for Microsoft Windows"
        return f"{self.vendor} Cryptographic Services"

    @property
    def provider_name(self) -> str:
        """Name of its key storage provider, without algorithm."""
        return f"{self.vendor} Key Storage Provider"


@dataclass(frozen=True, slots=True)
class SlotRegistration:
    """A token that one account may open.

    Attributes:
        slot_hint: the slot id at the last sight; a hint that changes, never an identity.
        pin_refused_at: when the token last refused the stored PIN; None when it is trusted.
        ask_at_start: no password is stored; a person enters it each time the program starts.
    """

    id: RegistrationId
    library_id: LibraryId
    token: TokenIdentity
    account: AccountName
    slot_hint: int
    registered_at: datetime
    pin_refused_at: datetime | None = None
    ask_at_start: bool = False

    @property
    def secret_name(self) -> str:
        """Under which the secret store keeps the slot password."""
        return f"slot/{self.token.serial}/{self.account.key}"


@dataclass(frozen=True, slots=True)
class TokenSettings:
    """What was decided for one token of a library, whoever uses it.

    Attributes:
        lanes: signatures that run side by side, 1 to `MAX_LANES`.
        retire_after_days: days after which keys of certificates that are past are deleted by
            themselves; None for never.
        policies_confirmed_by / policies_confirmed_at: who said, and when, that the partition
            policies 22 and 23 are on, which PKCS#11 does not tell; None when nobody has.
    """

    lanes: int = DEFAULT_LANES
    retire_after_days: int | None = None
    policies_confirmed_by: AccountName | None = None
    policies_confirmed_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class ProviderEntry:
    """One line of the provider list: `RSA#SafeNet Key Storage Provider`."""

    provider: str
    algorithm: KeyAlgorithm

    def __str__(self) -> str:
        return f"{self.algorithm}#{self.provider}"

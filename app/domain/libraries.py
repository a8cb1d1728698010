"""Registered security libraries and slots."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from app.domain.ids import LibraryId, RegistrationId
from app.domain.keys import KeyAlgorithm, TokenIdentity
from app.domain.principals import AccountName
from app.domain.tokens import LibraryInfo, LibrarySpec

SOFTWARE_PROVIDER = "Software Key Storage Provider"


@dataclass(frozen=True, slots=True)
class Library:
    """A registered security library; `info` is what it said when it was registered."""

    id: LibraryId
    spec: LibrarySpec
    vendor: str
    info: LibraryInfo
    registered_at: datetime

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
    """

    id: RegistrationId
    library_id: LibraryId
    token: TokenIdentity
    account: AccountName
    slot_hint: int
    registered_at: datetime
    pin_refused_at: datetime | None = None

    @property
    def secret_name(self) -> str:
        """Under which the secret store keeps the slot password."""
        return f"slot/{self.token.serial}/{self.account.key}"


@dataclass(frozen=True, slots=True)
class ProviderEntry:
    """One line of the provider list: `RSA#SafeNet Key Storage Provider`."""

    provider: str
    algorithm: KeyAlgorithm

    def __str__(self) -> str:
        return f"{self.algorithm}#{self.provider}"

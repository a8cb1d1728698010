"""Tells where the account of the Online Responder reaches the key of a CA."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from app.domain.libraries import SlotRegistration
from app.domain.services import ServiceName

if TYPE_CHECKING:
    from app.domain.keys import TokenIdentity
    from app.domain.principals import AccountName
    from app.store.database import Transaction

RECOMMENDATION = "A partition of its own for the responder is recommended."


@dataclass(frozen=True, slots=True)
class Exposure:
    """A registration through which the responder's account could sign with a CA's key.

    Attributes:
        registration: of the responder's account.
        authorities: names of the CAs whose keys the token holds.
    """

    registration: SlotRegistration
    authorities: tuple[str, ...]

    @property
    def sentence(self) -> str:
        """What it means, one sentence."""
        row, names = self.registration, " and ".join(self.authorities)
        return (
            f"The account of the responder, {row.account}, reaches the key of {names} "
            f"in the token {row.token.label}."
        )


def exposures(tx: Transaction) -> tuple[Exposure, ...]:
    """All such registrations as they stand now."""
    account = tx.services.get(ServiceName.ONLINE_RESPONDER).log_on_as
    paths = {library.id: library.spec.path for library in tx.libraries.all()}
    found: list[Exposure] = []
    for row in tx.registrations.all():
        names = authorities_on(tx, paths[row.library_id], row.token)
        if names and row.account.key == account.key:
            found.append(Exposure(row, names))
    return tuple(found)


def authorities_on(tx: Transaction, path: str, token: TokenIdentity) -> tuple[str, ...]:
    """Names of the CAs that have their key on a token."""
    return tuple(
        authority.name
        for authority in tx.authorities.all()
        if (authority.key.library_path, authority.key.token) == (path, token)
    )


def warning_for(
    tx: Transaction, path: str, token: TokenIdentity, accounts: tuple[AccountName, ...]
) -> str:
    """What to say before a token is registered for these accounts; "" when nothing is."""
    responder = tx.services.get(ServiceName.ONLINE_RESPONDER).log_on_as
    names = authorities_on(tx, path, token)
    if not names or responder.key not in {account.key for account in accounts}:
        return ""
    return (
        f"{responder} is the account of the responder, and this token holds the key of "
        f"{' and '.join(names)}. {RECOMMENDATION}"
    )

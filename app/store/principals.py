"""Principals that the administrator added to the local directory."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import delete, insert, select, update

from app.domain.errors import InvalidInput, NameInUse, NotFound
from app.domain.events import Entity
from app.domain.principals import Principal, PrincipalKind
from app.store.schema import principal
from app.store.statements import unique_or

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from app.domain.principals import AccountName
    from app.store.statements import Statements


class Principals:
    """Added principals by account; the built-in ones are not kept here."""

    def __init__(self, statements: Statements) -> None:
        self._statements = statements

    def all(self) -> tuple[Principal, ...]:
        """All added principals by name."""
        rows = self._statements.rows(select(principal).order_by(principal.c.account_key))
        return tuple(_principal(row) for row in rows)

    def add(self, added: Principal) -> None:
        """Add a principal.

        Raises:
            NameInUse: one of that account exists.
        """
        values = {
            "account_key": added.account.key,
            "account": added.account,
            "kind": added.kind,
            "description": added.description,
            "members": added.members,
        }
        with unique_or(NameInUse(f"{added.account} exists already.")):
            self._statements.run(insert(principal).values(values))
        self._statements.changed(Entity.PRINCIPAL, added.account)

    def remove(self, account: AccountName) -> None:
        """Remove a principal, also from the groups that hold it.

        Raises:
            NotFound: none of that account was added.
        """
        same = principal.c.account_key == account.key
        if self._statements.run(delete(principal).where(same)).rowcount == 0:
            raise _not_added(account)
        for group in self.all():
            kept = tuple(member for member in group.members if member.key != account.key)
            if kept != group.members:
                self._set_members(group.account, kept)
        self._statements.changed(Entity.PRINCIPAL, account)

    def set_members(self, group: AccountName, members: Iterable[AccountName]) -> None:
        """Replace the members of a group.

        Raises:
            NotFound: none of that account was added.
            InvalidInput: it is no group.
        """
        same = principal.c.account_key == group.key
        row = self._statements.row(select(principal).where(same))
        if row is None:
            raise _not_added(group)
        if row["kind"] is not PrincipalKind.GROUP:
            raise InvalidInput(f"{group} is not a group, so it has no members.")
        self._set_members(group, tuple(members))

    def _set_members(self, group: AccountName, members: tuple[AccountName, ...]) -> None:
        same = principal.c.account_key == group.key
        self._statements.run(update(principal).where(same).values(members=members))
        self._statements.changed(Entity.PRINCIPAL, group)


def _principal(row: Mapping[Any, Any]) -> Principal:
    return Principal(
        account=row["account"],
        kind=row["kind"],
        description=row["description"],
        members=row["members"],
    )


def _not_added(account: AccountName) -> NotFound:
    return NotFound(
        f"{account} was not added to the directory.",
        remedy="Built-in principals can be neither changed nor removed.",
    )

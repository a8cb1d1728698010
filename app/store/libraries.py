"""Registered security libraries and slots."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from app.domain.errors import InUse, NameInUse, NotFound
from app.domain.events import Entity
from app.domain.ids import LibraryId, RegistrationId
from app.domain.keys import TokenIdentity
from app.domain.libraries import Library, SlotRegistration
from app.store.schema import library, registration
from app.store.statements import to_record, unique_or, unneeded_or

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from sqlalchemy import ColumnElement

    from app.domain.principals import AccountName
    from app.domain.tokens import LibraryInfo, LibrarySpec
    from app.store.statements import Statements


class Libraries:
    """Security libraries; one row a path."""

    def __init__(self, statements: Statements) -> None:
        self._statements = statements

    def add(
        self, spec: LibrarySpec, vendor: str, info: LibraryInfo, registered_at: datetime
    ) -> Library:
        """Register a library.

        Raises:
            NameInUse: that path is registered already.
        """
        values = {
            "path": spec.path,
            "spec": spec,
            "vendor": vendor,
            "info": info,
            "registered_at": registered_at,
        }
        with unique_or(NameInUse(f"The library {spec.path} is registered already.")):
            identity = LibraryId(self._statements.insert(library, values))
        self._statements.changed(Entity.LIBRARY, identity)
        return self.get(identity)

    def get(self, library_id: LibraryId) -> Library:
        """The library of that id.

        Raises:
            NotFound: there is none.
        """
        row = self._statements.row(select(library).where(library.c.id == library_id))
        if row is None:
            raise _no_library(library_id)
        return to_record(Library, row)

    def by_path(self, path: str) -> Library | None:
        """The library registered from that path."""
        row = self._statements.row(select(library).where(library.c.path == path))
        return None if row is None else to_record(Library, row)

    def all(self) -> tuple[Library, ...]:
        """All libraries in the order of their registration."""
        rows = self._statements.rows(select(library).order_by(library.c.id))
        return tuple(to_record(Library, row) for row in rows)

    def remove(self, library_id: LibraryId) -> None:
        """Forget a library.

        Raises:
            NotFound: there is none of that id.
            InUse: slots are registered with it.
        """
        needed = InUse(
            "The library is still needed.",
            cause="Slots are registered with it.",
            remedy="Unregister its slots first.",
        )
        with unneeded_or(needed):
            removed = self._statements.remove(library, library_id)
        if not removed:
            raise _no_library(library_id)
        self._statements.changed(Entity.LIBRARY, library_id)


class Registrations:
    """Slot registrations; one row a token, account and library."""

    def __init__(self, statements: Statements) -> None:
        self._statements = statements

    def add(
        self,
        library_id: LibraryId,
        token: TokenIdentity,
        account: AccountName,
        slot_hint: int,
        at: datetime,
    ) -> SlotRegistration:
        """Register a token for an account.

        Raises:
            NameInUse: that account has it registered already.
            NotFound: there is no such library.
        """
        values = {
            "library_id": library_id,
            "token_serial": token.serial,
            "token_label": token.label,
            "account": account,
            "account_key": account.key,
            "slot_hint": slot_hint,
            "registered_at": at,
        }
        with unneeded_or(_no_library(library_id)), unique_or(_taken(token, str(account))):
            identity = RegistrationId(self._statements.insert(registration, values))
        self._statements.changed(Entity.REGISTRATION, identity)
        return self.get(identity)

    def get(self, registration_id: RegistrationId) -> SlotRegistration:
        """The registration of that id.

        Raises:
            NotFound: there is none.
        """
        found = self._select(registration.c.id == registration_id)
        if not found:
            raise _no_registration(registration_id)
        return found[0]

    def all(self) -> tuple[SlotRegistration, ...]:
        """All registrations in their order."""
        return self._select()

    def for_library(self, library_id: LibraryId) -> tuple[SlotRegistration, ...]:
        """The registrations with one library."""
        return self._select(registration.c.library_id == library_id)

    def for_token(self, token: TokenIdentity) -> tuple[SlotRegistration, ...]:
        """The registrations of one token, whoever may open it."""
        return self._select(*_of(token))

    def find(self, token: TokenIdentity, account: AccountName) -> SlotRegistration | None:
        """The oldest registration of that token for that account."""
        found = self._select(*_of(token), registration.c.account_key == account.key)
        return found[0] if found else None

    def mark_refused(self, registration_id: RegistrationId, at: datetime | None) -> None:
        """Keep when the token refused the stored PIN; None when it is trusted again.

        Raises:
            NotFound: there is no such registration.
        """
        self._update(registration_id, {"pin_refused_at": at})

    def set_slot_hint(self, registration_id: RegistrationId, slot: int) -> None:
        """Keep where the token stands today; nothing is announced when it is known.

        Raises:
            NotFound: there is no such registration.
        """
        if self.get(registration_id).slot_hint != slot:
            self._update(registration_id, {"slot_hint": slot})

    def remove(self, registration_id: RegistrationId) -> None:
        """Unregister.

        Raises:
            NotFound: there is no such registration.
        """
        if not self._statements.remove(registration, registration_id):
            raise _no_registration(registration_id)
        self._statements.changed(Entity.REGISTRATION, registration_id)

    def _update(self, registration_id: RegistrationId, values: Mapping[str, Any]) -> None:
        if not self._statements.update(registration, registration_id, values):
            raise _no_registration(registration_id)
        self._statements.changed(Entity.REGISTRATION, registration_id)

    def _select(self, *conditions: ColumnElement[bool]) -> tuple[SlotRegistration, ...]:
        query = select(registration).where(*conditions).order_by(registration.c.id)
        return tuple(_registration(row) for row in self._statements.rows(query))


def _of(token: TokenIdentity) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    return (
        registration.c.token_serial == token.serial,
        registration.c.token_label == token.label,
    )


def _registration(row: Mapping[Any, Any]) -> SlotRegistration:
    return SlotRegistration(
        id=row["id"],
        library_id=row["library_id"],
        token=TokenIdentity(row["token_serial"], row["token_label"]),
        account=row["account"],
        slot_hint=row["slot_hint"],
        registered_at=row["registered_at"],
        pin_refused_at=row["pin_refused_at"],
    )


def _no_library(library_id: LibraryId) -> NotFound:
    return NotFound(f"There is no registered library {library_id}.")


def _no_registration(registration_id: RegistrationId) -> NotFound:
    return NotFound(f"There is no slot registration {registration_id}.")


def _taken(token: TokenIdentity, account: str) -> NameInUse:
    return NameInUse(
        f"The token “{token.label}” is registered for {account} already.",
        remedy="Unregister it first, or change its slot password.",
    )

"""Registered security libraries and slots."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import delete, insert, select

from app.domain.errors import InUse, NameInUse, NotFound
from app.domain.events import Entity
from app.domain.ids import LibraryId, RegistrationId
from app.domain.keys import TokenIdentity
from app.domain.libraries import Library, SlotRegistration, TokenSettings
from app.store.schema import library, registration, token_settings
from app.store.statements import to_record, to_values, unique_or, unneeded_or

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

    def set_disabled(self, library_id: LibraryId, since: datetime | None) -> None:
        """Keep since when nothing may load a library; None takes it into use again.

        Raises:
            NotFound: there is none of that id.
        """
        self._update(library_id, {"disabled_at": since})

    def set_call_log(self, library_id: LibraryId, *, on: bool) -> None:
        """Keep whether the calls to a library are written to a file.

        Raises:
            NotFound: there is none of that id.
        """
        self._update(library_id, {"call_log": on})

    def set_legacy(self, library_id: LibraryId, since: datetime | None) -> None:
        """Keep since when a library's legacy provider is registered; None: it is not.

        Raises:
            NotFound: there is none of that id.
        """
        self._update(library_id, {"legacy_at": since})

    def set_spec(self, library_id: LibraryId, spec: LibrarySpec, info: LibraryInfo) -> None:
        """Keep how a library is loaded, and what it says of itself since.

        Raises:
            NotFound: there is none of that id.
            NameInUse: that path is registered already.
        """
        with unique_or(NameInUse(f"The library {spec.path} is registered already.")):
            self._update(library_id, {"path": spec.path, "spec": spec, "info": info})

    def _update(self, library_id: LibraryId, values: Mapping[str, Any]) -> None:
        if not self._statements.update(library, library_id, values):
            raise _no_library(library_id)
        self._statements.changed(Entity.LIBRARY, library_id)

    def remove(self, library_id: LibraryId) -> None:
        """Forget a library and the settings of its tokens.

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
            self._statements.run(
                delete(token_settings).where(token_settings.c.library_id == library_id)
            )
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
        *,
        ask_at_start: bool = False,
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
            "ask_at_start": ask_at_start,
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

    def set_ask_at_start(self, registration_id: RegistrationId, *, ask: bool) -> None:
        """Keep whether a person enters the password each time instead of storing it.

        Raises:
            NotFound: there is no such registration.
        """
        self._update(registration_id, {"ask_at_start": ask})

    def rebind(
        self,
        registration_id: RegistrationId,
        library_id: LibraryId,
        token: TokenIdentity,
        slot: int,
    ) -> None:
        """Bind a registration to another token; nothing else of it changes.

        Raises:
            NotFound: there is no such registration.
            NameInUse: its account has that token registered already.
        """
        account = str(self.get(registration_id).account)
        values = {
            "library_id": library_id,
            "token_serial": token.serial,
            "token_label": token.label,
            "slot_hint": slot,
        }
        with unique_or(_taken(token, account)):
            self._update(registration_id, values)

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


class TokenSettingsTable:
    """What was decided for tokens; a token without a row has the defaults."""

    def __init__(self, statements: Statements) -> None:
        self._statements = statements

    def get(self, library_id: LibraryId, token: TokenIdentity) -> TokenSettings:
        """The settings of a token."""
        row = self._statements.row(select(token_settings).where(*_of_token(library_id, token)))
        return TokenSettings() if row is None else to_record(TokenSettings, row)

    def all(self) -> tuple[tuple[LibraryId, TokenIdentity, TokenSettings], ...]:
        """All settings that differ from the defaults."""
        return tuple(
            (
                LibraryId(row["library_id"]),
                TokenIdentity(row["token_serial"], row["token_label"]),
                to_record(TokenSettings, row),
            )
            for row in self._statements.rows(select(token_settings))
        )

    def set(self, library_id: LibraryId, token: TokenIdentity, settings: TokenSettings) -> None:
        """Keep the settings of a token.

        Raises:
            NotFound: there is no such library.
        """
        where = _of_token(library_id, token)
        self._statements.run(delete(token_settings).where(*where))
        values = {
            "library_id": library_id,
            "token_serial": token.serial,
            "token_label": token.label,
            **to_values(settings),
        }
        with unneeded_or(_no_library(library_id)):
            self._statements.run(insert(token_settings).values(values))
        self._statements.changed(Entity.LIBRARY, library_id)

    def rebind(
        self,
        old: tuple[LibraryId, TokenIdentity],
        new: tuple[LibraryId, TokenIdentity],
    ) -> None:
        """Carry the settings of a token over to another."""
        settings = self.get(*old)
        self._statements.run(delete(token_settings).where(*_of_token(*old)))
        if settings != TokenSettings():
            self.set(*new, settings)


def _of_token(
    library_id: LibraryId, token: TokenIdentity
) -> tuple[ColumnElement[bool], ColumnElement[bool], ColumnElement[bool]]:
    return (
        token_settings.c.library_id == library_id,
        token_settings.c.token_serial == token.serial,
        token_settings.c.token_label == token.label,
    )


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
        ask_at_start=row["ask_at_start"],
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

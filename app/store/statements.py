"""What every repository works with: one connection in a transaction, the clock, the changes."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import fields
from typing import TYPE_CHECKING, Any, TypeVar

from sqlalchemy import delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from app.domain.events import Change, Entity
from app.store import schema

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping
    from datetime import datetime

    from _typeshed import DataclassInstance
    from sqlalchemy import Connection, Executable, Table
    from sqlalchemy.engine import CursorResult, RowMapping

    from app.domain.clock import Clock
    from app.domain.errors import SealkeeperError

    Record = TypeVar("Record", bound=DataclassInstance)

CHANGES_KEPT = 100_000
_UNIQUE = frozenset({"SQLITE_CONSTRAINT_UNIQUE", "SQLITE_CONSTRAINT_PRIMARYKEY"})
_REFERENCE = frozenset({"SQLITE_CONSTRAINT_FOREIGNKEY", "SQLITE_CONSTRAINT_TRIGGER"})


class Statements:
    """One transaction's connection; used by one thread at a time."""

    def __init__(self, connection: Connection, clock: Clock) -> None:
        self._connection = connection
        self._clock = clock
        self._changes: list[tuple[Entity, str]] = []

    def now(self) -> datetime:
        """The present."""
        return self._clock.now()

    def run(self, statement: Executable) -> CursorResult[Any]:
        """Execute one statement."""
        return self._connection.execute(statement)

    def rows(self, statement: Executable) -> list[RowMapping]:
        """All rows of a query."""
        try:
            return list(self._connection.execute(statement).mappings())
        except OverflowError:  # no row has a number that large
            return []

    def row(self, statement: Executable) -> RowMapping | None:
        """The only row of a query, or None."""
        found = self.rows(statement)
        if len(found) > 1:
            raise RuntimeError("One row at the most was expected.")
        return found[0] if found else None

    def insert(self, table: Table, values: Mapping[str, Any]) -> int:
        """Insert a row into a table with ids and return its id."""
        key = self._connection.execute(insert(table).values(values)).inserted_primary_key
        if key is None:
            raise RuntimeError(f"{table.name} gave no id.")
        return int(key[0])

    def update(self, table: Table, row_id: int, values: Mapping[str, Any]) -> bool:
        """Update the row of that id; False when there is none."""
        statement = update(table).where(table.c.id == row_id).values(values)
        return self._connection.execute(statement).rowcount == 1

    def remove(self, table: Table, row_id: int) -> bool:
        """Delete the row of that id; False when there is none."""
        return self._connection.execute(delete(table).where(table.c.id == row_id)).rowcount == 1

    def changed(self, entity: Entity, key: object) -> None:
        """Record that a row changed; it is numbered when the transaction commits."""
        self._changes.append((entity, str(key)))

    def position(self) -> int:
        """Number of the last change that this transaction sees."""
        return int(self._connection.execute(select(schema.change_counter.c.last)).scalar_one())

    def append_changes(self) -> tuple[Change, ...]:
        """Number the recorded changes and write them; the last thing before the commit."""
        if not self._changes:
            return ()
        counter = schema.change_counter
        last = self._connection.execute(
            update(counter)
            .values(last=counter.c.last + len(self._changes))
            .returning(counter.c.last)
        ).scalar_one()
        first = last - len(self._changes) + 1
        numbered = tuple(
            Change(number, entity, key)
            for number, (entity, key) in enumerate(self._changes, start=first)
        )
        rows = [{"number": c.number, "entity": c.entity, "key": c.key} for c in numbered]
        self._connection.execute(insert(schema.change), rows)
        outdated = schema.change.c.number <= last - CHANGES_KEPT
        self._connection.execute(delete(schema.change).where(outdated))
        self._changes.clear()
        return numbered


def to_record(kind: type[Record], row: Mapping[Any, Any]) -> Record:
    """The record whose fields are columns of the same name."""
    return kind(**{field.name: row[field.name] for field in fields(kind)})


def to_values(record: DataclassInstance, *, without: Collection[str] = ("id",)) -> dict[str, Any]:
    """The columns of a record whose fields have the same names."""
    names = (field.name for field in fields(record))
    return {name: getattr(record, name) for name in names if name not in without}


@contextmanager
def unique_or(error: SealkeeperError) -> Iterator[None]:
    """Raise `error` where a name, serial or number is taken."""
    with _violation_as(_UNIQUE, error):
        yield


@contextmanager
def unneeded_or(error: SealkeeperError) -> Iterator[None]:
    """Raise `error` where other rows still refer to the row."""
    with _violation_as(_REFERENCE, error):
        yield


@contextmanager
def _violation_as(names: frozenset[str], error: SealkeeperError) -> Iterator[None]:
    try:
        yield
    except IntegrityError as violation:
        if getattr(violation.orig, "sqlite_errorname", "") in names:
            raise error from violation
        raise

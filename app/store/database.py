"""The database of one home folder: transactions, repositories and the change feed."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

from app.store.authorities import Authorities, Crls
from app.store.engine import explained_faults, make_engine
from app.store.feed import DatabaseChangeFeed
from app.store.home import prepare_home
from app.store.libraries import Libraries, Registrations, TokenSettingsTable
from app.store.migration import migrate
from app.store.presence import Presence
from app.store.principals import Principals
from app.store.requests import Requests
from app.store.responders import Configurations, Signers
from app.store.revocation import DatabaseRevocationSource
from app.store.statements import Statements
from app.store.system import Events, Leases, Services, Settings
from app.store.templates import Templates

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from app.domain.clock import Clock

_READERS_KEPT = 4


class Transaction:
    """The repositories within one transaction; used by one thread."""

    def __init__(self, statements: Statements, presence: Presence) -> None:
        self._statements = statements
        self.libraries = Libraries(statements)
        self.registrations = Registrations(statements)
        self.token_settings = TokenSettingsTable(statements)
        self.principals = Principals(statements)
        self.templates = Templates(statements)
        self.authorities = Authorities(statements)
        self.requests = Requests(statements)
        self.crls = Crls(statements)
        self.configurations = Configurations(statements)
        self.signers = Signers(statements)
        self.services = Services(statements)
        self.settings = Settings(statements)
        self.events = Events(statements)
        self.leases = Leases(statements, presence.gone)

    def position(self) -> int:
        """Number of the last change that this transaction sees."""
        return self._statements.position()


class Database:
    """An open database; every method may be called from any thread."""

    def __init__(self, path: Path, clock: Clock) -> None:
        self.path = path
        self._clock = clock
        self._writer = make_engine(path, read_only=False, connections=1)
        self._reader = make_engine(path, read_only=True, connections=_READERS_KEPT)
        self._feed = DatabaseChangeFeed(path)
        self._presence = Presence(path.parent)
        self._write_lock = threading.Lock()
        self._writing_thread: int | None = None

    @property
    def feed(self) -> DatabaseChangeFeed:
        """Tells what this and every other process commits."""
        return self._feed

    @property
    def holder(self) -> str:
        """What this process takes leases as: they end when it does, however that happens.

        Raises:
            EnvironmentFault: the home takes no file.
        """
        return self._presence.name

    def revocation_source(self) -> DatabaseRevocationSource:
        """A source of certificates' status with connections of its own; the caller closes it."""
        return DatabaseRevocationSource(self.path)

    @contextmanager
    def write(self) -> Iterator[Transaction]:
        """A transaction that commits at the end of the block, durably, or changes nothing.

        Writers follow one another, in this process and among processes: keep the block short and
        never wait for a token or the network in it.

        Raises:
            EnvironmentFault: the database cannot be written.
            RuntimeError: this thread is writing already.
        """
        if self._writing_thread == threading.get_ident():
            raise RuntimeError("A write transaction was begun within another one.")
        with self._write_lock:
            self._writing_thread = threading.get_ident()
            try:
                with explained_faults(self.path), self._writer.begin() as connection:
                    statements = Statements(connection, self._clock)
                    yield Transaction(statements, self._presence)
                    changes = statements.append_changes()
            finally:
                self._writing_thread = None
        if changes:
            self._feed.announce()

    @contextmanager
    def read(self) -> Iterator[Transaction]:
        """A consistent view of the database from its first query on; writing in it fails.

        Raises:
            EnvironmentFault: the database cannot be read.
        """
        with explained_faults(self.path), self._reader.begin() as connection:
            yield Transaction(Statements(connection, self._clock), self._presence)

    def close(self) -> None:
        """End the feed and close the connections that are not in use."""
        self._feed.close()
        self._reader.dispose()
        self._writer.dispose()
        self._presence.close()


def open_database(home: Path, clock: Clock) -> Database:
    """Open the database of a home folder; made where it is missing, brought up to date.

    Raises:
        HomeUnusable: the folder or the database cannot be read or written, the file is no database
            of ours, or a newer version wrote it.
    """
    path = prepare_home(home)
    migrate(path, clock)
    return Database(path, clock)

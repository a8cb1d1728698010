"""Connections to the database file, with the settings that every one of them needs."""

from __future__ import annotations

import sqlite3
from contextlib import contextmanager
from typing import TYPE_CHECKING

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.pool import QueuePool

from app.domain.errors import EnvironmentFault

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

BUSY_SECONDS = 30.0
_DAMAGED = ("SQLITE_CORRUPT", "SQLITE_NOTADB")


def connect(path: Path, *, read_only: bool) -> sqlite3.Connection:
    """Open the existing database file; the driver never begins a transaction by itself.

    The connection may be used by any one thread at a time.

    Raises:
        sqlite3.Error: it cannot be opened.
    """
    connection = sqlite3.connect(
        f"{path.absolute().as_uri()}?mode=rw",
        uri=True,
        timeout=BUSY_SECONDS,
        isolation_level=None,
        check_same_thread=False,
    )
    try:
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("PRAGMA synchronous = FULL")
        if read_only:
            connection.execute("PRAGMA query_only = ON")
    except sqlite3.Error:
        connection.close()
        raise
    return connection


def make_engine(path: Path, *, read_only: bool, connections: int) -> Engine:
    """An engine whose transactions begin as they are meant: a writer takes its lock at once."""
    engine = create_engine(
        "sqlite+pysqlite://",
        creator=lambda: connect(path, read_only=read_only),
        poolclass=QueuePool,
        pool_size=connections,
        max_overflow=-1,
    )
    begin = "BEGIN" if read_only else "BEGIN IMMEDIATE"

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        connection.exec_driver_sql(begin)

    return engine


@contextmanager
def explained_faults(path: Path) -> Iterator[None]:
    """Turn what the database engine reports of its surroundings into an `EnvironmentFault`.

    Violated constraints pass: the repositories explain those they expect.
    """
    try:
        yield
    except IntegrityError:
        raise
    except DBAPIError as error:
        raise database_fault(path, error.orig or error) from error
    except sqlite3.Error as error:
        raise database_fault(path, error) from error


def database_fault(path: Path, error: BaseException) -> EnvironmentFault:
    """The error that administrators see for an error of the database engine."""
    name = getattr(error, "sqlite_errorname", type(error).__name__)
    return EnvironmentFault(
        "The database could not be used.",
        cause=f"SQLite says: {error}.",
        remedy="Stop every Sealkeeper of this home and put a backup in the database's place."
        if name.startswith(_DAMAGED)
        else "Check the free space and the permissions of the home folder, then try again.",
        detail=f"{path}\n{name}",
    )

"""Brings the database file to the schema of this version, with a backup before each change."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from filelock import FileLock, Timeout
from sqlalchemy.exc import DBAPIError

from app.domain.errors import HomeUnusable
from app.store.engine import connect, make_engine
from app.store.home import BACKUP_FOLDER, make_private_file, make_private_folder

if TYPE_CHECKING:
    from alembic.config import Config

    from app.domain.clock import Clock

HEAD_REVISION = "0002"
SCRIPTS = Path(__file__).resolve().parent / "migrations"
_LOCK_SECONDS = 120.0


def migrate(
    path: Path, clock: Clock, *, head: str = HEAD_REVISION, versions: tuple[Path, ...] = ()
) -> None:
    """Bring the database at `path` to revision `head`; quick when it is there already.

    Args:
        path: the database file; an empty one becomes a new database.
        clock: names the backup.
        head: the revision wanted.
        versions: folders of migrations; none means those of this version.

    Raises:
        HomeUnusable: the file is no database of ours, is newer than this version, cannot be
            written, or another process keeps the lock.
    """
    if _revision(path) == head:
        return
    try:
        with FileLock(f"{path}.lock", timeout=_LOCK_SECONDS, mode=0o600):
            current = _revision(path)  # another process may have been faster
            if current != head:
                _upgrade(path, current, head, versions, clock)
    except Timeout as error:
        raise HomeUnusable(
            "The database could not be brought up to date.",
            cause="Another process has kept its lock for two minutes.",
            remedy="Wait for the other process to finish, or end it, and try again.",
            detail=str(error.lock_file),
        ) from error
    except (sqlite3.Error, OSError) as error:
        raise _unusable(path, error) from error


def _revision(path: Path) -> str | None:
    """The revision that the file says it has; None for an empty file."""
    try:
        with closing(connect(path, read_only=True)) as connection:
            tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master")}
            if not tables:
                return None
            if not {"alembic_version", "change_counter"} <= tables:
                raise HomeUnusable(
                    f"{path} is not a database of Sealkeeper.",
                    cause="It is an SQLite database with other tables.",
                    remedy="Choose another folder with --home.",
                )
            row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    except sqlite3.Error as error:
        raise _unusable(path, error) from error
    return None if row is None else str(row[0])


def _upgrade(
    path: Path, current: str | None, head: str, versions: tuple[Path, ...], clock: Clock
) -> None:
    # Imported here because a start with nothing to migrate must not pay for it.
    from alembic import command  # noqa: PLC0415
    from alembic.script import ScriptDirectory  # noqa: PLC0415

    config = _configuration(versions)
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    if current is not None and current not in known:
        raise HomeUnusable(
            f"The database in {path.parent} was written by a newer version.",
            cause=f"Its schema is {current}; this version knows schemas up to {head}.",
            remedy="Install the newer version again, or choose another folder with --home.",
        )
    if current is None:
        _use_write_ahead_log(path)
    else:
        back_up(path, current, clock)
    engine = make_engine(path, read_only=False, connections=1)
    try:
        with engine.connect() as connection:
            # Tables are rebuilt by migrations; their references are checked at the end instead.
            driver = connection.connection.driver_connection
            if driver is None:
                raise RuntimeError("The connection is closed.")
            driver.execute("PRAGMA foreign_keys = OFF")
            config.attributes["connection"] = connection
            command.upgrade(config, head)
    except DBAPIError as error:
        raise _unusable(path, error.orig or error) from error
    finally:
        engine.dispose()


def back_up(path: Path, revision: str, clock: Clock) -> Path:
    """Copy the database into the folder of backups, whoever else is using it meanwhile.

    Raises:
        OSError, sqlite3.Error: the copy could not be written.
    """
    folder = path.parent / BACKUP_FOLDER
    make_private_folder(folder)
    stamp = f"{clock.now():%Y%m%dT%H%M%S%fZ}"
    copy = folder / f"{path.stem}-{revision}-{stamp}.db"
    make_private_file(copy)
    with (
        closing(connect(path, read_only=True)) as source,
        closing(sqlite3.connect(copy)) as target,
    ):
        source.backup(target)
        # A backup is one file that can be carried away, without a journal beside it.
        target.execute("PRAGMA journal_mode = DELETE")
    with copy.open("rb") as file:
        os.fsync(file.fileno())
    return copy


def _configuration(versions: tuple[Path, ...]) -> Config:
    from alembic.config import Config  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(SCRIPTS).replace("%", "%%"))
    config.set_main_option("path_separator", "newline")
    if versions:
        places = "\n".join(str(folder) for folder in versions)
        config.set_main_option("version_locations", places.replace("%", "%%"))
    return config


def _use_write_ahead_log(path: Path) -> None:
    with closing(connect(path, read_only=False)) as connection:
        (mode,) = connection.execute("PRAGMA journal_mode = WAL").fetchone()
    if mode != "wal":
        raise HomeUnusable(
            f"The home folder {path.parent} cannot hold the database.",
            cause="Its file system does not let several processes share a database.",
            remedy="Choose a folder on a local disk with --home.",
        )


def _unusable(path: Path, error: BaseException) -> HomeUnusable:
    return HomeUnusable(
        f"The database in {path.parent} cannot be used.",
        cause=f"{error}.",
        remedy="Choose another folder with --home, or put a backup in its place.",
        detail=f"{path}\n{getattr(error, 'sqlite_errorname', type(error).__name__)}",
    )

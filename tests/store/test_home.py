"""Opening a home: made with narrow permissions, or refused with the reason."""

from __future__ import annotations

import os
import sqlite3
import stat
import sys
import tempfile
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from app.domain.errors import EnvironmentFault, HomeUnusable
from app.domain.events import EventLevel
from app.store.database import Database, open_database
from tests.store.records import SetClock

if TYPE_CHECKING:
    from collections.abc import Iterator

posix = pytest.mark.skipif(sys.platform == "win32", reason="permissions of POSIX")
NOBODY = 65_534


@contextmanager
def bound_by_permissions(*folders: Path) -> Iterator[None]:
    """Be an account that permissions apply to, which root is not."""
    if os.geteuid() != 0:
        yield
        return
    for folder in folders:
        os.chown(folder, NOBODY, NOBODY)
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.fixture
def reachable() -> Iterator[Path]:
    """A folder that every account can reach, which a folder below pytest's own is not."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        yield folder


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@posix
def test_files_are_for_their_owner_alone(home: Path) -> None:
    before = os.umask(0)
    try:
        database = open_database(home, SetClock())
        with database.write() as store:
            store.settings.set("key", "value")
        files = {path.name: mode(path) for path in home.iterdir()}
        database.close()
    finally:
        os.umask(before)
    assert mode(home) == 0o700
    assert files["sealkeeper.db"] == files["sealkeeper.db-wal"] == 0o600
    assert set(files.values()) == {0o600}


def test_settings_of_every_connection(database: Database) -> None:
    wanted = {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "busy_timeout": 30_000}
    for engine in (database._writer, database._reader):
        with engine.connect() as connection:
            for name, value in wanted.items():
                assert connection.exec_driver_sql(f"PRAGMA {name}").scalar_one() == value


def test_a_home_is_opened_again_with_what_is_in_it(home: Path, database: Database) -> None:
    with database.write() as store:
        store.settings.set("key", "value")
    again = open_database(home, SetClock())
    with again.read() as store:
        assert store.settings.get("key") == "value"
    again.close()


def refusal(home: Path) -> HomeUnusable:
    with pytest.raises(HomeUnusable) as refused:
        open_database(home, SetClock())
    assert str(home) in refused.value.one_line()
    assert refused.value.cause
    assert "--home" in refused.value.remedy
    return refused.value


def test_a_file_is_no_home(tmp_path: Path) -> None:
    home = tmp_path / "file"
    home.write_text("something else")
    refusal(home)
    refusal(home / "below")
    assert home.read_text() == "something else"


def test_a_folder_is_no_database(home: Path) -> None:
    (home / "sealkeeper.db").mkdir(parents=True)
    refusal(home)


def test_another_file_is_no_database(home: Path) -> None:
    home.mkdir()
    (home / "sealkeeper.db").write_text("something else " * 100)
    assert "not a database" in refusal(home).cause
    assert (home / "sealkeeper.db").read_text() == "something else " * 100


def test_another_database_is_not_ours(home: Path) -> None:
    home.mkdir()
    with closing(sqlite3.connect(home / "sealkeeper.db")) as connection:
        connection.execute("CREATE TABLE notes (text)")
    assert "other tables" in refusal(home).cause


@posix
def test_a_home_that_cannot_be_written(reachable: Path) -> None:
    home = reachable / "home"
    open_database(home, SetClock()).close()
    home.chmod(0o500)
    with bound_by_permissions(home, home / "sealkeeper.db"):
        error = refusal(home)
    home.chmod(0o700)
    assert "may not create files" in error.cause


@posix
def test_a_home_that_cannot_be_read(reachable: Path) -> None:
    home = reachable / "home"
    home.mkdir(mode=0o000)
    with bound_by_permissions(home):
        error = refusal(home)
    home.chmod(0o700)
    assert "Permission denied" in error.cause


@posix
def test_a_home_that_cannot_be_made(reachable: Path) -> None:
    reachable.chmod(0o555)
    with bound_by_permissions():
        error = refusal(reachable / "home")
    reachable.chmod(0o755)
    assert "Permission denied" in error.cause


@posix
def test_a_database_that_cannot_be_read(reachable: Path) -> None:
    home = reachable / "home"
    open_database(home, SetClock()).close()
    (home / "sealkeeper.db").chmod(0o000)
    with bound_by_permissions(home, home / "sealkeeper.db"):
        error = refusal(home)
    assert "sealkeeper.db" in error.cause


@posix
def test_a_home_that_everybody_can_write_in(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    home.chmod(0o777)
    error = refusal(home)
    assert f"chmod 700 {home}" in error.remedy
    assert list(home.iterdir()) == []
    home.chmod(0o755)
    open_database(home, SetClock()).close()


def test_a_damaged_database_asks_for_a_backup(tmp_path: Path) -> None:
    database = open_database(tmp_path, SetClock())
    with database.write() as tx:
        for _ in range(500):
            tx.events.add(EventLevel.WARNING, "x", 0, "x" * 1000)
    database.close()
    path = tmp_path / "sealkeeper.db"
    content = bytearray(path.read_bytes())
    content[len(content) // 2 :] = os.urandom(len(content) - len(content) // 2)
    path.write_bytes(content)
    database = open_database(tmp_path, SetClock())
    with pytest.raises(EnvironmentFault) as error, database.read() as tx:
        tx.events.page(500)
    database.close()
    assert "backup" in error.value.remedy

"""Migrations: the schema is the tables, data survives, a backup exists, newer is refused."""

from __future__ import annotations

import sqlite3
import stat
import subprocess
import sys
from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from app.domain.errors import HomeUnusable
from app.store.columns import encode_document
from app.store.database import Database, open_database
from app.store.migration import HEAD_REVISION, SCRIPTS, _configuration, migrate
from app.store.schema import metadata
from tests.store.records import SetClock

if TYPE_CHECKING:
    from pathlib import Path

NEXT = """
import sqlalchemy as sa
from alembic import op

revision = "next"
down_revision = "0002"
branch_labels = None
depends_on = None

def upgrade():
    with op.batch_alter_table("setting") as table:
        table.add_column(sa.Column("note", sa.Text(), nullable=False, server_default="none"))
    {extra}
"""


@pytest.fixture
def with_next(tmp_path: Path) -> tuple[Path, ...]:
    folder = tmp_path / "versions"
    folder.mkdir()
    (folder / "next.py").write_text(NEXT.format(extra=""))
    return (SCRIPTS / "versions", folder)


def rows(path: Path, query: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(query).fetchall()


def test_the_constant_is_the_newest_migration() -> None:
    scripts = ScriptDirectory.from_config(_configuration(()))
    assert scripts.get_heads() == [HEAD_REVISION]


def test_the_migrated_schema_is_the_one_of_the_tables(database: Database) -> None:
    with database._writer.connect() as connection:
        context = MigrationContext.configure(
            connection, opts={"target_metadata": metadata, "compare_type": True}
        )
        assert compare_metadata(context, metadata) == []
    expected = {name for name in metadata.tables if metadata.tables[name].c.get("id") is not None}
    expected.remove("change_counter")
    made = rows(database.path, "SELECT name FROM sqlite_master WHERE sql LIKE '%AUTOINCREMENT%'")
    assert {name for (name,) in made} == expected


def test_the_definitions_are_those_of_the_tables(home: Path, database: Database) -> None:
    other = open_database(home / "other", SetClock())
    with other._writer.begin() as connection:
        metadata.drop_all(connection)
        metadata.create_all(connection)
    query = "SELECT name FROM sqlite_master WHERE name != 'alembic_version' ORDER BY name"
    assert rows(other.path, query) == rows(database.path, query)
    for (name,) in rows(other.path, "SELECT name FROM sqlite_master WHERE type = 'table'"):
        for pragma in ("table_info", "foreign_key_list"):
            described = f"PRAGMA {pragma}({name})"
            assert rows(other.path, described) == rows(database.path, described)
    other.close()


def test_data_survive_and_a_backup_is_kept(
    home: Path, database: Database, clock: SetClock, with_next: tuple[Path, ...]
) -> None:
    with database.write() as store:
        store.settings.set("key", "value")
    # Left open on purpose: another process may be using the database meanwhile.
    migrate(database.path, clock, head="next", versions=with_next)
    assert rows(database.path, "SELECT * FROM setting") == [("key", "value", "none")]
    (backup,) = (home / "backups").iterdir()
    assert backup.name == "sealkeeper-0002-20261122T120000123456Z.db"
    assert rows(backup, "SELECT * FROM setting") == [("key", "value")]
    assert rows(backup, "SELECT version_num FROM alembic_version") == [("0002",)]
    assert rows(backup, "PRAGMA integrity_check") == [("ok",)]
    if sys.platform != "win32":
        assert stat.S_IMODE(backup.stat().st_mode) == 0o600
        assert stat.S_IMODE(backup.parent.stat().st_mode) == 0o700
    migrate(database.path, clock, head="next", versions=with_next)
    assert len(list((home / "backups").iterdir())) == 1


@pytest.mark.parametrize(
    ("extra", "reason"),
    [
        ("op.execute('INSERT INTO nowhere VALUES (1)')", "no such table"),
        ("op.execute(\"INSERT INTO crl_blob VALUES (77, x'00')\")", "breaks references of 1 rows"),
    ],
)
def test_a_migration_that_fails_changes_nothing(
    home: Path,
    database: Database,
    clock: SetClock,
    with_next: tuple[Path, ...],
    extra: str,
    reason: str,
) -> None:
    (with_next[1] / "next.py").write_text(NEXT.format(extra=extra))
    with database.write() as store:
        store.settings.set("key", "value")
    with pytest.raises(HomeUnusable) as refused:
        migrate(database.path, clock, head="next", versions=with_next)
    assert reason in refused.value.cause
    assert rows(database.path, "SELECT * FROM setting") == [("key", "value")]
    open_database(home, clock).close()


def test_a_newer_database_is_refused(
    home: Path, database: Database, clock: SetClock, with_next: tuple[Path, ...]
) -> None:
    migrate(database.path, clock, head="next", versions=with_next)
    before = database.path.read_bytes()
    with pytest.raises(HomeUnusable, match="newer version") as refused:
        open_database(home, clock)
    assert "next" in refused.value.cause
    assert database.path.read_bytes() == before


def test_opening_what_is_up_to_date_needs_no_alembic(home: Path, database: Database) -> None:
    assert database.path.exists()
    script = (
        "import sys; from pathlib import Path; from app.domain.clock import SystemClock; "
        "from app.store.database import open_database; "
        "open_database(Path(sys.argv[1]), SystemClock()).close(); "
        "sys.exit('alembic' in sys.modules)"
    )
    command = [sys.executable, "-c", script, str(home)]
    assert subprocess.run(command, check=False).returncode == 0


def test_processes_that_start_at_once_make_one_database(home: Path) -> None:
    script = (
        "import sys; from pathlib import Path; from app.domain.clock import SystemClock; "
        "from app.store.database import open_database; "
        "database = open_database(Path(sys.argv[1]), SystemClock())\n"
        "with database.write() as store: store.settings.set(sys.argv[2], '')"
    )
    commands = [[sys.executable, "-c", script, str(home), name] for name in "abc"]
    started = [subprocess.Popen(command) for command in commands]
    assert [process.wait(60) for process in started] == [0, 0, 0]
    path = home / "sealkeeper.db"
    assert rows(path, "SELECT key FROM setting ORDER BY key") == [("a",), ("b",), ("c",)]
    assert not (home / "backups").exists()


def test_equal_sets_are_written_the_same() -> None:
    assert encode_document(frozenset("abc")) == encode_document(frozenset("cba"))

"""What was stored at an earlier schema is there after the upgrade, and a backup beside it."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from app.domain.events import Entity
from app.domain.keys import TokenIdentity
from app.domain.libraries import DEFAULT_LANES, TokenSettings
from app.domain.principals import SYSTEM
from app.domain.tokens import LibraryInfo, LibrarySpec
from app.store.columns import encode_document
from app.store.database import open_database
from app.store.engine import connect
from app.store.home import make_private_file, make_private_folder
from app.store.migration import migrate
from tests.store.records import ADMIN, NOW, TOKEN

if TYPE_CHECKING:
    from pathlib import Path

    from app.store.database import Database
    from tests.store.records import SetClock

SPEC = LibrarySpec(
    "/usr/lib/libsofthsm2.so", (("SOFTHSM2_CONF", "/etc/softhsm2.conf"),), "a string"
)
OTHER_SPEC = LibrarySpec("/opt/luna/libCryptoki2_64.so")
INFO = LibraryInfo("SoftHSM", "Implementation of PKCS11", "2.40", "2.6")
MICROSECONDS = int(NOW.timestamp()) * 1_000_000 + NOW.microsecond


@pytest.fixture
def old(home: Path, clock: SetClock) -> Path:
    """A database of the first schema with two libraries and three registrations."""
    make_private_folder(home)
    path = home / "sealkeeper.db"
    make_private_file(path)
    migrate(path, clock, head="0001")
    with closing(connect(path, read_only=False)) as connection, connection:
        for number, spec, vendor in ((1, SPEC, "SoftHSM"), (2, OTHER_SPEC, "SafeNet")):
            connection.execute(
                "INSERT INTO library VALUES (?, ?, ?, ?, ?, ?)",
                (
                    number,
                    spec.path,
                    encode_document(spec),
                    vendor,
                    encode_document(INFO),
                    MICROSECONDS,
                ),
            )
        for number, library, account, refused in (
            (1, 1, ADMIN, None),
            (2, 1, SYSTEM, MICROSECONDS),
            (3, 2, SYSTEM, None),
        ):
            connection.execute(
                "INSERT INTO registration VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    number,
                    library,
                    TOKEN.serial,
                    TOKEN.label,
                    str(account),
                    account.key,
                    2**40,
                    MICROSECONDS,
                    refused,
                ),
            )
    return path


def rows(path: Path, query: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(query).fetchall()


def test_libraries_and_registrations_keep_working_as_they_did(
    home: Path, clock: SetClock, old: Path
) -> None:
    columns = "id, library_id, token_serial, token_label, account, slot_hint, registered_at"
    before = rows(old, f"SELECT {columns} FROM registration")  # noqa: S608 - fixed columns
    with closing(open_database(home, clock)) as database, database.read() as tx:
        first, second = tx.libraries.all()
        registrations = tx.registrations.all()
        settings = tx.token_settings.get(first.id, TOKEN)
        kept = tx.token_settings.all()
    assert (first.spec, first.vendor, first.info, first.registered_at) == (
        SPEC,
        "SoftHSM",
        INFO,
        NOW,
    )
    assert (second.spec, second.vendor) == (OTHER_SPEC, "SafeNet")
    for library in (first, second):
        assert library.disabled_at is None
        assert library.legacy_at is None
        assert library.call_log is False
    assert [row.account for row in registrations] == [ADMIN, SYSTEM, SYSTEM]
    assert [row.pin_refused_at for row in registrations] == [None, NOW, None]
    assert not any(row.ask_at_start for row in registrations)
    assert {row.token for row in registrations} == {TOKEN}
    assert {row.slot_hint for row in registrations} == {2**40}
    assert settings == TokenSettings(lanes=DEFAULT_LANES)
    assert kept == ()
    assert rows(old, f"SELECT {columns} FROM registration") == before  # noqa: S608 - fixed columns


def test_the_backup_is_the_database_as_it_was(home: Path, clock: SetClock, old: Path) -> None:
    before = {table: rows(old, f"SELECT * FROM {table}") for table in ("library", "registration")}  # noqa: S608
    open_database(home, clock).close()
    (backup,) = (home / "backups").iterdir()
    assert backup.name.startswith("sealkeeper-0001-")
    assert rows(backup, "SELECT version_num FROM alembic_version") == [("0001",)]
    assert rows(backup, "PRAGMA integrity_check") == [("ok",)]
    for table, content in before.items():
        assert rows(backup, f"SELECT * FROM {table}") == content  # noqa: S608 - fixed names
    assert rows(backup, "SELECT name FROM sqlite_master WHERE name = 'token_settings'") == []
    assert rows(old, "PRAGMA foreign_key_check") == []


def test_what_is_new_can_be_used_after_the_upgrade(home: Path, clock: SetClock, old: Path) -> None:
    assert old.exists()
    with closing(open_database(home, clock)) as database:
        with database.write() as tx:
            library, other = tx.libraries.all()
            tx.libraries.set_disabled(library.id, NOW)
            tx.libraries.set_call_log(library.id, on=True)
            tx.libraries.set_legacy(other.id, NOW)
            tx.registrations.set_ask_at_start(tx.registrations.all()[0].id, ask=True)
            tx.token_settings.set(library.id, TOKEN, TokenSettings(lanes=32))
            added = tx.libraries.add(LibrarySpec("/third.so"), "Third", INFO, NOW)
        assert added.id > other.id
        with database.read() as tx:
            library, other, _ = tx.libraries.all()
            assert (library.disabled_at, library.call_log, library.legacy_at) == (NOW, True, None)
            assert (other.disabled_at, other.call_log, other.legacy_at) == (None, False, NOW)
            assert [row.ask_at_start for row in tx.registrations.all()] == [True, False, False]
            assert tx.token_settings.get(library.id, TOKEN).lanes == 32


# --- the settings of tokens -----------------------------------------------------------------------


OTHER = TokenIdentity("0123", "other")
SETTINGS = TokenSettings(
    lanes=16,
    retire_after_days=30,
    policies_confirmed_by=ADMIN,
    policies_confirmed_at=NOW + timedelta(hours=1),
)


def test_settings_belong_to_a_token_of_a_library(database: Database) -> None:
    with database.write() as tx:
        library = tx.libraries.add(SPEC, "SoftHSM", INFO, NOW)
        second = tx.libraries.add(OTHER_SPEC, "SafeNet", INFO, NOW)
        tx.token_settings.set(library.id, TOKEN, TokenSettings(lanes=2))
        tx.token_settings.set(library.id, TOKEN, SETTINGS)
        tx.token_settings.set(second.id, TOKEN, TokenSettings(lanes=1))
    with database.read() as tx:
        assert tx.token_settings.get(library.id, TOKEN) == SETTINGS
        assert tx.token_settings.get(second.id, TOKEN) == TokenSettings(lanes=1)
        assert tx.token_settings.get(library.id, OTHER) == TokenSettings()
        assert set(tx.token_settings.all()) == {
            (library.id, TOKEN, SETTINGS),
            (second.id, TOKEN, TokenSettings(lanes=1)),
        }


def test_settings_follow_a_token_that_is_bound_anew(database: Database) -> None:
    with database.write() as tx:
        library = tx.libraries.add(SPEC, "SoftHSM", INFO, NOW)
        tx.token_settings.set(library.id, TOKEN, SETTINGS)
        tx.token_settings.rebind((library.id, TOKEN), (library.id, OTHER))
        assert tx.token_settings.all() == ((library.id, OTHER, SETTINGS),)
        tx.token_settings.rebind((library.id, TOKEN), (library.id, TokenIdentity("4567", "none")))
        assert tx.token_settings.all() == ((library.id, OTHER, SETTINGS),)
        second = tx.libraries.add(OTHER_SPEC, "SafeNet", INFO, NOW)
        tx.token_settings.rebind((library.id, OTHER), (second.id, TOKEN))
        assert tx.token_settings.all() == ((second.id, TOKEN, SETTINGS),)


def test_settings_go_with_their_library_and_tell_the_feed(database: Database) -> None:
    with database.write() as tx:
        library = tx.libraries.add(SPEC, "SoftHSM", INFO, NOW)
    with database.write() as tx:
        tx.token_settings.set(library.id, TOKEN, SETTINGS)
    query = "SELECT entity, key FROM change ORDER BY number"
    assert rows(database.path, query) == [(Entity.LIBRARY.value, str(library.id))] * 2
    with database.write() as tx:
        tx.libraries.remove(library.id)
        assert tx.token_settings.all() == ()

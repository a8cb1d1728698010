"""Transactions: all or nothing, one writer at a time, readers with a view of their own."""

from __future__ import annotations

import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from app.domain.errors import EnvironmentFault
from app.store import engine

if TYPE_CHECKING:
    from app.store.database import Database


def test_an_error_undoes_everything(database: Database) -> None:
    def fail() -> None:
        with database.write() as store:
            store.settings.set("key", "value")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    with database.write() as store:
        assert store.settings.get("key") is None
        assert store.position() == 0


def test_a_reader_keeps_its_view(database: Database) -> None:
    with database.read() as reader:
        assert reader.settings.get("key") is None
        with database.write() as writer:
            writer.settings.set("key", "value")
        assert (reader.settings.get("key"), reader.position()) == (None, 0)
    with database.read() as reader:
        assert (reader.settings.get("key"), reader.position()) == ("value", 1)


def test_a_reader_cannot_write(database: Database) -> None:
    def write() -> None:
        with database.read() as store:
            store.settings.set("key", "value")

    with pytest.raises(EnvironmentFault, match="could not be used") as refused:
        write()
    assert "readonly" in refused.value.cause


def test_a_write_within_a_write_is_a_bug_that_is_told(database: Database) -> None:
    with database.write() as outer:
        with pytest.raises(RuntimeError, match="within another"), database.write():
            pass
        outer.settings.set("key", "value")
    with database.read() as store:
        assert store.settings.get("key") == "value"


def test_threads_that_count_lose_no_number(database: Database) -> None:
    def count(rounds: int) -> None:
        for _ in range(rounds):
            with database.write() as store:
                current = int(store.settings.get("count") or 0)
                store.settings.set("count", str(current + 1))

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(count, [25] * 4))
    with database.read() as store:
        assert store.settings.get("count") == "100"


def test_more_readers_than_connections_are_kept(database: Database) -> None:
    def read(depth: int) -> int:
        with database.read() as store:
            return store.position() if depth == 0 else read(depth - 1)

    assert read(20) == 0


def test_a_lock_that_stays_is_explained(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "BUSY_SECONDS", 0.05)
    with closing(sqlite3.connect(database.path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(EnvironmentFault, match="could not be used") as locked:
            database.write().__enter__()
    assert "locked" in locked.value.cause
    with database.write() as store:
        store.settings.set("key", "value")

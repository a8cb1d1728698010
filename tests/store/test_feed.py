"""The change feed: every commit of every process, once, in order, at once."""

from __future__ import annotations

import logging
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import func, select

from app.domain.events import Change, ChangeFeed, Entity
from app.store import schema, statements
from tests.store.records import wait_until

if TYPE_CHECKING:
    from pathlib import Path

    from app.store.database import Database

WRITER = """
import sys, time
from pathlib import Path
from app.domain.clock import SystemClock
from app.store.database import open_database

database = open_database(Path(sys.argv[1]), SystemClock())
for number in range(int(sys.argv[3])):
    with database.write() as store:
        store.settings.set(f"{sys.argv[2]} {number}", str(time.time()))
        store.settings.set(f"{sys.argv[2]} {number} again", "")
database.close()
"""


def keys(changes: list[Change]) -> list[str]:
    return [change.key for change in changes]


def test_two_processes_and_a_thread_are_seen_once_and_in_order(
    home: Path, database: Database
) -> None:
    rounds = 40
    received: list[Change] = []
    seen_at: dict[str, float] = {}

    def note(changes: tuple[Change, ...]) -> None:
        received.extend(changes)
        seen_at.update(dict.fromkeys(keys(list(changes)), time.time()))

    feed: ChangeFeed = database.feed
    feed.subscribe(note)
    commands = [[sys.executable, "-c", WRITER, str(home), name, str(rounds)] for name in "ab"]
    writers = [subprocess.Popen(command) for command in commands]
    for number in range(rounds):
        with database.write() as store:
            store.settings.set(f"own {number}", str(time.time()))
    assert [writer.wait(60) for writer in writers] == [0, 0]
    wait_until(lambda: len(received) >= 5 * rounds)
    assert [change.number for change in received] == list(range(1, 5 * rounds + 1))
    assert len(set(keys(received))) == 5 * rounds
    assert {change.entity for change in received} == {Entity.SETTING}
    with database.read() as store:
        for name in ("a", "b", "own"):
            for number in range(rounds):
                written_at = float(store.settings.get(f"{name} {number}") or 0)
                assert seen_at[f"{name} {number}"] - written_at < 1.0
    for name in "ab":
        own = [key for key in keys(received) if key.startswith(name)]
        expected = [(f"{name} {number}", f"{name} {number} again") for number in range(rounds)]
        assert own == [key for pair in expected for key in pair]


def test_a_subscriber_sees_what_comes_after_its_subscription(database: Database) -> None:
    first: list[Change] = []
    second: list[Change] = []
    with database.write() as store:
        store.settings.set("before", "")
    database.feed.subscribe(first.extend)
    with database.write() as store:
        store.settings.set("between", "")
    subscription = database.feed.subscribe(second.extend)
    with database.write() as store:
        store.settings.set("after", "")
    wait_until(lambda: len(first) == 2 and len(second) == 1)
    assert (keys(first), keys(second)) == (["between", "after"], ["after"])
    subscription.close()
    subscription.close()
    with database.write() as store:
        store.settings.set("last", "")
    wait_until(lambda: len(first) == 3)
    assert keys(second) == ["after"]


def test_subscriptions_that_come_and_go_lose_nothing(database: Database) -> None:
    stop = threading.Event()

    def write() -> int:
        number = 0
        while not stop.is_set():
            with database.write() as store:
                store.settings.set("key", str(number))
            number += 1
        return number

    with ThreadPoolExecutor(1) as pool:
        writing = pool.submit(write)
        gathered: list[list[Change]] = []
        for _ in range(20):
            received: list[Change] = []
            gathered.append(received)
            database.feed.subscribe(received.extend)
            wait_until(partial(bool, received))
        stop.set()
        last = writing.result()
    wait_until(lambda: all(changes[-1].number == last for changes in gathered))
    for changes in gathered:
        numbers = [change.number for change in changes]
        assert numbers == list(range(numbers[0], last + 1))


def test_what_is_rolled_back_is_not_told(database: Database) -> None:
    received: list[Change] = []
    database.feed.subscribe(received.extend)

    def fail() -> None:
        with database.write() as store:
            store.settings.set("undone", "")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()
    with database.write() as store:
        store.settings.set("done", "")
    wait_until(lambda: len(received) > 0)
    assert received == [Change(1, Entity.SETTING, "done")]


def test_a_failing_subscriber_does_not_harm_the_others(
    database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    received: list[Change] = []

    def fail(changes: tuple[Change, ...]) -> None:
        raise ZeroDivisionError(changes[0].key)

    database.feed.subscribe(fail)
    database.feed.subscribe(received.extend)
    for key in ("one", "two"):
        with database.write() as store:
            store.settings.set(key, "")
        wait_until(partial(received_last, received, key))
    assert [record.levelno for record in caplog.records] == [logging.ERROR] * 2
    assert "ZeroDivisionError: one" in caplog.text


def received_last(received: list[Change], key: str) -> bool:
    return keys(received)[-1:] == [key]


def test_the_table_of_changes_stays_bounded(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(statements, "CHANGES_KEPT", 10)
    for number in range(25):
        with database.write() as store:
            store.settings.set(str(number), "")
    count = select(func.count(), func.min(schema.change.c.number)).select_from(schema.change)
    with database._reader.connect() as connection:
        assert connection.execute(count).one() == (10, 16)


def test_the_thread_ends_with_the_database(database: Database) -> None:
    def named() -> list[threading.Thread]:
        return [thread for thread in threading.enumerate() if thread.name == "change-feed"]

    assert named() == []
    database.feed.subscribe(lambda changes: None)  # noqa: ARG005
    assert len(named()) == 1
    database.close()
    assert named() == []
    with pytest.raises(RuntimeError, match="closed"):
        database.feed.subscribe(print)


def test_a_subscriber_may_close_the_feed(database: Database) -> None:
    closed = threading.Event()

    def close(changes: tuple[Change, ...]) -> None:
        del changes
        database.feed.close()
        closed.set()

    database.feed.subscribe(close)
    with database.write() as store:
        store.settings.set("key", "")
    assert closed.wait(10)

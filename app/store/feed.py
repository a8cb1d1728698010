"""The change feed: tells subscribers what any process commits to the database."""

from __future__ import annotations

import logging
import sqlite3
import threading
from typing import TYPE_CHECKING

from app.domain.events import Change, Entity
from app.store.engine import connect, database_fault

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Callback = Callable[[tuple[Change, ...]], None]

_POLL_SECONDS = 0.1
_PAUSE_AFTER_FAILURE = 5.0
_log = logging.getLogger(__name__)


class FeedSubscription:
    """One subscriber's place in the feed."""

    def __init__(self, feed: DatabaseChangeFeed, callback: Callback, position: int) -> None:
        self._feed = feed
        self._callback = callback
        self._position = position
        self._closed = False

    def close(self) -> None:
        """End it: no delivery starts after this; one that runs already may still finish."""
        self._closed = True
        self._feed.forget(self)

    def deliver(self, changes: tuple[Change, ...]) -> None:
        """Hand over what is new to this subscriber; called on the feed's thread only."""
        new = tuple(change for change in changes if change.number > self._position)
        if not new or self._closed:
            return
        self._position = new[-1].number
        try:
            self._callback(new)
        except Exception:  # noqa: BLE001 - the edge of the thread
            _log.exception("A subscriber of the change feed failed.")


class DatabaseChangeFeed:
    """Polls the file's data version on a connection of its own (some microseconds a poll).

    Its thread starts with the first subscription. Every method may be called from any thread.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._wake = threading.Event()
        self._stopping = False
        self._subscriptions: list[FeedSubscription] = []
        self._connection: sqlite3.Connection | None = None
        self._thread: threading.Thread | None = None
        self._data_version = -1
        self._position = 0

    def subscribe(self, callback: Callback) -> FeedSubscription:
        """Call back with every change committed from now on, each once, in number order.

        The callback runs on the feed's thread and must not block.

        Raises:
            EnvironmentFault: the database cannot be read.
        """
        with self._lock:
            if self._stopping:
                raise RuntimeError("The change feed is closed.")
            try:
                connection = self._started()
                (last,) = connection.execute("SELECT last FROM change_counter").fetchone()
            except sqlite3.Error as error:
                raise database_fault(self._path, error) from error
            subscription = FeedSubscription(self, callback, last)
            self._subscriptions.append(subscription)
            return subscription

    def forget(self, subscription: FeedSubscription) -> None:
        """Drop a subscription; nothing happens when it was dropped before."""
        with self._lock:
            if subscription in self._subscriptions:
                self._subscriptions.remove(subscription)

    def announce(self) -> None:
        """Look for changes at once; called after an own commit."""
        self._wake.set()

    def close(self) -> None:
        """End the thread and wait for it, unless it is the caller."""
        with self._lock:
            self._stopping = True
            thread = self._thread
        self._wake.set()
        if thread is not None and thread is not threading.current_thread():
            thread.join()

    def _started(self) -> sqlite3.Connection:
        if self._connection is None:
            self._connection = connect(self._path, read_only=True)
            row = self._connection.execute("SELECT last FROM change_counter").fetchone()
            self._position = row[0]
            self._thread = threading.Thread(
                target=self._run, args=(self._connection,), name="change-feed", daemon=True
            )
            self._thread.start()
        return self._connection

    def _run(self, connection: sqlite3.Connection) -> None:
        pause = _POLL_SECONDS
        while not self._stopping:
            self._wake.wait(pause)
            self._wake.clear()
            try:
                self._poll(connection)
                pause = _POLL_SECONDS
            except Exception:  # noqa: BLE001 - the edge of the thread
                pause = _PAUSE_AFTER_FAILURE
                _log.exception("The change feed could not read the database.")
        connection.close()

    def _poll(self, connection: sqlite3.Connection) -> None:
        # One lock over reading and the list of subscribers: nobody misses a change between the
        # position that a subscription starts at and the first delivery to it.
        with self._lock:
            (version,) = connection.execute("PRAGMA data_version").fetchone()
            if version == self._data_version:
                return
            changes = self._read(connection)
            self._data_version = version
            subscriptions = tuple(self._subscriptions)
        if changes:
            for subscription in subscriptions:
                subscription.deliver(changes)

    def _read(self, connection: sqlite3.Connection) -> tuple[Change, ...]:
        rows = connection.execute(
            "SELECT number, entity, key FROM change WHERE number > ? ORDER BY number",
            (self._position,),
        ).fetchall()
        if not rows:
            return ()
        if rows[0][0] != self._position + 1:
            _log.error("The change feed lost the changes %s to %s.", self._position, rows[0][0])
        self._position = rows[-1][0]
        return tuple(Change(number, Entity(entity), key) for number, entity, key in rows)

"""Marks a process that has the database open, so that others notice at once when it is gone."""

from __future__ import annotations

import os
import re
import threading
from typing import TYPE_CHECKING

from filelock import FileLock, Timeout

from app.domain.errors import EnvironmentFault
from app.store.home import make_private_folder

if TYPE_CHECKING:
    from pathlib import Path

PRESENCE_FOLDER = "processes"
_MARK = re.compile(r"process \d+ \(([0-9a-f]{16})\)")


class Presence:
    """A file that stays locked for as long as this process lives, however it ends.

    The operating system gives the lock back, so neither a process id that is used again nor a
    clock that was set misleads. Thread-safe.

    Args:
        home: the folder of the database; whoever shares the database shares it.
    """

    def __init__(self, home: Path) -> None:
        self._folder = home / PRESENCE_FOLDER
        self._token = os.urandom(8).hex()
        self._lock: FileLock | None = None
        self._guard = threading.Lock()

    @property
    def name(self) -> str:
        """What stands for this process in a lease; the mark is set with the first question.

        Raises:
            EnvironmentFault: the home takes no file.
        """
        with self._guard:
            if self._lock is None:
                self._lock = self._mark()
        return f"process {os.getpid()} ({self._token})"

    def gone(self, name: str) -> bool:
        """Whether that process has ended; False for a name that no process gave itself.

        A missing file says so too: only its own process removes one, or who has its lock.
        """
        found = _MARK.fullmatch(name)
        if found is None or found[1] == self._token:
            return False
        path = self._folder / found[1]
        if not path.exists():
            return True
        return _remove_if_free(path)

    def close(self) -> None:
        """Take the mark away; leases of this process are free from now on."""
        with self._guard:
            lock, self._lock = self._lock, None
        if lock is not None:
            lock.release()
            (self._folder / self._token).unlink(missing_ok=True)

    def _mark(self) -> FileLock:
        try:
            make_private_folder(self._folder)
            for left in self._folder.iterdir():
                _remove_if_free(left)
            lock = _lock(self._folder / self._token)
            lock.acquire()
        except OSError as error:
            raise EnvironmentFault(
                "The home folder takes no file.",
                cause=f"{error.strerror or error}.",
                remedy="Check its free space and permissions, then try again.",
                detail=repr(error),
            ) from error
        return lock


def _lock(path: Path) -> FileLock:
    return FileLock(path, timeout=0, mode=0o600, thread_local=False)


def _remove_if_free(path: Path) -> bool:
    """Remove a mark that nobody keeps locked; False while somebody does."""
    lock = _lock(path)
    try:
        with lock:
            pass
        # After it: Windows removes no open file. Nobody takes a token a second time.
        path.unlink(missing_ok=True)
    except (Timeout, OSError):
        return False
    return True

"""Key isolation: every security library in a child process of its own."""

from __future__ import annotations

import atexit
import threading
import time
from typing import TYPE_CHECKING

from app.domain.libraries import DEFAULT_LANES
from app.hsm.channel import Watch
from app.hsm.deadlines import Deadlines
from app.hsm.isolated_library import IsolatedLibrary
from app.hsm.launcher import Launcher
from app.hsm.token_provider import TokenKeyProvider

if TYPE_CHECKING:
    from collections.abc import Callable

    from app.domain.tokens import LibraryInfo, LibrarySpec

__all__ = ["Deadlines", "IsolatedLibrary", "KeyIsolation", "TokenKeyProvider"]

WAITING = 256


class KeyIsolation:
    """All key isolation processes of this process.

    Nothing starts before it is needed. Children end with `close`, at exit, and, whatever they
    hang in, when this process dies. May be used from any thread.

    Args:
        deadlines: of all calls.
        lanes: sessions that sign side by side, for each token.
        waiting: signatures that may be on their way to one token; more are refused with
            `TokenBusy`.
    """

    def __init__(
        self,
        *,
        deadlines: Deadlines = Deadlines(),  # noqa: B008 - immutable
        lanes: int = DEFAULT_LANES,
        waiting: int = WAITING,
    ) -> None:
        self._deadlines = deadlines
        self._lanes = lanes
        self._waiting = waiting
        self._launcher = Launcher()
        self._watch = Watch()
        self._lock = threading.Lock()
        self._libraries: dict[LibrarySpec, IsolatedLibrary] = {}
        self._prepare: Callable[[IsolatedLibrary], None] | None = None
        atexit.register(self.close)

    def _make(self, spec: LibrarySpec) -> IsolatedLibrary:
        return IsolatedLibrary(
            spec,
            self._launcher,
            self._watch,
            self._deadlines,
            lanes=self._lanes,
            waiting=self._waiting,
        )

    def probe(self, spec: LibrarySpec) -> LibraryInfo:
        """Load a library in a child that ends again.

        Raises:
            LibraryUnusable: no such file; not a library; made for another architecture or system;
                not loadable; no PKCS#11 module; crashes; hangs; or refuses C_Initialize.
        """
        trial = self._make(spec)
        try:
            return trial.info()
        finally:
            trial.close()

    def library(self, spec: LibrarySpec) -> IsolatedLibrary:
        """The library of that spec, always the same object; its child starts when needed."""
        with self._lock:
            library = self._libraries.get(spec)
            if library is None:
                library = self._make(spec)
                if self._prepare is not None:
                    self._prepare(library)
                self._libraries[spec] = library
            return library

    def prepare_with(self, prepare: Callable[[IsolatedLibrary], None]) -> None:
        """Have `prepare` called for each library before it is given out first.

        It must not call this object.
        """
        with self._lock:
            self._prepare = prepare

    def forget(self, spec: LibrarySpec) -> None:
        """End the child of a library that is not to be loaded that way any more.

        Who still holds the library is told that it is closed.
        """
        with self._lock:
            library = self._libraries.pop(spec, None)
        if library is not None:
            library.close()

    def process_ids(self) -> tuple[int, ...]:
        """Process ids of the children that run now."""
        with self._lock:
            libraries = tuple(self._libraries.values())
        return tuple(pid for library in libraries if (pid := library.process_id) is not None)

    def close(self, timeout: float = 5) -> None:
        """End all children: politely for up to `timeout` seconds in all, then by force."""
        atexit.unregister(self.close)
        with self._lock:
            libraries, self._libraries = tuple(self._libraries.values()), {}
        until = time.monotonic() + timeout
        for library in libraries:
            library.close(max(0.1, until - time.monotonic()))
        self._launcher.stop()

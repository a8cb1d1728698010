"""Starts key isolation processes from one long-lived thread."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import queue
import sys
import threading
import types
from concurrent.futures import Future
from typing import TYPE_CHECKING

from app.hsm.child import entry
from app.hsm.link import make_link

if TYPE_CHECKING:
    from collections.abc import Iterator
    from multiprocessing.context import SpawnProcess

    from app.hsm.link import ParentEnd

_START = threading.Lock()


@contextlib.contextmanager
def _light_main() -> Iterator[None]:
    """Hide the main module, which multiprocessing would import again in the child.

    The child needs nothing of it, and it may be as heavy as the console or a test runner, while a
    signature waits for the new process.
    """
    main = sys.modules["__main__"]
    sys.modules["__main__"] = types.ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = main


class Launcher:
    """The thread that starts all children.

    Linux ends a child whose *thread* of birth has ended (PR_SET_PDEATHSIG), so children are not
    started from the threads that happen to need them.
    """

    def __init__(self) -> None:
        self._orders: queue.SimpleQueue[Future[tuple[SpawnProcess, ParentEnd]] | None]
        self._orders = queue.SimpleQueue()
        self._context = multiprocessing.get_context("spawn")
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def launch(self) -> tuple[SpawnProcess, ParentEnd]:
        """A new child and the link to it; blocks for some milliseconds."""
        order: Future[tuple[SpawnProcess, ParentEnd]] = Future()
        with self._lock:
            if self._thread is None:
                self._thread = threading.Thread(
                    target=self._work, name="isolation-launcher", daemon=True
                )
                self._thread.start()
        self._orders.put(order)
        return order.result()

    def stop(self) -> None:
        """End the thread, and with it on Linux every child that is left."""
        with self._lock:
            thread, self._thread = self._thread, None
        if thread is not None:
            self._orders.put(None)
            thread.join()

    def _work(self) -> None:
        while (order := self._orders.get()) is not None:
            try:
                order.set_result(self._launch())
            except OSError as error:
                order.set_exception(error)

    def _launch(self) -> tuple[SpawnProcess, ParentEnd]:
        ours, theirs = make_link(self._context)
        process = self._context.Process(
            target=entry.run, args=(theirs, os.getpid()), name="key-isolation", daemon=True
        )
        with contextlib.closing(theirs), _START, _light_main():
            process.start()
        return process, ours

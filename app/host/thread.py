"""The responder's thread: one asyncio loop that other threads hand work to."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING, Any, TypeVar, TypeVarTuple

import structlog

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from concurrent.futures import Future

T = TypeVar("T")
Ts = TypeVarTuple("Ts")
log = structlog.get_logger(__name__)


def new_loop() -> asyncio.AbstractEventLoop:
    """A loop of uvloop where that exists, else asyncio's own."""
    try:
        import uvloop  # noqa: PLC0415 - it does not exist on every platform
    except ImportError:
        return asyncio.new_event_loop()
    return uvloop.new_event_loop()


class HostThread:
    """One event loop in one thread named `responder`; started and stopped once."""

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._running = threading.Event()
        self._thread: threading.Thread | None = None

    @property
    def alive(self) -> bool:
        """Whether it was started and has not ended."""
        return self._thread is not None and self._thread.is_alive()

    def start(self) -> None:
        """Start the thread; the loop runs on return."""
        loop = self._loop = new_loop()
        loop.set_exception_handler(_log_exception)
        self._thread = threading.Thread(
            target=self._run, args=(loop,), name="responder", daemon=True
        )
        self._thread.start()
        self._running.wait()

    def submit(self, coroutine: Coroutine[Any, Any, T]) -> Future[T]:
        """Run a coroutine on the loop; for any other thread, between start and stop."""
        if self._loop is None:
            raise RuntimeError("the thread was not started")
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop)

    def post(self, callback: Callable[[*Ts], object], *args: *Ts) -> None:
        """Call a function on the loop; from any thread. Nothing happens once it has ended."""
        if self._loop is None:
            return
        try:
            self._loop.call_soon_threadsafe(callback, *args)
        except RuntimeError:
            if not self._loop.is_closed():
                raise

    def stop(self, timeout: float) -> bool:
        """Cancel what still runs and end the thread.

        Returns:
            Whether it ended within `timeout` seconds; where not, it is left behind as a daemon.
        """
        if self._loop is None or self._thread is None or not self.alive:
            return True
        self.post(self._loop.stop)
        self._thread.join(timeout)
        if self._thread.is_alive():
            log.error("the responder's thread did not end", seconds=timeout)
            return False
        return True

    def _run(self, loop: asyncio.AbstractEventLoop) -> None:
        asyncio.set_event_loop(loop)
        loop.call_soon(self._running.set)
        try:
            loop.run_forever()
        finally:
            _close(loop)


def _close(loop: asyncio.AbstractEventLoop) -> None:
    tasks = asyncio.all_tasks(loop)
    for task in tasks:
        task.cancel()
    if tasks:
        loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
    loop.run_until_complete(loop.shutdown_asyncgens())
    asyncio.set_event_loop(None)
    loop.close()


def _log_exception(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """The loop's edge: what no task awaited."""
    del loop
    log.error(
        "an exception reached the event loop",
        reason=context.get("message", ""),
        exc_info=context.get("exception"),
    )

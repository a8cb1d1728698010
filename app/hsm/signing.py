"""Signatures on their way to a token: bounded in number, and sent again when a child is lost."""

from __future__ import annotations

import queue
import threading
from concurrent.futures import Future
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Protocol

import structlog

from app.domain.errors import (
    KeyAbsent,
    KeyStorageError,
    NotLoggedIn,
    PinIncorrect,
    PinLocked,
    SealkeeperError,
    TokenAbsent,
    TokenBusy,
)
from app.domain.secrets import PinSource
from app.hsm.channel import ChannelLostError, KeyUse

if TYPE_CHECKING:
    from collections.abc import Callable

    from app.domain.keys import TokenIdentity
    from app.hsm.channel import Channel
    from app.hsm.isolated_library import IsolatedLibrary

log = structlog.get_logger(__name__)


class Finishing(Protocol):
    """What is done with the outcome of a signature before its future gets it."""

    def finish(self, value: bytes) -> bytes:
        """Make of what C_Sign returned what the caller wants."""
        ...

    def explain(self, error: Exception) -> Exception:
        """The error, of which the caller may know more."""
        ...


@dataclass(slots=True, eq=False)
class _Signing:
    """One signature on its way.

    Attributes:
        count: how many are on their way to its token.
        moved: sent again after its child was lost.
        relogged: sent again after a new login.
        looked: sent again after the library was loaded anew.
    """

    use: KeyUse
    data: bytes
    pins: PinSource
    finishing: Finishing
    result: Future[bytes]
    count: list[int]
    moved: bool = False
    relogged: bool = False
    looked: bool = False


class _Chores:
    """A few daemon threads for what may block: logging in, starting a child."""

    def __init__(self, name: str, size: int = 2) -> None:
        self._jobs: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._size = size
        for number in range(size):
            threading.Thread(target=self._work, name=f"{name}-{number}", daemon=True).start()

    def submit(self, job: Callable[[], None]) -> None:
        self._jobs.put(job)

    def stop(self) -> None:
        """Let the threads end after the jobs that wait."""
        for _ in range(self._size):
            self._jobs.put(None)

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            job()


class Signatures:
    """The signatures of one library.

    Args:
        library: gives the child and logs in.
        waiting: how many may be on their way to one token.
    """

    def __init__(self, library: IsolatedLibrary, waiting: int) -> None:
        self._library = library
        self._waiting = waiting
        self._lock = threading.Lock()
        self._counts: dict[TokenIdentity, list[int]] = {}
        self._chores: _Chores | None = None

    def start(
        self, use: KeyUse, data: bytes, pins: PinSource, finishing: Finishing
    ) -> Future[bytes]:
        """Sign without blocking; the future gets the finished signature, or a SealkeeperError."""
        result: Future[bytes] = Future()
        result.set_running_or_notify_cancel()
        with self._lock:
            count = self._counts.get(use.token)
            if count is None:
                count = self._counts[use.token] = [0]
            busy = count[0] >= self._waiting
            if not busy:
                count[0] += 1
        if busy:
            result.set_exception(_busy(use.token, self._waiting))
            return result
        signing = _Signing(use, data, pins, finishing, result, count)
        channel = self._library.channel
        if channel is not None and use.token in channel.logged_in:
            self._send(channel, signing)
        else:
            self._prepare(signing)
        return result

    def stop(self) -> None:
        """Let the threads end."""
        with self._lock:
            chores, self._chores = self._chores, None
        if chores is not None:
            chores.stop()

    def _send(self, channel: Channel, signing: _Signing) -> None:
        deadline = self._library.deadlines.sign
        channel.sign(signing.use, signing.data, deadline, partial(self._signed, signing))

    def _prepare(self, signing: _Signing, missing: SealkeeperError | None = None) -> None:
        """Start a child and log in, in another thread, then send.

        When something is `missing`, the library is loaded anew before, if that was not done lately.
        """
        with self._lock:
            if self._chores is None and not self._library.closed:
                self._chores = _Chores("isolation-chores")
            if self._chores is not None:
                self._chores.submit(lambda: self._log_in_and_send(signing, missing))
                return
        self._conclude(signing, KeyStorageError("The security library is closed."))

    def _log_in_and_send(self, signing: _Signing, missing: SealkeeperError | None) -> None:
        try:
            if missing is not None and not self._library.look_again():
                raise missing  # noqa: TRY301 - it ends as any other error does
            self._library.log_in(signing.use.token, signing.pins)
            channel = self._library.live_channel()
        except TokenAbsent as error:
            if signing.looked:
                self._conclude(signing, error)
            else:
                signing.looked = True
                self._log_in_and_send(signing, error)
        except SealkeeperError as error:
            self._conclude(signing, error)
        except Exception as error:
            log.exception("a signature could not be prepared")
            self._conclude(signing, error)
        else:
            self._send(channel, signing)

    def _signed(self, signing: _Signing, value: bytes, error: Exception | None) -> None:
        if error is None:
            self._library.works()
            if signing.looked:
                self._library.found_again()
            try:
                finished = signing.finishing.finish(value)
            except Exception as wrong:  # noqa: BLE001 - a callback's edge; the future carries it
                self._conclude(signing, wrong)
            else:
                self._conclude(signing, None, finished)
        elif isinstance(error, ChannelLostError):
            if signing.moved:
                error = self._library.crashed("Try again; the library was restarted.")
                self._conclude(signing, error)
            else:
                signing.moved = True
                self._prepare(signing)
        elif isinstance(error, NotLoggedIn) and not signing.relogged:
            signing.relogged = True
            self._library.forget_login(signing.use.token)
            self._prepare(signing)
        elif isinstance(error, TokenAbsent | KeyAbsent) and not signing.looked:
            signing.looked = True
            self._prepare(signing, error)
        else:
            if isinstance(error, PinIncorrect | PinLocked):
                self._library.refused_by_itself(signing.use.token, signing.pins, error)
            self._conclude(signing, error)

    def _conclude(self, signing: _Signing, error: Exception | None, value: bytes = b"") -> None:
        with self._lock:
            signing.count[0] -= 1
        if error is not None:
            signing.result.set_exception(signing.finishing.explain(error))
        else:
            signing.result.set_result(value)


def _busy(token: TokenIdentity, count: int) -> TokenBusy:
    return TokenBusy(
        f"The token {token.label} is busy: {count} signatures wait for it already.",
        cause="The HSM is slower than the requests come.",
        remedy="Try again shortly, or give the slot more lanes if the HSM can take them.",
    )

"""One key isolation process as its parent sees it: calls, answers, deadlines and its end."""

from __future__ import annotations

import threading
import time
from concurrent.futures import Future
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec
import structlog

from app.domain.errors import DeadlineExceeded
from app.hsm import messages
from app.hsm.faults import failure_error

if TYPE_CHECKING:
    from collections.abc import Callable
    from multiprocessing.connection import Connection
    from multiprocessing.context import SpawnProcess

    from app.domain.keys import TokenIdentity
    from app.domain.tokens import LibraryInfo

log = structlog.get_logger(__name__)
_TICK = 0.05


class ChannelLostError(Exception):
    """The process ended before it answered."""


@dataclass(slots=True)
class _Pending:
    future: Future[messages.Answer]
    request: messages.Request
    deadline: float
    due: float | None


class Watch:
    """The one thread that looks for overdue calls, on all channels of a `KeyIsolation`."""

    def __init__(self) -> None:
        self._condition = threading.Condition()
        self._channels: set[Channel] = set()
        self._thread: threading.Thread | None = None

    def add(self, channel: Channel) -> None:
        """Look after a channel until it ends."""
        with self._condition:
            self._channels.add(channel)
            if self._thread is None:
                self._thread = threading.Thread(
                    target=self._work, name="isolation-deadlines", daemon=True
                )
                self._thread.start()

    def wake(self) -> None:
        """Some channel has something to wait for."""
        with self._condition:
            self._condition.notify()

    def _work(self) -> None:
        while True:
            with self._condition:
                self._channels = {channel for channel in self._channels if channel.alive}
                if not self._channels:
                    self._thread = None
                    return
                busy = any(channel.busy for channel in self._channels)
                self._condition.wait(_TICK if busy else None)
                channels = tuple(self._channels)
            for channel in channels:
                channel.end_if_overdue(time.monotonic())


class Channel:
    """The pipe to one child, with a reader thread.

    All methods may be called from any thread.

    Args:
        process: the child; it is ended and reaped here.
        connection: the parent's end of the pipe.
        watch: looks after the deadlines.
        library: path, for errors.
        lanes: how many signatures of a token the child makes at a time.
        ended: called once, in any thread, when the child has ended without being asked to.
    """

    def __init__(
        self,
        process: SpawnProcess,
        connection: Connection,
        watch: Watch,
        library: str,
        lanes: int,
        ended: Callable[[Channel], None],
    ) -> None:
        self._process = process
        self._connection = connection
        self._watch = watch
        self._library = library
        self._lanes = lanes
        self._ended = ended
        self._sending = threading.Lock()
        self._state = threading.Lock()
        self._pending: dict[int, _Pending] = {}
        self._number = 0
        self._finishing = False
        self._encoder = msgspec.msgpack.Encoder()
        self._decoder = msgspec.msgpack.Decoder(messages.Reply)
        self.alive = True
        self.info: LibraryInfo | None = None
        self.logged_in: set[TokenIdentity] = set()
        self._told: set[tuple[TokenIdentity, bytes]] = set()
        self._reader = threading.Thread(
            target=self._read, name=f"isolation-reader-{process.pid}", daemon=True
        )
        self._reader.start()
        watch.add(self)

    @property
    def pid(self) -> int:
        """Process id of the child."""
        return self._process.pid or 0

    @property
    def busy(self) -> bool:
        """Whether calls wait for an answer."""
        return bool(self._pending)

    def call(self, request: messages.Request, deadline: float) -> Future[messages.Answer]:
        """Send a request; the future gets the answer, or the error that stands for it.

        Raises (in the future):
            KeyStorageError: what the library answered, see `faults`.
            DeadlineExceeded: after `deadline` seconds; the child is ended then.
            ChannelLostError: the child ended.
        """
        future: Future[messages.Answer] = Future()
        future.set_running_or_notify_cancel()
        with self._state:
            if not self.alive:
                future.set_exception(ChannelLostError())
                return future
            self._number += 1
            number = self._number
            first = not self._pending
            # A signature's time runs from when a lane takes it, see `_start_clocks`.
            due = None if isinstance(request, messages.Sign) else time.monotonic() + deadline
            self._pending[number] = _Pending(future, request, deadline, due)
        if first:
            self._watch.wake()
        self._send(number, request)
        return future

    def _send(self, number: int, request: messages.Request) -> None:
        try:
            # One lock for encoding and sending: what `_briefly` leaves out has been sent before.
            with self._sending:
                frame = self._encoder.encode(messages.Call(number, self._briefly(request)))
                self._connection.send_bytes(frame)
        except (OSError, ValueError):
            self.end()

    def _briefly(self, request: messages.Request) -> messages.Request:
        """Tell how a key is found only once, so that signatures are small."""
        if not isinstance(request, messages.Sign):
            return request
        key = (request.token, request.key)
        if key in self._told:
            return msgspec.structs.replace(request, query=None)
        self._told.add(key)
        return request

    def _read(self) -> None:
        while True:
            try:
                reply = self._decoder.decode(self._connection.recv_bytes())
            except (EOFError, OSError, msgspec.MsgspecError):
                break
            with self._state:
                pending = self._pending.pop(reply.number, None)
            if pending is not None:
                self._deliver(pending, reply.answer)
        self.end()
        self._process.join()
        self._connection.close()

    def _deliver(self, pending: _Pending, answer: messages.Answer) -> None:
        if not isinstance(answer, messages.Failure):
            pending.future.set_result(answer)
            return
        if answer.kind == "bug":
            log.error("key isolation process failed", traceback=answer.text)
        version = self.info.library_version if self.info else ""
        pending.future.set_exception(failure_error(pending.request, answer, self._library, version))

    def end_if_overdue(self, now: float) -> None:
        """End the child when one of its calls is past its deadline."""
        with self._state:
            self._start_clocks(now)
            overdue = [
                number
                for number, call in self._pending.items()
                if call.due is not None and call.due <= now
            ]
            late = [self._pending.pop(number) for number in overdue]
        if not late:
            return
        for pending in late:
            log.warning(
                "call to the security library is overdue",
                library=self._library,
                call=type(pending.request).__name__,
                seconds=pending.deadline,
            )
        self.end()
        for pending in late:
            pending.future.set_exception(self._overdue_error(pending))

    def _start_clocks(self, now: float) -> None:
        """Give a due time to the signatures that lanes work on.

        Lanes take them in order, so these are the oldest ones of each token. Those that only
        wait are not overdue: a token may be slow, as long as it works.
        """
        working: dict[TokenIdentity, int] = {}
        for call in self._pending.values():
            if isinstance(call.request, messages.Sign):
                token = call.request.token
                working[token] = working.get(token, 0) + 1
                if call.due is None and working[token] <= self._lanes:
                    call.due = now + call.deadline

    def _overdue_error(self, pending: _Pending) -> DeadlineExceeded:
        name = type(pending.request).__name__
        version = f" {self.info.library_version}" if self.info else ""
        return DeadlineExceeded(
            f"The security library did not answer within {pending.deadline:g} seconds.",
            cause="The HSM, its network connection or its library hangs.",
            remedy="Check that the HSM can be reached; the library was restarted and the "
            "operation can be tried again.",
            detail=f"{name}\n{self._library}{version}",
        )

    def finish(self) -> None:
        """Ask the child to end by itself; follow with `wait`."""
        with self._state:
            self._finishing = True
            if not self.alive:
                return
        self._send(0, messages.Finish())

    def wait(self, timeout: float) -> None:
        """Wait for the child's end, then end it by force."""
        self._reader.join(timeout)
        self.end()
        self._reader.join(timeout)

    def end(self) -> None:
        """End the child at once; all calls that wait are lost."""
        with self._state:
            if not self.alive:
                return
            self.alive = False
            lost = list(self._pending.values())
            self._pending.clear()
        self._process.kill()
        if not self._finishing:
            log.warning("key isolation process ended", library=self._library, pid=self.pid)
            self._ended(self)
        self._watch.wake()
        for pending in lost:
            pending.future.set_exception(ChannelLostError())

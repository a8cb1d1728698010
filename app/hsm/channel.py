"""One key isolation process as its parent sees it: calls, answers, deadlines and its end."""

from __future__ import annotations

import struct
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec
import structlog

from app.domain.errors import DeadlineExceeded, TokenBusy
from app.domain.keys import TokenIdentity
from app.hsm import link, messages
from app.hsm.faults import failure_error

if TYPE_CHECKING:
    from multiprocessing.context import SpawnProcess

    from app.domain.tokens import LibraryInfo
    from app.hsm.link import ParentEnd

log = structlog.get_logger(__name__)
_TICK = 0.05
_LINGER = 2.0  # seconds without calls after which the watch sleeps

#: Gets what C_Sign returned, or the error; called in any thread, and must be short.
Signed = Callable[[bytes, Exception | None], None]


class ChannelLostError(Exception):
    """The process ended before it answered."""


@dataclass(frozen=True, slots=True, eq=False)
class KeyUse:
    """One key of a token with one mechanism; it stands for itself, so keep it for the next time.

    Attributes:
        key: SHA-256 of the public key.
        query: how to find it.
        mechanism: CKM number.
        pss: hashAlg, mgf and sLen of CK_RSA_PKCS_PSS_PARAMS; None for other mechanisms.
    """

    token: TokenIdentity
    key: bytes
    query: messages.KeyQuery
    mechanism: int
    pss: tuple[int, int, int] | None

    def request(self, data: bytes) -> messages.Sign:
        """The message that tells all of it."""
        return messages.Sign(self.token, self.key, self.query, self.mechanism, self.pss, data)


@dataclass(slots=True, eq=False)
class _Pending:
    """A call that waits for its answer: of `request`, or a signature by `use`."""

    deadline: float
    due: float | None
    done: Callable[[Any, Exception | None], None]
    request: messages.Request | None = None
    use: KeyUse | None = None

    def asked(self) -> messages.Request:
        """The request, for logs and errors; without the data of a signature."""
        if self.request is not None:
            return self.request
        assert self.use is not None  # noqa: S101 - one of both is there, for the type checker
        return self.use.request(b"")

    @property
    def name(self) -> str:
        """What was called, for logs and errors."""
        return type(self.asked()).__name__


class Watch:
    """The one thread that looks for overdue calls, on all channels of a `KeyIsolation`."""

    def __init__(self) -> None:
        self._condition = threading.Condition()
        self._channels: set[Channel] = set()
        self._thread: threading.Thread | None = None
        self._sleeping = False

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
        if self._sleeping:
            with self._condition:
                self._condition.notify()

    def look(self) -> None:
        """Some channel has ended."""
        with self._condition:
            self._condition.notify()

    def _work(self) -> None:
        awake_until = 0.0
        while True:
            with self._condition:
                self._channels = {channel for channel in self._channels if channel.alive}
                if not self._channels:
                    self._thread = None
                    return
                # Said first: a call that is not seen here sees that it has to wake this thread.
                self._sleeping = True
                now = time.monotonic()
                if any(channel.busy for channel in self._channels):
                    awake_until = now + _LINGER
                self._sleeping = now >= awake_until
                self._condition.wait(None if self._sleeping else _TICK)
                self._sleeping = False
                channels = tuple(self._channels)
            for channel in channels:
                channel.end_if_overdue(time.monotonic())


class Channel:
    """The link to one child, with a reader thread.

    All methods may be called from any thread.

    Args:
        process: the child; it is ended and reaped here.
        end: the parent's end of the link.
        watch: looks after the deadlines.
        library: path, for errors.
        lanes: how many signatures of a token the child makes at a time, unless `lanes` says more.
        ended: called once, in any thread, when the child has ended without being asked to.
    """

    def __init__(
        self,
        process: SpawnProcess,
        end: ParentEnd,
        watch: Watch,
        library: str,
        lanes: int,
        ended: Callable[[Channel], None],
    ) -> None:
        self._process = process
        self._end = end
        self._watch = watch
        self._library = library
        self._lanes = lanes
        self._ended = ended
        self._state = threading.Lock()
        self._pending: dict[int, _Pending] = {}
        self._number = 0
        self._finishing = False
        self._encoder = msgspec.msgpack.Encoder()
        self._decoder = msgspec.msgpack.Decoder(messages.Reply)
        self.alive = True
        self.info: LibraryInfo | None = None
        self.logged_in: set[TokenIdentity] = set()
        self.lanes: dict[TokenIdentity, int] = {}  # as far as a login has told
        # A number for what a signature is made with. What it stands for is told with each
        # signature until one of them has been answered.
        self._references: dict[KeyUse, int] = {}
        self._told: dict[KeyUse, int] = {}
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

        def done(answer: messages.Answer, error: Exception | None) -> None:
            if error is None:
                future.set_result(answer)
            else:
                future.set_exception(error)

        due = time.monotonic() + deadline
        number = self._expect(_Pending(deadline, due, done, request=request))
        if number is None:
            future.set_exception(ChannelLostError())
        else:
            self._call(number, request)
        return future

    def sign(self, use: KeyUse, data: bytes, deadline: float, done: Signed) -> None:
        """Send a request to sign, without waiting; `done` gets what the future of `call` would.

        The deadline runs from when a lane takes it, see `_start_clocks`.
        """
        number = self._expect(_Pending(deadline, None, done, use=use))
        if number is None:
            done(b"", ChannelLostError())
            return
        reference = self._told.get(use)
        if reference is not None:
            frame = link.SIGN_HEAD.pack(link.SIGN, number, reference) + data
        else:
            frame = self._first_sign(number, use, data)
        try:
            self._end.send(frame, wait=False)
        except BlockingIOError:
            with self._state:
                refused = self._pending.pop(number, None)
            if refused is not None:
                done(b"", _stuck())
        except (OSError, ValueError):
            self.end()

    def _first_sign(self, number: int, use: KeyUse, data: bytes) -> bytes:
        with self._state:
            reference = self._references.setdefault(use, len(self._references))
        head = link.SIGN_HEAD.pack(link.FIRST_SIGN, number, reference)
        return head + self._encoder.encode(use.request(data))

    def _expect(self, pending: _Pending) -> int | None:
        """The number under which the answer will come; None when the child has ended."""
        with self._state:
            if not self.alive:
                return None
            self._number += 1
            number = self._number
            self._pending[number] = pending
        self._watch.wake()
        return number

    def _call(self, number: int, request: messages.Request) -> None:
        frame = self._encoder.encode(messages.Call(number, request))
        try:
            self._end.send(bytes((link.CALL,)) + frame, wait=True)
        except (OSError, ValueError):
            self.end()

    def _read(self) -> None:
        while True:
            try:
                answers = [self._understood(frame) for frame in self._end.receive()]
            except (EOFError, OSError, struct.error, msgspec.MsgspecError):
                break
            with self._state:
                found = [(self._pending.pop(number, None), answer) for number, answer in answers]
            for pending, answer in found:
                if pending is not None:
                    self._deliver(pending, answer)
        self.end()
        self._process.join()
        self._end.close()

    def _understood(self, frame: bytes) -> tuple[int, messages.Answer | bytes]:
        if frame[0] == link.SIGNED:
            _, number = link.SIGNED_HEAD.unpack_from(frame)
            return number, frame[link.SIGNED_HEAD.size :]
        reply = self._decoder.decode(memoryview(frame)[1:])
        return reply.number, reply.answer

    def _deliver(self, pending: _Pending, answer: messages.Answer | bytes) -> None:
        use = pending.use
        if use is not None and use not in self._told:
            self._told[use] = self._references[use]
        if not isinstance(answer, messages.Failure):
            pending.done(answer, None)
            return
        if answer.kind == "bug":
            log.error("key isolation process failed", traceback=answer.text)
        version = self.info.library_version if self.info else ""
        error = failure_error(pending.asked(), answer, self._library, version)
        pending.done(b"", error)

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
                call=pending.name,
                seconds=pending.deadline,
            )
        self.end()
        for pending in late:
            pending.done(b"", self._overdue_error(pending))

    def _start_clocks(self, now: float) -> None:
        """Give a due time to the signatures that lanes work on.

        Lanes take them in order, so these are the oldest ones of each token. Those that only
        wait are not overdue: a token may be slow, as long as it works.
        """
        working: dict[TokenIdentity, int] = {}
        for call in self._pending.values():
            if call.use is not None:
                token = call.use.token
                working[token] = working.get(token, 0) + 1
                lanes = self.lanes.get(token, self._lanes)
                if call.due is None and working[token] <= lanes:
                    call.due = now + call.deadline

    def _overdue_error(self, pending: _Pending) -> DeadlineExceeded:
        version = f" {self.info.library_version}" if self.info else ""
        return DeadlineExceeded(
            f"The security library did not answer within {pending.deadline:g} seconds.",
            cause="The HSM, its network connection or its library hangs.",
            remedy="Check that the HSM can be reached; the library was restarted and the "
            "operation can be tried again.",
            detail=f"{pending.name}\n{self._library}{version}",
        )

    def finish(self) -> None:
        """Ask the child to end by itself; follow with `wait`."""
        with self._state:
            self._finishing = True
            if not self.alive:
                return
        self._call(0, messages.Finish())

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
        self._watch.look()
        for pending in lost:
            pending.done(b"", ChannelLostError())


def _stuck() -> TokenBusy:
    return TokenBusy(
        "The security library takes no requests at the moment.",
        cause="Many requests wait already, and a call that cannot be interrupted holds them up.",
        remedy="Try again shortly.",
    )

"""The key isolation process's end of the link: reads requests, does them or passes them on."""

from __future__ import annotations

import os
import threading
import time
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import msgspec

from app.hsm import link, messages
from app.hsm.child.crews import Crew, Lanes
from app.hsm.child.handlers import Handlers
from app.hsm.child.signing import Signing

if TYPE_CHECKING:
    from app.hsm.child.crews import Lane
    from app.hsm.link import ChildEnd

NAP = 0.003
GATHERED = 64
TOGETHER = 4
_HEAD, _HEAD_SIZE = link.SIGN_HEAD.unpack_from, link.SIGN_HEAD.size
_SIGNED = link.SIGNED_HEAD.pack


@dataclass(frozen=True, slots=True, eq=False)
class _KeyUse:
    """What a reference stands for: one key with one mechanism, and who signs with it."""

    lanes: Lanes[_Job]
    signing: Signing
    request: messages.Sign


#: Number of the request, what to sign with, and the data.
_Job = tuple[int, _KeyUse, bytes]


class Server:
    """Serves one link until it closes, then ends the process.

    Several threads read requests. The one that gets a request to sign does it itself in a lane of
    that token: passing it on would take as long as a soft token needs for it. Where no lane is
    free the request waits in the token's queue, and the thread reads on. There is one thread more
    than all tokens have lanes, so that one is always left to read and no token waits for another.
    Other requests go to their crews.

    Args:
        end: this process's end of the link.
    """

    def __init__(self, end: ChildEnd) -> None:
        self._end = end
        self._encoder = msgspec.msgpack.Encoder()
        self._calls = msgspec.msgpack.Decoder(messages.Call)
        self._signs = msgspec.msgpack.Decoder(messages.Sign)
        self._handlers = Handlers()
        self._uses: dict[int, _KeyUse] = {}
        self._counting = threading.Lock()
        self._readers = 1
        self._ahead = Crew("ahead", 1)
        threading.current_thread().name = "sign-0"

    def serve(self) -> None:
        """Read requests; never returns."""
        while True:
            try:
                frame = self._end.receive()
            except (EOFError, OSError):
                # The parent is gone or has let go; a library that hangs must not hold us.
                os._exit(0)
            if frame[0] == link.CALL:
                self._dispatch(frame)
            else:
                self._take(frame)

    # --- signatures ---------------------------------------------------------------------------

    def _take(self, frame: bytes) -> None:
        job = self._job(frame)
        use = job[1]
        lane = use.lanes.take(job, use.request)
        if lane is not None:
            self._work(use.lanes, lane, job)
        elif use.lanes.quick:
            self._gather()

    def _gather(self) -> None:
        """Read what is there already, for the threads in the lanes, and leave them alone a moment.

        They read again themselves; each single request would wake this thread.
        """
        for _ in range(GATHERED):
            frame = self._end.receive_now()
            if frame is None:
                break
            if frame[0] == link.CALL:
                self._dispatch(frame)
                continue
            job = self._job(frame)
            lane = job[1].lanes.take(job, job[1].request)
            if lane is not None:
                self._work(job[1].lanes, lane, job)
                return
        time.sleep(NAP)

    def _job(self, frame: bytes) -> _Job:
        kind, number, reference = _HEAD(frame)
        data = frame[_HEAD_SIZE:]
        if kind == link.SIGN:
            return number, self._uses[reference], data
        request = self._signs.decode(data)
        return number, self._use(reference, request), request.data

    def _use(self, reference: int, request: messages.Sign) -> _KeyUse:
        token = self._handlers.token(request.token)
        if request.query is not None:
            token.signing.know(request.key, request.query)
        # The parent names it by the reference once this request has been answered.
        use = _KeyUse(token.signers, token.signing, request)
        return self._uses.setdefault(reference, use)

    def _work(self, lanes: Lanes[_Job], lane: Lane, job: _Job | None) -> None:
        """Sign what the lane is for, then what waits for one."""
        while job is not None:
            use = job[1]
            if lanes.free and use.signing.may_prepare(use.request):
                # While this one is signed the next is begun: afterwards the caller needs the core.
                self._ahead.submit(partial(self._prepare, use))
            left = self._end.post(self._signed(lane, job))
            # Answers wait for one another while this lane goes on at once, and the token is quick.
            if left >= TOGETHER or not lanes.quick or not lanes.waiting:
                self._end.flush()
            job = lanes.next(lane, time.monotonic())
        self._end.flush()

    def _prepare(self, use: _KeyUse, _own: Lane) -> None:
        """Begin the next signature in a lane that nobody needs now."""
        lane = use.lanes.spare(use.request)
        if lane is not None:
            use.signing.prepare(lane, use.request)
            self._work(use.lanes, lane, use.lanes.next(lane, time.monotonic()))

    def _signed(self, lane: Lane, job: _Job) -> bytes:
        """The frame that answers a request to sign."""
        number, use, data = job
        try:
            value = use.signing.sign(lane, use.request, data)
        except Exception as error:  # noqa: BLE001 - the thread's edge; what fails is an answer
            return self._answer(number, self._handlers.failure(use.request, error))
        return _SIGNED(link.SIGNED, number) + value

    def _have_readers(self) -> None:
        """One thread more than there are lanes: when all sign, one is left to read."""
        with self._counting:
            wanted = 1 + self._handlers.lanes
            while self._readers < wanted:
                name = f"sign-{self._readers}"
                threading.Thread(target=self.serve, name=name, daemon=True).start()
                self._readers += 1

    # --- everything else ----------------------------------------------------------------------

    def _dispatch(self, frame: bytes) -> None:
        call = self._calls.decode(memoryview(frame)[1:])
        handlers, number, request = self._handlers, call.number, call.request

        def work(lane: Lane) -> None:
            answer = handlers.answer(lane, request)
            if isinstance(answer, messages.LoggedIn):
                self._have_readers()
            self._end.post(self._answer(number, answer))
            self._end.flush()

        handlers.crew(request).submit(work)

    def _answer(self, number: int, answer: messages.Answer) -> bytes:
        return bytes((link.REPLY,)) + self._encoder.encode(messages.Reply(number, answer))

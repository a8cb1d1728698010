"""The key isolation process's end of the link: reads requests, does them or passes them on."""

from __future__ import annotations

import itertools
import os
import threading
from dataclasses import dataclass
from time import perf_counter
from typing import TYPE_CHECKING

import msgspec

from app.hsm import link, messages
from app.hsm.child.baton import Baton
from app.hsm.child.crews import Lanes
from app.hsm.child.handlers import Handlers
from app.hsm.child.signing import Signing

if TYPE_CHECKING:
    from app.hsm.child.crews import Lane
    from app.hsm.link import ChildEnd

# Answers that may wait for one another while further requests are there already.
TOGETHER = 4


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

    One thread at a time reads requests, the one with the baton. Whoever gets a request to sign does
    it itself in a lane of that token: passing it on would take as long as a soft token needs for
    it. A token that is slow has its signatures side by side, so the baton goes to another thread
    first; one that is quick is signed with by one thread in succession, which gives the baton away
    only when a call lasts (see `Baton`). Where no lane is free the request waits in the token's
    queue, and the thread reads on. Other requests go to their crews.

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
        self._names = itertools.count()
        self._baton = Baton(self._start, end.flush)

    def serve(self) -> None:
        """Read requests; never returns."""
        threading.current_thread().name = f"sign-{next(self._names)}"
        while True:
            turn = self._baton.take()
            try:
                self._read(turn)
            except (EOFError, OSError):
                # The parent is gone or has let go; a library that hangs must not hold us.
                os._exit(0)

    def _start(self) -> None:
        threading.Thread(target=self.serve, daemon=True).start()

    def _read(self, turn: int) -> None:
        """Read until the baton is another thread's."""
        frame: bytes | None = None
        while self._baton.mine(turn) or frame is not None:
            if frame is None:
                frame = self._end.receive()
            if frame[0] == link.CALL:
                call = self._calls.decode(memoryview(frame)[1:])
                self._dispatch(call.number, call.request)
                frame = None
            else:
                frame = self._sign(turn, self._job(frame))

    # --- signatures ---------------------------------------------------------------------------

    def _job(self, frame: bytes) -> _Job:
        kind, number, reference = link.SIGN_HEAD.unpack_from(frame)
        data = frame[link.SIGN_HEAD.size :]
        if kind == link.SIGN:
            return number, self._uses[reference], data
        request = self._signs.decode(data)
        token = self._handlers.token(request.token)
        if request.query is not None:
            token.signing.know(request.key, request.query)
        # The parent names it by the reference once this request has been answered.
        use = self._uses[reference] = _KeyUse(token.signers, token.signing, request)
        return number, use, request.data

    def _sign(self, turn: int, job: _Job) -> bytes | None:
        """Sign if a lane is free; a frame that was read meanwhile is returned."""
        use = job[1]
        lane = use.lanes.take(job, use.request)
        if lane is None:
            return None
        if not use.lanes.quick:
            self._baton.give(turn)
        return self._work(turn, lane, job)

    def _work(self, turn: int, lane: Lane, job: _Job) -> bytes | None:
        """Sign, and go on in the lane with what waits for one, or with what is to be read."""
        lanes, frame = job[1].lanes, None
        while True:
            self._baton.begin(turn)
            left = self._end.post(self._signed(lane, job))
            if frame is None and lanes.quick and not lanes.pressed and self._baton.mine(turn):
                frame = self._end.receive_now()
            following = self._job(frame) if frame is not None and frame[0] != link.CALL else None
            if following is not None and following[1].lanes is lanes:
                frame = None
                if left >= TOGETHER:
                    self._end.flush()
            else:
                self._end.flush()
                following = self._following(lane, job)
            if following is None:
                self._baton.end(turn)
                return frame
            job = following

    def _signed(self, lane: Lane, job: _Job) -> bytes:
        """The frame that answers a request to sign."""
        number, use, data = job
        began = perf_counter()
        try:
            value = use.signing.sign(lane, use.request, data)
        except Exception as error:  # noqa: BLE001 - the thread's edge; what fails is an answer
            return self._reply(number, self._handlers.failure(use.request, error))
        use.lanes.took(began, perf_counter())
        return link.SIGNED_HEAD.pack(link.SIGNED, number) + value

    def _following(self, lane: Lane, job: _Job) -> _Job | None:
        """What waits for a lane; one that nothing waits for is prepared and left."""
        use = job[1]
        if not use.lanes.pressed:
            use.signing.prepare(lane, use.request)
        return use.lanes.next(lane)

    # --- everything else ----------------------------------------------------------------------

    def _dispatch(self, number: int, request: messages.Request) -> None:
        handlers = self._handlers
        handlers.crew(request).submit(
            lambda lane: self._end.send(self._reply(number, handlers.answer(lane, request)))
        )

    def _reply(self, number: int, answer: messages.Answer) -> bytes:
        return bytes((link.REPLY,)) + self._encoder.encode(messages.Reply(number, answer))

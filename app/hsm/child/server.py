"""The key isolation process's end of the link: reads requests, does them or passes them on."""

from __future__ import annotations

import os
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from app.hsm import link, messages
from app.hsm.child.crews import Lanes
from app.hsm.child.handlers import Handlers
from app.hsm.child.signing import Signing

if TYPE_CHECKING:
    from app.hsm.child.crews import Lane
    from app.hsm.link import ChildEnd

NAP = 0.001
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
                call = self._calls.decode(memoryview(frame)[1:])
                self._dispatch(call.number, call.request)
            else:
                self._take(frame)

    # --- signatures ---------------------------------------------------------------------------

    def _take(self, frame: bytes) -> None:
        kind, number, reference = _HEAD(frame)
        data = frame[_HEAD_SIZE:]
        if kind == link.SIGN:
            use = self._uses[reference]
        else:
            request = self._signs.decode(data)
            use, data = self._use(reference, request), request.data
        lane = use.lanes.take((number, use, data), use.request)
        if lane is not None:
            self._work(use.lanes, lane, number, use, data)
        elif use.lanes.quick:
            # The threads in the lanes read again in a moment; each request would wake this one.
            time.sleep(NAP)

    def _use(self, reference: int, request: messages.Sign) -> _KeyUse:
        token = self._handlers.token(request.token)
        if request.query is not None:
            token.signing.know(request.key, request.query)
        # The parent names it by the reference once this request has been answered.
        use = _KeyUse(token.signers, token.signing, request)
        return self._uses.setdefault(reference, use)

    def _work(self, lanes: Lanes[_Job], lane: Lane, number: int, use: _KeyUse, data: bytes) -> None:
        """Sign what the lane is for, then what waits for one."""
        while True:
            try:
                value = use.signing.sign(lane, use.request, data)
            except Exception as error:  # noqa: BLE001 - the thread's edge; what fails is an answer
                self._reply(number, self._handlers.failure(use.request, error))
            else:
                self._end.send(_SIGNED(link.SIGNED, number) + value)
            now = time.monotonic()
            if not lanes.waiting:
                use.signing.prepare(lane, use.request, now)
            job = lanes.next(lane, now)
            if job is None:
                return
            number, use, data = job

    def _have_readers(self) -> None:
        """One thread more than there are lanes: when all sign, one is left to read."""
        with self._counting:
            wanted = 1 + self._handlers.lanes
            while self._readers < wanted:
                name = f"sign-{self._readers}"
                threading.Thread(target=self.serve, name=name, daemon=True).start()
                self._readers += 1

    # --- everything else ----------------------------------------------------------------------

    def _dispatch(self, number: int, request: messages.Request) -> None:
        handlers = self._handlers
        handlers.crew(request).submit(
            lambda lane: self._reply(number, handlers.answer(lane, request))
        )

    def _reply(self, number: int, answer: messages.Answer) -> None:
        if isinstance(answer, messages.LoggedIn):
            self._have_readers()
        frame = self._encoder.encode(messages.Reply(number, answer))
        self._end.send(bytes((link.REPLY,)) + frame)

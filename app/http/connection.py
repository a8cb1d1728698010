"""One client connection: parses requests within the limits and answers them in order."""

from __future__ import annotations

import asyncio
import math
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, cast

import httptools
import structlog

from app.domain.http import HttpRequest, HttpResponse, plain
from app.http.wire import CONTINUE, serialise

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from app.domain.http import Handler
    from app.http.limits import HttpLimits

_SLICE = 4096
_REFUSALS = {
    400: "The request is not valid HTTP.",
    408: "The request did not arrive in time.",
    413: "The request's body is too large.",
    414: "The request's target is too long.",
    417: "Only the expectation 100-continue is met.",
    431: "The request's headers are too large.",
    501: "Only the transfer coding chunked is understood.",
    503: "Too many connections are open.",
    505: "Only HTTP/1.0 and HTTP/1.1 are spoken.",
}

log = structlog.get_logger(__name__)


class Owner(Protocol):
    """What a connection needs of its server."""

    limits: HttpLimits
    stopping: bool

    def route(self, path: bytes) -> Handler | None: ...
    def date(self) -> bytes: ...
    def opened(self, connection: Connection) -> bool: ...
    def closed(self, connection: Connection) -> None: ...
    def answered(self, status: int) -> None: ...


@dataclass(frozen=True, slots=True)
class _Pending:
    """A request, or a refusal that takes its place, with whether the connection goes on after."""

    request: HttpRequest | None
    refusal: HttpResponse | None
    keep: bool


class _RefusedError(Exception):
    """Ends parsing from inside a parser callback."""


class Connection(asyncio.Protocol):
    """Lives on the server's loop; every method is called there.

    `deadline` (loop time) is looked at by the server's sweep, which calls `expire`.
    """

    def __init__(self, owner: Owner, loop: asyncio.AbstractEventLoop) -> None:
        self._read_deadline = self._write_deadline = math.inf
        self._owner = owner
        self._limits = owner.limits
        self._loop = loop
        self._transport: asyncio.Transport | None = None
        self._parser = httptools.HttpRequestParser(self)
        self._pending: deque[_Pending] = deque()
        self._backlog = b""
        self._task: asyncio.Task[None] | None = None
        self._write_blocked = False
        self._eof = False
        self._input_ended = False
        self._lingering = False
        self._in_message = False
        self._in_head = False
        self._continue_due = False
        self._raw_left = 0
        self._head_bytes = 0
        self._fresh()

    def _fresh(self) -> None:
        self._target = b""
        self._headers: list[tuple[bytes, bytes]] = []
        self._header_bytes = 0
        self._body: list[bytes] = []
        self._body_bytes = 0
        self._refused = 0

    # --- transport ---------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._read_deadline = self._loop.time() + self._limits.head_timeout
        if not self._owner.opened(self):
            self._input_ended = True
            self._pending.append(_Pending(None, plain(503, _REFUSALS[503]), keep=False))
            self._work()

    def connection_lost(self, exc: Exception | None) -> None:
        # A reset or an early close is the client's business: nothing to log (exc is not ours).
        del exc
        self._transport = None
        self._input_ended = True
        self._pending.clear()
        self._backlog = b""
        self._owner.closed(self)

    def eof_received(self) -> bool:
        """Keep a half-closed connection open while answers are due."""
        self._eof = True
        return bool(self._pending or self._task or self._backlog) and not self._lingering

    def pause_writing(self) -> None:
        self._write_blocked = True
        self._write_deadline = self._loop.time() + self._limits.write_timeout

    def resume_writing(self) -> None:
        self._write_blocked = False
        self._write_deadline = math.inf
        self._work()

    def data_received(self, data: bytes) -> None:
        if self._input_ended:
            return
        if self._backlog:
            self._backlog += data
        elif len(data) <= _SLICE and len(self._pending) < self._limits.pipelined:
            self._parse(data)
        else:
            self._backlog = data
            self._read_backlog()

    def _read_backlog(self) -> None:
        """Parse slices while there is room for their requests; else stop reading."""
        while self._backlog and not self._input_ended:
            if len(self._pending) >= self._limits.pipelined or self._write_blocked:
                if self._transport is not None:
                    self._transport.pause_reading()
                self._read_deadline = math.inf  # it is not the client that is slow now
                return
            piece, self._backlog = self._backlog[:_SLICE], self._backlog[_SLICE:]
            self._parse(piece)
        self._await_rest()
        if self._transport is not None and not self._transport.is_closing():
            self._transport.resume_reading()

    # --- parsing -----------------------------------------------------------------------------

    def _parse(self, data: bytes) -> None:
        if self._raw_left:
            self._raw_body(data)
            return
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            # An offer to upgrade (h2c) is ignored, RFC 9110 §7.8; the parser stops at it, so
            # that a body that follows is read here, and the connection ends with the answer.
            self._raw_body(data[upgrade.args[0] :])
        except httptools.HttpParserError:
            if not self._input_ended:
                self._refuse(self._refused or 400)
        if self._in_head and not self._input_ended:
            self._head_bytes += len(data)
            if self._head_bytes > self._limits.head_bytes + _SLICE:
                self._refuse(431)

    def _raw_body(self, data: bytes) -> None:
        if not self._raw_left:
            return
        self._body.append(data[: self._raw_left])
        self._raw_left -= len(self._body[-1])
        if not self._raw_left:
            self._complete(keep=False)

    def _refuse(self, status: int) -> None:
        """Answer an unacceptable request after those before it; nothing more is read."""
        self._input_ended = True
        self._in_message = self._in_head = False
        self._backlog = b""
        self._pending.append(_Pending(None, plain(status, _REFUSALS[status]), keep=False))
        self._work()

    def _stop_parser(self, status: int) -> None:
        self._refused = status
        raise _RefusedError

    def on_message_begin(self) -> None:
        self._in_message = self._in_head = True
        self._head_bytes = 0
        self._read_deadline = self._loop.time() + self._limits.head_timeout

    def on_url(self, piece: bytes) -> None:
        self._target += piece
        if len(self._target) > self._limits.head_bytes // 2:
            self._stop_parser(414)

    def on_header(self, name: bytes, value: bytes) -> None:
        self._header_bytes += len(name) + len(value) + 4
        self._headers.append((name.lower(), value))
        too_large = self._header_bytes + len(self._target) > self._limits.head_bytes
        if too_large or len(self._headers) > self._limits.header_count:
            self._stop_parser(431)

    def on_headers_complete(self) -> None:
        self._in_head = False
        now = self._loop.time()
        self._read_deadline = now + self._limits.body_timeout
        version = self._parser.get_http_version()
        if version not in ("1.0", "1.1"):
            self._stop_parser(505)
        hosts = sum(1 for name, _ in self._headers if name == b"host")
        if hosts != 1 and (hosts or version == "1.1"):  # RFC 9112 §3.2
            self._stop_parser(400)
        headers = dict(self._headers)
        if headers.get(b"transfer-encoding", b"chunked").strip().lower() != b"chunked":
            self._stop_parser(501)
        length = headers.get(b"content-length", b"0")
        announced = int(length) if length.isdigit() else 0
        if announced > self._limits.body_bytes:
            self._stop_parser(413)
        if self._parser.should_upgrade():
            self._raw_left = announced
        self._expect(headers.get(b"expect"), version)

    def _expect(self, expectation: bytes | None, version: str) -> None:
        if expectation is None or version == "1.0":  # RFC 9110 §10.1.1
            return
        if expectation.strip().lower() != b"100-continue":
            self._stop_parser(417)
        self._continue_due = True
        self._invite_body()

    def _invite_body(self) -> None:
        """Send 100 Continue once every answer before it is out."""
        if self._continue_due and not self._pending and self._task is None and self._transport:
            self._continue_due = False
            self._transport.write(CONTINUE)

    def on_body(self, piece: bytes) -> None:
        self._continue_due = False
        self._body_bytes += len(piece)
        if self._body_bytes > self._limits.body_bytes:
            self._stop_parser(413)
        self._body.append(piece)

    def on_message_complete(self) -> None:
        if not self._raw_left:
            version = self._parser.get_http_version()
            keep = version == "1.1" and self._parser.should_keep_alive()
            self._complete(keep=keep and not self._parser.should_upgrade())

    def _complete(self, *, keep: bool) -> None:
        request = HttpRequest(
            self._parser.get_method().decode("ascii"),
            _origin_form(self._target),
            tuple(self._headers),
            b"".join(self._body),
        )
        self._in_message = self._continue_due = False
        self._read_deadline = math.inf
        self._fresh()
        self._input_ended = self._input_ended or not keep
        self._pending.append(_Pending(request, None, keep))
        self._work()

    # --- answering ---------------------------------------------------------------------------

    def _work(self) -> None:
        """Answer what waits, in order; stop at an answer that must be awaited."""
        while self._pending and self._task is None and not self._write_blocked:
            item = self._pending.popleft()
            if item.request is None:
                self._send(item, item.refusal or plain(400, _REFUSALS[400]))
                continue
            result = self._dispatch(item.request)
            if isinstance(result, HttpResponse):
                self._send(item, result)
            else:
                self._task = self._loop.create_task(self._await(item, result))
        if self._task is None and not self._pending and not self._write_blocked:
            self._idle()

    def _idle(self) -> None:
        if self._transport is None or self._lingering:
            return
        if self._backlog and not self._input_ended:
            # Not from inside the parser: this may run in one of its callbacks.
            self._loop.call_soon(self._read_backlog)
        elif self._input_ended or self._eof or (self._owner.stopping and not self._in_message):
            self._transport.close()
        elif self._in_message:
            self._invite_body()
            self._await_rest()
        else:
            self._read_deadline = self._loop.time() + self._limits.idle_timeout

    def _await_rest(self) -> None:
        """Bound the rest of a request whose reading was paused."""
        if self._in_message and self._read_deadline == math.inf:
            self._read_deadline = self._loop.time() + self._limits.head_timeout

    def _dispatch(self, request: HttpRequest) -> HttpResponse | Awaitable[HttpResponse]:
        handler = self._owner.route(request.path)
        if handler is None:
            return plain(404, "Nothing is found here.")
        try:
            return handler(request)
        except Exception:  # the loop's edge: one bad request must not end others
            log.exception("a request could not be answered", method=request.method)
            return plain(500, "The request could not be answered.")

    async def _await(self, item: _Pending, result: Awaitable[HttpResponse]) -> None:
        try:
            response = await result
        except Exception:  # the task's edge, as above
            log.exception("a request could not be answered")
            response = plain(500, "The request could not be answered.")
        self._task = None
        self._send(item, response)
        self._work()

    def _send(self, item: _Pending, response: HttpResponse) -> None:
        if self._transport is None:
            return
        close = not item.keep or (self._owner.stopping and not self._pending)
        head_only = item.request is not None and item.request.method == "HEAD"
        self._transport.write(
            serialise(response, self._owner.date(), head_only=head_only, close=close)
        )
        self._owner.answered(response.status)
        if item.request is None:
            self._linger()
        elif close:
            self._pending.clear()
            self._backlog = b""
            self._transport.close()

    def _linger(self) -> None:
        """End our side and drain the client's, so that a reset does not eat the refusal."""
        if self._transport is None or self._transport.is_closing():
            return
        self._lingering = True
        self._transport.resume_reading()
        self._transport.write_eof()
        self._read_deadline = self._loop.time() + self._limits.linger

    # --- for the server ----------------------------------------------------------------------

    @property
    def deadline(self) -> float:
        """When the client has waited too long with what is its turn."""
        return min(self._read_deadline, self._write_deadline)

    @property
    def busy(self) -> bool:
        """Whether a request is being read or answered."""
        return bool(self._in_message or self._pending or self._task)

    def expire(self) -> None:
        """The deadline has passed: say so where a request has begun, else close."""
        self._read_deadline = math.inf
        if self._in_message and not self._input_ended and not self._write_blocked:
            self._refuse(408)
        elif self._write_blocked or self._lingering or self._transport is None:
            self.abort()
        else:
            self._transport.close()

    def wind_down(self) -> None:
        """Close when idle; otherwise the answer in progress is the last."""
        if self._transport is not None and not self.busy:
            self._transport.close()

    def abort(self) -> None:
        """Close at once."""
        if self._task is not None:
            self._task.cancel()
        if self._transport is not None:
            self._transport.abort()


def _origin_form(target: bytes) -> bytes:
    """The path and query of a target in absolute form (RFC 9112 §3.2.2), else the target."""
    if target[:1] == b"/" or b"://" not in target:
        return target
    rest = target.partition(b"://")[2]
    slash = rest.find(b"/")
    return rest[slash:] if slash >= 0 else b"/"

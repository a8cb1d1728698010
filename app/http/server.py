"""The HTTP server: listens, keeps the limits and hands requests to the handlers of its routes."""

from __future__ import annotations

import asyncio
import errno
import socket
from dataclasses import dataclass
from typing import TYPE_CHECKING

from app.domain.clock import SystemClock
from app.domain.errors import AddressInUse, EnvironmentFault
from app.domain.http import http_date
from app.domain.services import ListenAddress
from app.http.connection import Connection
from app.http.limits import HttpLimits

if TYPE_CHECKING:
    from collections.abc import Mapping

    from app.domain.clock import Clock
    from app.domain.http import Handler


@dataclass(frozen=True, slots=True)
class HttpCounters:
    """What the server has done since it was made."""

    open_connections: int
    connections: int
    responses: int
    client_errors: int
    server_errors: int


class HttpServer:
    """Serves HTTP/1.0 and 1.1 on the running loop.

    Args:
        routes: handlers by path prefix, such as `/ocsp`; a prefix matches the path itself and
            everything below it, without regard to case; the longest match wins. A handler gets
            every method and refuses those that it does not offer.
        limits: bounds on clients.
        clock: for the Date header.
    """

    def __init__(
        self,
        routes: Mapping[str, Handler],
        limits: HttpLimits | None = None,
        *,
        clock: Clock | None = None,
    ) -> None:
        self.limits = limits or HttpLimits()
        self.stopping = False
        self._clock = clock or SystemClock()
        self._exact = {prefix.rstrip("/").encode("ascii"): h for prefix, h in routes.items()}
        self._prefixes = sorted(
            ((prefix.lower(), handler) for prefix, handler in self._exact.items()),
            key=lambda route: -len(route[0]),
        )
        self._connections: set[Connection] = set()
        self._server: asyncio.Server | None = None
        self._sweeper: asyncio.TimerHandle | None = None
        self._drained: asyncio.Event | None = None
        self._date = (0, b"")
        self._accepted = self._responses = self._client_errors = self._server_errors = 0

    # --- life --------------------------------------------------------------------------------

    async def start(self, host: str, port: int) -> ListenAddress:
        """Listen; port 0 picks a free one.

        Raises:
            AddressInUse: another program listens there.
            EnvironmentFault: the address is not this machine's, or the port is not permitted.
        """
        loop = asyncio.get_running_loop()
        self.stopping = False
        self._server = await self._listen(loop, host, port)
        ports = {sock.getsockname()[1] for sock in self._server.sockets}
        if len(ports) > 1:  # a name with several addresses got a port for each: take the first
            port = self._server.sockets[0].getsockname()[1]
            self._server.close()
            self._server = await self._listen(loop, host, port)
        self._sweeper = loop.call_later(self.limits.sweep_interval, self._sweep)
        return ListenAddress(host, self._server.sockets[0].getsockname()[1])

    async def _listen(
        self, loop: asyncio.AbstractEventLoop, host: str, port: int
    ) -> asyncio.Server:
        try:
            return await loop.create_server(lambda: Connection(self, loop), host, port, backlog=512)
        except OSError as error:
            raise _explain(error, host, port) from error

    async def stop(self, grace: float) -> None:
        """Stop listening, let answers in progress finish for `grace` seconds, then close."""
        if self._server is None:
            return
        server, self._server = self._server, None
        self.stopping = True
        server.close()
        if self._sweeper is not None:
            self._sweeper.cancel()
        self._drained = asyncio.Event()
        for connection in tuple(self._connections):
            connection.wind_down()
        if not await self._empty(grace):
            for connection in tuple(self._connections):
                connection.abort()
            await self._empty(1.0)
        await server.wait_closed()

    async def _empty(self, seconds: float) -> bool:
        if not self._connections or self._drained is None:
            return True
        try:
            await asyncio.wait_for(self._drained.wait(), seconds)
        except TimeoutError:
            return False
        return True

    def _sweep(self) -> None:
        loop = asyncio.get_running_loop()
        now = loop.time()
        for connection in tuple(self._connections):
            if connection.deadline <= now:
                connection.expire()
        self._sweeper = loop.call_later(self.limits.sweep_interval, self._sweep)

    def counters(self) -> HttpCounters:
        """Counts so far; may be read from any thread."""
        return HttpCounters(
            len(self._connections),
            self._accepted,
            self._responses,
            self._client_errors,
            self._server_errors,
        )

    # --- for connections ---------------------------------------------------------------------

    def route(self, path: bytes) -> Handler | None:
        """The handler of the longest matching prefix, or None."""
        if (handler := self._exact.get(path)) is not None:
            return handler
        for prefix, handler in self._prefixes:
            size = len(prefix)
            if path[size : size + 1] in (b"", b"/", b"?") and path[:size].lower() == prefix:
                return handler
        return None

    def date(self) -> bytes:
        """The Date header's value, made once a second."""
        now = self._clock.now()
        second = int(now.timestamp())
        if self._date[0] != second:
            self._date = (second, http_date(now))
        return self._date[1]

    def opened(self, connection: Connection) -> bool:
        """Count a connection in; False when there are too many, so that it is turned away."""
        full = len(self._connections) >= self.limits.connections
        self._connections.add(connection)
        self._accepted += 1
        return not full

    def closed(self, connection: Connection) -> None:
        """Count a connection out."""
        self._connections.discard(connection)
        if not self._connections and self._drained is not None:
            self._drained.set()

    def answered(self, status: int) -> None:
        """Count a response."""
        self._responses += 1
        match status // 100:
            case 4:
                self._client_errors += 1
            case 5:
                self._server_errors += 1


def _explain(error: OSError, host: str, port: int) -> EnvironmentFault:
    where = ListenAddress(host, port)
    detail = f"bind {host} port {port}: {error.strerror or error}"
    if error.errno == errno.EADDRINUSE:
        return AddressInUse(
            f"The address {where.host}:{where.port} is in use.",
            cause="Another program, or another Sealkeeper, listens there.",
            remedy="Stop that program, or choose another port.",
            detail=detail,
        )
    if error.errno in (errno.EACCES, errno.EPERM):
        return EnvironmentFault(
            f"Listening on {where.host}:{where.port} is not permitted.",
            cause="Ports below 1024 need a privilege.",
            remedy="Choose a port of 1024 or above, or give the program that privilege.",
            detail=detail,
        )
    if error.errno == errno.EADDRNOTAVAIL or isinstance(error, socket.gaierror):
        return EnvironmentFault(
            f"{host} is not an address of this machine.",
            remedy="Choose 127.0.0.1, 0.0.0.0 or an address of this machine.",
            detail=detail,
        )
    return EnvironmentFault(
        f"The server cannot listen on {host}:{port}.",
        cause=str(error.strerror or error),
        remedy="Choose another address or port.",
        detail=detail,
    )

"""A small HTTP client that keeps a server busy: raw sockets, one thread, bounded."""

from __future__ import annotations

import select
import socket
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tests.bench.rounds import WrongAnswerError

if TYPE_CHECKING:
    from collections.abc import Sequence

MOST_REQUESTS = 100_000
PATIENCE_SECONDS = 15.0


@dataclass(frozen=True, slots=True)
class Load:
    """What came back: the number of answers, the seconds, and a sample of (request, body)."""

    answers: int
    seconds: float
    sample: list[tuple[int, bytes]]


@dataclass(slots=True)
class _Connection:
    """One connection with one request on its way, the number of which is `asked`."""

    socket: socket.socket
    asked: int = -1
    received: bytearray = field(default_factory=bytearray)


class Client:
    """Asks one server; several requests are on their way at once, one on each connection.

    Args:
        address: host and port.
        requests: whole HTTP requests, asked in turn.
        connections: how many at once.
        keep_alive: whether a connection is used again; else each request gets its own.
    """

    def __init__(
        self,
        address: tuple[str, int],
        requests: Sequence[bytes],
        *,
        connections: int,
        keep_alive: bool,
    ) -> None:
        self._address = address
        self._requests = requests
        self._count = connections
        self._keep_alive = keep_alive
        self._next = 0

    def run(self, seconds: float, samples: int) -> Load:
        """Ask for so long, then wait for what is on its way.

        Raises:
            WrongAnswerError: an answer is no 200, is cut short, or does not come.
        """
        with select.epoll() as poll:
            open_now: dict[int, _Connection] = {}
            try:
                return self._run(poll, open_now, seconds, samples)
            finally:
                for connection in open_now.values():
                    connection.socket.close()

    def _run(
        self, poll: select.epoll, open_now: dict[int, _Connection], seconds: float, samples: int
    ) -> Load:
        answers, sample = 0, []
        began = time.perf_counter()
        end, step = began + seconds, seconds / samples
        next_sample = began
        # Every connection asks at once: a server of one connection at a time waits for it.
        for _ in range(self._count):
            self._open(poll, open_now)
        while open_now:
            events = poll.poll(PATIENCE_SECONDS)
            if not events:
                raise WrongAnswerError("an answer did not come")
            now = time.perf_counter()
            for descriptor, _ in events:
                connection = open_now[descriptor]
                body = _receive(connection)
                if body is None:
                    continue
                answers += 1
                if now >= next_sample:
                    sample.append((connection.asked, body))
                    next_sample += step
                more = now < end and answers < MOST_REQUESTS
                if more and self._keep_alive:
                    self._ask(connection)
                    continue
                del open_now[descriptor]
                poll.unregister(descriptor)
                connection.socket.close()
                if more:
                    self._open(poll, open_now)
        return Load(answers, time.perf_counter() - began, sample)

    def _open(self, poll: select.epoll, open_now: dict[int, _Connection]) -> None:
        opened = socket.create_connection(self._address, PATIENCE_SECONDS)
        opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection = _Connection(opened)
        open_now[opened.fileno()] = connection
        self._ask(connection)
        poll.register(opened.fileno(), select.EPOLLIN)

    def _ask(self, connection: _Connection) -> None:
        connection.asked = self._next
        self._next = (self._next + 1) % len(self._requests)
        connection.socket.sendall(self._requests[connection.asked])


def _receive(connection: _Connection) -> bytes | None:
    """The body once all of it is there."""
    data = connection.socket.recv(65536)
    connection.received += data
    received = connection.received
    head = received.find(b"\r\n\r\n")
    if head > 0:
        lines = bytes(received[:head]).lower()
        if lines[9:12] != b"200":
            raise WrongAnswerError(f"the server says {lines.splitlines()[0].decode()}")
        _, found, rest = lines.partition(b"content-length:")
        if not found:
            raise WrongAnswerError("an answer without its length")
        size = head + 4 + int(rest.partition(b"\r\n")[0])
        if len(received) >= size:
            body = bytes(received[head + 4 : size])
            del received[:size]
            return body
    if not data:
        raise WrongAnswerError("the server closed the connection within an answer")
    return None

"""A running server for tests, and a client that writes exactly the bytes it is told to."""

from __future__ import annotations

import asyncio
import selectors
import socket
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from app.host.thread import new_loop
from app.http.server import HttpServer

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterator, Mapping

    from app.domain.http import Handler
    from app.http.limits import HttpLimits


class Running:
    """A server on a loop in a thread, with what it logged through the loop's handler."""

    def __init__(self, routes: Mapping[str, Handler], limits: HttpLimits, *, uvloop: bool) -> None:
        self.loop = new_loop() if uvloop else asyncio.SelectorEventLoop(selectors.SelectSelector())
        self.complaints: list[dict[str, Any]] = []
        self.loop.set_exception_handler(lambda _, context: self.complaints.append(context))
        self._thread = threading.Thread(target=self.loop.run_forever, name="http-test")
        self._thread.start()
        self.server = HttpServer(routes, limits)
        self.address = self.run(self.server.start("127.0.0.1", 0))

    def run(self, coroutine: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(20)

    def close(self) -> None:
        self.run(self.server.stop(0.5))
        self.run(self._settle())
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join(10)
        assert not self._thread.is_alive()
        self.loop.close()

    async def _settle(self) -> None:
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    @contextmanager
    def client(self) -> Iterator[Client]:
        with socket.create_connection(("127.0.0.1", self.address.port), timeout=10) as sock:
            client = Client(sock)
            try:
                yield client
            finally:
                client.file.close()


@dataclass
class Reply:
    """One response as it came."""

    status: int
    headers: dict[str, str]
    body: bytes


class Client:
    """Reads responses one by one from a socket."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.file = sock.makefile("rb")

    def send(self, data: bytes) -> None:
        self.sock.sendall(data)

    def reply(self, *, head: bool = False) -> Reply:
        line = self.file.readline()
        assert line.startswith(b"HTTP/1.1 "), line
        status = int(line.split()[1])
        headers: dict[str, str] = {}
        while (field := self.file.readline().strip()) != b"":
            name, _, value = field.decode().partition(": ")
            headers[name.lower()] = value
        empty = head or status in (100, 204, 304)
        size = 0 if empty else int(headers["content-length"])
        return Reply(status, headers, self.file.read(size))

    def ended(self) -> bool:
        """Whether the server closes now (waits for it)."""
        try:
            return self.file.read(1) == b""
        except ConnectionResetError:
            return True


def eventually(condition: Callable[[], bool], seconds: float = 5.0) -> bool:
    """Poll until the condition holds; whether it came to hold in time."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.01)
    return True

"""The server against well-behaved, slow, greedy and broken clients, on both event loops."""

from __future__ import annotations

import asyncio
import socket
import threading
from typing import TYPE_CHECKING

import pytest

from app.domain.errors import AddressInUse, EnvironmentFault
from app.domain.http import HttpRequest, HttpResponse, method_not_allowed
from app.http.limits import HttpLimits
from app.http.server import HttpServer
from tests.http.support import Running, eventually

if TYPE_CHECKING:
    from collections.abc import Iterator

LIMITS = HttpLimits(
    head_bytes=4096,
    header_count=20,
    body_bytes=1000,
    head_timeout=0.4,
    body_timeout=0.4,
    idle_timeout=0.4,
    write_timeout=0.4,
    linger=0.4,
    connections=8,
    pipelined=4,
)


def echo(request: HttpRequest) -> HttpResponse:
    if request.method not in ("GET", "HEAD", "POST"):
        return method_not_allowed("GET", "HEAD", "POST")
    body = request.method.encode() + b" " + request.path + b" " + request.body
    return HttpResponse(200, ((b"Content-Type", b"text/plain"),), body)


class Gate:
    """A handler whose answers wait until the test lets them go."""

    def __init__(self) -> None:
        self.waiting = 0
        self.started = 0
        self._open = threading.Event()

    async def __call__(self, request: HttpRequest) -> HttpResponse:
        self.waiting += 1
        self.started += 1
        await asyncio.to_thread(self._open.wait)
        self.waiting -= 1
        return HttpResponse(200, (), b"slow " + request.path)

    def open(self) -> None:
        self._open.set()


async def broken(request: HttpRequest) -> HttpResponse:
    raise ValueError(request.path)


@pytest.fixture
def gate() -> Gate:
    return Gate()


@pytest.fixture(params=["uvloop", "asyncio"])
def running(request: pytest.FixtureRequest, gate: Gate) -> Iterator[Running]:
    server = Running(
        {"/echo": echo, "/slow": gate, "/broken": broken},
        LIMITS,
        uvloop=request.param == "uvloop",
    )
    yield server
    gate.open()
    server.close()
    assert server.complaints == []
    assert server.server.counters().open_connections == 0


def get(path: str, extra: str = "") -> bytes:
    return f"GET {path} HTTP/1.1\r\nHost: x\r\n{extra}\r\n".encode()


def post(extra: str) -> bytes:
    return f"POST /echo HTTP/1.1\r\nHost: x\r\n{extra}\r\n".encode()


def test_answers_and_keeps_the_connection(running: Running) -> None:
    with running.client() as client:
        for number in range(3):
            client.send(get(f"/echo/{number}?q=%41"))
            reply = client.reply()
            assert (reply.status, reply.body) == (200, f"GET /echo/{number}?q=%41 ".encode())
            assert "date" in reply.headers
            assert "connection" not in reply.headers


def test_a_request_byte_by_byte(running: Running) -> None:
    message = b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc"
    with running.client() as client:
        client.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in message:
            client.send(bytes([byte]))
        assert client.reply().body == b"POST /echo abc"


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/echo", 200),
        ("/ECHO/x", 200),
        ("/echo?x", 200),
        ("http://proxied.test/echo/y", 200),
        ("/echoes", 404),
        ("/", 404),
        ("*", 404),
        ("/broken", 500),
    ],
)
def test_routes(running: Running, path: str, status: int) -> None:
    with running.client() as client:
        client.send(get(path))
        assert client.reply().status == status


def test_methods(running: Running) -> None:
    with running.client() as client:
        client.send(b"DELETE /echo HTTP/1.1\r\nHost: x\r\n\r\n")
        reply = client.reply()
        assert (reply.status, reply.headers["allow"]) == (405, "GET, HEAD, POST")
        client.send(b"HEAD /echo/h HTTP/1.1\r\nHost: x\r\n\r\n")
        reply = client.reply(head=True)
        assert reply.headers["content-length"] == str(len("HEAD /echo/h "))
        client.send(get("/echo"))
        assert client.reply().body == b"GET /echo "


def test_http_1_0_is_answered_and_closed(running: Running) -> None:
    with running.client() as client:
        client.send(b"POST /echo HTTP/1.0\r\nContent-Length: 2\r\n\r\nhi")
        reply = client.reply()
        assert (reply.body, reply.headers["connection"]) == (b"POST /echo hi", "close")
        assert client.ended()


def test_connection_close(running: Running) -> None:
    with running.client() as client:
        client.send(get("/echo", "Connection: close\r\n") + get("/echo/never"))
        assert client.reply().headers["connection"] == "close"
        assert client.ended()


def test_pipelined_requests_are_answered_in_order(running: Running, gate: Gate) -> None:
    paths = ["/echo/0", "/slow/1", "/echo/2", "/slow/3", *(f"/echo/{n}" for n in range(4, 300))]
    with running.client() as client:
        client.send(b"".join(get(path) for path in paths))
        assert client.reply().body == b"GET /echo/0 "
        assert eventually(lambda: gate.waiting == 1)
        gate.open()
        for path in paths[1:]:
            expected = f"slow {path}" if path.startswith("/slow") else f"GET {path} "
            assert client.reply().body == expected.encode()


def test_pipelining_is_bounded(running: Running, gate: Gate) -> None:
    with running.client() as client:
        client.sock.settimeout(0.5)
        sent = 0
        try:
            while sent < 64 * 1024 * 1024:
                sent += client.sock.send(get("/slow") * 500)
        except TimeoutError:
            pass
        # What fills are the kernel's buffers: the server has stopped reading.
        assert sent < 64 * 1024 * 1024
        assert gate.started == 1


def test_a_client_that_closes_its_half_still_gets_its_answers(running: Running, gate: Gate) -> None:
    with running.client() as client:
        client.send(get("/slow/a") + get("/echo/b") * 50)
        client.sock.shutdown(socket.SHUT_WR)
        assert eventually(lambda: gate.waiting == 1)
        gate.open()
        assert client.reply().body == b"slow /slow/a"
        for _ in range(50):
            assert client.reply().body == b"GET /echo/b "
        assert client.ended()


def test_expect_continue(running: Running) -> None:
    with running.client() as client:
        client.send(
            b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n"
        )
        assert client.reply().status == 100
        client.send(b"abc")
        assert client.reply().body == b"POST /echo abc"
        client.send(
            b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 9999\r\n"
            b"Expect: 100-continue\r\n\r\n"
        )
        assert client.reply().status == 413
        assert client.ended()


def test_chunked(running: Running) -> None:
    head = b"POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
    with running.client() as client:
        client.send(head + b"3;ext=1\r\nabc\r\n2\r\nde\r\n0\r\nTrailer: t\r\n\r\n")
        assert client.reply().body == b"POST /echo abcde"
        client.send(head + b"3e7\r\n" + b"x" * 999 + b"\r\n")
        client.send(b"10\r\n" + b"x" * 16 + b"\r\n0\r\n\r\n")
        assert client.reply().status == 413
        assert client.ended()


def test_an_offer_of_http_2_is_ignored(running: Running) -> None:
    upgrade = "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAM\r\n"
    with running.client() as client:
        client.send(get("/echo", upgrade))
        assert client.reply().body == b"GET /echo "
        assert client.ended()
    with running.client() as client:
        head = f"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n{upgrade}\r\n"
        client.send(head.encode() + b"ab")
        client.send(b"cd")
        assert client.reply().body == b"POST /echo abcd"
        assert client.ended()


@pytest.mark.parametrize(
    ("message", "status"),
    [
        (b"NONSENSE\r\n\r\n", 400),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400),
        (b"GET /echo HTTP/1.1\r\n\r\n", 400),
        (b"GET /echo HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400),
        (b"GET /echo HTTP/1.1\r\nHost : a\r\n\r\n", 400),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400),
        (b"GET /echo HTTP/2.0\r\n\r\n", 505),
        (b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 1001\r\n\r\n" + b"y" * 1001, 413),
        (b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n", 400),
        (post("Content-Length: 1\r\nTransfer-Encoding: chunked\r\n") + b"0\r\n\r\n", 400),
        (
            b"POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
            501,
        ),
        (b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nExpect: magic\r\n\r\n", 417),
        (b"GET /" + b"a" * 3000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", 414),
        (get("/echo", "X: y\r\n" * 30), 431),
        (get("/echo", "X: " + "y" * 5000 + "\r\n"), 431),
        (b"GET /echo HTTP/1.1\r\nX: " + b"y" * 20_000, 431),
    ],
)
def test_what_is_refused(running: Running, message: bytes, status: int) -> None:
    with running.client() as client:
        client.send(get("/echo/before") + message)
        assert client.reply().status == 200
        reply = client.reply()
        assert (reply.status, reply.headers["connection"]) == (status, "close")
        assert client.ended()
    with running.client() as client:
        client.send(get("/echo"))
        assert client.reply().status == 200


def test_slow_clients_are_closed(running: Running) -> None:
    with running.client() as silent, running.client() as slow, running.client() as idle:
        slow.send(b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\na")
        idle.send(get("/echo"))
        assert idle.reply().status == 200
        assert slow.reply().status == 408
        assert slow.ended()
        assert silent.ended()
        assert idle.ended()
    with running.client() as drip:
        drip.send(b"GET /echo HTTP/1.1\r\nHost: x\r\nX-")
        assert drip.reply().status == 408


def test_a_client_that_does_not_read_is_closed(running: Running) -> None:
    with running.client() as client:
        client.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        request = b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n" + b"z" * 1000
        client.sock.settimeout(0.3)
        with pytest.raises((TimeoutError, ConnectionError)):
            client.send(request * 50_000)
        assert eventually(lambda: running.server.counters().open_connections == 0)


def test_clients_that_leave_harm_nothing(running: Running, gate: Gate) -> None:
    for message in (b"", b"GET", get("/slow"), get("/echo") * 3):
        for reset in (False, True):
            with running.client() as client:
                if reset:
                    linger = b"\x01\x00\x00\x00\x00\x00\x00\x00"
                    client.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
                client.send(message)
                client.file.close()
    gate.open()  # until then a closed half cannot be told from a closed connection
    assert eventually(lambda: running.server.counters().connections == 8)
    assert eventually(lambda: running.server.counters().open_connections == 0)
    with running.client() as client:
        client.send(get("/echo"))
        assert client.reply().status == 200


def test_too_many_connections(running: Running) -> None:
    clients = [running.client() for _ in range(LIMITS.connections)]
    for client in clients:
        client.__enter__()
    assert eventually(lambda: running.server.counters().open_connections == LIMITS.connections)
    with running.client() as late:
        assert late.reply().status == 503
        assert late.ended()
    for client in clients:
        client.__exit__(None, None, None)


def test_stop_lets_answers_finish(running: Running, gate: Gate) -> None:
    with running.client() as busy, running.client() as idle:
        busy.send(get("/slow"))
        idle.send(get("/echo"))
        assert idle.reply().status == 200
        assert eventually(lambda: gate.waiting == 1)
        stopping = asyncio.run_coroutine_threadsafe(running.server.stop(5), running.loop)
        assert idle.ended()
        with pytest.raises(OSError, match="refused"), running.client():
            pass
        gate.open()
        reply = busy.reply()
        assert (reply.body, reply.headers["connection"]) == (b"slow /slow", "close")
        stopping.result(5)


def test_stop_does_not_wait_for_ever(running: Running, gate: Gate) -> None:
    with running.client() as busy:
        busy.send(get("/slow"))
        assert eventually(lambda: gate.waiting == 1)
        running.run(running.server.stop(0.1))
        assert busy.ended()


def test_a_port_in_use_is_explained(running: Running) -> None:
    port = running.address.port
    with pytest.raises(AddressInUse) as caught:
        running.run(HttpServer({}).start("127.0.0.1", port))
    assert str(caught.value) == f"The address 127.0.0.1:{port} is in use."
    assert "choose another port" in caught.value.remedy


def test_a_strange_address_is_explained(running: Running) -> None:
    with pytest.raises(EnvironmentFault, match=r"192\.0\.2\.1 is not an address of this machine"):
        running.run(HttpServer({}).start("192.0.2.1", 0))


def test_a_name_with_several_addresses_gets_one_port(running: Running) -> None:
    server = HttpServer({"/echo": echo})
    address = running.run(server.start("localhost", 0))
    with socket.create_connection(("localhost", address.port), timeout=5) as sock:
        sock.sendall(b"GET /echo HTTP/1.0\r\n\r\n")
        assert sock.recv(100).startswith(b"HTTP/1.1 200 OK")
    running.run(server.stop(1))

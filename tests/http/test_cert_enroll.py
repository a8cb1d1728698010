"""What authorities publish, as clients fetch it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from app.http.cert_enroll import TYPE_CERTIFICATE, TYPE_CRL, CertEnroll, PublishedFile
from app.http.limits import HttpLimits
from tests.http.support import Running

if TYPE_CHECKING:
    from collections.abc import Iterator

PUBLISHED = datetime(2026, 11, 5, 10, 0, 0, 500, UTC)


class Files:
    """Two published files, and the names that were asked for."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def read(self, name: str) -> PublishedFile | None:
        self.asked.append(name)
        return {
            "Root CA+.crl": PublishedFile(b"crl" * 100_000, TYPE_CRL, PUBLISHED, "v1"),
            "Wurzel-ä.crt": PublishedFile(b"certificate", TYPE_CERTIFICATE, PUBLISHED, "c1"),
        }.get(name)


@pytest.fixture
def files() -> Files:
    return Files()


@pytest.fixture
def running(files: Files) -> Iterator[Running]:
    with ThreadPoolExecutor(1) as executor:
        server = Running({"/CertEnroll": CertEnroll(files, executor)}, HttpLimits(), uvloop=True)
        yield server
        server.close()
        assert server.complaints == []


def get(path: str, extra: str = "", method: str = "GET") -> bytes:
    return f"{method} {path} HTTP/1.1\r\nHost: x\r\n{extra}\r\n".encode()


def test_a_crl_and_a_certificate(running: Running) -> None:
    with running.client() as client:
        client.send(get("/CertEnroll/Root%20CA+.crl"))
        reply = client.reply()
        assert (reply.status, reply.body) == (200, b"crl" * 100_000)
        assert reply.headers["content-type"] == "application/pkix-crl"
        assert reply.headers["etag"] == '"v1"'
        assert reply.headers["last-modified"] == "Thu, 05 Nov 2026 10:00:00 GMT"
        client.send(get("/certenroll/Wurzel-%C3%A4.crt?x=1"))
        reply = client.reply()
        assert reply.headers["content-type"] == "application/pkix-cert"
        assert reply.body == b"certificate"


def test_head_and_other_methods(running: Running) -> None:
    with running.client() as client:
        client.send(get("/CertEnroll/Root%20CA%2B.crl", method="HEAD"))
        assert client.reply(head=True).headers["content-length"] == "300000"
        client.send(get("/CertEnroll/Root%20CA%2B.crl", method="PUT"))
        reply = client.reply()
        assert (reply.status, reply.headers["allow"]) == (405, "GET, HEAD")


@pytest.mark.parametrize(
    ("condition", "status"),
    [
        ('If-None-Match: "v1"', 304),
        ('If-None-Match: W/"v0", W/"v1"', 304),
        ("If-None-Match: *", 304),
        ('If-None-Match: "v0"', 200),
        ("If-Modified-Since: Thu, 05 Nov 2026 10:00:00 GMT", 304),
        ("If-Modified-Since: Thu, 05 Nov 2026 09:59:59 GMT", 200),
        ("If-Modified-Since: Thu, 05 Nov 2026 10:00:00 -0000", 304),
        ("If-Modified-Since: last week", 200),
        ('If-None-Match: "v0"\r\nIf-Modified-Since: Thu, 05 Nov 2026 10:00:00 GMT', 200),
    ],
)
def test_conditions(running: Running, condition: str, status: int) -> None:
    with running.client() as client:
        client.send(get("/CertEnroll/Root%20CA%2B.crl", condition + "\r\n"))
        reply = client.reply()
        assert reply.status == status
        assert reply.headers["etag"] == '"v1"'


@pytest.mark.parametrize(
    "path",
    [
        "",
        "/",
        "/nothing.crl",
        "/../../etc/passwd",
        "/..%2f..%2fetc%2fpasswd",
        "/%2e%2e",
        "/sub/Root%20CA%2B.crl",
        "/Root%20CA%2B.crl%00",
        "/%ff%fe",
        "/a%5Cb",
    ],
)
def test_other_names_are_not_found(running: Running, files: Files, path: str) -> None:
    with running.client() as client:
        client.send(get("/CertEnroll" + path))
        assert client.reply().status == 404
    assert all(name == "nothing.crl" for name in files.asked)

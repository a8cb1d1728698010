"""The responder over real HTTP, with OpenSSL's and GnuTLS's clients as judges."""

from __future__ import annotations

import base64
import hashlib
import subprocess
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp

from app.domain.keys import HashAlgorithm
from app.http.limits import HttpLimits
from app.ocsp.http import OcspHandler, decode_path
from app.ocsp.responder import OnlineResponder
from app.pki.ocsp_request import encode_ocsp_request, make_cert_id
from app.pki.ocsp_response import OcspErrorStatus, error_response
from tests.http.support import Client, Reply, Running
from tests.ocsp.support import GOOD, World

if TYPE_CHECKING:
    from collections.abc import Iterator

    from app.domain.events import Change


@dataclass
class Site:
    """A served responder."""

    world: World
    running: Running
    responder: OnlineResponder
    handler: OcspHandler
    files: dict[str, Path]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.running.address.port}/ocsp"


@pytest.fixture(scope="module", params=["RSA", "RSA-PSS", "ECDSA", "Ed25519"])
def site(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Site]:
    world = World(request.param)
    with ThreadPoolExecutor(2) as executor:
        responder = OnlineResponder(world.source, world.clock, executor)
        responder.set_configuration(world.configured())
        responder.mark_loaded()
        handler = OcspHandler(responder, world.clock)
        running = Running({"/ocsp": handler}, HttpLimits(), uvloop=True)
        yield Site(
            world, running, responder, handler, world.files(tmp_path_factory.mktemp("certificates"))
        )
        running.close()
        assert running.complaints == []


def run(*command: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(word) for word in command], capture_output=True, text=True, timeout=30, check=False
    )


@pytest.mark.parametrize("name", ["good", "revoked", "unknown"])
@pytest.mark.parametrize("options", [(), ("-no_nonce",), ("-sha256",), ("-sha256", "-no_nonce")])
def test_openssl_agrees(site: Site, name: str, options: tuple[str, ...]) -> None:
    digest = [option for option in options if option == "-sha256"]
    rest = [option for option in options if option != "-sha256"]
    ca, certificate = site.files["ca"], site.files[name]
    for _ in range(2):
        asked = run(
            *("openssl", "ocsp", "-issuer", ca, *digest, "-cert", certificate),
            *("-url", site.url, "-CAfile", ca, *rest),
        )
        assert asked.returncode == 0, asked.stderr
        assert "Response verify OK" in asked.stderr
        assert "Nonce" not in asked.stderr
        assert f"{name}.pem: {name}\n" in asked.stdout
        assert ("Revocation Time: Jan  2 03:04:05 2026 GMT" in asked.stdout) == (name == "revoked")


def test_openssl_asks_for_several_at_once(site: Site) -> None:
    ca, files = site.files["ca"], site.files
    names = ("good", "revoked", "unknown")
    certificates = [word for name in names for word in ("-cert", files[name])]
    asked = run("openssl", "ocsp", "-issuer", ca, *certificates, "-url", site.url, "-CAfile", ca)
    assert "Response verify OK" in asked.stderr
    for name in names:
        assert f"{name}.pem: {name}\n" in asked.stdout


@pytest.mark.parametrize(
    ("name", "sentence"),
    [("good", "Certificate Status: good"), ("revoked", "Certificate Status: revoked")],
)
@pytest.mark.parametrize("nonce", [(), ("--nonce",)])
def test_gnutls_agrees(site: Site, name: str, sentence: str, nonce: tuple[str, ...]) -> None:
    asked = run(
        *("ocsptool", f"--ask={site.url}", "--load-cert", site.files[name]),
        *("--load-issuer", site.files["ca"], "--load-signer", site.files["ca"], *nonce),
    )
    output = asked.stdout + asked.stderr
    assert sentence in output, output
    assert "Success" in output, output


def question(site: Site, serial: int, nonce: bytes | None = None) -> bytes:
    ca = site.world.ca.public_bytes(Encoding.DER)
    return encode_ocsp_request((make_cert_id(serial, ca, HashAlgorithm.SHA1),), nonce)


def exchange(site: Site, head: str, body: bytes = b"") -> Reply:
    with site.running.client() as client:
        return send(client, head, body)


def send(client: Client, head: str, body: bytes = b"") -> Reply:
    length = f"Content-Length: {len(body)}\r\n" if body else ""
    client.send(f"{head}Host: x\r\n{length}\r\n".encode() + body)
    return client.reply(head=head.startswith("HEAD"))


def tricky_serial(site: Site) -> tuple[int, str]:
    """A serial whose question has both `+` and `/` in base64."""
    for number in range(1000):
        serial = int.from_bytes(hashlib.sha256(b"%d" % number).digest()[:18]) >> 1
        text = base64.b64encode(question(site, serial)).decode()
        if "+" in text and "/" in text:
            return serial, text
    raise AssertionError


def test_get_is_read_leniently(site: Site) -> None:
    serial, text = tricky_serial(site)
    forms = {
        "as it is": text,
        "percent-encoded": quote(text, safe=""),
        "encoded twice": quote(quote(text, safe=""), safe=""),
        "only the slash left": quote(text, safe="/"),
        "base64url": text.replace("+", "-").replace("/", "_").rstrip("="),
        "a blank for a plus": quote(text.replace("+", " "), safe=""),
        "without padding": text.rstrip("="),
        "a slash more": "/" + text,
        "two slashes more": "//" + quote(text, safe=""),
        "with line breaks": quote(text[:64] + "\r\n" + text[64:], safe=""),
    }
    expected = exchange(site, "POST /ocsp HTTP/1.1\r\n", question(site, serial)).body
    assert ocsp.load_der_ocsp_response(expected).serial_number == serial
    with site.running.client() as client:
        for form, encoded in forms.items():
            reply = send(client, f"GET /ocsp/{encoded} HTTP/1.1\r\n")
            assert reply.body == expected, form
        assert send(client, f"GET //ocsp/{text} HTTP/1.1\r\n").status == 404


def test_headers_for_caches(site: Site) -> None:
    path = "/ocsp/" + quote(base64.b64encode(question(site, GOOD)).decode(), safe="")
    reply = exchange(site, f"GET {path} HTTP/1.1\r\n")
    answer = ocsp.load_der_ocsp_response(reply.body)
    assert answer.next_update_utc is not None
    left = int((answer.next_update_utc - site.world.clock.now()).total_seconds())
    assert reply.headers["cache-control"] == (
        f"max-age={left}, public, no-transform, must-revalidate"
    )
    form = "%a, %d %b %Y %H:%M:%S GMT"
    assert reply.headers["expires"] == answer.next_update_utc.strftime(form)
    assert reply.headers["last-modified"] == answer.this_update_utc.strftime(form)
    assert reply.headers["content-type"] == "application/ocsp-response"
    etag = reply.headers["etag"]
    again = exchange(site, f"GET {path} HTTP/1.1\r\nIf-None-Match: {etag}\r\n")
    assert (again.status, again.body, again.headers["etag"]) == (304, b"", etag)
    assert again.headers["cache-control"] == reply.headers["cache-control"]
    changed = exchange(site, f'GET {path} HTTP/1.1\r\nIf-None-Match: "x"\r\n')
    assert (changed.status, changed.body) == (200, reply.body)
    dated = exchange(
        site, f"GET {path} HTTP/1.1\r\nIf-Modified-Since: {reply.headers['last-modified']}\r\n"
    )
    assert dated.status == 200
    head = exchange(site, f"HEAD {path} HTTP/1.1\r\n")
    assert head.headers["content-length"] == str(len(reply.body))
    posted = exchange(site, "POST /ocsp/ HTTP/1.1\r\n", question(site, GOOD))
    assert (posted.body, posted.headers["etag"]) == (reply.body, etag)


def test_answers_with_a_nonce_and_errors_are_not_stored(site: Site) -> None:
    for body, status in (
        (question(site, GOOD, b"nonce"), 200),
        (b"junk", 200),
        (b"", 200),
    ):
        head = "POST /ocsp HTTP/1.1\r\n" + ("" if body else "Content-Length: 0\r\n")
        reply = exchange(site, head, body)
        assert (reply.status, reply.headers["cache-control"]) == (status, "no-store")
        assert "etag" not in reply.headers
    assert reply.body == error_response(OcspErrorStatus.MALFORMED_REQUEST)
    reply = exchange(site, "GET /ocsp/%21%21 HTTP/1.1\r\n")
    assert reply.body == error_response(OcspErrorStatus.MALFORMED_REQUEST)


def test_what_is_no_question(site: Site) -> None:
    assert exchange(site, "GET /ocsp HTTP/1.1\r\n").status == 400
    assert exchange(site, "GET /ocsp/ HTTP/1.1\r\n").status == 400
    reply = exchange(site, "PUT /ocsp HTTP/1.1\r\n", b"x")
    assert (reply.status, reply.headers["allow"]) == (405, "GET, HEAD, POST")
    assert exchange(site, "POST /ocsp HTTP/1.1\r\n", b"x" * 70_000).status == 413


def test_a_stopped_responder_says_so(site: Site) -> None:
    site.handler.running = False
    try:
        reply = exchange(site, "POST /ocsp HTTP/1.1\r\n", question(site, GOOD))
        assert (reply.status, reply.body) == (503, b"The online responder is stopped.\n")
    finally:
        site.handler.running = True


async def apply(responder: OnlineResponder, change: Change) -> None:
    responder.apply_changes([change])


def test_a_revocation_between_two_questions_of_one_connection(site: Site) -> None:
    serial = 0x7001
    site.world.source.statuses[serial] = site.world.source.statuses[GOOD]
    with site.running.client() as client:
        before = send(client, "POST /ocsp HTTP/1.1\r\n", question(site, serial))
        assert ocsp.load_der_ocsp_response(before.body).certificate_status.name == "GOOD"
        change = site.world.source.revoke(serial)
        site.running.run(apply(site.responder, change))
        after = send(client, "POST /ocsp HTTP/1.1\r\n", question(site, serial))
        assert ocsp.load_der_ocsp_response(after.body).certificate_status.name == "REVOKED"


def test_decode_path_refuses_other_text() -> None:
    assert decode_path(b"a") == b""
    assert decode_path(b"\xff\xfe!") == b""
    assert decode_path(b"%C3%A4") == b""

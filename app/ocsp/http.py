"""OCSP over HTTP: requests by GET and POST, and headers that caches may rely on."""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING
from urllib.parse import unquote_to_bytes

from app.domain.http import HttpResponse, method_not_allowed, plain
from app.ocsp.answers import Answer

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from app.domain.clock import Clock
    from app.domain.http import HttpRequest
    from app.ocsp.responder import OnlineResponder

_TYPE = (b"Content-Type", b"application/ocsp-response")
_NOT_STORED = (_TYPE, (b"Cache-Control", b"no-store"))
_BASE64URL = bytes.maketrans(b"-_ ", b"+/+")


class OcspHandler:
    """Handler for the responder's route; `running` False answers 503 to everything.

    Args:
        responder: gives the answers.
        clock: for the age that caches are granted.
    """

    def __init__(self, responder: OnlineResponder, clock: Clock) -> None:
        self.running = True
        self._responder = responder
        self._clock = clock

    def __call__(self, request: HttpRequest) -> HttpResponse | Awaitable[HttpResponse]:
        """Answer one request; at once where a ready answer is cached."""
        if not self.running:
            return plain(503, "The online responder is stopped.", (b"Retry-After", b"60"))
        if request.method == "POST":
            der = request.body
        elif request.method in ("GET", "HEAD"):
            encoded = _below_prefix(request.path)
            if not encoded:
                return plain(400, "An OCSP request is posted here, or follows in base64.")
            der = decode_path(encoded)
        else:
            return method_not_allowed("GET", "HEAD", "POST")
        answer = self._responder.respond(der)
        if isinstance(answer, Answer):
            return self._response(request, answer)
        return self._later(request, answer)

    async def _later(self, request: HttpRequest, answer: Awaitable[Answer]) -> HttpResponse:
        return self._response(request, await answer)

    def _response(self, request: HttpRequest, answer: Answer) -> HttpResponse:
        fresh = answer.freshness
        if fresh is None:
            return HttpResponse(200, _NOT_STORED, answer.der)
        # RFC 9919, before it RFC 5019 §6.2: no cache keeps an answer beyond its nextUpdate.
        age = max(0, int(fresh.expires_at - self._clock.now().timestamp()))
        caching = b"max-age=%d, public, no-transform, must-revalidate" % age
        headers = (
            _TYPE,
            (b"Last-Modified", fresh.last_modified),
            (b"Expires", fresh.expires),
            (b"ETag", fresh.etag),
            (b"Cache-Control", caching),
        )
        # By ETag alone: two answers of one second, good and revoked, share their Last-Modified.
        tagged = request.method != "POST" and request.header(b"if-none-match") is not None
        if tagged and request.not_modified(fresh.etag, fresh.this_update):
            return HttpResponse(304, headers[1:])
        return HttpResponse(200, headers, answer.der)


def _below_prefix(path: bytes) -> bytes:
    """What follows `/ocsp/`; clients and proxies add and double slashes there."""
    return path.lstrip(b"/").partition(b"/")[2].lstrip(b"/")


def decode_path(encoded: bytes) -> bytes:
    """The request in a GET path (RFC 6960 §A.1), read leniently; b"" when it is no base64.

    Accepted besides the standard form: no percent-encoding, encoded twice, base64url, a blank for
    `+` (form decoding on the way), line breaks, and missing padding.
    """
    for _ in range(2):
        if b"%" in encoded:
            encoded = unquote_to_bytes(encoded)
    text = encoded.replace(b"\r", b"").replace(b"\n", b"").translate(_BASE64URL).rstrip(b"=")
    try:
        return base64.b64decode(text + b"=" * (-len(text) % 4), validate=True)
    except binascii.Error:
        return b""

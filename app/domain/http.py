"""HTTP messages as the server hands them to handlers, and the interface of a handler."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime, parsedate_to_datetime

Headers = tuple[tuple[bytes, bytes], ...]


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """One request.

    Attributes:
        method: as sent, upper case by the protocol's rules.
        path: the request target in origin form, exactly as sent: neither decoded nor normalised,
            with its query.
        headers: names in lower case.
        body: complete and within the server's limit.
    """

    method: str
    path: bytes
    headers: Headers
    body: bytes

    def header(self, name: bytes) -> bytes | None:
        """The value of a header (lower-case name), joined by commas when it is repeated."""
        values = [value for key, value in self.headers if key == name]
        return b", ".join(values) if values else None

    def not_modified(self, etag: bytes, last_modified: datetime) -> bool:
        """Whether the caller's copy is current, so that 304 answers it (RFC 9110 §13.1).

        Args:
            etag: with its quotation marks.
            last_modified: aware; fractions of a second do not count.
        """
        if (tags := self.header(b"if-none-match")) is not None:
            listed = [tag.strip().removeprefix(b"W/") for tag in tags.split(b",")]
            return b"*" in listed or etag in listed
        since = self.header(b"if-modified-since")
        if since is None:
            return False
        try:
            seen = parsedate_to_datetime(since.decode("latin-1"))
        except ValueError:
            return False
        if seen.tzinfo is None:
            seen = seen.replace(tzinfo=UTC)
        return last_modified.replace(microsecond=0) <= seen


@dataclass(frozen=True, slots=True)
class HttpResponse:
    """One response; the server adds Date, Content-Length and Connection."""

    status: int
    headers: Headers = ()
    body: bytes = b""


Handler = Callable[[HttpRequest], HttpResponse | Awaitable[HttpResponse]]
"""Answers a request on the event loop: at once where the answer is ready, else by awaiting."""


def http_date(at: datetime) -> bytes:
    """A time as an HTTP header says it (IMF-fixdate)."""
    return format_datetime(at.astimezone(UTC), usegmt=True).encode("ascii")


def plain(status: int, sentence: str, *headers: tuple[bytes, bytes]) -> HttpResponse:
    """A response of one sentence of text, never cached."""
    return HttpResponse(
        status,
        (
            (b"Content-Type", b"text/plain; charset=utf-8"),
            (b"Cache-Control", b"no-store"),
            *headers,
        ),
        sentence.encode() + b"\n",
    )


def method_not_allowed(*allowed: str) -> HttpResponse:
    """405 with the methods that are offered."""
    names = ", ".join(allowed)
    return plain(405, f"Only {names} is offered here.", (b"Allow", names.encode("ascii")))

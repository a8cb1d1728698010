"""Responses as bytes."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from app.domain.http import HttpResponse

CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
_STATUS_LINES = {
    status.value: f"HTTP/1.1 {status.value} {status.phrase}\r\n".encode("ascii")
    for status in HTTPStatus
}


def serialise(response: HttpResponse, date: bytes, *, head_only: bool, close: bool) -> bytes:
    """The whole response.

    Args:
        response: what the handler gave.
        date: value of the Date header.
        head_only: it answers HEAD, so the body is announced and left out.
        close: announce that the connection ends with it.
    """
    parts = [_STATUS_LINES[response.status], b"Date: ", date, b"\r\n"]
    for name, value in response.headers:
        parts += (name, b": ", value, b"\r\n")
    has_body = response.status not in (204, 304)
    if has_body:
        parts += (b"Content-Length: ", str(len(response.body)).encode("ascii"), b"\r\n")
    parts.append(b"Connection: close\r\n\r\n" if close else b"\r\n")
    if has_body and not head_only:
        parts.append(response.body)
    return b"".join(parts)

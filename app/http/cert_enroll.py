"""Serves what authorities publish, certificates and CRLs, below `/CertEnroll/`."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Protocol
from urllib.parse import unquote_to_bytes

from app.domain.http import HttpResponse, http_date, method_not_allowed, plain

if TYPE_CHECKING:
    from concurrent.futures import Executor

    from app.domain.http import HttpRequest

TYPE_CRL = "application/pkix-crl"
TYPE_CERTIFICATE = "application/pkix-cert"


@dataclass(frozen=True, slots=True)
class PublishedFile:
    """One published file.

    Attributes:
        content: the bytes, DER.
        content_type: `TYPE_CRL` or `TYPE_CERTIFICATE` (RFC 2585).
        last_modified: aware.
        etag: opaque, without quotation marks; another content has another one.
    """

    content: bytes
    content_type: str
    last_modified: datetime
    etag: str


class PublishedFiles(Protocol):
    """Finds published files by name; called from executor threads."""

    def read(self, name: str) -> PublishedFile | None:
        """The file of that name, such as `Example CA.crl`; None when there is none.

        The name comes from the network: it is looked up, never opened as a path.
        """
        ...


class CertEnroll:
    """Handler for the route `/CertEnroll`.

    Args:
        files: where files are found.
        executor: reads run here, since they may wait for the database.
    """

    def __init__(self, files: PublishedFiles, executor: Executor) -> None:
        self._files = files
        self._executor = executor

    async def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer GET and HEAD."""
        if request.method not in ("GET", "HEAD"):
            return method_not_allowed("GET", "HEAD")
        name = _name(request.path)
        if name is None:
            return plain(404, "No file of that name is published here.")
        loop = asyncio.get_running_loop()
        found = await loop.run_in_executor(self._executor, self._files.read, name)
        if found is None:
            return plain(404, "No file of that name is published here.")
        return _respond(request, found)


def _name(path: bytes) -> str | None:
    """The one decoded segment below the prefix; None for anything else."""
    raw = path.partition(b"?")[0].split(b"/", 2)[2:]
    if not raw or b"/" in raw[0]:
        return None
    try:
        name = unquote_to_bytes(raw[0]).decode("utf-8")
    except UnicodeDecodeError:
        return None
    if not name or name in (".", "..") or any(c in "/\\" or not c.isprintable() for c in name):
        return None
    return name


def _respond(request: HttpRequest, found: PublishedFile) -> HttpResponse:
    etag = b'"' + found.etag.encode("ascii") + b'"'
    headers = (
        (b"ETag", etag),
        (b"Last-Modified", http_date(found.last_modified)),
        # A CRL can be published again at any time, so a copy is asked about before it is used.
        (b"Cache-Control", b"public, no-cache"),
    )
    if request.not_modified(etag, found.last_modified):
        return HttpResponse(304, headers)
    kind = (b"Content-Type", found.content_type.encode("ascii"))
    return HttpResponse(200, (kind, *headers), found.content)

"""What may stand in the list of locations of a CA: URLs that clients can fetch."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from app.domain.authorities import Location, LocationFlag, LocationList
from app.domain.errors import InvalidInput
from app.services.authority.context import expanded

if TYPE_CHECKING:
    from app.domain.authorities import Authority

LONGEST_URL = 2000
_BAD_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")
_SERVER_NAME = re.compile(
    r"([A-Za-z0-9](?:[A-Za-z0-9._-]{0,252})|\[[0-9A-Fa-f:.]+\])(:[0-9]{1,5})?"
)


def check_server_name(text: str) -> None:
    """Pass for `host`, `host:port`, or "" for the address that the server listens at.

    Raises:
        InvalidInput: it is none of these, or an address that nobody can connect to.
    """
    try:
        parts = urlsplit(f"//{text}")
        usable = not text or (_SERVER_NAME.fullmatch(parts.netloc) and parts.netloc == text)
        unspecified = parts.hostname in {"0.0.0.0", "::"}  # noqa: S104 - refused, not listened at
        usable = usable and not unspecified and parts.port != 0
    except ValueError:
        usable = False
    if not usable:
        raise InvalidInput(
            f"“{text}” is no server name that clients can connect to.",
            remedy="Give a host name or an address, with :PORT where it is not 80.",
        )


def check_location(authority: Authority, location: Location) -> None:
    """Pass for a location whose URL clients of this CA can fetch.

    Raises:
        InvalidInput: a variable that does not exist, no http URL with a path, or a check box that
            its list does not have.
    """
    _, url = expanded(replace(authority, locations=(location,)))[0]
    if not location.template.isprintable() or not _is_fetchable(url):
        raise InvalidInput(
            f"“{location.template}” is no location that clients can fetch.",
            remedy="Give an http URL with a path, for example http://<ServerDNSName>/ocsp.",
        )
    if location.kind is LocationList.CDP and LocationFlag.IN_OCSP in location.flags:
        raise InvalidInput("Only an AIA location can be the online responder's.")
    if not location.flags:
        raise InvalidInput(
            "A location that is included nowhere has no effect.",
            remedy="Tick at least one of its boxes.",
        )


def _is_fetchable(url: str) -> bool:
    """Whether it is an http URL with a server and a path, as short as clients take it."""
    try:
        parts = urlsplit(url)
        check_server_name(parts.netloc)
    except (ValueError, InvalidInput):
        return False
    named = bool(parts.netloc) and len(parts.path) > 1
    well_formed = len(url) <= LONGEST_URL and not _BAD_ESCAPE.search(url)
    return named and parts.scheme.lower() == "http" and well_formed

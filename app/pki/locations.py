"""CDP and AIA locations: tokens such as `<CaName>` and `%3` replaced by a CA's own facts."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from app.domain.authorities import Location, LocationFlag, LocationList
from app.domain.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Callable

_UNRESERVED = frozenset(
    b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~!$'()*+,:@"
)
_DISALLOWED = frozenset("!\"#%&'()*+,/:;<=>?[\\]^`{|}")
_LONGEST_NAME = 51
_TOKEN = re.compile(r"%%|%(1[01]|[1-9])|<([A-Za-z]+)>")
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")


@dataclass(frozen=True, slots=True, kw_only=True)
class LocationContext:
    """Facts of one CA key that tokens stand for.

    Attributes:
        server_dns_name: host, with `:port` where it is not 80.
        server_short_name: NetBIOS-like name of the host.
        ca_name: common name of the CA.
        key_index / certificate_index: 0 until the CA is renewed.
        delta: whether the location is one of a delta CRL.
        configuration_container: DN of the Configuration container, for ldap.
    """

    server_dns_name: str
    server_short_name: str
    ca_name: str
    key_index: int = 0
    certificate_index: int = 0
    delta: bool = False
    configuration_container: str = ""


def sanitized_name(name: str) -> str:
    """A CA name that is safe in file names and directories: what is not becomes `!xxxx`.

    MS-WCCE 3.1.1.4.1.1.
    """
    safe: list[str] = []
    for letter in name:
        if " " <= letter <= "~" and letter not in _DISALLOWED:
            safe.append(letter)
        else:
            units = letter.encode("utf-16-be")
            safe += (f"!{units[at : at + 2].hex()}" for at in range(0, len(units), 2))
    return "".join(safe)


def truncated_name(name: str) -> str:
    """Sanitized name of at most 57 characters: 51, a hyphen and a hash of the rest."""
    full = sanitized_name(name)
    if len(full) <= _LONGEST_NAME:
        return full
    base = full[:_LONGEST_NAME]
    cut = base.rfind("!", _LONGEST_NAME - 4)
    if cut >= 0:  # an incomplete !xxxx at the end goes to the rest
        base = base[:cut]
    value = 0
    for letter in full[len(base) :]:
        value = ((value << 1 | value >> 15) + ord(letter)) & 0xFFFF
    return f"{base}-{value:05d}"


def _suffix(index: int) -> str:
    return f"({index})" if index else ""


_TOKENS: dict[str, Callable[[LocationContext], str]] = {
    "1": lambda context: context.server_dns_name,
    "2": lambda context: context.server_short_name,
    "3": lambda context: sanitized_name(context.ca_name),
    "4": lambda context: _suffix(context.certificate_index),
    "5": lambda _: "",
    "6": lambda context: context.configuration_container,
    "7": lambda context: truncated_name(context.ca_name),
    "8": lambda context: _suffix(context.key_index),
    "9": lambda context: "+" if context.delta else "",
    "10": lambda context: (
        f"?{'deltaRevocationList' if context.delta else 'certificateRevocationList'}"
        "?base?objectClass=cRLDistributionPoint"
    ),
    "11": lambda _: "?cACertificate?base?objectClass=certificationAuthority",
}
VARIABLES = {
    "ServerDNSName": "1",
    "ServerShortName": "2",
    "CaName": "3",
    "CertificateName": "4",
    "ConfigurationContainer": "6",
    "CATruncatedName": "7",
    "CRLNameSuffix": "8",
    "DeltaCRLAllowed": "9",
    "CDPObjectClass": "10",
    "CAObjectClass": "11",
}
_BY_NAME = {name.casefold(): number for name, number in VARIABLES.items()}
# What these stand for is part of a URL already: a host with its port, an LDAP query.
_VERBATIM = frozenset({"1", "10", "11"})


def expand(template: str, context: LocationContext) -> str:
    """Replace the tokens of a location; `%%` is a percent sign.

    In URLs the values are percent-encoded, in paths they are not.

    Raises:
        InvalidInput: a variable in angle brackets that does not exist.
    """
    is_url = _SCHEME.match(template) is not None and not template.lower().startswith("file:")

    def value(match: re.Match[str]) -> str:
        number, name = match.group(1), match.group(2)
        if number is None and name is None:
            return "%"
        if number is None:
            number = _BY_NAME.get(name.casefold())
        if number is None:
            raise InvalidInput(
                f"<{name}> is not a variable of a location.",
                remedy=f"Choose one of {', '.join(f'<{known}>' for known in VARIABLES)}.",
            )
        text = _TOKENS[number](context)
        return _percent_encoded(text) if is_url and number not in _VERBATIM else text

    expanded = _TOKEN.sub(value, template.strip())
    if not is_url:
        return expanded
    return "".join(
        letter if "!" <= letter <= "~" else _percent_encoded(letter) for letter in expanded
    )


def _percent_encoded(text: str) -> str:
    """Percent-encoding of what may not stand in a path segment (RFC 3986 §3.3)."""
    return "".join(
        chr(octet) if octet in _UNRESERVED else f"%{octet:02X}" for octet in text.encode()
    )


def default_locations() -> tuple[Location, ...]:
    """The locations of a new CA: CRL and certificate from this server, and its responder."""
    crl = "http://<ServerDNSName>/CertEnroll/<CaName><CRLNameSuffix><DeltaCRLAllowed>.crl"
    certificate = "http://<ServerDNSName>/CertEnroll/<CaName><CertificateName>.crt"
    named = LocationFlag.IN_CERTIFICATE_CDP_OR_AIA
    return (
        Location(LocationList.CDP, crl, named),
        Location(LocationList.AIA, certificate, named),
        Location(LocationList.AIA, "http://<ServerDNSName>/ocsp", LocationFlag.IN_OCSP),
    )


def expanded_urls(
    locations: tuple[Location, ...],
    kind: LocationList,
    flag: LocationFlag,
    context: LocationContext,
) -> tuple[str, ...]:
    """The expanded locations of one list that have a flag, in order.

    Raises:
        InvalidInput: a variable in angle brackets that does not exist.
    """
    return tuple(
        expand(location.template, context)
        for location in locations
        if location.kind is kind and location.flags & flag
    )

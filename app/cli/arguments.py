"""Reads what people write for accounts, rights, reasons, times and fields."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from enum import Flag
from typing import TYPE_CHECKING, TypeVar

import click

from app.domain.errors import NotFound
from app.domain.principals import AccountName, PrincipalKind
from app.domain.requests import RevocationReason
from app.domain.services import ServiceName

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from app.domain.keys import TokenIdentity
    from app.services.backend import Backend

ALL_KINDS = frozenset(PrincipalKind)
RightT = TypeVar("RightT", bound=Flag)


def word(text: str) -> str:
    """A name without regard to case, blanks, hyphens and underlines."""
    return re.sub(r"[\s_-]+", "", text).casefold()


def account(backend: Backend, user: str, domain: str = "") -> AccountName:
    r"""An account from `name`, `DOMAIN\name`, or both apart, as the directory spells it.

    An account that is written with its domain may be unknown to the directory, so that what was
    given to it can be taken back after it is gone.

    Raises:
        InvalidInput: it is no account name.
        NotFound: a name alone that no principal has.
    """
    text = f"{domain}\\{user}" if domain else user
    try:
        return backend.directory.find(text, ALL_KINDS).account
    except NotFound:
        if "\\" not in text:
            raise
        return AccountName.parse(text, backend.directory.domain)


def flag_words(flags: Flag) -> list[str]:
    """The flags as commands spell them: `request-certificates`."""
    return [spelled(member.name or "") for member in flags]


def spelled(name: str) -> str:
    """A constant's name as commands spell it."""
    return name.lower().replace("_", "-")


def rights(words: Iterable[str], kind: type[RightT]) -> tuple[RightT, RightT]:
    """What to add and to remove from words such as `+read,enroll` and `-write`.

    Raises:
        click.UsageError: a word has no sign or names no right.
    """
    known = {word(name): member for name, member in kind.__members__.items() if member}
    changes = {"+": kind(0), "-": kind(0)}
    for text in words:
        sign = ""
        for part in filter(None, (piece.strip() for piece in text.split(","))):
            sign = part[0] if part[0] in changes else sign
            right = known.get(word(part.lstrip("+-")))
            if not sign or right is None:
                choices = ", ".join(spelled(name) for name in kind.__members__ if name != "NONE")
                raise click.UsageError(
                    f"“{text}” is not + or - and a permission. There are: {choices}."
                )
            changes[sign] |= right
    return changes["+"], changes["-"]


def reason(text: str) -> RevocationReason:
    """A revocation reason from its number, its name or the words of the console.

    Raises:
        click.BadParameter: there is none such.
    """
    for member in RevocationReason:
        if text.strip() == str(member.value) or word(text) in {
            word(member.name),
            word(member.label),
        }:
            return member
    choices = ", ".join(spelled(member.name) for member in RevocationReason)
    raise click.BadParameter(f"“{text}” is not a reason. There are: {choices}.")


def moment(text: str) -> datetime:
    """A time in ISO 8601; without a zone it is UTC.

    Raises:
        click.BadParameter: it is none.
    """
    try:
        parsed = datetime.fromisoformat(text.strip())
    except ValueError:
        raise click.BadParameter(
            f"“{text}” is not a time in ISO 8601, such as 2026-01-31T12:00:00Z."
        ) from None
    return parsed.replace(tzinfo=UTC) if parsed.tzinfo is None else parsed.astimezone(UTC)


def fields(words: Iterable[str]) -> dict[str, str]:
    """FIELD=VALUE words as a mapping; the value may be empty.

    Raises:
        click.UsageError: a word has no `=`, or names a field twice.
    """
    found: dict[str, str] = {}
    for text in words:
        name, mark, value = text.partition("=")
        key = name.strip().replace("-", "_").lower()
        if not mark or not key:
            raise click.UsageError(f"“{text}” is not FIELD=VALUE.")
        if key in found:
            raise click.UsageError(f"The field {name.strip()} is given twice.")
        found[key] = value.strip()
    return found


def yes_or_no(field: str, text: str) -> bool:
    """A switch.

    Raises:
        click.UsageError: it is neither yes nor no.
    """
    values: Mapping[str, bool] = {
        "yes": True, "true": True, "on": True, "1": True,
        "no": False, "false": False, "off": False, "0": False,
    }  # fmt: skip
    if text.casefold() not in values:
        raise click.UsageError(f"{field} is yes or no, not “{text}”.")
    return values[text.casefold()]


_SERVICES = {
    "ca": ServiceName.CERTIFICATION_AUTHORITY,
    "certificationauthority": ServiceName.CERTIFICATION_AUTHORITY,
    "ocsp": ServiceName.ONLINE_RESPONDER,
    "responder": ServiceName.ONLINE_RESPONDER,
    "onlineresponder": ServiceName.ONLINE_RESPONDER,
    "onlineresponderservice": ServiceName.ONLINE_RESPONDER,
}


def service(text: str) -> ServiceName:
    """A service from its name or from `ca` and `ocsp`.

    Raises:
        NotFound: there is none such.
    """
    found = _SERVICES.get(word(text))
    if found is None:
        names = ", ".join(f"“{name}”" for name in ServiceName)
        raise NotFound(f"There is no service “{text}”.", remedy=f"There are: {names}.")
    return found


def choose_token(tokens: Iterable[TokenIdentity], text: str) -> TokenIdentity:
    """The token of that label or serial.

    Raises:
        NotFound: none, or several have the label; the remedy lists them.
    """
    every = list(dict.fromkeys(tokens))
    wanted = text.strip().casefold()
    found = [t for t in every if wanted in {t.label.casefold(), t.serial.casefold()}]
    if len(found) == 1:
        return found[0]
    names = ", ".join(f"{token.label} ({token.serial})" for token in every)
    raise NotFound(
        f"Several tokens are called “{text}”." if found else f"No token “{text}” is registered.",
        remedy=f"Registered are: {names}." if names else "Register the slot first.",
    )

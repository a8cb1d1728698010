"""How commands name slots: by library, token and account."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from app.cli.arguments import account
from app.domain.commands import command_line
from app.domain.errors import InvalidInput, NotFound

if TYPE_CHECKING:
    from app.domain.keys import TokenIdentity
    from app.domain.libraries import Library, SlotRegistration
    from app.domain.principals import AccountName
    from app.services.backend import Backend

library_option = click.option(
    "--library", default="", metavar="NAME", help="Vendor, number or path, where there are several."
)
token_option = click.option(
    "--token", default="", metavar="LABEL", help="Label or serial, where there are several."
)
user_option = click.option(
    "--user", default="", metavar="USER", help="Account: USER or 'DOMAIN\\USER'."
)
domain_option = click.option("--domain", default="", metavar="DOMAIN", help="Domain of --user.")


def choose_registration(backend: Backend, token: str, user: str, domain: str) -> SlotRegistration:
    """The only registration that token and account name; either may be left out.

    Raises:
        NotFound: there is none such; the remedy lists what there is.
        InvalidInput: several are meant.
    """
    name: AccountName | None = account(backend, user, domain) if user else None
    found = [row for row in _of(backend, token) if name is None or row.account.key == name.key]
    return _only(backend, found)


def choose_token(backend: Backend, token: str) -> SlotRegistration:
    """Any registration of the only registered token that is named.

    Raises:
        NotFound, InvalidInput: as `choose_registration`.
    """
    found = {(row.library_id, row.token): row for row in _of(backend, token)}
    return _only(backend, list(found.values()))


def named_token(backend: Backend, token: str, library: str) -> tuple[Library, TokenIdentity]:
    """The token that --token and --library name.

    Raises:
        NotFound, TokenAbsent, InvalidInput: none or several are meant, or it is blank.
    """
    found = backend.libraries.find(library)
    slot = backend.slots.find_token(found.id, token)
    if slot.token is None:
        raise InvalidInput(
            "The slot holds no initialised token.",
            remedy="Initialise one: " + command_line("token", "init", "--label", "LABEL"),
        )
    return found, slot.token


def _of(backend: Backend, token: str) -> list[SlotRegistration]:
    wanted = token.strip().casefold()
    return [
        row
        for row in backend.slots.registered()
        if wanted in {"", row.token.label.casefold(), row.token.serial.casefold()}
    ]


def _only(backend: Backend, found: list[SlotRegistration]) -> SlotRegistration:
    if len(found) == 1:
        return found[0]
    rows = found or backend.slots.registered()
    listed = ", ".join(f"{row.token.label} ({row.token.serial}) for {row.account}" for row in rows)
    if not found:
        raise NotFound(
            "No such slot is registered.",
            remedy=f"Registered are: {listed}." if listed else "Register it first.",
        )
    raise InvalidInput(
        "Several registered slots are meant.",
        remedy=f"Name one with --token and --user: {listed}.",
    )

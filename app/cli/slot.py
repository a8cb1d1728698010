"""`slot`: slots, and the accounts that they are registered for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from app.cli.arguments import account
from app.cli.commands import DONE, UNDECIDED, Group, many, one
from app.cli.invocation import Invocation, pass_invocation
from app.cli.passwords import password_stdin, read_password
from app.domain.errors import InvalidInput, NotFound
from app.services.security_library.slots import RegisterSlot

if TYPE_CHECKING:
    from app.cli.output import Record
    from app.domain.libraries import Library, SlotRegistration
    from app.domain.principals import AccountName
    from app.domain.tokens import SlotFacts
    from app.services.backend import Backend

SLOT = {
    "library": "vendor name of the library",
    "slot_id": "number of the slot today",
    "description": "as the library reports it",
    "token": "label of the token, null without an initialised one",
    "serial": "serial of the token, null likewise",
    "initialised": "whether the token is initialised",
    "model": "as the token reports it, or null",
    "firmware": "as the token reports it, or null",
    "pin_state": "ready, count low, final try, locked, not initialised, to be changed, or null",
    "pin_pad": "whether the token asks for its PIN on its own pad",
    "problem": "why the slot cannot be read, or empty",
}
SLOT_COLUMNS = (
    ("Library", "library"),
    ("Slot", "slot_id"),
    ("Token", "token"),
    ("Serial", "serial"),
    ("Model", "model"),
    ("PIN", "pin_state"),
    ("Problem", "problem"),
)
REGISTRATION = {
    "id": "number of the registration",
    "library": "vendor name of the library",
    "token": "label of the token",
    "serial": "serial of the token",
    "account": "account that may open it",
    "registered_at": "time",
    "pin_refused_at": "when the token refused the stored password, or null",
}
TEST = {
    "library": "vendor name of the library",
    "token": "label of the token",
    "account": "account that it was opened as",
    "slot_id": "number of the slot today",
    "mechanisms": "number of mechanisms",
    "algorithms": "array of key algorithms that the token can do",
    "signs": "whether a signature of the token was verified",
    "milliseconds": "duration of the signature",
    "note": "which key signed, or why none did",
}
TEST_LINES = (
    ("Token", "token"),
    ("Slot", "slot_id"),
    ("Account", "account"),
    ("Mechanisms", "mechanisms"),
    ("Algorithms", "algorithms"),
    ("Signs", "signs"),
    ("Milliseconds", "milliseconds"),
    ("Note", "note"),
)
REGISTRATION_COLUMNS = (
    ("Library", "library"),
    ("Token", "token"),
    ("Serial", "serial"),
    ("Account", "account"),
    ("Password refused", "pin_refused_at"),
)

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


def slot_record(library: Library, slot: SlotFacts) -> Record:
    """A slot by its keys."""
    return {
        "library": library.vendor,
        "slot_id": slot.slot_id,
        "description": slot.description,
        "token": slot.token.label if slot.token else None,
        "serial": slot.token.serial if slot.token else None,
        "initialised": slot.initialised,
        "model": slot.model,
        "firmware": slot.firmware,
        "pin_state": slot.pin_state,
        "pin_pad": slot.protected_authentication_path,
        "problem": slot.problem,
    }


@click.group("slot", cls=Group)
def command() -> None:
    """Register HSM slots for the accounts that use them."""


@command.command("list", shape=many(**SLOT))
@library_option
@click.option("--all", "everything", is_flag=True, help="Slots without an initialised token too.")
@pass_invocation
def list_slots(invocation: Invocation, library: str, everything: bool) -> None:
    """List the slots as the libraries report them now."""
    libraries = invocation.backend.libraries
    chosen = (libraries.find(library),) if library else libraries.list()
    records = [
        slot_record(found, slot)
        for found in chosen
        for slot in libraries.slots(found.id)
        if everything or slot.token is not None or slot.problem
    ]
    invocation.output.records(
        records,
        SLOT_COLUMNS,
        "No slot has an initialised token." if chosen else "No security library is registered.",
    )


@command.command("register", shape=many(**REGISTRATION))
@click.option(
    "--user",
    "users",
    multiple=True,
    metavar="USER",
    help="Account that will use the slot: USER or 'DOMAIN\\USER'; repeatable.",
)
@click.option("--domain", default="", metavar="DOMAIN", help="Domain of every --user.")
@click.option(
    "--account",
    "accounts",
    multiple=True,
    metavar="'DOMAIN\\USER'",
    help="One more account with its domain; repeatable.",
)
@token_option
@library_option
@password_stdin
@click.option("--no-password", is_flag=True, help="The token asks on its own PIN pad.")
@pass_invocation
def register(  # noqa: PLR0913 - one parameter per option
    invocation: Invocation,
    *,
    users: tuple[str, ...],
    domain: str,
    accounts: tuple[str, ...],
    token: str,
    library: str,
    password_stdin: bool,
    no_password: bool,
) -> None:
    r"""Try the slot password once and register the slot for accounts.

    The guide registers one slot for 'DOMAIN\ADMINISTRATOR' and for 'NT_AUTHORITY\SYSTEM'.
    """
    if not users and not accounts:
        raise click.UsageError("Name the account that will use the slot: --user or --account.")
    if password_stdin and no_password:
        raise click.UsageError("--password-stdin and --no-password exclude each other.")
    backend = invocation.backend
    names = [account(backend, user, "" if "\\" in user else domain) for user in users]
    names += [account(backend, text) for text in accounts]
    found = backend.libraries.find(library)
    slot = backend.slots.find_token(found.id, token)
    if slot.token is None:
        raise InvalidInput(
            "The slot holds no initialised token.",
            remedy="Initialise one: sealkeeper token init --label LABEL",
        )
    pin = None if no_password else read_password("Slot password", from_stdin=password_stdin)
    rows = backend.slots.register(
        RegisterSlot(library_id=found.id, token=slot.token, accounts=tuple(names), pin=pin)
    )
    place, is_file = backend.slots.secret_place()
    invocation.output.records(_records(backend, rows), REGISTRATION_COLUMNS, "")
    if is_file and not no_password and not invocation.output.json:
        invocation.output.note(f"There is no keyring: the slot password is kept in {place}.")


@command.command("registered", shape=many(**REGISTRATION))
@pass_invocation
def registered(invocation: Invocation) -> None:
    """List the registered slots."""
    backend = invocation.backend
    rows = backend.slots.registered()
    invocation.output.records(
        _records(backend, rows), REGISTRATION_COLUMNS, "No slot is registered."
    )


@command.command(
    "test",
    shape=one(**TEST),
)
@token_option
@user_option
@domain_option
@pass_invocation
def test(invocation: Invocation, token: str, user: str, domain: str) -> int:
    """Log in to a registered slot and have its token sign.

    Exit code 3: the login worked but nothing could be signed.
    """
    backend = invocation.backend
    found = _registration(backend, token, user, domain)
    result = backend.slots.test(found.id)
    invocation.output.record(
        {
            "library": backend.libraries.find(str(found.library_id)).vendor,
            "token": found.token.label,
            "account": str(found.account),
            "slot_id": result.slot_id,
            "mechanisms": result.mechanisms,
            "algorithms": list(result.algorithms),
            "signs": result.signs,
            "milliseconds": round(result.milliseconds, 3),
            "note": result.note,
        },
        TEST_LINES,
    )
    return DONE if result.signs else UNDECIDED


@command.command("enter-pin", shape=one(**REGISTRATION))
@token_option
@user_option
@domain_option
@password_stdin
@pass_invocation
def enter_pin(
    invocation: Invocation, token: str, user: str, domain: str, password_stdin: bool
) -> None:
    """Try a new slot password once, keep it and trust it again."""
    backend = invocation.backend
    found = _registration(backend, token, user, domain)
    pin = read_password("Slot password", from_stdin=password_stdin)
    row = backend.slots.enter_pin(found.id, pin)
    invocation.output.done(
        _records(backend, (row,))[0],
        f"The slot password of {row.token.label} for {row.account} was stored.",
    )


@command.command("unregister", shape=one(**REGISTRATION))
@token_option
@user_option
@domain_option
@pass_invocation
def unregister(invocation: Invocation, token: str, user: str, domain: str) -> None:
    """Forget a registration and its password; the token stays as it is."""
    backend = invocation.backend
    found = _registration(backend, token, user, domain)
    record = _records(backend, (found,))[0]
    backend.slots.unregister(found.id)
    invocation.output.done(record, f"Unregistered {found.token.label} for {found.account}.")


def _records(backend: Backend, rows: tuple[SlotRegistration, ...]) -> list[Record]:
    vendors = {library.id: library.vendor for library in backend.libraries.list()}
    return [
        {
            "id": row.id,
            "library": vendors.get(row.library_id, ""),
            "token": row.token.label,
            "serial": row.token.serial,
            "account": str(row.account),
            "registered_at": row.registered_at,
            "pin_refused_at": row.pin_refused_at,
        }
        for row in rows
    ]


def _registration(backend: Backend, token: str, user: str, domain: str) -> SlotRegistration:
    """The only registration that token and account name; either may be left out."""
    rows = backend.slots.registered()
    wanted = token.strip().casefold()
    name: AccountName | None = account(backend, user, domain) if user else None
    found = [
        row
        for row in rows
        if wanted in {"", row.token.label.casefold(), row.token.serial.casefold()}
        and (name is None or row.account.key == name.key)
    ]
    if len(found) == 1:
        return found[0]
    listed = ", ".join(f"{row.token.label} for {row.account}" for row in rows)
    if not found:
        raise NotFound(
            "No such slot is registered.",
            remedy=f"Registered are: {listed}." if listed else "Register it first.",
        )
    raise InvalidInput(
        "Several registered slots are meant.",
        remedy=f"Name one with --token and --user: {listed}.",
    )

"""`slot`: slots, and the accounts that they are registered for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from app.cli.arguments import account
from app.cli.commands import DONE, UNDECIDED, Group, many, one
from app.cli.invocation import Invocation, pass_invocation
from app.cli.passwords import password_stdin, read_password
from app.cli.slot_choice import (
    choose_registration,
    domain_option,
    library_option,
    named_token,
    token_option,
    user_option,
)
from app.cli.slot_records import REGISTRATION, REGISTRATION_COLUMNS, registration_records
from app.cli.slot_upkeep import (
    candidates,
    confirm_policies,
    credential,
    enter_pin,
    exposures,
    lanes,
    rebind,
)
from app.domain.errors import InvalidInput, SealkeeperError
from app.services.security_library.slots import RegisterSlot

if TYPE_CHECKING:
    from app.cli.output import Record
    from app.domain.ids import LibraryId
    from app.domain.keys import TokenIdentity
    from app.domain.libraries import Library
    from app.domain.tokens import PinState, SlotFacts
    from app.services.backend import Backend

__all__ = ["SLOT", "command", "library_option", "slot_record", "token_option"]

SLOT = {
    "library": "vendor name of the library",
    "slot_id": "number of the slot today",
    "description": "as the library reports it",
    "token": "label of the token, null without an initialised one",
    "serial": "serial of the token, null likewise",
    "initialised": "whether the token is initialised",
    "model": "as the token reports it, or null",
    "firmware": "as the token reports it, or null",
    "pin_state": "ready, count low, final try, locked, to be changed, or null",
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
REGISTERED = {**REGISTRATION, "pin_state": "as `slot list` has it, null where it is not told"}
REGISTERED_COLUMNS = (*REGISTRATION_COLUMNS, ("PIN of the token", "pin_state"))
FACT = {
    "name": "what the fact is called",
    "value": "the fact, or null where nothing reports it",
    "source": "the PKCS#11 function or the file that tells it",
}
FACT_COLUMNS = (("Fact", "name"), ("Value", "shown"), ("Source", "source"))
PREREQUISITE = {
    "name": "as the integration guide calls it",
    "state": "ok, warning, bad or unchecked",
    "word": "the state in one or two words",
    "evidence": "what was found, and where",
}
PREREQUISITE_COLUMNS = (("Prerequisite", "name"), ("State", "word"), ("Evidence", "evidence"))
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
    "may_generate": "whether the role may generate keys, or null where it is not known",
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
    every = libraries.list()
    for each in every if not library else ():
        if each.disabled_at is not None:
            invocation.output.note(f"{each.vendor} is disabled: its slots are not listed.")
    usable = tuple(each for each in every if each.disabled_at is None)
    chosen = (libraries.find(library),) if library else usable
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


@command.command("sheet", shape=many(**FACT))
@library_option
@token_option
@click.option("--slot", "slot_id", type=int, metavar="N", help="Slot id, for one without a token.")
@pass_invocation
def sheet(invocation: Invocation, library: str, token: str, slot_id: int | None) -> None:
    """Show every fact of a slot and what tells it; what nothing tells is not reported."""
    backend = invocation.backend
    found = backend.libraries.find(library)
    slot = _slot(backend, found, token, slot_id)
    records: list[Record] = [
        {"name": fact.name, "value": fact.value, "source": fact.source}
        for fact in backend.slots.sheet(found.id, slot)
    ]
    if not invocation.output.json:
        records = [{**each, "shown": each["value"] or "not reported"} for each in records]
    invocation.output.records(records, FACT_COLUMNS, "")


@command.command("prerequisites", shape=many(**PREREQUISITE))
@library_option
@token_option
@pass_invocation
def prerequisites(invocation: Invocation, library: str, token: str) -> None:
    """Check what the integration guide asks of a Luna client's slot."""
    backend = invocation.backend
    found = backend.libraries.find(library)
    slot = backend.slots.find_token(found.id, token)
    records: list[Record] = [
        {"name": each.name, "state": each.state, "word": each.word, "evidence": each.evidence}
        for each in backend.slots.prerequisites(found.id, slot)
    ]
    invocation.output.records(
        records, PREREQUISITE_COLUMNS, f"{found.vendor} is no Luna client: there are none."
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
@click.option("--no-password", is_flag=True, help="The token asks on its own PED or PIN pad.")
@click.option(
    "--ask-at-start",
    is_flag=True,
    help="Store no password: whoever starts the services enters it each time.",
)
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
    ask_at_start: bool,
) -> None:
    r"""Try the slot password once and register the slot for accounts.

    The guide registers one slot for 'DOMAIN\ADMINISTRATOR' and for 'NT_AUTHORITY\SYSTEM'.
    """
    if not users and not accounts:
        raise click.UsageError("Name the account that will use the slot: --user or --account.")
    if password_stdin and no_password:
        raise click.UsageError("--password-stdin and --no-password exclude each other.")
    if ask_at_start and no_password:
        raise click.UsageError("--ask-at-start is for tokens that take a password.")
    backend = invocation.backend
    names = [account(backend, user, "" if "\\" in user else domain) for user in users]
    names += [account(backend, text) for text in accounts]
    found, identity = named_token(backend, token, library)
    pin = None if no_password else read_password("Slot password", from_stdin=password_stdin)
    rows = backend.slots.register(
        RegisterSlot(
            library_id=found.id,
            token=identity,
            accounts=tuple(names),
            pin=pin,
            ask_at_start=ask_at_start,
        )
    )
    place, is_file = backend.slots.secret_place()
    invocation.output.records(registration_records(backend, rows), REGISTRATION_COLUMNS, "")
    if invocation.output.json:
        return
    if is_file and not no_password and not ask_at_start:
        invocation.output.note(f"There is no keyring: the slot password is kept in {place}.")
    warning = backend.slots.exposure_warning(found.id, identity, tuple(names))
    if warning:
        invocation.output.note(warning)


@command.command("registered", shape=many(**REGISTERED))
@pass_invocation
def registered(invocation: Invocation) -> None:
    """List the registered slots, where their passwords are, and what their tokens say."""
    backend = invocation.backend
    rows = backend.slots.registered()
    states = _pin_states(backend)
    records: list[Record] = [
        {**record, "pin_state": states.get((row.library_id, row.token))}
        for record, row in zip(registration_records(backend, rows), rows, strict=True)
    ]
    invocation.output.records(records, REGISTERED_COLUMNS, "No slot is registered.")


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
    found = choose_registration(backend, token, user, domain)
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
            "may_generate": result.may_generate,
        },
        TEST_LINES,
    )
    return DONE if result.signs else UNDECIDED


@command.command("unregister", shape=one(**REGISTRATION))
@token_option
@user_option
@domain_option
@pass_invocation
def unregister(invocation: Invocation, token: str, user: str, domain: str) -> None:
    """Forget a registration and its password; the token stays as it is."""
    backend = invocation.backend
    found = choose_registration(backend, token, user, domain)
    record = registration_records(backend, (found,))[0]
    backend.slots.unregister(found.id)
    invocation.output.done(record, f"Unregistered {found.token.label} for {found.account}.")


def _slot(backend: Backend, library: Library, token: str, slot_id: int | None) -> SlotFacts:
    if slot_id is None:
        return backend.slots.find_token(library.id, token)
    if token:
        raise click.UsageError("--token and --slot exclude each other.")
    slots = backend.libraries.slots(library.id)
    for slot in slots:
        if slot.slot_id == slot_id:
            return slot
    ids = ", ".join(str(slot.slot_id) for slot in slots)
    raise InvalidInput(
        f"{library.vendor} has no slot {slot_id}.",
        remedy=f"There are {ids}." if ids else "The library reports no slots.",
    )


def _pin_states(backend: Backend) -> dict[tuple[LibraryId, TokenIdentity], PinState | None]:
    """What the tokens of all libraries that answer say of their PINs."""
    found: dict[tuple[LibraryId, TokenIdentity], PinState | None] = {}
    for library in {row.library_id for row in backend.slots.registered()}:
        try:
            slots = backend.libraries.slots(library)
        except SealkeeperError:
            continue
        for slot in slots:
            if slot.token is not None:
                found[library, slot.token] = slot.pin_state
    return found


for _each in (enter_pin, candidates, rebind, lanes, confirm_policies, exposures, credential):
    command.add_command(_each)

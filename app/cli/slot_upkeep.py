"""`slot enter-pin`, `rebind`, `lanes` and what else is done with slots that are registered."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from app.cli.commands import Command, many, one
from app.cli.invocation import Invocation, pass_invocation
from app.cli.passwords import password_stdin, read_password
from app.cli.slot_choice import (
    choose_registration,
    choose_token,
    domain_option,
    library_option,
    token_option,
    user_option,
)
from app.cli.slot_records import REGISTRATION, registration_records
from app.domain.commands import command_line
from app.domain.errors import InvalidInput, TokenAbsent
from app.domain.libraries import MAX_LANES
from app.services.security_library.exposure import RECOMMENDATION
from app.services.security_library.slot_passwords import credential_lines

if TYPE_CHECKING:
    from app.cli.output import Record
    from app.domain.libraries import SlotRegistration
    from app.services.backend import Backend
    from app.services.security_library.rebinding import Candidate

CANDIDATE = {
    "library": "vendor name of the library",
    "slot_id": "number of the slot today",
    "token": "label of the token",
    "serial": "serial of the token",
    "evidence": "what speaks for it",
}
CANDIDATE_COLUMNS = (
    ("Library", "library"),
    ("Slot", "slot_id"),
    ("Token", "token"),
    ("Serial", "serial"),
    ("Evidence", "evidence"),
)
REBOUND = {
    "token": "label of the token that it is bound to now",
    "serial": "its serial",
    "library": "vendor name of its library",
    "accounts": "array of the accounts whose registrations moved",
    "keys": "array of the users of the keys that were found there",
    "missing": "array of the users of keys that are not there",
    "notes": "array of what is left to do by hand",
}
SETTINGS = {
    "library": "vendor name of the library",
    "token": "label of the token",
    "serial": "serial of the token",
    "lanes": "signatures that run side by side",
    "policies_confirmed_by": "account that confirmed the policies 22 and 23, or null",
    "policies_confirmed_at": "when, or null",
}
EXPOSURE = {
    "account": "account of the Online Responder",
    "token": "label of the token",
    "serial": "serial of the token",
    "authorities": "array of the CAs whose keys it holds",
    "sentence": "what it means",
}


@click.command("enter-pin", cls=Command, shape=one(**REGISTRATION))
@token_option
@user_option
@domain_option
@password_stdin
@click.option("--store", is_flag=True, help="Store it from now on, if it was asked at each start.")
@click.option("--ask-at-start", is_flag=True, help="Store it no more: it is asked at each start.")
@pass_invocation
def enter_pin(  # noqa: PLR0913 - one parameter per option
    invocation: Invocation,
    *,
    token: str,
    user: str,
    domain: str,
    password_stdin: bool,
    store: bool,
    ask_at_start: bool,
) -> None:
    """Try a new slot password once, keep it and trust it again."""
    if store and ask_at_start:
        raise click.UsageError("--store and --ask-at-start exclude each other.")
    backend = invocation.backend
    found = choose_registration(backend, token, user, domain)
    if found.ask_at_start and not store and not ask_at_start:
        raise InvalidInput(
            f"The slot password of {found.token.label} for {found.account} is stored nowhere: it "
            "is asked at each start.",
            remedy="Enter it when you start the services with "
            + command_line("serve")
            + ", or have it stored with --store.",
        )
    pin = read_password("Slot password", from_stdin=password_stdin)
    row = backend.slots.enter_pin(found.id, pin, store=store if store or ask_at_start else None)
    what = "is asked at each start" if row.ask_at_start else "was stored"
    invocation.output.done(
        registration_records(backend, (row,))[0],
        f"The slot password of {row.token.label} for {row.account} {what}.",
    )


@click.command("candidates", cls=Command, shape=many(**CANDIDATE))
@token_option
@pass_invocation
def candidates(invocation: Invocation, token: str) -> None:
    """List the tokens that may have taken the place of a registered one, the likeliest first."""
    backend = invocation.backend
    registration = choose_token(backend, token)
    records: list[Record] = [
        {
            "library": each.library.vendor,
            "slot_id": each.slot.slot_id,
            "token": each.token.label,
            "serial": each.token.serial,
            "evidence": each.evidence,
        }
        for each in backend.slots.candidates(registration.id)
    ]
    invocation.output.records(
        records, CANDIDATE_COLUMNS, "No library reports another initialised token."
    )


@click.command("rebind", cls=Command, shape=one(**REBOUND))
@token_option
@click.option("--to", "new", required=True, metavar="LABEL", help="Label or serial of the token.")
@library_option
@password_stdin
@click.option("--although-missing", is_flag=True, help="Also if keys in use are not on it.")
@pass_invocation
def rebind(
    invocation: Invocation,
    *,
    token: str,
    new: str,
    library: str,
    password_stdin: bool,
    although_missing: bool,
) -> None:
    """Bind registrations to the token that took the place of a registered one.

    For a token whose serial or label changed, or an HSM that was replaced. The password is tried
    once; the keys of CAs and responders must be on the new token. --library names the library of
    the new token.
    """
    backend = invocation.backend
    registration = choose_token(backend, token)
    chosen = _candidate(backend, registration, new, library)
    pin = None
    if not chosen.slot.protected_authentication_path:
        pin = read_password("Slot password", from_stdin=password_stdin)
    done = backend.slots.rebind(
        registration.id,
        chosen.library.id,
        chosen.token,
        pin,
        invocation.output,
        although_missing=although_missing,
    )
    label, serial = chosen.token.label, chosen.token.serial
    accounts = [str(row.account) for row in done.registrations]
    invocation.output.done(
        {
            "token": label,
            "serial": serial,
            "library": chosen.library.vendor,
            "accounts": accounts,
            "keys": list(done.keys),
            "missing": list(done.missing),
            "notes": list(done.notes),
        },
        f"Bound to {label} ({serial}): {len(accounts)} registrations, {len(done.keys)} keys found."
        + (f" Missing are the keys of {'; '.join(done.missing)}." if done.missing else "")
        + "".join(f" {note}" for note in done.notes),
    )


@click.command("lanes", cls=Command, shape=one(**SETTINGS))
@click.argument("lanes", type=click.IntRange(1, MAX_LANES), metavar="N")
@token_option
@pass_invocation
def lanes(invocation: Invocation, lanes: int, token: str) -> None:
    """Let a token make up to N signatures side by side, 1 to 32, from now on."""
    backend = invocation.backend
    registration = choose_token(backend, token)
    backend.slots.set_lanes(registration.library_id, registration.token, lanes)
    invocation.output.done(
        _settings(backend, registration), f"{registration.token.label} signs in {lanes} lanes."
    )


@click.command("confirm-policies", cls=Command, shape=one(**SETTINGS))
@token_option
@pass_invocation
def confirm_policies(invocation: Invocation, token: str) -> None:
    """Confirm that a PED partition has the policies 22 and 23 on, which cannot be read."""
    backend = invocation.backend
    registration = choose_token(backend, token)
    backend.slots.confirm_policies(registration.library_id, registration.token)
    record = _settings(backend, registration)
    invocation.output.done(
        record,
        f"{record['policies_confirmed_by']} confirmed the policies 22 and 23 of "
        f"{registration.token.label}.",
    )


@click.command("exposures", cls=Command, shape=many(**EXPOSURE))
@pass_invocation
def exposures(invocation: Invocation) -> None:
    """List where the account of the responder reaches the key of a CA."""
    found = invocation.backend.slots.exposures()
    records: list[Record] = [
        {
            "account": str(each.registration.account),
            "token": each.registration.token.label,
            "serial": each.registration.token.serial,
            "authorities": list(each.authorities),
            "sentence": each.sentence,
        }
        for each in found
    ]
    invocation.output.records(
        records,
        (("Account", "account"), ("Token", "token"), ("What it means", "sentence")),
        "The account of the responder reaches no CA's key.",
    )
    if found and not invocation.output.json:
        invocation.output.note(RECOMMENDATION)


@click.command(
    "credential",
    cls=Command,
    shape=one(
        encrypt="what encrypts the password, which is asked for then",
        unit_line="what the [Service] section of the unit says",
    ),
)
@token_option
@user_option
@domain_option
@pass_invocation
def credential(invocation: Invocation, token: str, user: str, domain: str) -> None:
    """Say how systemd hands a slot password to the service, encrypted; nothing is changed.

    The password itself is not printed. A registration whose password is asked at each start finds
    it there, so that the service starts unattended.
    """
    found = choose_registration(invocation.backend, token, user, domain)
    encrypt, unit_line = credential_lines(found)
    invocation.output.record(
        {"encrypt": encrypt, "unit_line": unit_line},
        (("Encrypt it", "encrypt"), ("In the unit", "unit_line")),
    )


def _candidate(
    backend: Backend, registration: SlotRegistration, text: str, library: str
) -> Candidate:
    every = backend.slots.candidates(registration.id)
    if library:
        owner = backend.libraries.find(library)
        every = tuple(each for each in every if each.library.id == owner.id)
    wanted = text.strip().casefold()
    found = [
        each
        for each in every
        if wanted in {each.token.label.casefold(), each.token.serial.casefold()}
    ]
    if len(found) == 1:
        return found[0]
    names = ", ".join(
        f"{each.token.label} ({each.token.serial}) of {each.library.vendor}"
        for each in found or every
    )
    if found:
        raise InvalidInput(
            f"Several tokens are called “{text}”.",
            remedy=f"Name one by its serial, or its library with --library: {names}.",
        )
    raise TokenAbsent(
        f"No other slot holds a token “{text}”.",
        remedy=f"There are: {names}." if names else "Connect the token, then reload its library.",
    )


def _settings(backend: Backend, registration: SlotRegistration) -> Record:
    settings = backend.slots.settings(registration.library_id, registration.token)
    by = settings.policies_confirmed_by
    return {
        "library": backend.libraries.find(str(registration.library_id)).vendor,
        "token": registration.token.label,
        "serial": registration.token.serial,
        "lanes": settings.lanes,
        "policies_confirmed_by": str(by) if by is not None else None,
        "policies_confirmed_at": settings.policies_confirmed_at,
    }

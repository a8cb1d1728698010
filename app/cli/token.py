"""`token`: tokens of a security library."""

from __future__ import annotations

import click

from app.cli.commands import Group, many, one
from app.cli.invocation import Invocation, pass_invocation
from app.cli.passwords import password_stdin, read_password
from app.cli.slot import SLOT, library_option, slot_record, token_option
from app.services.security_library.libraries import InitialiseToken


@click.group("token", cls=Group)
def command() -> None:
    """Initialise tokens and look at them."""


@command.command("init", shape=one(**SLOT))
@click.option("--label", required=True, metavar="LABEL", help="Label of the new token.")
@click.option(
    "--slot", "slot_id", type=int, metavar="N", help="Slot to use; else the first blank one."
)
@library_option
@password_stdin
@pass_invocation
def init(
    invocation: Invocation, label: str, slot_id: int | None, library: str, password_stdin: bool
) -> None:
    """Initialise a blank token; one that is initialised is never touched.

    Asks for the security officer's PIN and for the user PIN; with --password-stdin they are two
    lines in this order.
    """
    found = invocation.backend.libraries.find(library)
    so_pin = read_password("Security officer's PIN", from_stdin=password_stdin, confirm=True)
    user_pin = read_password("User PIN", from_stdin=password_stdin, confirm=True)
    slot = invocation.backend.libraries.initialise_token(
        InitialiseToken(
            library_id=found.id, label=label, so_pin=so_pin, user_pin=user_pin, slot_id=slot_id
        )
    )
    invocation.output.done(
        slot_record(found, slot), f"Initialised the token {label} in slot {slot.slot_id}."
    )


@command.command(
    "mechanisms",
    shape=many(
        name="CKM name, or hex",
        code="number",
        min_size="smallest key in the token's unit",
        max_size="largest key in the token's unit",
        flags="array of what it can do, such as sign",
    ),
)
@token_option
@library_option
@pass_invocation
def mechanisms(invocation: Invocation, token: str, library: str) -> None:
    """List the mechanisms of a token."""
    backend = invocation.backend
    found = backend.libraries.find(library)
    slot = backend.slots.find_token(found.id, token)
    rows = () if slot.token is None else backend.libraries.mechanisms(found.id, slot.token)
    invocation.output.records(
        [
            {
                "name": row.name,
                "code": row.code,
                "min_size": row.min_size,
                "max_size": row.max_size,
                "flags": sorted(row.flags),
            }
            for row in rows
        ],
        (("Mechanism", "name"), ("From", "min_size"), ("To", "max_size"), ("Flags", "flags")),
        "The token reports no mechanism.",
    )

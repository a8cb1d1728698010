"""`token`: tokens of a security library."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from app.cli.commands import Group, many, one
from app.cli.invocation import Invocation, pass_invocation
from app.cli.passwords import password_stdin, read_password
from app.cli.slot import SLOT, slot_record
from app.cli.slot_choice import library_option, named_token, token_option
from app.services.security_library.libraries import InitialiseToken

if TYPE_CHECKING:
    from app.domain.libraries import Library
    from app.services.security_library.tokens import PinChanged


PIN_CHANGED = {
    "library": "vendor name of the library",
    "token": "label of the token",
    "serial": "serial of the token",
    "updated": "array of the accounts whose stored slot password was updated",
}


@click.group("token", cls=Group)
def command() -> None:
    """Initialise tokens, change their PINs and look at them."""


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
    found, identity = named_token(invocation.backend, token, library)
    rows = invocation.backend.tokens.mechanisms(found.id, identity)
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


@command.command("change-pin", shape=one(**PIN_CHANGED))
@click.option(
    "--officer", is_flag=True, help="Change the security officer's PIN instead of the user PIN."
)
@token_option
@library_option
@password_stdin
@pass_invocation
def change_pin(
    invocation: Invocation, *, officer: bool, token: str, library: str, password_stdin: bool
) -> None:
    """Change a PIN of a token; the old one is tried once.

    Stored slot passwords that hold the old user PIN are updated. Asks for the old PIN and for the
    new one; with --password-stdin they are two lines in this order.
    """
    backend = invocation.backend
    found, identity = named_token(backend, token, library)
    whose = "security officer's PIN" if officer else "user PIN"
    old = read_password(f"Old {whose}", from_stdin=password_stdin)
    new = read_password(f"New {whose}", from_stdin=password_stdin, confirm=True)
    changed = backend.tokens.change_pin(found.id, identity, old, new, officer=officer)
    _tell(invocation, found, changed, f"Changed the {whose} of {identity.label}.")


@command.command("unlock", shape=one(**PIN_CHANGED))
@token_option
@library_option
@password_stdin
@pass_invocation
def unlock(invocation: Invocation, token: str, library: str, password_stdin: bool) -> None:
    """Set a new user PIN as the security officer, also where it is locked.

    All stored slot passwords of the token are updated. Asks for the security officer's PIN and
    for the new user PIN; with --password-stdin they are two lines in this order.
    """
    backend = invocation.backend
    found, identity = named_token(backend, token, library)
    so_pin = read_password("Security officer's PIN", from_stdin=password_stdin)
    new = read_password("New user PIN", from_stdin=password_stdin, confirm=True)
    changed = backend.tokens.unlock(found.id, identity, so_pin, new)
    _tell(invocation, found, changed, f"Set a new user PIN of {identity.label}.")


def _tell(invocation: Invocation, library: Library, changed: PinChanged, sentence: str) -> None:
    accounts = [str(row.account) for row in changed.updated]
    stored = f"The slot password was updated for {', '.join(accounts)}."
    invocation.output.done(
        {
            "library": library.vendor,
            "token": changed.token.label,
            "serial": changed.token.serial,
            "updated": accounts,
        },
        *((sentence, stored) if accounts else (sentence,)),
    )


@command.command(
    "memory",
    shape=one(
        library="vendor name of the library",
        token="label of the token",  # noqa: S106 - the help of a key
        serial="serial of the token",
        total="bytes for private objects, or null where it is not reported",
        free="bytes that are free, or null where it is not reported",
    ),
)
@token_option
@library_option
@pass_invocation
def memory(invocation: Invocation, token: str, library: str) -> None:
    """Show how much room a token has for keys, as far as it reports that."""
    found, identity = named_token(invocation.backend, token, library)
    room = invocation.backend.tokens.memory(found.id, identity)
    invocation.output.done(
        {
            "library": found.vendor,
            "token": identity.label,
            "serial": identity.serial,
            "total": room.total,
            "free": room.free,
        },
        f"Memory of {identity.label}: {room}.",
    )

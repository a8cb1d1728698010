"""`key`: key pairs in tokens and in the software store."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from app.cli.commands import Group, many, one
from app.cli.invocation import Invocation, pass_invocation
from app.cli.slot import library_option, token_option
from app.domain.errors import InvalidInput, NotFound

if TYPE_CHECKING:
    from app.cli.output import Record
    from app.services.security_library.keys import KeyOnToken

KEY = {
    "label": "CKA_LABEL",
    "id": "CKA_ID in hex; for a software key the name of its file",
    "algorithm": "key algorithm",
    "bits": "size",
    "token": "label of the token, null for a software key",
    "private": "whether the private half is there",
    "public": "whether the public half is there",
    "extractable": "CKA_EXTRACTABLE, or null where it is not reported",
    "sensitive": "CKA_SENSITIVE, or null where it is not reported",
    "local": "CKA_LOCAL: made in the token, or null where it is not reported",
    "public_key_sha256": "SHA-256 of the SubjectPublicKeyInfo in hex",
    "used_by": "what signs with it, empty for nothing",
}

software_option = click.option(
    "--software", is_flag=True, help="Keys of the software provider instead of a token's."
)


@click.group("key", cls=Group)
def command() -> None:
    """List and delete keys."""


@command.command("list", shape=many(**KEY))
@token_option
@library_option
@software_option
@pass_invocation
def list_keys(invocation: Invocation, token: str, library: str, software: bool) -> None:
    """List the key pairs of a token and what uses them."""
    keys = _keys(invocation, token, library, software=software)
    invocation.output.records(
        [_record(key) for key in keys],
        (
            ("Label", "label"),
            ("Algorithm", "algorithm"),
            ("Bits", "bits"),
            ("Id", "id"),
            ("Extractable", "extractable"),
            ("Used by", "used_by"),
        ),
        "There is no key pair.",
    )


@command.command("delete", shape=one(**KEY))
@click.option("--label", required=True, metavar="LABEL", help="Label of the key pair.")
@click.option("--id", "key_id", default="", metavar="HEX", help="Its id, where labels are equal.")
@click.option("--confirm", required=True, metavar="LABEL", help="The label once more.")
@click.option(
    "--even-if-used", is_flag=True, help="Delete it although a CA or a responder signs with it."
)
@token_option
@library_option
@software_option
@pass_invocation
def delete(  # noqa: PLR0913 - one parameter per option
    invocation: Invocation,
    *,
    label: str,
    key_id: str,
    confirm: str,
    even_if_used: bool,
    token: str,
    library: str,
    software: bool,
) -> None:
    """Delete a key pair for good."""
    keys = _keys(invocation, token, library, software=software)
    found = [
        key
        for key in keys
        if key.description.locator.label == label
        and key_id.casefold() in {"", key.description.locator.cka_id.casefold()}
    ]
    if not found:
        raise NotFound(f"There is no key “{label}”.", remedy="See: sealkeeper key list")
    if len(found) > 1:
        ids = ", ".join(key.description.locator.cka_id for key in found)
        raise InvalidInput(f"Several keys are called “{label}”.", remedy=f"Add --id: {ids}.")
    invocation.backend.keys.delete(
        found[0].description.locator, confirm_label=confirm, even_if_used=even_if_used
    )
    invocation.output.done(_record(found[0]), f"Deleted the key {label}.")


def _keys(
    invocation: Invocation, token: str, library: str, *, software: bool
) -> tuple[KeyOnToken, ...]:
    if software and (token or library):
        raise click.UsageError("--software excludes --token and --library.")
    backend = invocation.backend
    if software:
        return backend.keys.software()
    found = backend.libraries.find(library)
    slot = backend.slots.find_token(found.id, token)
    return () if slot.token is None else backend.keys.on_token(found.id, slot.token)


def _record(key: KeyOnToken) -> Record:
    description = key.description
    locator = description.locator
    return {
        "label": locator.label,
        "id": locator.cka_id,
        "algorithm": locator.algorithm,
        "bits": locator.bits,
        "token": locator.token.label if locator.token else None,
        "private": description.has_private,
        "public": description.has_public,
        "extractable": description.extractable,
        "sensitive": description.sensitive,
        "local": description.local,
        "public_key_sha256": locator.public_key_sha256,
        "used_by": key.used_by,
    }

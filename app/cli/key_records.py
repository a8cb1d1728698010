"""How commands name key pairs, and what they print of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from app.cli.slot_choice import named_token
from app.domain.errors import InvalidInput, NotFound

if TYPE_CHECKING:
    from app.cli.invocation import Invocation
    from app.cli.output import Record
    from app.domain.keys import KeyDescription
    from app.services.security_library.keys import KeyOnToken

PAIR = {
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
}
KEY = {
    **PAIR,
    "used_by": "what signs with it, empty for nothing",
    "certificates": "array of its certificates: owner, serial, subject, not_before, not_after, "
    "and state: current, earlier or expired",
    "certificate_until": "end of the last of its certificates, null without one",
    "label_shared": "whether another pair there has the same label",
    "retirable": "whether all its certificates are past",
}

label_option = click.option("--label", required=True, metavar="LABEL", help="Label of the pair.")
id_option = click.option(
    "--id", "key_id", default="", metavar="HEX", help="Its id, where labels are equal."
)
software_option = click.option(
    "--software", is_flag=True, help="Keys of the software provider instead of a token's."
)


def refuse_token_of_software(token: str, library: str, *, software: bool) -> None:
    """Raise a usage error for a token that the software provider does not have."""
    if software and (token or library):
        raise click.UsageError("--software excludes --token and --library.")


def read_keys(
    invocation: Invocation, token: str, library: str, *, software: bool
) -> tuple[KeyOnToken, ...]:
    """The pairs of the store that the options name."""
    refuse_token_of_software(token, library, software=software)
    backend = invocation.backend
    if software:
        return backend.keys.software()
    found, identity = named_token(backend, token, library)
    return backend.keys.on_token(found.id, identity)


def choose_key(keys: tuple[KeyOnToken, ...], label: str, key_id: str) -> KeyOnToken:
    """The pair of that label and, where it is given, that id.

    Raises:
        NotFound: there is none.
        InvalidInput: several are meant; the remedy lists their ids.
    """
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
    return found[0]


def pair_record(description: KeyDescription) -> Record:
    """A pair by its own keys."""
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
    }


def key_record(key: KeyOnToken) -> Record:
    """A pair with its users and certificates."""
    return {
        **pair_record(key.description),
        "used_by": key.used_by,
        "certificates": [
            {
                "owner": each.owner,
                "serial": each.serial,
                "subject": each.subject,
                "not_before": each.not_before,
                "not_after": each.not_after,
                "state": each.state,
            }
            for each in key.certificates
        ],
        "certificate_until": max((each.not_after for each in key.certificates), default=None),
        "label_shared": key.label_shared,
        "retirable": not key.why_not_retired,
    }

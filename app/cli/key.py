"""`key`: key pairs in tokens and in the software store."""

from __future__ import annotations

import click

from app.cli.commands import DONE, UNDECIDED, Group, many, one
from app.cli.invocation import Invocation, pass_invocation
from app.cli.key_records import (
    KEY,
    PAIR,
    choose_key,
    id_option,
    key_record,
    label_option,
    pair_record,
    read_keys,
    refuse_token_of_software,
    software_option,
)
from app.cli.passwords import password_stdin, read_password
from app.cli.slot_choice import library_option, named_token, token_option
from app.domain.keys import KEY_BITS, KeyAlgorithm, KeySpec
from app.domain.libraries import SOFTWARE_PROVIDER

NEVER = "off"


@click.group("key", cls=Group)
def command() -> None:
    """Make, list, test, rename, retire and delete keys."""


@command.command("list", shape=many(**KEY))
@token_option
@library_option
@software_option
@pass_invocation
def list_keys(invocation: Invocation, token: str, library: str, software: bool) -> None:
    """List the key pairs of a token, what uses them, and until when."""
    keys = read_keys(invocation, token, library, software=software)
    records = [key_record(key) for key in keys]
    invocation.output.records(
        records,
        (
            ("Label", "label"),
            ("Algorithm", "algorithm"),
            ("Bits", "bits"),
            ("Id", "id"),
            ("Extractable", "extractable"),
            ("Used by", "used_by"),
            ("Certificate until", "certificate_until"),
        ),
        "There is no key pair.",
    )
    shared = sorted({key.description.locator.label for key in keys if key.label_shared})
    if shared and not invocation.output.json:
        names = ", ".join(f"“{label}”" for label in shared)
        invocation.output.note(f"Several keys have the label {names}: name them with --id.")


def _algorithm(_context: click.Context, _option: click.Parameter, text: str) -> KeyAlgorithm:
    try:
        return KeyAlgorithm(text.strip())
    except ValueError:
        choices = ", ".join(KeyAlgorithm)
        raise click.BadParameter(f"“{text}” is not one of {choices}.") from None


@command.command("generate", shape=one(**PAIR))
@click.option("--label", required=True, metavar="LABEL", help="Label of the new pair.")
@click.option(
    "--algorithm",
    required=True,
    metavar="ALG",
    callback=_algorithm,
    help="RSA, ECDSA_P256, ECDSA_P384, ECDSA_P521, Ed25519, or DSA, which is out of date.",
)
@click.option("--bits", type=int, metavar="N", help="Size of RSA and DSA keys; 2048 if left out.")
@click.option(
    "--officer",
    is_flag=True,
    help="Ask for the security officer's PIN too, where only he may generate keys.",
)
@token_option
@library_option
@software_option
@password_stdin
@pass_invocation
def generate(  # noqa: PLR0913 - one parameter per option
    invocation: Invocation,
    *,
    label: str,
    algorithm: KeyAlgorithm,
    bits: int | None,
    officer: bool,
    token: str,
    library: str,
    software: bool,
    password_stdin: bool,
) -> None:
    """Generate a key pair that cannot leave its token.

    The token is opened with the slot password of a registration.
    """
    refuse_token_of_software(token, library, software=software)
    spec = KeySpec(algorithm, bits or KEY_BITS[algorithm][0])
    backend = invocation.backend
    if software:
        provider, identity = SOFTWARE_PROVIDER, None
    else:
        found, identity = named_token(backend, token, library)
        provider = found.provider_name
    so_pin = None
    if officer:
        so_pin = read_password("Security officer's PIN", from_stdin=password_stdin)
    key = backend.keys.generate(provider, identity, spec, label, so_pin=so_pin)
    invocation.output.done(
        pair_record(key), f"Generated the {spec} key {key.locator.label} in {provider}."
    )


@command.command("rename", shape=one(**PAIR))
@label_option
@id_option
@click.option("--to", "new", required=True, metavar="LABEL", help="The new label.")
@token_option
@library_option
@software_option
@pass_invocation
def rename(  # noqa: PLR0913 - one parameter per option
    invocation: Invocation,
    *,
    label: str,
    key_id: str,
    new: str,
    token: str,
    library: str,
    software: bool,
) -> None:
    """Give a key pair another label; what uses it finds it as before."""
    key = choose_key(read_keys(invocation, token, library, software=software), label, key_id)
    renamed = invocation.backend.keys.rename(key.description.locator, new)
    invocation.output.done(
        pair_record(renamed), f"Renamed the key {label} to {renamed.locator.label}."
    )


@command.command(
    "test",
    shape=one(
        label="CKA_LABEL",
        signs="whether it made a signature that its public half verifies",
        milliseconds="duration of the signature",
        algorithm="how it signed, or empty",
        note="one sentence",
    ),
)
@label_option
@id_option
@token_option
@library_option
@software_option
@pass_invocation
def test(
    invocation: Invocation, *, label: str, key_id: str, token: str, library: str, software: bool
) -> int:
    """Have a key sign a random digest, and verify the signature.

    Exit code 3: it could not be tried, or its signature is wrong.
    """
    key = choose_key(read_keys(invocation, token, library, software=software), label, key_id)
    result = invocation.backend.keys.test(key.description.locator)
    invocation.output.record(
        {
            "label": label,
            "signs": result.signs,
            "milliseconds": round(result.milliseconds, 3),
            "algorithm": result.algorithm,
            "note": result.note,
        },
        (
            ("Key", "label"),
            ("Signs", "signs"),
            ("Milliseconds", "milliseconds"),
            ("Algorithm", "algorithm"),
            ("Note", "note"),
        ),
    )
    return DONE if result.signs else UNDECIDED


@command.command("delete", shape=one(**KEY))
@label_option
@id_option
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
    key = choose_key(read_keys(invocation, token, library, software=software), label, key_id)
    invocation.backend.keys.delete(
        key.description.locator, confirm_label=confirm, even_if_used=even_if_used
    )
    invocation.output.done(key_record(key), f"Deleted the key {label}.")


@command.command("retire", shape=one(**KEY))
@label_option
@id_option
@token_option
@library_option
@software_option
@pass_invocation
def retire(
    invocation: Invocation, *, label: str, key_id: str, token: str, library: str, software: bool
) -> None:
    """Delete a key pair whose certificates are all past.

    The records of the certificates stay. A key whose certificate is valid, or the current one of
    a CA or a revocation configuration, is refused.
    """
    key = choose_key(read_keys(invocation, token, library, software=software), label, key_id)
    invocation.backend.keys.retire(key.description.locator)
    invocation.output.done(key_record(key), f"Retired the key {label}.")


def _days(_context: click.Context, _argument: click.Parameter, text: str) -> int | None:
    if text.strip().casefold() == NEVER:
        return None
    if not text.strip().isdecimal():
        raise click.BadParameter(f"“{text}” is neither a number of days nor {NEVER}.")
    return int(text)


@command.command(
    "retire-after",
    shape=one(
        library="vendor name of the library",
        token="label of the token",  # noqa: S106 - the help of a key
        serial="serial of the token",
        retire_after_days="days after the end of the last certificate, null for never",
    ),
)
@click.argument("days", metavar="DAYS|off", callback=_days)
@token_option
@library_option
@pass_invocation
def retire_after(invocation: Invocation, days: int | None, token: str, library: str) -> None:
    """Choose whether keys of past certificates retire by themselves.

    They are looked for once a day while the service host runs, on this token only. Orphans are
    never touched. Every key that is retired stands in the event log.
    """
    found, identity = named_token(invocation.backend, token, library)
    settings = invocation.backend.keys.retire_after(found.id, identity, days)
    kept = settings.retire_after_days
    invocation.output.done(
        {
            "library": found.vendor,
            "token": identity.label,
            "serial": identity.serial,
            "retire_after_days": kept,
        },
        f"Keys on {identity.label} do not retire by themselves."
        if kept is None
        else f"Keys on {identity.label} retire {kept} days after the end of their certificates.",
    )

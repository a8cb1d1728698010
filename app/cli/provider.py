"""`provider`: key storage providers and legacy providers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from app.cli.arguments import choose_token
from app.cli.commands import Group, many, one
from app.cli.invocation import Invocation, pass_invocation
from app.cli.passwords import password_stdin, read_password

if TYPE_CHECKING:
    from app.cli.output import Record
    from app.services.security_library.legacy import LegacyRegistration

LEGACY = {
    "provider": "name of the legacy provider",
    "library": "vendor name of its library",
    "token": "label of the token whose password was tried, or null",
    "registered_at": "time, or null when it is not registered any more",
    "restart": "array of the services that run and have to be restarted",
}


@click.group("provider", cls=Group)
def command() -> None:
    """List key storage providers."""


@command.command(
    "list",
    shape=many(
        name="as commands take it: ALGORITHM#PROVIDER",
        provider="name of the provider",
        algorithm="key algorithm",
        kind="Key storage provider or Legacy provider",
        tokens="labels of the tokens that hold its keys",
        aliases="array of other names that requests may use",
        outdated="whether the algorithm is out of date",
    ),
)
@pass_invocation
def list_providers(invocation: Invocation) -> None:
    """List the providers with what the tokens of the registered slots can do."""
    providers = invocation.backend.providers
    records = [
        {
            "name": str(record.entry),
            "provider": record.entry.provider,
            "algorithm": record.entry.algorithm,
            "kind": record.kind,
            "tokens": [token.label for token in record.tokens],
            "aliases": list(record.aliases),
            "outdated": record.outdated,
        }
        for record in providers.records()
    ]
    columns = (
        ("Provider", "name"),
        ("Kind", "kind"),
        ("Tokens", "tokens"),
        ("Out of date", "outdated"),
    )
    invocation.output.records(records, columns, "There is no provider.")
    if not invocation.output.json:
        aliases = {record.entry.provider: record.aliases for record in providers.records()}
        for name, others in aliases.items():
            if others:
                invocation.output.note(f"{name} is also asked for as: {', '.join(others)}.")
    for library, problem in providers.problems():
        invocation.output.note(f"{library.vendor} is not listed in full: {problem}")


@command.command("register-legacy", shape=one(**LEGACY))
@click.argument("library", default="")
@click.option(
    "--token", default="", metavar="LABEL", help="Label or serial, where several are registered."
)
@password_stdin
@click.option("--no-password", is_flag=True, help="The token asks on its own PIN pad.")
@pass_invocation
def register_legacy(
    invocation: Invocation, library: str, token: str, password_stdin: bool, no_password: bool
) -> None:
    """Register the legacy provider of LIBRARY (vendor, number or path) with a partition's password.

    It offers RSA only. The password is tried once and not stored.
    """
    if password_stdin and no_password:
        raise click.UsageError("--password-stdin and --no-password exclude each other.")
    backend = invocation.backend
    found = backend.libraries.find(library)
    chosen = choose_token(backend.providers.legacy_tokens(found.id), token) if token else None
    pin = None if no_password else read_password("Partition password", from_stdin=password_stdin)
    made = backend.providers.register_legacy(found.id, pin, chosen)
    invocation.output.done(_record(made), f"Registered {made.provider}.", *_restart_sentences(made))


@command.command("unregister-legacy", shape=one(**LEGACY))
@click.argument("library", default="")
@pass_invocation
def unregister_legacy(invocation: Invocation, library: str) -> None:
    """List the legacy provider of LIBRARY (vendor, number or path) no more; its keys stay."""
    backend = invocation.backend
    made = backend.providers.unregister_legacy(backend.libraries.find(library).id)
    invocation.output.done(
        _record(made), f"Unregistered {made.provider}.", *_restart_sentences(made)
    )


def _record(made: LegacyRegistration) -> Record:
    return {
        "provider": made.provider,
        "library": made.library.vendor,
        "token": made.token.label if made.token is not None else None,
        "registered_at": made.library.legacy_at,
        "restart": list(made.restart),
    }


def _restart_sentences(made: LegacyRegistration) -> tuple[str, ...]:
    if not made.restart:
        return ("No service runs that would have to be restarted.",)
    names = " and ".join(f"“{name}”" for name in made.restart)
    return (f"Restart {names}: service stop NAME, then service start NAME.",)

"""`provider`: key storage providers."""

from __future__ import annotations

import click

from app.cli.commands import Group, many
from app.cli.invocation import Invocation, pass_invocation


@click.group("provider", cls=Group)
def command() -> None:
    """List key storage providers."""


@command.command(
    "list",
    shape=many(
        name="as commands take it: ALGORITHM#PROVIDER",
        provider="name of the provider",
        algorithm="key algorithm",
    ),
)
@pass_invocation
def list_providers(invocation: Invocation) -> None:
    """List the providers with what the tokens of the registered slots can do."""
    providers = invocation.backend.providers
    invocation.output.records(
        [
            {"name": str(entry), "provider": entry.provider, "algorithm": entry.algorithm}
            for entry in providers.entries()
        ],
        (("Provider", "name"),),
        "There is no provider.",
    )
    for library, problem in providers.problems():
        invocation.output.note(f"{library.vendor} is not listed in full: {problem}")

"""`ca template`: which templates a CA issues."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from app.cli.ca_options import ca_option
from app.cli.commands import Group, many
from app.cli.invocation import Invocation, pass_invocation
from app.domain.errors import NotFound

if TYPE_CHECKING:
    from app.domain.authorities import Authority

TEMPLATE = {"name": "name", "display_name": "display name", "version": "major.minor"}


@click.group("template", cls=Group)
def command() -> None:
    """Manage which certificate templates a CA issues."""


@command.command("list", shape=many(**TEMPLATE))
@ca_option
@pass_invocation
def list_templates(invocation: Invocation, ca_name: str) -> None:
    """List the templates that a CA issues."""
    _print(invocation, invocation.backend.authorities.find(ca_name))


@command.command("add", shape=many(**TEMPLATE))
@click.argument("names", metavar="NAME...", nargs=-1, required=True)
@ca_option
@pass_invocation
def add(invocation: Invocation, names: tuple[str, ...], ca_name: str) -> None:
    """Let a CA issue these templates from now on."""
    backend = invocation.backend
    authority = backend.authorities.find(ca_name)
    wanted = [backend.templates.get(name).name for name in names]
    _print(invocation, backend.authorities.add_template(authority.id, *wanted))


@command.command("remove", shape=many(**TEMPLATE))
@click.argument("names", metavar="NAME...", nargs=-1, required=True)
@ca_option
@pass_invocation
def remove(invocation: Invocation, names: tuple[str, ...], ca_name: str) -> None:
    """Let a CA issue these templates no longer; they stay as they are."""
    backend = invocation.backend
    authority = backend.authorities.find(ca_name)
    wanted = [backend.templates.get(name).name for name in names]
    for name in wanted:
        if name not in authority.templates:
            raise NotFound(f"{authority.name} does not issue the template “{name}”.")
    for name in wanted:
        authority = backend.authorities.remove_template(authority.id, name)
    _print(invocation, authority)


def _print(invocation: Invocation, authority: Authority) -> None:
    templates = [t for t in invocation.backend.templates.list() if t.name in authority.templates]
    invocation.output.records(
        [
            {
                "name": template.name,
                "display_name": template.display_name,
                "version": f"{template.major_version}.{template.minor_version}",
            }
            for template in templates
        ],
        (("Display name", "display_name"), ("Name", "name"), ("Version", "version")),
        f"{authority.name} issues no template.",
    )

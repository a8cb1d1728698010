"""`principal`: users, computers, service accounts and groups of the directory."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from app.cli.commands import Group, many, one
from app.cli.invocation import Invocation, pass_invocation
from app.domain.principals import PrincipalKind

if TYPE_CHECKING:
    from app.cli.output import Record
    from app.domain.principals import Principal

PRINCIPAL = {
    "account": "DOMAIN\\name",
    "kind": "user, computer, service account or group",
    "description": "free text",
    "members": "array of accounts, for a group",
    "builtin": "whether it cannot be removed",
}
KINDS = {kind.value.replace(" ", "-"): kind for kind in PrincipalKind}


@click.group("principal", cls=Group)
def command() -> None:
    """Manage users, computers, service accounts and groups."""


@command.command("list", shape=many(**PRINCIPAL))
@pass_invocation
def list_principals(invocation: Invocation) -> None:
    """List all principals, built-in ones first."""
    invocation.output.records(
        [_record(principal) for principal in invocation.backend.principals.list()],
        (("Account", "account"), ("Kind", "kind"), ("Description", "description")),
        "There is no principal.",
    )


@command.command("add", shape=one(**PRINCIPAL))
@click.argument("name")
@click.option(
    "--kind", required=True, type=click.Choice(list(KINDS), case_sensitive=False), help="Kind."
)
@click.option("--description", default="", metavar="TEXT", help="Free text.")
@pass_invocation
def add(invocation: Invocation, name: str, kind: str, description: str) -> None:
    r"""Add NAME or 'DOMAIN\NAME'."""
    principals = invocation.backend.principals
    principal = principals.add(principals.parse(name), KINDS[kind], description)
    invocation.output.done(_record(principal), f"Added the {principal.kind} {principal.account}.")


@command.command("remove", shape=one(**PRINCIPAL))
@click.argument("name")
@pass_invocation
def remove(invocation: Invocation, name: str) -> None:
    """Remove a principal that was added and that nothing needs."""
    principals = invocation.backend.principals
    principal = principals.find(name)
    principals.remove(principal.account)
    invocation.output.done(_record(principal), f"Removed {principal.account}.")


@command.command(
    "member", shape=one(**PRINCIPAL), context_settings={"ignore_unknown_options": True}
)
@click.argument("group")
@click.argument("changes", metavar="±NAME...", nargs=-1, required=True)
@pass_invocation
def member(invocation: Invocation, group: str, changes: tuple[str, ...]) -> None:
    """Put principals into GROUP with +NAME, or take them out with -NAME."""
    wrong = [text for text in changes if text[:1] not in {"+", "-"} or not text[1:]]
    if wrong:
        raise click.UsageError(f"“{wrong[0]}” is not + or - and a name.")
    principals = invocation.backend.principals
    changed = principals.find(group)
    for text in changes:
        change = principals.add_member if text.startswith("+") else principals.remove_member
        changed = change(changed.account, principals.parse(text[1:]))
    members = ", ".join(map(str, changed.members)) or "nobody"
    invocation.output.done(_record(changed), f"Members of {changed.account}: {members}.")


def _record(principal: Principal) -> Record:
    return {
        "account": str(principal.account),
        "kind": principal.kind,
        "description": principal.description,
        "members": [str(member) for member in principal.members],
        "builtin": principal.builtin,
    }

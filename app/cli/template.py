"""`template`: certificate templates."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from app.cli.arguments import account, fields, flag_words, rights
from app.cli.commands import Group, many, one
from app.cli.invocation import Invocation, pass_invocation
from app.cli.output import Section
from app.domain.principals import TemplateRight
from app.services.templates import DuplicateTemplate
from app.services.templates.fields import FIELD_NAMES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from app.cli.output import Record
    from app.domain.templates import Template

SUMMARY = {
    "name": "name",
    "display_name": "display name",
    "oid": "object identifier",
    "schema_version": "1 or above",
    "version": "major.minor",
    "builtin": "whether it is one of the templates of every home",
    "subject_type": "user, computer or ca",
    "validity": "period",
    "renewal": "period before the end",
}
TEMPLATE = {
    **SUMMARY,
    "algorithm": "key algorithm",
    "minimum_key_size": "bits",
    "providers": "array of providers that a request must use; empty for any",
    "request_hash": "hash of requests",
    "subject_source": "supply in the request, or build from directory information",
    "subject_format": "format of a built subject",
    "alternate_names": "array of alternate names of a built subject",
    "key_usage": "array of key usages",
    "application_policies": "array of object identifiers",
    "path_length": "of a CA template, or null",
    "publish_to_directory": "whether certificates are published",
    "ocsp_no_check": "OCSP No Revocation Checking",
    "no_revocation_information": "leave out CDP and OCSP",
    "manager_approval": "CA certificate manager approval",
    "renew_with_same_key": "whether renewal may keep the key",
    "permissions": "array: account, allow (array of read, write, enroll, autoenroll)",
}
LINES = tuple(
    (key.replace("_", " ").capitalize().replace("Oid", "OID").replace("Ocsp", "OCSP"), key)
    for key in TEMPLATE
    if key != "permissions"
)


def _summary(template: Template) -> dict[str, object]:
    return {
        "name": template.name,
        "display_name": template.display_name,
        "oid": template.oid,
        "schema_version": template.schema_version,
        "version": f"{template.major_version}.{template.minor_version}",
        "builtin": template.builtin,
        "subject_type": template.subject_type,
        "validity": str(template.validity),
        "renewal": str(template.renewal),
    }


def _record(template: Template) -> dict[str, object]:
    return {
        **_summary(template),
        "algorithm": template.algorithm,
        "minimum_key_size": template.minimum_key_size,
        "providers": list(template.providers),
        "request_hash": template.request_hash,
        "subject_source": template.subject_source,
        "subject_format": template.subject_format,
        "alternate_names": list(template.alternate_names),
        "key_usage": sorted(template.key_usage),
        "application_policies": list(template.application_policies),
        "path_length": template.path_length,
        "publish_to_directory": template.publish_to_directory,
        "ocsp_no_check": template.ocsp_no_check,
        "no_revocation_information": template.no_revocation_information,
        "manager_approval": template.manager_approval,
        "renew_with_same_key": template.renew_with_same_key,
        "permissions": _permissions(template),
    }


def _permissions(template: Template) -> Sequence[Record]:
    return [
        {"account": str(entry.account), "allow": flag_words(entry.allow)}
        for entry in template.permissions
    ]


@click.group("template", cls=Group)
def command() -> None:
    """Manage certificate templates."""


@command.command("list", shape=many(**SUMMARY))
@pass_invocation
def list_templates(invocation: Invocation) -> None:
    """List all templates."""
    invocation.output.records(
        [_summary(template) for template in invocation.backend.templates.list()],
        (
            ("Display name", "display_name"),
            ("Name", "name"),
            ("Schema", "schema_version"),
            ("Version", "version"),
            ("Validity", "validity"),
            ("Renewal", "renewal"),
        ),
        "There is no template.",
    )


@command.command("show", shape=one(**TEMPLATE))
@click.argument("name")
@pass_invocation
def show(invocation: Invocation, name: str) -> None:
    """Show all fields and permissions of a template."""
    template = invocation.backend.templates.get(name)
    invocation.output.record(
        _record(template),
        LINES,
        Section(
            "Permissions", _permissions(template), (("Account", "account"), ("Allow", "allow"))
        ),
    )


@command.command("duplicate", shape=one(**TEMPLATE))
@click.argument("name")
@click.option("--display-name", default="", metavar="TEXT", help="Else “Copy of …”.")
@click.option("--name", "new_name", default="", metavar="NAME", help="Else without its blanks.")
@pass_invocation
def duplicate(invocation: Invocation, name: str, display_name: str, new_name: str) -> None:
    """Copy a template under a new name, with an object identifier of its own."""
    copy = invocation.backend.templates.duplicate(
        DuplicateTemplate(source=name, display_name=display_name, name=new_name)
    )
    invocation.output.done(
        _record(copy), f"Made the template {copy.display_name} (name {copy.name})."
    )


@command.command(
    "set",
    shape=one(**TEMPLATE),
    epilog=f"Fields: {', '.join(FIELD_NAMES)}. Lists are separated by semicolons.",
)
@click.argument("name")
@click.argument("changes", metavar="FIELD=VALUE...", nargs=-1, required=True)
@pass_invocation
def set_fields(invocation: Invocation, name: str, changes: tuple[str, ...]) -> None:
    """Change fields of a template, such as validity="4 hours" renewal="1 hour"."""
    wanted = fields(changes)
    template = invocation.backend.templates.set_fields(name, wanted)
    invocation.output.done(
        _record(template),
        f"{template.display_name} has version {template.major_version}.{template.minor_version}.",
    )


@command.command("permit", shape=one(**TEMPLATE), context_settings={"ignore_unknown_options": True})
@click.argument("name")
@click.argument("principal")
@click.argument("changes", metavar="±RIGHT,...", nargs=-1, required=True)
@pass_invocation
def permit(invocation: Invocation, name: str, principal: str, changes: tuple[str, ...]) -> None:
    """Give PRINCIPAL permissions with +read,write,enroll,autoenroll or take them with -write."""
    add, remove = rights(changes, TemplateRight)
    backend = invocation.backend
    who = account(backend, principal)
    template = backend.templates.permit(name, who, add=add, remove=remove)
    allowed = next((e.allow for e in template.permissions if e.account.key == who.key), None)
    words = ", ".join(flag_words(allowed)) if allowed else "nothing"
    invocation.output.done(_record(template), f"{who} may on {template.display_name}: {words}.")


@command.command("delete", shape=one(**TEMPLATE))
@click.argument("name")
@pass_invocation
def delete(invocation: Invocation, name: str) -> None:
    """Delete a template that is not built in and that nothing uses."""
    template = invocation.backend.templates.get(name)
    invocation.backend.templates.delete(template.name)
    invocation.output.done(_record(template), f"Deleted the template {template.display_name}.")

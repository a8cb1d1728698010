"""`service`: log-on accounts and desired states of the services."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from app.cli.arguments import account
from app.cli.arguments import service as service_name
from app.cli.commands import Group, many, one
from app.cli.invocation import Invocation, pass_invocation

if TYPE_CHECKING:
    from app.cli.output import Record
    from app.domain.services import ServiceSettings

SERVICE = {
    "name": "name",
    "log_on_as": "account that it runs as",
    "started": "desired state; the console or `serve` follows it",
}


@click.group("service", cls=Group)
def command() -> None:
    """Manage the services' log-on accounts and desired states.

    NAME is “Certification Authority” or ca, “Online Responder” or ocsp.
    """


@command.command("list", shape=many(**SERVICE))
@pass_invocation
def list_services(invocation: Invocation) -> None:
    """List the services."""
    invocation.output.records(
        [_record(settings) for settings in invocation.backend.services.list()],
        (("Name", "name"), ("Started", "started"), ("Logs on as", "log_on_as")),
        "There is no service.",
    )


@command.command("set", shape=one(**SERVICE))
@click.argument("name")
@click.option("--log-on-as", required=True, metavar="ACCOUNT", help="Account to run as.")
@pass_invocation
def set_log_on(invocation: Invocation, name: str, log_on_as: str) -> None:
    """Let service NAME log on as another account."""
    backend = invocation.backend
    settings = backend.services.set_log_on(service_name(name), account(backend, log_on_as))
    invocation.output.done(_record(settings), f"{settings.name} logs on as {settings.log_on_as}.")


@command.command("start", shape=one(**SERVICE))
@click.argument("name")
@pass_invocation
def start(invocation: Invocation, name: str) -> None:
    """Let service NAME run; the console and `serve` follow."""
    settings = invocation.backend.services.start(service_name(name))
    invocation.output.done(_record(settings), f"{settings.name} is to run.")


@command.command("stop", shape=one(**SERVICE))
@click.argument("name")
@pass_invocation
def stop(invocation: Invocation, name: str) -> None:
    """Let service NAME stop; the console and `serve` follow."""
    settings = invocation.backend.services.stop(service_name(name))
    invocation.output.done(_record(settings), f"{settings.name} is to stop.")


def _record(settings: ServiceSettings) -> Record:
    return {
        "name": settings.name,
        "log_on_as": str(settings.log_on_as),
        "started": settings.started,
    }

"""`event`: the event log."""

from __future__ import annotations

import click

from app.cli.commands import Group, many
from app.cli.invocation import Invocation, pass_invocation

LARGEST = 1000


@click.group("event", cls=Group)
def command() -> None:
    """Read the event log."""


@command.command(
    "list",
    shape=many(
        id="number in the log",
        at="time",
        level="information, warning or error",
        source="area that it comes from",
        number="event id of AD CS or the Online Responder, or 0",
        message="what happened",
        account="who did it",
        subject="what it is about",
    ),
)
@click.option(
    "--limit",
    type=click.IntRange(1, LARGEST),
    metavar="N",
    default=50,
    show_default=True,
    help="How many of the newest.",
)
@pass_invocation
def list_events(invocation: Invocation, limit: int) -> None:
    """List the newest events, newest first."""
    invocation.output.records(
        [
            {
                "id": event.id,
                "at": event.at,
                "level": event.level,
                "source": event.source,
                "number": event.number,
                "message": event.message,
                "account": event.account,
                "subject": event.subject,
            }
            for event in invocation.backend.events.page(limit)
        ],
        (
            ("Time", "at"),
            ("Level", "level"),
            ("Id", "number"),
            ("Source", "source"),
            ("Message", "message"),
            ("Account", "account"),
        ),
        "There is no event yet.",
    )

"""`ca requests`, `issue`, `deny`, `revoke`, `unrevoke`: the database of a CA."""

from __future__ import annotations

import click

from app.cli.arguments import moment, reason
from app.cli.ca_options import REQUEST, ca_option, request_record
from app.cli.commands import Command, many, one
from app.cli.invocation import Invocation, pass_invocation
from app.domain.ids import RequestId
from app.domain.requests import Disposition, RequestQuery
from app.services.authority.revocation import RevokeCertificate

STATES = {
    "issued": Disposition.ISSUED,
    "pending": Disposition.PENDING,
    "failed": Disposition.FAILED,
    "denied": Disposition.DENIED,
    "revoked": Disposition.REVOKED,
}
COLUMNS = (
    ("Id", "request_id"),
    ("State", "disposition"),
    ("Serial number", "serial_number"),
    ("Common name", "common_name"),
    ("Template", "template"),
    ("Requester", "requester"),
    ("Valid to", "not_after"),
    ("Message", "message"),
)


@click.command("requests", cls=Command, shape=many(**REQUEST))
@click.option(
    "--state",
    "states",
    multiple=True,
    type=click.Choice(list(STATES), case_sensitive=False),
    help="Only requests in this state; repeatable.",
)
@click.option(
    "--search", default="", metavar="TEXT", help="Part of name, requester, serial or template."
)
@click.option(
    "--limit",
    type=click.IntRange(1),
    metavar="N",
    default=100,
    show_default=True,
    help="How many of the newest.",
)
@ca_option
@pass_invocation
def requests(
    invocation: Invocation, states: tuple[str, ...], search: str, limit: int, ca_name: str
) -> None:
    """List requests and certificates of a CA, newest first."""
    backend = invocation.backend
    query = RequestQuery(
        authority_id=backend.authorities.find(ca_name).id,
        dispositions=frozenset(STATES[state] for state in states),
        text=search,
    )
    ids = backend.enrollment.ids(query)
    rows = backend.enrollment.page(tuple(RequestId(number) for number in ids[:limit]))
    invocation.output.records(
        [request_record(row) for row in rows], COLUMNS, "There is no such request."
    )
    if len(ids) > limit and not invocation.output.json:
        invocation.output.note(f"These are the newest {limit} of {len(ids)}; see --limit.")


@click.command("issue", cls=Command, shape=one(**REQUEST))
@click.argument("request_id", metavar="ID", type=click.IntRange(1))
@pass_invocation
def issue(invocation: Invocation, request_id: int) -> None:
    """Issue the certificate of a pending or denied request."""
    row = invocation.backend.enrollment.issue(RequestId(request_id)).row
    invocation.output.done(
        request_record(row), f"Issued request {row.id}: serial number {row.serial_number}."
    )


@click.command("deny", cls=Command, shape=one(**REQUEST))
@click.argument("request_id", metavar="ID", type=click.IntRange(1))
@pass_invocation
def deny(invocation: Invocation, request_id: int) -> None:
    """Deny a pending request."""
    row = invocation.backend.enrollment.deny(RequestId(request_id))
    invocation.output.done(request_record(row), f"Denied request {row.id}.")


@click.command("revoke", cls=Command, shape=one(**REQUEST))
@click.argument("serial")
@click.option(
    "--reason",
    "reason_text",
    default="unspecified",
    show_default=True,
    metavar="REASON",
    help="Name, words of the console, or number: key-compromise, 'Key Compromise', 1.",
)
@click.option(
    "--effective", default="", metavar="TIME", help="ISO 8601, UTC without a zone; else now."
)
@ca_option
@pass_invocation
def revoke(
    invocation: Invocation, serial: str, reason_text: str, effective: str, ca_name: str
) -> None:
    """Revoke the certificate with the serial number SERIAL (hex).

    Reasons: unspecified, key-compromise, ca-compromise, affiliation-changed, superseded,
    cessation-of-operation, certificate-hold. Only certificate-hold can be taken back.
    """
    why = reason(reason_text)
    when = moment(effective) if effective else None
    backend = invocation.backend
    authority = backend.authorities.find(ca_name)
    row = backend.revocation.revoke(RevokeCertificate(authority.id, serial, why, when))
    invocation.output.done(request_record(row), f"Revoked {row.serial_number}: {why.label}.")


@click.command("unrevoke", cls=Command, shape=one(**REQUEST))
@click.argument("serial")
@ca_option
@pass_invocation
def unrevoke(invocation: Invocation, serial: str, ca_name: str) -> None:
    """Take the certificate with the serial number SERIAL (hex) off hold."""
    backend = invocation.backend
    authority = backend.authorities.find(ca_name)
    row = backend.revocation.unrevoke(authority.id, serial)
    invocation.output.done(request_record(row), f"{row.serial_number} is off hold.")


COMMANDS = (requests, issue, deny, revoke, unrevoke)

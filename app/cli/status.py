"""`status`: everything at a glance, with an exit code for monitoring."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from app.cli.commands import DONE, FAILED, UNDECIDED, Command, one
from app.cli.invocation import Invocation, pass_invocation
from app.cli.output import Section
from app.domain.status import LinkState, StepState

if TYPE_CHECKING:
    from collections.abc import Sequence

    from app.cli.output import Output, Record
    from app.domain.status import ConfigurationStatus, PathLink
    from app.services.backend import Backend

LINK_KEYS = (
    "name, state (ok, warning, bad, unchecked), subject, word, reason, likely_cause, fix_command"
)
LINK_COLUMNS = (
    ("Link", "name"),
    ("State", "state"),
    ("", "word"),
    ("What", "subject"),
    ("Reason", "reason"),
)
LINES = (
    ("Home", "home"),
    ("Security libraries", "libraries"),
    ("Disabled libraries", "disabled_libraries"),
    ("Registered slots", "slots"),
    ("Online responder at", "listens_at"),
    ("Slot passwords in", "passwords_in"),
)
AUTHORITY_COLUMNS = (
    ("Name", "name"),
    ("Started", "started"),
    ("Valid to", "not_after"),
    ("CRL valid to", "crl_next_update"),
    ("Templates", "templates"),
)
SERVICE_COLUMNS = (("Name", "name"), ("Started", "started"), ("Logs on as", "log_on_as"))
CONFIGURATION_COLUMNS = (("Name", "name"), ("Status", "headline"), ("State", "state"))
STEP_COLUMNS = (("Step", "title"), ("Fact", "fact"), ("Command", "command"))


def status_record(status: ConfigurationStatus) -> Record:
    """A configuration's status by its keys."""
    return {
        "name": status.name,
        "headline": status.headline,
        "working": is_working(status),
        "state": status.state,
        "checked_at": status.checked_at,
        "links": [_link_record(link) for link in status.links],
    }


def is_working(status: ConfigurationStatus) -> bool:
    """Whether clients get right answers now; a link that only warns does not hinder that."""
    return status.state not in {LinkState.BAD, LinkState.UNCHECKED}


def verdict(statuses: Sequence[ConfigurationStatus], output: Output) -> int:
    """The exit code for these; says on standard error why it is not 0."""
    if not statuses:
        output.note("There is no revocation configuration yet.")
        return UNDECIDED
    broken = [status for status in statuses if not is_working(status)]
    if not broken:
        return DONE
    link = broken[0].first_problem
    reason = f": {link.reason}" if link is not None and link.reason else "."
    output.note(
        f"Error: Revocation configurations that do not work: {len(broken)} of {len(statuses)}. "
        f"{broken[0].name}: {broken[0].headline}{reason}"
    )
    return FAILED


def _link_record(link: PathLink) -> Record:
    return {
        "name": link.name,
        "state": link.state,
        "subject": link.subject,
        "word": link.word,
        "reason": link.reason,
        "likely_cause": link.likely_cause,
        "fix_command": link.fix_command,
    }


@click.command(
    "status",
    cls=Command,
    shape=one(
        home="home folder",
        libraries="number of registered security libraries",
        disabled_libraries="array of the vendor names of those that are disabled",
        slots="number of registered slots",
        authorities="array: name, started, not_after, templates, crl_next_update",
        services="array: name, log_on_as, started",
        listens_at="host and port where the responder listens when it runs",
        passwords_in="where slot passwords are kept",
        passwords_in_file="whether that is the fallback file",
        configurations="array: name, headline, working, state, checked_at, links (array: "
        f"{LINK_KEYS})",
        next_steps="array: title, fact, command of what comes next in the integration",
    ),
)
@pass_invocation
def command(invocation: Invocation) -> int:
    """Say whether every revocation configuration is Working.

    Exit code 0: all are; 1: at least one is not; 3: there is none yet.
    """
    backend = invocation.backend
    statuses = backend.status.all()
    configurations = [status_record(status) for status in statuses]
    authorities = _authorities(backend)
    services = [
        {"name": each.name, "log_on_as": str(each.log_on_as), "started": each.started}
        for each in backend.services.list()
    ]
    next_steps = [
        {"title": step.title, "fact": step.fact, "command": step.command}
        for step in backend.checklist.steps()
        if step.state in {StepState.NEXT, StepState.ATTENTION}
    ]
    place, is_file = backend.slots.secret_place()
    address = backend.services.listen_address()
    libraries = backend.libraries.list()
    invocation.output.record(
        {
            "home": str(backend.home),
            "libraries": len(libraries),
            "disabled_libraries": [each.vendor for each in libraries if each.disabled_at],
            "slots": len(backend.slots.registered()),
            "authorities": authorities,
            "services": services,
            "listens_at": f"{address.host}:{address.port}",
            "passwords_in": place,
            "passwords_in_file": is_file,
            "configurations": configurations,
            "next_steps": next_steps,
        },
        LINES,
        Section("Certification authorities", authorities, AUTHORITY_COLUMNS),
        Section("Services", services, SERVICE_COLUMNS),
        Section("Revocation configurations", configurations, CONFIGURATION_COLUMNS),
        Section("Next", next_steps, STEP_COLUMNS),
    )
    return verdict(statuses, invocation.output)


def _authorities(backend: Backend) -> list[Record]:
    records: list[Record] = []
    for authority in backend.authorities.list():
        crl = backend.revocation.latest(authority.id)
        records.append(
            {
                "name": authority.name,
                "started": authority.started,
                "not_after": backend.enrollment.facts(authority.certificate).not_after,
                "templates": list(authority.templates),
                "crl_next_update": crl.next_update if crl is not None else None,
            }
        )
    return records

"""The path that a revocation configuration's status is drawn as, link by link."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from app.domain.ids import ConfigurationId


class LinkState(StrEnum):
    """State of one link, shown as icon, colour and word."""

    OK = "ok"
    WARNING = "warning"
    BAD = "bad"
    UNCHECKED = "unchecked"


class LinkName(StrEnum):
    """The links in their order."""

    CA_CERTIFICATE = "CA certificate"
    SIGNING_CERTIFICATE = "Signing certificate"
    HSM_KEY = "HSM key"
    REVOCATION_DATA = "Revocation data"
    ENDPOINT = "Endpoint"


class Fix(StrEnum):
    """What mends a link; a console offers it as one click, the command line names the command."""

    REGISTER_SLOT = "Register Slot…"
    ENROLL_SIGNING_CERTIFICATE = "Enroll Signing Certificate"
    RENEW_SIGNING_CERTIFICATE = "Renew Signing Certificate"
    PUBLISH_CRL = "Publish CRL"
    START_RESPONDER = "Start Online Responder"
    START_AUTHORITY = "Start Certification Authority"
    PUBLISH_TEMPLATE = "Issue Template"
    PERMIT_TEMPLATE = "Permit Enrollment"
    CHANGE_PIN = "Enter Slot Password…"


@dataclass(frozen=True, slots=True)
class PathLink:
    """One link of the path.

    Attributes:
        name: which link.
        state: its state.
        subject: what was looked at (a name, a slot, a URL), short.
        word: the state in one or two words, for example `Valid`, `Cannot be opened`.
        reason: one sentence; "" when all is well.
        likely_cause: one more sentence, or "".
        detail: technical lines to copy, or "".
        fix: what mends it; None when nothing is wrong or no single action does.
        fix_command: the command line that does the same as `fix`, or "".
    """

    name: LinkName
    state: LinkState
    subject: str
    word: str
    reason: str = ""
    likely_cause: str = ""
    detail: str = ""
    fix: Fix | None = None
    fix_command: str = ""


@dataclass(frozen=True, slots=True)
class ConfigurationStatus:
    """Status of one revocation configuration at one moment.

    `headline` is the text of the tool that administrators know: `Working` or
    `Bad signing certificate on Array Controller`, followed by the reason of the first bad link.
    """

    configuration_id: ConfigurationId
    name: str
    checked_at: datetime
    headline: str
    links: tuple[PathLink, ...]

    @property
    def state(self) -> LinkState:
        """The worst state of the links."""
        states = {link.state for link in self.links}
        order = (LinkState.BAD, LinkState.WARNING, LinkState.UNCHECKED)
        return next((state for state in order if state in states), LinkState.OK)

    @property
    def first_problem(self) -> PathLink | None:
        """The first link that is bad, else the first with a warning."""
        for state in (LinkState.BAD, LinkState.WARNING):
            for link in self.links:
                if link.state is state:
                    return link
        return None


@dataclass(frozen=True, slots=True)
class ResponderCounters:
    """What the responder has done since it started; polled, never pushed.

    `started_at` is None while it is stopped; `last_error` is one sentence or "".
    """

    started_at: datetime | None
    address: str
    requests: int
    answered_from_cache: int
    signed: int
    refused: int
    last_error: str


class StepState(StrEnum):
    """State of one step of the integration checklist."""

    DONE = "done"
    NEXT = "next"
    LATER = "later"
    ATTENTION = "attention"


@dataclass(frozen=True, slots=True)
class ChecklistStep:
    """One step of the guide as the Overview shows it.

    `action` is the id of the console action that does it (see the actions of the window), `command`
    the command line that does the same, `fact` what is there already or why it is not done.
    """

    key: str
    title: str
    state: StepState
    fact: str
    action: str
    command: str


@dataclass(frozen=True, slots=True)
class TimelineRow:
    """One bar of a validity timeline; `renew_at` is drawn as a mark."""

    label: str
    not_before: datetime
    not_after: datetime
    renew_at: datetime | None
    state: LinkState

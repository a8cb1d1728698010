"""What the Overview shows, read from the services; Qt-free, for task threads."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from app.domain.authorities import Authority, Crl
from app.domain.ids import ConfigurationId
from app.domain.libraries import SlotRegistration
from app.domain.responder import SignerState, SigningCertificate, SigningFlag
from app.domain.services import ListenAddress, ServiceName, ServiceSettings
from app.domain.status import ChecklistStep, LinkState, StepState
from app.gui.formats import local_time, span
from app.gui.panels.certification_authority import node_key
from app.gui.panels.online_responder.keys import configuration_key
from app.gui.panels.online_responder.status_rows import StatusRow
from app.services.responder.signing import renewal_time

if TYPE_CHECKING:
    from app.domain.status import ConfigurationStatus
    from app.services.backend import Backend

_SOON = timedelta(hours=12)


@dataclass(frozen=True, slots=True)
class SignerFacts:
    """The signing certificate of one configuration; `renew_at` is None without its template."""

    configuration_id: ConfigurationId
    name: str
    signer: SigningCertificate | None
    renew_at: datetime | None
    automatic: bool


@dataclass(frozen=True, slots=True)
class OverviewFacts:
    """One look at the records of the home."""

    now: datetime
    steps: tuple[ChecklistStep, ...]
    responder: ServiceSettings
    address: ListenAddress
    authorities: tuple[tuple[Authority, Crl | None], ...]
    signers: tuple[SignerFacts, ...]
    registrations: tuple[SlotRegistration, ...]

    @property
    def done(self) -> int:
        """How many steps of the guide are done."""
        return sum(step.state is StepState.DONE for step in self.steps)


def overview_facts(backend: Backend) -> OverviewFacts:
    """Read the database only; no token and no network is asked."""
    return OverviewFacts(
        now=backend.clock.now(),
        steps=backend.checklist.steps(),
        responder=backend.services.get(ServiceName.ONLINE_RESPONDER),
        address=backend.services.listen_address(),
        authorities=tuple(
            (authority, backend.revocation.latest(authority.id))
            for authority in backend.authorities.list()
        ),
        signers=_signers(backend),
        registrations=backend.slots.registered(),
    )


def _signers(backend: Backend) -> tuple[SignerFacts, ...]:
    templates = {template.name: template for template in backend.templates.list()}
    found = []
    for configuration in backend.responder.list():
        signers = backend.responder.signers(configuration.id)
        current = next((each for each in signers if each.state is SignerState.CURRENT), None)
        template = templates.get(configuration.template)
        found.append(
            SignerFacts(
                configuration.id,
                configuration.name,
                current,
                renewal_time(current, template) if current is not None else None,
                SigningFlag.AUTO_ENROLL in configuration.signing_flags,
            )
        )
    return tuple(found)


# --- as lines -------------------------------------------------------------------------------------


def configuration_lines(statuses: tuple[ConfigurationStatus, ...]) -> list[StatusRow]:
    """Each configuration with its headline and the reason of its first problem."""
    lines = []
    for status in statuses:
        problem = status.first_problem
        lines.append(
            StatusRow(
                configuration_key(status.configuration_id),
                status.name,
                status.state,
                status.headline,
                reason=problem.reason if problem is not None else "",
            )
        )
    return lines


def authority_lines(facts: OverviewFacts) -> list[StatusRow]:
    """Each CA with when its next CRL is due."""
    lines = []
    for authority, crl in facts.authorities:
        state, text, reason = LinkState.OK, "", ""
        if crl is None:
            state, reason = LinkState.WARNING, "It has published no CRL."
        elif crl.next_update <= facts.now:
            state, reason = LinkState.WARNING, "Its CRL has expired."
        else:
            text = f"CRL {crl.number} · next update in {span(crl.next_update - facts.now)}"
        if not authority.started:
            state, reason = LinkState.WARNING, "It is stopped: no certificates, no CRLs."
        lines.append(
            StatusRow(node_key(authority.id), authority.name, state, reason=reason or text)
        )
    return lines


def signer_lines(facts: OverviewFacts) -> list[StatusRow]:
    """Each signing certificate with when it is renewed."""
    return [_signer_line(each, facts.now) for each in facts.signers]


def _signer_line(each: SignerFacts, now: datetime) -> StatusRow:
    key = configuration_key(each.configuration_id)
    if each.signer is None:
        return StatusRow(
            key, each.name, LinkState.BAD, reason="No signing certificate is enrolled."
        )
    ends = local_time(each.signer.not_after, zone=False)
    if each.signer.not_after <= now:
        return StatusRow(key, each.name, LinkState.BAD, reason=f"It expired at {ends}.")
    if not each.automatic:
        return StatusRow(key, each.name, LinkState.OK, reason=f"Valid to {ends}; renewed by hand")
    if each.renew_at is None or each.renew_at <= now:
        return StatusRow(key, each.name, LinkState.WARNING, reason=f"Renewal is due; ends {ends}.")
    renews = local_time(each.renew_at, zone=False)
    return StatusRow(
        key,
        each.name,
        LinkState.OK,
        reason=f"Renews itself {renews}, in {span(each.renew_at - now)}",
    )


def slot_lines(facts: OverviewFacts) -> list[StatusRow]:
    """Each token with the accounts that it is registered for."""
    tokens: dict[tuple[int, str], list[SlotRegistration]] = {}
    for row in facts.registrations:
        tokens.setdefault((row.library_id, row.token.serial), []).append(row)
    lines = []
    for rows in tokens.values():
        refused = [row for row in rows if row.pin_refused_at is not None]
        accounts = ", ".join(str(row.account) for row in rows)
        lines.append(
            StatusRow(
                "security_library/slots",
                rows[0].token.label,
                LinkState.BAD if refused else LinkState.OK,
                reason=f"The token refused the password of {refused[0].account}."
                if refused
                else f"Registered for {accounts}",
            )
        )
    return lines


def shell_command(text: str) -> str:
    """A command as a shell takes it: with straight quotation marks."""
    return text.replace("\N{LEFT DOUBLE QUOTATION MARK}", '"').replace(
        "\N{RIGHT DOUBLE QUOTATION MARK}", '"'
    )

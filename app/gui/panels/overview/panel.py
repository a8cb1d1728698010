"""The page Overview: the guide's steps at the left, the state of everything at the right."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QBoxLayout, QHBoxLayout, QVBoxLayout

from app.domain.status import LinkState
from app.gui.actions import ActionSpec
from app.gui.panel import Panel
from app.gui.panels.online_responder.actions import ResponderActions
from app.gui.panels.online_responder.activity import POLL_MS, Activity
from app.gui.panels.online_responder.keys import CONFIGURATIONS, RESPONDER, configuration_key
from app.gui.panels.online_responder.status_rows import StatusRows
from app.gui.panels.overview.checklist import ChecklistCard
from app.gui.panels.overview.facts import (
    authority_lines,
    configuration_lines,
    overview_facts,
    signer_lines,
    slot_lines,
)
from app.gui.panels.overview.steps import VERBS, StepActions
from app.gui.panels.services.control import responder_state
from app.gui.theme import Space
from app.gui.watch import Watch
from app.gui.widgets.banner import InlineBanner
from app.gui.widgets.basics import Card, ElidedLabel, button
from app.gui.widgets.state_badge import StateBadge

if TYPE_CHECKING:
    from collections.abc import Sequence

    from PySide6.QtGui import QResizeEvent

    from app.domain.errors import SealkeeperError
    from app.domain.services import HostControl
    from app.domain.status import ConfigurationStatus
    from app.gui.panel import Console
    from app.gui.panels.overview.facts import OverviewFacts
    from app.services.backend import Backend

_SIDE_BY_SIDE = 760


class OverviewPanel(Panel):
    """What is set up, what comes next, and how it is doing."""

    def __init__(self, console: Console, backend: Backend, host: HostControl) -> None:
        super().__init__(console, "Overview", name="overview_panel")
        self._host = host
        self._facts: OverviewFacts | None = None
        self._statuses: tuple[ConfigurationStatus, ...] | None = None
        self._steps = StepActions(self, console, backend, host)
        self._steps.done.connect(self.refresh)
        self._responder = ResponderActions(self, backend, host, self.refresh)
        self.banner = InlineBanner("overview_banner")
        self.checklist = ChecklistCard(VERBS)
        self.checklist.wanted.connect(self._steps.do)
        self.responder_badge = StateBadge()
        self.address = ElidedLabel("", "muted")
        self.activity = Activity(host.counters, "overview_activity")
        self._rows = self._make_rows(console)
        self._columns = QHBoxLayout()
        self._build(console)
        words, look = self.tr("Looking at the home"), partial(overview_facts, backend)
        self._records: Watch[OverviewFacts] = Watch(
            self, console.tasks, words, look, self._show, self._failed
        )
        self._checks: Watch[tuple[ConfigurationStatus, ...]] = Watch(
            self,
            console.tasks,
            self.tr("Checking the configurations"),
            backend.status.all,
            self._show_statuses,
            self._failed,
        )
        self._poll = QTimer(self)
        self._poll.setInterval(POLL_MS)
        self._poll.timeout.connect(self._show_responder)

    def _make_rows(self, console: Console) -> dict[str, StatusRows]:
        tr = self.tr
        texts = {
            "configurations": tr("None yet: the responder answers for no CA."),
            "authorities": tr("None yet. A CA issues the certificates that are asked about."),
            "signers": tr("None yet. They are enrolled with a revocation configuration."),
            "slots": tr("None yet. Register the slot that will hold the keys."),
        }
        return {
            key: StatusRows(f"overview_{key}", console.navigate, text)
            for key, text in texts.items()
        }

    def _build(self, console: Console) -> None:
        responder = Card(self.tr("Online Responder"))
        open_page = partial(console.navigate, RESPONDER)
        responder.head.addWidget(
            button(self.tr("Open"), "overview_open_responder", open_page, look="link")
        )
        line = QHBoxLayout()
        line.setSpacing(Space.M)
        line.addWidget(self.responder_badge)
        line.addWidget(self.address, 1)
        responder.body.addLayout(line)
        responder.body.addWidget(self.activity)
        side = QVBoxLayout()
        side.setSpacing(Space.L - 2)
        side.addWidget(responder)
        for key, title in (
            ("configurations", self.tr("Revocation configurations")),
            ("authorities", self.tr("Certification authorities")),
            ("signers", self.tr("Signing certificates")),
            ("slots", self.tr("HSM slots")),
        ):
            card = Card(title)
            card.body.addWidget(self._rows[key])
            side.addWidget(card)
        side.addStretch(1)
        self._columns.setSpacing(Space.L - 2)
        self._columns.addWidget(self.checklist, 11)
        self._columns.addLayout(side, 9)
        self.body.addWidget(self.banner)
        self.body.addLayout(self._columns)
        self.body.addStretch(1)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """In a narrow window the cards go below the checklist."""
        super().resizeEvent(event)
        wide = self.width() >= _SIDE_BY_SIDE
        self._columns.setDirection(
            QBoxLayout.Direction.LeftToRight if wide else QBoxLayout.Direction.TopToBottom
        )

    # --- showing ------------------------------------------------------------------------------

    def activated(self) -> None:
        self._records.start()
        self._checks.start()
        self.activity.start()
        self._poll.start()

    def deactivated(self) -> None:
        self._records.stop()
        self._checks.stop()
        self.activity.stop()
        self._poll.stop()

    def refresh(self) -> None:
        self._records.look()
        self._checks.look()

    def _failed(self, error: SealkeeperError) -> None:
        self.banner.show_error(error)

    def _show(self, facts: OverviewFacts) -> None:
        self._facts = facts
        self._responder.wanted = facts.responder.started
        self.checklist.show_steps(facts.steps)
        self._rows["authorities"].show_rows(authority_lines(facts))
        self._rows["signers"].show_rows(signer_lines(facts))
        self._rows["slots"].show_rows(slot_lines(facts))
        if facts.done:
            self.banner.hide()
        else:
            self.banner.show_message(
                None,
                self.tr(
                    "Welcome. {count} steps lead from a bare token to a verified answer."
                ).format(count=len(facts.steps)),
                self.tr("Begin with the security library that came with your HSM."),
            )
        self._show_responder()
        self._show_header()
        self.actions_changed.emit()

    def _show_statuses(self, statuses: tuple[ConfigurationStatus, ...]) -> None:
        self._statuses = statuses
        self._rows["configurations"].show_rows(configuration_lines(statuses))
        for status in statuses:
            self.console.set_node_state(configuration_key(status.configuration_id), status.state)
        self._show_header()

    def _show_header(self) -> None:
        """The guide's progress until it is through, then the worst of the configurations."""
        facts = self._facts
        if facts is None:
            return
        if facts.done < len(facts.steps):
            word = self.tr("{done} of {all} steps done").format(
                done=facts.done, all=len(facts.steps)
            )
            self.set_header(state=LinkState.UNCHECKED, word=word)
            return
        if not self._statuses:
            return
        order = (LinkState.BAD, LinkState.WARNING, LinkState.UNCHECKED, LinkState.OK)
        worst = min(self._statuses, key=lambda status: order.index(status.state))
        self.set_header(state=worst.state, word=worst.headline, checked_at=worst.checked_at)

    def _show_responder(self) -> None:
        if self._facts is None:
            return
        host = self._host.state()
        state, word, why = responder_state(host, self._host.counters(), self._facts.responder)
        self.responder_badge.set_state(state, word)
        address = (host.address or self._facts.address).authority
        self.address.set_text(why or f"http://{address}/ocsp")

    # --- actions ------------------------------------------------------------------------------

    def actions(self) -> Sequence[ActionSpec]:  # type: ignore[override]  # ours are data, not Qt's
        go = partial(self.console.navigate, CONFIGURATIONS)
        group = self.tr("Overview")
        return (
            ActionSpec(
                "overview.configurations",
                self.tr("Revocation Configurations"),
                "revocation",
                group,
                go,
            ),
            *self._responder.specs(),
        )

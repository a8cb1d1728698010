"""The page Online Responder: status of all configurations, how busy it is, where it listens."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QHBoxLayout

from app.domain.status import LinkState
from app.gui.formats import local_time
from app.gui.panel import Panel
from app.gui.panels.online_responder.actions import ResponderActions
from app.gui.panels.online_responder.activity import POLL_MS, Activity
from app.gui.panels.online_responder.facts import responder_facts
from app.gui.panels.online_responder.keys import configuration_key
from app.gui.panels.online_responder.status_rows import StatusRow, StatusRows
from app.gui.panels.services.control import responder_state
from app.gui.theme import Space
from app.gui.watch import Watch
from app.gui.widgets.banner import InlineBanner
from app.gui.widgets.basics import Card, EmptyState
from app.gui.widgets.key_values import Fact, KeyValueGrid

if TYPE_CHECKING:
    from collections.abc import Sequence

    from app.domain.errors import SealkeeperError
    from app.domain.services import HostControl, HostState
    from app.domain.status import ResponderCounters
    from app.gui.actions import ActionSpec
    from app.gui.panel import Console
    from app.gui.panels.online_responder.facts import ConfigurationRow, ResponderFacts
    from app.services.backend import Backend


def status_row(row: ConfigurationRow) -> StatusRow:
    """A configuration as a line of the status box."""
    return StatusRow(
        key=configuration_key(row.configuration.id),
        name=row.configuration.name,
        state=row.status.state,
        word=row.status.headline,
        text=row.authority,
        reason=row.problem,
    )


class ResponderPanel(Panel):
    """The online responder of this home."""

    def __init__(self, console: Console, backend: Backend, host: HostControl) -> None:
        title = f"Online Responder: {backend.directory.host}"
        super().__init__(console, title, name="responder_panel")
        self._backend, self._host = backend, host
        self._facts: ResponderFacts | None = None
        self._actions = ResponderActions(self, backend, host, self.refresh)
        self.banner = InlineBanner("responder_banner")
        self.rows = StatusRows("responder_status", console.navigate, "")
        self.empty = EmptyState(
            "revocation",
            self.tr("No revocation configuration yet: the responder answers for no CA."),
            self.tr("Add Revocation Configuration…"),
            self._actions.add,
            name="responder_empty",
        )
        self.activity = Activity(host.counters, "responder_activity")
        self.grid = KeyValueGrid()
        self._build()
        self._watch: Watch[ResponderFacts] = Watch(
            self,
            console.tasks,
            self.tr("Looking at the responder"),
            partial(responder_facts, backend),
            self._show,
            self._failed,
        )
        self._poll = QTimer(self)
        self._poll.setInterval(POLL_MS)
        self._poll.timeout.connect(self._show_state)

    def _build(self) -> None:
        box = Card(self.tr("Revocation Configuration Status"))
        box.body.addWidget(self.rows)
        box.body.addWidget(self.empty)
        self.empty.hide()
        answers = Card(self.tr("Answers"))
        answers.body.addWidget(self.activity)
        answers.body.addStretch(1)
        service = Card(self.tr("Service"))
        service.body.addWidget(self.grid)
        service.body.addStretch(1)
        row = QHBoxLayout()
        row.setSpacing(Space.L - 2)
        row.addWidget(answers, 1)
        row.addWidget(service, 1)
        self.body.addWidget(self.banner)
        self.body.addWidget(box)
        self.body.addLayout(row)
        self.body.addStretch(1)

    # --- showing ------------------------------------------------------------------------------

    def activated(self) -> None:
        self._watch.start()
        self.activity.start()
        self._poll.start()
        self._show_state()

    def deactivated(self) -> None:
        self._watch.stop()
        self.activity.stop()
        self._poll.stop()

    def refresh(self) -> None:
        self._watch.look()

    def _show(self, facts: ResponderFacts) -> None:
        self._facts = facts
        self._actions.wanted = facts.settings.started
        self.rows.show_rows([status_row(row) for row in facts.rows])
        self.rows.setVisible(bool(facts.rows))
        self.empty.setVisible(not facts.rows)
        for row in facts.rows:
            self.console.set_node_state(configuration_key(row.configuration.id), row.status.state)
        self._show_state()
        self.actions_changed.emit()

    def _failed(self, error: SealkeeperError) -> None:
        self.banner.show_error(error)

    def _show_state(self) -> None:
        """The state of the host, which is cheap to ask, twice a second."""
        counters, host = self._host.counters(), self._host.state()
        facts = self._facts
        state, word, why = responder_state(host, counters, facts.settings if facts else None)
        if (state, word) != (self.state, self.word):
            self.set_header(state=state, word=word)
            self.actions_changed.emit()
        if state is LinkState.OK and not why:
            self.banner.hide()
        else:
            start = None
            if state is LinkState.BAD:
                start = (self.tr("Start"), self._actions.start)
            self.banner.show_message(None if state is LinkState.OK else state, why, action=start)
        self._show_service(host, counters)

    def _show_service(self, host: HostState, counters: ResponderCounters) -> None:
        if self._facts is None:
            return
        address = (host.address or self._facts.address).authority
        started = local_time(counters.started_at) if counters.started_at else "\N{EN DASH}"
        facts = [
            Fact(self.tr("Responder address"), f"http://{address}/ocsp"),
            Fact(self.tr("CRLs and CA certificates"), f"http://{address}/CertEnroll/"),
            Fact(self.tr("Log on as"), str(self._facts.settings.log_on_as)),
            Fact(self.tr("Started"), started),
        ]
        if counters.last_error:
            facts.append(Fact(self.tr("Last error"), counters.last_error))
        self.grid.set_facts(facts)

    # --- actions ------------------------------------------------------------------------------

    def actions(self) -> Sequence[ActionSpec]:  # type: ignore[override]  # ours are data, not Qt's
        return self._actions.specs()

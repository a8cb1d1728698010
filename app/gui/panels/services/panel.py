"""The page Services: state, log-on account, start, stop, restart."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from app.domain.services import ServiceName
from app.domain.status import LinkState
from app.gui.actions import ActionSpec
from app.gui.panel import Panel
from app.gui.panels.services.control import (
    log_on_accounts,
    restart_service,
    service_rows,
    start_service,
    stop_service,
)
from app.gui.panels.services.log_on_dialog import LogOnDialog
from app.gui.table_view import TableCard, TableView, fit_rows
from app.gui.tables import Column, ListTableModel
from app.gui.watch import Watch
from app.gui.widgets.banner import InlineBanner
from app.gui.widgets.key_values import DetailPane, Fact

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from app.domain.errors import SealkeeperError
    from app.domain.principals import Principal
    from app.domain.services import HostControl
    from app.gui.panel import Console
    from app.gui.panels.services.control import ServiceRow
    from app.services.backend import Backend

DESCRIPTIONS = {
    ServiceName.CERTIFICATION_AUTHORITY: "Issues certificates and CRLs",
    ServiceName.ONLINE_RESPONDER: "Answers OCSP requests",
}
_LOOK_SECONDS = 2.0


def slot_words(row: ServiceRow) -> str:
    """The slots that the service's account may open."""
    return ", ".join(dict.fromkeys(slot.token.label for slot in row.own_slots)) or "none"


def columns() -> tuple[Column[ServiceRow], ...]:
    """The columns of the list."""
    return (
        Column(
            "service",
            "Service",
            lambda row: str(row.settings.name),
            icon=lambda row: (
                "responder"
                if row.settings.name is ServiceName.ONLINE_RESPONDER
                else "authority"
            ),
            width=186,
        ),
        Column(
            "description", "Description", lambda row: DESCRIPTIONS[row.settings.name],
            width=150, stretch=True,
        ),
        Column("state", "Status", lambda row: row.word, state=lambda row: row.state, width=126),
        Column("account", "Log on as", lambda row: row.account_words, width=130),
        Column("slots", "Registered slot", slot_words, width=120),
    )  # fmt: skip


class ServicesPanel(Panel):
    """The two services."""

    def __init__(self, console: Console, backend: Backend, host: HostControl) -> None:
        super().__init__(console, "Services", scroll=False, name="services_panel")
        self._backend, self._host = backend, host
        self._model = ListTableModel(columns(), identity=lambda row: row.settings.name)
        self.view = TableView(self._model, "services_table", self.tr("Services"))
        self.view.set_actions(self.actions)
        self.view.row_selected.connect(self._selected)
        self.view.row_activated.connect(lambda _row: self.edit())
        self.banner = InlineBanner("services_banner")
        self.detail = DetailPane(self.tr("Select a service to see which slots its account has."))
        self.body.addWidget(self.banner)
        self.body.addWidget(TableCard(self.tr("Services of this home"), self.view), 0)
        self.body.addWidget(self.detail)
        self.body.addStretch(1)
        self._watch: Watch[tuple[ServiceRow, ...]] = Watch(
            self,
            console.tasks,
            self.tr("Loading services"),
            partial(service_rows, backend, host),
            self._show,
            self._failed,
            seconds=_LOOK_SECONDS,
        )

    # --- showing ------------------------------------------------------------------------------

    def activated(self) -> None:
        self._watch.start()

    def deactivated(self) -> None:
        self._watch.stop()

    def refresh(self) -> None:
        self._watch.look()

    def _show(self, rows: tuple[ServiceRow, ...]) -> None:
        first = self._model.rowCount() == 0
        self.banner.hide()
        self._model.set_rows(rows)
        fit_rows(self.view)
        if first and rows:
            self.view.select_id(rows[-1].settings.name)
        self._selected(self.view.selected_row())

    def _failed(self, error: SealkeeperError) -> None:
        self.banner.show_error(error)

    def _selected(self, row: ServiceRow | None) -> None:
        self.actions_changed.emit()
        if row is None:
            self.detail.clear()
            return
        others = dict.fromkeys(f"{slot.account} ({slot.token.label})" for slot in row.registrations)
        facts = [
            Fact(self.tr("Log on as"), str(row.settings.log_on_as)),
            Fact(self.tr("Wanted state"), "started" if row.settings.started else "stopped"),
            Fact(
                self.tr("Registered slot"),
                slot_words(row),
                state=None if row.own_slots or not others else LinkState.WARNING,
            ),
            Fact(self.tr("Accounts with a slot"), "\n".join(others) or self.tr("none yet")),
        ]
        if row.why:
            facts.append(Fact(self.tr("Why"), row.why))
        note = self.tr("A service opens keys with the slots that are registered for its account.")
        facts.append(Fact(self.tr("Note"), note))
        self.detail.show_details(str(row.settings.name), facts, row.state, row.word)

    # --- actions ------------------------------------------------------------------------------

    def actions(self) -> Sequence[ActionSpec]:  # type: ignore[override]  # ours are data, not Qt's
        row: ServiceRow | None = self.view.selected_row()
        none = "" if row is not None else self.tr("Select a service first.")
        group = str(row.settings.name) if row is not None else self.tr("Service")
        start, stop = none, none
        if row is not None:
            if not row.can_start:
                start = stop = row.why
            elif row.started:
                start = self.tr("It is started already.")
            else:
                stop = self.tr("It is stopped already.")
        specs = (
            ("start", self.tr("Start"), "play", start, self.start),
            ("stop", self.tr("Stop"), "stop", stop, self.stop),
            ("restart", self.tr("Restart"), "restart", stop, self.restart),
            ("properties", self.tr("Properties…"), "settings", none, self.edit),
        )
        return tuple(
            ActionSpec(f"service.{key}", text, icon, group, call, why_not=why)
            for key, text, icon, why, call in specs
        )

    def start(self) -> None:
        """Start the selected service."""
        self._do(self.tr("Starting {name}"), start_service, self._backend, self._host)

    def stop(self) -> None:
        """Stop the selected service."""
        self._do(self.tr("Stopping {name}"), stop_service, self._backend)

    def restart(self) -> None:
        """Stop and start the selected service."""
        self._do(self.tr("Restarting {name}"), restart_service, self._backend, self._host)

    def _do(self, words: str, function: Callable[..., None], *arguments: object) -> None:
        row: ServiceRow | None = self.view.selected_row()
        if row is not None:
            name = row.settings.name
            self.run(
                words.format(name=name),
                function,
                *arguments,
                name,
                done=lambda _none: self.refresh(),
            )

    def edit(self) -> None:
        """Open the properties of the selected service."""
        row: ServiceRow | None = self.view.selected_row()
        if row is not None:
            self.run(
                self.tr("Loading accounts"),
                log_on_accounts,
                self._backend,
                done=partial(self._open_properties, row),
                quiet=True,
            )

    def _open_properties(self, row: ServiceRow, accounts: tuple[Principal, ...]) -> None:
        dialog = LogOnDialog(self.console, self._backend, row, accounts)
        dialog.completed.connect(lambda _settings: self.refresh())
        dialog.open()

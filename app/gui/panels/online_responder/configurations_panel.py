"""The page Revocation Configuration: the list of all of them."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING

from app.gui.actions import ActionSpec
from app.gui.formats import local_time, span
from app.gui.panel import Panel
from app.gui.panels.online_responder.actions import ResponderActions
from app.gui.panels.online_responder.facts import configuration_rows
from app.gui.panels.online_responder.keys import configuration_key
from app.gui.table_view import TableCard, TableView
from app.gui.tables import Column, ListTableModel
from app.gui.watch import Watch
from app.gui.widgets.basics import EmptyState
from app.gui.widgets.confirm_dialog import ConfirmDialog
from app.gui.widgets.key_values import DetailPane, Fact

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from app.domain.errors import SealkeeperError
    from app.domain.services import HostControl
    from app.gui.panel import Console
    from app.gui.panels.online_responder.facts import ConfigurationRow
    from app.services.backend import Backend


def valid_to(row: ConfigurationRow) -> str:
    """When the signing certificate ends."""
    return local_time(row.signer.not_after, zone=False) if row.signer is not None else "none"


def vendor(row: ConfigurationRow) -> str:
    """The provider, in short."""
    return row.provider.removesuffix(" Key Storage Provider")


def columns() -> tuple[Column[ConfigurationRow], ...]:
    """The columns of the list."""
    return (
        Column("name", "Name", lambda row: row.configuration.name, width=100),
        Column(
            "status",
            "Status",
            lambda row: row.status.headline,
            state=lambda row: row.status.state,
            width=190,
            stretch=True,
        ),
        Column("ca", "CA", lambda row: row.authority, width=116),
        Column("valid_to", "Valid to", valid_to, width=132),
        Column("provider", "Provider", vendor, width=110),
    )


def confirm_removal(console: Console, name: str, remove: Callable[[], None]) -> None:
    """Ask before a configuration is removed."""
    ConfirmDialog(
        f"Delete the revocation configuration “{name}”?",
        "The responder stops answering for this CA at once: clients that ask are refused. "
        "The signing keys stay on the token until they are deleted there.",
        "Delete",
        remove,
        parent=console.dialog_parent(),
    ).open()


class ConfigurationsPanel(Panel):
    """All configurations with their states."""

    def __init__(self, console: Console, backend: Backend, host: HostControl) -> None:
        super().__init__(
            console, "Revocation Configuration", scroll=False, name="configurations_panel"
        )
        self._backend = backend
        self._actions = ResponderActions(self, backend, host, self.refresh)
        self._model = ListTableModel(columns(), identity=lambda row: row.configuration.id)
        self.view = TableView(
            self._model, "configurations_table", self.tr("Revocation configurations")
        )
        self.view.set_actions(self.actions)
        self.view.set_empty_state(
            EmptyState(
                "revocation",
                self.tr(
                    "No revocation configuration yet. One makes the online responder answer for "
                    "the certificates of one CA."
                ),
                self.tr("Add Revocation Configuration…"),
                self._actions.add,
                name="configurations_empty",
            )
        )
        self.view.row_selected.connect(self._selected)
        self.view.row_activated.connect(self._open)
        self.detail = DetailPane(self.tr("Select a configuration to see how it is doing."))
        self.body.addWidget(
            TableCard(self.tr("Revocation configurations"), self.view, search=self.tr("Filter")), 1
        )
        self.body.addWidget(self.detail)
        self._watch: Watch[tuple[ConfigurationRow, ...]] = Watch(
            self,
            console.tasks,
            self.tr("Looking at the configurations"),
            partial(configuration_rows, backend),
            self._show,
            self._failed,
        )

    # --- showing ------------------------------------------------------------------------------

    def activated(self) -> None:
        self._watch.start()

    def deactivated(self) -> None:
        self._watch.stop()

    def refresh(self) -> None:
        self._watch.look()

    def _show(self, rows: tuple[ConfigurationRow, ...]) -> None:
        self._model.set_rows(rows)
        for row in rows:
            self.console.set_node_state(configuration_key(row.configuration.id), row.status.state)
        self._selected(self.view.selected_row())

    def _failed(self, error: SealkeeperError) -> None:
        self.console.show_error(error)

    def _selected(self, row: ConfigurationRow | None) -> None:
        self.actions_changed.emit()
        if row is None:
            self.detail.clear()
            return
        left = row.signer.not_after - datetime.now(UTC) if row.signer is not None else None
        facts = [
            Fact(self.tr("CA"), row.authority),
            Fact(self.tr("Template"), row.configuration.template),
            Fact(self.tr("Provider"), row.provider or self.tr("as the template says")),
            Fact(
                self.tr("Signing certificate"),
                self.tr("{left} left").format(left=span(left)) if left else self.tr("none"),
            ),
        ]
        if row.problem:
            facts.append(Fact(self.tr("Why"), row.problem))
        self.detail.show_details(
            row.configuration.name, facts, row.status.state, row.status.headline
        )

    # --- actions ------------------------------------------------------------------------------

    def actions(self) -> Sequence[ActionSpec]:  # type: ignore[override]  # ours are data, not Qt's
        row: ConfigurationRow | None = self.view.selected_row()
        why = "" if row is not None else self.tr("Select a configuration first.")
        group = row.configuration.name if row is not None else self.tr("Configuration")
        return (
            self._actions.add_spec(primary=True),
            ActionSpec(
                "configuration.open", self.tr("Open"), "eye", group, self._open_selected, why
            ),
            ActionSpec(
                "configuration.delete",
                self.tr("Delete"),
                "delete",
                group,
                self._delete,
                why,
                danger=True,
            ),
        )

    def _open_selected(self) -> None:
        self._open(self.view.selected_row())

    def _open(self, row: ConfigurationRow | None) -> None:
        if row is not None:
            self.console.navigate(configuration_key(row.configuration.id))

    def _delete(self) -> None:
        row: ConfigurationRow | None = self.view.selected_row()
        if row is not None:
            confirm_removal(self.console, row.configuration.name, partial(self._remove, row))

    def _remove(self, row: ConfigurationRow) -> None:
        self.run(
            self.tr("Deleting {name}").format(name=row.configuration.name),
            self._backend.responder.remove,
            row.configuration.id,
            done=lambda _none: self.refresh(),
        )

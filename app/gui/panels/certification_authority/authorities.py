"""The page Certification Authority: the CAs of this home."""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.gui.actions import ActionSpec
from app.gui.formats import local_time
from app.gui.panel import Console, Panel
from app.gui.panels.certification_authority.facts import AuthorityFacts, read_authorities
from app.gui.panels.certification_authority.openers import (
    node_key,
    open_setup_wizard,
    view_certificate,
)
from app.gui.table_view import TableCard, TableView
from app.gui.tables import Column, ListTableModel
from app.gui.widgets.basics import EmptyState
from app.gui.widgets.key_values import DetailPane, Fact

if TYPE_CHECKING:
    from collections.abc import Sequence

    from app.services.backend import Backend


def key_place(row: AuthorityFacts) -> str:
    """Label of the token that holds the key, or that it is a file."""
    token = row.authority.key.token
    return token.label if token is not None else "Software (file)"


_COLUMNS: tuple[Column[AuthorityFacts], ...] = (
    Column("name", "Name", lambda row: row.authority.name, width=160, stretch=True),
    Column(
        "state",
        "Status",
        lambda row: row.state[1],
        state=lambda row: row.state[0],
        width=116,
    ),
    Column("key", "Key", lambda row: str(row.authority.key.spec), width=112),
    Column("token", "Kept in", key_place, width=112),
    Column(
        "expires",
        "Expiration Date",
        lambda row: local_time(row.certificate.not_after, zone=False),
        width=134,
    ),
    Column(
        "crl",
        "Next CRL",
        lambda row: local_time(row.crl.next_publish, zone=False) if row.crl else "None yet",
        width=134,
    ),
)


class AuthoritiesPanel(Panel):
    """Lists the CAs; what is done with one is on its own page."""

    def __init__(self, console: Console, *, backend: Backend) -> None:
        super().__init__(console, "Certification Authority", scroll=False, name="authorities_panel")
        self._backend = backend
        self._model = ListTableModel(_COLUMNS, identity=lambda row: row.authority.id, parent=self)
        self.view = TableView(
            self._model, "authorities_table", self.tr("Certification authorities")
        )
        self.view.set_actions(self.actions)
        self.view.set_empty_state(
            EmptyState(
                "authority",
                self.tr(
                    "No certification authority is set up yet. Its key is made in the token; "
                    "register a slot first."
                ),
                self.tr("Set Up Certification Authority…"),
                self._set_up,
                name="authorities_empty",
            )
        )
        self.view.row_selected.connect(self._selected)
        self.view.row_activated.connect(self._open_row)
        self._detail = DetailPane(self.tr("Select a certification authority."))
        self.body.addWidget(TableCard(self.tr("Certification authorities"), self.view), 1)
        self.body.addWidget(self._detail)
        self._detail.hide()

    def refresh(self) -> None:
        self.run(
            self.tr("Loading certification authorities"),
            read_authorities,
            self._backend,
            done=self._show,
            supersede="load",
            quiet=True,
        )

    def _show(self, rows: tuple[AuthorityFacts, ...]) -> None:
        self._model.set_rows(rows)
        self._detail.setVisible(bool(rows))
        if rows and not self.view.selected_count():
            self.view.select_id(rows[0].authority.id)

    def actions(self) -> Sequence[ActionSpec]:  # type: ignore[override]  # ours are data, not Qt's
        row: AuthorityFacts | None = self.view.selected_row()
        why = "" if row is not None else self.tr("Select a certification authority first.")
        group = row.authority.name if row is not None else self.tr("Selected CA")
        own = self.tr("Certification Authority")
        return (
            ActionSpec(
                "authority.create",
                self.tr("Set Up Certification Authority…"),
                "add",
                own,
                self._set_up,
                shortcut="Ctrl+N",
                primary=True,
            ),
            ActionSpec("authority.open", self.tr("Open"), "arrow-right", group, self._open, why),
            ActionSpec(
                "authority.view_certificate",
                self.tr("View CA Certificate"),
                "certificate",
                group,
                self._view,
                why,
            ),
        )

    def _selected(self, row: AuthorityFacts | None) -> None:
        self.actions_changed.emit()
        if row is None:
            self._detail.clear()
            return
        authority = row.authority
        self._detail.show_details(
            authority.name,
            (
                Fact(self.tr("Subject"), authority.distinguished_name),
                Fact(self.tr("Provider"), authority.provider),
                Fact(self.tr("Type"), f"{authority.setup_type}, {authority.authority_type}"),
                Fact(self.tr("Hash algorithm"), authority.hash_algorithm.value),
                Fact(self.tr("Issued"), str(row.issued)),
                Fact(self.tr("Revoked"), str(row.revoked)),
                Fact(self.tr("Pending"), str(row.pending)),
                Fact(self.tr("Issues"), self.tr("{0} templates").format(len(authority.templates))),
            ),
            *row.state,
        )

    # --- actions ------------------------------------------------------------------------------

    def _set_up(self) -> None:
        open_setup_wizard(self.console, self._backend, self._made)

    def _made(self, _made: object) -> None:
        self.refresh()

    def _open(self) -> None:
        self._open_row(self.view.selected_row())

    def _open_row(self, row: AuthorityFacts | None) -> None:
        if row is not None:
            self.console.navigate(node_key(row.authority.id))

    def _view(self) -> None:
        row: AuthorityFacts | None = self.view.selected_row()
        if row is not None:
            view_certificate(self.console, self._backend, row.authority.certificate)

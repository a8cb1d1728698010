"""The dialog Extensions: the CDP and AIA locations of a CA."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QDialog, QFrame, QHBoxLayout, QVBoxLayout

from app.domain.authorities import Location, LocationList
from app.domain.status import LinkState
from app.gui.panels.certification_authority.facts import also_issuer, included_in
from app.gui.panels.certification_authority.location_dialog import AddLocationDialog
from app.gui.table_view import TableView
from app.gui.tables import Column, ListTableModel
from app.gui.theme import Space
from app.gui.widgets.banner import InlineBanner
from app.gui.widgets.basics import EmptyState, button, label
from app.gui.widgets.confirm_dialog import ConfirmDialog

if TYPE_CHECKING:
    from PySide6.QtWidgets import QWidget

    from app.domain.authorities import Authority
    from app.domain.errors import SealkeeperError
    from app.gui.tasks import TaskRunner
    from app.services.backend import Backend

_Row = tuple[Location, str]
_SHORT = {LocationList.CDP: "CDP", LocationList.AIA: "AIA"}
_COLUMNS: tuple[Column[_Row], ...] = (
    Column("list", "Extension", lambda row: _SHORT[row[0].kind], icon=lambda _: "link", width=104),
    Column("url", "Location", lambda row: row[1], width=360, stretch=True, mono=True),
    Column(
        "included",
        "Included in",
        lambda row: included_in(row[0]),
        state=lambda row: LinkState.WARNING if also_issuer(row[0]) else None,
        width=230,
    ),
)


class ExtensionsDialog(QDialog):
    """Lists the locations of a CA; adding and removing take effect at once.

    Signals:
        changed: a location was added or removed.
    """

    changed = Signal()

    def __init__(
        self, backend: Backend, authority: Authority, runner: TaskRunner, parent: QWidget | None
    ) -> None:
        super().__init__(parent)
        self._backend, self._authority, self._runner = backend, authority, runner
        self.setObjectName("extensions_dialog")
        self.setWindowTitle(self.tr("Extensions"))
        self.setAccessibleName(self.tr("Extensions of {0}").format(authority.name))
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setModal(True)
        self.resize(800, 460)
        self.banner = InlineBanner("extensions_banner")
        self._model = ListTableModel(_COLUMNS, identity=lambda row: row[0], parent=self)
        self.view = TableView(self._model, "locations_table", self.tr("Locations"))
        self.view.setProperty("look", "framed")
        self.view.set_empty_state(
            EmptyState(
                "link",
                self.tr(
                    "No location: issued certificates do not say where to ask for their state."
                ),
                self.tr("Add Location…"),
                self._add,
                name="locations_empty",
            )
        )
        self.add_button = button(
            self.tr("Add Location…"), "locations_add", self._add, icon_name="add"
        )
        self.remove_button = button(
            self.tr("Remove…"), "locations_remove", self._ask_remove, icon_name="remove"
        )
        self._build()
        self.view.row_selected.connect(self._selected)
        self._selected(None)
        self._load()

    def _build(self) -> None:
        column = QVBoxLayout()
        column.setContentsMargins(Space.XL, Space.XL, Space.XL, Space.L)
        column.setSpacing(Space.M)
        head = QVBoxLayout()
        head.setSpacing(Space.XS)
        head.addWidget(label(self.tr("Extensions"), "title"))
        head.addWidget(
            label(
                self.tr(
                    "Where certificates that {0} issues send their readers: for revocation lists "
                    "(CDP), for the CA's certificate and the online responder (AIA). Changes hold "
                    "for certificates issued from now on."
                ).format(self._authority.name),
                "muted",
                wrap=True,
            )
        )
        column.addLayout(head)
        column.addWidget(self.banner)
        column.addWidget(self.view, 1)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.setSpacing(0)
        outer.addLayout(column, 1)
        outer.addWidget(self._footer())

    def _footer(self) -> QFrame:
        footer = QFrame()
        footer.setProperty("look", "footer")
        row = QHBoxLayout(footer)
        row.setContentsMargins(Space.XL, Space.M, Space.XL, Space.M)
        row.setSpacing(Space.S)
        row.addWidget(self.add_button)
        row.addWidget(self.remove_button)
        row.addStretch(1)
        close = button(self.tr("Close"), "extensions_close", self.accept, look="primary")
        close.setDefault(True)
        row.addWidget(close)
        return footer

    # --- the list -----------------------------------------------------------------------------

    def _load(self) -> None:
        self._runner.run(
            self.tr("Loading locations"),
            self._backend.authorities.expanded_locations,
            self._authority.id,
            owner=self,
            done=self._show,
            failed=self.banner.show_error,
            supersede="load",
            quiet=True,
        )

    def _show(self, rows: tuple[_Row, ...]) -> None:
        self._model.set_rows(rows)
        wrong = [url for location, url in rows if also_issuer(location)]
        if wrong:
            self.banner.show_message(
                LinkState.WARNING,
                self.tr("{0} is included in the AIA extension too.").format(wrong[0]),
                self.tr(
                    "Clients also look for the CA certificate there and fail. Remove it and add "
                    "it with the OCSP box alone."
                ),
            )
        else:
            self.banner.hide()

    def _selected(self, row: _Row | None) -> None:
        self.remove_button.setEnabled(row is not None)
        self.remove_button.setToolTip("" if row else self.tr("Select a location first."))

    def _changed(self, _authority: object) -> None:
        self.changed.emit()
        self._load()

    # --- changes ------------------------------------------------------------------------------

    def _add(self) -> None:
        dialog = AddLocationDialog(self._backend, self._authority, self._runner, self)
        dialog.completed.connect(self._changed)
        dialog.open()

    def _ask_remove(self) -> None:
        row = self.view.selected_row()
        if row is None:
            return
        ConfirmDialog(
            self.tr("Remove this location?"),
            self.tr(
                "{0}\n\nCertificates issued from now on do not name it. Those that are issued "
                "already keep it."
            ).format(row[1]),
            self.tr("Remove"),
            partial(self._remove, row[0]),
            parent=self,
        ).open()

    def _remove(self, location: Location) -> None:
        self._runner.run(
            self.tr("Removing the location"),
            self._backend.authorities.remove_location,
            self._authority.id,
            location,
            owner=self,
            done=self._changed,
            failed=self._failed,
        )

    def _failed(self, error: SealkeeperError) -> None:
        self.banner.show_error(error)

"""Select Certification Authority: the list that Browse opens."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QDialog, QFrame, QHBoxLayout, QVBoxLayout, QWidget

from app.domain.status import LinkState
from app.gui.table_view import TableView
from app.gui.tables import Column, ListTableModel
from app.gui.theme import Space
from app.gui.widgets.basics import EmptyState, button, label

if TYPE_CHECKING:
    from app.domain.authorities import Authority


def columns() -> tuple[Column[Authority], ...]:
    """The columns of the list."""
    return (
        Column("name", "Certification authority", lambda row: row.name, width=220, stretch=True),
        Column("type", "Type", lambda row: f"{row.setup_type}, {row.authority_type}", width=180),
        Column(
            "state",
            "State",
            lambda row: "Running" if row.started else "Stopped",
            state=lambda row: LinkState.OK if row.started else LinkState.WARNING,
            width=110,
        ),
    )


class SelectAuthorityDialog(QDialog):
    """Chooses one CA.

    Signals:
        chosen: the `Authority`, after OK.
    """

    chosen = Signal(object)

    def __init__(self, authorities: tuple[Authority, ...], parent: QWidget) -> None:
        super().__init__(parent)
        self.setObjectName("select_authority")
        self.setWindowTitle(self.tr("Select Certification Authority"))
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setModal(True)
        self.resize(580, 340)
        model = ListTableModel(columns(), identity=lambda row: row.id, parent=self)
        self.view = TableView(model, "select_authority_table", self.windowTitle())
        self.view.setProperty("look", "framed")
        self.view.set_empty_state(
            EmptyState("authority", self.tr("There is no certification authority yet."))
        )
        self.ok = button(self.tr("OK"), "select_authority_ok", self._take, look="primary")
        self.ok.setDefault(True)
        self.view.row_selected.connect(self._selected)
        self.view.row_activated.connect(lambda _row: self._take())
        self._build()
        model.set_rows(authorities)
        self._selected(None)
        if authorities:
            self.view.selectRow(0)

    def _build(self) -> None:
        column = QVBoxLayout()
        column.setContentsMargins(Space.XL, Space.XL, Space.XL, Space.L)
        column.setSpacing(Space.M)
        column.addWidget(label(self.windowTitle(), "title"))
        column.addWidget(self.view, 1)
        footer = QFrame()
        footer.setProperty("look", "footer")
        row = QHBoxLayout(footer)
        row.setContentsMargins(Space.XL, Space.M, Space.XL, Space.M)
        row.setSpacing(Space.S)
        row.addStretch(1)
        row.addWidget(self.ok)
        row.addWidget(button(self.tr("Cancel"), "select_authority_cancel", self.reject))
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.setSpacing(0)
        outer.addLayout(column, 1)
        outer.addWidget(footer)

    def _selected(self, row: Authority | None) -> None:
        self.ok.setEnabled(row is not None)

    def _take(self) -> None:
        row: Authority | None = self.view.selected_row()
        if row is not None:
            self.accept()
            self.chosen.emit(row)

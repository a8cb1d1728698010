"""The table view that every list shares, and the card that holds one with filter and count."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from PySide6.QtCore import (
    QItemSelectionModel,
    QModelIndex,
    QPoint,
    QSize,
    Qt,
    Signal,
)
from PySide6.QtGui import QGuiApplication, QKeyEvent, QKeySequence, QResizeEvent
from PySide6.QtWidgets import QAbstractItemView, QHeaderView, QMenu, QTableView, QWidget

from app.gui.actions import ActionSpec, fill_menu
from app.gui.formats import count_text
from app.gui.tables import Align, TableModel
from app.gui.widgets.basics import Card, EmptyState, SearchField, label

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

ROW_HEIGHT = 34
_LEAST_ROWS, _MOST_ROWS = 3, 6
_COPY_AT_MOST = 10_000
_ICON = 16
#: Keys that walk, and the row that they go to from anywhere, counted from the end below 0.
_WALKING = {Qt.Key.Key_Up: None, Qt.Key.Key_Down: None, Qt.Key.Key_Home: 0, Qt.Key.Key_End: -1}


class TableView(QTableView):
    """Rows of fixed height, sorted by a click on a heading, selected by ranges.

    Signals:
        row_activated: double click or Return; carries the row object.
        row_selected: the one selected row object, or None for none or several.
    """

    row_activated = Signal(object)
    row_selected = Signal(object)

    def __init__(self, model: TableModel[Any], name: str, accessible_name: str) -> None:
        super().__init__()
        self.setObjectName(name)
        self.setAccessibleName(accessible_name)
        self._model = self.table_model = model
        self._empty: EmptyState | None = None
        self._actions: Callable[[], Sequence[ActionSpec]] = tuple
        self._restore: object = None
        self._set_behaviour()
        self.setModel(model)
        self._set_header()
        model.modelAboutToBeReset.connect(self._remember)
        model.modelReset.connect(self._after_reset)
        model.dataChanged.connect(self._rows_arrived)
        self.selectionModel().selectionChanged.connect(self._selection_changed)
        self.customContextMenuRequested.connect(self._open_menu)
        self.activated.connect(self._activated)

    def _set_behaviour(self) -> None:
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setHorizontalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.setWordWrap(False)
        self.setShowGrid(False)
        self.setTabKeyNavigation(False)
        self.setCornerButtonEnabled(False)
        self.setTextElideMode(Qt.TextElideMode.ElideRight)
        self.setIconSize(QSize(_ICON, _ICON))
        vertical = self.verticalHeader()
        vertical.hide()
        vertical.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        vertical.setDefaultSectionSize(ROW_HEIGHT)
        vertical.setMinimumSectionSize(ROW_HEIGHT)

    def _set_header(self) -> None:
        """A header paints by asking the selection model about every row: give it an empty one."""
        header = self.horizontalHeader()
        header.setSelectionModel(QItemSelectionModel(self._model, header))
        header.setHighlightSections(False)
        header.setSectionsClickable(True)
        header.setDefaultAlignment(Align.LEFT.value)
        header.setMinimumSectionSize(48)
        header.setStretchLastSection(False)
        header.setSortIndicatorClearable(False)
        header.setSortIndicator(self._model.sort_column, Qt.SortOrder.AscendingOrder)
        header.setSortIndicatorShown(True)
        header.setSectionsMovable(False)
        header.sectionClicked.connect(self._sort_by)
        for number, column in enumerate(self._model.columns):
            self.setColumnWidth(number, column.width)

    # --- sorting and widths ---------------------------------------------------------------

    def _sort_by(self, column: int) -> None:
        """Sort by a heading; a second click turns the order around."""
        again = column == self._model.sort_column and not self._model.descending
        order = Qt.SortOrder.DescendingOrder if again else Qt.SortOrder.AscendingOrder
        self.horizontalHeader().setSortIndicator(column, order)
        self._model.sort(column, order)

    def column_widths(self) -> dict[str, int]:
        """The widths now, by column key, to be stored."""
        return {c.key: self.columnWidth(n) for n, c in enumerate(self._model.columns)}

    def set_column_widths(self, widths: dict[str, int]) -> None:
        """Give back stored widths."""
        for number, column in enumerate(self._model.columns):
            if column.key in widths:
                self.setColumnWidth(number, widths[column.key])

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._stretch()
        if self._empty is not None:
            self._empty.setGeometry(self.viewport().rect())

    def _stretch(self) -> None:
        """Give the stretching columns what is left over; never below their own width."""
        stretching = [n for n, c in enumerate(self._model.columns) if c.stretch]
        if not stretching:
            return
        others = sum(
            self.columnWidth(n) for n in range(len(self._model.columns)) if n not in stretching
        )
        room = (self.viewport().width() - others) // len(stretching)
        for number in stretching:
            self.setColumnWidth(number, max(room, self._model.columns[number].width))

    def minimumSizeHint(self) -> QSize:
        """Whole rows: at least three, and no more than six are insisted on."""
        rows = min(max(self._model.rowCount(), _LEAST_ROWS), _MOST_ROWS)
        return QSize(super().minimumSizeHint().width(), (rows + 1) * ROW_HEIGHT)

    # --- empty state ----------------------------------------------------------------------

    def set_empty_state(self, empty: EmptyState) -> None:
        """What an empty list says, from now on."""
        if self._empty is not None:
            self._empty.hide()
            self._empty.deleteLater()
        self._empty = empty
        empty.setParent(self.viewport())
        empty.setGeometry(self.viewport().rect())
        self._show_empty()

    def _show_empty(self) -> None:
        empty = self._model.rowCount() == 0
        if self._empty is not None:
            self._empty.setVisible(empty)
        self.horizontalHeader().setVisible(not (empty and self._empty is not None))

    # --- selection ------------------------------------------------------------------------

    def selected_ranges(self) -> list[tuple[int, int]]:
        """First and last row of each selected range, in order."""
        selection = self.selectionModel().selection()
        parts = (selection.at(number) for number in range(selection.count()))
        return sorted((part.top(), part.bottom()) for part in parts)

    def selected_count(self) -> int:
        """How many rows are selected, without walking them."""
        return sum(last - first + 1 for first, last in self.selected_ranges())

    def selected_ids(self) -> list[object]:
        """Ids of the selected rows, in order; walks them, so not for a million in the GUI."""
        return [
            self._model.id_at(row)
            for first, last in self.selected_ranges()
            for row in range(first, last + 1)
        ]

    def selected_row(self) -> Any:
        """The row object when exactly one row is selected, else None."""
        ranges = self.selected_ranges()
        if len(ranges) == 1 and ranges[0][0] == ranges[0][1]:
            return self._model.row_at(ranges[0][0])
        return None

    def select_id(self, row_id: object) -> bool:
        """Select and show the row of that id; False when it is not there."""
        row = self._model.row_of(row_id)
        if row < 0:
            return False
        self.selectRow(row)
        self.scrollTo(self._model.index(row, 0))
        return True

    def _remember(self) -> None:
        ranges = self.selected_ranges()
        one = len(ranges) == 1 and ranges[0][0] == ranges[0][1]
        self._restore = self._model.id_at(ranges[0][0]) if one else None

    def _after_reset(self) -> None:
        self._stretch()
        self._show_empty()
        self.updateGeometry()
        if self._restore is None or not self.select_id(self._restore):
            self.row_selected.emit(None)
        self._restore = None

    def _selection_changed(self) -> None:
        self.row_selected.emit(self.selected_row())

    def _rows_arrived(self, first: QModelIndex, last: QModelIndex) -> None:
        """The selected row may have come with a page that was awaited, or changed."""
        ranges = self.selected_ranges()
        if len(ranges) == 1 and first.row() <= ranges[0][0] <= last.row():
            self.row_selected.emit(self.selected_row())

    def _activated(self, index: QModelIndex) -> None:
        row = self._model.row_at(index.row())
        if row is not None:
            self.row_activated.emit(row)

    # --- menu and clipboard ---------------------------------------------------------------

    def set_actions(self, provider: Callable[[], Sequence[ActionSpec]]) -> None:
        """Where the context menu's actions come from, asked each time it opens."""
        self._actions = provider

    def _open_menu(self, place: QPoint) -> None:
        menu = QMenu(self)
        menu.setObjectName(f"{self.objectName()}_menu")
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        fill_menu(menu, self._actions())
        if self.selected_count():
            if not menu.isEmpty():
                menu.addSeparator()
            copy = menu.addAction(self.tr("Copy Row"))
            copy.triggered.connect(self.copy_rows)
        if menu.isEmpty():
            menu.deleteLater()
            return
        menu.popup(self.viewport().mapToGlobal(place))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.matches(QKeySequence.StandardKey.Copy):
            self.copy_rows()
        elif event.key() in {Qt.Key.Key_Return, Qt.Key.Key_Enter} and self.currentIndex().isValid():
            self._activated(self.currentIndex())
        elif event.key() in _WALKING and self.currentIndex().isValid() and not self._is_selected():
            # The keyboard came here by Tab: the first key selects where it stands.
            step = _WALKING[Qt.Key(event.key())]
            self.selectRow(self.currentIndex().row() if step is None else step % self._rows())
        else:
            super().keyPressEvent(event)

    def _is_selected(self) -> bool:
        return self.selectionModel().hasSelection()

    def _rows(self) -> int:
        return max(self._model.rowCount(), 1)

    def moveCursor(
        self, action: QAbstractItemView.CursorAction, modifiers: Qt.KeyboardModifier
    ) -> QModelIndex:
        """Home and End go to the first and last row: rows are selected, not cells."""
        ends = {
            QAbstractItemView.CursorAction.MoveHome: 0,
            QAbstractItemView.CursorAction.MoveEnd: self._model.rowCount() - 1,
        }
        if action in ends:
            return self._model.index(ends[action], max(self.currentIndex().column(), 0))
        return super().moveCursor(action, modifiers)

    def copy_rows(self) -> None:
        """Copy the selected rows as lines of tab-separated cells, the first 10,000 at most."""
        rows = [
            self._model.row_at(number)
            for first, last in self.selected_ranges()
            for number in range(first, min(last + 1, first + _COPY_AT_MOST))
        ][:_COPY_AT_MOST]
        lines = [
            "\t".join(column.text(row) for column in self._model.columns)
            for row in rows
            if row is not None
        ]
        if lines:
            QGuiApplication.clipboard().setText("\n".join(lines))


def fit_rows(view: TableView) -> None:
    """Make a short list as high as its rows, six at most: for tables on pages of cards."""
    rows = min(max(view.table_model.rowCount(), 1), _MOST_ROWS)
    bar = view.horizontalScrollBar()
    room = bar.sizeHint().height() if bar.maximum() else 0
    view.setFixedHeight((rows + 1) * ROW_HEIGHT + 2 + room)


class TableCard(Card):
    """A card with heading, row count, filter line and a table."""

    def __init__(
        self,
        title: str,
        view: TableView,
        *,
        search: str = "",
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(title, parent)
        self.view = view
        self._model = view.table_model
        self.count_label = label("", "small")
        self.count_label.setObjectName(f"{view.objectName()}_count")
        self.head.insertWidget(1, self.count_label)
        self.search: SearchField | None = None
        if search:
            self.search = SearchField(search, f"{view.objectName()}_search")
            self.search.searched.connect(self._search)
            self.head.addWidget(self.search)
        self.body.addWidget(view, 1)
        self._model.modelReset.connect(self._count)
        self._count()

    def _search(self, text: str) -> None:
        self._model.set_search(text)

    def _count(self) -> None:
        count = self._model.rowCount()
        searching = self.search is not None and bool(self.search.text())
        self.count_label.setText(count_text(count) if count or searching else "")
        if self.search is not None:
            self.search.setVisible(count > 0 or searching)

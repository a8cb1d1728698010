"""Table models: short lists, and windows onto lists of a million rows."""

from __future__ import annotations

from abc import abstractmethod
from array import array
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from functools import partial
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

from PySide6.QtCore import (
    QAbstractTableModel,
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    Qt,
    QTimer,
    Signal,
)

from app.domain.status import LinkState
from app.gui.icons import icon, state_icon
from app.gui.theme import current_theme

if TYPE_CHECKING:
    from app.domain.errors import SealkeeperError
    from app.gui.tasks import TaskRunner

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)
Index = QModelIndex | QPersistentModelIndex
PAGE = 200
CACHED_PAGES = 64
_NOWHERE = QModelIndex()


class Align(Enum):
    """Alignment of a column's text."""

    LEFT = Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft
    RIGHT = Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight


@dataclass(frozen=True)
class Column(Generic[T]):
    """Everything that a column knows.

    Attributes:
        key: stable name, for widths and tests.
        header: its heading.
        text: a row's text.
        state: a row's state, drawn as a coloured icon before the text.
        icon: name of a bundled icon before the text.
        sort_key: what the page source sorts by; "" when it cannot.
        order: what a short list sorts by; the text where it is None.
        width: initial width in pixels.
        stretch: takes the width that is left over.
        align: alignment of text and heading.
        mono: fixed-width digits, for serials.
    """

    key: str
    header: str
    text: Callable[[T], str]
    state: Callable[[T], LinkState | None] | None = None
    icon: Callable[[T], str] | None = None
    sort_key: str = ""
    order: Callable[[T], Any] | None = None
    width: int = 140
    stretch: bool = False
    align: Align = Align.LEFT
    mono: bool = False


class PageSource(Protocol[T_co]):
    """Where a long list comes from; called on worker threads only."""

    def ids(self, sort: str, descending: bool, search: str) -> array[int]:
        """Ids of all rows that match `search`, in order, as array('q')."""
        ...

    def rows(self, ids: Sequence[int]) -> Mapping[int, T_co]:
        """The rows of these ids; one that is gone is left out."""
        ...


class TableModel(QAbstractTableModel, Generic[T]):
    """What both models share: columns, roles, header."""

    loaded = Signal()
    failed = Signal(object)

    def __init__(self, columns: Sequence[Column[T]], parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.columns = tuple(columns)
        self.sort_column = -1
        self.descending = False

    @abstractmethod
    def row_at(self, row: int) -> T | None:
        """The row, or None while it is not loaded."""

    @abstractmethod
    def id_at(self, row: int) -> object:
        """What identifies the row across reloads."""

    @abstractmethod
    def row_of(self, row_id: object) -> int:
        """Where the row of that id is now; -1 when it is gone."""

    @abstractmethod
    def set_search(self, text: str) -> None:
        """Show only the rows that match `text`."""

    def columnCount(self, parent: Index = _NOWHERE) -> int:
        return 0 if parent.isValid() else len(self.columns)

    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> Any:
        if orientation is not Qt.Orientation.Horizontal or not 0 <= section < len(self.columns):
            return None
        column = self.columns[section]
        if role == Qt.ItemDataRole.DisplayRole:
            return column.header
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return column.align.value
        return None

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        column = self.columns[index.column()]
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return column.align.value
        if role == Qt.ItemDataRole.FontRole and column.mono:
            theme = current_theme()
            font = theme.font(theme.type.small)
            font.setFamily(theme.mono_family)
            return font
        if role not in _ROW_ROLES:
            return None
        row = self.row_at(index.row())
        if row is None:
            return "…" if role == Qt.ItemDataRole.DisplayRole else None
        return _cell(column, row, role)


_ROW_ROLES = frozenset(
    {
        Qt.ItemDataRole.DisplayRole,
        Qt.ItemDataRole.DecorationRole,
        Qt.ItemDataRole.AccessibleTextRole,
    }
)


def _cell(column: Column[T], row: T, role: int) -> object:
    if role != Qt.ItemDataRole.DecorationRole:
        return column.text(row)
    if column.state is not None:
        state = column.state(row)
        return state_icon(state) if state is not None else None
    return icon(column.icon(row)) if column.icon is not None else None


class ListTableModel(TableModel[T]):
    """A short list of frozen dataclasses, held whole; `identity` names a row across updates."""

    def __init__(
        self,
        columns: Sequence[Column[T]],
        identity: Callable[[T], object] | None = None,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(columns, parent)
        self._identity: Callable[[T], object] = identity or _itself
        self._all: tuple[T, ...] = ()
        self._shown: list[T] = []
        self._search = ""

    def set_rows(self, rows: Sequence[T]) -> None:
        """Replace the list; nothing happens where it is the same."""
        rows = tuple(rows)
        if rows == self._all:
            return
        self._all = rows
        self._arrange()

    def set_search(self, text: str) -> None:
        """Show only rows of which a column contains `text`, whatever its case."""
        self._search = text.casefold()
        self._arrange()

    def sort(self, column: int, order: Qt.SortOrder = Qt.SortOrder.AscendingOrder) -> None:
        self.sort_column = column
        self.descending = order is Qt.SortOrder.DescendingOrder
        self._arrange()

    def _arrange(self) -> None:
        self.beginResetModel()
        shown = [row for row in self._all if self._matches(row)]
        if 0 <= self.sort_column < len(self.columns):
            column = self.columns[self.sort_column]
            shown.sort(key=column.order or column.text, reverse=self.descending)
        self._shown = shown
        self.endResetModel()
        self.loaded.emit()

    def _matches(self, row: T) -> bool:
        if not self._search:
            return True
        return any(self._search in column.text(row).casefold() for column in self.columns)

    def rowCount(self, parent: Index = _NOWHERE) -> int:
        return 0 if parent.isValid() else len(self._shown)

    def row_at(self, row: int) -> T | None:
        return self._shown[row] if 0 <= row < len(self._shown) else None

    def id_at(self, row: int) -> object:
        return self._identity(self._shown[row])

    def row_of(self, row_id: object) -> int:
        found = (i for i, row in enumerate(self._shown) if self._identity(row) == row_id)
        return next(found, -1)


class WindowTableModel(TableModel[T]):
    """Ids of all rows as a snapshot, rows by pages of 200 from a worker, 64 pages kept.

    `data()` never queries: a missing page is asked for and shown as … until it comes. Pages and
    ids of an older generation (another sort, search or reload) are dropped. `loaded` follows each
    new snapshot of ids, `failed` carries a SealkeeperError.
    """

    def __init__(
        self,
        columns: Sequence[Column[T]],
        source: PageSource[T],
        runner: TaskRunner,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(columns, parent)
        self._source = source
        self._runner = runner
        self._ids: array[int] = array("q")
        self._pages: OrderedDict[int, Mapping[int, T]] = OrderedDict()
        self._asked: set[int] = set()
        self._wanted: list[int] = []
        self._generation = 0
        self._search = ""
        self._ask_timer = QTimer(self)
        self._ask_timer.setSingleShot(True)
        self._ask_timer.setInterval(0)
        self._ask_timer.timeout.connect(self._ask)

    def reload(self) -> None:
        """Take a new snapshot of the ids; the old rows stay until it is there."""
        self._generation += 1
        sortable = 0 <= self.sort_column < len(self.columns)
        sort = self.columns[self.sort_column].sort_key if sortable else ""
        self._runner.run(
            self.tr("Loading list"),
            self._source.ids,
            sort,
            self.descending,
            self._search,
            owner=self,
            done=partial(self._take_ids, self._generation),
            failed=self.failed.emit,
            supersede="ids",
            quiet=True,
        )

    def set_search(self, text: str) -> None:
        """Show only what the source finds for `text`."""
        self._search = text
        self.reload()

    def sort(self, column: int, order: Qt.SortOrder = Qt.SortOrder.AscendingOrder) -> None:
        self.sort_column = column
        self.descending = order is Qt.SortOrder.DescendingOrder
        self.reload()

    def rows_changed(self, ids: Sequence[int]) -> None:
        """Fetch these rows again (a change of the store named them); their places stay."""
        changed = set(ids)
        for page in [p for p, rows in self._pages.items() if not changed.isdisjoint(rows)]:
            del self._pages[page]
            self._tell_page(page)

    def _take_ids(self, generation: int, ids: array[int]) -> None:
        if generation != self._generation:
            return
        self.beginResetModel()
        self._ids = ids
        self._pages.clear()
        self._asked.clear()
        self._wanted.clear()
        self.endResetModel()
        self.loaded.emit()

    def rowCount(self, parent: Index = _NOWHERE) -> int:
        return 0 if parent.isValid() else len(self._ids)

    def id_at(self, row: int) -> object:
        return self._ids[row]

    def row_of(self, row_id: object) -> int:
        try:
            return self._ids.index(row_id) if isinstance(row_id, int) else -1
        except ValueError:
            return -1

    def row_at(self, row: int) -> T | None:
        page = row // PAGE
        rows = self._pages.get(page)
        if rows is None:
            if page not in self._asked:
                self._asked.add(page)
                self._wanted.append(page)
                self._ask_timer.start()
            return None
        self._pages.move_to_end(page)
        return rows.get(self._ids[row])

    def _ask(self) -> None:
        """Ask for the missing pages, the last wanted first, since that is what is looked at."""
        for page in reversed(self._wanted[-CACHED_PAGES:]):
            ids = self._ids[page * PAGE : (page + 1) * PAGE]
            self._runner.run(
                self.tr("Loading rows"),
                self._source.rows,
                ids,
                owner=self,
                done=partial(self._take_page, self._generation, page),
                failed=self._page_failed,
                quiet=True,
            )
        self._asked.difference_update(self._wanted[:-CACHED_PAGES])
        self._wanted.clear()

    def _page_failed(self, error: SealkeeperError) -> None:
        self._asked.clear()
        self.failed.emit(error)

    def _take_page(self, generation: int, page: int, rows: Mapping[int, T]) -> None:
        self._asked.discard(page)
        if generation != self._generation:
            return
        self._pages[page] = rows
        while len(self._pages) > CACHED_PAGES:
            self._pages.popitem(last=False)
        self._tell_page(page)

    def _tell_page(self, page: int) -> None:
        last = min((page + 1) * PAGE, len(self._ids)) - 1
        if last >= page * PAGE:
            self.dataChanged.emit(
                self.index(page * PAGE, 0), self.index(last, len(self.columns) - 1)
            )


def _itself(row: object) -> object:
    return row

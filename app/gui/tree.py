"""The console tree: nodes with icon, words and state dot, drawn calmly."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from PySide6.QtCore import (
    QModelIndex,
    QPersistentModelIndex,
    QPointF,
    QRect,
    QRectF,
    QSize,
    Qt,
    Signal,
)
from PySide6.QtGui import QFont, QFontMetrics, QPainter, QPen, QStandardItem, QStandardItemModel
from PySide6.QtWidgets import (
    QAbstractItemView,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTreeView,
    QWidget,
)

from app.domain.status import LinkState
from app.gui.icons import paint_icon
from app.gui.theme import Role, current_theme, state_roles

if TYPE_CHECKING:
    from collections.abc import Sequence

    from app.gui.panel import NodeSpec

_ROW = 30
_INDENT = 18
_KEY = Qt.ItemDataRole.UserRole + 1
_ICON = Qt.ItemDataRole.UserRole + 2
_STATE = Qt.ItemDataRole.UserRole + 3


class _NodeDelegate(QStyledItemDelegate):
    """Paints icon, words and, at the right, the state as a dot with its meaning in the tooltip."""

    def sizeHint(
        self, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> QSize:
        return QSize(super().sizeHint(option, index).width(), _ROW)

    def paint(
        self,
        painter: QPainter,
        option: QStyleOptionViewItem,
        index: QModelIndex | QPersistentModelIndex,
    ) -> None:
        theme = current_theme()
        rect: QRect = option.rect
        flags: Any = option.state
        selected = bool(flags & QStyle.StateFlag.State_Selected)
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        mark = QRectF(rect.left() + 4, rect.center().y() - 8.5, 18, 18)
        paint_icon(painter, mark, index.data(_ICON), Role.ACCENT if selected else Role.MUTED)
        weight = QFont.Weight.DemiBold if selected else QFont.Weight.Normal
        font = theme.font(theme.type.body, weight)
        painter.setFont(font)
        painter.setPen(theme.color(Role.TEXT))
        state = index.data(_STATE)
        room = rect.adjusted(30, 0, -26 if state else -12, 0)
        shown = QFontMetrics(font).elidedText(
            index.data(), Qt.TextElideMode.ElideRight, room.width()
        )
        painter.drawText(room, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft, shown)
        if state:
            self._paint_state(painter, rect, LinkState(state))
        painter.restore()

    def _paint_state(self, painter: QPainter, rect: QRect, state: LinkState) -> None:
        place = QRectF(rect.right() - 24, rect.center().y() - 6.5, 14, 14)
        paint_icon(painter, place, state.value, state_roles(state)[0])


class ConsoleTree(QTreeView):
    """The left pane; `node_chosen` carries the key of the node that is current now."""

    node_chosen = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("console_tree")
        self.setAccessibleName(self.tr("Console tree"))
        self.setProperty("look", "nav")
        self._items: dict[str, QStandardItem] = {}
        self.specs: dict[str, NodeSpec] = {}
        self._nodes = QStandardItemModel(self)
        self.setModel(self._nodes)
        self.setItemDelegate(_NodeDelegate(self))
        self.setHeaderHidden(True)
        self.setIndentation(_INDENT)
        self.setUniformRowHeights(True)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.setExpandsOnDoubleClick(True)
        self.selectionModel().currentChanged.connect(self._current_changed)

    # --- nodes ------------------------------------------------------------------------------

    def add_node(self, spec: NodeSpec) -> None:
        """Add a node below its parent, at the end, or renew the one of the same key.

        One that was there keeps the state that it shows unless `spec` has another.
        """
        self.specs[spec.key] = spec
        item = self._items.get(spec.key)
        known = item is not None
        if item is None:
            item = QStandardItem()
            item.setData(spec.key, _KEY)
            self._items[spec.key] = item
            above = self._items[spec.parent] if spec.parent else self._nodes.invisibleRootItem()
            above.appendRow(item)
        item.setText(spec.title)
        item.setToolTip(spec.title)
        item.setData(spec.icon, _ICON)
        item.setEditable(False)
        if spec.state is not None or not known:
            self.set_state(spec.key, spec.state)
        if spec.parent and self.specs[spec.parent].expanded:
            self.expand(self._items[spec.parent].index())

    def set_children(self, key: str, specs: Sequence[NodeSpec]) -> None:
        """Make the direct children of `key` exactly those of `specs` whose parent it is.

        `specs` may hold deeper nodes too, each after its parent. What stays keeps its place.
        """
        wanted = {spec.key for spec in specs}
        for old in [k for k, s in self.specs.items() if _below(k, key, self.specs)]:
            if old not in wanted and old in self.specs:
                self.remove_node(old)
        for spec in specs:
            self.add_node(spec)

    def remove_node(self, key: str) -> None:
        """Remove a node and what is below it."""
        for child in [k for k, s in self.specs.items() if s.parent == key]:
            self.remove_node(child)
        item = self._items.pop(key)
        spec = self.specs.pop(key)
        above = self._items[spec.parent] if spec.parent else self._nodes.invisibleRootItem()
        above.removeRow(item.row())

    def set_state(self, key: str, state: LinkState | None) -> None:
        """Show a state at a node."""
        item = self._items.get(key)
        if item is None:
            return
        item.setData(state.value if state is not None else None, _STATE)
        words = _words(state)
        item.setAccessibleText(f"{item.text()}, {words}" if words else item.text())
        item.setToolTip(f"{item.text()}: {words}" if words else item.text())

    def path_of(self, key: str) -> list[NodeSpec]:
        """The node and those above it, from the top."""
        path: list[NodeSpec] = []
        while key:
            spec = self.specs[key]
            path.insert(0, spec)
            key = spec.parent
        return path

    def current_key(self) -> str:
        """Key of the node that is current."""
        return self.currentIndex().data(_KEY) or ""

    def choose(self, key: str) -> None:
        """Make a node current and open the way to it."""
        item = self._items.get(key)
        if item is not None:
            self.setCurrentIndex(item.index())
            self.scrollTo(item.index())

    def _current_changed(self, current: QModelIndex, _before: QModelIndex) -> None:
        if current.isValid():
            self.node_chosen.emit(current.data(_KEY))

    # --- painting ---------------------------------------------------------------------------

    def drawRow(
        self,
        painter: QPainter,
        options: QStyleOptionViewItem,
        index: QModelIndex | QPersistentModelIndex,
    ) -> None:
        theme = current_theme()
        rect: QRect = options.rect
        selected = index.row() == self.currentIndex().row() and index == self.currentIndex()
        hovered = index == self.indexAt(self.viewport().mapFromGlobal(self.cursor().pos()))
        if selected or hovered:
            painter.save()
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            painter.setBrush(theme.color(Role.SELECTION if selected else Role.HOVER))
            focused = selected and self.hasFocus()
            pen = QPen(theme.color(Role.ACCENT), 1) if focused else Qt.PenStyle.NoPen
            painter.setPen(pen)
            box = QRectF(6.5, rect.top() + 1.5, self.viewport().width() - 13, rect.height() - 3)
            painter.drawRoundedRect(box, theme.radii.control, theme.radii.control)
            painter.restore()
        super().drawRow(painter, options, index)

    def drawBranches(
        self, painter: QPainter, rect: QRect, index: QModelIndex | QPersistentModelIndex
    ) -> None:
        item = self._items.get(index.data(_KEY) or "")
        if item is None or not item.hasChildren():
            return
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        name = "chevron-down" if self.isExpanded(index) else "chevron-right"
        center = QPointF(rect.right() - 4, rect.center().y() + 0.5)
        paint_icon(painter, QRectF(center.x() - 6, center.y() - 6, 12, 12), name, Role.MUTED)
        painter.restore()


def _below(key: str, above: str, specs: dict[str, NodeSpec]) -> bool:
    parent = specs[key].parent
    while parent:
        if parent == above:
            return True
        parent = specs[parent].parent
    return False


def _words(state: LinkState | None) -> str:
    return {
        LinkState.OK: "in order",
        LinkState.WARNING: "needs attention",
        LinkState.BAD: "not working",
        LinkState.UNCHECKED: "not checked",
        None: "",
    }[state]

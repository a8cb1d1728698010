"""Facts in two columns: what it is, and its value as text that can be selected and copied."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QSize, Qt
from PySide6.QtWidgets import (
    QFrame,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QScrollArea,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from app.domain.status import LinkState
from app.gui.theme import Space
from app.gui.widgets.basics import Card, label, plain_tip
from app.gui.widgets.state_badge import StateBadge

if TYPE_CHECKING:
    from collections.abc import Sequence

    from PySide6.QtCore import QObject
    from PySide6.QtGui import QResizeEvent

_LEAST_FACTS, _MOST_FACTS = 96, 216


@dataclass(frozen=True, slots=True)
class Fact:
    """One line: a name, a value, and how the value is shown; `tip` is its tool tip.

    A `wide` one has a row to itself, whatever the number of columns.
    """

    name: str
    value: str
    mono: bool = False
    state: LinkState | None = None
    tip: str = ""
    wide: bool = False


class KeyValueGrid(QWidget):
    """A grid of facts; `columns` pairs stand side by side."""

    def __init__(
        self, facts: Sequence[Fact] = (), *, columns: int = 1, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._columns = columns
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setHorizontalSpacing(Space.L)
        self._grid.setVerticalSpacing(Space.S)
        for column in range(columns):
            self._grid.setColumnStretch(2 * column + 1, 1)
        self._facts: tuple[Fact, ...] = ()
        self._values: list[QWidget] = []
        self.set_facts(facts)

    def set_facts(self, facts: Sequence[Fact]) -> None:
        """Show other facts; the widgets stay where only values changed."""
        facts = tuple(facts)
        if facts == self._facts:
            return
        if [_shape(fact) for fact in facts] == [_shape(fact) for fact in self._facts]:
            for fact, widget in zip(facts, self._values, strict=True):
                _fill(widget, fact)
        else:
            self._rebuild(facts)
        self._facts = facts

    def _rebuild(self, facts: tuple[Fact, ...]) -> None:
        while (item := self._grid.takeAt(0)) is not None:
            widget = item.widget()
            if widget is not None:
                widget.hide()
                widget.deleteLater()
        self._values = []
        row, column = 0, 0
        for fact in facts:
            if fact.wide and column:
                row, column = row + 1, 0
            name = label(fact.name, "muted")
            name.setMinimumWidth(112)
            value = _value_widget(fact)
            value.setAccessibleName(f"{fact.name}: {fact.value}")
            value.setToolTip(plain_tip(fact.tip))
            self._values.append(value)
            top = Qt.AlignmentFlag.AlignTop
            self._grid.addWidget(name, row, 2 * column, top)
            span = 2 * self._columns - 1 if fact.wide else 1
            self._grid.addWidget(value, row, 2 * column + 1, 1, span, top)
            column += self._columns if fact.wide else 1
            if column >= self._columns:
                row, column = row + 1, 0


def _shape(fact: Fact) -> tuple[str, bool, bool, bool]:
    return fact.name, fact.mono, fact.state is not None, fact.wide


def _value_widget(fact: Fact) -> QWidget:
    if fact.state is not None:
        return StateBadge(fact.state, fact.value)
    return label(fact.value, "mono" if fact.mono else "", wrap=True, selectable=True)


def _fill(widget: QWidget, fact: Fact) -> None:
    if isinstance(widget, StateBadge) and fact.state is not None:
        widget.set_state(fact.state, fact.value)
    elif isinstance(widget, QLabel):
        widget.setText(fact.value)
    widget.setAccessibleName(f"{fact.name}: {fact.value}")
    widget.setToolTip(plain_tip(fact.tip))


class _FactsArea(QScrollArea):
    """As high as its grid, as long as that leaves room for the list; then it scrolls."""

    def __init__(self, grid: KeyValueGrid) -> None:
        super().__init__()
        self._inside = grid
        self.setAccessibleName(self.tr("Details"))
        self.setWidget(grid)
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Maximum)
        self.viewport().setAutoFillBackground(False)
        grid.setProperty("look", "scrolled")
        grid.installEventFilter(self)

    def _height(self) -> int:
        return max(self._inside.heightForWidth(self.viewport().width()), 0)

    def sizeHint(self) -> QSize:
        return QSize(self._inside.sizeHint().width(), min(self._height(), _MOST_FACTS))

    def minimumSizeHint(self) -> QSize:
        return QSize(self._inside.minimumSizeHint().width(), min(self._height(), _LEAST_FACTS))

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        if event.oldSize().width() != event.size().width():
            self.updateGeometry()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() is QEvent.Type.LayoutRequest:
            self.updateGeometry()
        return super().eventFilter(watched, event)


class DetailPane(Card):
    """The detail of what is selected: a name, a badge, facts; says so when nothing is."""

    def __init__(self, nothing: str, *, columns: int = 2, parent: QWidget | None = None) -> None:
        super().__init__(parent=parent)
        self._nothing = nothing
        self.name_label = label(nothing, "muted", selectable=True)
        self.badge = StateBadge()
        line = QHBoxLayout()
        line.setSpacing(Space.M)
        line.addWidget(self.name_label)
        line.addWidget(self.badge)
        line.addStretch(1)
        self.grid = KeyValueGrid(columns=columns)
        column = QVBoxLayout()
        column.setSpacing(Space.M)
        column.addLayout(line)
        self._facts = _FactsArea(self.grid)
        column.addWidget(self._facts)
        self.body.addLayout(column)
        self.clear()

    def show_details(
        self, name: str, facts: Sequence[Fact], state: LinkState | None = None, word: str = ""
    ) -> None:
        """Show one thing."""
        self.name_label.setText(name)
        _restyle(self.name_label, "section")
        self.badge.set_state(state or LinkState.UNCHECKED, word)
        self.grid.set_facts(facts)
        self.grid.show()
        self._facts.show()

    def clear(self) -> None:
        """Nothing, or more than one thing, is selected."""
        self.name_label.setText(self._nothing)
        _restyle(self.name_label, "muted")
        self.badge.set_state(LinkState.UNCHECKED, "")
        self.grid.hide()
        self._facts.hide()


def _restyle(target: QLabel, look: str) -> None:
    target.setProperty("look", look)
    target.style().unpolish(target)
    target.style().polish(target)

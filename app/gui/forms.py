"""Form helpers: labelled rows with a hint and, where it is wrong, one sentence below the field."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, Generic, TypeVar

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtWidgets import (
    QAbstractButton,
    QCheckBox,
    QComboBox,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QSizePolicy,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from app.domain.periods import Period, PeriodUnit
from app.gui.theme import Space
from app.gui.widgets.basics import label

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

E_ = TypeVar("E_", bound=Enum)
_LABEL_WIDTH = 128
_MARK = 26


def line_edit(name: str, text: str = "", placeholder: str = "") -> QLineEdit:
    """A line with a stable object name."""
    made = QLineEdit(text)
    made.setObjectName(name)
    made.setPlaceholderText(placeholder)
    return made


def combo(name: str, items: Sequence[tuple[str, object]], current: object = None) -> QComboBox:
    """A choice of (text, value); `currentData()` is the value."""
    made = QComboBox()
    made.setObjectName(name)
    for text, value in items:
        made.addItem(text, value)
    for index, (_text, value) in enumerate(items):
        if value == current:
            made.setCurrentIndex(index)
    return made


def spin_box(name: str, value: int, least: int, most: int) -> QSpinBox:
    """A whole number between two bounds."""
    made = QSpinBox()
    made.setObjectName(name)
    made.setRange(least, most)
    made.setValue(value)
    made.lineEdit().setTextMargins(7, 0, 0, 0)
    return made


def check_box(name: str, text: str, *, checked: bool = False, tooltip: str = "") -> QCheckBox:
    """A check box with a stable object name."""
    made = QCheckBox(text)
    made.setObjectName(name)
    made.setAccessibleName(text)
    made.setChecked(checked)
    made.setToolTip(tooltip)
    return made


class EnumCombo(QComboBox, Generic[E_]):
    """A choice of the members of an enum, as `value()`."""

    def __init__(self, name: str, texts: Mapping[E_, str], current: E_) -> None:
        super().__init__()
        self.setObjectName(name)
        self._members = list(texts)
        self.addItems(list(texts.values()))
        self.set_value(current)

    def value(self) -> E_:
        """The chosen member."""
        return self._members[self.currentIndex()]

    def set_value(self, member: E_) -> None:
        """Choose a member."""
        self.setCurrentIndex(self._members.index(member))


class PeriodEdit(QWidget):
    """A number and a unit for a `Period`."""

    changed = Signal()

    def __init__(self, name: str, period: Period, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName(name)
        self.count = spin_box(f"{name}_count", period.count, 1, 100_000)
        self.count.setMinimumWidth(96)
        self.unit = EnumCombo(
            f"{name}_unit", {unit: unit.value for unit in PeriodUnit}, period.unit
        )
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(Space.S)
        row.addWidget(self.count)
        row.addWidget(self.unit)
        row.addStretch(1)
        self.setFocusProxy(self.count)
        self.set_period(period)
        self.count.valueChanged.connect(self._emit)
        self.unit.currentIndexChanged.connect(self._emit)

    def period(self) -> Period:
        """The period that is shown."""
        return Period(self.count.value(), self.unit.value())

    def set_period(self, period: Period) -> None:
        """Show another period."""
        self.count.setValue(period.count)
        self.unit.set_value(period.unit)

    def setAccessibleName(self, name: str) -> None:
        super().setAccessibleName(name)
        self.count.setAccessibleName(self.tr("{name}: number").format(name=name))
        self.unit.setAccessibleName(self.tr("{name}: unit").format(name=name))

    def _emit(self, _value: int) -> None:
        self.changed.emit()


class CheckGroup(QWidget):
    """Check boxes under each other, by key."""

    changed = Signal()

    def __init__(
        self, name: str, items: Sequence[tuple[str, str]], checked: Sequence[str] = ()
    ) -> None:
        super().__init__()
        self.setObjectName(name)
        self.boxes = {
            key: check_box(f"{name}_{key}", text, checked=key in checked) for key, text in items
        }
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(Space.XS)
        for box in self.boxes.values():
            column.addWidget(box)
            box.toggled.connect(self._emit)

    def checked(self) -> tuple[str, ...]:
        """Keys of the boxes that are ticked, in their order."""
        return tuple(key for key, box in self.boxes.items() if box.isChecked())

    def _emit(self, _on: bool) -> None:
        self.changed.emit()


class Form(QWidget):
    """Rows of label, field, hint and error, aligned in two columns."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setHorizontalSpacing(Space.L)
        self._grid.setVerticalSpacing(Space.M)
        self._grid.setColumnStretch(1, 1)
        self._grid.setColumnMinimumWidth(0, _LABEL_WIDTH)
        self._errors: dict[QWidget, QLabel] = {}
        self._row = 0
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Maximum)

    def add_row(self, text: str, field: QWidget, hint: str = "") -> QWidget:
        """Add a labelled field; returns the field. The label is its accessible name."""
        name = label(text)
        name.setBuddy(field)
        name.setMinimumHeight(30)
        if not field.accessibleName():
            field.setAccessibleName(text)
        if hint:
            field.setAccessibleDescription(hint)
        self._grid.addWidget(name, self._row, 0, Qt.AlignmentFlag.AlignTop)
        self._grid.addLayout(self._cell(field, hint), self._row, 1)
        self._row += 1
        return field

    def add_wide(self, field: QWidget, hint: str = "") -> QWidget:
        """Add a field over both columns."""
        self._grid.addLayout(self._cell(field, hint), self._row, 0, 1, 2)
        self._row += 1
        return field

    def add_heading(self, text: str) -> None:
        """Add a heading above the next rows."""
        heading = label(text, "strong")
        heading.setContentsMargins(0, Space.S if self._row else 0, 0, 0)
        self._grid.addWidget(heading, self._row, 0, 1, 2)
        self._row += 1

    def add_text(self, text: str) -> QLabel:
        """Add an explaining paragraph over both columns."""
        paragraph = label(text, "muted", wrap=True)
        self._grid.addWidget(paragraph, self._row, 0, 1, 2)
        self._row += 1
        return paragraph

    def _cell(self, field: QWidget, hint: str) -> QVBoxLayout:
        cell = QVBoxLayout()
        cell.setSpacing(3)
        cell.addWidget(field)
        error = label("", "error", wrap=True)
        error.setObjectName(f"{field.objectName()}_error")
        error.hide()
        cell.addWidget(error)
        self._errors[field] = error
        if hint:
            words = label(hint, "small", wrap=True)
            # Below the words of a check box, not below its mark.
            words.setContentsMargins(_MARK if isinstance(field, QAbstractButton) else 0, 0, 0, 0)
            cell.addWidget(words)
        _clear_on_change(field, self)
        return cell

    def set_error(self, field: QWidget, sentence: str) -> None:
        """Show one sentence below a field, or take it away with ""."""
        error = self._errors[field]
        error.setText(sentence)
        error.setVisible(bool(sentence))
        field.setProperty("wrong", bool(sentence))
        field.style().unpolish(field)
        field.style().polish(field)

    def clear_errors(self) -> None:
        """Take all error sentences away."""
        for field in self._errors:
            self.set_error(field, "")

    def has_field(self, field: QWidget) -> bool:
        """Whether `field` was added here."""
        return field in self._errors

    def set_row_visible(self, field: QWidget, visible: bool) -> None:
        """Show or hide a field with its label, hint and error."""
        for row in range(self._grid.rowCount()):
            for column in (0, 1):
                item = self._grid.itemAtPosition(row, column)
                layout = item.layout() if item is not None else None
                if layout is not None and layout.indexOf(field) >= 0:
                    self._show_row(row, visible=visible, error=self._errors[field])

    def _show_row(self, row: int, *, visible: bool, error: QLabel) -> None:
        for column in (0, 1):
            item = self._grid.itemAtPosition(row, column)
            if item is None:
                continue
            widget, layout = item.widget(), item.layout()
            members = [widget] if widget is not None else []
            if layout is not None:
                found = (layout.itemAt(i) for i in range(layout.count()))
                members += [w for i in found if i is not None and (w := i.widget()) is not None]
            for member in members:
                member.setVisible(visible and (member is not error or bool(error.text())))


def _clear_on_change(field: QWidget, form: Form) -> None:
    """An error sentence goes as soon as its field changes."""

    def clear(*_: object) -> None:
        if field.property("wrong"):
            form.set_error(field, "")

    for signal in ("textChanged", "currentIndexChanged", "valueChanged", "changed", "toggled"):
        if isinstance(getattr(type(field), signal, None), Signal) and isinstance(field, QObject):
            getattr(field, signal).connect(clear)

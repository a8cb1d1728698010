"""What the tabs of the property sheet share: fields, marks of changes, sentences beside fields."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QObject, QRectF, Qt, Signal
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QCheckBox, QHBoxLayout, QLabel, QVBoxLayout, QWidget

from app.gui.forms import Form
from app.gui.theme import Role, Space, current_theme

if TYPE_CHECKING:
    from collections.abc import Mapping

    from app.domain.templates import Template

_DOT = 7.0
_GAP = 6


class ChangeMark(QWidget):
    """A dot behind the words of a label or of a check box, while its field is changed."""

    def __init__(self, words: QWidget) -> None:
        super().__init__(words)
        self.setFixedSize(12, 12)
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.setToolTip(self.tr("Changed"))
        words.installEventFilter(self)
        self.hide()

    def set_changed(self, *, changed: bool) -> None:
        """Show or hide the dot; assistive tools hear it as a description."""
        self.setVisible(changed)
        parent = self.parentWidget()
        if parent is not None:
            field = parent.buddy() if isinstance(parent, QLabel) else None
            (field or parent).setAccessibleDescription(self.tr("changed") if changed else "")
        self._place()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() in {QEvent.Type.Resize, QEvent.Type.FontChange, QEvent.Type.Show}:
            self._place()
        return super().eventFilter(watched, event)

    def _place(self) -> None:
        words = self.parentWidget()
        if isinstance(words, QCheckBox):
            right, height = words.sizeHint().width(), words.height()
        elif isinstance(words, QLabel):
            right, height = words.fontMetrics().horizontalAdvance(words.text()), words.height()
        else:
            return
        left = min(right + _GAP, words.width() - self.width())
        self.move(left, (height - self.height()) // 2)

    def paintEvent(self, event: QPaintEvent) -> None:
        del event
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(current_theme().color(Role.ACCENT))
        inset = (self.width() - _DOT) / 2
        painter.drawEllipse(QRectF(inset, inset, _DOT, _DOT))
        painter.end()


class TemplateTab(QWidget):
    """One tab; subclasses build fields, show a template and put their fields into one.

    Signals:
        changed: a field was edited.
    """

    changed = Signal()

    def __init__(self, title: str, name: str) -> None:
        super().__init__()
        self.title = title
        self.setObjectName(name)
        self.setProperty("look", "scrolled")
        self.form = Form()
        self.column = QVBoxLayout(self)
        self.column.setContentsMargins(0, Space.L, 0, Space.L)
        self.column.setSpacing(Space.M)
        self.column.addWidget(self.form)
        self._fields: dict[str, QWidget] = {}
        self._marks: dict[str, ChangeMark] = {}

    # --- to override ------------------------------------------------------------------------

    def show_template(self, template: Template) -> None:
        """Fill the fields; emits nothing that matters, since the sheet compares."""

    def applied_to(self, template: Template) -> Template:
        """`template` with this tab's fields in it."""
        return template

    def own_problems(self) -> dict[str, str]:
        """Sentences about fields that a template alone cannot say."""
        return {}

    def set_fixed(self, *, fixed: bool) -> None:
        """A version 1 template: what stands here cannot be changed."""
        self.form.setEnabled(not fixed)

    # --- help for subclasses ----------------------------------------------------------------

    def add_field(self, field: str, text: str, widget: QWidget, hint: str = "") -> None:
        """Add a labelled row for a field of the template."""
        self.form.add_row(text, widget, hint)
        for words in self.form.findChildren(QLabel):
            if words.buddy() is widget:
                words.setContentsMargins(0, 0, _GAP + 12, 0)
                self._marks[field] = ChangeMark(words)
        self._fields[field] = widget

    def add_check(self, field: str, box: QCheckBox, hint: str = "") -> None:
        """Add a check box for a field of the template."""
        self.form.add_wide(box, hint)
        self._marks[field] = ChangeMark(box)
        self._fields[field] = box
        box.toggled.connect(self._edited)

    def mark_at(self, field: str, words: QWidget) -> None:
        """Mark the changes of a field behind these words."""
        self._marks[field] = ChangeMark(words)

    def _edited(self, *_: object) -> None:
        self.changed.emit()

    # --- what the sheet says ------------------------------------------------------------------

    def mark(self, changed: frozenset[str]) -> bool:
        """Show which fields are changed; True when one of this tab is."""
        for field, mark in self._marks.items():
            mark.set_changed(changed=field in changed)
        return not changed.isdisjoint(self._marks)

    def show_problems(self, problems: Mapping[str, str]) -> bool:
        """Put the sentences beside their fields; True when one is of this tab."""
        told = {**problems, **self.own_problems()}
        for field, widget in self._fields.items():
            if self.form.has_field(widget):
                self.form.set_error(widget, told.get(field, ""))
        return any(field in told for field in self._fields)


def with_room(widget: QWidget) -> QWidget:
    """The widget in its own width, with the rest of the row empty; it gets the holder's focus."""
    holder = QWidget()
    holder.setObjectName(f"{widget.objectName()}_holder")
    holder.setFocusProxy(widget)
    row = QHBoxLayout(holder)
    row.setContentsMargins(0, 0, 0, 0)
    row.addWidget(widget)
    row.addStretch(1)
    return holder

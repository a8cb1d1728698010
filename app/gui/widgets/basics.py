"""The small pieces: labels of the type scale, cards, buttons, empty states, search fields."""

from __future__ import annotations

import html
from typing import TYPE_CHECKING

from PySide6.QtCore import QSize, Qt, QTimer, Signal
from PySide6.QtGui import QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from app.gui.icons import icon, paint_icon
from app.gui.theme import Role, Space

if TYPE_CHECKING:
    from collections.abc import Callable

SEARCH_DELAY_MS = 250


def label(text: str, look: str = "", *, wrap: bool = False, selectable: bool = False) -> QLabel:
    """A plain-text label; looks: heading title section strong muted small caption error mono."""
    made = QLabel(text)
    made.setTextFormat(Qt.TextFormat.PlainText)
    made.setProperty("look", look)
    made.setWordWrap(wrap)
    if selectable:
        made.setTextInteractionFlags(
            Qt.TextInteractionFlag.TextSelectableByMouse
            | Qt.TextInteractionFlag.TextSelectableByKeyboard
        )
    return made


def plain_tip(text: str) -> str:
    """A tooltip that shows `text` as it is; Qt would take a token's label `<b>x` for markup."""
    return f"<qt>{html.escape(text)}</qt>" if "<" in text else text


def button(
    text: str,
    name: str,
    clicked: Callable[[], None] | None = None,
    *,
    look: str = "",
    icon_name: str = "",
    tooltip: str = "",
) -> QPushButton:
    """A push button; looks: primary danger quiet link. `name` is its stable object name."""
    made = QPushButton(text)
    made.setObjectName(name)
    made.setProperty("look", look)
    made.setAccessibleName(text)
    made.setAutoDefault(False)
    if icon_name:
        role = {"primary": Role.ON_ACCENT, "danger": Role.ON_ACCENT, "link": Role.ACCENT}.get(
            look, Role.MUTED
        )
        made.setIcon(icon(icon_name, role))
        made.setIconSize(QSize(16, 16))
    if tooltip:
        made.setToolTip(tooltip)
    if clicked is not None:
        made.clicked.connect(lambda _checked=False: clicked())
    return made


def set_look(widget: QWidget, look: str) -> None:
    """Change the look of a widget that is shown already."""
    if widget.property("look") != look:
        widget.setProperty("look", look)
        widget.style().unpolish(widget)
        widget.style().polish(widget)


class IconLabel(QWidget):
    """One bundled icon, at a fixed size, in the colour of a role."""

    def __init__(self, name: str, role: Role, size: int = 18, parent: QWidget | None = None):
        super().__init__(parent)
        self._name, self._role = name, role
        self.setFixedSize(size, size)

    def set_icon(self, name: str, role: Role) -> None:
        """Show another icon."""
        self._name, self._role = name, role
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        del event
        painter = QPainter(self)
        paint_icon(painter, self.rect().toRectF(), self._name, self._role)
        painter.end()


class ElidedLabel(QLabel):
    """A line that ends in … where it does not fit, and has the whole text as its tooltip."""

    def __init__(self, text: str = "", look: str = "", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._text = ""
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setProperty("look", look)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        self.set_text(text)

    def set_text(self, text: str) -> None:
        """Show `text`, as much of it as fits."""
        self._text = text
        self.setAccessibleName(text)
        self._elide()
        self.updateGeometry()

    def text_whole(self) -> str:
        """The text without …."""
        return self._text

    def sizeHint(self) -> QSize:
        self.ensurePolished()
        metrics = self.fontMetrics()
        return QSize(metrics.horizontalAdvance(self._text) + 4, metrics.height() + 2)

    def minimumSizeHint(self) -> QSize:
        return QSize(24, self.sizeHint().height())

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._elide()

    def _elide(self) -> None:
        self.ensurePolished()
        shown = self.fontMetrics().elidedText(
            self._text, Qt.TextElideMode.ElideRight, max(self.width(), 24)
        )
        self.setText(shown)
        self.setToolTip(plain_tip(self._text) if shown != self._text else "")


class Card(QFrame):
    """A raised ground with an optional heading; put content into `body`, extras into `head`."""

    def __init__(self, title: str = "", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("look", "card")
        outer = QVBoxLayout(self)
        outer.setContentsMargins(Space.L, Space.M + 2, Space.L, Space.L)
        outer.setSpacing(Space.M)
        self.head = QHBoxLayout()
        self.head.setSpacing(Space.S)
        self.body = QVBoxLayout()
        self.body.setSpacing(Space.S)
        if title:
            self.title_label = label(title, "section")
            self.setAccessibleName(title)
            self.head.addWidget(self.title_label)
            self.head.addStretch(1)
            outer.addLayout(self.head)
        outer.addLayout(self.body, 1)


class EmptyState(QWidget):
    """What an empty place says: an icon, one sentence, and at most one thing to do."""

    def __init__(
        self,
        icon_name: str,
        sentence: str,
        action_text: str = "",
        action: Callable[[], None] | None = None,
        *,
        name: str = "empty_state",
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.setObjectName(name)
        self.setAccessibleName(sentence)
        column = QVBoxLayout(self)
        column.setContentsMargins(Space.XL, Space.XXL, Space.XL, Space.XXL)
        column.setSpacing(Space.M)
        column.addStretch(1)
        column.addWidget(IconLabel(icon_name, Role.MUTED, 40), 0, Qt.AlignmentFlag.AlignHCenter)
        text = label(sentence, "muted", wrap=True)
        text.setAlignment(Qt.AlignmentFlag.AlignHCenter)
        self.sentence = text
        line = QHBoxLayout()
        line.addStretch(1)
        line.addWidget(text, 8)
        line.addStretch(1)
        column.addLayout(line)
        if action_text and action is not None:
            self.action_button = button(action_text, f"{name}_action", action, look="primary")
            column.addWidget(self.action_button, 0, Qt.AlignmentFlag.AlignHCenter)
        column.addStretch(2)


class SearchField(QLineEdit):
    """A filter line; `searched` comes 250 ms after the last key, at once on Return or clear."""

    searched = Signal(str)

    def __init__(self, placeholder: str, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName(name)
        self.setProperty("look", "search")
        self.setPlaceholderText(placeholder)
        self.setAccessibleName(placeholder)
        self.setClearButtonEnabled(True)
        self.setMinimumWidth(150)
        self.addAction(icon("search"), QLineEdit.ActionPosition.LeadingPosition)
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(SEARCH_DELAY_MS)
        self._timer.timeout.connect(self._search)
        self._last = ""
        self.textChanged.connect(self._typed)
        self.returnPressed.connect(self._search)

    def _typed(self, text: str) -> None:
        if text:
            self._timer.start()
        else:
            self._search()

    def _search(self) -> None:
        self._timer.stop()
        text = self.text().strip()
        if text != self._last:
            self._last = text
            self.searched.emit(text)

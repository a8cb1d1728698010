"""The badge of a state: icon, colour and word, so that none of the three stands alone."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QFont, QFontMetrics, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from app.domain.status import LinkState
from app.gui.icons import STATE_MARKS, paint_icon
from app.gui.theme import current_theme, state_roles
from app.gui.widgets.basics import plain_tip

_MARK = 14
_PAD = 10
_GAP = 6
_HEIGHT = 24


class StateBadge(QWidget):
    """A pill that says a state; too long a word ends in … and is whole in the tooltip."""

    def __init__(
        self,
        state: LinkState = LinkState.UNCHECKED,
        word: str = "",
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._state = state
        self._word = word
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        self.set_state(state, word)

    @property
    def state(self) -> LinkState:
        """The state that is shown."""
        return self._state

    @property
    def word(self) -> str:
        """The word that is shown."""
        return self._word

    def set_state(self, state: LinkState, word: str) -> None:
        """Show another state."""
        self._state, self._word = state, word
        self.setAccessibleName(self.tr("State: {word}").format(word=word))
        self.setVisible(bool(word))
        self.updateGeometry()
        self.update()

    def _font(self) -> QFont:
        theme = current_theme()
        return theme.font(theme.type.small, QFont.Weight.DemiBold)

    def sizeHint(self) -> QSize:
        width = QFontMetrics(self._font()).horizontalAdvance(self._word)
        return QSize(width + 2 * _PAD + _MARK + _GAP + 2, _HEIGHT)

    def minimumSizeHint(self) -> QSize:
        return QSize(min(self.sizeHint().width(), 96), _HEIGHT)

    def paintEvent(self, event: QPaintEvent) -> None:
        del event
        theme = current_theme()
        text_role, ground = state_roles(self._state)
        width = min(self.width(), self.sizeHint().width())
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.color(ground))
        pill = QRectF(0, 0, width, _HEIGHT)
        painter.drawRoundedRect(pill, _HEIGHT / 2, _HEIGHT / 2)
        mark = QRectF(QPointF(_PAD - 1, (_HEIGHT - _MARK) / 2), QSize(_MARK, _MARK).toSizeF())
        paint_icon(painter, mark, STATE_MARKS[self._state], text_role)
        painter.setPen(theme.color(text_role))
        painter.setFont(self._font())
        room = QRectF(mark.right() + _GAP, 0, width - mark.right() - _GAP - _PAD + 2, _HEIGHT)
        shown = QFontMetrics(self._font()).elidedText(
            self._word, Qt.TextElideMode.ElideRight, int(room.width()) + 1
        )
        painter.drawText(room, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft, shown)
        painter.end()
        self.setToolTip(plain_tip(self._word) if shown != self._word else "")

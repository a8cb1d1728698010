"""The parts of the wizard around its pages: step list, summary, narrated work."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QFont, QFontMetrics, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import (
    QFrame,
    QGridLayout,
    QHBoxLayout,
    QPlainTextEdit,
    QProgressBar,
    QVBoxLayout,
    QWidget,
)

from app.domain.status import LinkState
from app.gui.icons import paint_icon
from app.gui.progress import NarratedStep, ProgressSnapshot, StepOutcome
from app.gui.theme import Role, Space, current_theme
from app.gui.widgets.banner import InlineBanner
from app.gui.widgets.basics import IconLabel, label

if TYPE_CHECKING:
    from collections.abc import Sequence

    from app.domain.errors import SealkeeperError

_STEP = 36
_WIDTH = 224


class StepList(QFrame):
    """The steps at the left: done ones ticked, the current one bold, later ones quiet."""

    def __init__(self, title: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("wizard_steps")
        self.setProperty("look", "pane-left")
        self.setFixedWidth(_WIDTH)
        heading = label(title, "section", wrap=True)
        column = QVBoxLayout(self)
        column.setContentsMargins(Space.L, Space.XL, Space.M, Space.L)
        column.setSpacing(Space.L)
        column.addWidget(heading)
        self._paper = _Steps()
        column.addWidget(self._paper)
        column.addStretch(1)

    def show_steps(self, titles: Sequence[str], current: int, *, finished: bool) -> None:
        """Show where the user is."""
        self._paper.titles = list(titles)
        self._paper.current = len(titles) if finished else current
        self._paper.setFixedHeight(len(titles) * _STEP)
        spoken = "" if finished else titles[current]
        self.setAccessibleName(
            self.tr("Step {number} of {count}: {title}").format(
                number=min(current + 1, len(titles)), count=len(titles), title=spoken
            )
        )
        self._paper.update()


class _Steps(QWidget):
    """Paints the list."""

    def __init__(self) -> None:
        super().__init__()
        self.titles: list[str] = []
        self.current = 0

    def sizeHint(self) -> QSize:
        return QSize(_WIDTH - 32, len(self.titles) * _STEP)

    def paintEvent(self, event: QPaintEvent) -> None:
        del event
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        for number, title in enumerate(self.titles):
            self._paint_step(painter, number, title)
        painter.end()

    def _paint_step(self, painter: QPainter, number: int, title: str) -> None:
        theme = current_theme()
        top = number * _STEP
        done, now = number < self.current, number == self.current
        circle = QRectF(1, top + 7, 22, 22)
        role = Role.OK if done else Role.ACCENT if now else Role.FIELD_LINE
        if number + 1 < len(self.titles):
            painter.setPen(QPen(theme.color(Role.OK if done else Role.LINE), 1.5))
            painter.drawLine(12, top + 32, 12, top + _STEP + 4)
        ground = Role.OK_SOFT if done else Role.ACCENT if now else Role.PANEL
        painter.setPen(QPen(theme.color(role), 1.5))
        painter.setBrush(theme.color(ground))
        painter.drawEllipse(circle)
        if done:
            paint_icon(painter, circle.adjusted(4, 4, -4, -4), "check", Role.OK)
        else:
            painter.setPen(theme.color(Role.ON_ACCENT if now else Role.MUTED))
            painter.setFont(theme.font(theme.type.caption, QFont.Weight.DemiBold))
            painter.drawText(circle, Qt.AlignmentFlag.AlignCenter, str(number + 1))
        weight = QFont.Weight.DemiBold if now else QFont.Weight.Normal
        painter.setFont(theme.font(theme.type.body, weight))
        painter.setPen(theme.color(Role.TEXT if now or done else Role.MUTED))
        room = QRectF(34, top, self.width() - 36, _STEP)
        metrics = QFontMetrics(painter.font())
        shown = metrics.elidedText(title, Qt.TextElideMode.ElideRight, int(2 * room.width()) - 30)
        left = Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft
        painter.drawText(room, left | Qt.TextFlag.TextWordWrap, shown)


class SummaryPage(QWidget):
    """What will be done, line by line."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("wizard_summary")
        self.setProperty("look", "scrolled")
        column = QVBoxLayout(self)
        column.setContentsMargins(Space.XL, Space.S, Space.XL, Space.L)
        self._table = LineTable()
        column.addWidget(self._table)
        column.addStretch(1)

    def show_lines(self, lines: Sequence[tuple[str, str]]) -> None:
        """Show the lines; equal headings in a row are written once."""
        self._table.show_lines(lines)


class LineTable(QFrame):
    """Lines of (what, value) on a card, divided by hairlines."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("look", "card")
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(Space.L, Space.S, Space.L, Space.S)
        self._grid.setHorizontalSpacing(Space.XL)
        self._grid.setVerticalSpacing(7)
        self._grid.setColumnStretch(1, 1)
        self._grid.setColumnMinimumWidth(0, 150)

    def show_lines(self, lines: Sequence[tuple[str, str]]) -> None:
        """Replace the lines."""
        while (item := self._grid.takeAt(0)) is not None:
            widget = item.widget()
            if widget is not None:
                widget.hide()
                widget.deleteLater()
        before = ""
        for number, (what, value) in enumerate(lines):
            if number and what != before:
                rule = QFrame()
                rule.setProperty("look", "line")
                self._grid.addWidget(rule, 2 * number - 1, 0, 1, 2)
            top = Qt.AlignmentFlag.AlignTop
            self._grid.addWidget(
                label("" if what == before else what, "muted", wrap=True), 2 * number, 0, top
            )
            self._grid.addWidget(label(value, wrap=True, selectable=True), 2 * number, 1, top)
            before = what
        self.setVisible(bool(lines))


_OUTCOMES = {
    StepOutcome.RUNNING: ("more", Role.ACCENT, "running"),
    StepOutcome.DONE: ("ok", Role.OK, "done"),
    StepOutcome.FAILED: ("bad", Role.BAD, "failed"),
}


class WorkPage(QWidget):
    """The steps as the service tells them, then the result or the error."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("wizard_work")
        self.setProperty("look", "scrolled")
        self.bar = QProgressBar()
        self.bar.setTextVisible(False)
        self.bar.setAccessibleName(self.tr("Progress"))
        self.banner = InlineBanner("wizard_result")
        self.detail = QPlainTextEdit()
        self.detail.setObjectName("wizard_detail")
        self.detail.setProperty("look", "detail")
        self.detail.setReadOnly(True)
        self.detail.setAccessibleName(self.tr("Technical detail"))
        self.detail.setFixedHeight(110)
        self.lines = LineTable()
        self._list = QVBoxLayout()
        self._list.setSpacing(Space.S)
        self._shown: tuple[NarratedStep, ...] = ()
        column = QVBoxLayout(self)
        column.setContentsMargins(Space.XL, Space.S, Space.XL, Space.L)
        column.setSpacing(Space.L)
        column.addWidget(self.bar)
        column.addWidget(self.banner)
        column.addLayout(self._list)
        column.addWidget(self.detail)
        column.addWidget(self.lines)
        column.addStretch(1)

    def start(self) -> None:
        """Begin anew."""
        self._show_steps(())
        self.bar.setRange(0, 0)
        self.bar.show()
        for widget in (self.banner, self.detail, self.lines):
            widget.hide()

    def narrate(self, progress: ProgressSnapshot) -> None:
        """Show how far the service is."""
        self.bar.setRange(0, progress.total)
        self.bar.setValue(progress.done)
        if progress.steps != self._shown:
            self._show_steps(progress.steps)

    def succeed(self, sentence: str, lines: Sequence[tuple[str, str]]) -> None:
        """Show the result."""
        self.bar.hide()
        self.banner.show_message(LinkState.OK, sentence)
        self.lines.show_lines(lines)

    def fail(self, error: SealkeeperError) -> None:
        """Show why it did not work; the steps above it say what was done."""
        self.bar.hide()
        self.banner.show_error(error)
        self.detail.setPlainText(error.detail)
        self.detail.setVisible(bool(error.detail))

    def _show_steps(self, steps: tuple[NarratedStep, ...]) -> None:
        self._shown = steps
        while (item := self._list.takeAt(0)) is not None:
            widget = item.widget()
            if widget is not None:
                widget.hide()
                widget.deleteLater()
        for step in steps:
            self._list.addWidget(_StepLine(step))


class _StepLine(QWidget):
    """One narrated step."""

    def __init__(self, step: NarratedStep) -> None:
        super().__init__()
        name, role, word = _OUTCOMES[step.outcome]
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(Space.M)
        row.addWidget(IconLabel(name, role, 18), 0, Qt.AlignmentFlag.AlignTop)
        row.addWidget(label(step.text, wrap=True), 1)
        self.setAccessibleName(f"{step.text}: {word}")

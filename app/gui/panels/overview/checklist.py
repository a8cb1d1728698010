"""The integration guide as a checklist: what is done, what comes next, and the way to it."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import QRectF, QSize, Qt, Signal
from PySide6.QtGui import QFont, QGuiApplication, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QFrame, QHBoxLayout, QProgressBar, QToolButton, QVBoxLayout, QWidget

from app.domain.status import ChecklistStep, StepState
from app.gui.icons import icon, paint_icon
from app.gui.panels.overview.facts import shell_command
from app.gui.theme import Role, Space, current_theme
from app.gui.widgets.basics import Card, button, label

if TYPE_CHECKING:
    from collections.abc import Sequence

_MARK = 26
_WORDS = {
    StepState.DONE: "done",
    StepState.NEXT: "next",
    StepState.LATER: "later",
    StepState.ATTENTION: "needs attention",
}


class StepMark(QWidget):
    """The number of a step in a circle, or a tick."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self._number = number
        self._state = StepState.LATER
        self.setFixedSize(_MARK, _MARK)

    def set_state(self, state: StepState) -> None:
        """Show another state."""
        self._state = state
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        del event
        theme = current_theme()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        line, ground, text = {
            StepState.DONE: (Role.OK, Role.OK_SOFT, Role.OK),
            StepState.NEXT: (Role.ACCENT, Role.ACCENT, Role.ON_ACCENT),
            StepState.LATER: (Role.FIELD_LINE, Role.CARD, Role.MUTED),
            StepState.ATTENTION: (Role.WARN, Role.WARN_SOFT, Role.WARN),
        }[self._state]
        circle = QRectF(1, 1, _MARK - 2, _MARK - 2)
        painter.setPen(QPen(theme.color(line), 1.5))
        painter.setBrush(theme.color(ground))
        painter.drawEllipse(circle)
        if self._state is StepState.DONE:
            paint_icon(painter, circle.adjusted(5, 5, -5, -5), "check", Role.OK)
        else:
            painter.setPen(theme.color(text))
            painter.setFont(theme.font(theme.type.small, QFont.Weight.DemiBold))
            painter.drawText(circle, Qt.AlignmentFlag.AlignCenter, str(self._number))
        painter.end()


class StepLine(QFrame):
    """One step; the next one has a button, every one its command.

    Signals:
        wanted: the button was pressed.
        command_toggled: the command was shown.
    """

    wanted = Signal()
    command_shown = Signal()

    def __init__(self, step: ChecklistStep, number: int, verb: str) -> None:
        super().__init__()
        self.setObjectName(f"step_{step.key}")
        self.step = step
        self.mark = StepMark(number)
        self.title = label("", wrap=True)
        self.fact = label("", "small", wrap=True, selectable=True)
        self.go = button(verb, f"step_{step.key}_go", self.wanted.emit, look="primary")
        self.terminal = QToolButton()
        self.command = label("", "mono", wrap=True, selectable=True)
        self.copy = button(
            self.tr("Copy"), f"step_{step.key}_copy", self._copy, look="quiet", icon_name="copy"
        )
        self._box = QFrame()
        self._build(step.key)
        self.show_step(step)

    def _build(self, key: str) -> None:
        self.terminal.setObjectName(f"step_{key}_command")
        self.terminal.setIcon(icon("terminal"))
        self.terminal.setIconSize(QSize(16, 16))
        self.terminal.setCheckable(True)
        self.terminal.setToolTip(self.tr("Show the command"))
        self.terminal.toggled.connect(self._toggle)
        self.command.setObjectName(f"step_{key}_command_text")
        words = QVBoxLayout()
        words.setSpacing(1)
        words.addWidget(self.title)
        words.addWidget(self.fact)
        line = QHBoxLayout()
        line.setSpacing(Space.M)
        line.addWidget(self.mark, 0, Qt.AlignmentFlag.AlignTop)
        line.addLayout(words, 1)
        line.addWidget(self.go, 0, Qt.AlignmentFlag.AlignVCenter)
        line.addWidget(self.terminal, 0, Qt.AlignmentFlag.AlignVCenter)
        self._box.setProperty("look", "unchecked")
        inner = QHBoxLayout(self._box)
        inner.setContentsMargins(Space.M, Space.S, Space.S, Space.S)
        inner.setSpacing(Space.S)
        inner.addWidget(self.command, 1)
        inner.addWidget(self.copy, 0, Qt.AlignmentFlag.AlignTop)
        self._box.hide()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, Space.S + 1, 0, Space.S + 1)
        column.setSpacing(Space.S)
        column.addLayout(line)
        column.addWidget(self._box)

    def show_step(self, step: ChecklistStep) -> None:
        """Show the step as it is now."""
        self.step = step
        self.mark.set_state(step.state)
        self.title.setText(step.title)
        look = {StepState.NEXT: "strong", StepState.LATER: "muted"}.get(step.state, "")
        if self.title.property("look") != look:
            self.title.setProperty("look", look)
            self.title.style().unpolish(self.title)
            self.title.style().polish(self.title)
        self.fact.setText(step.fact)
        self.go.setVisible(step.state is StepState.NEXT)
        command = shell_command(step.command)
        self.command.setText(command)
        self.terminal.setVisible(bool(command))
        self.terminal.setAccessibleName(
            self.tr("Show the command: {title}").format(title=step.title)
        )
        self.setAccessibleName(f"{step.title}: {_WORDS[step.state]}. {step.fact}")

    def _toggle(self, shown: bool) -> None:
        self._box.setVisible(shown)
        if shown:
            self.command_shown.emit()

    def close_command(self) -> None:
        """Hide the command."""
        self.terminal.setChecked(False)

    def _copy(self) -> None:
        QGuiApplication.clipboard().setText(self.command.text())


class ChecklistCard(Card):
    """All steps with a progress bar.

    Signals:
        wanted: carries the action of the step whose button was pressed.
    """

    wanted = Signal(str)

    def __init__(self, verbs: dict[str, str]) -> None:
        super().__init__("Integration guide")
        self.setObjectName("checklist")
        self._verbs = verbs
        self.lines: dict[str, StepLine] = {}
        self.count = label("", "small")
        self.count.setObjectName("checklist_count")
        # As high as the head of the card beside it, which has a button.
        self.head.addStrut(28)
        self.head.addWidget(self.count)
        self.bar = QProgressBar()
        self.bar.setTextVisible(False)
        self.bar.setAccessibleName(self.tr("Steps that are done"))
        self.body.addWidget(self.bar)
        self._column = QVBoxLayout()
        self._column.setSpacing(0)
        self.body.addLayout(self._column)
        self.body.addStretch(1)

    def show_steps(self, steps: Sequence[ChecklistStep]) -> None:
        """Show the steps; the widgets stay, so that an opened command stays open."""
        for number, step in enumerate(steps, start=1):
            if step.key in self.lines:
                self.lines[step.key].show_step(step)
            else:
                self._add(step, number)
        done = sum(step.state is StepState.DONE for step in steps)
        self.bar.setRange(0, len(steps))
        self.bar.setValue(done)
        self.count.setText(self.tr("{done} of {all} done").format(done=done, all=len(steps)))

    def _add(self, step: ChecklistStep, number: int) -> None:
        if self.lines:
            rule = QFrame()
            rule.setProperty("look", "line")
            self._column.addWidget(rule)
        line = StepLine(step, number, self._verbs.get(step.action, self.tr("Open")))
        line.wanted.connect(partial(self._want, step.key))
        line.command_shown.connect(partial(self._close_others, step.key))
        self.lines[step.key] = line
        self._column.addWidget(line)

    def _want(self, key: str) -> None:
        self.wanted.emit(self.lines[key].step.action)

    def _close_others(self, key: str) -> None:
        for other, line in self.lines.items():
            if other != key:
                line.close_command()

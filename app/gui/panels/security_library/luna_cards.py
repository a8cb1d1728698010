"""The cards of the Luna Client page: the guide's tasks, and what is worth a look."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QVBoxLayout

from app.domain.luna import TaskName, TaskState
from app.gui.panels.security_library.luna_facts import problem_text, task_mark, task_word
from app.gui.theme import Role, Space
from app.gui.widgets.basics import Card, IconLabel, button, label
from app.gui.widgets.state_badge import StateBadge

if TYPE_CHECKING:
    from collections.abc import Sequence

    from app.domain.luna import ClientTask, FileProblem

_BUTTON_WIDTH = 150


class TaskLine(QFrame):
    """One task: what it is for, how it stands, and the button that does it.

    Signals:
        wanted: the button was pressed.
    """

    wanted = Signal()

    def __init__(self, task: ClientTask) -> None:
        super().__init__()
        self.setObjectName(f"luna_task_{task.name}")
        self.title = label(task.title, "strong")
        self.badge = StateBadge()
        self.badge.setObjectName(f"luna_task_{task.name}_badge")
        self.explanation = label(task.explanation, "muted", wrap=True)
        self.note = label("", "small", wrap=True, selectable=True)
        self.note.setObjectName(f"luna_task_{task.name}_note")
        self.button = button("", f"luna_task_{task.name}_do", self.wanted.emit)
        self.button.setMinimumWidth(_BUTTON_WIDTH)
        head = QHBoxLayout()
        head.setSpacing(Space.M)
        head.addWidget(self.title)
        head.addWidget(self.badge)
        head.addStretch(1)
        words = QVBoxLayout()
        words.setSpacing(3)
        words.addLayout(head)
        words.addWidget(self.explanation)
        words.addWidget(self.note)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, Space.S, 0, Space.S)
        row.setSpacing(Space.XL)
        row.addLayout(words, 1)
        row.addWidget(self.button, 0, Qt.AlignmentFlag.AlignVCenter)
        self.show_task(task, why_not="")

    def show_task(self, task: ClientTask, why_not: str) -> None:
        """Show the task as it is now; `why_not` disables the button."""
        self.badge.set_state(task_mark(task), task_word(task))
        versions = self.tr("Applies to: {versions}.").format(versions=task.versions)
        self.note.setText(f"{task.reason} {versions}".strip())
        words = self._verb(task)
        self.button.setText(words)
        self.button.setAccessibleName(f"{words} {task.title}")
        self.button.setVisible(bool(words))
        self.button.setEnabled(not why_not or task.state is TaskState.UNDECIDED)
        self.button.setToolTip(why_not)
        self.setAccessibleName(f"{task.title}: {task_word(task)}. {task.reason}")

    def _verb(self, task: ClientTask) -> str:
        if task.state is TaskState.UNDECIDED:
            return self.tr("Give Version…")
        if task.name is TaskName.CLOUD:
            return self.tr("Merge…") if task.state is not TaskState.NOT_APPLICABLE else ""
        return self.tr("Show Difference…") if task.state is TaskState.OPEN else ""


class TasksCard(Card):
    """All tasks of the guide.

    Signals:
        wanted: carries the task whose button was pressed.
    """

    wanted = Signal(object)

    def __init__(self) -> None:
        super().__init__("Tasks of the integration guide")
        self.setObjectName("luna_tasks")
        self.lines: dict[TaskName, TaskLine] = {}
        self._tasks: dict[TaskName, ClientTask] = {}
        self.body.setSpacing(0)

    def show_tasks(self, tasks: Sequence[ClientTask], why_not: str) -> None:
        """Show the tasks; the widgets stay, so that the keyboard does not lose its place."""
        self._tasks = {task.name: task for task in tasks}
        for task in tasks:
            if task.name not in self.lines:
                self._add(task)
            self.lines[task.name].show_task(task, why_not)

    def _add(self, task: ClientTask) -> None:
        if self.lines:
            rule = QFrame()
            rule.setProperty("look", "line")
            self.body.addWidget(rule)
        line = TaskLine(task)
        line.wanted.connect(partial(self._want, task.name))
        self.lines[task.name] = line
        self.body.addWidget(line)

    def _want(self, name: TaskName) -> None:
        self.wanted.emit(self._tasks[name])


class ProblemsCard(Card):
    """What an administrator should look at in the file; hidden when there is nothing."""

    def __init__(self) -> None:
        super().__init__("Worth a look")
        self.setObjectName("luna_problems")
        self._shown: tuple[FileProblem, ...] = ()
        self.hide()

    def show_problems(self, problems: tuple[FileProblem, ...]) -> None:
        """Show these sentences."""
        self.setVisible(bool(problems))
        if problems == self._shown:
            return
        self._shown = problems
        while (item := self.body.takeAt(0)) is not None:
            widget = item.widget()
            if widget is not None:
                widget.hide()
                widget.deleteLater()
        for problem in problems:
            self.body.addWidget(_ProblemLine(problem_text(problem)))


class _ProblemLine(QFrame):
    """A mark and a sentence."""

    def __init__(self, sentence: str) -> None:
        super().__init__()
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(Space.M)
        row.addWidget(IconLabel("warning", Role.WARN, 18), 0, Qt.AlignmentFlag.AlignTop)
        row.addWidget(label(sentence, wrap=True, selectable=True), 1)
        self.setAccessibleName(sentence)

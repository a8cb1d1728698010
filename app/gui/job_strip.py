"""The job strip: what runs for longer than half a second, with progress and Cancel."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Slot
from PySide6.QtWidgets import QFrame, QHBoxLayout, QProgressBar, QWidget

from app.gui.theme import Space
from app.gui.widgets.basics import ElidedLabel, button, label

if TYPE_CHECKING:
    from app.gui.tasks import Task, TaskRunner


class JobStrip(QFrame):
    """Shows the oldest visible task and how many more there are; absent while there is none."""

    def __init__(self, runner: TaskRunner, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._runner = runner
        self._task: Task | None = None
        self.setObjectName("job_strip")
        self.setAccessibleName(self.tr("Running tasks"))
        self.text = ElidedLabel()
        self.text.setObjectName("job_text")
        self.bar = QProgressBar()
        self.bar.setObjectName("job_progress")
        self.bar.setTextVisible(False)
        self.bar.setFixedWidth(160)
        self.bar.setAccessibleName(self.tr("Progress"))
        self.time = label("", "small")
        self.cancel = button(self.tr("Cancel"), "job_cancel", self._cancel)
        self.more = label("", "small")
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(Space.M)
        for widget in (self.text, self.bar, self.time, self.cancel, self.more):
            row.addWidget(widget)
        runner.ticked.connect(self._show)
        runner.changed.connect(self._show)
        self.hide()

    @Slot()
    def _show(self) -> None:
        visible = self._runner.visible()
        self.setVisible(bool(visible))
        if not visible:
            self._task = None
            return
        task = self._task = visible[0]
        progress = task.snapshot()
        text = f"{task.label}: {progress.text}" if progress.text else task.label
        if task.progress.cancelled:
            text = self.tr("Cancelling: {label}").format(label=task.label)
        if text != self.text.text_whole():
            self.text.set_text(text)
        self.bar.setRange(0, progress.total)
        self.bar.setValue(progress.done)
        self.time.setText(f"{int(task.elapsed)} s")
        self.cancel.setEnabled(not task.progress.cancelled)
        others = len(visible) - 1
        self.more.setText(self.tr("and {count} more").format(count=others) if others else "")

    def _cancel(self) -> None:
        if self._task is not None:
            self._task.cancel()
            self._show()

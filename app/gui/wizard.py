"""A calm wizard: steps at the left, one page at a time, a summary, then narrated work."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QDialog as _QDialog
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QProgressBar,
    QScrollArea,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from app.gui.theme import Space
from app.gui.widgets.basics import button, label
from app.gui.wizard_page import AsyncCheck, FieldError, WizardPage
from app.gui.wizard_parts import StepList, SummaryPage, WorkPage

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from PySide6.QtGui import QCloseEvent, QKeyEvent

    from app.domain.errors import SealkeeperError
    from app.gui.tasks import Task, TaskRunner


__all__ = ["AsyncCheck", "FieldError", "Wizard", "WizardPage"]


class Wizard(_QDialog):
    """Pages, then “what will be done”, then the work itself; open it with `open()`.

    Args:
        title: of the window, for example `Register HSM Slot`.
        pages: in the order of the procedure.
        finish: Qt-free; called in a task thread with the values of all pages as keywords, or, where
            `progress` is given, with a `Progress` under that keyword too.
        runner: the task runner.
        finish_text: words of the last button, for example `Configure`.
        working: label of the task, for example `Setting up Integration-CA`.
        result: makes (sentence, lines of (what, value)) from what `finish` returned.

    Signals:
        completed: carries what `finish` returned; emitted once, before the wizard is closed.
    """

    completed = Signal(object)

    def __init__(  # noqa: PLR0913 - all that a wizard is, named
        self,
        title: str,
        pages: Sequence[WizardPage],
        *,
        finish: Callable[..., Any],
        runner: TaskRunner,
        finish_text: str,
        working: str,
        result: Callable[[Any], tuple[str, Sequence[tuple[str, str]]]],
        progress: str | None = None,
        executor: str = "general",
        name: str = "wizard",
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.setObjectName(name)
        self.setWindowTitle(title)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self._finish = finish
        self._runner = runner
        self._progress = progress
        self._executor = executor
        self._working = working
        self._result = result
        self._task: Task | None = None
        self._finished = False
        self.pages = list(pages)
        self.summary_page = SummaryPage()
        self.work_page = WorkPage()
        self._index = 0
        self._make_widgets(title, finish_text)
        self._build()
        for page in self.pages:
            page.wizard = self
            page.build()
        runner.ticked.connect(self._narrate)
        self._show_page(self._next_from(-1))

    # --- construction -----------------------------------------------------------------------

    def _make_widgets(self, title: str, finish_text: str) -> None:
        self.setModal(True)
        self.resize(880, 600)
        self.setMinimumSize(760, 520)
        self._finish_text = finish_text
        self.steps = StepList(title)
        self.title = label("", "title")
        self.title.setObjectName("wizard_title")
        self.subtitle = label("", "muted", wrap=True)
        self.error = label("", "error", wrap=True)
        self.error.setObjectName("wizard_error")
        self.busy_text = label("", "small")
        self.busy_bar = QProgressBar()
        self.busy_bar.setRange(0, 0)
        self.busy_bar.setTextVisible(False)
        self.busy_bar.setFixedWidth(120)
        self.busy_bar.setAccessibleName(self.tr("Checking"))
        self.stack = QStackedWidget()
        self.back_button = button(self.tr("Back"), "wizard_back", self.back)
        self.next_button = button(self.tr("Next"), "wizard_next", self.next, look="primary")
        self.next_button.setDefault(True)
        self.cancel_button = button(self.tr("Cancel"), "wizard_cancel", self.reject)

    def _build(self) -> None:
        right = QVBoxLayout()
        right.setContentsMargins(0, 0, 0, 0)
        right.setSpacing(0)
        head = QVBoxLayout()
        head.setContentsMargins(Space.XL, Space.XL, Space.XL, Space.M)
        head.setSpacing(Space.XS)
        for widget in (self.title, self.subtitle, self.error):
            head.addWidget(widget)
        right.addLayout(head)
        for page in (*self.pages, self.summary_page, self.work_page):
            area = QScrollArea()
            area.setWidgetResizable(True)
            area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
            area.setWidget(page)
            self.stack.addWidget(area)
        right.addWidget(self.stack, 1)
        right.addWidget(self._footer())
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(0)
        row.addWidget(self.steps)
        row.addLayout(right, 1)

    def _footer(self) -> QFrame:
        footer = QFrame()
        footer.setProperty("look", "footer")
        row = QHBoxLayout(footer)
        row.setContentsMargins(Space.XL, Space.M, Space.XL, Space.M)
        row.setSpacing(Space.S)
        row.addWidget(self.busy_bar)
        row.addWidget(self.busy_text)
        row.addStretch(1)
        row.addWidget(self.back_button)
        row.addWidget(self.next_button)
        row.addWidget(self.cancel_button)
        return footer

    # --- going through the pages ------------------------------------------------------------

    def values(self) -> dict[str, Any]:
        """The values of all pages that apply, together."""
        together: dict[str, Any] = {}
        for page in self.pages:
            if page.applies():
                together.update(page.values())
        return together

    def _next_from(self, index: int) -> int:
        later = range(index + 1, len(self.pages))
        return next((n for n in later if self.pages[n].applies()), len(self.pages))

    def _before(self, index: int) -> int:
        return next((n for n in range(index - 1, -1, -1) if self.pages[n].applies()), -1)

    def _show_page(self, index: int) -> None:
        self._index = index
        self._show_error("")
        self._set_busy("")
        self.stack.setCurrentIndex(index)
        if index < len(self.pages):
            page = self.pages[index]
            page.form.clear_errors()
            page.entered()
            self._set_head(page.title, page.subtitle)
        else:
            self.summary_page.show_lines(
                [line for page in self.pages if page.applies() for line in page.summary()]
            )
            self._set_head(self.tr("Summary"), self.tr("This is what will be done."))
        self._refresh_steps()
        self._set_buttons()
        if index < len(self.pages):
            self._focus_first(self.pages[index])
        else:
            self.next_button.setFocus()

    def _set_head(self, title: str, subtitle: str) -> None:
        self.title.setText(title)
        self.subtitle.setText(subtitle)
        self.subtitle.setVisible(bool(subtitle))
        self.setAccessibleName(f"{self.windowTitle()}: {title}")

    def _refresh_steps(self) -> None:
        applying = [n for n, page in enumerate(self.pages) if page.applies()]
        titles = [self.pages[n].step for n in applying] + [self.tr("Summary"), self.tr("Result")]
        places = [*applying, len(self.pages), len(self.pages) + 1]
        current = places.index(self._index) if self._index in places else 0
        self.steps.show_steps(titles, current, finished=self._finished)

    def _set_buttons(self) -> None:
        last = self._index == len(self.pages)
        self.next_button.setText(self._finish_text if last else self.tr("Next"))
        self.next_button.setAccessibleName(self.next_button.text())
        self.back_button.setEnabled(self._before(min(self._index, len(self.pages))) >= 0)
        self.next_button.setEnabled(True)
        self.back_button.show()
        self.next_button.show()
        self.cancel_button.setText(self.tr("Cancel"))

    def _focus_first(self, page: WizardPage) -> None:
        for widget in page.findChildren(QWidget):
            takes = widget.focusPolicy() & Qt.FocusPolicy.TabFocus
            if takes and widget.isEnabled() and not widget.isHidden():
                widget.setFocus(Qt.FocusReason.TabFocusReason)
                return

    def back(self) -> None:
        """Show the page before; after a failure, the summary again."""
        if self._index > len(self.pages):
            self._show_page(len(self.pages))
        elif (before := self._before(self._index)) >= 0:
            self._show_page(before)

    def shows(self, page: WizardPage) -> bool:
        """Whether that page is shown now."""
        return self._index < len(self.pages) and self.pages[self._index] is page

    def return_to(self, page: WizardPage, wrong: FieldError) -> None:
        """Show an earlier page again and say below its field what turned out to be wrong."""
        self._show_page(self.pages.index(page))
        self._refuse(page, wrong)

    def next(self) -> None:
        """Validate and go on; on the summary, begin the work; at its end, close."""
        if self._finished:
            self.accept()
        elif self._index >= len(self.pages):
            self._work()
        else:
            self._validate(self.pages[self._index])

    def _validate(self, page: WizardPage) -> None:
        page.form.clear_errors()
        self._show_error("")
        verdict = page.validate()
        if verdict is None:
            self._show_page(self._next_from(self._index))
        elif isinstance(verdict, AsyncCheck):
            self._check(verdict)
        else:
            self._refuse(page, verdict)

    def _refuse(self, page: WizardPage, verdict: str | FieldError) -> None:
        if isinstance(verdict, FieldError) and page.form.has_field(verdict.field):
            page.form.set_error(verdict.field, verdict.sentence)
            verdict.field.setFocus()
        else:
            self._show_error(verdict if isinstance(verdict, str) else verdict.sentence)

    def _check(self, check: AsyncCheck) -> None:
        self._set_busy(check.label)
        self._task = self._runner.run(
            check.label,
            check.function,
            *check.args,
            owner=self,
            done=lambda result: self._checked(check, result),
            failed=lambda error: self._check_failed(check, error),
            executor=check.executor,
            supersede="check",
            quiet=True,
        )

    def _checked(self, check: AsyncCheck, result: object) -> None:
        self._task = None
        self._set_busy("")
        if check.done is not None:
            check.done(result)
        self._show_page(self._next_from(self._index))

    def _check_failed(self, check: AsyncCheck, error: SealkeeperError) -> None:
        self._task = None
        self._set_busy("")
        sentence = error.one_line()
        verdict = FieldError(check.field, sentence) if check.field is not None else sentence
        self._refuse(self.pages[self._index], verdict)

    def _set_busy(self, text: str) -> None:
        busy = bool(text)
        self.busy_bar.setVisible(busy)
        self.busy_text.setText(text)
        self.next_button.setEnabled(not busy)
        self.back_button.setEnabled(not busy and self._before(self._index) >= 0)
        self.stack.setEnabled(not busy)

    def _show_error(self, sentence: str) -> None:
        self.error.setText(sentence)
        self.error.setVisible(bool(sentence))

    # --- the work ---------------------------------------------------------------------------

    def _work(self) -> None:
        self._index = len(self.pages) + 1
        self.stack.setCurrentIndex(self._index)
        self._set_head(self.tr("Working"), self._working)
        self._refresh_steps()
        self.work_page.start()
        self.back_button.setEnabled(False)
        self.next_button.setEnabled(False)
        self._task = self._runner.run(
            self._working,
            _Call(self._finish, self.values()),
            owner=self,
            done=self._done,
            failed=self._failed,
            executor=self._executor,
            progress=self._progress,
            quiet=True,
        )

    def _narrate(self) -> None:
        if self._task is not None and self._index > len(self.pages):
            self.work_page.narrate(self._task.snapshot())

    def _done(self, value: object) -> None:
        self._narrate()
        self._task = None
        self._finished = True
        sentence, lines = self._result(value)
        self._set_head(self.tr("Done"), "")
        self.work_page.succeed(sentence, lines)
        self._refresh_steps()
        self.back_button.hide()
        self.cancel_button.hide()
        self.next_button.setText(self.tr("Close"))
        self.next_button.setEnabled(True)
        self.next_button.setFocus()
        self.completed.emit(value)

    def _failed(self, error: SealkeeperError) -> None:
        self._narrate()
        self._task = None
        self._set_head(self.tr("Not done"), self.tr("Go back to change something, or try again."))
        self.work_page.fail(error)
        self.back_button.setEnabled(True)
        self.next_button.setText(self.tr("Try Again"))
        self.next_button.setEnabled(True)
        self.next_button.setFocus()
        self.cancel_button.setEnabled(True)
        self.cancel_button.setText(self.tr("Close"))

    def reject(self) -> None:
        """Cancel: during the work it asks the service to stop, else it closes."""
        if self._task is not None and self._index > len(self.pages):
            self._task.cancel()
            self.cancel_button.setEnabled(False)
            self._set_head(self.tr("Cancelling"), self._working)
            return
        super().reject()

    def closeEvent(self, event: QCloseEvent) -> None:
        if self._task is not None and self._index > len(self.pages):
            event.ignore()
            self.reject()
            return
        super().closeEvent(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.modifiers() == Qt.KeyboardModifier.AltModifier and event.key() == Qt.Key.Key_Left:
            self.back()
            return
        super().keyPressEvent(event)


class _Call:
    """The finishing call with its values, which a repr must not show."""

    def __init__(self, function: Callable[..., Any], values: dict[str, Any]) -> None:
        self._function = function
        self._values = values

    def __call__(self, **more: object) -> object:
        return self._function(**self._values, **more)

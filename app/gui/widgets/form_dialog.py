"""A dialog of one form and one verb: checks its fields, works in a task, says what failed."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QDialog, QFrame, QHBoxLayout, QProgressBar, QVBoxLayout, QWidget

from app.domain.status import LinkState
from app.gui.forms import Form
from app.gui.theme import Space
from app.gui.widgets.banner import InlineBanner
from app.gui.widgets.basics import button, label
from app.gui.wizard import FieldError

if TYPE_CHECKING:
    from collections.abc import Callable

    from app.domain.errors import SealkeeperError
    from app.gui.tasks import TaskRunner


class FormDialog(QDialog):
    """Subclasses put fields into `form` and override `work`, and `validate` where needed.

    Open it with `open()`; it deletes itself when closed.

    Signals:
        completed: carries what the service returned; emitted once, after the dialog closed.
    """

    completed = Signal(object)

    def __init__(
        self,
        title: str,
        subtitle: str,
        verb: str,
        runner: TaskRunner,
        *,
        name: str,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.setObjectName(name)
        self.setWindowTitle(title)
        self.setAccessibleName(title)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setModal(True)
        self.setMinimumWidth(560)
        self._runner = runner
        self._busy = False
        self.form = Form()
        self.body = QVBoxLayout()
        self.banner = InlineBanner(f"{name}_banner")
        self.bar = QProgressBar()
        self.accept_button = button(verb, f"{name}_accept", self.submit, look="primary")
        self.cancel_button = button(self.tr("Cancel"), f"{name}_cancel", self.reject)
        self._build(title, subtitle)

    def _build(self, title: str, subtitle: str) -> None:
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.setSpacing(0)
        column = QVBoxLayout()
        column.setContentsMargins(Space.XL, Space.XL, Space.XL, Space.XL)
        column.setSpacing(Space.L)
        head = QVBoxLayout()
        head.setSpacing(Space.XS)
        head.addWidget(label(title, "title"))
        if subtitle:
            head.addWidget(label(subtitle, "muted", wrap=True))
        column.addLayout(head)
        column.addWidget(self.banner)
        column.addWidget(self.form)
        column.addLayout(self.body)
        column.addStretch(1)
        outer.addLayout(column, 1)
        outer.addWidget(self._footer())

    def _footer(self) -> QFrame:
        footer = QFrame()
        footer.setProperty("look", "footer")
        row = QHBoxLayout(footer)
        row.setContentsMargins(Space.XL, Space.M, Space.XL, Space.M)
        row.setSpacing(Space.S)
        self.bar.setRange(0, 0)
        self.bar.setTextVisible(False)
        self.bar.setFixedWidth(120)
        self.bar.setAccessibleName(self.tr("Working"))
        self.bar.hide()
        self.accept_button.setDefault(True)
        row.addWidget(self.bar)
        row.addStretch(1)
        row.addWidget(self.accept_button)
        row.addWidget(self.cancel_button)
        return footer

    # --- to override ------------------------------------------------------------------------

    def validate(self) -> FieldError | str | None:
        """None when the work may begin."""
        return None

    @abstractmethod
    def work(self) -> tuple[str, Callable[..., Any], tuple[object, ...]]:
        """The task: its label, a Qt-free function and its arguments."""

    def refused(self, error: SealkeeperError) -> None:
        """The service said no; by default a banner says so."""
        self.banner.show_error(error)
        self.grow()

    # --- help for subclasses ----------------------------------------------------------------

    def point_at(self, wrong: FieldError) -> None:
        """Say beside a field what is wrong with it."""
        self.form.set_error(wrong.field, wrong.sentence)
        wrong.field.setFocus()
        self.grow()

    def grow(self) -> None:
        """Make room for sentences that came."""
        layout = self.layout()
        if layout is not None:
            layout.activate()
            self.resize(self.width(), max(self.height(), layout.totalHeightForWidth(self.width())))

    # --- the work ---------------------------------------------------------------------------

    def submit(self) -> None:
        """Check the fields and, when they are right, run the task."""
        if self._busy:
            return
        self.banner.hide()
        self.form.clear_errors()
        verdict = self.validate()
        if isinstance(verdict, FieldError):
            self.point_at(verdict)
            return
        if verdict is not None:
            self.banner.show_message(LinkState.WARNING, verdict)
            self.grow()
            return
        words, function, arguments = self.work()
        self._set_busy(busy=True)
        self._runner.run(
            words, function, *arguments, owner=self, done=self._done, failed=self._failed
        )

    def _done(self, value: object) -> None:
        self._set_busy(busy=False)
        self.accept()
        self.completed.emit(value)

    def _failed(self, error: SealkeeperError) -> None:
        self._set_busy(busy=False)
        self.refused(error)

    def _set_busy(self, *, busy: bool) -> None:
        self._busy = busy
        self.bar.setVisible(busy)
        self.form.setEnabled(not busy)
        self.accept_button.setEnabled(not busy)

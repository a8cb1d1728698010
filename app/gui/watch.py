"""Looks at something again and again, one look at a time, while somebody sees it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, TypeVar

from PySide6.QtCore import QObject, QTimer

if TYPE_CHECKING:
    from collections.abc import Callable

    from app.domain.errors import SealkeeperError
    from app.gui.tasks import Task, TaskRunner

T = TypeVar("T")
SECONDS = 10.0


class Watch(QObject, Generic[T]):
    """Calls a service every few seconds and at once when asked, but never twice at a time.

    A look that is asked for while one runs follows it, so a slow token gets no pile of questions.
    Lives in the main thread and ends with its owner.
    """

    def __init__(  # noqa: PLR0913 - one call says all that a watch is
        self,
        owner: QObject,
        runner: TaskRunner,
        label: str,
        look: Callable[[], T],
        done: Callable[[T], None],
        failed: Callable[[SealkeeperError], None],
        *,
        seconds: float = SECONDS,
    ) -> None:
        """Watch nothing yet.

        Args:
            owner: what the results are for.
            runner: the task runner.
            label: of the task.
            look: Qt-free; called in a task thread.
            done: takes what was seen.
            failed: takes a known error.
            seconds: between two looks.
        """
        super().__init__(owner)
        self._runner = runner
        self._label = label
        self._look = look
        self._on_done = done
        self._on_failed = failed
        self._task: Task | None = None
        self._again = False
        self._timer = QTimer(self)
        self._timer.setInterval(int(seconds * 1000))
        self._timer.timeout.connect(self.look)

    @property
    def busy(self) -> bool:
        """Whether a look is under way."""
        return self._task is not None and not self._task.finished

    def start(self) -> None:
        """Look now, and from now on every few seconds."""
        self._timer.start()
        self.look()

    def stop(self) -> None:
        """Do not look again; one that is under way is still told."""
        self._timer.stop()
        self._again = False

    def look(self) -> None:
        """Look now, or right after the look that is under way."""
        if self.busy:
            self._again = True
            return
        self._again = False
        self._task = self._runner.run(
            self._label,
            self._look,
            owner=self,
            done=self._done,
            failed=self._failed,
            quiet=True,
        )

    def _done(self, seen: T) -> None:
        self._on_done(seen)
        self._next()

    def _failed(self, error: SealkeeperError) -> None:
        self._on_failed(error)
        self._next()

    def _next(self) -> None:
        if self._again:
            self.look()

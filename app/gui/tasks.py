"""The only bridge from services to Qt: runs them on named threads and brings results home."""

from __future__ import annotations

import itertools
import time
import weakref
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Protocol, TypeVar

import shiboken6
import structlog
from PySide6.QtCore import QObject, Qt, QTimer, Signal, Slot
from PySide6.QtWidgets import QDialog

from app.domain.errors import Cancelled, SealkeeperError
from app.gui.progress import ProgressSnapshot, TaskProgress

__all__ = ["FailureSink", "Task", "TaskRunner", "token_executor"]

T = TypeVar("T")
_log = structlog.get_logger("gui.tasks")

POLL_MS = 100
SHOW_AFTER_SECONDS = 0.5
_THREADS = {"store": 1, "general": 4}


def token_executor(token_key: str) -> str:
    """Name of the single-thread executor that belongs to one token."""
    return f"token:{token_key}"


class FailureSink(Protocol):
    """Shows errors that no caller asked for; see `app.gui.failures`."""

    def report(self, error: BaseException, label: str, owner: QObject | None) -> None:
        """Show a known error, or a bug with its traceback, above `owner`'s window."""
        ...


@dataclass(eq=False)
class Task:
    """A handle on one running use case; main thread only, except `progress`."""

    id: int
    label: str
    progress: TaskProgress
    quiet: bool
    started: float
    owner: weakref.ref[QObject]
    owner_id: int
    supersede: str | None
    deliver: Callable[[Any], None]
    failed: Callable[[SealkeeperError], None] | None
    future: Future[Any] | None = field(default=None, repr=False)
    dropped: bool = False
    finished: bool = False

    def cancel(self) -> None:
        """Ask the service to stop; its result is still delivered where it does not listen."""
        self.progress.cancel()
        if self.future is not None:
            self.future.cancel()

    def drop(self) -> None:
        """Cancel, and deliver nothing, whatever happens."""
        self.dropped = True
        self.cancel()

    def snapshot(self) -> ProgressSnapshot:
        """How far the service is."""
        return self.progress.snapshot()

    @property
    def elapsed(self) -> float:
        """Seconds since the task was handed in."""
        return time.monotonic() - self.started


@dataclass(frozen=True, slots=True)
class _Outcome:
    task_id: int
    value: Any
    error: BaseException | None


class _Bridge(QObject):
    """Carries outcomes to the main thread, and outlives every runner.

    A worker may still be inside `emit` when the main thread has taken the outcome already, so what
    emits must never be destroyed meanwhile: a runner's own signal would be.
    """

    arrived = Signal(object)

    def __init__(self) -> None:
        super().__init__()
        self.arrived.connect(self._deliver, Qt.ConnectionType.QueuedConnection)

    @Slot(object)
    def _deliver(self, letter: tuple[weakref.ref[TaskRunner], _Outcome]) -> None:
        runner = letter[0]()
        if runner is not None and shiboken6.isValid(runner):
            runner.take(letter[1])


_bridges: list[_Bridge] = []


def _the_bridge() -> _Bridge:
    """The one of this process, made with the first runner in the main thread."""
    if not _bridges:
        _bridges.append(_Bridge())
    return _bridges[0]


class TaskRunner(QObject):
    """Runs services on worker threads; made, used and stopped on the main thread.

    `changed` tells that the set of running tasks changed, `ticked` comes every 100 ms while there
    is one (progress is read then), `stopped` carries the labels of tasks that outlived `stop`.
    """

    changed = Signal()
    ticked = Signal()
    stopped = Signal(object)

    def __init__(self, failures: FailureSink, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._failures = failures
        self._executors: dict[str, ThreadPoolExecutor] = {}
        self._tasks: dict[int, Task] = {}
        self._watched: set[int] = set()
        self._ids = itertools.count(1)
        self._deadline: float | None = None
        self._timer = QTimer(self)
        self._timer.setInterval(POLL_MS)
        self._timer.timeout.connect(self._tick)
        self._bridge = _the_bridge()
        self._self = weakref.ref(self)

    # --- running --------------------------------------------------------------------------

    def run(  # noqa: PLR0913 - one call says all that a task is
        self,
        label: str,
        function: Callable[..., T],
        *args: object,
        owner: QObject,
        done: Callable[[T], None] | None = None,
        failed: Callable[[SealkeeperError], None] | None = None,
        executor: str = "general",
        progress: str | TaskProgress | None = None,
        supersede: str | None = None,
        quiet: bool = False,
    ) -> Task:
        """Call `function(*args)` on a worker thread and `done(result)` on the main thread.

        Args:
            label: what the job strip says, as “Generating RSA 4096 key on slot OCSP”.
            function: Qt-free; called in a thread of `executor`.
            *args: its arguments.
            owner: once it is destroyed (a dialog: finished), nothing is delivered any more.
            done: takes the result.
            failed: takes a known error; without it the error dialog shows it.
            executor: `general`, `store` (one thread), or `token_executor(key)`.
            progress: name of the keyword under which `function` takes a `Progress`, or a
                `TaskProgress` that the caller has handed to it already.
            supersede: a newer task of the same owner with the same word drops the older one.
            quiet: never shown in the job strip.
        """
        token = progress if isinstance(progress, TaskProgress) else TaskProgress()
        call = partial(function, *args)
        if isinstance(progress, str):
            call = partial(call, **{progress: token})
        task = Task(
            id=next(self._ids),
            label=label,
            progress=token,
            quiet=quiet,
            started=time.monotonic(),
            owner=weakref.ref(owner),
            owner_id=id(owner),
            supersede=supersede,
            deliver=done or _nothing,
            failed=failed,
        )
        if self._deadline is not None:
            task.drop()
            return task
        self._start(task, call, executor, owner)
        return task

    def _start(self, task: Task, call: Callable[[], object], executor: str, owner: QObject) -> None:
        self._watch(owner)
        self._drop_older(task)
        self._tasks[task.id] = task
        task.future = self._executor(executor).submit(call)
        task.future.add_done_callback(partial(self._hand_over, task.id))
        self._timer.start()
        self.changed.emit()

    def release(self, owner: QObject) -> None:
        """Cancel what runs for `owner` and deliver nothing to it; for views that close."""
        self._drop_owner(id(owner))

    def running(self) -> list[Task]:
        """The tasks that run now, oldest first."""
        return list(self._tasks.values())

    def visible(self) -> list[Task]:
        """The tasks that the job strip shows: not quiet, and older than half a second."""
        return [
            task
            for task in self._tasks.values()
            if not task.quiet and not task.dropped and task.elapsed >= SHOW_AFTER_SECONDS
        ]

    def stop(self, deadline_seconds: float = 5.0) -> None:
        """Refuse new tasks and cancel the running ones; returns at once.

        `stopped` is emitted once all have ended or the deadline is over.
        """
        if self._deadline is not None:
            return
        self._deadline = time.monotonic() + deadline_seconds
        for task in self._tasks.values():
            task.drop()
        for executor in self._executors.values():
            executor.shutdown(wait=False, cancel_futures=True)
        self._timer.start()

    # --- the way home ---------------------------------------------------------------------

    def _hand_over(self, task_id: int, future: Future[Any]) -> None:
        """Runs in the worker thread: the only thing that it does with Qt is one emit."""
        error = Cancelled("Cancelled.") if future.cancelled() else future.exception()
        value = None if error is not None else future.result()
        self._bridge.arrived.emit((self._self, _Outcome(task_id, value, error)))

    def take(self, outcome: _Outcome) -> None:
        """An outcome has arrived in the main thread; called by the bridge alone."""
        task = self._tasks.pop(outcome.task_id, None)
        if task is None:
            return
        task.finished = True
        task.progress.finish(succeeded=outcome.error is None)
        self.changed.emit()
        owner = task.owner()
        if task.dropped or owner is None or not shiboken6.isValid(owner):
            if outcome.error is not None and not isinstance(outcome.error, SealkeeperError):
                _log.error("dropped task failed", label=task.label, exc_info=outcome.error)
            return
        if outcome.error is None:
            task.deliver(outcome.value)
        else:
            self._fail(task, outcome.error, owner)

    def _fail(self, task: Task, error: BaseException, owner: QObject) -> None:
        """The failure policy: cancelled says nothing, known goes to the caller or a dialog."""
        if isinstance(error, Cancelled) and task.failed is None:
            return
        if isinstance(error, SealkeeperError) and task.failed is not None:
            task.failed(error)
            return
        self._failures.report(error, task.label, owner)

    # --- lifetimes ------------------------------------------------------------------------

    def _watch(self, owner: QObject) -> None:
        owner_id = id(owner)
        if owner_id in self._watched:
            return
        self._watched.add(owner_id)
        owner.destroyed.connect(partial(self._owner_gone, owner_id))
        if isinstance(owner, QDialog):
            owner.finished.connect(partial(self._dialog_finished, owner_id))

    def _dialog_finished(self, owner_id: int, _result: int) -> None:
        self._drop_owner(owner_id)

    def _owner_gone(self, owner_id: int, _gone: object = None) -> None:
        self._watched.discard(owner_id)
        self._drop_owner(owner_id)

    def _drop_owner(self, owner_id: int) -> None:
        for task in self._tasks.values():
            if task.owner_id == owner_id:
                task.drop()

    def _drop_older(self, newer: Task) -> None:
        if newer.supersede is None:
            return
        for task in self._tasks.values():
            if task.owner_id == newer.owner_id and task.supersede == newer.supersede:
                task.drop()

    def _executor(self, name: str) -> ThreadPoolExecutor:
        if name not in self._executors:
            threads = _THREADS.get(name, 1)
            self._executors[name] = ThreadPoolExecutor(threads, thread_name_prefix=name)
        return self._executors[name]

    @Slot()
    def _tick(self) -> None:
        self.ticked.emit()
        if self._deadline is not None:
            self._tick_stopping(self._deadline)
        elif not self._tasks:
            self._timer.stop()

    def _tick_stopping(self, deadline: float) -> None:
        if self._tasks and time.monotonic() < deadline:
            return
        self._timer.stop()
        hung = tuple(task.label for task in self._tasks.values())
        if hung:
            _log.warning("tasks outlived the deadline", labels=hung)
        self._tasks.clear()
        self.stopped.emit(hung)


def _nothing(_result: object) -> None:
    """For tasks whose result nobody needs."""

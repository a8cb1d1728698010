"""Fixtures of the console's tests: theme, task runner, and what a test leaves behind."""

from __future__ import annotations

import gc
import threading
import time
from typing import TYPE_CHECKING

import pytest
import shiboken6
from PySide6.QtCore import QCoreApplication, QEvent, QObject, QTimer
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QWidget

from app.gui.tasks import TaskRunner
from app.gui.theme import ThemeMode, apply_theme

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_PATIENCE_SECONDS = 5.0


class CollectedFailures:
    """A failure sink that keeps what it is told."""

    def __init__(self) -> None:
        self.errors: list[BaseException] = []

    def report(self, error: BaseException, label: str, owner: QObject | None) -> None:
        del label, owner
        self.errors.append(error)


@pytest.fixture(autouse=True)
def _themed(qapp: QApplication) -> None:
    apply_theme(qapp, ThemeMode.LIGHT)


@pytest.fixture(autouse=True)
def _nothing_left(qapp: QApplication) -> Iterator[None]:
    """Fail a test that leaves worker threads, running timers or top-level widgets alive."""
    del qapp
    threads = set(threading.enumerate())
    widgets = {id(widget) for widget in QApplication.topLevelWidgets()}
    timers = {id(timer) for timer in _running_timers()}
    yield
    left = ""
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while time.monotonic() < deadline:
        QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
        left = _left_over(threads, widgets, timers)
        if not left:
            return
        gc.collect()
        QTest.qWait(10)
    pytest.fail(f"left behind: {left}")


def _left_over(threads: set[threading.Thread], widgets: set[int], timers: set[int]) -> str:
    alive = [thread.name for thread in threading.enumerate() if thread not in threads]
    shown = [
        f"{type(widget).__name__} {widget.objectName()}"
        for widget in QApplication.topLevelWidgets()
        if id(widget) not in widgets and not _belongs_to_qt(widget)
    ]
    running = [repr(timer.parent()) for timer in _running_timers() if id(timer) not in timers]
    return "; ".join([*alive, *shown, *running])


def _belongs_to_qt(widget: QWidget) -> bool:
    """Tool tips and the private containers of popups come and go as Qt likes."""
    return type(widget) is QWidget or type(widget).__name__ in {"QTipLabel", "QFrame", "QLabel"}


def _running_timers() -> list[QTimer]:
    return [
        thing
        for thing in gc.get_objects()
        if type(thing) is QTimer and shiboken6.isValid(thing) and thing.isActive()
    ]


@pytest.fixture
def failures() -> CollectedFailures:
    """Where unhandled errors of tasks end up."""
    return CollectedFailures()


@pytest.fixture
def runner(qapp: QApplication, failures: CollectedFailures) -> Iterator[TaskRunner]:
    """A real task runner, stopped afterwards."""
    del qapp
    made = TaskRunner(failures)
    yield made
    stop_runner(made)


def stop_runner(made: TaskRunner) -> None:
    """Stop a runner and wait until its threads have ended."""
    made.stop(_PATIENCE_SECONDS)
    wait_for(lambda: not made.running())
    made.deleteLater()


def on_main_thread() -> bool:
    """Whether the caller runs on the thread that paints."""
    return threading.current_thread() is threading.main_thread()


def wait_for(condition: Callable[[], bool]) -> None:
    """Let events run until `condition` holds; fails after five seconds."""
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        QTest.qWait(5)

"""The bridge from services to Qt: threads, owners, generations, failures, shutdown."""

from __future__ import annotations

import threading
from functools import partial
from typing import TYPE_CHECKING

import pytest
from PySide6.QtCore import QCoreApplication, QEvent, QObject
from PySide6.QtWidgets import QApplication, QDialog, QWidget

from app.domain.errors import Refused, SealkeeperError
from app.gui.tasks import TaskRunner, token_executor
from tests.gui.conftest import CollectedFailures, on_main_thread, wait_for

if TYPE_CHECKING:
    from pytestqt.qtbot import QtBot

    from app.domain.progress import Progress


def test_work_runs_elsewhere_and_its_result_comes_home(runner: TaskRunner) -> None:
    owner = QObject()
    seen: list[tuple[bool, str]] = []

    def work(text: str) -> tuple[bool, str]:
        return on_main_thread(), text

    runner.run("Work", work, "done", owner=owner, done=seen.append)
    wait_for(lambda: bool(seen))
    assert seen == [(False, "done")]
    assert on_main_thread()


def test_results_arrive_on_the_gui_thread(runner: TaskRunner) -> None:
    owner = QObject()
    seen: list[bool] = []
    runner.run("Work", int, owner=owner, done=lambda _value: seen.append(on_main_thread()))
    wait_for(lambda: bool(seen))
    assert seen == [True]


def test_nothing_is_delivered_to_a_destroyed_owner(runner: TaskRunner) -> None:
    gate = threading.Event()
    owner = QWidget()
    seen: list[object] = []
    task = runner.run("Work", gate.wait, 5, owner=owner, done=seen.append)
    owner.deleteLater()
    wait_for(lambda: task.dropped)
    gate.set()
    wait_for(lambda: not runner.running())
    assert seen == []
    assert task.progress.cancelled


def test_nothing_is_delivered_to_a_closed_dialog(runner: TaskRunner, qtbot: QtBot) -> None:
    gate = threading.Event()
    dialog = QDialog()
    qtbot.addWidget(dialog)
    dialog.show()
    seen: list[object] = []
    runner.run("Work", gate.wait, 5, owner=dialog, done=seen.append)
    dialog.close()
    gate.set()
    wait_for(lambda: not runner.running())
    assert seen == []


def test_a_released_owner_gets_nothing(runner: TaskRunner) -> None:
    gate = threading.Event()
    owner = QObject()
    seen: list[object] = []
    runner.run("Work", gate.wait, 5, owner=owner, done=seen.append)
    runner.release(owner)
    gate.set()
    wait_for(lambda: not runner.running())
    assert seen == []


def test_an_older_generation_is_dropped(runner: TaskRunner) -> None:
    gate = threading.Event()
    owner = QObject()
    seen: list[str] = []

    def old() -> str:
        gate.wait(5)
        return "old"

    runner.run("Load", old, owner=owner, done=seen.append, supersede="load")
    runner.run("Load", lambda: "new", owner=owner, done=seen.append, supersede="load")
    runner.run("Other", lambda: "other", owner=owner, done=seen.append)
    wait_for(lambda: len(seen) == 2)
    gate.set()
    wait_for(lambda: not runner.running())
    assert sorted(seen) == ["new", "other"]


def test_cancel_takes_effect_at_the_next_report(
    runner: TaskRunner, failures: CollectedFailures
) -> None:
    owner = QObject()
    started, gate = threading.Event(), threading.Event()
    seen: list[object] = []

    def work(*, progress: Progress) -> str:
        progress.report("Beginning", 1, 2)
        started.set()
        gate.wait(5)
        progress.report("Never", 2, 2)
        return "done"

    task = runner.run("Work", work, owner=owner, done=seen.append, progress="progress")
    assert started.wait(5)
    snapshot = task.snapshot()
    assert (snapshot.text, snapshot.done, snapshot.total) == ("Beginning", 1, 2)
    task.cancel()
    gate.set()
    wait_for(lambda: not runner.running())
    assert seen == []
    assert failures.errors == []


def test_a_known_error_reaches_the_callback(
    runner: TaskRunner, failures: CollectedFailures
) -> None:
    owner = QObject()
    seen: list[SealkeeperError] = []

    def work() -> None:
        raise Refused("No.", cause="It is not allowed.")

    runner.run("Work", work, owner=owner, failed=seen.append)
    wait_for(lambda: bool(seen))
    assert seen[0].cause == "It is not allowed."
    assert failures.errors == []


@pytest.mark.parametrize("error", [Refused("No."), ZeroDivisionError("bug")])
def test_what_nobody_takes_is_reported(
    runner: TaskRunner, failures: CollectedFailures, error: Exception
) -> None:
    owner = QObject()

    def work() -> None:
        raise error

    runner.run("Work", work, owner=owner)
    wait_for(lambda: bool(failures.errors))
    assert failures.errors == [error]


def test_a_bug_is_reported_even_where_known_errors_are_taken(
    runner: TaskRunner, failures: CollectedFailures
) -> None:
    owner = QObject()
    seen: list[SealkeeperError] = []
    runner.run("Work", lambda: 1 // 0, owner=owner, failed=seen.append)
    wait_for(lambda: bool(failures.errors))
    assert seen == []


def test_store_and_tokens_have_one_thread_each(runner: TaskRunner) -> None:
    owner = QObject()
    names: list[str] = []

    def work() -> str:
        return threading.current_thread().name

    for executor in ("store", "store", "store", token_executor("8a31"), token_executor("8a31")):
        runner.run("Work", work, owner=owner, done=names.append, executor=executor)
    wait_for(lambda: len(names) == 5)
    assert sorted(set(names)) == ["store_0", "token:8a31_0"]


def test_only_lasting_loud_tasks_are_visible(
    runner: TaskRunner, monkeypatch: pytest.MonkeyPatch
) -> None:
    owner = QObject()
    gate = threading.Event()
    runner.run("Quiet", gate.wait, 5, owner=owner, quiet=True)
    loud = runner.run("Loud", gate.wait, 5, owner=owner)
    assert runner.visible() == []
    monkeypatch.setattr("app.gui.tasks.SHOW_AFTER_SECONDS", 0.0)
    assert runner.visible() == [loud]
    gate.set()
    wait_for(lambda: not runner.running())


def test_stop_refuses_cancels_and_never_hangs(runner: TaskRunner, qtbot: QtBot) -> None:
    owner = QObject()
    gate = threading.Event()
    seen: list[object] = []
    runner.run("Hung call", gate.wait, 10, owner=owner, done=seen.append)
    with qtbot.waitSignal(runner.stopped, timeout=3000) as stopped:
        runner.stop(0.2)
    assert stopped.args == [("Hung call",)]
    late = runner.run("Late", int, owner=owner, done=seen.append)
    assert late.dropped
    gate.set()
    assert seen == []


def test_stop_with_nothing_running(runner: TaskRunner, qtbot: QtBot) -> None:
    with qtbot.waitSignal(runner.stopped, timeout=3000) as stopped:
        runner.stop()
    assert stopped.args == [()]


def test_a_runner_may_be_destroyed_as_soon_as_a_result_has_arrived(
    qapp: QApplication, failures: CollectedFailures
) -> None:
    """The worker may still be about to leave its emit; this crashed the process once."""
    del qapp
    for _ in range(100):
        owner, made = QObject(), TaskRunner(failures)
        arrived: list[int] = []
        made.run("quick", len, "one", owner=owner, done=arrived.append, quiet=True)
        wait_for(partial(bool, arrived))
        made.stop(1)
        made.deleteLater()
        QCoreApplication.sendPostedEvents(made, QEvent.Type.DeferredDelete)
        owner.deleteLater()
        QCoreApplication.sendPostedEvents(owner, QEvent.Type.DeferredDelete)
    assert failures.errors == []

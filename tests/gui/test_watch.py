"""The watch: looks again and again, never twice at a time."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject

from app.domain.errors import Refused, SealkeeperError
from app.gui.watch import Watch
from tests.gui.conftest import wait_for

if TYPE_CHECKING:
    from app.gui.tasks import TaskRunner


class Looks:
    """Counts looks, and how many run at a time."""

    def __init__(self) -> None:
        self.gate = threading.Event()
        self.count = self.at_once = self.most = 0
        self.error: SealkeeperError | None = None

    def __call__(self) -> int:
        self.count += 1
        self.at_once += 1
        self.most = max(self.most, self.at_once)
        self.gate.wait(5)
        self.at_once -= 1
        if self.error is not None:
            raise self.error
        return self.count


def test_looks_asked_for_meanwhile_become_one_that_follows(runner: TaskRunner) -> None:
    looks = Looks()
    seen: list[int] = []
    errors: list[SealkeeperError] = []
    owner = QObject()
    watch = Watch(owner, runner, "Looking", looks, seen.append, errors.append)
    watch.look()
    wait_for(lambda: looks.count == 1)
    for _ in range(5):
        watch.look()
    looks.gate.set()
    wait_for(lambda: len(seen) == 2 and not watch.busy)
    assert (looks.count, looks.most, errors) == (2, 1, [])


def test_it_goes_on_after_an_error_and_ends_when_stopped(runner: TaskRunner) -> None:
    looks = Looks()
    seen: list[int] = []
    errors: list[SealkeeperError] = []
    looks.gate.set()
    looks.error = Refused("No.")
    owner = QObject()
    watch = Watch(owner, runner, "Looking", looks, seen.append, errors.append, seconds=0.01)
    watch.start()
    wait_for(lambda: len(errors) >= 2)
    looks.error = None
    wait_for(lambda: len(seen) >= 2)
    watch.stop()
    wait_for(lambda: not watch.busy)
    assert not watch._timer.isActive()

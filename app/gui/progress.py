"""The progress of one task as a plain object: its service reports, the console polls."""

from __future__ import annotations

import threading
from dataclasses import dataclass, replace
from enum import StrEnum

from app.domain.errors import Cancelled


class StepOutcome(StrEnum):
    """What became of a narrated step."""

    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class NarratedStep:
    """One thing that the service said it was doing, in the administrator's words."""

    text: str
    outcome: StepOutcome


@dataclass(frozen=True, slots=True)
class ProgressSnapshot:
    """How far a task is; `total` is 0 while that is not known."""

    text: str
    done: int
    total: int
    steps: tuple[NarratedStep, ...]


class TaskProgress:
    """Implements `app.domain.progress.Progress`; safe to use from any thread.

    A report with a new text begins a step and ends the one before. Every report is also the point
    where a cancellation takes effect: it raises `Cancelled`.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._cancelled = threading.Event()
        self._done = 0
        self._total = 0
        self._steps: list[NarratedStep] = []

    def report(self, text: str, done: int = 0, total: int = 0) -> None:
        """Say what is being done now.

        Raises:
            Cancelled: the user asked to stop.
        """
        if self._cancelled.is_set():
            raise Cancelled("Cancelled.")
        with self._lock:
            self._done, self._total = done, total
            if text and (not self._steps or self._steps[-1].text != text):
                self._close(StepOutcome.DONE)
                self._steps.append(NarratedStep(text, StepOutcome.RUNNING))

    def finish(self, *, succeeded: bool) -> None:
        """End the running step; called by the runner when the service returned or raised."""
        with self._lock:
            self._close(StepOutcome.DONE if succeeded else StepOutcome.FAILED)

    def _close(self, outcome: StepOutcome) -> None:
        if self._steps and self._steps[-1].outcome is StepOutcome.RUNNING:
            self._steps[-1] = replace(self._steps[-1], outcome=outcome)

    def cancel(self) -> None:
        """Ask the service to stop at its next report."""
        self._cancelled.set()

    @property
    def cancelled(self) -> bool:
        """Whether a cancellation was asked for."""
        return self._cancelled.is_set()

    def snapshot(self) -> ProgressSnapshot:
        """The present state."""
        with self._lock:
            text = self._steps[-1].text if self._steps else ""
            return ProgressSnapshot(text, self._done, self._total, tuple(self._steps))

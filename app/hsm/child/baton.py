"""Who reads requests: one thread at a time, and not for long one that is held up."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

TICK = 0.002
QUIET_TICKS = 50


class Baton:
    """Passes among the threads that read; each time that it is taken is a turn with a number.

    A thread may keep it while it calls the library, and says so with `begin` and `end`. Where one
    call lasts longer than a tick or two, another thread gets the baton, so that no token waits
    for another.

    Args:
        start: begins another thread that takes the baton; called when none waits for it.
        before: called before the baton is taken away from a thread that is held up.
    """

    def __init__(self, start: Callable[[], None], before: Callable[[], None]) -> None:
        self._start = start
        self._before = before
        self._free = threading.Semaphore(1)
        self._guard = threading.Lock()
        self._turn = 0
        self._expecting = 0
        self._calls = 0
        self._current = 0  # number of the call that goes on; 0 for none
        self._asleep = True
        self._wake = threading.Event()
        threading.Thread(target=self._watch, name="baton", daemon=True).start()

    def take(self) -> int:
        """Wait for the baton; the number of the turn."""
        with self._guard:
            self._expecting += 1
        self._free.acquire()
        with self._guard:
            self._expecting -= 1
            self._turn += 1
            return self._turn

    def mine(self, turn: int) -> bool:
        """Whether the baton is still that of the turn."""
        return self._turn == turn

    def give(self, turn: int) -> None:
        """Let another thread read; nothing happens when the turn is over already."""
        self._end_turn(lambda: self._turn == turn)

    def begin(self, turn: int) -> None:
        """A call to the library begins, or another one after it, and the baton is kept."""
        if self._turn == turn:
            self._calls += 1
            self._current = self._calls
            if self._asleep:
                self._wake.set()

    def end(self, turn: int) -> bool:
        """No call goes on any more; whether the baton is still that of the turn."""
        with self._guard:
            kept = self._turn == turn
            if kept:
                self._current = 0
            return kept

    def _end_turn(self, condition: Callable[[], bool]) -> bool:
        with self._guard:
            if not condition():
                return False
            self._turn += 1
            self._current = 0
            alone = not self._expecting
        self._free.release()
        if alone:
            self._start()
        return True

    def _watch(self) -> None:
        """Take the baton from whoever works on the same call as a tick ago."""
        last = quiet = 0
        while True:
            current = self._current
            if current and current == last:
                self._before()
                self._end_turn(lambda held=current: self._current == held)  # type: ignore[misc]
            quiet = 0 if current else quiet + 1
            last = current
            if quiet < QUIET_TICKS:
                time.sleep(TICK)
                continue
            # Said first: a call that is not seen here sees that it has to wake this thread.
            self._asleep = True
            if not self._current:
                self._wake.wait()
            self._asleep, quiet = False, 0
            self._wake.clear()

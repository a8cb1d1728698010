"""Threads that do the work on tokens, each with a session of its own."""

from __future__ import annotations

import queue
import threading
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Generic, TypeVar

from app.hsm.child.cryptoki import SignatureRoom

if TYPE_CHECKING:
    from collections.abc import Callable

Job = TypeVar("Job")
# To wake a thread and to change between threads costs some tens of microseconds each time, so
# jobs that are as short are done in succession: those that take less than the first of these, in
# seconds, until they take more than the second.
QUICK, SLOW = 0.00025, 0.0005
LONGEST_SPAN = 0.002  # what counts of one that was held up by the system
LONGEST_PAUSE = 60.0


@dataclass(slots=True)
class Lane:
    """One session, used by one thread at a time.

    Attributes:
        session: handle, or None while there is none.
        epoch: of the login under which it was opened.
        room: for the signature that is made in it.
        prepared: the key use for which an operation was begun ahead of its request; None when
            none was.
        forgotten: how many times handles had been forgotten then.
    """

    session: int | None = None
    epoch: int = -1
    room: SignatureRoom = field(default_factory=SignatureRoom)
    prepared: object = None
    forgotten: int = 0


class Crew:
    """Threads that take jobs from one queue; each has a lane of its own."""

    def __init__(self, name: str, size: int) -> None:
        self._jobs: queue.SimpleQueue[Callable[[Lane], None]] = queue.SimpleQueue()
        for number in range(size):
            threading.Thread(target=self._work, name=f"{name}-{number}", daemon=True).start()

    def submit(self, job: Callable[[Lane], None]) -> None:
        """Have one of the threads do the job."""
        self._jobs.put(job)

    def _work(self) -> None:
        lane = Lane()
        while True:
            self._jobs.get()(lane)


class Pace:
    """Tells short jobs from long ones, whether they were done in succession or side by side.

    Attributes:
        quick: whether they are to be done in succession.
    """

    def __init__(self) -> None:
        self.quick = False
        self._mean = SLOW
        self._pause = 1.0
        self._not_before = 0.0

    def took(self, seconds: float, at_work: int, now: float) -> None:
        """Be told of a job, how many were done side by side then, and the time."""
        if self.quick:
            self._mean += (min(seconds, LONGEST_SPAN) - self._mean) / 8
            if self._mean > SLOW:
                # What waits for a device far away is as fast only side by side.
                self.quick = False
                self._not_before = now + self._pause
                self._pause = min(2 * self._pause, LONGEST_PAUSE)
        else:
            self._mean += (min(seconds / max(1, at_work), LONGEST_SPAN) - self._mean) / 8
            self.quick = self._mean < QUICK and now >= self._not_before


class Lanes(Generic[Job]):
    """Lanes without threads: whoever brings a job does it, if one of the lanes is free.

    Otherwise the job waits, and whoever has a lane does it next, the oldest first.

    Args:
        size: how many there are.
        leave: what is done with a lane when there are to be fewer.
    """

    def __init__(self, size: int, leave: Callable[[Lane], None]) -> None:
        self._lock = threading.Lock()
        self._leave = leave
        self._size = size
        self._free = [Lane() for _ in range(size)]
        self._at_work = 0
        self._waiting: deque[Job] = deque()
        self._pace = Pace()

    @property
    def quick(self) -> bool:
        """Whether jobs are done faster one after the other than side by side."""
        return self._pace.quick

    @property
    def pressed(self) -> bool:
        """Whether jobs wait."""
        return bool(self._waiting)

    def took(self, began: float, ended: float) -> None:
        """Be told when a job was done, by a monotonic clock in seconds."""
        self._pace.took(ended - began, self._at_work, ended)

    def resize(self, size: int) -> None:
        """Have so many lanes from now on; the jobs of those that are too many are finished."""
        surplus: list[Lane] = []
        with self._lock:
            self._size = size
            while self._at_work + len(self._free) < size:
                self._free.append(Lane())
            while self._free and self._at_work + len(self._free) > size:
                surplus.append(self._free.pop())
        for lane in surplus:
            self._leave(lane)

    def take(self, job: Job, wanted: object = None) -> Lane | None:
        """A lane to do the job in; None when it waits for one, and is no longer the caller's.

        One that is prepared for something else than what is `wanted` is taken only when no other
        is free.
        """
        with self._lock:
            if not self._free:
                self._waiting.append(job)
                return None
            self._at_work += 1
            lane = self._free.pop()
            if lane.prepared is not None and lane.prepared is not wanted and self._free:
                other = self._free.pop()
                self._free.append(lane)
                return other
            return lane

    def next(self, lane: Lane) -> Job | None:
        """The next job for a lane; None when the lane is to be left."""
        with self._lock:
            fits = self._at_work <= self._size
            if fits and self._waiting:
                return self._waiting.popleft()
            self._at_work -= 1
            if fits:
                self._free.append(lane)
        if not fits:
            self._leave(lane)
        return None

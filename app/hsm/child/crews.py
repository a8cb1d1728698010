"""Threads that do the work on tokens, each with a session of its own."""

from __future__ import annotations

import queue
import threading
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Generic, TypeVar

from app.hsm.child.cryptoki import SignatureRoom, SigningOperation

if TYPE_CHECKING:
    from collections.abc import Callable

Job = TypeVar("Job")
# Seconds. A token that ends a signature more often than this is served by the threads that sign;
# one that only reads would be woken for each request.
QUICK = 0.0005


@dataclass(slots=True)
class Lane:
    """One session, used by one thread at a time.

    Attributes:
        session: handle, or None while there is none.
        epoch: of the login under which it was opened.
        room: for the signature that is made in it.
        operation: to sign again as the last time; None when nothing was signed in this session.
    """

    session: int | None = None
    epoch: int = -1
    room: SignatureRoom = field(default_factory=SignatureRoom)
    operation: SigningOperation | None = None


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


class Lanes(Generic[Job]):
    """Lanes without threads: whoever brings a job does it, if one of the lanes is free.

    Otherwise the job waits, and whoever has a lane does it next, the oldest first.

    Args:
        size: how many there are.
        leave: what is done with a lane when there are to be fewer.

    Attributes:
        waiting: the jobs for which no lane is free.
        free: the lanes that nobody uses; for looking only.
        size: how many lanes there are.
    """

    def __init__(self, size: int, leave: Callable[[Lane], None]) -> None:
        self._lock = threading.Lock()
        self._leave = leave
        self.size = size
        self.free = [Lane() for _ in range(size)]
        self._at_work = 0
        self.waiting: deque[Job] = deque()
        self._between = QUICK
        self._ended = 0.0

    @property
    def quick(self) -> bool:
        """Whether a lane is left so soon that nobody need look for further jobs meanwhile."""
        return self._between < QUICK

    def resize(self, size: int) -> None:
        """Have so many lanes from now on; the jobs of those that are too many are finished."""
        surplus: list[Lane] = []
        with self._lock:
            self.size = size
            while self._at_work + len(self.free) < size:
                self.free.append(Lane())
            while self.free and self._at_work + len(self.free) > size:
                surplus.append(self.free.pop())
        for lane in surplus:
            self._leave(lane)

    def take(self, job: Job, wanted: object = None) -> Lane | None:
        """A lane to do the job in; None when it waits for one, and is no longer the caller's.

        One that is prepared for something else than what is `wanted` is taken only when no other
        is free.
        """
        with self._lock:
            if not self.free:
                self.waiting.append(job)
                return None
            self._at_work += 1
            operation = self.free[-1].operation
            if operation is not None and operation.begun and operation.request is wanted:
                return self.free.pop()
            return self.free.pop(self._best(wanted))

    def _best(self, wanted: object) -> int:
        """The place of the free lane to take: prepared for this, else not prepared at all."""
        best = last = len(self.free) - 1
        for place in range(last, -1, -1):
            operation = self.free[place].operation
            if operation is None or not operation.begun:
                best = place if best == last else best
            elif operation.request is wanted:
                return place
        return best

    def spare(self, wanted: object) -> Lane | None:
        """A free lane that is not prepared yet, and signed last with what is wanted or nothing."""
        with self._lock:
            for place, lane in enumerate(self.free):
                operation = lane.operation
                if operation is None or (operation.request is wanted and not operation.begun):
                    self._at_work += 1
                    return self.free.pop(place)
        return None

    def next(self, lane: Lane, now: float) -> Job | None:
        """The next job for a lane; None when the lane is to be left.

        `now` is when the last one was done, in seconds.
        """
        with self._lock:
            self._between += (min(now - self._ended, 2 * QUICK) - self._between) / 8
            self._ended = now
            fits = self._at_work <= self.size
            if fits and self.waiting:
                return self.waiting.popleft()
            self._at_work -= 1
            if fits:
                self.free.append(lane)
        if not fits:
            self._leave(lane)
        return None

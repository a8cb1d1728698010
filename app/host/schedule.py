"""Periodic work: runs functions in an executor at their due times, or when they are triggered."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import structlog

from app.domain.errors import SealkeeperError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from concurrent.futures import Executor

    from app.domain.clock import Clock

_FIRST_RETRY = 2.0
_LONGEST_RETRY = 300.0

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class ScheduledJob:
    """One function and its times, in seconds.

    Attributes:
        name: unique.
        function: runs in an executor thread and must be idempotent; a time that it returns is when
            it wants to run again, at the latest after `every`.
        every: from the end of one run to the next.
        jitter: up to this share of `every` is taken off at random, so that hosts do not march in
            step.
        first: delay of the first run.
        gap: triggered runs keep this distance.
        gated: runs only while the schedule's gate is open.
    """

    name: str
    function: Callable[[], datetime | None]
    every: float
    jitter: float = 0.1
    first: float = 0.0
    gap: float = 0.0
    gated: bool = True


@dataclass(frozen=True, slots=True)
class JobState:
    """What is known of one job; `last_error` is one sentence, or "" when its last run was well."""

    name: str
    running: bool
    runs: int
    failures: int
    last_end: datetime | None
    next_due: datetime | None
    last_error: str


class Schedule:
    """Runs jobs, each by itself and never twice at once. Lives on one loop.

    Args:
        jobs: what to run.
        clock: for the times that are shown; waiting is by the loop's own clock.
        executor: where the functions run.
        gate: whether gated jobs may run now; asked before each run.
    """

    def __init__(
        self,
        jobs: Iterable[ScheduledJob],
        clock: Clock,
        executor: Executor,
        gate: Callable[[], bool] = lambda: True,
    ) -> None:
        self._jobs = {job.name: job for job in jobs}
        self._clock = clock
        self._executor = executor
        self._gate = gate
        self._triggers = {name: asyncio.Event() for name in self._jobs}
        self._states = {name: JobState(name, False, 0, 0, None, None, "") for name in self._jobs}
        self._tasks: list[asyncio.Task[None]] = []
        self._running: set[asyncio.Future[datetime | None]] = set()

    def start(self) -> None:
        """Begin; on the loop."""
        loop = asyncio.get_running_loop()
        self._tasks = [loop.create_task(self._drive(job)) for job in self._jobs.values()]

    async def stop(self, grace: float) -> None:
        """End; functions that run have `grace` seconds to finish, and their results are dropped."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._running:
            _, left = await asyncio.wait(self._running, timeout=grace)
            if left:
                log.warning("scheduled jobs still run", count=len(left), seconds=grace)

    def trigger(self, name: str) -> None:
        """Run a job soon, and once more where it runs already; on the loop."""
        self._triggers[name].set()

    def states(self) -> tuple[JobState, ...]:
        """All jobs as they are now; for any thread."""
        return tuple(self._states.values())

    async def _drive(self, job: ScheduledJob) -> None:
        delay = job.first
        while True:
            await self._sleep(job, delay)
            self._triggers[job.name].clear()
            delay = await self._run(job) if not job.gated or self._gate() else job.every

    async def _sleep(self, job: ScheduledJob, delay: float) -> None:
        """Until `delay` is over or, not before the job's gap, a trigger."""
        due = self._clock.now() + timedelta(seconds=delay)
        self._states[job.name] = replace(self._states[job.name], next_due=due)
        least = min(job.gap, delay) if self._states[job.name].runs else 0.0
        await asyncio.sleep(least)
        try:
            async with asyncio.timeout(max(0.0, delay - least)):
                await self._triggers[job.name].wait()
        except TimeoutError:
            return

    async def _run(self, job: ScheduledJob) -> float:
        """Run once; the seconds until the next time."""
        before = self._states[job.name]
        self._states[job.name] = replace(before, running=True)
        failures, problem, due = 0, "", None
        loop = asyncio.get_running_loop()
        try:
            # Shielded: the thread goes on when the schedule is stopped, and `stop` waits for it.
            running = loop.run_in_executor(self._executor, job.function)
            self._running.add(running)
            running.add_done_callback(self._ended)
            due = await asyncio.shield(running)
        except SealkeeperError as error:
            failures, problem = before.failures + 1, error.one_line()
            if problem != before.last_error:
                log.warning("a scheduled job failed", job=job.name, problem=problem)
        except Exception as error:  # the task's edge: the other jobs go on, and this one later
            failures, problem = before.failures + 1, f"{type(error).__name__}: {error}"
            log.exception("a scheduled job failed", job=job.name)
        self._states[job.name] = JobState(
            job.name, False, before.runs + 1, failures, self._clock.now(), None, problem
        )
        return self._next_delay(job, failures, due)

    def _ended(self, running: asyncio.Future[datetime | None]) -> None:
        self._running.discard(running)
        if not running.cancelled():
            running.exception()  # looked at here, since after a stop nobody else does

    def _next_delay(self, job: ScheduledJob, failures: int, due: datetime | None) -> float:
        every = job.every * (1.0 - random.uniform(0.0, job.jitter))  # noqa: S311 - no secret
        if failures:
            return min(_LONGEST_RETRY, min(_FIRST_RETRY, every) * 2.0 ** min(failures - 1, 16))
        if due is None:
            return every
        return max(1.0, min(every, (due - self._clock.now()).total_seconds()))

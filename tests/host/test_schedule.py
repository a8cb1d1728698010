"""Due times, triggers, back-off and the gate of the schedule; the host's thread."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from app.domain.clock import SystemClock
from app.domain.errors import EnvironmentFault
from app.host.schedule import JobState, Schedule, ScheduledJob
from app.host.thread import HostThread
from tests.http.support import eventually

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime


class Bench:
    """Runs schedules on a host thread."""

    def __init__(self) -> None:
        self.thread = HostThread()
        self.thread.start()
        self.executor = ThreadPoolExecutor(2)
        self.open = True
        self.schedule: Schedule | None = None

    def run(self, *jobs: ScheduledJob) -> Schedule:
        self.schedule = Schedule(jobs, SystemClock(), self.executor, gate=lambda: self.open)
        self.thread.post(self.schedule.start)
        return self.schedule

    def close(self) -> None:
        if self.schedule is not None:
            self.thread.submit(self.schedule.stop(5)).result(10)
        assert self.thread.stop(5)
        self.executor.shutdown()


@pytest.fixture
def bench() -> Iterator[Bench]:
    made = Bench()
    yield made
    made.close()


def counting(counts: list[str], name: str) -> Callable[[], None]:
    return lambda: counts.append(f"{name} {threading.current_thread().name}")


def only(schedule: Schedule) -> JobState:
    (state,) = schedule.states()
    return state


def test_jobs_run_again_and_again(bench: Bench) -> None:
    counts: list[str] = []
    schedule = bench.run(ScheduledJob("tick", counting(counts, "tick"), 0.01, jitter=0.5))
    assert eventually(lambda: len(counts) > 5)
    assert "responder" not in counts[0]
    state = only(schedule)
    assert (state.failures, state.last_error) == (0, "")


def test_a_returned_time_comes_before_the_interval(bench: Bench) -> None:
    clock = SystemClock()

    def soon() -> datetime | None:
        return clock.now() + timedelta(seconds=5)

    schedule = bench.run(ScheduledJob("due", soon, 3600.0))
    assert eventually(lambda: only(schedule).runs == 1 and only(schedule).next_due is not None)
    due = only(schedule).next_due
    assert due is not None
    assert timedelta(seconds=3) < due - clock.now() <= timedelta(seconds=5)


def test_triggers_run_a_job_soon_and_never_twice_at_once(bench: Bench) -> None:
    free, inside, runs = threading.Event(), [], []

    def slow() -> None:
        inside.append(1)
        runs.append(len(inside))
        free.wait(5)
        inside.pop()

    schedule = bench.run(ScheduledJob("slow", slow, 3600.0))
    assert eventually(lambda: only(schedule).running)
    for _ in range(5):
        bench.thread.post(schedule.trigger, "slow")
    free.set()
    assert eventually(lambda: only(schedule).runs == 2)
    assert runs == [1, 1]


def test_failures_back_off_and_are_told(bench: Bench) -> None:
    fail = [True]

    def moody() -> None:
        if fail[0]:
            raise EnvironmentFault("No.", remedy="Wait.")

    def buggy() -> None:
        raise ZeroDivisionError

    schedule = bench.run(
        ScheduledJob("moody", moody, 0.01, jitter=0), ScheduledJob("buggy", buggy, 0.01, jitter=0)
    )
    assert eventually(lambda: all(state.failures >= 4 for state in schedule.states()))
    moody_state, buggy_state = schedule.states()
    assert moody_state.last_error == "No. Wait."
    assert buggy_state.last_error.startswith("ZeroDivisionError")
    fail[0] = False
    assert eventually(lambda: schedule.states()[0].failures == 0)


def test_back_off_grows_up_to_five_minutes() -> None:
    job = ScheduledJob("x", lambda: None, 60.0, jitter=0)
    schedule = Schedule((job,), SystemClock(), ThreadPoolExecutor(1))
    delays = [schedule._next_delay(job, failures, None) for failures in (0, 1, 2, 3, 8, 500)]
    assert delays == [60.0, 2.0, 4.0, 8.0, 256.0, 300.0]


def test_a_closed_gate_holds_gated_jobs_back(bench: Bench) -> None:
    counts: list[str] = []
    bench.open = False
    schedule = bench.run(
        ScheduledJob("gated", counting(counts, "gated"), 0.01),
        ScheduledJob("free", counting(counts, "free"), 0.01, gated=False),
    )
    assert eventually(lambda: schedule.states()[1].runs > 3)
    assert not [line for line in counts if line.startswith("gated")]
    bench.open = True
    assert eventually(lambda: schedule.states()[0].runs > 0)


def test_stop_waits_for_a_job_that_runs_but_not_for_ever(bench: Bench) -> None:
    free, done = threading.Event(), []

    def slow() -> None:
        free.wait(5)
        done.append(1)

    schedule = bench.run(ScheduledJob("slow", slow, 3600.0))
    assert eventually(lambda: only(schedule).running)
    bench.thread.submit(schedule.stop(0.01)).result(5)
    assert not done
    stopping = bench.thread.submit(schedule.stop(5))
    free.set()
    stopping.result(5)
    assert done == [1]


def test_what_reaches_the_loop_is_logged_and_the_thread_goes_on(
    bench: Bench, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken() -> None:
        raise LookupError("lost on the loop")

    bench.thread.post(broken)
    done = threading.Event()
    bench.thread.post(done.set)
    assert done.wait(5)
    assert "lost on the loop" in capsys.readouterr().out


def test_a_stopped_thread_takes_no_more_and_says_nothing() -> None:
    thread = HostThread()
    thread.start()
    assert thread.stop(5)
    thread.post(print, "never")
    assert thread.stop(5)

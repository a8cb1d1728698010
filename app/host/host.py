"""The service host: server, responder, schedules, change feed and lease in one thread."""

from __future__ import annotations

import asyncio
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import structlog

from app.domain.clock import Clock, SystemClock
from app.domain.errors import EnvironmentFault, SealkeeperError
from app.domain.events import Entity
from app.domain.responder import RevocationSource
from app.domain.services import ListenAddress
from app.host.ports import ChangeFeed, HostJobs, Lease
from app.host.schedule import JobState, Schedule, ScheduledJob
from app.host.thread import HostThread
from app.http.cert_enroll import CertEnroll, PublishedFiles
from app.http.limits import HttpLimits
from app.http.server import HttpServer
from app.ocsp.answers import ConfiguredAuthority, ResponderSettings
from app.ocsp.http import OcspHandler
from app.ocsp.responder import OnlineResponder

if TYPE_CHECKING:
    from collections.abc import Callable

    from app.domain.events import Change
    from app.domain.status import ResponderCounters
    from app.http.server import HttpCounters

_RELOADING = frozenset(
    {
        Entity.AUTHORITY,
        Entity.CONFIGURATION,
        Entity.LIBRARY,
        Entity.REGISTRATION,
        Entity.SERVICE,
        Entity.SIGNER,
    }
)
_MAINTAINING = frozenset({Entity.CONFIGURATION, Entity.REGISTRATION, Entity.TEMPLATE})
_START_SECONDS = 30.0

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class HostIntervals:
    """Seconds between the runs of the host's jobs, at the most."""

    lease: float = 5.0
    configurations: float = 300.0
    publish: float = 30.0
    maintain: float = 60.0
    probe: float = 60.0
    retire: float = 86400.0
    summary: float = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class HostParts:
    """What a host is made of.

    Attributes:
        address: where to listen; port 0 picks a free one.
        source: statuses of certificates.
        files: what is served below `/CertEnroll/`.
        feed: changes of the database.
        jobs: what the schedules run.
        lease: decides which host runs the schedules.
    """

    address: ListenAddress
    source: RevocationSource
    files: PublishedFiles
    feed: ChangeFeed
    jobs: HostJobs
    lease: Lease
    clock: Clock = field(default_factory=SystemClock)
    limits: HttpLimits = field(default_factory=HttpLimits)
    settings: ResponderSettings = field(default_factory=ResponderSettings)
    intervals: HostIntervals = field(default_factory=HostIntervals)


class ServiceHost:
    """Runs until it is stopped; started once. Its methods are for any thread but its own."""

    def __init__(self, parts: HostParts) -> None:
        self._parts = parts
        self._reads = ThreadPoolExecutor(4, thread_name_prefix="responder-read")
        self._work = ThreadPoolExecutor(8, thread_name_prefix="host-job")
        self._thread = HostThread()
        self._responder = OnlineResponder(parts.source, parts.clock, self._reads, parts.settings)
        self._ocsp = OcspHandler(self._responder, parts.clock)
        self._ocsp.running = False
        self._server = HttpServer(
            {"/ocsp": self._ocsp, "/CertEnroll": CertEnroll(parts.files, self._reads)},
            parts.limits,
            clock=parts.clock,
        )
        self._schedule = Schedule(
            self._make_jobs(), parts.clock, self._work, gate=lambda: self._holds_lease
        )
        self._holds_lease = False
        self._loaded = threading.Event()
        self._state_known = threading.Event()
        self._problems: dict[int, str] = {}
        self._summarised: tuple[object, ...] = ()
        self._unsubscribe: Callable[[], None] | None = None
        self._address: ListenAddress | None = None

    def _make_jobs(self) -> tuple[ScheduledJob, ...]:
        jobs, every = self._parts.jobs, self._parts.intervals
        return (
            ScheduledJob("lease", self._keep_lease, every.lease, jitter=0.0, gated=False),
            ScheduledJob("desired state", self._follow, every.configurations, gated=False),
            ScheduledJob("configurations", self._load, every.configurations, gap=0.1, gated=False),
            ScheduledJob("publish CRLs", jobs.publish_due_crls, every.publish),
            ScheduledJob("signing certificates", jobs.maintain_signers, every.maintain, gap=1.0),
            ScheduledJob("status", jobs.probe_status, every.probe, gap=1.0),
            ScheduledJob("retired keys", jobs.retire_keys, every.retire, gap=1.0),
            ScheduledJob(
                "summary", self._summarise, every.summary, first=every.summary, gated=False
            ),
        )

    # --- life --------------------------------------------------------------------------------

    def start(self) -> ListenAddress:
        """Listen and begin; the configurations follow within moments (see `wait_loaded`).

        Raises:
            AddressInUse: another program listens there.
            EnvironmentFault: the address cannot be listened on, or nothing happened in time.
        """
        self._thread.start()
        try:
            address = self._thread.submit(self._listen()).result(_START_SECONDS)
            # Before anything is read, so that no change falls between reading and listening.
            self._unsubscribe = self._parts.feed.subscribe(self._changed)
            self._thread.post(self._schedule.start)
        except TimeoutError as error:
            self._discard()
            raise EnvironmentFault(
                "The service host did not start in time.", remedy="Try again."
            ) from error
        except SealkeeperError:
            self.stop(0.0)
            raise
        log.info("service host started", address=address.authority)
        return address

    async def _listen(self) -> ListenAddress:
        wanted = self._parts.address
        self._address = await self._server.start(wanted.host, wanted.port)
        return self._address

    def wait_loaded(self, timeout: float) -> bool:
        """Wait until the configurations and the desired state are known; False: not in time."""
        end = time.monotonic() + timeout
        loaded = self._loaded.wait(timeout)
        return self._state_known.wait(max(0.0, end - time.monotonic())) and loaded

    def stop(self, grace: float = 5.0) -> None:
        """Stop listening, let what is in progress finish for `grace` seconds, and end.

        Nothing happens when it does not run.
        """
        if not self._thread.alive:
            return
        self._end_subscription()  # first, so that nothing is posted to a loop that winds down
        try:
            self._thread.submit(self._shut(grace)).result(grace + 10.0)
        except TimeoutError:
            log.warning("the service host did not stop in time", seconds=grace + 10.0)
        self._discard()
        self._release_lease()
        log.info("service host stopped")

    def _end_subscription(self) -> None:
        if self._unsubscribe is not None:
            self._unsubscribe()
            self._unsubscribe = None

    def _release_lease(self) -> None:
        if not self._holds_lease:
            return
        self._holds_lease = False
        try:
            self._parts.lease.release()
        except SealkeeperError as error:  # it runs out by itself
            log.warning("the lease could not be released", problem=error.one_line())

    async def _shut(self, grace: float) -> None:
        await asyncio.gather(self._schedule.stop(grace), self._server.stop(grace))
        await self._responder.close()
        self._responder.closed()

    def _discard(self) -> None:
        self._end_subscription()
        self._thread.stop(5.0)
        self._reads.shutdown(wait=False, cancel_futures=True)
        self._work.shutdown(wait=False, cancel_futures=True)

    # --- changes -----------------------------------------------------------------------------

    def _changed(self, changes: tuple[Change, ...]) -> None:
        """From the feed's thread."""
        self._thread.post(self._apply, changes)

    def _apply(self, changes: tuple[Change, ...]) -> None:
        self._responder.apply_changes(changes)
        touched = {change.entity for change in changes}
        if Entity.SERVICE in touched:
            self._schedule.trigger("desired state")
        if touched & _RELOADING:
            self._schedule.trigger("configurations")
        if touched & _MAINTAINING:
            self._schedule.trigger("signing certificates")

    # --- jobs, in executor threads -----------------------------------------------------------

    def _keep_lease(self) -> None:
        held = False
        try:
            held = self._parts.lease.hold()
        finally:  # what cannot be renewed is not held
            gained, self._holds_lease = held and not self._holds_lease, held
        if gained:
            log.info("this host runs the schedules")
            for name in ("publish CRLs", "signing certificates", "status", "retired keys"):
                self._thread.post(self._schedule.trigger, name)

    def _follow(self) -> None:
        self._thread.post(self._set_running, self._parts.jobs.responder_wanted())

    def _set_running(self, wanted: bool) -> None:
        self._state_known.set()
        if wanted == self._ocsp.running:
            return
        self._ocsp.running = wanted
        if wanted and self._address is not None:
            self._responder.opened(self._address.authority, self._parts.clock.now())
        else:
            self._responder.closed()
        log.info("online responder", running=wanted)

    def _load(self) -> None:
        self._thread.post(self._install, self._parts.jobs.load_configurations())

    def _install(self, configured: tuple[ConfiguredAuthority, ...]) -> None:
        kept = set()
        for one in configured:
            if self._install_one(one):
                kept.add(one.configuration.id)
        for configuration_id in self._responder.configurations() - kept:
            self._responder.remove_configuration(configuration_id)
        self._responder.mark_loaded()
        self._loaded.set()

    def _install_one(self, one: ConfiguredAuthority) -> bool:
        """Install one configuration; False, logged, when its certificates cannot be read."""
        problem = one.problem
        try:
            self._responder.set_configuration(one)
        except (SealkeeperError, ValueError) as error:
            problem = str(error)
        if problem and self._problems.get(one.configuration.id) != problem:
            # Not a warning: a new configuration is loaded before its first enrolment. The status
            # probe warns of what stays so.
            log.info("a configuration cannot sign", name=one.configuration.name, why=problem)
        self._problems[one.configuration.id] = problem
        return problem == one.problem

    def _summarise(self) -> None:
        """One log line for all the requests since the last one; none when there were none."""
        answers, web = self._responder.counters(), self._server.counters()
        now = (answers.requests, answers.refused, web.responses, web.connections)
        if now != self._summarised:
            self._summarised = now
            log.info(
                "answered so far",
                requests=answers.requests,
                from_cache=answers.answered_from_cache,
                signed=answers.signed,
                refused=answers.refused,
                responses=web.responses,
                connections=web.connections,
            )

    # --- state, for any thread ---------------------------------------------------------------

    @property
    def address(self) -> ListenAddress | None:
        """Where it listens; None before the start."""
        return self._address

    @property
    def responder_running(self) -> bool:
        """Whether `/ocsp` is answered; 503 where not."""
        return self._ocsp.running

    @property
    def holds_lease(self) -> bool:
        """Whether this host runs the schedules."""
        return self._holds_lease

    def counters(self) -> ResponderCounters:
        """What the responder has done."""
        return self._responder.counters()

    def http_counters(self) -> HttpCounters:
        """What the server has done."""
        return self._server.counters()

    def schedule(self) -> tuple[JobState, ...]:
        """The jobs, when they ran and when they run next."""
        return self._schedule.states()

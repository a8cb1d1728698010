"""Starts and stops the service host of this process and gives it its jobs."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import TYPE_CHECKING

import structlog

from app.domain.errors import SealkeeperError
from app.domain.services import HostState, ListenAddress, ServiceName
from app.domain.status import LinkState, ResponderCounters
from app.host.host import HostParts, ServiceHost
from app.services.authority.published import AuthorityFiles
from app.services.responder.active import configured_authorities

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from app.domain.events import Change
    from app.ocsp.answers import ConfiguredAuthority
    from app.services.backend import Backend
    from app.store.database import Database
    from app.store.revocation import DatabaseRevocationSource

LEASE_NAME = "host"
#: Three times the interval at which the host renews it.
LEASE_TIME = timedelta(seconds=15)
STOPPED = ResponderCounters(None, "", 0, 0, 0, 0, "")

log = structlog.get_logger(__name__)


class DatabaseLease:
    """The host's lease, a row with a heartbeat."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def hold(self) -> bool:
        """Take or renew it; False while another host has it."""
        holder = self._database.holder
        with self._database.write() as tx:
            return tx.leases.acquire(LEASE_NAME, holder, LEASE_TIME)

    def release(self) -> None:
        """Give it up."""
        holder = self._database.holder
        with self._database.write() as tx:
            tx.leases.release(LEASE_NAME, holder)

    def elsewhere(self) -> str:
        """Who else holds it, or ""."""
        with self._database.read() as tx:
            holder = tx.leases.holder(LEASE_NAME)
        return holder if holder and holder != self._database.holder else ""


class BackendJobs:
    """What the host's schedules run, from the services; called in executor threads."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend

    def load_configurations(self) -> tuple[ConfiguredAuthority, ...]:
        """All revocation configurations with their signers."""
        return configured_authorities(self._backend.authority_context)

    def responder_wanted(self) -> bool:
        """Whether the Online Responder service is to run."""
        return self._backend.services.get(ServiceName.ONLINE_RESPONDER).started

    def publish_due_crls(self) -> datetime | None:
        """Publish what is due and fail what a crash left between reservation and certificate."""
        self._backend.enrollment.recover()
        self._backend.revocation.publish_due()
        return None

    def maintain_signers(self) -> datetime | None:
        """Enroll and renew what is due."""
        self._backend.responder.maintain()
        return None

    def probe_status(self) -> datetime | None:
        """Check every configuration and log those that do not work."""
        for status in self._backend.status.all():
            problem = status.first_problem
            if status.state is LinkState.BAD and problem is not None:
                log.warning(
                    "a revocation configuration does not work",
                    configuration=status.name,
                    link=problem.name.value,
                    reason=problem.reason,
                )
        return None

    def retire_keys(self) -> datetime | None:
        """Retire what is due on the tokens that retire keys by themselves."""
        self._backend.keys.retire_due()
        return None


class _Feed:
    """The database's feed in the form that the host asks for."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def subscribe(self, callback: Callable[[tuple[Change, ...]], None]) -> Callable[[], None]:
        return self._database.feed.subscribe(callback).close


class HostController:
    """The service host of this process; `start` and `stop` are for task threads."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self._lease = DatabaseLease(backend.database)
        self._changing = threading.Lock()
        self._host: ServiceHost | None = None
        self._source: DatabaseRevocationSource | None = None
        self._state = HostState(running=False, address=None, elsewhere="", problem="")

    def state(self) -> HostState:
        """As last seen; cheap."""
        return self._state

    def counters(self) -> ResponderCounters:
        """Of the responder in this process; cheap."""
        host = self._host
        return STOPPED if host is None else host.counters()

    def start(self, address: ListenAddress | None = None) -> HostState:
        """Start it where the home says, or at `address`; what port 0 picks is stored.

        Raises:
            AddressInUse: something else listens there; if that is another process of this home,
                the state says so.
        """
        with self._changing:
            if self._host is not None:
                return self._state
            wanted = address or self._backend.services.listen_address()
            source = self._backend.database.revocation_source()
            host = ServiceHost(self._parts(wanted, source))
            try:
                actual = host.start()
            except SealkeeperError as error:
                source.close()
                self._state = HostState(
                    running=False,
                    address=None,
                    elsewhere=self._lease.elsewhere(),
                    problem=error.message,
                )
                raise
            if address is not None and actual != self._backend.services.listen_address():
                self._backend.services.set_listen_address(actual)
            self._host, self._source = host, source
            self._state = HostState(running=True, address=actual, elsewhere="", problem="")
            return self._state

    def stop(self) -> HostState:
        """Stop it gracefully; nothing happens where it does not run."""
        with self._changing:
            host, self._host = self._host, None
            source, self._source = self._source, None
            if host is not None:
                host.stop()
            if source is not None:
                source.close()
            self._state = HostState(running=False, address=None, elsewhere="", problem="")
            return self._state

    def wait_loaded(self, seconds: float) -> bool:
        """Wait until the responder has its configurations; False when it took longer."""
        host = self._host
        return host is not None and host.wait_loaded(seconds)

    def _parts(self, address: ListenAddress, source: DatabaseRevocationSource) -> HostParts:
        database = self._backend.database
        return HostParts(
            address=address,
            source=source,
            files=AuthorityFiles(self._backend.authority_context),
            feed=_Feed(database),
            jobs=BackendJobs(self._backend),
            lease=self._lease,
            clock=self._backend.clock,
        )

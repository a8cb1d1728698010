"""A service host with everything in memory: feed, lease, jobs, files."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from app.domain.clock import SystemClock
from app.domain.services import ListenAddress
from app.host.host import HostIntervals, HostParts, ServiceHost
from app.http.cert_enroll import TYPE_CRL, PublishedFile
from tests.ocsp.support import World

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from app.domain.events import Change
    from app.ocsp.answers import ConfiguredAuthority

INTERVALS = HostIntervals(
    lease=0.05, configurations=60, publish=0.1, maintain=60, probe=60, summary=0.1
)


class Feed:
    """A change feed with a thread of its own for each announcement."""

    def __init__(self) -> None:
        self.callbacks: list[Callable[[tuple[Change, ...]], None]] = []
        self.problem: Exception | None = None

    def subscribe(self, callback: Callable[[tuple[Change, ...]], None]) -> Callable[[], None]:
        if self.problem is not None:
            raise self.problem
        self.callbacks.append(callback)
        return lambda: self.callbacks.remove(callback)

    def announce(self, *changes: Change) -> None:
        def tell() -> None:
            for callback in tuple(self.callbacks):
                callback(changes)

        thread = threading.Thread(target=tell, name="feed")
        thread.start()
        thread.join(5)


class SharedLease:
    """A lease row that several hosts look at."""

    def __init__(self) -> None:
        self.holder: object | None = None

    def of(self, holder: object) -> HostLease:
        return HostLease(self, holder)


class HostLease:
    """One host's view of the lease."""

    def __init__(self, shared: SharedLease, holder: object) -> None:
        self._shared = shared
        self._holder = holder
        self.problem: Exception | None = None

    def hold(self) -> bool:
        if self.problem is not None:
            raise self.problem
        if self._shared.holder is None:
            self._shared.holder = self._holder
        return self._shared.holder is self._holder

    def release(self) -> None:
        if self._shared.holder is self._holder:
            self._shared.holder = None


class Jobs:
    """Counts what the host has done, and does as it is told."""

    def __init__(self, *configured: ConfiguredAuthority) -> None:
        self.configured = configured
        self.wanted = True
        self.done: dict[str, int] = {}
        self.threads: set[str] = set()
        self.problem: Exception | None = None

    def _did(self, what: str) -> None:
        self.done[what] = self.done.get(what, 0) + 1
        self.threads.add(threading.current_thread().name)

    def load_configurations(self) -> tuple[ConfiguredAuthority, ...]:
        self._did("load")
        if self.problem is not None:
            raise self.problem
        return self.configured

    def responder_wanted(self) -> bool:
        self._did("wanted")
        return self.wanted

    def publish_due_crls(self) -> datetime | None:
        self._did("publish")
        return None

    def maintain_signers(self) -> datetime | None:
        self._did("maintain")
        return None

    def probe_status(self) -> datetime | None:
        self._did("probe")
        return None

    def retire_keys(self) -> datetime | None:
        self._did("retire")
        return None


class Files:
    """One published CRL."""

    def read(self, name: str) -> PublishedFile | None:
        if name != "Test.crl":
            return None
        return PublishedFile(b"crl", TYPE_CRL, SystemClock().now(), "1")


class Setting:
    """A world, and hosts in it."""

    def __init__(self) -> None:
        self.world = World()
        self.feed = Feed()
        self.lease = SharedLease()
        self.jobs = Jobs(self.world.configured())
        self.hosts: list[ServiceHost] = []

    def host(self, port: int = 0, jobs: Jobs | None = None) -> ServiceHost:
        made = ServiceHost(
            HostParts(
                address=ListenAddress("127.0.0.1", port),
                source=self.world.source,
                files=Files(),
                feed=self.feed,
                jobs=jobs or self.jobs,
                lease=self.lease.of(object()),
                clock=self.world.clock,
                intervals=INTERVALS,
            )
        )
        self.hosts.append(made)
        return made

    def close(self) -> None:
        for host in self.hosts:
            host.stop(1)

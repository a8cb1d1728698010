"""The two services whose log-on account and desired state the console manages."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

from app.domain.principals import AccountName

if TYPE_CHECKING:
    from app.domain.status import ResponderCounters


class ServiceName(StrEnum):
    """Services as the console lists them."""

    CERTIFICATION_AUTHORITY = "Certification Authority"
    ONLINE_RESPONDER = "Online Responder"


@dataclass(frozen=True, slots=True)
class ServiceSettings:
    """Log-on account and desired state of one service."""

    name: ServiceName
    log_on_as: AccountName
    started: bool


HTTP_PORT = 80
_LOOPBACK = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - recognised, not listened at


@dataclass(frozen=True, slots=True)
class ListenAddress:
    """Where the HTTP server listens; port 0 is never stored."""

    host: str
    port: int

    @property
    def authority(self) -> str:
        """`host` or `host:port` for a URL."""
        return self._authority(self.host)

    @property
    def local_authority(self) -> str:
        """The same for a client on this machine: nobody can connect to every address at once."""
        return self._authority(_LOOPBACK.get(self.host, self.host))

    def public_authority(self, host_name: str) -> str:
        """The same for clients anywhere: this machine's name where it listens at every address."""
        return self._authority(host_name if self.host in _LOOPBACK else self.host)

    def _authority(self, host: str) -> str:
        bracketed = f"[{host}]" if ":" in host else host  # RFC 3986 §3.2.2
        return bracketed if self.port == HTTP_PORT else f"{bracketed}:{self.port}"


@dataclass(frozen=True, slots=True)
class HostState:
    """Where the service host is: in this process, in another, or nowhere.

    Attributes:
        running: it runs in this process.
        address: where it listens, None when it does not run here.
        elsewhere: the process that holds the lease, "" when none other does.
        problem: why it could not start, one sentence, or "".
    """

    running: bool
    address: ListenAddress | None
    elsewhere: str
    problem: str


class HostControl(Protocol):
    """Starts and stops the service host of this process.

    Every method but `state` and `counters` blocks.
    """

    def state(self) -> HostState:
        """Cheap; may be called on the GUI thread."""
        ...

    def counters(self) -> ResponderCounters:
        """Cheap; may be called on the GUI thread."""
        ...

    def start(self) -> HostState:
        """Start it; an address in use is raised as AddressInUse."""
        ...

    def stop(self) -> HostState:
        """Stop it gracefully."""
        ...

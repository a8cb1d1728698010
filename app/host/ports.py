"""What the service host is given by the composition root."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from app.domain.events import Change
    from app.ocsp.answers import ConfiguredAuthority


class ChangeFeed(Protocol):
    """Tells of committed changes, from this process and others."""

    def subscribe(self, callback: Callable[[tuple[Change, ...]], None]) -> Callable[[], None]:
        """Call back, from any thread, with changes in their order and without gaps.

        Returns:
            What ends the subscription; no call begins after it.

        Raises:
            SealkeeperError: the feed cannot be read.
        """
        ...


class Lease(Protocol):
    """Which of several hosts on one database runs the schedules; called from executor threads."""

    def hold(self) -> bool:
        """Take the lease or renew it; False while another host holds it."""
        ...

    def release(self) -> None:
        """Give it up, so that another host need not wait for its end."""
        ...


class HostJobs(Protocol):
    """What the host has done, in executor threads; each call is idempotent.

    A time that a job returns is when it wants to run again.
    """

    def load_configurations(self) -> tuple[ConfiguredAuthority, ...]:
        """All revocation configurations with their signers, as they are now."""
        ...

    def responder_wanted(self) -> bool:
        """Whether the Online Responder's desired state is started."""
        ...

    def publish_due_crls(self) -> datetime | None:
        """Publish the CRLs whose time has come."""
        ...

    def maintain_signers(self) -> datetime | None:
        """Enrol and renew signing certificates as the configurations ask for."""
        ...

    def probe_status(self) -> datetime | None:
        """Look at every link of every configuration's status path."""
        ...

    def retire_keys(self) -> datetime | None:
        """Delete keys of certificates that are past, on the tokens that it was chosen for."""
        ...

"""Events for the event log and changes for the change feed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

from app.domain.ids import EventId

if TYPE_CHECKING:
    from collections.abc import Callable


class EventLevel(StrEnum):
    """Levels of an event."""

    INFORMATION = "information"
    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class Event:
    """One entry of the event log.

    `number` is Microsoft's event id where there is one (4886…, 17, 23, 5126), else 0.
    """

    id: EventId
    at: datetime
    level: EventLevel
    source: str
    number: int
    message: str
    account: str
    subject: str


class Entity(StrEnum):
    """What kind of row a change touched."""

    LIBRARY = "library"
    REGISTRATION = "registration"
    TEMPLATE = "template"
    AUTHORITY = "authority"
    REQUEST = "request"
    CRL = "crl"
    CONFIGURATION = "configuration"
    SIGNER = "signer"
    SERVICE = "service"
    PRINCIPAL = "principal"
    SETTING = "setting"
    EVENT = "event"


@dataclass(frozen=True, slots=True)
class Change:
    """One committed change, numbered without gaps in commit order.

    `key` is the row's id or name; for a REQUEST whose status changed it is
    `<authority id>:<serial hex>`.
    """

    number: int
    entity: Entity
    key: str


class Subscription(Protocol):
    """One subscriber's place in a change feed."""

    def close(self) -> None:
        """End it: no delivery starts after this; one that runs already may still finish."""
        ...


class ChangeFeed(Protocol):
    """Tells what every process commits to the database, own commits included."""

    def subscribe(self, callback: Callable[[tuple[Change, ...]], None]) -> Subscription:
        """Call back with every change committed from now on, each once, in number order.

        The callback runs on the feed's thread and must not block.
        """
        ...

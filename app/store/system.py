"""Services, settings, the event log and the leases of hosts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
from sqlalchemy import delete, or_, select, update
from sqlalchemy.dialects.sqlite import insert

from app.domain.errors import InvalidInput
from app.domain.events import Entity, Event, EventLevel
from app.domain.ids import EventId
from app.domain.principals import SYSTEM
from app.domain.services import ListenAddress, ServiceName, ServiceSettings
from app.store.columns import encode_document
from app.store.schema import event, lease, service, setting
from app.store.statements import to_record, to_values

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import timedelta

    from app.store.statements import Statements

_LISTEN_ADDRESS = "listen_address"
_LAST_PORT = 65_535


class Services:
    """Log-on account and desired state of the services."""

    def __init__(self, statements: Statements) -> None:
        self._statements = statements

    def get(self, name: ServiceName) -> ServiceSettings:
        r"""What is set, or else `NT AUTHORITY\SYSTEM`, started."""
        row = self._statements.row(select(service).where(service.c.name == name))
        return (
            ServiceSettings(name, SYSTEM, True) if row is None else to_record(ServiceSettings, row)
        )

    def set(self, settings: ServiceSettings) -> None:
        """Keep the settings of one service."""
        values = to_values(settings, without=("name",))
        statement = insert(service).values(name=settings.name, **values)
        self._statements.run(
            statement.on_conflict_do_update(index_elements=[service.c.name], set_=values)
        )
        self._statements.changed(Entity.SERVICE, settings.name)


class Settings:
    """Settings by key; never a secret."""

    def __init__(self, statements: Statements) -> None:
        self._statements = statements

    def get(self, key: str) -> str | None:
        """The value, or None."""
        row = self._statements.row(select(setting.c.value).where(setting.c.key == key))
        return None if row is None else str(row["value"])

    def set(self, key: str, value: str) -> None:
        """Keep a value."""
        statement = insert(setting).values(key=key, value=value)
        self._statements.run(
            statement.on_conflict_do_update(index_elements=[setting.c.key], set_={"value": value})
        )
        self._statements.changed(Entity.SETTING, key)

    def listen_address(self) -> ListenAddress | None:
        """Where the HTTP server listens; None until it was set."""
        text = self.get(_LISTEN_ADDRESS)
        return None if text is None else msgspec.json.decode(text, type=ListenAddress)

    def set_listen_address(self, address: ListenAddress) -> None:
        """Keep where the HTTP server listens.

        Raises:
            InvalidInput: no port that can be listened at; 0 has to be resolved first.
        """
        if not 0 < address.port <= _LAST_PORT:
            raise InvalidInput(
                f"{address.port} is not a port to listen at.",
                remedy=f"Give a port from 1 to {_LAST_PORT}.",
            )
        self.set(_LISTEN_ADDRESS, encode_document(address))


class Events:
    """The event log."""

    def __init__(self, statements: Statements) -> None:
        self._statements = statements

    def add(
        self,
        level: EventLevel,
        source: str,
        number: int,
        message: str,
        account: str = "",
        subject: str = "",
    ) -> Event:
        """Write an entry, dated now."""
        values: dict[str, Any] = {
            "at": self._statements.now(),
            "level": level,
            "source": source,
            "number": number,
            "message": message,
            "account": account,
            "subject": subject,
        }
        identity = EventId(self._statements.insert(event, values))
        self._statements.changed(Entity.EVENT, identity)
        return Event(id=identity, **values)

    def page(self, limit: int, before_id: EventId | None = None) -> tuple[Event, ...]:
        """The newest entries, newest first; those before `before_id` where it is given."""
        query = select(event).order_by(event.c.id.desc()).limit(limit)
        if before_id is not None:
            query = query.where(event.c.id < before_id)
        return tuple(to_record(Event, row) for row in self._statements.rows(query))


class Leases:
    """Who does a job that only one process may do.

    A lease ends with its time to live, or with the process that holds it.

    Args:
        statements: the transaction.
        gone: whether the process of that name has ended.
    """

    def __init__(self, statements: Statements, gone: Callable[[str], bool]) -> None:
        self._statements = statements
        self._gone = gone

    def acquire(self, name: str, holder: str, ttl: timedelta) -> bool:
        """Take or prolong the lease; False when somebody else holds it."""
        self._free_of_the_gone(name)
        now = self._statements.now()
        values = {"holder": holder, "expires_at": now + ttl}
        free = or_(lease.c.holder == holder, lease.c.expires_at <= now)
        statement = (
            insert(lease)
            .values(name=name, **values)
            .on_conflict_do_update(index_elements=[lease.c.name], set_=values, where=free)
        )
        return self._statements.run(statement).rowcount == 1

    def renew(self, name: str, holder: str, ttl: timedelta) -> bool:
        """Prolong the own lease; False when it was lost, also when nobody took it meanwhile."""
        now = self._statements.now()
        own = (lease.c.name == name, lease.c.holder == holder, lease.c.expires_at > now)
        statement = update(lease).where(*own).values(expires_at=now + ttl)
        return self._statements.run(statement).rowcount == 1

    def release(self, name: str, holder: str) -> None:
        """Give the lease back; nothing happens when somebody else holds it."""
        own = (lease.c.name == name, lease.c.holder == holder)
        self._statements.run(delete(lease).where(*own))

    def holder(self, name: str) -> str | None:
        """Who holds the lease now."""
        held = (lease.c.name == name, lease.c.expires_at > self._statements.now())
        row = self._statements.row(select(lease.c.holder).where(*held))
        return None if row is None or self._gone(str(row["holder"])) else str(row["holder"])

    def _free_of_the_gone(self, name: str) -> None:
        row = self._statements.row(select(lease.c.holder).where(lease.c.name == name))
        if row is not None and self._gone(str(row["holder"])):
            self.release(name, str(row["holder"]))

"""The event log: what happened, who did it, and to what."""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.domain.errors import InvalidInput
from app.domain.events import Event, EventLevel

if TYPE_CHECKING:
    from app.domain.ids import EventId
    from app.domain.principals import Directory
    from app.store.database import Database, Transaction

LARGEST_PAGE = 1000


class EventService:
    """Writes and reads the event log; may be used from any thread but the GUI's."""

    def __init__(self, database: Database, directory: Directory) -> None:
        self._database = database
        self._directory = directory

    def record(
        self,
        level: EventLevel,
        source: str,
        number: int,
        message: str,
        subject: str = "",
        account: str = "",
    ) -> Event:
        """Write one event in a transaction of its own.

        Args:
            level: how serious it is.
            source: area that it comes from, as the event log's list shows it.
            number: Microsoft's event id where there is one, else 0.
            message: one sentence; never a secret.
            subject: what it is about (a name, a serial), or "".
            account: who did it; "" means the account of this process.
        """
        with self._database.write() as tx:
            return self.within(tx, level, source, number, message, subject=subject, account=account)

    def within(  # noqa: PLR0913 - the columns of an event, all named at the call
        self,
        tx: Transaction,
        level: EventLevel,
        source: str,
        number: int,
        message: str,
        *,
        subject: str = "",
        account: str = "",
    ) -> Event:
        """Write one event in the transaction of the change that it tells of; see `record`."""
        who = account or str(self._directory.current_account())
        return tx.events.add(level, source, number, message, account=who, subject=subject)

    def note(self, tx: Transaction, source: str, message: str, subject: str = "") -> Event:
        """Write an informational event without a number in a running transaction."""
        return self.within(tx, EventLevel.INFORMATION, source, 0, message, subject=subject)

    def page(self, limit: int = 200, before: EventId | None = None) -> tuple[Event, ...]:
        """The newest events, or those older than `before`, newest first.

        Raises:
            InvalidInput: `limit` is not 1 to 1000.
        """
        if not 1 <= limit <= LARGEST_PAGE:
            raise InvalidInput(f"A page of events has 1 to {LARGEST_PAGE} of them, not {limit}.")
        with self._database.read() as tx:
            return tx.events.page(limit, before)

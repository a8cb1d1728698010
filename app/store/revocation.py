"""Status of certificates for the responder, straight from the CA's database."""

from __future__ import annotations

import sqlite3
import threading
from typing import TYPE_CHECKING

from app.domain.requests import Disposition, RevocationReason, serial_text
from app.domain.responder import CertificateStatus, StatusAnswer
from app.store.columns import from_microseconds, to_microseconds
from app.store.engine import connect, database_fault

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    from app.domain.ids import AuthorityId

_GOOD = StatusAnswer(CertificateStatus.GOOD)
_UNKNOWN = StatusAnswer(CertificateStatus.UNKNOWN)
_POSITION = "SELECT last FROM change_counter"
# One statement is one snapshot, so the position is never ahead of the status.
_STATUS = """
    SELECT counter.last, request.disposition,
           request.revoked_effective_when, request.revoked_reason
    FROM change_counter AS counter
    LEFT JOIN request ON request.authority_id = ? AND request.serial_number = ?
"""


class DatabaseRevocationSource:
    """Reads on a connection a thread, past SQLAlchemy, because every miss of the cache asks it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._local = threading.local()
        self._lock = threading.Lock()
        self._connections: list[sqlite3.Connection] = []
        self._closed = False

    def status(self, authority_id: AuthorityId, serial: int, at: datetime) -> StatusAnswer:
        """Status of that serial at that time; never cached.

        Raises:
            EnvironmentFault: the database cannot be read.
        """
        return self.status_and_position(authority_id, serial, at)[1]

    def position(self) -> int:
        """Number of the last change that a `status` asked from now on sees at the least.

        Raises:
            EnvironmentFault: the database cannot be read.
        """
        try:
            (last,) = self._connection().execute(_POSITION).fetchone()
        except sqlite3.Error as error:
            raise database_fault(self._path, error) from error
        return int(last)

    def status_and_position(
        self, authority_id: AuthorityId, serial: int, at: datetime
    ) -> tuple[int, StatusAnswer]:
        """The status, and the number of the last change that it takes into account.

        An answer made of it may enter a cache only while no change of that certificate with a
        higher number was applied to the cache.

        Raises:
            EnvironmentFault: the database cannot be read.
        """
        moment = to_microseconds(at)
        # No serial of ours is negative, so a negative one finds nothing.
        values = (authority_id, serial_text(serial) if serial >= 0 else "")
        try:
            row = self._connection().execute(_STATUS, values).fetchone()
        except sqlite3.Error as error:
            raise database_fault(self._path, error) from error
        last, disposition, effective, reason = row
        if disposition == Disposition.ISSUED:
            return last, _GOOD
        if disposition != Disposition.REVOKED:
            return last, _UNKNOWN
        effective_when = from_microseconds(effective)
        if effective > moment:
            return last, StatusAnswer(CertificateStatus.GOOD, changes_at=effective_when)
        revoked = CertificateStatus.REVOKED
        return last, StatusAnswer(revoked, effective_when, RevocationReason(reason))

    def close(self) -> None:
        """Close the connections of all threads; nothing may be asked any more."""
        with self._lock:
            self._closed = True
            connections, self._connections = self._connections, []
        for connection in connections:
            connection.close()

    def _connection(self) -> sqlite3.Connection:
        connection: sqlite3.Connection | None = getattr(self._local, "connection", None)
        if connection is None:
            connection = connect(self._path, read_only=True)
            with self._lock:
                if self._closed:
                    connection.close()
                    raise RuntimeError("The revocation source is closed.")
                self._connections.append(connection)
            self._local.connection = connection
        return connection

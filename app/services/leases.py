"""One at a time, across processes: work that holds a lease of the database."""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from app.domain.errors import Refused

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import timedelta

    from app.store.database import Database

LOOK_AGAIN = 0.1


@contextmanager
def lease_held(
    database: Database, name: str, length: timedelta, patience: float, busy: str
) -> Iterator[None]:
    """Hold a lease during the block; waits for whoever holds it.

    All threads of a process hold as one: a lock among them is the caller's.

    Args:
        database: where the lease is a row.
        name: of the lease.
        length: after which it is anybody's again, if this process hangs.
        patience: seconds to wait.
        busy: one sentence for when that was not enough.

    Raises:
        Refused: another process still holds it.
    """
    until = time.monotonic() + patience
    while True:
        with database.write() as tx:
            free = tx.leases.acquire(name, database.holder, length)
        if free:
            break
        if time.monotonic() > until:
            raise Refused(busy, remedy="Try again in a moment.")
        time.sleep(LOOK_AGAIN)
    try:
        yield
    finally:
        with database.write() as tx:
            tx.leases.release(name, database.holder)

"""A clock that tests move."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta


class MovingClock:
    """Stands still until it is moved."""

    def __init__(self, start: datetime | None = None) -> None:
        self.time = start or datetime.now(UTC)

    def now(self) -> datetime:
        return self.time

    def advance(self, by: timedelta) -> None:
        self.time += by

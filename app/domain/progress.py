"""How a long use case tells how far it is."""

from __future__ import annotations

from typing import Protocol


class Progress(Protocol):
    """Polled by whoever shows it; called from the thread that does the work."""

    def report(self, text: str, done: int = 0, total: int = 0) -> None:
        """Say what is being done now; `total` 0 means that the length is not known.

        Raises:
            Cancelled: the user asked to stop.
        """
        ...


class Silent:
    """Shows nothing and never cancels."""

    def report(self, text: str, done: int = 0, total: int = 0) -> None:
        """Do nothing."""

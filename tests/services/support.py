"""Looks at what services left behind."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from app.services.backend import Backend


def messages(backend: Backend) -> list[str]:
    """The messages of the event log, oldest first."""
    return [event.message for event in reversed(backend.events.page())]

"""The node Event log."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from app.gui.panel import NodeSpec
from app.gui.panels.event_log.panel import EventLogPanel

if TYPE_CHECKING:
    from app.services.backend import Backend

__all__ = ["nodes"]


def nodes(backend: Backend) -> tuple[NodeSpec, ...]:
    """The node of the tree."""
    return (
        NodeSpec("event_log", "Event log", "event", "", partial(EventLogPanel, backend=backend)),
    )

"""The node Overview: the integration guide as a live checklist, and the status of everything."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from app.gui.panel import NodeSpec
from app.gui.panels.overview.panel import OverviewPanel

if TYPE_CHECKING:
    from app.domain.services import HostControl
    from app.services.backend import Backend

__all__ = ["nodes"]


def nodes(backend: Backend, host: HostControl) -> tuple[NodeSpec, ...]:
    """The node of the tree."""
    return (
        NodeSpec(
            "overview",
            "Overview",
            "overview",
            "",
            partial(OverviewPanel, backend=backend, host=host),
        ),
    )

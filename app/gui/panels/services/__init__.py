"""The node Services: the two services, their log-on accounts and states."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from app.gui.panel import NodeSpec
from app.gui.panels.services.panel import ServicesPanel

if TYPE_CHECKING:
    from app.domain.services import HostControl
    from app.services.backend import Backend

__all__ = ["nodes"]


def nodes(backend: Backend, host: HostControl) -> tuple[NodeSpec, ...]:
    """The node of the tree."""
    return (
        NodeSpec(
            "services",
            "Services",
            "services",
            "",
            partial(ServicesPanel, backend=backend, host=host),
        ),
    )

"""The pages of the console, and the tree that they hang in."""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.gui.panels import (
    certificate_templates,
    certification_authority,
    event_log,
    online_responder,
    overview,
    security_library,
    services,
)

if TYPE_CHECKING:
    from app.domain.services import HostControl
    from app.gui.panel import NodeSpec
    from app.services.backend import Backend


def tree(backend: Backend, host: HostControl) -> tuple[NodeSpec, ...]:
    """All nodes that exist from the start, parents before their children."""
    return (
        *overview.nodes(backend, host),
        *security_library.nodes(backend),
        *certificate_templates.nodes(backend),
        *certification_authority.nodes(backend),
        *online_responder.nodes(backend, host),
        *services.nodes(backend, host),
        *event_log.nodes(backend),
    )

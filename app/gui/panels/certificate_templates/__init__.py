"""Certificate Templates: the list, copies, and the property sheet."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from app.gui.panel import NodeSpec
from app.gui.panels.certificate_templates.templates_panel import TemplatesPanel

if TYPE_CHECKING:
    from app.services.backend import Backend

ROOT = "certificate_templates"

__all__ = ["ROOT", "nodes"]


def nodes(backend: Backend) -> tuple[NodeSpec, ...]:
    """The nodes of this area."""
    return (
        NodeSpec(
            ROOT,
            "Certificate Templates",
            "template",
            "",
            partial(TemplatesPanel, backend=backend),
        ),
    )

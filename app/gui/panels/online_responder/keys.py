"""Keys of the responder's nodes in the tree."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from app.domain.ids import ConfigurationId

RESPONDER = "responder"
CONFIGURATIONS = "responder/configurations"


def configuration_key(configuration_id: ConfigurationId) -> str:
    """Key of one configuration's node."""
    return f"{CONFIGURATIONS}/{configuration_id}"

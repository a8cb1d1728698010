"""The nodes of the online responder: its page, its revocation configurations, and each of them."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from app.gui.panel import NodeSpec
from app.gui.panels.online_responder.add_wizard import open_add_wizard
from app.gui.panels.online_responder.configuration_panel import ConfigurationPanel
from app.gui.panels.online_responder.configurations_panel import ConfigurationsPanel
from app.gui.panels.online_responder.keys import CONFIGURATIONS, RESPONDER, configuration_key
from app.gui.panels.online_responder.responder_panel import ResponderPanel

if TYPE_CHECKING:
    from app.domain.services import HostControl
    from app.services.backend import Backend

__all__ = ["nodes", "open_add_wizard"]


def nodes(backend: Backend, host: HostControl) -> tuple[NodeSpec, ...]:
    """The responder and its list of configurations; the configurations come as its children."""
    title = f"Online Responder: {backend.directory.host}"
    return (
        NodeSpec(
            RESPONDER, title, "responder", "", partial(ResponderPanel, backend=backend, host=host)
        ),
        NodeSpec(
            CONFIGURATIONS,
            "Revocation Configuration",
            "revocation",
            RESPONDER,
            partial(ConfigurationsPanel, backend=backend, host=host),
            children=partial(_configurations, backend, host),
        ),
    )


def _configurations(backend: Backend, host: HostControl) -> tuple[NodeSpec, ...]:
    """For a task thread; their states are shown as they are looked at."""
    return tuple(
        NodeSpec(
            configuration_key(configuration.id),
            configuration.name,
            "certificate",
            CONFIGURATIONS,
            partial(
                ConfigurationPanel,
                backend=backend,
                host=host,
                configuration_id=configuration.id,
                name=configuration.name,
            ),
        )
        for configuration in backend.responder.list()
    )

"""The Security Library: registered libraries, HSM slots, providers, and the keys in each store."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from app.gui.panel import NodeSpec
from app.gui.panels.security_library.key_facts import KeySource
from app.gui.panels.security_library.keys_panel import KeysPanel
from app.gui.panels.security_library.library_panel import LibraryPanel
from app.gui.panels.security_library.luna_panel import LunaPanel
from app.gui.panels.security_library.providers_panel import ProvidersPanel
from app.gui.panels.security_library.slots_panel import SlotsPanel

if TYPE_CHECKING:
    from app.services.backend import Backend

ROOT = "security_library"

__all__ = ["ROOT", "nodes"]


def nodes(backend: Backend) -> tuple[NodeSpec, ...]:
    """The nodes of this area, parents first; those of keys come with the registered slots."""
    root = NodeSpec(
        key=ROOT,
        title="Security Library",
        icon="library",
        parent="",
        panel_factory=partial(LibraryPanel, backend=backend),
        children=partial(_children, backend),
    )
    return (root, *_fixed(backend))


def _fixed(backend: Backend) -> tuple[NodeSpec, ...]:
    return (
        NodeSpec(f"{ROOT}/slots", "HSM Slots", "slot", ROOT, partial(SlotsPanel, backend=backend)),
        NodeSpec(
            f"{ROOT}/providers",
            "Providers",
            "provider",
            ROOT,
            partial(ProvidersPanel, backend=backend),
        ),
        NodeSpec(
            f"{ROOT}/luna", "Luna Client", "settings", ROOT, partial(LunaPanel, backend=backend)
        ),
    )


def _children(backend: Backend) -> tuple[NodeSpec, ...]:
    """The fixed nodes and one for each store of keys; for a task thread."""
    tokens = {(row.library_id, row.token): None for row in backend.slots.registered()}
    stores = [
        (
            f"{ROOT}/keys/{library_id}-{token.serial}",
            KeySource(
                f"Keys on {token.label}",
                partial(backend.keys.on_token, library_id, token),
                library_id,
                token,
            ),
        )
        for library_id, token in tokens
    ]
    if backend.keys.software():
        stores.append((f"{ROOT}/keys/software", KeySource("Software keys", backend.keys.software)))
    found = tuple(
        NodeSpec(key, source.title, "key", ROOT, partial(KeysPanel, backend=backend, source=source))
        for key, source in stores
    )
    return (*_fixed(backend), *found)

"""The node Certification Authority: the CAs of this home, their lists and what is done there."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from app.domain.status import LinkState
from app.gui.panel import NodeSpec
from app.gui.panels.certification_authority.authorities import AuthoritiesPanel
from app.gui.panels.certification_authority.authority import AuthorityPanel
from app.gui.panels.certification_authority.issued_templates import IssuedTemplatesPanel
from app.gui.panels.certification_authority.lists import RequestList
from app.gui.panels.certification_authority.openers import (
    KEY,
    node_key,
    open_add_ocsp_location,
    open_issue_templates,
    open_setup_wizard,
    open_submit_request,
)
from app.gui.panels.certification_authority.requests import RequestsPanel

if TYPE_CHECKING:
    from app.domain.authorities import Authority
    from app.services.backend import Backend

__all__ = [
    "KEY",
    "node_key",
    "nodes",
    "open_add_ocsp_location",
    "open_issue_templates",
    "open_setup_wizard",
    "open_submit_request",
]


def nodes(backend: Backend) -> tuple[NodeSpec, ...]:
    """The node Certification Authority; its CAs are asked for in a task."""
    return (
        NodeSpec(
            KEY,
            "Certification Authority",
            "authority",
            "",
            partial(AuthoritiesPanel, backend=backend),
            children=partial(_children, backend),
        ),
    )


def _children(backend: Backend) -> tuple[NodeSpec, ...]:
    return tuple(
        spec for authority in backend.authorities.list() for spec in _nodes_of(backend, authority)
    )


def _nodes_of(backend: Backend, authority: Authority) -> tuple[NodeSpec, ...]:
    """A CA and, below it, its lists in the order that administrators know."""
    key = node_key(authority.id)
    lists = tuple(
        NodeSpec(
            f"{key}/{kind.value}",
            kind.title,
            kind.icon,
            key,
            partial(RequestsPanel, backend=backend, authority_id=authority.id, kind=kind),
        )
        for kind in RequestList
    )
    templates = NodeSpec(
        f"{key}/templates",
        "Certificate Templates",
        "template",
        key,
        partial(IssuedTemplatesPanel, backend=backend, authority_id=authority.id),
    )
    own = NodeSpec(
        key,
        authority.name,
        "seal",
        KEY,
        partial(AuthorityPanel, backend=backend, authority_id=authority.id),
        state=LinkState.OK if authority.started else LinkState.WARNING,
    )
    return (own, *lists, templates)

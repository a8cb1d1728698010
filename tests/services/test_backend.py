from __future__ import annotations

from contextlib import ExitStack
from dataclasses import fields
from typing import TYPE_CHECKING

from app.services.wiring import wire

if TYPE_CHECKING:
    from app.services.wiring import Parts


def test_a_backend_closes_what_it_stands_on_once(parts: Parts) -> None:
    closed: list[str] = []
    stack = ExitStack()
    stack.callback(closed.append, "database")
    stack.callback(closed.append, "isolation")
    with wire(parts, stack) as backend:
        assert all(getattr(backend, field.name) is not None for field in fields(backend))
        assert closed == []
    backend.close()
    assert closed == ["isolation", "database"]

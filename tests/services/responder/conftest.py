"""The backend and CA of the authority tests."""

from __future__ import annotations

from tests.services.authority.conftest import authority, backend, clock

__all__ = ["authority", "backend", "clock"]

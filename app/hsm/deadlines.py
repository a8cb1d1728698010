"""How long calls to a security library may take."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Deadlines:
    """Seconds that a call may take before its child is ended.

    They count from the request; for a signature, from when one of the token's lanes takes it.
    """

    load: float = 20
    enumerate: float = 20
    login: float = 30
    generate: float = 300
    sign: float = 10
    initialise: float = 60
    manage: float = 30

"""How long calls to a security library may take."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Deadlines:
    """Seconds that a call may take before its child is ended.

    They count from the request; for a signature, from when one of the token's lanes takes it.
    `pin_pad` is for a login that a person makes on the token's own PIN pad. `keep_alive` is no
    deadline: after so many seconds a login is looked after, so that an idle one is not dropped.
    """

    load: float = 20
    enumerate: float = 20
    login: float = 30
    generate: float = 300
    sign: float = 10
    initialise: float = 60
    manage: float = 30
    pin_pad: float = 240
    keep_alive: float = 60

    def login_with(self, pin: object) -> float:
        """For a login with this PIN; None stands for the token's own PIN pad."""
        return self.login if pin is not None else self.pin_pad

"""Slot passwords that a person entered for this run of the program and that nothing stores."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

from app.domain.libraries import SlotRegistration
from app.domain.secret import Secret

if TYPE_CHECKING:
    from app.domain.ids import RegistrationId

#: Asks a person for the password of a registration; None: nobody answered.
Prompt = Callable[[SlotRegistration], Secret | None]


class LoginLedger:
    """Passwords by registration, in memory alone; they are gone with the process. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._passwords: dict[RegistrationId, Secret] = {}

    def __repr__(self) -> str:
        return f"LoginLedger({len(self._passwords)} passwords)"

    def get(self, registration_id: RegistrationId) -> Secret | None:
        """The password that was entered for a registration, or None."""
        with self._lock:
            return self._passwords.get(registration_id)

    def enter(self, registration_id: RegistrationId, password: Secret) -> None:
        """Keep a password until the program ends."""
        with self._lock:
            self._passwords[registration_id] = password

    def forget(self, registration_id: RegistrationId, password: Secret | None = None) -> bool:
        """Forget a password, or only that very one; tells whether it was there."""
        with self._lock:
            held = self._passwords.get(registration_id)
            if held is None or (password is not None and held != password):
                return False
            del self._passwords[registration_id]
            return True

"""How a command that serves learns that it is to end."""

from __future__ import annotations

import signal
import threading

# Windows delivers a signal only to a thread that wakes up now and then.
WAKE_SECONDS = 1.0


class Ending:
    """Set by SIGINT and SIGTERM from its making on; made and waited for in the main thread."""

    def __init__(self) -> None:
        self._told = threading.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: self._told.set())

    def wait(self) -> None:
        """Return when one of the signals has arrived."""
        while not self._told.wait(WAKE_SECONDS):
            pass

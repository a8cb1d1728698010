"""`python -m tests.bounds.stalling HOME`: the real console, and how long its event loop stalls.

Three times in turn: a key is generated in the token by a task, and then another process burns a
core for as long. A line of JSON tells when the responder listens, one each when a phase ends, and
the last one what is loaded into this process. It ends when that is told.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, Qt, QTimer
from PySide6.QtWidgets import QApplication

from app.domain.keys import KeyAlgorithm, KeySpec
from app.gui.console import ConsoleSession
from app.host.control import HostController
from app.main import _log_to_standard_error, open_backend

if TYPE_CHECKING:
    from app.domain.errors import SealkeeperError
    from app.domain.keys import KeyDescription
    from app.services.backend import Backend

REPEATS = 3
TICK_MS = 5
SETTLE_MS = 3000
WATCHDOG_MS = 200_000
BURN = "while True: pass"


def tell(**facts: Any) -> None:
    """One line for the process that watches."""
    sys.stdout.write(json.dumps(facts) + "\n")
    sys.stdout.flush()


def generate(backend: Backend, label: str) -> KeyDescription:
    """An RSA-4096 key in the token of the first registration; for a task thread."""
    registration = backend.slots.registered()[0]
    library = next(
        library for library in backend.libraries.list() if library.id == registration.library_id
    )
    return backend.keys.generate(
        library.provider_name,
        registration.token,
        KeySpec(KeyAlgorithm.RSA, 4096),
        label,
        registration.account,
    )


class Gaps(QObject):
    """A timer of 5 ms that remembers the longest time between two of its ticks."""

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self._last = self._longest = 0.0
        self._timer = QTimer(self)
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.setInterval(TICK_MS)
        self._timer.timeout.connect(self._tick)

    def start(self) -> None:
        """Begin anew."""
        self._last, self._longest = time.perf_counter(), 0.0
        self._timer.start()

    def stop(self) -> float:
        """The longest gap in milliseconds, with the one that has just begun."""
        self._tick()
        self._timer.stop()
        return self._longest * 1000

    def _tick(self) -> None:
        now = time.perf_counter()
        self._longest = max(self._longest, now - self._last)
        self._last = now


class Measurement(QObject):
    """Goes through the phases; lives in the main thread."""

    def __init__(self, session: ConsoleSession, app: QApplication) -> None:
        super().__init__()
        self._session = session
        self._app = app
        self._gaps = Gaps(self)
        self._round = 0
        self._began = 0.0
        self._burner: subprocess.Popen[bytes] | None = None
        self._looking = QTimer(self)
        self._looking.setInterval(50)
        self._looking.timeout.connect(self._look)
        session.ready.connect(self._looking.start)

    def _look(self) -> None:
        host = self._session.host
        if host is None or host.state().address is None:
            return
        self._looking.stop()
        tell(listening=True)
        QTimer.singleShot(SETTLE_MS, self._generate)

    def _generate(self) -> None:
        self._round += 1
        self._began = time.monotonic()
        self._gaps.start()
        self._session.runner.run(
            "Generating an RSA 4096 key",
            generate,
            self._session.backend,
            f"stalls {self._round}",
            owner=self._session.window,
            done=self._generated,
            failed=self._failed,
        )

    def _generated(self, key: KeyDescription) -> None:
        # The lists that show the new key refresh after this: that belongs to it.
        del key
        QTimer.singleShot(500, self._generation_over)

    def _generation_over(self) -> None:
        seconds = self._phase_over("generation")
        self._burner = subprocess.Popen([sys.executable, "-c", BURN])
        self._began = time.monotonic()
        self._gaps.start()
        QTimer.singleShot(int(seconds * 1000), self._control_over)

    def _control_over(self) -> None:
        self._phase_over("control")
        self.end_burner()
        if self._round < REPEATS:
            self._generate()
            return
        maps = Path("/proc/self/maps").read_text()
        tell(
            modules=sorted(name for name in sys.modules if is_pkcs11(name)),
            maps=sorted({line.split()[-1] for line in maps.splitlines() if is_pkcs11(line)}),
        )
        self._session.window.close()

    def _phase_over(self, name: str) -> float:
        gap, end = self._gaps.stop(), time.monotonic()
        tell(phase=name, gap_ms=gap, began=self._began, ended=end)
        return end - self._began

    def _failed(self, error: SealkeeperError) -> None:
        tell(failed=error.one_line())
        self._app.exit(1)

    def end_burner(self) -> None:
        """End the process that burns a core, if there is one."""
        burner, self._burner = self._burner, None
        if burner is not None:
            burner.kill()
            burner.wait()


def is_pkcs11(name: str) -> bool:
    """Whether it names PyKCS11, another wrapper of PKCS#11, or the soft token's library."""
    return any(word in name.lower() for word in ("softhsm", "pkcs11", "pykcs11"))


def main() -> int:
    """Open the console of the home and measure."""
    _log_to_standard_error()
    app = QApplication(sys.argv[:1])
    app.setQuitOnLastWindowClosed(False)
    session = ConsoleSession(Path(sys.argv[1]), open_backend, HostController)
    measurement = Measurement(session, app)
    session.ended.connect(app.quit)
    QTimer.singleShot(WATCHDOG_MS, lambda: app.exit(2))
    session.start()
    try:
        return app.exec()
    finally:
        measurement.end_burner()


if __name__ == "__main__":
    sys.exit(main())

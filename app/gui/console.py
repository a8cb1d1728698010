"""Opens the console on a home: backend, window, tree, change feed and service host together."""

from __future__ import annotations

import os
import signal
import sys
import threading
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import structlog
from PySide6.QtCore import QObject, Qt, QTimer, Signal, Slot
from PySide6.QtWidgets import QApplication

from app import __version__
from app.domain.errors import AddressInUse, SealkeeperError
from app.domain.events import Entity
from app.domain.libraries import SlotRegistration
from app.domain.status import ConfigurationStatus, LinkState
from app.gui.failures import Failures
from app.gui.panels import tree
from app.gui.panels.online_responder.keys import configuration_key
from app.gui.tasks import TaskRunner
from app.gui.watch import Watch
from app.gui.window import MainWindow

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from app.domain.events import Change, Subscription
    from app.domain.services import HostControl, HostState
    from app.services.backend import Backend

log = structlog.get_logger(__name__)

COALESCE_MS = 150
POLL_MS = 500
CLOSE_SECONDS = 10.0
WAKE_MS = 200
#: Nodes whose children a change of such a row may alter.
_CHILDREN = {
    Entity.LIBRARY: ("security_library",),
    Entity.REGISTRATION: ("security_library",),
    Entity.AUTHORITY: ("certification_authority",),
    Entity.CONFIGURATION: ("responder/configurations",),
    Entity.SIGNER: ("responder/configurations",),
}


@dataclass(frozen=True, slots=True)
class Health:
    """What the dots of the tree and the status line tell."""

    statuses: tuple[ConfigurationStatus, ...]
    registrations: tuple[SlotRegistration, ...]


def look_at(backend: Backend) -> Health:
    """Check every configuration and read the registered slots; blocks."""
    return Health(backend.status.all(), backend.slots.registered())


def slots_words(registrations: tuple[SlotRegistration, ...]) -> tuple[LinkState, str, str]:
    """State, words and tooltip for the registered slots; no words while there is none."""
    labels = dict.fromkeys(row.token.label for row in registrations)
    refused = [row for row in registrations if row.pin_refused_at is not None]
    if refused:
        row = refused[0]
        why = f"The token refused the stored password of {row.account}."
        return LinkState.BAD, f"Password of slot {row.token.label} refused", why
    words = f"Slot {next(iter(labels))} registered" if len(labels) == 1 else ""
    if len(labels) > 1:
        words = f"{len(labels)} slots registered"
    accounts = "\n".join(f"{row.token.label}: {row.account}" for row in registrations)
    return LinkState.OK, words, accounts


class ChangeBridge(QObject):
    """Brings the change feed to the main thread, several changes at a time.

    Signals:
        changed: frozenset of Entity, at most once in 150 ms.
    """

    changed = Signal(object)
    _arrived = Signal(object)

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self._waiting: set[Entity] = set()
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(COALESCE_MS)
        self._timer.timeout.connect(self._tell)
        self._arrived.connect(self._take, Qt.ConnectionType.QueuedConnection)

    def deliver(self, changes: tuple[Change, ...]) -> None:
        """For the feed's thread."""
        self._arrived.emit(frozenset(change.entity for change in changes))

    @Slot(object)
    def _take(self, entities: frozenset[Entity]) -> None:
        self._waiting |= entities
        if not self._timer.isActive():
            self._timer.start()

    @Slot()
    def _tell(self) -> None:
        entities, self._waiting = frozenset(self._waiting), set()
        self.changed.emit(entities)


class ConsoleSession(QObject):
    """The open console of one home; lives in the main thread.

    Signals:
        ready: the window is filled and the first page shown.
        ended: everything is closed; carries the labels of tasks that did not end.
    """

    ready = Signal()
    ended = Signal(object)

    def __init__(
        self,
        home: Path,
        open_backend: Callable[[Path], Backend],
        make_host: Callable[[Backend], HostControl],
    ) -> None:
        super().__init__()
        self._home = home
        self._open_backend = open_backend
        self._make_host = make_host
        self._failures = Failures(self)
        self.runner = TaskRunner(self._failures)
        self.window = MainWindow(self.runner, self._failures, home / "window.json", __version__)
        self.backend: Backend | None = None
        self.host: HostControl | None = None
        self._subscription: Subscription | None = None
        self._health: Watch[Health] | None = None
        self._bridge = ChangeBridge(self)
        self._bridge.changed.connect(self._changed)
        self._poll = QTimer(self)
        self._poll.setInterval(POLL_MS)
        self._poll.timeout.connect(self._show_host)
        self.window.closed.connect(self._closed)

    def start(self) -> None:
        """Show the window and open the home in a task."""
        self._failures.install_hooks()
        self.window.show_as_left()
        self.runner.run(
            self.tr("Opening the home"),
            self._open,
            owner=self,
            done=self._opened,
            failed=self._not_opened,
        )

    # --- opening ----------------------------------------------------------------------------------

    def _open(self) -> tuple[str, bool]:
        """In a task thread; what is opened is kept here, since closing must find it in any case."""
        self.backend = backend = self._open_backend(self._home)
        self.host = self._make_host(backend)
        self._subscription = backend.feed.subscribe(self._bridge.deliver)
        return backend.slots.secret_place()

    def _opened(self, secrets: tuple[str, bool]) -> None:
        if self.backend is None or self.host is None:
            raise RuntimeError("the home is open, yet there is no backend")
        for node in tree(self.backend, self.host):
            self.window.add_node(node)
        self.window.open_first()
        place, is_file = secrets
        self.window.status_line.secrets.show_state(
            LinkState.WARNING if is_file else LinkState.OK,
            self.tr("Passwords in a file") if is_file else self.tr("Passwords in the keyring"),
            place,
        )
        self.runner.run(
            self.tr("Starting the service host"),
            self.host.start,
            owner=self,
            done=self._host_started,
            failed=self._host_failed,
            quiet=True,
        )
        words, look = self.tr("Checking the configurations"), partial(look_at, self.backend)
        self._health = Watch(self, self.runner, words, look, self._show_health, self._not_seen)
        self._health.start()
        self._poll.start()
        self.ready.emit()

    def _not_opened(self, error: SealkeeperError) -> None:
        dialog = self._failures.show_error(error, self.window)
        dialog.finished.connect(self.window.close)

    def _host_started(self, _state: HostState) -> None:
        self._show_host()
        self._look_again()

    def _host_failed(self, error: SealkeeperError) -> None:
        self._show_host()
        # Another process of this home serves: that is a state, not a fault.
        served = self.host is not None and self.host.state().elsewhere
        if not (isinstance(error, AddressInUse) and served):
            self._failures.show_error(error, self.window)

    # --- while it is open -------------------------------------------------------------------------

    @Slot(object)
    def _changed(self, entities: frozenset[Entity]) -> None:
        keys = dict.fromkeys(key for entity in entities for key in _CHILDREN.get(entity, ()))
        for key in keys:
            self.window.refresh_children(key)
        panel = self.window.current_panel()
        if panel is not None and entities - {Entity.SETTING}:
            panel.refresh()
        if entities - {Entity.SETTING, Entity.EVENT, Entity.REQUEST}:
            self._look_again()

    def _look_again(self) -> None:
        if self._health is not None:
            self._health.look()

    def _show_health(self, health: Health) -> None:
        for status in health.statuses:
            self.window.set_node_state(configuration_key(status.configuration_id), status.state)
        self.window.status_line.slots.show_state(*slots_words(health.registrations))

    @staticmethod
    def _not_seen(error: SealkeeperError) -> None:
        """The pages tell of it where it matters; no dialog every ten seconds."""
        log.warning("the configurations could not be checked", error=error.one_line())

    @Slot()
    def _show_host(self) -> None:
        if self.host is None:
            return
        state, counters = self.host.state(), self.host.counters()
        item = self.window.status_line.responder
        if state.running and state.address is not None:
            started = counters.started_at is not None
            item.show_state(
                LinkState.OK if started else LinkState.WARNING,
                self.tr("Responder running · {0}").format(state.address.authority)
                if started
                else self.tr("Responder stopped · {0}").format(state.address.authority),
                self.tr("{0} requests").format(counters.requests),
            )
        elif state.elsewhere:
            item.show_state(LinkState.OK, self.tr("Served by another process"), state.elsewhere)
        else:
            item.show_state(LinkState.BAD, self.tr("Service host stopped"), state.problem)

    # --- closing ----------------------------------------------------------------------------------

    @Slot(object)
    def _closed(self, hung: object) -> None:
        """Close host and backend in a thread, with a deadline: the GUI thread never waits."""
        self._poll.stop()
        if self._health is not None:
            self._health.stop()
        self._closer = threading.Thread(target=self._close_backend, name="closing", daemon=True)
        self._closer.start()
        self._until = QTimer(self)
        self._until.setInterval(50)
        left = int(CLOSE_SECONDS * 1000 / 50)

        def look() -> None:
            nonlocal left
            left -= 1
            if not self._closer.is_alive() or left <= 0:
                self._until.stop()
                late = ("closing",) if self._closer.is_alive() else ()
                labels = tuple(hung) if isinstance(hung, (list, tuple)) else ()
                self.ended.emit((*labels, *late))

        self._until.timeout.connect(look)
        self._until.start()

    def _close_backend(self) -> None:
        try:
            if self._subscription is not None:
                self._subscription.close()
            if self.host is not None:
                self.host.stop()
            if self.backend is not None:
                self.backend.close()
        except SealkeeperError as error:
            log.warning("closing failed", error=error.one_line())


def _close_on_signals(window: MainWindow) -> QTimer:
    """Close the window at SIGINT and SIGTERM; the timer lets Python see them while Qt waits."""

    def close(_number: int, _frame: object) -> None:
        QTimer.singleShot(0, window.close)

    signal.signal(signal.SIGINT, close)
    signal.signal(signal.SIGTERM, close)
    wake = QTimer(window)
    wake.timeout.connect(lambda: None)
    wake.start(WAKE_MS)
    return wake


def run(
    home: Path,
    open_backend: Callable[[Path], Backend],
    make_host: Callable[[Backend], HostControl],
) -> int:
    """Open the console and return when it is closed."""
    app = QApplication(sys.argv[:1])
    app.setApplicationName("Sealkeeper")
    app.setQuitOnLastWindowClosed(False)
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    session = ConsoleSession(home, open_backend, make_host)
    hung: list[str] = []

    def end(labels: object) -> None:
        hung.extend(labels if isinstance(labels, tuple) else ())
        app.quit()

    session.ended.connect(end)
    wake = _close_on_signals(session.window)
    session.start()
    code = app.exec()
    wake.stop()
    if hung:
        log.error("tasks did not end", tasks=hung)
        # Executor threads are joined at exit: a call that hangs would hold the process for ever.
        os._exit(1)
    return code

"""Opens the console on a home of a test, as `sealkeeper console` opens it."""

from __future__ import annotations

import socket
from contextlib import contextmanager
from typing import TYPE_CHECKING

from app.domain.clock import SystemClock
from app.domain.services import ListenAddress
from app.gui.console import ConsoleSession
from app.gui.theme import ThemeMode
from app.host.control import HostController
from app.main import open_backend
from app.store.database import open_database

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.e2e.hands import Hands


def free_port(wanted: int = 0) -> int:
    """`wanted` where nobody listens at it, else a port that is free here."""
    for port in (wanted, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            found: int = probe.getsockname()[1]
            return found
    raise OSError("no port is free")


def make_home(home: Path, port: int) -> Path:
    """An empty home that listens at a port of this machine alone."""
    database = open_database(home, SystemClock())
    with database.write() as tx:
        tx.settings.set_listen_address(ListenAddress("127.0.0.1", port))
    database.close()
    return home


@contextmanager
def session_of(home: Path, hands: Callable[[ConsoleSession], Hands]) -> Iterator[Hands]:
    """The console's session, not started yet; closed afterwards."""
    session = ConsoleSession(home, open_backend, HostController)
    session.window.set_theme(ThemeMode.LIGHT)
    session.window.resize(1440, 860)
    ended: list[object] = []
    session.ended.connect(ended.append)
    made = hands(session)
    yield made
    session.window.close()
    made.wait(lambda: bool(ended), "the console to close")
    session.window.deleteLater()
    session.deleteLater()

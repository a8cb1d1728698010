"""The whole console on a real home: it opens, follows changes, serves, and closes."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QDialog

from app.domain.errors import HomeUnusable
from app.domain.keys import KeyAlgorithm, KeySpec
from app.domain.libraries import SOFTWARE_PROVIDER
from app.domain.services import ListenAddress
from app.gui.console import ConsoleSession, slots_words
from app.gui.widgets.error_dialog import ErrorDialog
from app.host.control import HostController
from app.main import open_backend
from app.services.authority.authorities import CreateAuthority
from app.services.responder.configurations import AddConfiguration
from tests.gui.conftest import wait_for

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from PySide6.QtWidgets import QApplication

    from app.services.backend import Backend


def free_port_host(backend: Backend) -> HostController:
    """A host that first picks a free port and keeps it, so that tests do not meet."""
    controller = HostController(backend)
    controller.start(ListenAddress("127.0.0.1", 0))
    controller.stop()
    return controller


class Sessions:
    """Opens sessions and closes what a test left open."""

    def __init__(self) -> None:
        self._made: list[tuple[ConsoleSession, list[object]]] = []

    def open(
        self,
        home: Path,
        opener: Callable[[Path], Backend] = open_backend,
        host: Callable[[Backend], HostController] = free_port_host,
    ) -> ConsoleSession:
        home.mkdir(exist_ok=True)
        session = ConsoleSession(home, opener, host)
        ended: list[object] = []
        session.ended.connect(ended.append)
        self._made.append((session, ended))
        session.start()
        return session

    def close(self, session: ConsoleSession) -> object:
        """Close the window; returns the labels of what did not end."""
        ended = next(ended for made, ended in self._made if made is session)
        if not ended:
            session.window.close()
        until = time.monotonic() + 20
        while not ended:
            assert time.monotonic() < until, "it does not close"
            QTest.qWait(10)
        self._made = [pair for pair in self._made if pair[0] is not session]
        session.window.deleteLater()
        session.deleteLater()
        return ended[0]

    def close_all(self) -> None:
        for session, _ended in tuple(self._made):
            self.close(session)


@pytest.fixture
def sessions(qapp: QApplication, monkeypatch: pytest.MonkeyPatch) -> Iterator[Sessions]:
    del qapp
    monkeypatch.setattr("app.gui.failures.Failures.install_hooks", lambda _self: None)
    made = Sessions()
    yield made
    made.close_all()


def is_ready(session: ConsoleSession) -> bool:
    return session.host is not None and session.host.state().running


def settle(session: ConsoleSession) -> None:
    wait_for(lambda: not session.runner.running())


def test_a_fresh_home_opens_serves_and_closes(sessions: Sessions, tmp_path: Path) -> None:
    session = sessions.open(tmp_path / "home")
    wait_for(lambda: is_ready(session))
    settle(session)
    keys = set(session.window.tree.specs)
    assert {
        "overview", "security_library", "certificate_templates", "certification_authority",
        "responder", "responder/configurations", "services", "event_log",
    } <= keys  # fmt: skip
    assert session.window.tree.current_key() == "overview"
    words = session.window.status_line.responder.words
    wait_for(lambda: words.text().startswith("Responder running"))
    for key in sorted(keys):
        session.window.navigate(key)
        settle(session)
        panel = session.window.current_panel()
        assert panel is not None
        assert panel.title
    assert not session.window.findChildren(QDialog)
    assert sessions.close(session) == ()


def test_what_another_process_commits_appears_by_itself(sessions: Sessions, tmp_path: Path) -> None:
    home = tmp_path / "home"
    session = sessions.open(home)
    wait_for(lambda: is_ready(session))
    settle(session)
    tree = session.window.tree
    with open_backend(home) as other:
        authority = other.authorities.create(
            CreateAuthority(
                name="Other CA",
                provider=f"ECDSA_P256#{SOFTWARE_PROVIDER}",
                spec=KeySpec(KeyAlgorithm.ECDSA_P256, 256),
            )
        )
        wait_for(lambda: any(spec.title == "Other CA" for spec in tree.specs.values()))
        added = other.responder.add(
            AddConfiguration(name="Test", authority_id=authority.id, enroll=False)
        )
        key = f"responder/configurations/{added.configuration.id}"
        wait_for(lambda: key in tree.specs)
        wait_for(lambda: tree._items[key].toolTip().endswith("not working"))
        session.window.navigate(key)
        other.responder.remove(added.configuration.id)
        wait_for(lambda: key not in tree.specs)
    settle(session)
    assert not [d for d in session.window.findChildren(QDialog) if d.isVisible()]
    assert sessions.close(session) == ()


def test_a_second_console_says_that_the_first_serves(sessions: Sessions, tmp_path: Path) -> None:
    home = tmp_path / "home"
    first = sessions.open(home)
    wait_for(lambda: is_ready(first))
    second = sessions.open(home, host=HostController)
    words = second.window.status_line.responder.words
    wait_for(lambda: words.text() == "Served by another process")
    assert not [d for d in second.window.findChildren(QDialog) if d.isVisible()]
    assert sessions.close(second) == ()
    assert is_ready(first)


def test_closing_while_it_opens_closes_the_home_too(sessions: Sessions, tmp_path: Path) -> None:
    opened: list[Backend] = []

    def opener(home: Path) -> Backend:
        opened.append(open_backend(home))
        return opened[0]

    session = sessions.open(tmp_path / "home", opener)
    wait_for(lambda: bool(opened))
    assert sessions.close(session) == ()
    with pytest.raises(RuntimeError):
        opened[0].feed.subscribe(lambda _changes: None)


def test_a_home_that_cannot_be_opened_is_explained(sessions: Sessions, tmp_path: Path) -> None:
    def refuse(home: Path) -> Backend:
        raise HomeUnusable(f"{home.name} is no home.", remedy="Choose another folder.")

    session = sessions.open(tmp_path / "home", refuse)
    wait_for(lambda: bool(session.window.findChildren(ErrorDialog)))
    (dialog,) = session.window.findChildren(ErrorDialog)
    assert dialog.error.message == "home is no home."
    dialog.accept()
    wait_for(lambda: not session.window.isVisible())
    assert sessions.close(session) == ()


def test_no_slot_says_nothing() -> None:
    assert slots_words(())[1] == ""

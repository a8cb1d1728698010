"""The whole job at the real window, from a bare token to a client that is told the truth."""

from __future__ import annotations

import multiprocessing.resource_tracker
import sys
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import pytest
from PySide6.QtCore import Qt

from tests.e2e.console_steps import (
    Client,
    add_the_configuration,
    add_the_location,
    configure_the_template,
    get_a_certificate,
    issue_the_templates,
    make_bare_token,
    publish_the_crl,
    register_the_library,
    register_the_slot,
    revoke_the_certificate,
    set_up_the_authority,
)
from tests.e2e.hands import Hands
from tests.e2e.opening import free_port, make_home, session_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from PySide6.QtWidgets import QApplication

# The platform without a screen has no keyboard for a popup to grab.
pytestmark = pytest.mark.qt_log_ignore("grabbing the keyboard", extend=True)


@pytest.fixture
def hands(qapp: QApplication, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hands]:
    """At the console on an empty home."""
    del qapp
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)
    monkeypatch.setattr(threading, "excepthook", threading.excepthook)
    # Another test of this process may have imported it; here nothing may.
    monkeypatch.delitem(sys.modules, "PyKCS11", raising=False)
    with session_of(make_home(tmp_path / "home", free_port()), Hands) as made:
        yield made


def test_the_whole_job_by_mouse_and_keyboard(hands: Hands, tmp_path: Path) -> None:
    bare_token = make_bare_token(tmp_path / "softhsm")
    before = Remains.now()
    hands.session.start()
    client = Client(tmp_path)
    register_the_library(hands, bare_token)
    register_the_slot(hands, bare_token)
    set_up_the_authority(hands)
    configure_the_template(hands)
    issue_the_templates(hands)
    add_the_location(hands)
    add_the_configuration(hands)
    get_a_certificate(hands, client)
    assert client.ask() == "good"
    revoke_the_certificate(hands, client)
    assert f"{client.leaf}: OK" in client.verify_with_crl()
    publish_the_crl(hands)
    hands.wait(lambda: "certificate revoked" in client.verify_with_crl(), "the new CRL")
    hands.open("Overview")
    hands.wait_text("checklist_count", "9 of 9 done")
    close(hands, before)
    assert "PyKCS11" not in sys.modules
    assert str(bare_token.library) not in Path("/proc/self/maps").read_text()


# --- the end --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Remains:
    """The threads and child processes of this process."""

    threads: frozenset[threading.Thread]
    children: frozenset[int]

    @classmethod
    def now(cls) -> Remains:
        tracker = multiprocessing.resource_tracker._resource_tracker._pid  # type: ignore[attr-defined]
        children = psutil.Process().children(recursive=True)
        return cls(
            frozenset(threading.enumerate()),
            frozenset(child.pid for child in children if child.pid != tracker),
        )


def close(hands: Hands, before: Remains) -> None:
    """Quit by the keyboard; what the console started is gone afterwards."""
    ended: list[object] = []
    hands.session.ended.connect(ended.append)
    hands.press(Qt.Key.Key_Q, Qt.KeyboardModifier.ControlModifier)
    hands.wait(lambda: bool(ended), "the console to close")
    assert ended == [()]

    def left() -> list[object]:
        after = Remains.now()
        return [*(after.threads - before.threads), *(after.children - before.children)]

    hands.wait(lambda: not left(), f"an end of {left()}")

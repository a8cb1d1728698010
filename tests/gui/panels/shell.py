"""The real window with the real services behind it, and hands to use it with."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

import pytest
from PySide6.QtCore import QCoreApplication, QEvent, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QAbstractButton, QApplication, QDialog, QWidget

from app.domain.principals import SYSTEM
from app.gui.failures import Failures
from app.gui.panels import certificate_templates, security_library
from app.gui.tasks import TaskRunner
from app.gui.theme import ThemeMode
from app.gui.window import MainWindow
from app.main import open_backend
from app.services.security_library.libraries import RegisterLibrary
from app.services.security_library.slots import RegisterSlot
from tests.gui.conftest import stop_runner, wait_for
from tests.softhsm import SoftHsm, softhsm

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from app.domain.libraries import Library
    from app.gui.panel import Panel
    from app.services.backend import Backend

W_ = TypeVar("W_", bound=QWidget)

__all__ = ["Shell", "filled", "registered_library", "shell", "softhsm"]


class Shell:
    """The window, its services, and what a person does with mouse and keyboard."""

    def __init__(self, backend: Backend, window: MainWindow, runner: TaskRunner) -> None:
        self.backend = backend
        self.window = window
        self.runner = runner

    def settle(self) -> None:
        """Let every task end and its result arrive."""
        wait_for(lambda: not self.runner.running())
        QTest.qWait(1)
        wait_for(lambda: not self.runner.running())

    def open(self, key: str) -> Panel:
        """Show a node and wait for its content."""
        self.window.navigate(key)
        self.settle()
        panel = self.window.current_panel()
        assert panel is not None
        panel.refresh()
        self.settle()
        return panel

    def find(self, kind: type[W_], name: str) -> W_:
        """The widget of that object name that can be seen."""
        named = self.window.findChildren(kind, name)
        shown = [widget for widget in named if widget.isVisible()]
        assert len(shown) == 1, f"{name}: {len(shown)} of {len(named)} can be seen"
        return shown[0]

    def action(self, name: str) -> QAbstractButton:
        """The button of an action in the Actions pane."""
        return self.find(QAbstractButton, f"action_{name}")

    def click(self, name: str) -> None:
        """Click a button with the mouse, and wait for what it does."""
        button = self.find(QAbstractButton, name)
        assert button.isEnabled(), f"{name} is disabled: {button.toolTip()}"
        QTest.mouseClick(button, Qt.MouseButton.LeftButton, pos=button.rect().center())
        self.settle()

    def tick(self, name: str) -> None:
        """Toggle a check box or choose a radio button with the space bar."""
        box = self.find(QAbstractButton, name)
        box.setFocus()
        QTest.keyClick(box, Qt.Key.Key_Space)
        self.settle()

    def write(self, name: str, text: str) -> None:
        """Replace the text of a field by typing."""
        field = self.find(QWidget, name)
        field.setFocus()
        QTest.keyClick(field, Qt.Key.Key_A, Qt.KeyboardModifier.ControlModifier)
        QTest.keyClick(field, Qt.Key.Key_Delete)
        QTest.keyClicks(field, text)

    def text(self, name: str) -> str:
        """The words of a label that can be seen."""
        return str(self.find(QWidget, name).property("text"))

    def dialog(self) -> QDialog | None:
        """The dialog in front, or None."""
        dialog = QApplication.activeModalWidget()
        return dialog if isinstance(dialog, QDialog) else None

    def close_dialogs(self) -> None:
        """Close what a test leaves open."""
        for dialog in self.window.findChildren(QDialog):
            dialog.close()
        QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)


@pytest.fixture
def shell(qapp: QApplication, tmp_path: Path) -> Iterator[Shell]:
    """The console on an empty home, with the two areas."""
    del qapp
    backend = open_backend(tmp_path / "the home")
    failures = Failures()
    runner = TaskRunner(failures)
    window = MainWindow(runner, failures, tmp_path / "window.json", "0.1")
    window.set_theme(ThemeMode.LIGHT)
    for spec in (*security_library.nodes(backend), *certificate_templates.nodes(backend)):
        window.add_node(spec)
    window.show()
    window.open_first()
    made = Shell(backend, window, runner)
    made.settle()
    yield made
    made.close_dialogs()
    stop_runner(runner)
    window.close()
    window.deleteLater()
    failures.deleteLater()
    backend.close()


@pytest.fixture
def registered_library(shell: Shell, softhsm: SoftHsm) -> Library:
    """SoftHSM, registered."""
    return shell.backend.libraries.register(
        RegisterLibrary(path=softhsm.spec.path, environment=softhsm.spec.environment)
    )


@pytest.fixture
def filled(shell: Shell, registered_library: Library, softhsm: SoftHsm) -> Shell:
    """The console with the token registered for this user and for SYSTEM."""
    shell.backend.slots.register(
        RegisterSlot(
            library_id=registered_library.id,
            token=softhsm.token,
            accounts=(shell.backend.directory.current_account(), SYSTEM),
            pin=softhsm.user_pin,
        )
    )
    shell.window.refresh_children(security_library.ROOT)
    shell.settle()
    return shell

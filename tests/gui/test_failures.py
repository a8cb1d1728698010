"""Errors become dialogs: known ones with cause and remedy, bugs with a traceback, once."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QApplication, QLabel, QPushButton, QWidget

from app.domain.errors import Cancelled, PinIncorrect, Refused
from app.gui.failures import Failures
from app.gui.widgets.error_dialog import ErrorDialog
from tests.gui.conftest import wait_for

if TYPE_CHECKING:
    import pytest
    from pytestqt.qtbot import QtBot


def dialogs() -> list[ErrorDialog]:
    return [w for w in QApplication.topLevelWidgets() if isinstance(w, ErrorDialog)]


def text_of(dialog: ErrorDialog, name: str) -> str:
    label = dialog.findChild(QLabel, name)
    assert label is not None
    return label.text()


def click(dialog: ErrorDialog, name: str) -> None:
    button = dialog.findChild(QPushButton, name)
    assert button is not None
    button.click()


def test_a_known_error_says_what_why_and_what_to_do(qtbot: QtBot) -> None:
    window = QWidget()
    qtbot.addWidget(window)
    error = PinIncorrect(
        "The PIN is wrong.",
        ckr="CKR_PIN_INCORRECT",
        function="C_Login",
        library="/lib/x.so",
        library_version="2.6",
        cause="It was changed.",
        remedy="Enter the new PIN.",
    )
    Failures(window).report(error, "Opening", window)
    (dialog,) = dialogs()
    assert text_of(dialog, "error_message") == "The PIN is wrong."
    assert text_of(dialog, "error_cause") == "It was changed."
    assert text_of(dialog, "error_remedy") == "Enter the new PIN."
    assert dialog.detail.isHidden()
    click(dialog, "error_show_detail")
    assert "C_Login returned CKR_PIN_INCORRECT" in dialog.detail.toPlainText()
    assert not dialog.detail.isHidden()
    click(dialog, "error_copy")
    assert "/lib/x.so 2.6" in QGuiApplication.clipboard().text()
    click(dialog, "error_close")
    wait_for(lambda: not dialogs())


def test_cancelled_says_nothing(qtbot: QtBot) -> None:
    window = QWidget()
    qtbot.addWidget(window)
    Failures(window).report(Cancelled("Cancelled."), "Work", window)
    assert dialogs() == []


def test_a_storm_of_bugs_opens_one_dialog_at_a_time(qtbot: QtBot) -> None:
    window = QWidget()
    qtbot.addWidget(window)
    failures = Failures(window)
    for _ in range(5):
        failures.report(ZeroDivisionError("division"), "Counting", window)
    (dialog,) = dialogs()
    assert "ZeroDivisionError: division" in dialog.detail.toPlainText()
    assert "while: Counting" in dialog.detail.toPlainText()
    dialog.accept()
    wait_for(lambda: not dialogs())
    failures.report(ZeroDivisionError("again"), "Counting", window)
    assert len(dialogs()) == 1
    dialogs()[0].accept()


def test_uncaught_errors_of_threads_reach_the_dialog(
    qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    window = QWidget()
    qtbot.addWidget(window)
    failures = Failures(window)
    monkeypatch.setattr("sys.excepthook", None)
    monkeypatch.setattr("threading.excepthook", None)
    failures.install_hooks()

    def fail() -> None:
        raise Refused("No from a thread.")

    thread = threading.Thread(target=fail)
    thread.start()
    thread.join()
    wait_for(lambda: bool(dialogs()))
    assert text_of(dialogs()[0], "error_message") == "No from a thread."
    dialogs()[0].accept()

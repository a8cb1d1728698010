"""Renders every shared widget in both themes to PNG files: `python -m tests.gui.gallery FOLDER`."""

from __future__ import annotations

import os
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from PySide6.QtCore import QCoreApplication, QEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QDialog, QHBoxLayout, QWidget

from app.domain.errors import TokenError
from app.domain.status import LinkState
from app.gui.failures import Failures
from app.gui.tasks import TaskRunner
from app.gui.theme import ThemeMode
from app.gui.widgets.banner import InlineBanner
from app.gui.widgets.basics import Card, button
from app.gui.widgets.certificate_dialog import CertificateDialog
from app.gui.widgets.confirm_dialog import ConfirmDialog
from app.gui.widgets.state_badge import StateBadge

if TYPE_CHECKING:
    from app.gui.window import MainWindow
    from app.gui.wizard import Wizard

from tests.gui.samples import ConfigurationPanel, TokenPage, facts, window, wizard


def settle(runner: TaskRunner) -> None:
    """Let tasks end and everything be laid out."""
    QTest.qWait(60)
    while runner.running():
        QTest.qWait(20)
    QTest.qWait(260)


def shoot(widget: QWidget, folder: Path, name: str) -> None:
    """Save a picture."""
    widget.grab().save(str(folder / f"{name}.png"))


def dialogs(runner: TaskRunner, failures: Failures, shell: MainWindow, out: Path, t: str) -> None:
    """Pictures of the dialogs."""
    error = TokenError(
        "The token refused to make the key.",
        ckr="CKR_DEVICE_ERROR",
        function="C_GenerateKeyPair",
        library="/usr/lib/softhsm/libsofthsm2.so",
        library_version="2.6.1",
        cause="The token's memory may be full.",
        remedy="Delete keys that are not needed, then try again.",
    )
    shown = failures.show_error(error, shell)
    shown.toggle_detail()
    confirm = ConfirmDialog(
        "Delete revocation configuration “Test”?",
        "Clients will be told that the responder does not know the CA. The key stays in the token.",
        "Delete",
        lambda: None,
        typed="Test",
        parent=shell,
    )
    certificate = CertificateDialog(b"\x30\x00", facts, runner, shell)
    opened: list[QDialog] = [shown, confirm, certificate]
    for dialog, name in zip(opened, ("error", "confirm", "certificate"), strict=True):
        dialog.show()
        settle(runner)
        shoot(dialog, out, f"{name}-{t}")
    certificate.tabs.setCurrentIndex(1)
    settle(runner)
    shoot(certificate, out, f"certificate-details-{t}")
    keys = shell.menus.show_about()
    settle(runner)
    shoot(keys, out, f"about-{t}")
    for dialog in (*opened, keys):
        dialog.close()
    for fails in (False, True):
        made = wizard(runner, shell, fails=fails)
        made.show()
        run_wizard(made, runner, out, f"{'fail' if fails else 'wizard'}-{t}")


def run_wizard(made: Wizard, runner: TaskRunner, out: Path, name: str) -> None:
    """Pictures of each page of a wizard."""
    page = made.pages[1]
    assert isinstance(page, TokenPage)
    settle(runner)
    shoot(made, out, f"{name}-1")
    made.next()
    made.next()
    settle(runner)
    shoot(made, out, f"{name}-2-error")
    page.pin.setText("1234")
    made.next()
    settle(runner)
    shoot(made, out, f"{name}-3-summary")
    made.next()
    settle(runner)
    shoot(made, out, f"{name}-4-result")
    made.close()


def pieces(out: Path, t: str) -> None:
    """Pictures of the small pieces."""
    board = Card("Pieces")
    for state, word in zip(
        LinkState, ("Working", "Renews late", "Bad signing certificate", "Not checked"), strict=True
    ):
        banner = InlineBanner()
        banner.show_message(
            state,
            f"{word}: a sentence about what happened.",
            "And why it probably did.",
            action=("Mend It", lambda: None),
            second=("Details", lambda: None),
        )
        line = QHBoxLayout()
        line.addWidget(StateBadge(state, word))
        line.addStretch(1)
        board.body.addLayout(line)
        board.body.addWidget(banner)
    line = QHBoxLayout()
    for look in ("", "primary", "danger", "quiet", "link"):
        line.addWidget(button(look or "plain", f"b_{look}", look=look, icon_name="edit"))
    off = button("disabled", "b_off", look="primary")
    off.setEnabled(False)
    line.addWidget(off)
    board.body.addLayout(line)
    board.resize(860, 520)
    board.show()
    QTest.qWait(50)
    shoot(board, out, f"pieces-{t}")
    board.close()
    board.deleteLater()


def main(out: Path) -> None:
    """Write all pictures into `out`."""
    out.mkdir(parents=True, exist_ok=True)
    app = QApplication.instance() or QApplication(sys.argv[:1])
    app.setProperty("gallery", True)
    failures = Failures()
    for mode in (ThemeMode.LIGHT, ThemeMode.DARK):
        runner = TaskRunner(failures)
        with tempfile.TemporaryDirectory() as folder:
            shell = window(runner, failures, mode, Path(folder))
            shell.show()
            shell.open_first()
            shell.navigate("responder/config/1")
            runner.run("Generating RSA 4096 key on slot OCSP", time.sleep, 1.5, owner=shell)
            QTest.qWait(900)
            shoot(shell, out, f"window-{mode.value}")
            settle(runner)
            panel = shell.current_panel()
            assert isinstance(panel, ConfigurationPanel)
            panel.view.selectRow(1)
            shell.resize(1000, 900)
            settle(runner)
            shoot(shell, out, f"window-narrow-{mode.value}")
            shell.resize(1440, 860)
            shell.navigate("library/slots")
            settle(runner)
            shoot(shell, out, f"window-empty-{mode.value}")
            palette = shell.open_palette()
            palette.entry.setText("iss")
            settle(runner)
            shoot(palette, out, f"palette-{mode.value}")
            palette.close()
            dialogs(runner, failures, shell, out, mode.value)
            pieces(out, mode.value)
            shell.close()
            settle(runner)
            shell.deleteLater()
        QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)


if __name__ == "__main__":
    main(Path(sys.argv[1]))

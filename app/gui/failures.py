"""The one place where errors become dialogs, and where uncaught exceptions end up."""

from __future__ import annotations

import sys
import threading
import traceback
from typing import TYPE_CHECKING

import structlog
from PySide6.QtCore import QObject, Qt, Signal, Slot
from PySide6.QtWidgets import QApplication, QWidget

from app.domain.errors import Cancelled, SealkeeperError
from app.gui.widgets.error_dialog import ErrorDialog

if TYPE_CHECKING:
    from types import TracebackType

_log = structlog.get_logger("gui.failures")


class Failures(QObject):
    """Shows errors; `report` on the main thread, the hooks from any thread."""

    _caught = Signal(object)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._open_bug: ErrorDialog | None = None
        self._caught.connect(self._show_caught, Qt.ConnectionType.QueuedConnection)

    def report(self, error: BaseException, label: str, owner: QObject | None) -> None:
        """Cancelled: nothing. Known: the error dialog. Anything else: log, and the bug dialog."""
        if isinstance(error, Cancelled):
            return
        if isinstance(error, SealkeeperError):
            self.show_error(error, _window_of(owner))
            return
        _log.error("unexpected error", label=label, exc_info=error)
        self._show_bug(error, label, _window_of(owner))

    def show_error(self, error: SealkeeperError, parent: QWidget | None) -> ErrorDialog:
        """Open the error dialog for a known error; returns at once."""
        dialog = ErrorDialog(error, parent)
        dialog.open()
        return dialog

    def install_hooks(self) -> None:
        """Send uncaught exceptions of every thread here (sys and threading hooks)."""
        sys.excepthook = self._uncaught
        threading.excepthook = self._uncaught_in_thread

    def _uncaught(
        self,
        kind: type[BaseException],
        error: BaseException,
        trace: TracebackType | None,
    ) -> None:
        if issubclass(kind, KeyboardInterrupt):
            sys.__excepthook__(kind, error, trace)
            return
        _log.critical("uncaught exception", exc_info=(kind, error, trace))
        self._caught.emit(error)

    def _uncaught_in_thread(self, args: threading.ExceptHookArgs) -> None:
        if args.exc_value is not None and args.exc_type is not SystemExit:
            self._uncaught(args.exc_type, args.exc_value, args.exc_traceback)

    @Slot(object)
    def _show_caught(self, error: BaseException) -> None:
        parent = _window_of(None)
        if isinstance(error, SealkeeperError):
            self.show_error(error, parent)
        else:
            self._show_bug(error, "", parent)

    def _show_bug(self, error: BaseException, label: str, parent: QWidget | None) -> None:
        """One bug dialog at a time: a storm of errors must not become a storm of windows."""
        if self._open_bug is not None:
            return
        what = self.tr("while: {label}").format(label=label) + "\n\n" if label else ""
        shown = SealkeeperError(
            self.tr("Something went wrong that should not have."),
            cause=self.tr("This is a fault in the program, not in what you did."),
            remedy=self.tr("Copy the technical detail into a report; the work can go on."),
            detail=what + "".join(traceback.format_exception(error)),
        )
        self._open_bug = self.show_error(shown, parent)
        self._open_bug.finished.connect(self._bug_closed)

    @Slot()
    def _bug_closed(self) -> None:
        self._open_bug = None


def _window_of(owner: QObject | None) -> QWidget | None:
    if isinstance(owner, QWidget):
        return owner.window()
    return QApplication.activeWindow()

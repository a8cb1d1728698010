"""A masked line for PINs and passwords that gives a Secret away once and forgets it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLineEdit, QWidget

from app.domain.secret import Secret

if TYPE_CHECKING:
    from PySide6.QtGui import QContextMenuEvent


class PinEntry(QLineEdit):
    """Masked, without copy or context menu; assistive tools hear its name, never its value."""

    def __init__(self, name: str, accessible_name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName(name)
        self.setAccessibleName(accessible_name)
        self.setEchoMode(QLineEdit.EchoMode.Password)
        self.setInputMethodHints(
            Qt.InputMethodHint.ImhHiddenText
            | Qt.InputMethodHint.ImhSensitiveData
            | Qt.InputMethodHint.ImhNoPredictiveText
            | Qt.InputMethodHint.ImhNoAutoUppercase
        )

    def is_empty(self) -> bool:
        """Whether nothing was typed."""
        return not self.text()

    def take(self) -> Secret:
        """The typed value; the field is empty afterwards."""
        secret = Secret(self.text())
        self.clear()
        return secret

    def secret(self) -> Secret:
        """The typed value; the field keeps it, so that Back in a wizard loses nothing."""
        return Secret(self.text())

    def same_as(self, other: PinEntry) -> bool:
        """Whether both fields hold the same value."""
        return self.text() == other.text()

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        event.accept()

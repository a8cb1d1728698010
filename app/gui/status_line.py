"""The status bar: state of the responder and of the slots, and how PINs are kept."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtWidgets import QFrame, QHBoxLayout, QWidget

from app.gui.theme import Role, Space, state_roles
from app.gui.widgets.basics import ElidedLabel, IconLabel

if TYPE_CHECKING:
    from app.domain.status import LinkState


_HEIGHT = 42  # room for the job strip, so that nothing moves when a task appears


class StatusItem(QWidget):
    """A state icon and a few words."""

    def __init__(self, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName(name)
        self._icon = IconLabel("unchecked", Role.MUTED, 14)
        self.words = ElidedLabel("", "small")
        self.words.setObjectName(f"{name}_text")
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(6)
        row.addWidget(self._icon)
        row.addWidget(self.words)
        self.hide()

    def show_state(self, state: LinkState, words: str, tooltip: str = "") -> None:
        """Say something; no words hide it."""
        self._icon.set_icon(state.value, state_roles(state)[0])
        self.words.set_text(words)
        self.setToolTip(tooltip)
        self.setAccessibleName(words)
        self.setVisible(bool(words))


class StatusLine(QFrame):
    """The line at the bottom of the window; `jobs` stands at its right end."""

    def __init__(self, jobs: QWidget, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("status_line")
        self.setFixedHeight(_HEIGHT)
        self.setProperty("look", "strip")
        self.setAccessibleName(self.tr("Status"))
        self.responder = StatusItem("status_responder")
        self.slots = StatusItem("status_slots")
        self.secrets = StatusItem("status_secrets")
        self.hint = ElidedLabel(self.tr("Ctrl+K: find a command"), "small")
        row = QHBoxLayout(self)
        row.setContentsMargins(Space.L, 0, Space.M, 0)
        row.setSpacing(Space.XL)
        row.addWidget(self.responder)
        row.addWidget(self.slots)
        row.addWidget(self.secrets)
        row.addStretch(1)
        row.addWidget(self.hint)
        row.addWidget(jobs)

"""A banner in the page: something to know, why, and one way to mend it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFrame, QHBoxLayout, QVBoxLayout, QWidget

from app.domain.status import LinkState
from app.gui.theme import Role, Space, state_roles
from app.gui.widgets.basics import IconLabel, button, label, set_look

if TYPE_CHECKING:
    from collections.abc import Callable

    from app.domain.errors import SealkeeperError


class InlineBanner(QFrame):
    """A coloured strip with icon, sentence, a second sentence, and at most two buttons.

    Hidden until `show_message`; `state` None is plain information.
    """

    def __init__(self, name: str = "banner", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName(name)
        self._icon = IconLabel("info", Role.ACCENT, 20)
        self.message_label = label("", "strong", wrap=True, selectable=True)
        self.message_label.setObjectName(f"{name}_message")
        self.hint_label = label("", wrap=True, selectable=True)
        self.hint_label.setObjectName(f"{name}_hint")
        self.action_button = button("", f"{name}_action", self._act, look="primary")
        self.second_button = button("", f"{name}_second", self._act_second, look="quiet")
        self.action_button.setAccessibleName(self.tr("Mend it"))
        self.second_button.setAccessibleName(self.tr("Details"))
        self._action: Callable[[], None] | None = None
        self._second: Callable[[], None] | None = None
        self._build()
        self.hide()

    def _build(self) -> None:
        row = QHBoxLayout(self)
        row.setContentsMargins(Space.M + 2, Space.M, Space.M, Space.M)
        row.setSpacing(Space.M)
        row.addWidget(self._icon, 0, Qt.AlignmentFlag.AlignTop)
        text = QVBoxLayout()
        text.setSpacing(3)
        text.addWidget(self.message_label)
        text.addWidget(self.hint_label)
        row.addLayout(text, 1)
        row.addWidget(self.action_button, 0, Qt.AlignmentFlag.AlignVCenter)
        row.addWidget(self.second_button, 0, Qt.AlignmentFlag.AlignVCenter)

    def show_message(
        self,
        state: LinkState | None,
        message: str,
        hint: str = "",
        *,
        action: tuple[str, Callable[[], None]] | None = None,
        second: tuple[str, Callable[[], None]] | None = None,
    ) -> None:
        """Say something; `action` and `second` are the buttons' words and what they do."""
        set_look(self, state.value if state is not None else "info")
        if state is None:
            self._icon.set_icon("info", Role.ACCENT)
        else:
            self._icon.set_icon(state.value, state_roles(state)[0])
        self.message_label.setText(message)
        self.hint_label.setText(hint)
        self.hint_label.setVisible(bool(hint))
        self._action = self._offer(self.action_button, action)
        self._second = self._offer(self.second_button, second)
        self.setAccessibleName(f"{message} {hint}".strip())
        self.show()

    def show_error(self, error: SealkeeperError) -> None:
        """Say a known error: message, then cause and remedy."""
        self.show_message(LinkState.BAD, error.message, f"{error.cause} {error.remedy}".strip())

    @staticmethod
    def _offer(
        target: QWidget, offer: tuple[str, Callable[[], None]] | None
    ) -> Callable[[], None] | None:
        target.setVisible(offer is not None)
        if offer is None:
            return None
        target.setProperty("text", offer[0])
        target.setAccessibleName(offer[0])
        return offer[1]

    def _act(self) -> None:
        if self._action is not None:
            self._action()

    def _act_second(self) -> None:
        if self._second is not None:
            self._second()

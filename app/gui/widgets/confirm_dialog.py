"""Asks before something is taken away; where it matters, the name must be typed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QDialog, QFrame, QHBoxLayout, QLineEdit, QVBoxLayout, QWidget

from app.gui.theme import Role, Space
from app.gui.widgets.basics import IconLabel, button, label

if TYPE_CHECKING:
    from collections.abc import Callable


class ConfirmDialog(QDialog):
    """One question with one verb; `confirmed` is called after Accept, nothing after Cancel."""

    def __init__(  # noqa: PLR0913 - the parts of the question, all named
        self,
        question: str,
        consequence: str,
        verb: str,
        confirmed: Callable[[], None],
        *,
        typed: str = "",
        danger: bool = True,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.setObjectName("confirm_dialog")
        self.setWindowTitle(self.tr("Sealkeeper"))
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setMinimumWidth(480)
        self.setAccessibleName(question)
        self._typed = typed
        self._confirmed = confirmed
        self.entry = QLineEdit()
        self.confirm_button = button(
            verb, "confirm_accept", self.accept, look="danger" if danger else "primary"
        )
        self.cancel_button = button(self.tr("Cancel"), "confirm_cancel", self.reject)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.setSpacing(0)
        mark = ("warning", Role.WARN) if danger else ("help", Role.ACCENT)
        outer.addLayout(self._question(question, consequence, mark), 1)
        outer.addWidget(self._footer())
        if not typed:  # so that Return does no harm
            self.cancel_button.setFocus()
        self.accepted.connect(self._confirm)

    def _question(self, question: str, consequence: str, mark: tuple[str, Role]) -> QHBoxLayout:
        row = QHBoxLayout()
        row.setContentsMargins(Space.XL, Space.XL, Space.XL, Space.XL)
        row.setSpacing(Space.L)
        row.addWidget(IconLabel(*mark, 32), 0, Qt.AlignmentFlag.AlignTop)
        text = QVBoxLayout()
        text.setSpacing(Space.S)
        text.addWidget(label(question, "section", wrap=True))
        if consequence:
            text.addWidget(label(consequence, wrap=True))
        if self._typed:
            ask = self.tr("Type “{name}” to confirm:").format(name=self._typed)
            prompt = label(ask, "muted", wrap=True)
            prompt.setContentsMargins(0, Space.S, 0, 0)
            text.addWidget(prompt)
            self.entry.setObjectName("confirm_typed")
            self.entry.setAccessibleName(ask)
            self.entry.textChanged.connect(self._check)
            text.addWidget(self.entry)
        row.addLayout(text, 1)
        return row

    def _footer(self) -> QFrame:
        footer = QFrame()
        footer.setProperty("look", "footer")
        row = QHBoxLayout(footer)
        row.setContentsMargins(Space.L, Space.M, Space.L, Space.M)
        row.setSpacing(Space.S)
        row.addStretch(1)
        self.cancel_button.setDefault(not self._typed)
        self.confirm_button.setEnabled(not self._typed)
        # In the order of every other dialog.
        row.addWidget(self.confirm_button)
        row.addWidget(self.cancel_button)
        return footer

    def _check(self, text: str) -> None:
        self.confirm_button.setEnabled(text.strip() == self._typed)

    def _confirm(self) -> None:
        self._confirmed()

"""The error dialog: what happened, why it probably did, what to do, and the detail to copy."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QDialog, QFrame, QHBoxLayout, QPlainTextEdit, QVBoxLayout, QWidget

from app.gui.icons import icon
from app.gui.theme import Role, Space
from app.gui.widgets.basics import IconLabel, button, label

if TYPE_CHECKING:
    from app.domain.errors import SealkeeperError


def error_text(error: SealkeeperError) -> str:
    """The whole error as text for the clipboard."""
    parts = (error.message, error.cause, error.remedy, error.detail)
    return "\n\n".join(part for part in parts if part)


class ErrorDialog(QDialog):
    """Shows one known error; open it with `open()`, it deletes itself when closed."""

    def __init__(self, error: SealkeeperError, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.error = error
        self.setObjectName("error_dialog")
        self.setWindowTitle(self.tr("Sealkeeper"))
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setAccessibleName(error.message)
        self.setMinimumWidth(520)
        self.detail = QPlainTextEdit(error.detail)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.setSpacing(0)
        outer.addLayout(self._top(), 1)
        outer.addWidget(self._footer())

    def _top(self) -> QVBoxLayout:
        column = QVBoxLayout()
        column.setContentsMargins(Space.XL, Space.XL, Space.XL, Space.XL)
        column.setSpacing(Space.M)
        row = QHBoxLayout()
        row.setSpacing(Space.L)
        row.addWidget(IconLabel("bad", Role.BAD, 32), 0, Qt.AlignmentFlag.AlignTop)
        text = QVBoxLayout()
        text.setSpacing(Space.S)
        self.message_label = label(self.error.message, "section", wrap=True, selectable=True)
        self.message_label.setObjectName("error_message")
        text.addWidget(self.message_label)
        for heading, sentence, name in (
            (self.tr("Likely cause"), self.error.cause, "error_cause"),
            (self.tr("What to do"), self.error.remedy, "error_remedy"),
        ):
            if sentence:
                caption = label(heading, "caption")
                caption.setContentsMargins(0, Space.XS, 0, 0)
                text.addWidget(caption)
                line = label(sentence, wrap=True, selectable=True)
                line.setObjectName(name)
                text.addWidget(line)
        row.addLayout(text, 1)
        column.addLayout(row)
        self.detail.setObjectName("error_detail")
        self.detail.setProperty("look", "detail")
        self.detail.setReadOnly(True)
        self.detail.setAccessibleName(self.tr("Technical detail"))
        self.detail.setFixedHeight(132)
        self.detail.hide()
        column.addWidget(self.detail, 1)
        return column

    def _footer(self) -> QFrame:
        footer = QFrame()
        footer.setProperty("look", "footer")
        row = QHBoxLayout(footer)
        row.setContentsMargins(Space.L, Space.M, Space.L, Space.M)
        row.setSpacing(Space.S)
        self.detail_button = button(
            self.tr("Show technical detail"),
            "error_show_detail",
            self.toggle_detail,
            look="link",
            icon_name="chevron-right",
        )
        self.detail_button.setVisible(bool(self.error.detail))
        row.addWidget(self.detail_button)
        row.addStretch(1)
        row.addWidget(button(self.tr("Copy"), "error_copy", self.copy, icon_name="copy"))
        close = button(self.tr("Close"), "error_close", self.accept, look="primary")
        close.setDefault(True)
        row.addWidget(close)
        return footer

    def toggle_detail(self) -> None:
        """Show or hide the technical lines."""
        hidden = self.detail.isHidden()
        self.detail.setVisible(hidden)
        self.detail_button.setText(
            self.tr("Hide technical detail") if hidden else self.tr("Show technical detail")
        )
        self.detail_button.setIcon(icon("chevron-down" if hidden else "chevron-right", Role.ACCENT))
        layout = self.layout()
        if layout is not None:
            layout.activate()
        self.adjustSize()

    def copy(self) -> None:
        """Copy the whole error to the clipboard."""
        QGuiApplication.clipboard().setText(error_text(self.error))

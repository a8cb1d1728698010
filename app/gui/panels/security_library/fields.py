"""Fields that the Security Library's wizards share."""

from __future__ import annotations

from PySide6.QtCore import QEvent, Signal
from PySide6.QtWidgets import QFileDialog, QHBoxLayout, QLineEdit, QPlainTextEdit, QWidget

from app.gui.theme import Space
from app.gui.widgets.basics import button


class PathField(QWidget):
    """The path of a file, typed or chosen with Browse."""

    changed = Signal()

    def __init__(self, name: str, caption: str, file_filter: str) -> None:
        super().__init__()
        self.setObjectName(name)
        self._caption = caption
        self._filter = file_filter
        self.line = QLineEdit()
        self.line.setObjectName(f"{name}_line")
        self.line.textChanged.connect(self._emit)
        self.browse_button = button(self.tr("Browse…"), f"{name}_browse", self.browse)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(Space.S)
        row.addWidget(self.line, 1)
        row.addWidget(self.browse_button)
        self.setFocusProxy(self.line)

    def text(self) -> str:
        """The path as it stands there."""
        return self.line.text().strip()

    def set_text(self, path: str) -> None:
        """Show another path."""
        self.line.setText(path)

    def setAccessibleName(self, name: str) -> None:
        super().setAccessibleName(name)
        self.line.setAccessibleName(name)

    def browse(self) -> None:
        """Let the user pick a file; the dialog is not waited for."""
        dialog = QFileDialog(self, self._caption, self.text(), self._filter)
        dialog.setObjectName(f"{self.objectName()}_dialog")
        dialog.setFileMode(QFileDialog.FileMode.ExistingFile)
        dialog.setOption(QFileDialog.Option.DontUseNativeDialog)
        dialog.fileSelected.connect(self.set_text)
        dialog.finished.connect(dialog.deleteLater)
        dialog.open()

    def event(self, event: QEvent) -> bool:
        """Pass on that the field is wrong: the line has the border."""
        if event.type() is QEvent.Type.DynamicPropertyChange:
            wrong = self.property("wrong")
            if self.line.property("wrong") != wrong:
                self.line.setProperty("wrong", wrong)
                self.line.style().unpolish(self.line)
                self.line.style().polish(self.line)
        return super().event(event)

    def _emit(self, _text: str) -> None:
        self.changed.emit()


def few_lines(name: str, placeholder: str) -> QPlainTextEdit:
    """A field of a few lines that Tab leaves."""
    made = QPlainTextEdit()
    made.setObjectName(name)
    made.setPlaceholderText(placeholder)
    made.setTabChangesFocus(True)
    made.setFixedHeight(64)
    return made

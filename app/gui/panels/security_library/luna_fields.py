"""A field for a folder."""

from __future__ import annotations

from PySide6.QtWidgets import QFileDialog

from app.gui.panels.security_library.fields import PathField


class FolderField(PathField):
    """The path of a folder, typed or chosen with Browse."""

    def __init__(self, name: str, caption: str) -> None:
        super().__init__(name, caption, "")

    def browse(self) -> None:
        """Let the user pick a folder; the dialog is not waited for."""
        dialog = QFileDialog(self, self._caption, self.text())
        dialog.setObjectName(f"{self.objectName()}_dialog")
        dialog.setFileMode(QFileDialog.FileMode.Directory)
        dialog.setOption(QFileDialog.Option.ShowDirsOnly)
        dialog.setOption(QFileDialog.Option.DontUseNativeDialog)
        dialog.fileSelected.connect(self.set_text)
        dialog.finished.connect(dialog.deleteLater)
        dialog.open()

"""Shows the difference that a change of a file makes, line by line, before it is written."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from PySide6.QtCore import Slot
from PySide6.QtGui import QTextCursor, QTextFormat
from PySide6.QtWidgets import QPlainTextEdit, QTextEdit, QWidget

from app.gui.theme import Role, current_theme, theme_manager
from app.gui.widgets.form_dialog import FormDialog

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from app.gui.panel import Console

_LINE = 18
_LEAST_LINES, _MOST_LINES = 8, 22


class DifferenceView(QPlainTextEdit):
    """Lines with + and - in the colours of the theme; the marks say the same without colour."""

    def __init__(self, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName(name)
        self.setProperty("look", "detail")
        self.setReadOnly(True)
        self.setTabChangesFocus(True)
        self.setLineWrapMode(QPlainTextEdit.LineWrapMode.NoWrap)
        self.setAccessibleName(self.tr("Difference"))
        theme_manager().changed.connect(self._colour)

    def show_difference(self, difference: str) -> None:
        """Show a unified difference."""
        self.setPlainText(difference)
        count = min(max(self.blockCount() + 1, _LEAST_LINES), _MOST_LINES)
        self.setMinimumHeight(count * _LINE)
        self._colour()

    @Slot()
    def _colour(self) -> None:
        selections = []
        block = self.document().begin()
        while block.isValid():
            roles = _roles(block.text())
            if roles is not None:
                chosen = QTextEdit.ExtraSelection()
                chosen.format.setForeground(current_theme().color(roles[0]))
                if roles[1] is not None:
                    chosen.format.setBackground(current_theme().color(roles[1]))
                chosen.format.setProperty(QTextFormat.Property.FullWidthSelection, True)
                chosen.cursor = QTextCursor(block)
                chosen.cursor.movePosition(
                    QTextCursor.MoveOperation.EndOfBlock, QTextCursor.MoveMode.KeepAnchor
                )
                if roles[1] is not None:
                    chosen.cursor.clearSelection()
                selections.append(chosen)
            block = block.next()
        self.setExtraSelections(selections)


def _roles(line: str) -> tuple[Role, Role | None] | None:
    if line.startswith(("+++", "---", "@@")):
        return Role.MUTED, None
    if line.startswith("+"):
        return Role.OK, Role.OK_SOFT
    return (Role.BAD, Role.BAD_SOFT) if line.startswith("-") else None


class DifferenceDialog(FormDialog):
    """The difference, and one button that writes; `completed` carries what the service wrote."""

    def __init__(
        self,
        console: Console,
        path: Path,
        difference: str,
        write: tuple[Callable[..., Any], tuple[object, ...]],
    ) -> None:
        super().__init__(
            self.tr("Change {name}").format(name=path.name),
            self.tr("This is what changes. A backup of the file is made first."),
            self.tr("Write File"),
            console.tasks,
            name="luna_difference",
            parent=console.dialog_parent(),
        )
        self.setMinimumWidth(760)
        self._path = path
        self._write = write
        self.view = DifferenceView("luna_difference_view")
        self.view.show_difference(difference)
        self.body.addWidget(self.view, 1)

    def work(self) -> tuple[str, Callable[..., Any], tuple[object, ...]]:
        function, arguments = self._write
        return self.tr("Writing {name}").format(name=self._path.name), function, arguments

"""What hands do with tables, and with what takes longer than a test waits."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QAbstractButton, QTableView, QWidget

from app.gui.table_view import TableView

if TYPE_CHECKING:
    from tests.gui.panels.shell import Shell


def column(shell: Shell, table: str, header: str) -> list[str]:
    """The cells of one column, from the top."""
    view = shell.find(QTableView, table)
    model = view.model()
    horizontal = Qt.Orientation.Horizontal
    headers = [model.headerData(n, horizontal) for n in range(model.columnCount())]
    number = headers.index(header)
    return [str(model.index(row, number).data()) for row in range(model.rowCount())]


def choose_row(shell: Shell, table: str, header: str, value: str) -> None:
    """Click the first row with that cell."""
    view = shell.find(TableView, table)
    row = column(shell, table, header).index(value)
    place = view.visualRect(view.model().index(row, 0)).center()
    QTest.mouseClick(view.viewport(), Qt.MouseButton.LeftButton, pos=place)
    shell.settle()


def press(shell: Shell, name: str) -> None:
    """Click a button and do not wait for what it begins."""
    button = shell.find(QAbstractButton, name)
    assert button.isEnabled(), name
    QTest.mouseClick(button, Qt.MouseButton.LeftButton, pos=button.rect().center())


def hidden(shell: Shell, name: str) -> bool:
    """Whether a widget is there and cannot be seen."""
    named = shell.window.findChildren(QWidget, name)
    assert named, name
    return not any(widget.isVisible() for widget in named)

"""What a person does at the real window: look, click where it is, type, and wait for what comes."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, TypeVar

from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractItemView,
    QAbstractSpinBox,
    QApplication,
    QCheckBox,
    QComboBox,
    QLabel,
    QLineEdit,
    QListWidget,
    QPlainTextEdit,
    QRadioButton,
    QScrollArea,
    QTabWidget,
    QWidget,
)

from app.gui.table_view import TableView
from app.gui.wizard import Wizard

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from PySide6.QtCore import QAbstractItemModel, QModelIndex

    from app.gui.console import ConsoleSession

W_ = TypeVar("W_", bound=QWidget)

PATIENCE_SECONDS = 20.0
_LEFT = Qt.MouseButton.LeftButton
_NO_KEY = Qt.KeyboardModifier.NoModifier
_INDICATOR = QPoint(12, 0)


class Hands:
    """Mouse and keyboard at the window of a session; nothing is called that they do not reach."""

    def __init__(self, session: ConsoleSession) -> None:
        self.session = session
        self.window = session.window

    # --- looking ------------------------------------------------------------------------------

    def wait(self, condition: Callable[[], bool], what: str) -> None:
        """Let the window work until `condition` holds."""
        until = time.monotonic() + PATIENCE_SECONDS
        while not condition():
            assert time.monotonic() < until, f"waited in vain for {what}; {self._scene()}"
            QTest.qWait(5)

    def _scene(self) -> str:
        dialog = QApplication.activeModalWidget()
        if dialog is None:
            return f"the page is {self.window.tree.current_key()}"
        words = [each.text() for each in dialog.findChildren(QLabel) if each.isVisible()]
        return f"{dialog.objectName()} says: {' | '.join(word for word in words if word)}"

    def _shown(self, kind: type[W_], name: str) -> list[W_]:
        named = [each for each in self.window.findChildren(kind, name) if each.isVisible()]
        modal = QApplication.activeModalWidget()
        # Names of a page behind a dialog may be those of the dialog too.
        front = [each for each in named if modal is not None and each.window() is modal]
        return front or named

    def see(self, kind: type[W_], name: str) -> W_:
        """The widget of that name, once it can be seen."""
        self.wait(lambda: bool(self._shown(kind, name)), f"the {kind.__name__} {name}")
        (found,) = self._shown(kind, name)
        return found

    def text(self, name: str) -> str:
        """The words that a widget shows."""
        return str(self.see(QWidget, name).property("text"))

    def wait_text(self, name: str, words: str) -> None:
        """Wait until a widget shows these words."""
        self.wait(
            lambda: any(words in str(w.property("text")) for w in self._shown(QWidget, name)),
            f"{words!r} in {name}",
        )

    # --- the mouse ----------------------------------------------------------------------------

    def click_at(self, widget: QWidget, place: QPoint, key: Qt.KeyboardModifier = _NO_KEY) -> None:
        """Click at a place of a widget, in its window, as long as nothing is in the way."""
        top = widget.window()

        def reached() -> bool:
            _scroll_to(widget)
            modal = QApplication.activeModalWidget()
            hit = top.childAt(widget.mapTo(top, place))
            in_front = modal is None or modal is top
            return in_front and hit is not None and (hit is widget or widget.isAncestorOf(hit))

        self.wait(reached, f"{widget.objectName()} to be within reach of the mouse")
        self._activate(top)
        QTest.mouseClick(top.windowHandle(), _LEFT, key, widget.mapTo(top, place))

    def _activate(self, top: QWidget) -> None:
        """What a window manager does before it passes a click on."""

        def active() -> bool:
            if not top.isActiveWindow():
                top.activateWindow()
            return top.isActiveWindow()

        self.wait(active, f"{top.objectName()} to be active")

    def click(self, name: str) -> None:
        """Click a button, once it can be clicked."""
        button = self.see(QAbstractButton, name)
        self.wait(button.isEnabled, f"{name} to be enabled: {button.toolTip()}")
        box = isinstance(button, QCheckBox | QRadioButton)
        middle = button.rect().center()
        self.click_at(button, QPoint(_INDICATOR.x(), middle.y()) if box else middle)

    def tick(self, name: str) -> None:
        """Tick a check box or choose a radio button that is not yet."""
        self.click(name)
        assert self.see(QAbstractButton, name).isChecked(), f"{name} was not ticked"

    def _click_item(
        self, view: QAbstractItemView, index: QModelIndex, key: Qt.KeyboardModifier = _NO_KEY
    ) -> None:
        view.scrollTo(index)
        self.click_at(view.viewport(), view.visualRect(index).center(), key)

    def _node(self, titles: Sequence[str]) -> QModelIndex:
        """The node of the tree on the way of these titles, once it is there."""
        model = self.window.tree.model()
        index = self.window.tree.rootIndex()
        for title in titles:
            index = self._child(model, index, title)
        return index

    def _child(self, model: QAbstractItemModel, above: QModelIndex, title: str) -> QModelIndex:
        found: list[QModelIndex] = []

        def find() -> bool:
            rows = (model.index(row, 0, above) for row in range(model.rowCount(above)))
            found.extend(each for each in rows if str(each.data()).startswith(title))
            return bool(found)

        self.wait(find, f"the node {title}")
        return found[0]

    def title(self, beginning: str) -> str:
        """The whole title of a node at the top of the tree."""
        return str(self._node((beginning,)).data())

    def open(self, *titles: str) -> None:
        """Click a node of the tree, named by the titles on the way to it."""
        self._click_item(self.window.tree, self._node(titles))

    def choose_row(self, name: str, words: str, key: Qt.KeyboardModifier = _NO_KEY) -> None:
        """Click the row of a table whose cells hold `words`."""
        view = self.see(TableView, name)
        model = view.model()
        rows: list[int] = []

        def find() -> bool:
            for row in range(model.rowCount()):
                cells = [model.index(row, n).data() for n in range(model.columnCount())]
                rows.extend([row] if words in cells else [])
            return bool(rows)

        self.wait(find, f"the row {words} in {name}")
        self._click_item(view, model.index(rows[0], 0), key)

    def tab(self, name: str, title: str) -> None:
        """Click a tab."""
        bar = self.see(QTabWidget, name).tabBar()
        number = next(n for n in range(bar.count()) if bar.tabText(n).startswith(title))
        self.click_at(bar, bar.tabRect(number).center())
        assert bar.currentIndex() == number

    # --- the keyboard -------------------------------------------------------------------------

    def write(self, name: str, text: str) -> None:
        """Click a field, mark what it holds, and type over it."""
        field = self.see(QWidget, name)
        self.wait(field.isEnabled, f"{name} to be enabled")
        self.click_at(field, QPoint(10, min(field.height() // 2, 14)))
        focus = QApplication.focusWidget()
        assert focus is not None
        assert focus is field or field.isAncestorOf(focus), f"{name} did not get the keyboard"
        QTest.keyClick(focus, Qt.Key.Key_A, Qt.KeyboardModifier.ControlModifier)
        for number, line in enumerate(text.splitlines()):
            if number:
                QTest.keyClick(focus, Qt.Key.Key_Return)
            QTest.keyClicks(focus, line)
        assert _written(field) == text, f"{name} holds {_written(field)!r}"

    def press(self, key: Qt.Key, modifier: Qt.KeyboardModifier = _NO_KEY) -> None:
        """Press a key of the window, such as a shortcut."""
        self._activate(self.window)
        QTest.keyClick(self.window, key, modifier)

    def choose(self, name: str, words: str) -> None:
        """Choose from a list with the arrow keys."""
        box = self.see(QComboBox, name)
        self.wait(lambda: box.findText(words) >= 0, f"{words} in {name}")
        box.setFocus(Qt.FocusReason.TabFocusReason)
        QTest.keyClick(box, Qt.Key.Key_Home)
        for _ in range(box.findText(words)):
            QTest.keyClick(box, Qt.Key.Key_Down)
        assert box.currentText() == words, f"{name} shows {box.currentText()!r}"

    def tick_item(self, name: str, words: str) -> None:
        """Tick an entry of a list by its name."""
        view = self.see(QListWidget, name)
        (item,) = view.findItems(words, Qt.MatchFlag.MatchExactly)
        self._click_item(view, view.indexFromItem(item))
        QTest.keyClick(view, Qt.Key.Key_Space)
        assert item.checkState() is Qt.CheckState.Checked

    def choose_file(self, dialog: str, path: Path) -> None:
        """Write a path into the file dialog and press Return."""
        self.see(QWidget, dialog)
        self.write("fileNameEdit", str(path))
        QTest.keyClick(self.see(QLineEdit, "fileNameEdit"), Qt.Key.Key_Return)
        self.wait(lambda: not self._shown(QWidget, dialog), f"{dialog} to close")

    # --- wizards ------------------------------------------------------------------------------

    def next_page(self, title: str) -> None:
        """Click Next and wait for the page of that title."""
        self.click("wizard_next")
        self.wait_text("wizard_title", title)

    def finish(self, sentence: str) -> None:
        """On the summary: click the last button, and wait for the result that begins so."""
        assert self.text("wizard_title") == "Summary"
        self.click("wizard_next")
        self.wait_text("wizard_title", "Done")
        assert sentence in self.text("wizard_result_message")

    def close_wizard(self) -> None:
        """On the result: Close."""
        self.click("wizard_next")
        self.wait(lambda: not self._wizards(), "the wizard to close")

    def _wizards(self) -> list[Wizard]:
        return [each for each in self.window.findChildren(Wizard) if each.isVisible()]


def _scroll_to(widget: QWidget) -> None:
    """Turn the wheel until the widget is in view."""
    above = widget.parentWidget()
    while above is not None:
        if isinstance(above, QScrollArea):
            above.ensureWidgetVisible(widget, 10, 10)
        above = above.parentWidget()


def _written(field: QWidget) -> str:
    if isinstance(field, QPlainTextEdit):
        return field.toPlainText()
    if isinstance(field, QAbstractSpinBox):
        return str(field.property("value"))
    return str(field.property("text"))

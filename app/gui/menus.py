"""The menus of the main window: File, Action, View, Help."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Qt
from PySide6.QtGui import QAction, QActionGroup, QKeySequence
from PySide6.QtWidgets import QDialog, QHBoxLayout, QVBoxLayout, QWidget

from app.gui.actions import ActionSpec, fill_menu
from app.gui.icons import icon
from app.gui.palette import Command
from app.gui.theme import Role, Space, ThemeMode
from app.gui.widgets.basics import IconLabel, button, label
from app.gui.widgets.key_values import Fact, KeyValueGrid

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from app.gui.window import MainWindow


class WindowMenus(QObject):
    """Builds the menu bar and keeps its Action menu in step with the panel."""

    def __init__(self, window: MainWindow) -> None:
        super().__init__(window)
        self._window = window
        bar = window.menuBar()
        bar.setNativeMenuBar(False)
        self._file = bar.addMenu(self.tr("&File"))
        self.action_menu = bar.addMenu(self.tr("&Action"))
        self.action_menu.setObjectName("menu_action")
        self._view = bar.addMenu(self.tr("&View"))
        self._help = bar.addMenu(self.tr("&Help"))
        self._themes: dict[ThemeMode, QAction] = {}
        self._commands: list[Command] = []
        self._fill()

    def _fill(self) -> None:
        window = self._window
        self._add(self._file, "quit", self.tr("Quit"), "cross", window.close, "Ctrl+Q")
        self._add(self._view, "refresh", self.tr("Refresh"), "refresh", window.refresh, "F5")
        self._add_themes()
        palette = self._add(
            self._view, "palette", self.tr("Find a Command…"), "search", self._palette, ""
        )
        palette.setText(self.tr("Find a Command…") + "\tCtrl+K")
        self._commands.pop()
        self._add(
            self._help, "keys", self.tr("Keyboard Shortcuts"), "password", self.show_keys, "F1"
        )
        self._add(self._help, "about", self.tr("About Sealkeeper"), "seal", self.show_about, "")

    def _add(
        self,
        menu: QWidget,
        name: str,
        text: str,
        icon_name: str,
        call: Callable[[], object],
        shortcut: str,
    ) -> QAction:
        action = QAction(icon(icon_name), text, self._window)
        action.setObjectName(f"menu_{name}")
        if shortcut:
            action.setShortcut(QKeySequence(shortcut))
        action.triggered.connect(lambda _checked=False: call())
        menu.addAction(action)
        self._commands.append(Command(text, self.tr("Console"), icon_name, lambda: _drop(call())))
        return action

    def _add_themes(self) -> None:
        group = QActionGroup(self)
        texts = {
            ThemeMode.LIGHT: (self.tr("Light"), "sun"),
            ThemeMode.DARK: (self.tr("Dark"), "moon"),
            ThemeMode.SYSTEM: (self.tr("As the System"), "computer"),
        }
        menu = self._view.addMenu(icon("sun"), self.tr("Theme"))
        for mode, (text, icon_name) in texts.items():
            action = QAction(text, self._window)
            action.setObjectName(f"menu_theme_{mode.value}")
            action.setCheckable(True)
            action.triggered.connect(
                lambda _checked=False, chosen=mode: self._window.set_theme(chosen)
            )
            group.addAction(action)
            menu.addAction(action)
            self._themes[mode] = action
            words = self.tr("Theme: {name}").format(name=text)
            self._commands.append(Command(words, self.tr("View"), icon_name, action.trigger))

    def show_theme(self, mode: ThemeMode) -> None:
        """Tick the theme in force."""
        self._themes[mode].setChecked(True)

    def show_actions(self, specs: Sequence[ActionSpec]) -> None:
        """Fill the Action menu with what the panel offers now."""
        for action in self.action_menu.actions():
            self.action_menu.removeAction(action)
            action.deleteLater()
        fill_menu(self.action_menu, specs, shortcuts=True)
        self.action_menu.setEnabled(bool(specs))

    def commands(self) -> list[Command]:
        """The menus' entries for the command palette."""
        return list(self._commands)

    def _palette(self) -> None:
        self._window.open_palette()

    def show_keys(self) -> QDialog:
        """Open the list of keys."""
        facts = [
            Fact(self.tr("Ctrl+K"), self.tr("Find a command or a page")),
            Fact(self.tr("F5"), self.tr("Refresh what is shown")),
            Fact(self.tr("F6, Shift+F6"), self.tr("Next, previous pane")),
            Fact(self.tr("Ctrl+C"), self.tr("Copy the selected rows")),
            Fact(self.tr("Return"), self.tr("Open the selected row")),
            Fact(self.tr("Ctrl+Q"), self.tr("Quit")),
        ]
        return self._open(self.tr("Keyboard Shortcuts"), "", facts, "password")

    def show_about(self) -> QDialog:
        """Open what the program says of itself."""
        facts = [
            Fact(self.tr("Version"), self._window.version),
            Fact(self.tr("License"), "Apache-2.0"),
            Fact(self.tr("Font"), "Inter, SIL Open Font License 1.1"),
        ]
        text = self.tr("From a bare token to a working, monitored OCSP service.")
        return self._open("Sealkeeper", text, facts, "seal")

    def _open(self, title: str, text: str, facts: Sequence[Fact], icon_name: str) -> QDialog:
        dialog = QDialog(self._window)
        dialog.setObjectName("info_dialog")
        dialog.setWindowTitle(title)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.setMinimumWidth(440)
        column = QVBoxLayout(dialog)
        column.setContentsMargins(Space.XL, Space.XL, Space.XL, Space.L)
        column.setSpacing(Space.L)
        head = QHBoxLayout()
        head.setSpacing(Space.M)
        head.addWidget(IconLabel(icon_name, Role.ACCENT, 28))
        head.addWidget(label(title, "title"), 1)
        column.addLayout(head)
        if text:
            column.addWidget(label(text, wrap=True))
        column.addWidget(KeyValueGrid(facts))
        close = button(self.tr("Close"), "info_close", dialog.accept, look="primary")
        close.setDefault(True)
        column.addWidget(close, 0, Qt.AlignmentFlag.AlignRight)
        dialog.open()
        return dialog


def _drop(_result: object) -> None:
    """A command's result is of no interest."""

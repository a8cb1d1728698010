"""The main window: tree, panels, actions in all their places, keyboard, palette, closing."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QMenu, QPushButton, QToolButton

from app.domain.status import LinkState
from app.gui.actions import ActionSpec
from app.gui.failures import Failures
from app.gui.palette import CommandPalette, fuzzy_score
from app.gui.panel import Console, NodeSpec, Panel
from app.gui.theme import ThemeMode, current_theme
from app.gui.widgets.basics import label
from app.gui.window import MainWindow
from app.gui.window_state import WindowState, load_window_state
from tests.gui.conftest import wait_for
from tests.gui.test_wizard import nameless

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from pytestqt.qtbot import QtBot

    from app.gui.tasks import TaskRunner


# The platform without a screen has no keyboard for a popup to grab.
pytestmark = pytest.mark.qt_log_ignore("grabbing the keyboard", extend=True)


class Page(Panel):
    """A panel that counts what happens to it."""

    def __init__(self, console: Console, title: str) -> None:
        super().__init__(console, title)
        self.refreshed = 0
        self.left = 0
        self.done: list[str] = []
        self.why_not = ""
        self.body.addWidget(label("content"))

    def actions(self) -> Sequence[ActionSpec]:  # type: ignore[override]  # as in the base
        def act(name: str, why_not: str = "") -> ActionSpec:
            return ActionSpec(
                f"page.{name}",
                name.title(),
                "play",
                self.title,
                lambda: self.done.append(name),
                why_not,
                "Ctrl+G" if name == "go" else "",
            )

        return (act("go"), act("stop", self.why_not))

    def refresh(self) -> None:
        self.refreshed += 1

    def deactivated(self) -> None:
        self.left += 1


def node(key: str, parent: str = "", **more: object) -> NodeSpec:
    title = key.rpartition("/")[2].title()
    return NodeSpec(key, title, "key", parent, lambda console: Page(console, title), **more)  # type: ignore[arg-type]  # the rest of a node, as it is


@pytest.fixture
def window(runner: TaskRunner, tmp_path: Path, qtbot: QtBot) -> MainWindow:
    made = MainWindow(runner, Failures(runner), tmp_path / "window.json", "0.1")
    qtbot.addWidget(made)
    made.set_theme(ThemeMode.LIGHT)
    for spec in (node("overview"), node("ca"), node("ca/root", "ca"), node("tools")):
        made.add_node(spec)
    made.show()
    made.open_first()
    return made


def page(window: MainWindow) -> Page:
    shown = window.current_panel()
    assert isinstance(shown, Page)
    return shown


def action_button(window: MainWindow, name: str) -> QToolButton:
    found = window.actions_pane.findChild(QToolButton, name)
    assert found is not None
    return found


def test_the_first_node_is_shown(window: MainWindow) -> None:
    assert page(window).title == "Overview"
    assert window.header.title.text_whole() == "Overview"
    assert page(window).refreshed == 1


def test_navigation_shows_path_and_leaves_the_old_panel(window: MainWindow) -> None:
    first = page(window)
    window.navigate("ca/root")
    assert page(window).title == "Root"
    assert first.left == 1
    crumb = window.header.findChild(QPushButton, "crumb_ca")
    assert crumb is not None
    QTest.mouseClick(crumb, Qt.MouseButton.LeftButton)
    assert page(window).title == "Ca"


def test_a_panel_is_made_once(window: MainWindow) -> None:
    first = page(window)
    window.navigate("tools")
    window.navigate("overview")
    assert page(window) is first
    assert first.refreshed == 2


def test_the_tree_by_keyboard(window: MainWindow) -> None:
    window.tree.setFocus()
    QTest.keyClick(window.tree, Qt.Key.Key_Down)
    QTest.keyClick(window.tree, Qt.Key.Key_Down)
    assert page(window).title == "Root"


def test_f5_refreshes(window: MainWindow) -> None:
    QTest.keyClick(window, Qt.Key.Key_F5)
    assert page(window).refreshed == 2


def test_actions_are_in_pane_menu_and_context_menu(window: MainWindow) -> None:
    QTest.mouseClick(action_button(window, "action_page_go"), Qt.MouseButton.LeftButton)
    entry = next(
        a for a in window.menus.action_menu.actions() if a.objectName() == "action_page_go"
    )
    entry.trigger()
    place = window.tree.visualRect(window.tree.currentIndex()).center()
    window.tree.customContextMenuRequested.emit(place)
    menu = window.findChild(QMenu, "tree_menu")
    assert menu is not None
    next(a for a in menu.actions() if a.objectName() == "action_page_go").trigger()
    menu.close()
    assert page(window).done == ["go"] * 3


def test_a_shortcut_triggers_its_action_once(window: MainWindow) -> None:
    window.activateWindow()
    QTest.keyClick(window, Qt.Key.Key_G, Qt.KeyboardModifier.ControlModifier)
    assert page(window).done == ["go"]


def test_a_disabled_action_says_why(window: MainWindow) -> None:
    page(window).why_not = "It is stopped already."
    page(window).actions_changed.emit()
    button = action_button(window, "action_page_stop")
    assert not button.isEnabled()
    assert button.toolTip() == "It is stopped already."
    assert button.accessibleDescription() == "It is stopped already."


def test_f6_goes_round_the_panes(window: MainWindow) -> None:
    window.activateWindow()
    window.tree.setFocus()
    window.cycle_panes(-1)
    assert QApplication.focusWidget() is action_button(window, "action_page_go")
    window.cycle_panes(1)
    assert QApplication.focusWidget() is window.tree
    QTest.keyClick(window, Qt.Key.Key_F6, Qt.KeyboardModifier.ShiftModifier)
    assert QApplication.focusWidget() is action_button(window, "action_page_go")


def test_palette_finds_by_initials_and_does_it(window: MainWindow) -> None:
    palette = window.open_palette()
    QTest.keyClicks(palette.entry, "gtto")
    assert palette.list.item(0).text() == "Go to Tools"
    QTest.keyClick(palette.entry, Qt.Key.Key_Return)
    assert page(window).title == "Tools"


def test_palette_does_not_do_what_cannot_be_done(window: MainWindow) -> None:
    page(window).why_not = "No."
    palette = window.open_palette()
    QTest.keyClicks(palette.entry, "stop")
    QTest.keyClick(palette.entry, Qt.Key.Key_Return)
    assert page(window).done == []
    QTest.keyClick(palette.entry, Qt.Key.Key_Escape)
    wait_for(lambda: not window.findChildren(CommandPalette))


def test_fuzzy_score() -> None:
    assert fuzzy_score("pcrl", "Publish CRL") is not None
    assert fuzzy_score("iss", "Registered Library") is None
    exact, initials = fuzzy_score("pub", "Publish CRL"), fuzzy_score("pcr", "Publish CRL")
    assert exact is not None
    assert initials is not None
    assert exact > initials


def test_children_come_from_a_task_and_follow_changes(window: MainWindow) -> None:
    names = ["a", "b"]
    asked: list[int] = []

    def children() -> Sequence[NodeSpec]:
        asked.append(threading.get_ident())
        return [node(f"cas/{name}", "cas") for name in names]

    window.add_node(node("cas", children=children))
    wait_for(lambda: "cas/b" in window.tree.specs)
    assert threading.get_ident() not in asked
    window.navigate("cas/b")
    assert page(window).title == "B"
    names[:] = ["a", "c"]
    window.refresh_children("cas")
    wait_for(lambda: "cas/c" in window.tree.specs)
    assert "cas/b" not in window.tree.specs
    assert window.current_panel() is not None
    assert page(window).title != "B"


def test_a_nodes_state_is_told_in_words(window: MainWindow) -> None:
    window.set_node_state("ca/root", LinkState.BAD)
    assert window.tree._items["ca/root"].toolTip() == "Root: not working"


def test_header_shows_state_and_time(window: MainWindow) -> None:
    page(window).set_header(title="Test", state=LinkState.OK, word="Working")
    assert window.header.title.text_whole() == "Test"
    assert window.header.badge.word == "Working"


def test_job_strip_shows_and_cancels(window: MainWindow, runner: TaskRunner) -> None:
    gate = threading.Event()
    task = runner.run("Generating key", gate.wait, 5, owner=window)
    assert not window.job_strip.isVisible()
    wait_for(window.job_strip.isVisible)
    assert task.elapsed >= 0.5
    assert "Generating key" in window.job_strip.text.text_whole()
    QTest.mouseClick(window.job_strip.cancel, Qt.MouseButton.LeftButton)
    assert task.progress.cancelled
    gate.set()
    wait_for(lambda: not window.job_strip.isVisible())


def test_theme_is_switched_and_remembered(
    window: MainWindow, runner: TaskRunner, tmp_path: Path, qtbot: QtBot
) -> None:
    window.menus._themes[ThemeMode.DARK].trigger()
    assert current_theme().dark
    window.navigate("tools")
    window.resize(1300, 800)
    with qtbot.waitSignal(window.closed) as closed:
        window.close()
    assert closed.args == [()]
    state = load_window_state(tmp_path / "window.json")
    assert (state.theme, state.node, state.width) == (ThemeMode.DARK, "tools", 1300)
    assert runner.running() == []


def test_unreadable_window_state_gives_the_defaults(tmp_path: Path) -> None:
    path = tmp_path / "window.json"
    path.write_text("{")
    assert load_window_state(path) == WindowState()
    path.write_text('{"width": "wide"}')
    assert load_window_state(path) == WindowState()


def test_every_interactive_widget_has_names(window: MainWindow) -> None:
    assert nameless(window) == []
    buttons = [*window.findChildren(QPushButton), *window.findChildren(QToolButton)]
    assert [b.text() for b in buttons if not b.objectName()] == []


@pytest.mark.parametrize("entry", ["show_keys", "show_about"])
def test_help_opens_and_closes(window: MainWindow, entry: str) -> None:
    dialog = getattr(window.menus, entry)()
    assert dialog.isVisible()
    dialog.accept()

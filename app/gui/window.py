"""The main window: console tree, result pane and actions pane, job strip, status line."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import QPoint, Qt, Signal, Slot
from PySide6.QtGui import QCloseEvent, QKeySequence, QResizeEvent, QShortcut
from PySide6.QtWidgets import (
    QApplication,
    QFrame,
    QMainWindow,
    QMenu,
    QSplitter,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from app.gui.actions import ActionsPane, ActionSpec, fill_menu
from app.gui.job_strip import JobStrip
from app.gui.menus import WindowMenus
from app.gui.page_header import PageHeader
from app.gui.palette import Command, CommandPalette
from app.gui.status_line import StatusLine
from app.gui.table_view import TableView
from app.gui.theme import ThemeMode, apply_theme
from app.gui.tree import ConsoleTree
from app.gui.window_state import load_window_state, save_window_state

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from app.domain.errors import SealkeeperError
    from app.domain.status import LinkState
    from app.gui.failures import Failures
    from app.gui.panel import NodeSpec, Panel
    from app.gui.tasks import TaskRunner


_NARROW = 1160


class MainWindow(QMainWindow):
    """The shell around the panels; implements `app.gui.panel.Console`.

    Signals:
        closed: the window is closed and every task has ended or outlived its deadline; carries
            the labels of those that did, whereupon the process must end with `os._exit`.
    """

    closed = Signal(object)

    def __init__(
        self, runner: TaskRunner, failures: Failures, state_path: Path, version: str = ""
    ) -> None:
        super().__init__()
        self.setObjectName("main_window")
        self.setWindowTitle(self.tr("Sealkeeper"))
        self._runner = runner
        self._failures = failures
        self._state_path = state_path
        self._state = load_window_state(state_path)
        self._panels: dict[str, Panel] = {}
        self._shown: Panel | None = None
        self._squeezed = False
        self._wide = (self._state.tree_width, self._state.actions_width)
        self.version = version
        self.tree = ConsoleTree()
        self.header = PageHeader(self.navigate)
        self.pages = QStackedWidget()
        self.actions_pane = ActionsPane()
        self.job_strip = JobStrip(runner)
        self.status_line = StatusLine(self.job_strip)
        self._splitter = QSplitter(Qt.Orientation.Horizontal)
        self._build()
        self.menus = WindowMenus(self)
        self._connect()
        self.resize(self._state.width, self._state.height)
        self.set_theme(self._state.theme)

    # --- construction -----------------------------------------------------------------------

    def _build(self) -> None:
        left = QFrame()
        left.setProperty("look", "pane-left")
        inner = QVBoxLayout(left)
        inner.setContentsMargins(0, 8, 0, 8)
        inner.addWidget(self.tree)
        centre = QWidget()
        centre.setProperty("look", "page")
        column = QVBoxLayout(centre)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self.header)
        column.addWidget(self.pages, 1)
        self.pages.setObjectName("result_pane")
        self._splitter.setObjectName("panes")
        self._splitter.setHandleWidth(3)
        self._splitter.setChildrenCollapsible(False)
        for pane, least in ((left, 180), (centre, 420), (self.actions_pane, 180)):
            pane.setMinimumWidth(least)
            self._splitter.addWidget(pane)
        self._splitter.setStretchFactor(1, 1)
        self._splitter.setSizes([self._state.tree_width, 1000, self._state.actions_width])
        whole = QWidget()
        rows = QVBoxLayout(whole)
        rows.setContentsMargins(0, 0, 0, 0)
        rows.setSpacing(0)
        rows.addWidget(self._splitter, 1)
        rows.addWidget(self.status_line)
        self.setCentralWidget(whole)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Keep room for the result: in a narrow window the side panes give some of theirs."""
        super().resizeEvent(event)
        tree, _centre, actions = self._splitter.sizes()
        narrow = self.width() < _NARROW
        if narrow and not self._squeezed:
            self._wide = (tree, actions)
            self._share(min(tree, 208), min(actions, 208))
        elif not narrow and self._squeezed:
            self._share(*self._wide)
        self._squeezed = narrow

    def _share(self, tree: int, actions: int) -> None:
        self._splitter.setSizes([tree, max(self.width() - tree - actions, 1), actions])

    def _connect(self) -> None:
        self.tree.node_chosen.connect(self._show_node)
        self.tree.customContextMenuRequested.connect(self._tree_menu)
        self.header.refresh.clicked.connect(self.refresh)
        self._runner.stopped.connect(self.closed)
        for keys, call in (
            ("Ctrl+K", self.open_palette),
            ("F6", partial(self.cycle_panes, 1)),
            ("Shift+F6", partial(self.cycle_panes, -1)),
        ):
            QShortcut(QKeySequence(keys), self).activated.connect(call)

    # --- what panels may ask for ------------------------------------------------------------

    @property
    def tasks(self) -> TaskRunner:
        """The runner for every use case."""
        return self._runner

    def add_node(self, spec: NodeSpec) -> None:
        """Register a node; its parent must be there."""
        self.tree.add_node(spec)
        if spec.children is not None:
            self.refresh_children(spec.key)

    def refresh_children(self, key: str) -> None:
        """Ask the node's children provider again; the tree follows when the answer is there."""
        spec = self.tree.specs.get(key)
        if spec is None or spec.children is None:
            return
        self._runner.run(
            self.tr("Loading {node}").format(node=spec.title),
            spec.children,
            owner=self,
            done=partial(self._take_children, key),
            supersede=f"children of {key}",
            quiet=True,
        )

    def _take_children(self, key: str, specs: Sequence[NodeSpec]) -> None:
        if key not in self.tree.specs:
            return
        self.tree.set_children(key, specs)
        for gone in [k for k in self._panels if k not in self.tree.specs]:
            self._drop_panel(gone)
        for spec in specs:
            if spec.children is not None:
                self.refresh_children(spec.key)
        if self._shown is not None and self.tree.current_key():
            self.header.show_path(self.tree.path_of(self.tree.current_key()))
        if self._state.node in {spec.key for spec in specs}:
            node, self._state.node = self._state.node, ""
            self.navigate(node)

    def navigate(self, key: str) -> None:
        """Show the node of that key; one that is still being loaded is shown when it comes."""
        if key not in self.tree.specs:
            self._state.node = key
        self.tree.choose(key)

    def set_node_state(self, key: str, state: LinkState | None) -> None:
        """Show a state at a node of the tree."""
        self.tree.set_state(key, state)

    def show_error(self, error: SealkeeperError) -> None:
        """Open the error dialog."""
        self._failures.show_error(error, self)

    def dialog_parent(self) -> QWidget:
        """What dialogs belong to."""
        return self

    # --- showing nodes ----------------------------------------------------------------------

    def open_first(self) -> None:
        """Show the node that was shown last, else the first one; call after adding the nodes."""
        keys = list(self.tree.specs)
        if self._state.node in self.tree.specs:
            self.navigate(self._state.node)
        elif keys:
            wanted, first = self._state.node, keys[0]
            self.navigate(first)
            self._state.node = wanted

    @Slot(str)
    def _show_node(self, key: str) -> None:
        self._state.node = ""  # whoever chooses a node waits for no other
        panel = self._panels.get(key) or self._make_panel(key)
        before, self._shown = self._shown, panel
        if before is not None and before is not panel:
            before.deactivated()
        self.pages.setCurrentWidget(panel)
        self.header.show_path(self.tree.path_of(key))
        self._header_changed()
        self._actions_changed()
        panel.activated()

    def _make_panel(self, key: str) -> Panel:
        panel = self.tree.specs[key].panel_factory(self)
        self._panels[key] = panel
        self.pages.addWidget(panel)
        panel.actions_changed.connect(self._actions_changed)
        panel.header_changed.connect(self._header_changed)
        for view in panel.findChildren(TableView):
            view.set_column_widths(self._state.columns.get(view.objectName(), {}))
        return panel

    def _drop_panel(self, key: str) -> None:
        panel = self._panels.pop(key)
        self._keep_widths(panel)
        self._runner.release(panel)
        if panel is self._shown:
            self._shown = None
        self.pages.removeWidget(panel)
        panel.deleteLater()

    def current_panel(self) -> Panel | None:
        """The panel that is shown."""
        return self._shown

    @Slot()
    def _header_changed(self) -> None:
        if self._shown is not None:
            self.header.show_panel(self._shown)

    @Slot()
    def _actions_changed(self) -> None:
        specs = self.current_actions()
        self.actions_pane.show_actions(specs)
        self.menus.show_actions(specs)

    def current_actions(self) -> Sequence[ActionSpec]:
        """The actions of the panel that is shown."""
        return self._shown.actions() if self._shown is not None else ()

    @Slot()
    def refresh(self) -> None:
        """Load again what is shown."""
        if self._shown is not None:
            self._shown.refresh()

    @Slot(QPoint)
    def _tree_menu(self, place: QPoint) -> None:
        if not self.tree.indexAt(place).isValid() or not self.current_actions():
            return
        menu = QMenu(self)
        menu.setObjectName("tree_menu")
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        fill_menu(menu, self.current_actions())
        menu.popup(self.tree.viewport().mapToGlobal(place))

    # --- keyboard, palette, theme -----------------------------------------------------------

    def cycle_panes(self, step: int) -> None:
        """Give the keyboard to the next pane: tree, result, actions."""
        focus = QApplication.focusWidget()
        panes: list[QWidget] = [self.tree, self.pages, self.actions_pane]
        here = [n for n, p in enumerate(panes) if focus and (focus is p or p.isAncestorOf(focus))]
        target = ((here[0] if here else 0) + step) % len(panes)
        if target == 0:
            self.tree.setFocus(Qt.FocusReason.ShortcutFocusReason)
        elif target == 1:
            self._focus_page()
        else:
            self.actions_pane.focus_first()

    def _focus_page(self) -> None:
        page = self.pages.currentWidget()
        for widget in page.findChildren(QWidget) if page is not None else []:
            takes = widget.focusPolicy() & Qt.FocusPolicy.TabFocus
            if takes and widget.isVisible() and widget.isEnabled():
                widget.setFocus(Qt.FocusReason.TabFocusReason)
                return

    def open_palette(self) -> CommandPalette:
        """Open the command palette over the window."""
        commands = [
            Command(spec.text, spec.group, spec.icon, spec.trigger, spec.why_not)
            for spec in self.current_actions()
        ]
        commands += [
            Command(
                self.tr("Go to {node}").format(node=spec.title),
                " \N{SINGLE RIGHT-POINTING ANGLE QUOTATION MARK} ".join(
                    s.title for s in self.tree.path_of(key)[:-1]
                )
                or self.tr("Console"),
                spec.icon,
                partial(self.navigate, key),
            )
            for key, spec in self.tree.specs.items()
        ]
        commands += self.menus.commands()
        palette = CommandPalette(commands, self)
        palette.show()
        palette.entry.setFocus()
        return palette

    def set_theme(self, mode: ThemeMode) -> None:
        """Switch the look; remembered."""
        self._state.theme = mode
        app = QApplication.instance()
        if isinstance(app, QApplication):
            apply_theme(app, mode)
        self.menus.show_theme(mode)

    # --- closing ----------------------------------------------------------------------------

    def _keep_widths(self, panel: Panel) -> None:
        for view in panel.findChildren(TableView):
            self._state.columns[view.objectName()] = view.column_widths()

    def closeEvent(self, event: QCloseEvent) -> None:
        state = self._state
        for panel in self._panels.values():
            self._keep_widths(panel)
        if not self.isMaximized():
            state.width, state.height = self.width(), self.height()
        state.maximized = self.isMaximized()
        sizes = self._splitter.sizes()
        state.tree_width, state.actions_width = (
            self._wide if self._squeezed else (sizes[0], sizes[2])
        )
        state.node = self.tree.current_key() or state.node
        save_window_state(self._state_path, state)
        if self._shown is not None:
            self._shown.deactivated()
        event.accept()
        self._runner.stop()

    def show_as_left(self) -> None:
        """Show the window, maximized where it was."""
        if self._state.maximized:
            self.showMaximized()
        else:
            self.show()

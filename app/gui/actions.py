"""Actions as data: one specification fills the Actions pane, the menus and the palette."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from PySide6.QtCore import QSize, Qt, Signal, Slot
from PySide6.QtGui import QAction, QKeySequence, QResizeEvent
from PySide6.QtWidgets import (
    QFrame,
    QMenu,
    QScrollArea,
    QSizePolicy,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from app.gui.icons import icon
from app.gui.theme import Role, Space
from app.gui.widgets.basics import label


@dataclass(frozen=True, slots=True)
class ActionSpec:
    """One thing the user can do now.

    What does not exist is left out of the list; what exists but cannot be done now has a sentence
    in `why_not`, which disables it and becomes its tooltip.

    Attributes:
        id: stable, snake_case with dots, for example `ca.publish_crl`.
        text: the words, with … when it asks for more.
        icon: name of a bundled icon.
        group: heading in the Actions pane.
        trigger: called on the main thread; must not wait.
        why_not: "" when it can be done now.
        shortcut: portable text, for example `Ctrl+N`, or "".
        primary: the first thing to do here; emphasised.
        danger: takes something away; shown in the colour for that.
    """

    id: str
    text: str
    icon: str
    group: str
    trigger: Callable[[], None]
    why_not: str = ""
    shortcut: str = ""
    primary: bool = False
    danger: bool = False

    @property
    def enabled(self) -> bool:
        """Whether it can be done now."""
        return not self.why_not

    @property
    def object_name(self) -> str:
        """Name of the widgets and menu entries made from it, for example `action_ca_new`."""
        return "action_" + self.id.replace(".", "_").replace("-", "_")


def _role(spec: ActionSpec) -> Role:
    if spec.danger:
        return Role.BAD
    return Role.ACCENT if spec.primary else Role.MUTED


def make_action(spec: ActionSpec, parent: QWidget, *, shortcut: bool = True) -> QAction:
    """A QAction of `spec`, owned by `parent`; two with one shortcut would block each other."""
    action = QAction(icon(spec.icon, _role(spec)), spec.text, parent)
    action.setObjectName(spec.object_name)
    action.setEnabled(spec.enabled)
    action.setToolTip(spec.why_not or spec.text)
    if shortcut and spec.shortcut:
        action.setShortcut(QKeySequence(spec.shortcut))
    action.triggered.connect(lambda _checked=False, call=spec.trigger: call())
    return action


def fill_menu(menu: QMenu, specs: Iterable[ActionSpec], *, shortcuts: bool = False) -> None:
    """Add the actions to `menu`, with a separator between groups; reasons show as tooltips."""
    menu.setToolTipsVisible(True)
    group: str | None = None
    for spec in specs:
        if group is not None and spec.group != group:
            menu.addSeparator()
        group = spec.group
        menu.addAction(make_action(spec, menu, shortcut=shortcuts))


_BESIDE_TEXT = 64


class ActionsPane(QFrame):
    """The right pane: the actions of what is shown, under the headings of their groups."""

    triggered = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("actions_pane")
        self.setProperty("look", "pane-right")
        self.setAccessibleName(self.tr("Actions"))
        self._inner = QWidget()
        self._inner.setProperty("look", "scrolled")
        self._list = QVBoxLayout(self._inner)
        self._list.setContentsMargins(Space.M, Space.L, Space.S, Space.L)
        self._list.setSpacing(1)
        scroll = QScrollArea()
        scroll.setObjectName("actions_scroll")
        scroll.setWidgetResizable(True)
        scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scroll.setWidget(self._inner)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.addWidget(scroll)
        self._specs: tuple[ActionSpec, ...] = ()
        self._buttons: list[QToolButton] = []

    def show_actions(self, specs: Sequence[ActionSpec]) -> None:
        """Replace the list; keeps the keyboard focus on the action of the same id."""
        if tuple(specs) == self._specs:
            return
        focused = next((b.objectName() for b in self._buttons if b.hasFocus()), "")
        self._specs = tuple(specs)
        self._clear()
        group: str | None = None
        for spec in self._specs:
            if spec.group != group:
                self._add_heading(spec.group, first=group is None)
                group = spec.group
            self._list.addWidget(self._make_button(spec))
        if not self._specs:
            nothing = label(self.tr("This page has no actions."), "small", wrap=True)
            nothing.setContentsMargins(Space.S, 0, 0, 0)
            self._list.addWidget(nothing)
        self._list.addStretch(1)
        self._elide()
        for button in self._buttons:
            if button.objectName() == focused:
                button.setFocus(Qt.FocusReason.OtherFocusReason)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._elide()

    def _elide(self) -> None:
        """Words that do not fit end in …; the tooltip has them whole."""
        room = self.width() - _BESIDE_TEXT
        for button in self._buttons:
            whole = button.accessibleName()
            shown = button.fontMetrics().elidedText(whole, Qt.TextElideMode.ElideRight, room)
            button.setText("  " + shown)

    def focus_first(self) -> None:
        """Give the keyboard to the first action that can be done."""
        for button in self._buttons:
            if button.isEnabled():
                button.setFocus(Qt.FocusReason.TabFocusReason)
                return

    def _clear(self) -> None:
        self._buttons = []
        while (item := self._list.takeAt(0)) is not None:
            widget = item.widget()
            if widget is not None:
                widget.hide()
                widget.setObjectName("")
                widget.deleteLater()

    def _add_heading(self, text: str, *, first: bool) -> None:
        heading = label(text.upper(), "caption", wrap=True)
        top = 0 if first else Space.L
        heading.setContentsMargins(Space.S, top, 0, Space.XS)
        self._list.addWidget(heading)

    def _make_button(self, spec: ActionSpec) -> QToolButton:
        button = QToolButton()
        button.setObjectName(spec.object_name)
        button.setProperty("look", "action")
        button.setIcon(icon(spec.icon, _role(spec)))
        button.setIconSize(QSize(18, 18))
        button.setText("  " + spec.text)
        button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        button.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        button.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        button.setAccessibleName(spec.text)
        button.setAccessibleDescription(spec.why_not)
        button.setEnabled(spec.enabled)
        hint = f" ({spec.shortcut})" if spec.shortcut else ""
        button.setToolTip(spec.why_not or spec.text + hint)
        button.clicked.connect(lambda _checked=False, chosen=spec: self._trigger(chosen))
        self._buttons.append(button)
        return button

    @Slot(object)
    def _trigger(self, spec: ActionSpec) -> None:
        self.triggered.emit(spec)
        spec.trigger()

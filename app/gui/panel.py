"""What a panel of the console is, and what it may ask of the window around it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QScrollArea, QScrollBar, QVBoxLayout, QWidget

from app.domain.status import LinkState
from app.gui.theme import Space

if TYPE_CHECKING:
    from datetime import datetime

    from app.domain.errors import SealkeeperError
    from app.gui.actions import ActionSpec
    from app.gui.tasks import Task, TaskRunner

T = TypeVar("T")


class Console(Protocol):
    """What the window offers to its panels."""

    @property
    def tasks(self) -> TaskRunner:
        """The runner for every use case."""
        ...

    def navigate(self, key: str) -> None:
        """Show the node of that key."""
        ...

    def refresh_children(self, key: str) -> None:
        """Ask the node's children provider again, in a task."""
        ...

    def set_node_state(self, key: str, state: LinkState | None) -> None:
        """Show a state dot at a node of the tree."""
        ...

    def show_error(self, error: SealkeeperError) -> None:
        """Open the error dialog."""
        ...

    def dialog_parent(self) -> QWidget:
        """What dialogs belong to."""
        ...


@dataclass(frozen=True, slots=True)
class NodeSpec:
    """One node of the tree.

    Attributes:
        key: stable; a child's begins with its parent's, for example `ca/1/revoked`.
        title: the words in the tree and the breadcrumb.
        icon: name of a bundled icon.
        parent: key of the parent, or "" at the top.
        panel_factory: makes the panel the first time that the node is shown.
        children: Qt-free, called in a task thread; the nodes below this one, in order.
        state: a state dot at the node, or None.
        expanded: whether it is open at first.
    """

    key: str
    title: str
    icon: str
    parent: str
    panel_factory: Callable[[Console], Panel]
    children: Callable[[], Sequence[NodeSpec]] | None = None
    state: LinkState | None = None
    expanded: bool = True


class Panel(QWidget):
    """A page of the result pane.

    Subclasses put content into `body`, and override `actions`, `refresh`, `activated` and
    `deactivated` as needed. `scroll` is for pages of cards; a page with a table fills the pane.

    Signals:
        actions_changed: `actions()` says something new.
        header_changed: title, state, word or time of the last check is new.
    """

    actions_changed = Signal()
    header_changed = Signal()

    def __init__(
        self, console: Console, title: str, *, scroll: bool = True, name: str = ""
    ) -> None:
        super().__init__()
        self.console = console
        self._title = title
        self._state: LinkState | None = None
        self._word = ""
        self._checked_at: datetime | None = None
        self.setObjectName(name or type(self).__name__)
        self.body = QVBoxLayout()
        self.body.setContentsMargins(Space.XL, Space.XS, Space.XL, Space.XL)
        self.body.setSpacing(Space.L - 2)
        if scroll:
            self._wrap()
        else:
            self.setLayout(self.body)

    def _wrap(self) -> None:
        inner = QWidget()
        inner.setProperty("look", "scrolled")
        inner.setLayout(self.body)
        area = QScrollArea()
        area.setWidgetResizable(True)
        area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAsNeeded)
        area.setWidget(inner)
        bar = area.verticalScrollBar()
        bar.rangeChanged.connect(lambda _least, most: self._leave_room(bar, shown=most > 0))
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.addWidget(area)

    def _leave_room(self, bar: QScrollBar, *, shown: bool) -> None:
        """The scroll bar stands in the margin: the cards keep their width and their edge."""
        margins = self.body.contentsMargins()
        margins.setRight(Space.XL - (bar.sizeHint().width() if shown else 0))
        self.body.setContentsMargins(margins)

    # --- header -----------------------------------------------------------------------------

    @property
    def title(self) -> str:
        """The heading of the page."""
        return self._title

    @property
    def state(self) -> LinkState | None:
        """State of what is shown, or None where it has none."""
        return self._state

    @property
    def word(self) -> str:
        """The badge's words, for example `Working`."""
        return self._word

    @property
    def checked_at(self) -> datetime | None:
        """When the state was last looked at; shown as “checked 2 s ago”."""
        return self._checked_at

    def set_header(
        self,
        *,
        title: str | None = None,
        state: LinkState | None = None,
        word: str = "",
        checked_at: datetime | None = None,
    ) -> None:
        """Set badge and time of the check, and the title where it is given."""
        self._title = self._title if title is None else title
        self._state, self._word, self._checked_at = state, word, checked_at
        self.header_changed.emit()

    # --- to override ------------------------------------------------------------------------

    def actions(self) -> Sequence[ActionSpec]:  # type: ignore[override]  # ours are data, not Qt's
        """What can be done here now, first the most likely; groups keep together."""
        return ()

    def refresh(self) -> None:
        """Load again what is shown (F5); also called when the panel is shown first."""

    def activated(self) -> None:
        """The panel has come into view; by default it refreshes."""
        self.refresh()

    def deactivated(self) -> None:
        """The panel has gone out of view; stop timers here."""

    # --- help for subclasses ------------------------------------------------------------------

    def run(
        self,
        label: str,
        function: Callable[..., T],
        *args: object,
        done: Callable[[T], None] | None = None,
        **options: Any,
    ) -> Task:
        """Run a service as a task of this panel; see `TaskRunner.run` for the options."""
        return self.console.tasks.run(label, function, *args, owner=self, done=done, **options)

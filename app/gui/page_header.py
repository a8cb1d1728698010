"""The head of the result pane: breadcrumb, title, state badge, and when it was checked."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QSize, Qt, QTimer
from PySide6.QtWidgets import (
    QHBoxLayout,
    QPushButton,
    QSizePolicy,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from app.domain.status import LinkState
from app.gui.formats import ago, local_time
from app.gui.icons import icon
from app.gui.theme import Role, Space
from app.gui.widgets.basics import ElidedLabel, IconLabel, button, label
from app.gui.widgets.state_badge import StateBadge

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from app.gui.panel import NodeSpec, Panel


class PageHeader(QWidget):
    """Shows where the user is; each part of the breadcrumb is a button."""

    def __init__(self, navigate: Callable[[str], None], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("page_header")
        self._navigate = navigate
        self._panel: Panel | None = None
        self._crumbs = QHBoxLayout()
        self._crumbs.setSpacing(Space.S - 2)
        self.title = ElidedLabel("", "heading")
        self.title.setObjectName("page_title")
        self.badge = StateBadge()
        self.badge.setObjectName("page_badge")
        self.checked = label("", "small")
        self.checked.setObjectName("page_checked")
        self.refresh = QToolButton()
        self.refresh.setObjectName("page_refresh")
        self.refresh.setIcon(icon("refresh"))
        self.refresh.setIconSize(QSize(18, 18))
        self.refresh.setToolTip(self.tr("Refresh (F5)"))
        self.refresh.setAccessibleName(self.tr("Refresh"))
        self._clock = QTimer(self)
        self._clock.setInterval(1000)
        self._clock.timeout.connect(self._tell_time)
        self._build()

    def _build(self) -> None:
        line = QHBoxLayout()
        line.setSpacing(Space.M)
        line.addWidget(self.title)
        line.addWidget(self.badge)
        line.addStretch(1)
        line.addWidget(self.checked)
        line.addWidget(self.refresh)
        column = QVBoxLayout(self)
        column.setContentsMargins(Space.XL, Space.L - 2, Space.XL, Space.S)
        column.setSpacing(Space.XS)
        column.addLayout(self._crumbs)
        column.addLayout(line)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)

    def show_path(self, path: Sequence[NodeSpec]) -> None:
        """Show the way from the top to the node."""
        while (item := self._crumbs.takeAt(0)) is not None:
            widget = item.widget()
            if widget is not None:
                widget.hide()
                widget.deleteLater()
        for number, spec in enumerate(path):
            if number:
                self._crumbs.addWidget(IconLabel("chevron-right", Role.MUTED, 12))
            self._crumbs.addWidget(self._crumb(spec, last=number == len(path) - 1))
        self._crumbs.addStretch(1)

    def _crumb(self, spec: NodeSpec, *, last: bool) -> QPushButton:
        crumb = button(spec.title, f"crumb_{spec.key.replace('/', '_')}", look="crumb")
        crumb.setAccessibleName(self.tr("Go to {node}").format(node=spec.title))
        crumb.setEnabled(not last)
        focus = Qt.FocusPolicy.NoFocus if last else Qt.FocusPolicy.TabFocus
        crumb.setFocusPolicy(focus)
        crumb.clicked.connect(lambda _checked=False, key=spec.key: self._navigate(key))
        return crumb

    def show_panel(self, panel: Panel) -> None:
        """Show title, state and time of a panel; call again when they change."""
        self._panel = panel
        self.title.set_text(panel.title)
        self.badge.set_state(panel.state or LinkState.UNCHECKED, panel.word)
        self._tell_time()
        if panel.checked_at is not None:
            self._clock.start()
        else:
            self._clock.stop()

    def _tell_time(self) -> None:
        moment = self._panel.checked_at if self._panel is not None else None
        if moment is None:
            self.checked.setText("")
            return
        self.checked.setText(self.tr("checked {ago}").format(ago=ago(moment)))
        self.checked.setToolTip(local_time(moment, seconds=True))

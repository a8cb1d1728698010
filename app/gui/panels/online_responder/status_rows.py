"""Lines of state, name and reason: one for each configuration, CA or slot."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from app.domain.status import LinkState
from app.gui.theme import Space, state_roles
from app.gui.widgets.basics import ElidedLabel, IconLabel, button, label
from app.gui.widgets.state_badge import StateBadge

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

#: Longer words stand below the name, so that they need not end in ….
_SHORT = 20


@dataclass(frozen=True, slots=True)
class StatusRow:
    """One line.

    Attributes:
        key: of the node that the name leads to, or "".
        word: of the badge; "" for an icon alone.
        text: a short fact beside the name.
        reason: a sentence below it, or "".
    """

    key: str
    name: str
    state: LinkState
    word: str = ""
    text: str = ""
    reason: str = ""


class StatusRows(QWidget):
    """The lines; rebuilt only where they changed."""

    def __init__(self, name: str, navigate: Callable[[str], None], nothing: str) -> None:
        super().__init__()
        self.setObjectName(name)
        self._navigate = navigate
        self._nothing = nothing
        self._rows: tuple[StatusRow, ...] | None = None
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(Space.S + 2)
        self._column.addWidget(label(self.tr("Looking…"), "muted"))

    def show_rows(self, rows: Sequence[StatusRow]) -> None:
        """Show other lines; none says what is missing."""
        rows = tuple(rows)
        if rows == self._rows:
            return
        self._rows = rows
        while (item := self._column.takeAt(0)) is not None:
            widget = item.widget()
            if widget is not None:
                widget.hide()
                widget.deleteLater()
        for number, row in enumerate(rows):
            self._column.addWidget(self._line(number, row))
        if not rows:
            self._column.addWidget(label(self._nothing, "muted", wrap=True))

    def _line(self, number: int, row: StatusRow) -> QWidget:
        line = QWidget()
        spoken = (row.name, row.word, row.text, row.reason)
        line.setAccessibleName(". ".join(part for part in spoken if part))
        grid = QHBoxLayout(line)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setSpacing(Space.S)
        mark = QVBoxLayout()
        mark.setContentsMargins(0, 3, 0, 0)
        mark.addWidget(IconLabel(row.state.value, state_roles(row.state)[0], 18))
        mark.addStretch(1)
        words = QVBoxLayout()
        words.setSpacing(2)
        head = QHBoxLayout()
        head.setSpacing(Space.S)
        if row.key:
            link = button(
                row.name,
                f"{self.objectName()}_{number}",
                lambda: self._navigate(row.key),
                look="link",
            )
            head.addWidget(link)
        else:
            head.addWidget(label(row.name, "strong"))
        is_long = len(row.word) > _SHORT
        if row.word and not is_long:
            head.addWidget(StateBadge(row.state, row.word))
        if row.text:
            head.addWidget(ElidedLabel(row.text, "small"), 1)
        head.addStretch(0)
        words.addLayout(head)
        if is_long:
            below = QHBoxLayout()
            below.setContentsMargins(Space.XS, 0, 0, 0)
            below.addWidget(StateBadge(row.state, row.word))
            below.addStretch(1)
            words.addLayout(below)
        if row.reason:
            reason = label(row.reason, "muted", wrap=True, selectable=True)
            reason.setContentsMargins(Space.XS, 0, 0, 0)
            words.addWidget(reason)
        grid.addLayout(mark)
        grid.addLayout(words, 1)
        return line

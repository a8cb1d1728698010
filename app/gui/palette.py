"""The command palette (Ctrl+K): every action and every node, found by a few letters."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import cast

from PySide6.QtCore import QEvent, QModelIndex, QObject, QPersistentModelIndex, QSize, Qt
from PySide6.QtGui import QFontMetrics, QKeyEvent, QPainter
from PySide6.QtWidgets import (
    QDialog,
    QHBoxLayout,
    QLineEdit,
    QListWidget,
    QListWidgetItem,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QVBoxLayout,
    QWidget,
)

from app.gui.icons import icon
from app.gui.theme import Role, Space, current_theme
from app.gui.widgets.basics import Card, IconLabel, label

_WIDTH = 600
_ROWS = 9


@dataclass(frozen=True, slots=True)
class Command:
    """An entry: words, where it belongs, icon, what it does, and why it cannot be done now."""

    text: str
    context: str
    icon: str
    trigger: Callable[[], None]
    why_not: str = ""


def fuzzy_score(needle: str, text: str) -> int | None:
    """How well `needle` fits `text`; None when it does not.

    Each letter must begin a word or go on from the letter before, so that `pcrl` finds “Publish
    CRL” and stray letters find nothing. Fewer jumps and earlier words count more.
    """
    letters = needle.casefold().replace(" ", "")
    return _fit(letters, text.casefold(), -1) if letters else 0


def _fit(letters: str, text: str, before: int) -> int | None:
    """The best score for the rest of the letters after the place of the one before."""
    if not letters:
        return 0
    best: int | None = None
    for place in range(before + 1, len(text)):
        runs_on = before >= 0 and place == before + 1
        begins = place == 0 or not text[place - 1].isalnum()
        if text[place] != letters[0] or not (runs_on or begins):
            continue
        rest = _fit(letters[1:], text, place)
        if rest is not None:
            score = rest + (12 if runs_on else 4) - place // 8
            best = score if best is None else max(best, score)
    return best


class _CommandDelegate(QStyledItemDelegate):
    """Paints the words, and at the right, quietly, where they belong."""

    def paint(
        self,
        painter: QPainter,
        option: QStyleOptionViewItem,
        index: QModelIndex | QPersistentModelIndex,
    ) -> None:
        super().paint(painter, option, index)
        theme = current_theme()
        painter.save()
        painter.setFont(theme.font(theme.type.small))
        painter.setPen(theme.color(Role.MUTED))
        words = QFontMetrics(theme.font(theme.type.body)).horizontalAdvance(index.data())
        room = option.rect.adjusted(words + 52, 0, -12, 0)
        shown = painter.fontMetrics().elidedText(
            index.data(Qt.ItemDataRole.UserRole), Qt.TextElideMode.ElideLeft, room.width()
        )
        right = Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight
        painter.drawText(room, right, shown)
        painter.restore()


class CommandPalette(QDialog):
    """Type, choose with the arrows, Return does it. Closes itself first."""

    def __init__(self, commands: Sequence[Command], parent: QWidget) -> None:
        super().__init__(parent, Qt.WindowType.Popup | Qt.WindowType.FramelessWindowHint)
        self.setObjectName("command_palette")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setAccessibleName(self.tr("Command palette"))
        self._commands = tuple(commands)
        self._shown: list[Command] = []
        self.entry = QLineEdit()
        self.entry.setObjectName("palette_entry")
        self.entry.setProperty("look", "palette")
        self.entry.setPlaceholderText(self.tr("What do you want to do?"))
        self.entry.setAccessibleName(self.tr("Search for a command"))
        self.entry.textChanged.connect(self._filter)
        self.entry.installEventFilter(self)
        self.list = QListWidget()
        self.list.setObjectName("palette_list")
        self.list.setAccessibleName(self.tr("Commands"))
        self.list.setIconSize(QSize(18, 18))
        self.list.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.list.setItemDelegate(_CommandDelegate(self.list))
        self.list.itemClicked.connect(self._clicked)
        self._nothing = label(self.tr("Nothing is called that."), "muted")
        self._build()
        self._filter("")
        self._place(parent)

    def _build(self) -> None:
        card = Card()
        line = QHBoxLayout()
        line.setSpacing(Space.S)
        line.addWidget(IconLabel("search", Role.MUTED, 20))
        line.addWidget(self.entry, 1)
        card.body.addLayout(line)
        card.body.addWidget(self.list, 1)
        card.body.addWidget(self._nothing)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.addWidget(card)

    def _place(self, parent: QWidget) -> None:
        width = min(_WIDTH, parent.width() - 2 * Space.XL)
        self.resize(width, 76 + _ROWS * 33)
        corner = parent.mapToGlobal(parent.rect().topLeft())
        self.move(corner.x() + (parent.width() - width) // 2, corner.y() + 88)

    def _filter(self, text: str) -> None:
        scored = [(_score(text, c), c) for c in self._commands]
        found = [(score, c) for score, c in scored if score is not None]
        if text:
            found.sort(key=lambda pair: (bool(pair[1].why_not), -pair[0]))
        self._shown = [command for _score, command in found]
        self.list.clear()
        for command in self._shown:
            self.list.addItem(self._item(command))
        self.list.setCurrentRow(0)
        self.list.setVisible(bool(found))
        self._nothing.setVisible(not found)

    def _item(self, command: Command) -> QListWidgetItem:
        item = QListWidgetItem(icon(command.icon), command.text)
        item.setData(Qt.ItemDataRole.UserRole, command.why_not or command.context)
        item.setToolTip(command.why_not)
        if command.why_not:
            item.setFlags(item.flags() & ~Qt.ItemFlag.ItemIsEnabled)
        return item

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        pressed = event.type() is QEvent.Type.KeyPress and isinstance(event, QKeyEvent)
        if watched is self.entry and pressed and self._key(cast("QKeyEvent", event).key()):
            return True
        return super().eventFilter(watched, event)

    def _key(self, key: int) -> bool:
        steps = {Qt.Key.Key_Down: 1, Qt.Key.Key_Up: -1}
        if key in steps and self._shown:
            row = (self.list.currentRow() + steps[Qt.Key(key)]) % len(self._shown)
            self.list.setCurrentRow(row)
            return True
        if key in {Qt.Key.Key_Return, Qt.Key.Key_Enter}:
            self._do(self.list.currentRow())
            return True
        return False

    def _clicked(self, item: QListWidgetItem) -> None:
        self._do(self.list.row(item))

    def _do(self, row: int) -> None:
        if 0 <= row < len(self._shown) and not self._shown[row].why_not:
            command = self._shown[row]
            self.close()
            command.trigger()


def _score(text: str, command: Command) -> int | None:
    """By its words; a command whose context only fits comes after the others."""
    score = fuzzy_score(text, command.text)
    if score is None and text.casefold() in command.context.casefold():
        return -1000
    return score

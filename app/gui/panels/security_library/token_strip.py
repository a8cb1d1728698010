"""One line about the token below its keys: its memory, and whether keys retire by themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtWidgets import QHBoxLayout, QProgressBar, QWidget

from app.gui.panels.security_library.key_facts import retire_words
from app.gui.theme import Role, Space
from app.gui.widgets.basics import IconLabel, label

if TYPE_CHECKING:
    from app.gui.panels.security_library.key_facts import KeyPage

PER_MILLE = 1000


class TokenStrip(QWidget):
    """Memory as words and, where the token reports both figures, as a bar of what is used."""

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("token_strip")
        self.bar = QProgressBar()
        self.bar.setObjectName("token_memory_bar")
        self.bar.setRange(0, PER_MILLE)
        self.bar.setTextVisible(False)
        self.bar.setFixedWidth(120)
        self.memory = label("", "small", selectable=True)
        self.memory.setObjectName("token_memory")
        self.retiring = label("", "small", wrap=True)
        self.retiring.setObjectName("token_retiring")
        row = QHBoxLayout(self)
        row.setContentsMargins(Space.S, 0, Space.S, 0)
        row.setSpacing(Space.S)
        row.addWidget(IconLabel("chip", Role.MUTED, 16))
        row.addWidget(self.memory)
        row.addWidget(self.bar)
        row.addSpacing(Space.L)
        row.addWidget(IconLabel("clock", Role.MUTED, 16))
        row.addWidget(self.retiring, 1)

    def show_page(self, page: KeyPage) -> None:
        """Say what the token reported."""
        memory = page.memory
        words = self.tr("Token memory: {words}").format(words=memory)
        self.memory.setText(words)
        total, free = memory.total, memory.free
        self.bar.setVisible(bool(total) and free is not None)
        if total and free is not None:
            self.bar.setValue(PER_MILLE * max(total - free, 0) // total)
            self.bar.setAccessibleName(words)
        self.retiring.setText(retire_words(page.settings) if page.settings is not None else "")

"""The mechanism list of a token: what it can do, with key sizes and flags."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QDialog, QFrame, QHBoxLayout, QProgressBar, QVBoxLayout

from app.gui.table_view import TableCard, TableView
from app.gui.tables import Column, ListTableModel
from app.gui.theme import Space
from app.gui.widgets.banner import InlineBanner
from app.gui.widgets.basics import EmptyState, button, label

if TYPE_CHECKING:
    from app.domain.errors import SealkeeperError
    from app.domain.ids import LibraryId
    from app.domain.keys import TokenIdentity
    from app.domain.tokens import Mechanism
    from app.gui.panel import Console
    from app.services.backend import Backend


BOUNDLESS = 2**31 - 1
"""What libraries give for the largest size when there is no bound."""


def size_words(row: Mechanism) -> str:
    """`2048 to 4096`; "" where a mechanism has no keys."""
    if not row.max_size and not row.min_size:
        return ""
    if row.min_size == row.max_size:
        return str(row.min_size)
    if row.max_size >= BOUNDLESS:
        return f"from {row.min_size}"
    return f"{row.min_size} to {row.max_size}"


def flag_words(row: Mechanism) -> str:
    """`generate key pair, sign`."""
    return ", ".join(flag.replace("_", " ") for flag in sorted(row.flags))


COLUMNS: tuple[Column[Mechanism], ...] = (
    Column("name", "Mechanism", lambda row: row.name, width=270, stretch=True),
    Column("size", "Key sizes", size_words, order=lambda row: row.min_size, width=116),
    Column("flags", "Can", flag_words, width=280),
)


class MechanismsDialog(QDialog):
    """Lists a token's mechanisms; the list can be filtered."""

    def __init__(
        self, console: Console, backend: Backend, library_id: LibraryId, token: TokenIdentity
    ) -> None:
        super().__init__(console.dialog_parent())
        title = self.tr("Mechanisms of {label}").format(label=token.label)
        self.setObjectName("mechanisms_dialog")
        self.setWindowTitle(title)
        self.setAccessibleName(title)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.resize(760, 600)
        self._model = ListTableModel(COLUMNS, identity=lambda row: row.code, parent=self)
        self.table = TableView(self._model, "mechanisms_table", title)
        self.banner = InlineBanner("mechanisms_banner")
        self.loading = QProgressBar()
        self._build(title)
        console.tasks.run(
            self.tr("Asking the token {label}").format(label=token.label),
            backend.tokens.mechanisms,
            library_id,
            token,
            owner=self,
            done=self._loaded,
            failed=self._failed,
            quiet=True,
        )

    def _build(self, title: str) -> None:
        self.loading.setRange(0, 0)
        self.loading.setTextVisible(False)
        self.loading.setAccessibleName(self.tr("Asking the token"))
        middle = QVBoxLayout()
        middle.setContentsMargins(Space.XL, Space.XL, Space.XL, Space.L)
        middle.setSpacing(Space.M)
        middle.addWidget(label(title, "title"))
        explained = self.tr(
            "What the token says it can do. Key sizes are in its own unit: bits, or bytes for AES."
        )
        middle.addWidget(label(explained, "muted", wrap=True))
        middle.addWidget(self.loading)
        middle.addWidget(self.banner)
        card = TableCard(self.tr("Mechanisms"), self.table, search=self.tr("Filter"))
        middle.addWidget(card, 1)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.setSpacing(0)
        outer.addLayout(middle, 1)
        outer.addWidget(self._footer())

    def _footer(self) -> QFrame:
        footer = QFrame()
        footer.setProperty("look", "footer")
        row = QHBoxLayout(footer)
        row.setContentsMargins(Space.L, Space.M, Space.L, Space.M)
        row.addStretch(1)
        close = button(self.tr("Close"), "mechanisms_close", self.accept, look="primary")
        close.setDefault(True)
        row.addWidget(close)
        return footer

    def _loaded(self, rows: tuple[Mechanism, ...]) -> None:
        self.loading.hide()
        self.table.set_empty_state(EmptyState("chip", self.tr("The token reports no mechanism.")))
        self._model.set_rows(rows)

    def _failed(self, error: SealkeeperError) -> None:
        self.loading.hide()
        self.banner.show_error(error)

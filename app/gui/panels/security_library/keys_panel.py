"""The page of the key pairs of one token, or of the software store."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from app.domain.status import LinkState
from app.gui.actions import ActionSpec
from app.gui.panel import Console, Panel
from app.gui.panels.security_library.facts import (
    delete_consequence,
    key_facts,
    key_users,
    yes_no,
)
from app.gui.table_view import TableCard, TableView
from app.gui.tables import Align, Column, ListTableModel
from app.gui.widgets.banner import InlineBanner
from app.gui.widgets.basics import EmptyState
from app.gui.widgets.confirm_dialog import ConfirmDialog
from app.gui.widgets.key_values import DetailPane, Fact
from app.services.security_library.keys import KeyOnToken

if TYPE_CHECKING:
    from collections.abc import Sequence

    from app.domain.errors import SealkeeperError
    from app.services.backend import Backend

_MONO = frozenset({"CKA_ID", "SHA-256"})


@dataclass(frozen=True, slots=True)
class KeySource:
    """A store of keys: its title, and how its keys are read on a task thread."""

    title: str
    read: Callable[[], tuple[KeyOnToken, ...]]


COLUMNS: tuple[Column[KeyOnToken], ...] = (
    Column("label", "Label", lambda k: k.description.locator.label or "(no label)",
           icon=lambda _k: "key", width=210, stretch=True),
    Column("algorithm", "Algorithm", lambda k: k.description.locator.algorithm.value, width=98),
    Column("size", "Size", lambda k: str(k.description.locator.bits),
           order=lambda k: k.description.locator.bits, width=54, align=Align.RIGHT),
    Column("used_by", "Used by", lambda k: key_users(k)[1], state=lambda k: key_users(k)[0],
           width=216),
    Column("extractable", "Extractable", lambda k: yes_no(k.description.extractable), width=88),
    Column("sensitive", "Sensitive", lambda k: yes_no(k.description.sensitive), width=78),
)  # fmt: skip


class KeysPanel(Panel):
    """Key pairs with their users; what nobody uses is marked."""

    def __init__(self, console: Console, *, backend: Backend, source: KeySource) -> None:
        super().__init__(console, source.title, scroll=False, name="keys_panel")
        self._backend = backend
        self._source = source
        self.banner = InlineBanner("keys_banner")
        self.model = ListTableModel(COLUMNS, identity=_identity)
        self.view = TableView(self.model, "keys_table", source.title)
        self.view.set_actions(self.actions)
        self.view.set_empty_state(
            EmptyState(
                "key",
                self.tr(
                    "There are no keys here yet. Setting up a certification authority or a "
                    "revocation configuration makes them."
                ),
            )
        )
        self.view.row_selected.connect(self._selected)
        self.detail = DetailPane(self.tr("Select a key pair to see its attributes."))
        card = TableCard(self.tr("Key pairs"), self.view, search=self.tr("Filter"))
        self.body.addWidget(self.banner)
        self.body.addWidget(card, 1)
        self.body.addWidget(self.detail)

    def actions(self) -> Sequence[ActionSpec]:  # type: ignore[override]  # ours are data, not Qt's
        why = "" if self._row() is not None else self.tr("Select a key pair first.")
        return (
            ActionSpec(
                "key.delete",
                self.tr("Delete…"),
                "delete",
                self.tr("Selected key pair"),
                self._ask_delete,
                why_not=why,
                danger=True,
            ),
        )

    def _row(self) -> KeyOnToken | None:
        row: KeyOnToken | None = self.view.selected_row()
        return row

    def refresh(self) -> None:
        self.run(
            self.tr("Reading {title}").format(title=self._source.title),
            self._source.read,
            done=self._loaded,
            failed=self._not_loaded,
            supersede="load",
        )

    def _loaded(self, keys: tuple[KeyOnToken, ...]) -> None:
        self.banner.hide()
        self.model.set_rows(keys)
        if self._row() is None and keys:
            self.view.select_id(_identity(keys[0]))
        orphans = sum(not key.used_by for key in keys)
        if orphans:
            word = self.tr("{count} not used by anything").format(count=orphans)
            self.set_header(state=LinkState.WARNING, word=word)
        elif keys:
            self.set_header(state=LinkState.OK, word=self.tr("All in use"))
        else:
            self.set_header()
        self._selected(self._row())

    def _not_loaded(self, error: SealkeeperError) -> None:
        self.model.set_rows(())
        self.banner.show_error(error)
        self.set_header(state=LinkState.BAD, word=self.tr("Cannot be read"))
        self._selected(None)

    def _selected(self, key: KeyOnToken | None) -> None:
        self.detail.setVisible(self.model.rowCount() > 0)
        if key is None:
            self.detail.clear()
        else:
            state, word = key_users(key)
            facts = [Fact(name, value, mono=name in _MONO) for name, value in key_facts(key)]
            name = key.description.locator.label or self.tr("(no label)")
            self.detail.show_details(
                name, facts, state, word if state is LinkState.WARNING else self.tr("In use")
            )
        self.actions_changed.emit()

    def _ask_delete(self) -> None:
        key = self._row()
        if key is None:
            return
        locator = key.description.locator
        dialog = ConfirmDialog(
            self.tr("Delete the key pair “{label}” for good?").format(label=locator.label),
            delete_consequence(key),
            self.tr("Delete Key Pair"),
            partial(self._delete, key),
            typed=locator.label,
            parent=self.console.dialog_parent(),
        )
        dialog.open()

    def _delete(self, key: KeyOnToken) -> None:
        locator = key.description.locator
        # The question named the users that were known: only those may be left without their key.
        self.run(
            self.tr("Deleting the key {label}").format(label=locator.label),
            partial(
                self._backend.keys.delete,
                locator,
                confirm_label=locator.label,
                even_if_used=bool(key.used_by),
            ),
            done=lambda _none: self._deleted(),
        )

    def _deleted(self) -> None:
        self.console.refresh_children("security_library")
        self.refresh()


def _identity(key: KeyOnToken) -> object:
    return key.description.locator.public_key_sha256 or key.description.locator.cka_id

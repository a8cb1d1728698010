"""The page of the key pairs of one token, or of the software store."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from app.domain.status import LinkState
from app.gui.panel import Console, Panel
from app.gui.panels.security_library.key_actions import KeyActions
from app.gui.panels.security_library.key_facts import (
    KeyPage,
    KeySource,
    algorithm_words,
    key_facts,
    key_state,
    key_users,
    label_words,
    read_page,
    until,
    until_words,
    yes_no,
)
from app.gui.panels.security_library.token_strip import TokenStrip
from app.gui.table_view import TableCard, TableView
from app.gui.tables import Column, ListTableModel
from app.gui.widgets.banner import InlineBanner
from app.gui.widgets.basics import EmptyState
from app.gui.widgets.key_values import DetailPane, Fact

if TYPE_CHECKING:
    from collections.abc import Sequence

    from app.domain.errors import SealkeeperError
    from app.gui.actions import ActionSpec
    from app.services.backend import Backend
    from app.services.security_library.keys import KeyOnToken

__all__ = ["KeySource", "KeysPanel"]

_MONO = frozenset({"CKA_ID", "SHA-256", "Serial number"})
_FIRST = datetime.min.replace(tzinfo=UTC)

COLUMNS: tuple[Column[KeyOnToken], ...] = (
    Column("label", "Label", label_words,
           state=lambda k: LinkState.WARNING if k.label_shared else None, width=116, stretch=True),
    Column("algorithm", "Algorithm", lambda k: algorithm_words(k.description.locator),
           order=lambda k: (k.description.locator.algorithm, k.description.locator.bits),
           width=108),
    Column("used_by", "Used by", lambda k: key_users(k)[1], state=lambda k: key_users(k)[0],
           width=216),
    Column("until", "Certificate until", until_words, order=lambda k: until(k) or _FIRST,
           width=142),
    Column("extractable", "Extractable", lambda k: yes_no(k.description.extractable), width=88),
)  # fmt: skip


class KeysPanel(Panel):
    """Key pairs with their users and certificates; what nobody uses is marked."""

    def __init__(self, console: Console, *, backend: Backend, source: KeySource) -> None:
        super().__init__(console, source.title, scroll=False, name="keys_panel")
        self._backend = backend
        self._source = source
        self.page = KeyPage(())
        self._unread = False
        self.banner = InlineBanner("keys_banner")
        self.model = ListTableModel(COLUMNS, identity=_identity)
        self.view = TableView(self.model, "keys_table", source.title)
        self.view.set_actions(self.actions)
        self._keys = KeyActions(self, backend, source)
        self._show_none()
        self.view.row_selected.connect(self._selected)
        self.view.row_activated.connect(lambda _row: self._keys.show_certificate())
        self.detail = DetailPane(self.tr("Select a key pair to see its attributes."))
        self.strip = TokenStrip()
        self._strip_shown = source.token is not None
        card = TableCard(self.tr("Key pairs"), self.view, search=self.tr("Filter"))
        self.body.addWidget(self.banner)
        self.body.addWidget(card, 1)
        self.body.addWidget(self.strip)
        self.body.addWidget(self.detail)
        self.strip.setVisible(False)

    def actions(self) -> Sequence[ActionSpec]:  # type: ignore[override]  # ours are data, not Qt's
        return self._keys.specs(self.key(), self.page)

    def key(self) -> KeyOnToken | None:
        """The key pair that is selected."""
        row: KeyOnToken | None = self.view.selected_row()
        return row

    def refresh(self) -> None:
        self.run(
            self.tr("Reading {title}").format(title=self._source.title),
            read_page,
            self._backend,
            self._source,
            done=self._loaded,
            failed=self._not_loaded,
            supersede="load",
        )

    def deactivated(self) -> None:
        self.banner.hide()

    def changed(self, state: LinkState | None, sentence: str, more: str = "") -> None:
        """Say above the keys what was done; None says nothing."""
        if state is not None:
            self.banner.show_message(
                state, sentence, more, second=(self.tr("Close"), self.banner.hide)
            )
        self.console.refresh_children("security_library")
        self.refresh()

    def _show_none(self) -> None:
        """What stands in the empty list of a store that was read."""
        self.view.set_empty_state(
            EmptyState(
                "key",
                self.tr(
                    "There are no keys here yet. Setting up a certification authority or a "
                    "revocation configuration makes them."
                ),
                self.tr("Generate Key…"),
                self._keys.generate,
                name="keys_empty",
            )
        )

    def _loaded(self, page: KeyPage) -> None:
        if self._unread:
            self._unread = False
            self._show_none()
        self.page = page
        self.model.set_rows(page.keys)
        self.strip.show_page(page)
        self.strip.setVisible(self._strip_shown)
        if self.key() is None and page.keys:
            self.view.select_id(_identity(page.keys[0]))
        self._show_header(page.keys)
        self._selected(self.key())

    def _show_header(self, keys: Sequence[KeyOnToken]) -> None:
        orphans = sum(not key.certificates for key in keys)
        shared = sum(key.label_shared for key in keys)
        past = sum(not key.why_not_retired for key in keys)
        if orphans:
            word = self.tr("{count} not used by anything").format(count=orphans)
            self.set_header(state=LinkState.WARNING, word=word)
        elif shared:
            word = self.tr("{count} share their label").format(count=shared)
            self.set_header(state=LinkState.WARNING, word=word)
        elif past:
            word = self.tr("{count} can be retired").format(count=past)
            self.set_header(state=LinkState.UNCHECKED, word=word)
        elif keys:
            self.set_header(state=LinkState.OK, word=self.tr("All in use"))
        else:
            self.set_header()

    def _not_loaded(self, error: SealkeeperError) -> None:
        self.page = KeyPage(())
        if not self._unread:
            self._unread = True
            words = self.tr("The keys cannot be read now. The reason stands above.")
            self.view.set_empty_state(EmptyState("key", words))
        self.model.set_rows(())
        self.strip.setVisible(False)
        self.banner.show_error(error)
        self.set_header(state=LinkState.BAD, word=self.tr("Cannot be read"))
        self._selected(None)

    def _selected(self, key: KeyOnToken | None) -> None:
        self.detail.setVisible(self.model.rowCount() > 0)
        if key is None:
            self.detail.clear()
        else:
            facts = [Fact(name, value, mono=name in _MONO) for name, value in key_facts(key)]
            name = key.description.locator.label or self.tr("(no label)")
            self.detail.show_details(name, facts, *key_state(key, datetime.now(UTC)))
        self.actions_changed.emit()


def _identity(key: KeyOnToken) -> object:
    locator = key.description.locator
    return locator.public_key_sha256, locator.cka_id

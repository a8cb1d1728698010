"""The page of the key storage providers and the legacy providers, as `ALG#provider`."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from app.domain.status import LinkState
from app.gui.actions import ActionSpec
from app.gui.panel import Console, Panel
from app.gui.panels.security_library.legacy_dialog import LegacyDialog
from app.gui.panels.security_library.provider_facts import (
    LegacyChoice,
    ProviderList,
    legacy_choices,
    note,
    note_state,
    provider_facts,
    provider_list,
    restart_services,
    restart_words,
)
from app.gui.table_view import TableCard, TableView
from app.gui.tables import Column, ListTableModel
from app.gui.widgets.banner import InlineBanner
from app.gui.widgets.basics import EmptyState
from app.gui.widgets.confirm_dialog import ConfirmDialog
from app.gui.widgets.key_values import DetailPane, Fact
from app.services.security_library.providers import ProviderKind, ProviderRecord

if TYPE_CHECKING:
    from collections.abc import Sequence

    from app.domain.libraries import Library
    from app.domain.services import ServiceName
    from app.services.backend import Backend
    from app.services.security_library.legacy import LegacyRegistration

COLUMNS: tuple[Column[ProviderRecord], ...] = (
    Column("entry", "Provider", lambda r: str(r.entry), icon=lambda _r: "provider", width=320,
           stretch=True),
    Column("kind", "Kind", lambda r: r.kind.value, width=148),
    Column("note", "Note", note, state=note_state, width=116),
)  # fmt: skip


class ProvidersPanel(Panel):
    """What keys can be made with; a banner names libraries that could not be asked."""

    def __init__(self, console: Console, *, backend: Backend) -> None:
        super().__init__(console, "Providers", scroll=False, name="providers_panel")
        self._backend = backend
        self._found = ProviderList((), (), ())
        self.banner = InlineBanner("providers_banner")
        self.told = InlineBanner("providers_told")
        self.model = ListTableModel(COLUMNS, identity=lambda record: str(record.entry))
        self.view = TableView(self.model, "providers_table", self.tr("Providers"))
        self.view.set_actions(self.actions)
        self.view.set_empty_state(EmptyState("provider", self.tr("The providers are being asked.")))
        self.view.row_selected.connect(self._selected)
        self.detail = DetailPane(self.tr("Select a provider to see its names."), columns=1)
        card = TableCard(self.tr("Providers"), self.view, search=self.tr("Filter"))
        self.body.addWidget(self.told)
        self.body.addWidget(self.banner)
        self.body.addWidget(card, 1)
        self.body.addWidget(self.detail)

    def actions(self) -> Sequence[ActionSpec]:  # type: ignore[override]  # ours are data, not Qt's
        record = self._record()
        is_legacy = record is not None and record.kind is ProviderKind.LEGACY
        return (
            ActionSpec(
                "provider.register_legacy",
                self.tr("Register Legacy Provider…"),
                "add",
                self.tr("Providers"),
                self._register,
                why_not=""
                if self._found.candidates
                else self.tr(
                    "No library with a registered slot is without a registered legacy provider."
                ),
            ),
            ActionSpec(
                "provider.unregister_legacy",
                self.tr("Unregister"),
                "delete",
                self.tr("Selected provider"),
                self._ask_unregister,
                why_not="" if is_legacy else self.tr("Select a legacy provider first."),
                danger=True,
            ),
        )

    def _record(self) -> ProviderRecord | None:
        record: ProviderRecord | None = self.view.selected_row()
        return record

    def refresh(self) -> None:
        self.run(
            self.tr("Asking the providers"),
            provider_list,
            self._backend,
            done=self._loaded,
            supersede="load",
        )

    def deactivated(self) -> None:
        self.told.hide()

    def _loaded(self, found: ProviderList) -> None:
        self._found = found
        self.model.set_rows(found.rows)
        if self._record() is None and found.rows:
            self.view.select_id(str(found.rows[0].entry))
        self._selected(self._record())
        if not found.problems:
            self.banner.hide()
            self.set_header()
            return
        vendors = ", ".join(vendor for vendor, _sentence in found.problems)
        state = LinkState.BAD if found.silent else LinkState.WARNING
        self.banner.show_message(
            state,
            self.tr("Algorithms of {vendors} may be missing from this list.").format(
                vendors=vendors
            )
            if found.silent
            else self.tr("The providers of {vendors} are not listed.").format(vendors=vendors),
            "\n".join(f"{vendor}: {sentence}" for vendor, sentence in found.problems),
        )
        word = self.tr("A library does not answer")
        self.set_header(
            state=state, word=word if found.silent else self.tr("A library is disabled")
        )

    def _selected(self, record: ProviderRecord | None) -> None:
        self.detail.setVisible(self.model.rowCount() > 0)
        if record is None:
            self.detail.clear()
        else:
            facts = [Fact(name, value) for name, value in provider_facts(record)]
            word = self.tr("Out of date") if record.outdated else ""
            self.detail.show_details(str(record.entry), facts, note_state(record), word)
        self.actions_changed.emit()

    # --- legacy providers ---------------------------------------------------------------------

    def _register(self) -> None:
        self.run(
            self.tr("Reading the registered slots"),
            legacy_choices,
            self._backend,
            self._found.candidates,
            done=self._open,
        )

    def _open(self, choices: tuple[LegacyChoice, ...]) -> None:
        if not choices:  # unregistered elsewhere since the list was read
            self.refresh()
            return
        dialog = LegacyDialog(self.console, self._backend, choices)
        dialog.completed.connect(self._registered)
        dialog.open()

    def _registered(self, made: LegacyRegistration) -> None:
        self._tell(made, self.tr("{provider} was registered."))

    def _ask_unregister(self) -> None:
        record = self._record()
        if record is None or record.library is None:
            return
        dialog = ConfirmDialog(
            self.tr("Unregister {provider}?").format(provider=record.entry.provider),
            self.tr(
                "It disappears from the lists, and templates that name it get no keys any more. "
                "Keys that were made with it stay usable."
            ),
            self.tr("Unregister"),
            partial(self._unregister, record.library),
            parent=self.console.dialog_parent(),
        )
        dialog.open()

    def _unregister(self, library: Library) -> None:
        self.run(
            self.tr("Unregistering the legacy provider"),
            self._backend.providers.unregister_legacy,
            library.id,
            done=lambda made: self._tell(made, self.tr("{provider} was unregistered.")),
        )

    def _tell(self, made: LegacyRegistration, sentence: str) -> None:
        restart = (self.tr("Restart Services"), partial(self._restart, made.restart))
        self.told.show_message(
            LinkState.WARNING if made.restart else LinkState.OK,
            sentence.format(provider=made.provider),
            restart_words(made),
            action=restart if made.restart else None,
            second=(self.tr("Close"), self.told.hide),
        )
        self.refresh()

    def _restart(self, names: tuple[ServiceName, ...]) -> None:
        self.run(
            self.tr("Restarting services"),
            restart_services,
            self._backend,
            names,
            done=self._restarted,
        )

    def _restarted(self, names: tuple[ServiceName, ...]) -> None:
        words = self.tr("Restarted: {names}.").format(names=", ".join(map(str, names)))
        self.told.show_message(LinkState.OK, words, second=(self.tr("Close"), self.told.hide))

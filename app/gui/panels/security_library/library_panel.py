"""The page of the registered security libraries and the slots that they report."""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.domain.status import LinkState
from app.gui.actions import ActionSpec
from app.gui.panel import Console, Panel
from app.gui.panels.security_library.facts import LibraryRow, SlotRow, library_rows
from app.gui.panels.security_library.library_actions import LibraryActions
from app.gui.panels.security_library.library_facts import (
    LIBRARY_COLUMNS,
    WIDE_FACTS,
    library_facts,
    library_state,
)
from app.gui.panels.security_library.library_wizard import found_libraries, library_wizard
from app.gui.panels.security_library.slot_pages import slot_columns
from app.gui.panels.security_library.slot_wizard import open_slot_wizard, wizard_start
from app.gui.panels.security_library.token_dialog import InitialiseTokenDialog
from app.gui.table_view import TableCard, TableView
from app.gui.tables import ListTableModel
from app.gui.widgets.banner import InlineBanner
from app.gui.widgets.basics import EmptyState
from app.gui.widgets.key_values import DetailPane, Fact

if TYPE_CHECKING:
    from collections.abc import Sequence

    from app.domain.libraries import Library
    from app.domain.tokens import SlotFacts
    from app.gui.panels.security_library.slot_wizard import SlotWizardStart
    from app.services.backend import Backend
    from app.services.security_library.found_libraries import FoundLibrary

ROOT = "security_library"
_HEADER = 36
_ROW = 34
_LISTED = 3


class LibraryPanel(Panel):
    """Registered libraries above, the selected one's slots and facts below."""

    def __init__(self, console: Console, *, backend: Backend) -> None:
        super().__init__(console, "Security Library", scroll=False, name="library_panel")
        self._backend = backend
        self._rows: tuple[LibraryRow, ...] = ()
        self._fresh_token = ""
        self._told: tuple[LinkState, str, str] | None = None
        self._one = LibraryActions(self, backend, self._tell, self._registered)
        self.banner = InlineBanner("library_banner")
        self.model = ListTableModel(LIBRARY_COLUMNS, identity=lambda row: row.library.id)
        self.view = TableView(self.model, "library_table", self.tr("Registered libraries"))
        self.view.setMinimumHeight(_HEADER + _ROW)
        self.view.set_actions(self.actions)
        self.view.set_empty_state(
            EmptyState(
                "library",
                self.tr(
                    "No security library is registered yet. Register the PKCS#11 library of your "
                    "HSM's client software first."
                ),
                self.tr("Register Security Library…"),
                self._register,
                name="library_empty",
            )
        )
        self.view.row_selected.connect(self._selected)
        self.slot_model = ListTableModel(slot_columns(), identity=_slot_identity)
        self.slot_view = TableView(self.slot_model, "library_slots", self.tr("Slots"))
        self.slot_view.setMinimumHeight(110)
        self.slot_view.row_selected.connect(lambda _row: self.actions_changed.emit())
        self.slot_view.set_empty_state(
            EmptyState("slot", self.tr("This library reports no slots."))
        )
        self.slots_card = TableCard(self.tr("Slots"), self.slot_view)
        self.detail = DetailPane(self.tr("Select a library to see what it says of itself."))
        self.body.addWidget(self.banner)
        self.libraries_card = TableCard(self.tr("Registered libraries"), self.view)
        self.body.addWidget(self.libraries_card, 2)
        self.body.addWidget(self.detail)
        self.body.addWidget(self.slots_card, 3)
        self._selected(None)

    def actions(self) -> Sequence[ActionSpec]:  # type: ignore[override]  # ours are data, not Qt's
        return (*self._general_actions(), *self._one.specs(self.view.selected_row()))

    def _general_actions(self) -> tuple[ActionSpec, ...]:
        none = "" if self._rows else self.tr("Register a security library first.")
        blank = "" if self._blanks() else self.tr("No slot of a library holds a blank token.")
        group = self.tr("Security Library")
        return (
            ActionSpec(
                "library.register",
                self.tr("Register Security Library…"),
                "add",
                group,
                self._register,
                primary=not self._rows,
            ),
            ActionSpec(
                "library.register_slot",
                self.tr("Register HSM Slots…"),
                "slot",
                group,
                self._register_slot,
                why_not=none,
                primary=bool(self._rows),
            ),
            ActionSpec(
                "library.initialise_token",
                self.tr("Initialise Token…"),
                "chip",
                group,
                self._initialise,
                why_not=none or blank,
            ),
        )

    def refresh(self) -> None:
        self.run(
            self.tr("Asking the security libraries"),
            library_rows,
            self._backend,
            done=self._loaded,
            supersede="load",
        )

    def _loaded(self, rows: tuple[LibraryRow, ...]) -> None:
        self._rows = rows
        self.model.set_rows(rows)
        self.view.setMinimumHeight(_HEADER + _ROW * max(1, min(len(rows), _LISTED)))
        if self.view.selected_row() is None and rows:
            self.view.select_id(rows[0].library.id)
        self._selected(self.view.selected_row())
        bad = [row for row in rows if library_state(row)[0] is LinkState.BAD]
        if bad:
            self.set_header(state=LinkState.BAD, word=self.tr("A library does not answer"))
        elif rows:
            self.set_header(state=LinkState.OK, word=self.tr("Registered"))
        else:
            self.set_header()
        self._next_step()

    def deactivated(self) -> None:
        self._fresh_token = ""
        self._told = None

    def _tell(self, state: LinkState, sentence: str, more: str) -> None:
        """Say what was done, until the page is left or it is closed."""
        self._told = (state, sentence, more)
        self.refresh()

    def _close_banner(self) -> None:
        self._told = None
        self._next_step()

    def _next_step(self) -> None:
        if self._told is not None:
            close = (self.tr("Close"), self._close_banner)
            self.banner.show_message(*self._told, second=close)
        elif self._fresh_token:
            self.banner.show_message(
                LinkState.OK,
                self.tr("The token “{label}” was initialised.").format(label=self._fresh_token),
                self.tr("Register its slot next."),
                action=(self.tr("Register HSM Slots…"), self._register_slot),
            )
        elif self._rows and not any(row.registrations for row in self._rows):
            self.banner.show_message(
                None,
                self.tr("No slot is registered yet."),
                self.tr("Register the slot of your token for yourself and for the services."),
                action=(self.tr("Register HSM Slots…"), self._register_slot),
            )
        else:
            self.banner.hide()

    def _selected(self, row: LibraryRow | None) -> None:
        self.detail.setVisible(bool(self._rows))
        self.slots_card.setVisible(row is not None and not row.problem)
        if row is None:
            self.detail.clear()
            self.slot_model.set_rows(())
        else:
            facts = [
                Fact(name, value, wide=name in WIDE_FACTS)
                for name, value in library_facts(row, self._backend)
            ]
            self.detail.show_details(row.library.vendor, facts, *library_state(row))
            self.slot_model.set_rows(row.slots)
        self.actions_changed.emit()

    def _blanks(self) -> list[SlotRow]:
        chosen: SlotRow | None = self.slot_view.selected_row()
        blanks = [slot for row in self._rows for slot in row.slots if slot.is_blank]
        return sorted(blanks, key=lambda slot: slot is not chosen)

    # --- what can be done ---------------------------------------------------------------------

    def _register(self) -> None:
        self.run(
            self.tr("Looking for libraries"),
            found_libraries,
            self._backend,
            done=self._open_library,
        )

    def _open_library(self, found: tuple[FoundLibrary, ...]) -> None:
        wizard = library_wizard(self.console, self._backend, found)
        wizard.completed.connect(self._registered)
        wizard.open()

    def _registered(self, _library: Library) -> None:
        self.console.refresh_children(ROOT)
        self.refresh()

    def _register_slot(self) -> None:
        self.run(
            self.tr("Reading registrations"), wizard_start, self._backend, done=self._open_slots
        )

    def _open_slots(self, start: SlotWizardStart) -> None:
        wizard = open_slot_wizard(self.console, self._backend, start)
        wizard.completed.connect(self._slot_registered)

    def _slot_registered(self, _made: object) -> None:
        self._fresh_token = ""
        self.refresh()

    def _initialise(self) -> None:
        dialog = InitialiseTokenDialog(self.console, self._backend, self._blanks())
        dialog.completed.connect(self._initialised)
        dialog.open()

    def _initialised(self, slot: SlotFacts) -> None:
        self._fresh_token = slot.token.label if slot.token is not None else ""
        self.refresh()


def _slot_identity(row: SlotRow) -> object:
    return row.token or (row.slot.slot_id if row.slot is not None else None)

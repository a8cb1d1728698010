"""The first pages of the slot registration wizard: the library and the slot."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from PySide6.QtWidgets import QHBoxLayout

from app.gui.forms import check_box, combo
from app.gui.panels.security_library.facts import SlotRow, sheet_facts, slot_state
from app.gui.panels.security_library.slot_start import SlotChecks, slot_checks
from app.gui.panels.security_library.token_dialog import InitialiseTokenDialog
from app.gui.table_view import TableView
from app.gui.tables import Column, ListTableModel
from app.gui.theme import Space
from app.gui.widgets.basics import Card, EmptyState, button, label
from app.gui.widgets.key_values import Fact, KeyValueGrid
from app.gui.wizard import AsyncCheck, FieldError, WizardPage

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from app.domain.libraries import Library
    from app.gui.panel import Console
    from app.gui.panels.security_library.slot_start import SlotWizardStart
    from app.services.backend import Backend


class LibraryPage(WizardPage):
    """Which library; Next asks it for its slots."""

    def __init__(self, start: SlotWizardStart, slots: Callable[[Library], tuple[SlotRow, ...]]):
        super().__init__("Security library", "The registered library that reaches the HSM.")
        self._start = start
        self._slots = slots
        self.rows: tuple[SlotRow, ...] = ()

    def build(self) -> None:
        libraries = self._start.libraries
        self.choice = combo("slot_library", [(each.vendor, each.id) for each in libraries])
        self.choice.currentIndexChanged.connect(self._show)
        self.form.add_row(self.tr("Library"), self.choice)
        card = Card()
        self.facts = KeyValueGrid()
        card.body.addWidget(self.facts)
        self.form.add_wide(card)
        self._show(0)

    def library(self) -> Library:
        """The chosen library."""
        return self._start.libraries[self.choice.currentIndex()]

    def _show(self, _index: int) -> None:
        library = self.library()
        info = library.info
        self.facts.set_facts(
            (
                Fact(self.tr("Library file"), library.spec.path),
                Fact(self.tr("Description"), f"{info.description} {info.library_version}"),
                Fact(self.tr("Manufacturer"), info.manufacturer),
                Fact(self.tr("Provider"), library.provider_name),
            )
        )

    def validate(self) -> AsyncCheck:
        return AsyncCheck(
            self.tr("Reading the slots"), self._slots, (self.library(),), done=self._read
        )

    def _read(self, rows: tuple[SlotRow, ...]) -> None:
        self.rows = rows

    def reader(self) -> Callable[[], tuple[SlotRow, ...]]:
        """Reads the slots of the chosen library again; for a task thread."""
        return partial(self._slots, self.library())

    def values(self) -> dict[str, Any]:
        return {"library_id": self.library().id}


def slot_columns() -> tuple[Column[SlotRow], ...]:
    """The facts of a slot, as the vendor's tools list them."""
    return (
        Column("token", "Token label", lambda r: r.title, icon=lambda _r: "chip", width=136),
        Column("serial", "Serial", lambda r: r.serial, width=140, mono=True),
        Column(
            "state",
            "State",
            lambda r: slot_state(r)[1],
            state=lambda r: slot_state(r)[0],
            width=132,
        ),
        Column("slot", "Slot id", lambda r: r.slot_id, width=100),
        Column("model", "Model, firmware", lambda r: r.model, width=130),
        Column("description", "Description", lambda r: r.description, width=120, stretch=True),
    )


class SlotPage(WizardPage):
    """Which slot; blank tokens can be initialised from here."""

    def __init__(
        self,
        library_page: LibraryPage,
        console: Console,
        backend: Backend,
        start: SlotWizardStart,
    ) -> None:
        super().__init__("Slot", "The token is remembered by serial and label, not by slot id.")
        self._library_page = library_page
        self._console = console
        self._backend = backend
        self._start = start
        self.checks = SlotChecks((), "")

    def build(self) -> None:
        self.model = ListTableModel(slot_columns(), identity=_slot_id)
        self.view = TableView(self.model, "slot_list", self.tr("Slots of the library"))
        self.view.setSelectionMode(TableView.SelectionMode.SingleSelection)
        self.view.setMinimumHeight(180)
        self.view.set_empty_state(
            EmptyState("slot", self.tr("The library reports no slot with a token."))
        )
        self.view.row_selected.connect(self._selected)
        self.show_empty = check_box("slot_show_empty", self.tr("Show empty slots"))
        self.show_empty.toggled.connect(self._fill)
        self.initialise = button(
            self.tr("Initialise Token…"), "slot_initialise", self._initialise, icon_name="add"
        )
        self.card = Card()
        self.card.setObjectName("slot_card")
        self.card.body.addWidget(self.view)
        self.form.add_wide(self.card)
        line = QHBoxLayout()
        line.setSpacing(Space.M)
        line.addWidget(self.show_empty)
        line.addStretch(1)
        line.addWidget(self.initialise)
        self.body.addLayout(line)
        self.details = Card()
        self.facts = KeyValueGrid(columns=2)
        self.details.body.addWidget(self.facts)
        self.details.body.addWidget(
            label(
                self.tr(
                    "Not reported: neither the token nor the client's configuration tells it. "
                    "Rest the pointer on a value to see what does."
                ),
                "small",
                wrap=True,
            )
        )
        self.details.hide()
        self.body.addWidget(self.details)
        self.body.addStretch(1)

    def entered(self) -> None:
        self._fill()

    def chosen(self) -> SlotRow | None:
        """The selected slot."""
        row: SlotRow | None = self.view.selected_row()
        return row

    def _fill(self, _on: bool = False) -> None:
        rows = self._library_page.rows
        shown = rows if self.show_empty.isChecked() else [r for r in rows if not r.is_empty]
        self.model.set_rows(shown)
        self.initialise.setVisible(any(row.is_blank for row in rows))
        tokens = [row for row in shown if row.token is not None]
        if self.chosen() is None and len(tokens) == 1:
            self.view.select_id(_slot_id(tokens[0]))

    def _selected(self, row: SlotRow | None) -> None:
        self.details.setVisible(row is not None)
        self.form.set_error(self.card, "")
        if row is not None:
            self.facts.set_facts(
                [Fact(name, value, tip=source) for name, value, source in sheet_facts(row)]
            )

    def _initialise(self) -> None:
        blanks = [row for row in self._library_page.rows if row.is_blank]
        chosen = self.chosen()
        if chosen is not None and chosen.is_blank:
            blanks = [chosen, *(row for row in blanks if row is not chosen)]
        dialog = InitialiseTokenDialog(self._console, self._backend, blanks)
        dialog.setParent(self, dialog.windowFlags())
        dialog.completed.connect(lambda _slot: self._reread())
        dialog.open()

    def _reread(self) -> None:
        self._console.tasks.run(
            self.tr("Reading the slots"),
            self._library_page.reader(),
            owner=self,
            done=self._take,
            quiet=True,
        )

    def _take(self, rows: tuple[SlotRow, ...]) -> None:
        known = {row.token for row in self._library_page.rows}
        self._library_page.rows = rows
        self._fill()
        fresh = [row for row in rows if row.token is not None and row.token not in known]
        if fresh:
            self.view.select_id(_slot_id(fresh[0]))

    def validate(self) -> FieldError | AsyncCheck:
        row = self.chosen()
        if row is None:
            return FieldError(self.card, self.tr("Select the slot to register."))
        if row.is_empty:
            return FieldError(self.card, self.tr("There is no token in this slot. Select another."))
        if row.token is None:
            return FieldError(self.card, self.tr("This token is blank. Initialise it first."))
        return AsyncCheck(
            self.tr("Looking at the slot"),
            slot_checks,
            (self._backend, row, self._start.services[0]),
            done=self._checked,
        )

    def _checked(self, checks: SlotChecks) -> None:
        self.checks = checks

    def summary(self) -> Sequence[tuple[str, str]]:
        row = self.chosen()
        if row is None or row.token is None:
            return ()
        return (
            (self.tr("Token"), f"{row.token.label}, serial {row.token.serial}"),
            (self.tr("Slot"), f"{row.slot_id} of {row.library.vendor}"),
        )

    def values(self) -> dict[str, Any]:
        row = self.chosen()
        return {"token": row.token if row is not None else None}


def _slot_id(row: SlotRow) -> object:
    return row.slot.slot_id if row.slot is not None else row.token

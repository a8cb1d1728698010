"""The page of the registered HSM slots: who may open which token, and whether it can be opened."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from app.domain.status import LinkState
from app.gui.actions import ActionSpec
from app.gui.formats import local_time
from app.gui.panel import Console, Panel
from app.gui.panels.security_library.facts import (
    SlotRow,
    registered_rows,
    slot_facts,
    slot_state,
    test_words,
)
from app.gui.panels.security_library.slot_wizard import open_slot_wizard, wizard_start
from app.gui.panels.security_library.token_dialog import SlotPasswordDialog
from app.gui.table_view import TableCard, TableView
from app.gui.tables import Column, ListTableModel
from app.gui.widgets.banner import InlineBanner
from app.gui.widgets.basics import EmptyState
from app.gui.widgets.confirm_dialog import ConfirmDialog
from app.gui.widgets.key_values import DetailPane, Fact

if TYPE_CHECKING:
    from collections.abc import Sequence

    from app.domain.errors import SealkeeperError
    from app.domain.libraries import SlotRegistration
    from app.gui.panels.security_library.slot_wizard import SlotWizardStart
    from app.services.backend import Backend
    from app.services.security_library.slots import SlotTest

ROOT = "security_library"

COLUMNS: tuple[Column[SlotRow], ...] = (
    Column("token", "Token label", lambda r: r.title, icon=lambda _r: "chip", width=112),
    Column("account", "Registered for", lambda r: r.registered_for[0], width=174, stretch=True),
    Column("state", "PIN", lambda r: slot_state(r)[1], state=lambda r: slot_state(r)[0], width=136),
    Column("serial", "Serial", lambda r: r.serial, width=148, mono=True),
    Column("model", "Model, firmware", lambda r: r.model, width=130),
    Column("slot", "Slot id", lambda r: r.slot_id, width=76),
)


class SlotsPanel(Panel):
    """Registered slots with their detail; a test's result stands above them."""

    def __init__(self, console: Console, *, backend: Backend) -> None:
        super().__init__(console, "HSM Slots", scroll=False, name="slots_panel")
        self._backend = backend
        self.banner = InlineBanner("slots_banner")
        self.model = ListTableModel(COLUMNS, identity=_identity)
        self.view = TableView(self.model, "slots_table", self.tr("Registered slots"))
        self.view.set_actions(self.actions)
        self.view.set_empty_state(
            EmptyState(
                "slot",
                self.tr(
                    "No slot is registered yet. Register the slot of your token for yourself and "
                    "for the services, so that keys can be made in it."
                ),
                self.tr("Register HSM Slots…"),
                self.register,
                name="slots_empty",
            )
        )
        self.view.row_selected.connect(self._selected)
        self.detail = DetailPane(self.tr("Select a slot to see its token."))
        self.body.addWidget(self.banner)
        card = TableCard(self.tr("Registered slots"), self.view, search=self.tr("Filter"))
        self.body.addWidget(card, 1)
        self.body.addWidget(self.detail)

    def actions(self) -> Sequence[ActionSpec]:  # type: ignore[override]  # ours are data, not Qt's
        why = "" if self._row() is not None else self.tr("Select a registered slot first.")
        group, one = self.tr("HSM Slots"), self.tr("Selected slot")
        return (
            ActionSpec(
                "slot.register",
                self.tr("Register HSM Slots…"),
                "add",
                group,
                self.register,
                primary=True,
            ),
            ActionSpec("slot.test", self.tr("Test Slot"), "test", one, self._test, why_not=why),
            ActionSpec(
                "slot.password",
                self.tr("Enter Slot Password…"),
                "password",
                one,
                self._enter_password,
                why_not=why or self._no_password(),
            ),
            ActionSpec(
                "slot.delete",
                self.tr("Delete"),
                "delete",
                one,
                self._ask_delete,
                why_not=why,
                danger=True,
            ),
        )

    def _no_password(self) -> str:
        row = self._row()
        if row is not None and row.slot is not None and row.slot.protected_authentication_path:
            return self.tr("This token asks for its PIN on its own pad.")
        return ""

    def _row(self) -> SlotRow | None:
        row: SlotRow | None = self.view.selected_row()
        return row

    def refresh(self) -> None:
        self.run(
            self.tr("Asking the tokens"),
            registered_rows,
            self._backend,
            done=self._loaded,
            supersede="load",
        )

    def deactivated(self) -> None:
        self.banner.hide()

    def _loaded(self, rows: tuple[SlotRow, ...]) -> None:
        self.model.set_rows(rows)
        if self.view.selected_row() is None and rows:
            self.view.select_id(_identity(rows[0]))
        states = {slot_state(row)[0] for row in rows}
        if LinkState.BAD in states:
            self.set_header(state=LinkState.BAD, word=self.tr("A slot cannot be opened"))
        elif LinkState.WARNING in states:
            self.set_header(state=LinkState.WARNING, word=self.tr("Look at the PIN"))
        elif rows:
            self.set_header(state=LinkState.OK, word=self.tr("Ready"))
        else:
            self.set_header()
        self._selected(self._row())

    def _selected(self, row: SlotRow | None) -> None:
        self.detail.setVisible(self.model.rowCount() > 0)
        if row is None or row.registration is None:
            self.detail.clear()
        else:
            pairs = list(slot_facts(row))
            refused = row.registration.pin_refused_at
            pairs.append((self.tr("Registered"), local_time(row.registration.registered_at)))
            if refused is not None:
                pairs.append((self.tr("Password refused"), local_time(refused)))
            facts = [Fact(name, value) for name, value in pairs if name != "Token label"]
            self.detail.show_details(row.title, facts, *slot_state(row))
        self.actions_changed.emit()

    # --- what can be done ---------------------------------------------------------------------

    def register(self) -> None:
        """Open the wizard, once what it starts from is read."""
        self.run(self.tr("Reading registrations"), wizard_start, self._backend, done=self._open)

    def _open(self, start: SlotWizardStart) -> None:
        if not start.libraries:
            self.banner.show_message(
                LinkState.WARNING,
                self.tr("No security library is registered yet."),
                self.tr("The library is the way to the HSM's slots: register it first."),
                action=(self.tr("Security Library"), partial(self.console.navigate, ROOT)),
            )
            return
        wizard = open_slot_wizard(self.console, self._backend, start)
        wizard.completed.connect(lambda _made: self.refresh())

    def _test(self) -> None:
        row = self._row()
        if row is None or row.registration is None:
            return
        self.banner.hide()
        self.run(
            self.tr("Testing the slot {label}").format(label=row.title),
            self._backend.slots.test,
            row.registration.id,
            done=self._tested,
            failed=self._test_failed,
            supersede="test",
        )

    def _tested(self, test: SlotTest) -> None:
        state, sentence, more = test_words(test)
        self.banner.show_message(state, sentence, more, second=(self.tr("Close"), self.banner.hide))
        self.refresh()

    def _test_failed(self, error: SealkeeperError) -> None:
        self.banner.show_error(error)
        self.refresh()

    def _enter_password(self) -> None:
        row = self._row()
        if row is None:
            return
        dialog = SlotPasswordDialog(self.console, self._backend, row)
        dialog.completed.connect(self._password_stored)
        dialog.open()

    def _password_stored(self, registration: SlotRegistration) -> None:
        self.banner.show_message(
            LinkState.OK,
            self.tr("The slot password of “{label}” was stored for {account}.").format(
                label=registration.token.label, account=registration.account
            ),
            second=(self.tr("Close"), self.banner.hide),
        )
        self.refresh()

    def _ask_delete(self) -> None:
        row = self._row()
        if row is None or row.registration is None:
            return
        account = row.registration.account
        dialog = ConfirmDialog(
            self.tr("Delete the registration of “{label}” for {account}?").format(
                label=row.title, account=account
            ),
            self.tr(
                "{account} cannot use the keys of this token any more; services that run as it "
                "stop signing. The token and its keys stay as they are."
            ).format(account=account),
            self.tr("Delete"),
            partial(self._delete, row.registration),
            parent=self.console.dialog_parent(),
        )
        dialog.open()

    def _delete(self, registration: SlotRegistration) -> None:
        self.run(
            self.tr("Deleting the registration"),
            self._backend.slots.unregister,
            registration.id,
            done=lambda _none: self._deleted(),
        )

    def _deleted(self) -> None:
        self.console.refresh_children(ROOT)
        self.refresh()


def _identity(row: SlotRow) -> object:
    return row.registration.id if row.registration is not None else row.token

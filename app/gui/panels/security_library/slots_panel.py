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
    sheet_facts,
    slot_facts,
    slot_remedy,
    slot_state,
    test_words,
)
from app.gui.panels.security_library.slot_dialogs import (
    LanesDialog,
    RebindDialog,
    SlotPasswordDialog,
)
from app.gui.panels.security_library.slot_wizard import open_slot_wizard, wizard_start
from app.gui.table_view import TableCard, TableView
from app.gui.tables import Column, ListTableModel
from app.gui.widgets.banner import InlineBanner
from app.gui.widgets.basics import EmptyState
from app.gui.widgets.confirm_dialog import ConfirmDialog
from app.gui.widgets.key_values import DetailPane, Fact
from app.services.security_library.exposure import RECOMMENDATION

if TYPE_CHECKING:
    from collections.abc import Sequence

    from app.domain.errors import SealkeeperError
    from app.domain.libraries import SlotRegistration
    from app.gui.panels.security_library.slot_wizard import SlotWizardStart
    from app.services.backend import Backend
    from app.services.security_library.exposure import Exposure
    from app.services.security_library.rebinding import Candidate, Rebound
    from app.services.security_library.slots import SlotTest

ROOT = "security_library"


def _place(row: SlotRow) -> str:
    """Where the password is, short: the path of the file stands in the details."""
    if row.place is None:
        return ""
    words = row.place.words
    return "private file (0600)" if words.startswith("file ") else words


COLUMNS: tuple[Column[SlotRow], ...] = (
    Column("token", "Token label", lambda r: r.title, icon=lambda _r: "chip", width=116),
    Column("account", "Registered for", lambda r: r.registered_for[0], width=172, stretch=True),
    Column("state", "PIN", lambda r: slot_state(r)[1], state=lambda r: slot_state(r)[0], width=152),
    Column("place", "Password in", _place, width=138),
    Column("serial", "Serial", lambda r: r.serial, width=136, mono=True),
    Column("lanes", "Lanes", lambda r: str(r.settings.lanes), width=52),
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
        self.exposed = InlineBanner("slots_exposed")
        self.body.addWidget(self.banner)
        self.body.addWidget(self.exposed)
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
                self.tr("Log In…") if self._asks() else self.tr("Enter Slot Password…"),
                "password",
                one,
                self._enter_password,
                why_not=why or self._no_password(),
            ),
            ActionSpec(
                "slot.lanes", self.tr("Signing Lanes…"), "settings", one, self._lanes, why_not=why
            ),
            ActionSpec(
                "slot.rebind",
                self.tr("Re-bind to Another Token…"),
                "link",
                one,
                self._find_candidates,
                why_not=why,
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

    def _asks(self) -> bool:
        row = self._row()
        return bool(row and row.registration and row.registration.ask_at_start)

    def _row(self) -> SlotRow | None:
        row: SlotRow | None = self.view.selected_row()
        return row

    def refresh(self) -> None:
        self.run(
            self.tr("Asking the tokens"),
            _read,
            self._backend,
            done=self._loaded,
            supersede="load",
        )

    def deactivated(self) -> None:
        self.banner.hide()

    def _loaded(self, found: tuple[tuple[SlotRow, ...], tuple[Exposure, ...]]) -> None:
        rows, exposures = found
        self._show_exposures(exposures)
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

    def _show_exposures(self, exposures: tuple[Exposure, ...]) -> None:
        if exposures:
            sentences = " ".join(each.sentence for each in exposures)
            self.exposed.show_message(None, sentences, RECOMMENDATION)
        else:
            self.exposed.hide()

    def _selected(self, row: SlotRow | None) -> None:
        self.detail.setVisible(self.model.rowCount() > 0)
        if row is None or row.registration is None:
            self.detail.clear()
        else:
            self.detail.show_details(
                row.title, self._facts(row, row.registration), *slot_state(row)
            )
        self.actions_changed.emit()

    def _facts(self, row: SlotRow, registration: SlotRegistration) -> list[Fact]:
        remedy = slot_remedy(row)
        facts = [Fact(self.tr("What to do"), remedy, wide=True)] if remedy else []
        facts += [
            Fact(self.tr("Registered for"), str(registration.account)),
            Fact(self.tr("Registered"), local_time(registration.registered_at)),
            Fact(
                self.tr("Password in"),
                row.place.words if row.place is not None else "",
                wide=True,
            ),
            Fact(self.tr("Lanes"), str(row.settings.lanes)),
        ]
        if registration.pin_refused_at is not None:
            refused = local_time(registration.pin_refused_at)
            facts.append(Fact(self.tr("Password refused"), refused))
        if row.sheet:
            facts += [Fact(name, value, tip=source) for name, value, source in sheet_facts(row)]
        else:
            named = {"Token label", "Registered for"}
            facts += [Fact(name, value) for name, value in slot_facts(row) if name not in named]
        return facts

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
        words = self.tr("The slot password of “{label}” was stored for {account}.")
        if registration.ask_at_start:
            words = self.tr("“{label}” is open to {account} until this program ends.")
        self._say(words.format(label=registration.token.label, account=registration.account))
        self.refresh()

    def _say(self, sentence: str, more: str = "") -> None:
        self.banner.show_message(
            LinkState.OK, sentence, more, second=(self.tr("Close"), self.banner.hide)
        )

    def _lanes(self) -> None:
        row = self._row()
        if row is None:
            return
        dialog = LanesDialog(self.console, self._backend, row)
        dialog.completed.connect(lambda _settings: self.refresh())
        dialog.open()

    def _find_candidates(self) -> None:
        row = self._row()
        if row is None or row.registration is None:
            return
        self.run(
            self.tr("Looking for other tokens"),
            self._backend.slots.candidates,
            row.registration.id,
            done=partial(self._rebind, row),
            supersede="candidates",
        )

    def _rebind(self, row: SlotRow, candidates: tuple[Candidate, ...]) -> None:
        if not candidates:
            self.banner.show_message(
                LinkState.WARNING,
                self.tr("No library reports another initialised token."),
                self.tr("Connect the token, then reload its library on the page above."),
                second=(self.tr("Close"), self.banner.hide),
            )
            return
        dialog = RebindDialog(self.console, self._backend, row, candidates)
        dialog.completed.connect(self._rebound)
        dialog.open()

    def _rebound(self, done: Rebound) -> None:
        token = done.registrations[0].token
        missing = ""
        if done.missing:
            missing = self.tr("Missing are the keys of {}.").format("; ".join(done.missing))
        keys = self.tr("Keys found: {}.").format("; ".join(done.keys)) if done.keys else ""
        self._say(
            self.tr("Bound to “{label}” ({serial}).").format(
                label=token.label, serial=token.serial
            ),
            " ".join(filter(None, (keys, missing, *done.notes))),
        )
        self.console.refresh_children(ROOT)
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


def _read(backend: Backend) -> tuple[tuple[SlotRow, ...], tuple[Exposure, ...]]:
    """In a task thread."""
    return registered_rows(backend), backend.slots.exposures()


def _identity(row: SlotRow) -> object:
    return row.registration.id if row.registration is not None else row.token

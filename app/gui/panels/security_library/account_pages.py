"""The later pages of the slot registration wizard: the accounts and the slot password."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from PySide6.QtWidgets import QButtonGroup, QRadioButton

from app.domain.principals import SYSTEM, AccountName, PrincipalKind
from app.domain.status import LinkState
from app.gui.forms import check_box, combo
from app.gui.panels.security_library.token_dialog import pin_length_problem
from app.gui.widgets.banner import InlineBanner
from app.gui.widgets.pin_entry import PinEntry
from app.gui.wizard import AsyncCheck, FieldError, WizardPage

if TYPE_CHECKING:
    from collections.abc import Sequence

    from app.domain.principals import Principal
    from app.domain.secret import Secret
    from app.gui.panels.security_library.slot_pages import SlotPage
    from app.gui.panels.security_library.slot_start import SlotWizardStart
    from app.services.backend import Backend

LOG_ON_KINDS = frozenset({PrincipalKind.USER, PrincipalKind.SERVICE_ACCOUNT})


class AccountsPage(WizardPage):
    """Which accounts may open the token."""

    def __init__(self, start: SlotWizardStart, slot_page: SlotPage, backend: Backend) -> None:
        super().__init__(
            "Accounts",
            "A slot is registered for an account, and only that account can use its keys. A "
            "service uses the registration of the account that it logs on as.",
        )
        self._start = start
        self._slot_page = slot_page
        self._backend = backend
        self._taken: frozenset[str] = frozenset()
        self._asked: object = None

    def build(self) -> None:
        current = self._start.current
        self.this_user = check_box("accounts_current", "", checked=True)
        self.system = check_box("accounts_system", "", checked=True)
        self.form.add_heading(self.tr("Register for User"))
        self.form.add_wide(self.this_user, self.tr("You, and the tools that you run."))
        self.form.add_wide(
            self.system, self.tr("Services log on as this account, unless you set another.")
        )
        self._boxes = [(self.this_user, current), (self.system, SYSTEM)]
        known = {current.key, SYSTEM.key}
        for number, account in enumerate(self._start.services):
            if account.key not in known:
                known.add(account.key)
                box = check_box(f"accounts_service_{number}", "", checked=True)
                self.form.add_wide(box, self.tr("A service logs on as this account."))
                self._boxes.append((box, account))
        self.other = check_box("accounts_other", self.tr("Another account"))
        self.form.add_wide(self.other)
        names = sorted({p.account.name for p in self._start.principals if p.kind in LOG_ON_KINDS})
        self.name = combo("accounts_name", [(name, name) for name in names])
        self.name.setEditable(True)
        self.name.setCurrentText("")
        line = self.name.lineEdit()
        if line is not None:
            line.setObjectName("accounts_name_edit")
            line.setPlaceholderText(self.tr("ADMINISTRATOR"))
        domains = (self._start.domain, self._start.host, "NT AUTHORITY")
        self.domain = combo("accounts_domain", [(d, d) for d in dict.fromkeys(domains)])
        self.form.add_row(self.tr("User"), self.name)
        self.form.add_row(self.tr("Domain"), self.domain)
        self.exposed = InlineBanner("accounts_exposed")
        self.form.add_wide(self.exposed)
        self.other.toggled.connect(self._show_other)
        self._show_other(on=False)
        for box, _account in self._boxes:
            box.toggled.connect(self._warn)
        self.other.toggled.connect(self._warn)
        self.name.currentTextChanged.connect(self._warn)
        self.domain.currentTextChanged.connect(self._warn)

    def _warn(self, _change: object = None) -> None:
        """Recommend a partition of its own where the responder would reach a CA's key."""
        responder = self._start.services[0].key
        words = self._slot_page.checks.exposure
        if words and responder in {account.key for account in self.accounts()}:
            said, _, advice = words.partition(". ")
            self.exposed.show_message(LinkState.WARNING, f"{said}.", advice)
        else:
            self.exposed.hide()

    def _show_other(self, on: bool) -> None:
        for field in (self.name, self.domain):
            self.form.set_row_visible(field, visible=on)
        if on:
            self.name.setFocus()

    def entered(self) -> None:
        row = self._slot_page.chosen()
        taken = [r.account.key for r in self._start.registrations if row and r.token == row.token]
        fresh = row.token if row is not None else None
        self._taken = frozenset(taken)
        for box, account in self._boxes:
            again = account.key in self._taken
            words = self.tr("{account} (registered already)") if again else "{account}"
            box.setText(words.format(account=account))
            box.setAccessibleName(box.text())
            box.setEnabled(not again)
            if again:
                box.setChecked(False)
            elif fresh != self._asked:
                box.setChecked(True)
        self._asked = fresh
        self._warn()

    def accounts(self) -> tuple[AccountName, ...]:
        """The chosen accounts."""
        chosen = [account for box, account in self._boxes if box.isChecked()]
        if self.other.isChecked() and self.name.currentText().strip():
            chosen.append(self._other_account())
        return tuple({account.key: account for account in chosen}.values())

    def _other_account(self) -> AccountName:
        return AccountName(self.domain.currentText(), self.name.currentText().strip())

    def validate(self) -> str | FieldError | AsyncCheck | None:
        if self.other.isChecked():
            if not self.name.currentText().strip():
                return FieldError(self.name, self.tr("Name the account, or untick it."))
            if self._other_account().key in self._taken:
                return FieldError(self.name, self.tr("The slot is registered for it already."))
        if not self.accounts():
            return self.tr("Select at least one account.")
        if not self.other.isChecked():
            return None
        return AsyncCheck(
            self.tr("Looking for the account"),
            self._find,
            (self._other_account(),),
            field=self.name,
        )

    def _find(self, account: AccountName) -> Principal:
        return self._backend.principals.find(str(account), LOG_ON_KINDS)

    def summary(self) -> Sequence[tuple[str, str]]:
        return tuple((self.tr("Register for"), str(account)) for account in self.accounts())

    def values(self) -> dict[str, Any]:
        return {"accounts": self.accounts()}


class PasswordPage(WizardPage):
    """The slot password and where it is kept, or the PIN pad."""

    def __init__(self, start: SlotWizardStart, slot_page: SlotPage) -> None:
        super().__init__(
            "Slot password", "The token is asked once, with Next: it is opened and has to sign."
        )
        self._start = start
        self._slot_page = slot_page

    def build(self) -> None:
        place, is_file = self._start.place
        self.pin = PinEntry("slot_password", self.tr("Slot password"))
        self.form.add_row(self.tr("Slot password"), self.pin)
        self.store = QRadioButton(self.tr("Store the password"))
        self.ask = QRadioButton(self.tr("Ask at each start"))
        group = QButtonGroup(self)
        for name, radio in (("store", self.store), ("ask", self.ask)):
            radio.setObjectName(f"slot_password_{name}")
            radio.setAccessibleName(radio.text())
            group.addButton(radio)
        self.store.setChecked(True)
        where = self.tr("In: {place}. Services open the token unattended, also after a restart.")
        self.form.add_wide(self.store, where.format(place=place))
        self.form.add_wide(
            self.ask,
            self.tr(
                "It is stored nowhere. Each time the services start, a person enters it on the "
                "page HSM Slots or at the terminal."
            ),
        )
        self.file_note = InlineBanner("slot_password_banner")
        self.form.add_wide(self.file_note)
        self.pad = InlineBanner("slot_password_pad")
        self.form.add_wide(self.pad)
        self.store.toggled.connect(self._show_file_note)
        self._is_file = is_file

    def entered(self) -> None:
        by_pad = self.by_pad()
        for field in (self.pin, self.store, self.ask):
            self.form.set_row_visible(field, visible=not by_pad)
        self._show_file_note()
        self.pad.hide()
        if by_pad:
            self.pad.show_message(
                None,
                self.tr("Enter the PIN on the PED or PIN pad."),
                self.tr(
                    "With Next, this token asks for its PIN on its own pad. You can cancel "
                    "there and here. Services open it unattended where the partition is "
                    "activated (policies 22 and 23)."
                ),
            )

    def _show_file_note(self, _on: bool = False) -> None:
        if self._is_file and self.store.isChecked() and not self.by_pad():
            self.file_note.show_message(
                LinkState.WARNING,
                self.tr("No keyring of the system was found, so passwords are kept in a file."),
                self.tr("Only your account can read it, but it is not encrypted."),
            )
        else:
            self.file_note.hide()

    def by_pad(self) -> bool:
        """Whether the chosen token asks on its own pad."""
        row = self._slot_page.chosen()
        return bool(row and row.slot and row.slot.protected_authentication_path)

    def secret(self) -> Secret | None:
        """What was entered; None for a PIN pad."""
        return None if self.by_pad() else self.pin.secret()

    def validate(self) -> FieldError | None:
        if self.by_pad():
            return None
        row = self._slot_page.chosen()
        slot = row.slot if row is not None else None
        sentence = pin_length_problem(self.tr("slot password"), self.pin.secret(), slot)
        return FieldError(self.pin, sentence) if sentence else None

    def summary(self) -> Sequence[tuple[str, str]]:
        what = self.tr("Slot password")
        if self.by_pad():
            return ((what, self.tr("on the token's PIN pad")),)
        if self.ask.isChecked():
            return ((what, self.tr("asked at each start")),)
        return ((what, self.tr("kept in: {}").format(self._start.place[0])),)

    def values(self) -> dict[str, Any]:
        return {
            "pin": self.secret(),
            "ask_at_start": self.ask.isChecked() and not self.by_pad(),
        }

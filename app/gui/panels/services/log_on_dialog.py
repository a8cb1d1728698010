"""The properties of a service: the tab Log On."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QButtonGroup, QCompleter, QRadioButton

from app.domain.errors import InvalidInput, NotFound
from app.domain.principals import SYSTEM
from app.domain.status import LinkState
from app.gui.forms import line_edit
from app.gui.panels.services.control import set_log_on
from app.gui.widgets.banner import InlineBanner
from app.gui.widgets.form_dialog import FormDialog
from app.gui.wizard import FieldError

if TYPE_CHECKING:
    from collections.abc import Callable

    from app.domain.errors import SealkeeperError
    from app.domain.principals import Principal
    from app.gui.panel import Console
    from app.gui.panels.services.control import ServiceRow
    from app.services.backend import Backend


class LogOnDialog(FormDialog):
    """Chooses the account that a service logs on as; `completed` carries its settings."""

    def __init__(
        self,
        console: Console,
        backend: Backend,
        row: ServiceRow,
        accounts: tuple[Principal, ...],
    ) -> None:
        super().__init__(
            f"{row.settings.name} Properties",
            "Log On",
            "OK",
            console.tasks,
            name="log_on_dialog",
            parent=console.dialog_parent(),
        )
        self._backend = backend
        self._row = row
        self._accounts = accounts
        self.local_system = QRadioButton(self.tr("Local System account"))
        self.local_system.setObjectName("log_on_local_system")
        self.this_account = QRadioButton(self.tr("This account:"))
        self.this_account.setObjectName("log_on_this_account")
        self._group = QButtonGroup(self)
        is_system = row.settings.log_on_as.key == SYSTEM.key
        self.account = line_edit(
            "log_on_account", "" if is_system else str(row.settings.log_on_as), r"DOMAIN\name"
        )
        self.note = InlineBanner("log_on_note")
        self._fill(is_system=is_system)

    def _fill(self, *, is_system: bool) -> None:
        for choice in (self.local_system, self.this_account):
            choice.setAccessibleName(choice.text())
            self._group.addButton(choice)
        self.form.add_heading(self.tr("Log on as"))
        self.form.add_wide(self.local_system, self.tr(r"NT AUTHORITY\SYSTEM, as the guide has it"))
        self.form.add_wide(self.this_account)
        self.account.setAccessibleName(self.tr("Account"))
        self.form.add_wide(
            self.account, self.tr("A user or service account of the directory, by name.")
        )
        names = [str(each.account) for each in self._accounts]
        completer = QCompleter(names, self.account)
        completer.setCaseSensitivity(Qt.CaseSensitivity.CaseInsensitive)
        completer.setFilterMode(Qt.MatchFlag.MatchContains)
        self.account.setCompleter(completer)
        (self.local_system if is_system else self.this_account).setChecked(True)
        self.account.setEnabled(not is_system)
        self.body.addWidget(self.note)
        self.local_system.toggled.connect(self._chosen)
        self.account.textChanged.connect(self._tell_slots)
        self._tell_slots()

    def _chosen(self, system: bool) -> None:
        self.account.setEnabled(not system)
        if not system:
            self.account.setFocus()
        self._tell_slots()

    def name(self) -> str:
        """The account that is chosen, as it was typed."""
        return str(SYSTEM) if self.local_system.isChecked() else self.account.text().strip()

    def _tell_slots(self) -> None:
        """A service opens keys with the slot registration of its account: say who has one."""
        name = self.name().casefold().replace("nt_authority", "nt authority")
        mine = [
            row.token.label
            for row in self._row.registrations
            if name in {row.account.key, row.account.name.casefold()}
        ]
        others = dict.fromkeys(
            f"{row.account} ({row.token.label})" for row in self._row.registrations
        )
        rule = self.tr("A service opens keys with the slots that are registered for its account.")
        if mine:
            said = self.tr("Registered slot: {slots}").format(slots=", ".join(dict.fromkeys(mine)))
            self.note.show_message(LinkState.OK, said, rule)
        elif others:
            said = self.tr("Accounts with a registered slot: {who}").format(who=", ".join(others))
            self.note.show_message(
                LinkState.WARNING, self.tr("This account has no registered slot."), f"{rule} {said}"
            )
        else:
            self.note.show_message(None, self.tr("No slot is registered yet."), rule)

    def validate(self) -> FieldError | None:
        if not self.name():
            return FieldError(self.account, self.tr("Enter the name of an account."))
        return None

    def work(self) -> tuple[str, Callable[..., Any], tuple[object, ...]]:
        words = self.tr("Changing the log-on account")
        return words, set_log_on, (self._backend, self._row.settings.name, self.name())

    def refused(self, error: SealkeeperError) -> None:
        if isinstance(error, (NotFound, InvalidInput)) and self.this_account.isChecked():
            self.form.set_error(self.account, error.one_line())
            self.account.setFocus()
        else:
            super().refused(error)

"""The wizard that registers a slot: library, slot, accounts, password, test, registration."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from app.domain.libraries import SlotRegistration
from app.gui.panels.security_library.account_pages import AccountsPage, PasswordPage
from app.gui.panels.security_library.prerequisites_page import PrerequisitesPage
from app.gui.panels.security_library.slot_pages import LibraryPage, SlotPage
from app.gui.panels.security_library.slot_start import (
    SlotWizardStart,
    TriedSlot,
    slots_of,
    wizard_start,
)
from app.gui.panels.security_library.trial_page import TrialPage, trial_lines
from app.gui.wizard import Wizard
from app.services.security_library.slots import RegisterSlot

if TYPE_CHECKING:
    from collections.abc import Sequence

    from app.domain.ids import LibraryId
    from app.domain.keys import TokenIdentity
    from app.domain.principals import AccountName
    from app.domain.progress import Progress
    from app.domain.secret import Secret
    from app.gui.panel import Console
    from app.services.backend import Backend

__all__ = ["RegisteredSlot", "SlotWizard", "SlotWizardStart", "open_slot_wizard", "wizard_start"]


@dataclass(frozen=True, slots=True)
class RegisteredSlot:
    """What finishing did: the registrations, and the test before it."""

    registrations: tuple[SlotRegistration, ...]
    tried: TriedSlot
    place: str


def register_slot(  # noqa: PLR0913 - the values of all pages
    backend: Backend,
    *,
    library_id: LibraryId,
    token: TokenIdentity,
    accounts: tuple[AccountName, ...],
    pin: Secret | None,
    ask_at_start: bool,
    tried: TriedSlot,
    progress: Progress,
    confirmed: bool = False,
) -> RegisteredSlot:
    """Register the token that was tested; the token is not logged in to once more.

    Raises:
        SealkeeperError: as `SlotService.register`.
    """
    progress.report(f"Registering {token.label} for {' and '.join(map(str, accounts))}")
    rows = backend.slots.register(
        RegisterSlot(
            library_id=library_id,
            token=token,
            accounts=accounts,
            pin=pin,
            trial=tried.trial,
            ask_at_start=ask_at_start,
        )
    )
    if confirmed:
        backend.slots.confirm_policies(library_id, token)
    return RegisteredSlot(rows, tried, backend.slots.place(rows[0]).words)


def result_lines(made: RegisteredSlot) -> tuple[str, Sequence[tuple[str, str]]]:
    """The sentence and the lines of the last page."""
    token = made.registrations[0].token
    lines = [
        ("Token", f"{token.label}, serial {token.serial}"),
        *(("Registered for", str(row.account)) for row in made.registrations),
        ("Password", made.place),
        *trial_lines(made.tried),
    ]
    return "The slot was successfully and securely registered.", lines


class SlotWizard(Wizard):
    """Tests the slot before its summary, and comes back to the password when it is refused."""

    def __init__(self, console: Console, backend: Backend, start: SlotWizardStart) -> None:
        library_page = LibraryPage(start, partial(slots_of, backend))
        slot_page = SlotPage(library_page, console, backend, start)
        self._password_page = PasswordPage(start, slot_page)
        self._trial_page = TrialPage(slot_page, self._password_page, console, backend)
        super().__init__(
            "Register HSM Slot",
            [
                library_page,
                slot_page,
                PrerequisitesPage(slot_page),
                AccountsPage(start, slot_page, backend),
                self._password_page,
                self._trial_page,
            ],
            finish=partial(register_slot, backend),
            runner=console.tasks,
            finish_text="Register Slot",
            working="Registering the slot",
            result=result_lines,
            progress="progress",
            name="slot_wizard",
            parent=console.dialog_parent(),
        )
        self.resize(1060, 700)
        self.completed.connect(lambda _made: self._password_page.pin.clear())

    def back(self) -> None:
        """Show the page before; a test that runs is cancelled."""
        self._trial_page.cancel()
        super().back()


def open_slot_wizard(console: Console, backend: Backend, start: SlotWizardStart) -> SlotWizard:
    """Open the wizard; `completed` carries a `RegisteredSlot`."""
    wizard = SlotWizard(console, backend, start)
    wizard.completed.connect(lambda _made: console.refresh_children("security_library"))
    wizard.open()
    return wizard

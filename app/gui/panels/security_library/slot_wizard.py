"""The wizard that registers a slot: library, slot, accounts, password, and a first signature."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from app.domain.errors import PinIncorrect, SealkeeperError
from app.domain.libraries import Library, SlotRegistration
from app.domain.principals import AccountName, Principal
from app.gui.panels.security_library.account_pages import AccountsPage, PasswordPage
from app.gui.panels.security_library.facts import SlotRow, algorithm_words
from app.gui.panels.security_library.slot_pages import LibraryPage, SlotPage
from app.gui.wizard import FieldError, Wizard
from app.services.security_library.slots import RegisterSlot, SlotTest

if TYPE_CHECKING:
    from collections.abc import Sequence

    from app.domain.ids import LibraryId
    from app.domain.keys import TokenIdentity
    from app.domain.progress import Progress
    from app.domain.secret import Secret
    from app.gui.panel import Console
    from app.services.backend import Backend


@dataclass(frozen=True, slots=True, kw_only=True)
class SlotWizardStart:
    """What the wizard needs before its first page; `place` as `SlotService.secret_place` gives."""

    libraries: tuple[Library, ...]
    registrations: tuple[SlotRegistration, ...]
    principals: tuple[Principal, ...]
    current: AccountName
    host: str
    domain: str
    place: tuple[str, bool]


@dataclass(frozen=True, slots=True)
class RegisteredSlot:
    """What finishing did: the registrations, and the test after it or why there was none."""

    registrations: tuple[SlotRegistration, ...]
    test: SlotTest | None
    problem: str


def wizard_start(backend: Backend) -> SlotWizardStart:
    """Read what the wizard starts from; for a task thread."""
    return SlotWizardStart(
        libraries=backend.libraries.list(),
        registrations=backend.slots.registered(),
        principals=backend.principals.list(),
        current=backend.directory.current_account(),
        host=backend.directory.host,
        domain=backend.directory.domain,
        place=backend.slots.secret_place(),
    )


def slots_of(backend: Backend, library: Library) -> tuple[SlotRow, ...]:
    """The slots of a library as it reports them now, and for whom they are registered."""
    registrations = backend.slots.registered()
    return tuple(
        SlotRow(
            library,
            slot,
            None,
            tuple(
                str(row.account)
                for row in registrations
                if row.library_id == library.id and row.token == slot.token
            ),
        )
        for slot in backend.libraries.slots(library.id)
    )


def register_and_test(
    backend: Backend,
    *,
    library_id: LibraryId,
    token: TokenIdentity,
    accounts: tuple[AccountName, ...],
    pin: Secret | None,
    progress: Progress,
) -> RegisteredSlot:
    """Register the token, then have it sign; a test that fails leaves the registration.

    Raises:
        SealkeeperError: as `SlotService.register`.
    """
    progress.report(f"Opening the token {token.label}")
    rows = backend.slots.register(
        RegisterSlot(library_id=library_id, token=token, accounts=accounts, pin=pin)
    )
    progress.report("Having the token sign")
    try:
        return RegisteredSlot(rows, backend.slots.test(rows[0].id), "")
    except SealkeeperError as error:
        return RegisteredSlot(rows, None, error.one_line())


def result_lines(made: RegisteredSlot) -> tuple[str, Sequence[tuple[str, str]]]:
    """The sentence and the lines of the last page."""
    lines = [("Registered for", str(row.account)) for row in made.registrations]
    token = made.registrations[0].token
    lines.insert(0, ("Token", f"{token.label}, serial {token.serial}"))
    if made.test is None:
        lines.append(("Test signature", f"Not made. {made.problem}"))
    else:
        test = made.test
        milliseconds = f"Made in the token in {test.milliseconds:.1f} ms. "
        lines += [
            ("Mechanisms", str(test.mechanisms)),
            ("Keys", algorithm_words(test.algorithms)),
            ("Test signature", (milliseconds if test.signs else "Not made. ") + test.note),
        ]
    return "The slot was successfully and securely registered.", lines


class SlotWizard(Wizard):
    """Comes back to the password when the token refuses it; nothing is tried again by itself."""

    def __init__(self, console: Console, backend: Backend, start: SlotWizardStart) -> None:
        def finish(
            *,
            library_id: LibraryId,
            token: TokenIdentity,
            accounts: tuple[AccountName, ...],
            pin: Secret | None,
            progress: Progress,
        ) -> RegisteredSlot:
            return register_and_test(
                backend,
                library_id=library_id,
                token=token,
                accounts=accounts,
                pin=pin,
                progress=progress,
            )

        def slots(library: Library) -> tuple[SlotRow, ...]:
            return slots_of(backend, library)

        library_page = LibraryPage(start, slots)
        slot_page = SlotPage(library_page, console, backend)
        self._password_page = PasswordPage(start, slot_page)
        super().__init__(
            "Register HSM Slot",
            [
                library_page,
                slot_page,
                AccountsPage(start, slot_page, backend),
                self._password_page,
            ],
            finish=finish,
            runner=console.tasks,
            finish_text="Register Slot",
            working="Registering the slot",
            result=result_lines,
            progress="progress",
            name="slot_wizard",
            parent=console.dialog_parent(),
        )
        self.resize(1060, 640)
        self.completed.connect(lambda _made: self._password_page.pin.clear())

    def _failed(self, error: SealkeeperError) -> None:
        if not isinstance(error, PinIncorrect):
            super()._failed(error)
            return
        self._task = None
        page = self._password_page
        self._show_page(self.pages.index(page))
        page.pin.clear()
        self._refuse(page, FieldError(page.pin, error.one_line()))


def open_slot_wizard(console: Console, backend: Backend, start: SlotWizardStart) -> SlotWizard:
    """Open the wizard; `completed` carries a `RegisteredSlot`."""
    wizard = SlotWizard(console, backend, start)
    wizard.completed.connect(lambda _made: console.refresh_children("security_library"))
    wizard.open()
    return wizard

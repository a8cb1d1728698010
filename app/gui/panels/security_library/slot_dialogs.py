"""The dialogs of registered slots: password or login, signing lanes, and another token."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from app.domain.errors import PinIncorrect, Refused
from app.domain.libraries import MAX_LANES
from app.gui.forms import check_box, combo, spin_box
from app.gui.panels.security_library.token_dialog import pin_length_problem
from app.gui.widgets.form_dialog import FormDialog
from app.gui.widgets.pin_entry import PinEntry
from app.gui.wizard import FieldError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from app.domain.errors import SealkeeperError
    from app.domain.libraries import SlotRegistration
    from app.gui.panel import Console
    from app.gui.panels.security_library.facts import SlotRow
    from app.services.backend import Backend
    from app.services.security_library.rebinding import Candidate


def _registration(row: SlotRow) -> SlotRegistration:
    if row.registration is None:
        raise ValueError("this dialog is for a registered slot")
    return row.registration


class _SlotDialog(FormDialog):
    """A dialog that has room for its words from the start."""

    def open(self) -> None:
        super().open()
        self.grow()


class SlotPasswordDialog(_SlotDialog):
    """Takes the slot password of one registration; the token is asked once per click.

    `completed`: the `SlotRegistration`.
    """

    def __init__(self, console: Console, backend: Backend, row: SlotRow) -> None:
        registration = _registration(row)
        asks = registration.ask_at_start
        super().__init__(
            "Log In" if asks else "Enter Slot Password",
            f"The password of the token “{registration.token.label}” for {registration.account}. "
            "The token is asked once.",
            "Log In" if asks else "Store",
            console.tasks,
            name="password_dialog",
            parent=console.dialog_parent(),
        )
        self._backend = backend
        self._registration = registration
        self._slot = row.slot
        place, _is_file = backend.slots.secret_place()
        self.pin = PinEntry("slot_password", self.tr("Slot password"))
        self.keep = combo(
            "slot_password_keeping",
            [
                (self.tr("Store it"), True),
                (self.tr("Ask at each start; keep it until this program ends"), False),
            ],
            not asks,
        )
        self.form.add_row(self.tr("Slot password"), self.pin)
        hint = self.tr("A stored password is kept in: {place}.").format(place=place)
        self.form.add_row(self.tr("Afterwards"), self.keep, hint)
        self.pin.setFocus()

    def validate(self) -> FieldError | None:
        sentence = pin_length_problem(self.tr("slot password"), self.pin.secret(), self._slot)
        return FieldError(self.pin, sentence) if sentence else None

    def work(self) -> tuple[str, Callable[..., Any], tuple[object, ...]]:
        words = self.tr("Opening the token {label}").format(label=self._registration.token.label)
        enter = partial(self._backend.slots.enter_pin, store=bool(self.keep.currentData()))
        return words, enter, (self._registration.id, self.pin.take())

    def refused(self, error: SealkeeperError) -> None:
        if isinstance(error, PinIncorrect):
            self.point_at(FieldError(self.pin, error.one_line()))
        else:
            super().refused(error)


class LanesDialog(_SlotDialog):
    """How many signatures of a token run side by side; `completed`: the `TokenSettings`."""

    def __init__(self, console: Console, backend: Backend, row: SlotRow) -> None:
        registration = _registration(row)
        super().__init__(
            "Signing Lanes",
            f"Signatures of the token “{registration.token.label}” that are made side by side, "
            "for all accounts. It counts from now on.",
            "Set",
            console.tasks,
            name="lanes_dialog",
            parent=console.dialog_parent(),
        )
        self._backend = backend
        self._registration = registration
        self.lanes = spin_box("slot_lanes", row.settings.lanes, 1, MAX_LANES)
        self.form.add_row(
            self.tr("Lanes"),
            self.lanes,
            self.tr("1 to 32. A network HSM answers more at once with more; 4 is a good start."),
        )
        self.lanes.setFocus()

    def work(self) -> tuple[str, Callable[..., Any], tuple[object, ...]]:
        row = self._registration
        words = self.tr("Setting the lanes of {label}").format(label=row.token.label)
        return (
            words,
            self._backend.slots.set_lanes,
            (row.library_id, row.token, self.lanes.value()),
        )


class RebindDialog(_SlotDialog):
    """Binds a registration to the token that took the place of its own; `completed`: `Rebound`."""

    def __init__(
        self, console: Console, backend: Backend, row: SlotRow, candidates: Sequence[Candidate]
    ) -> None:
        registration = _registration(row)
        token = registration.token
        super().__init__(
            "Re-bind Slot",
            f"For when the serial or label of “{token.label}” ({token.serial}) changed, or its HSM "
            "was replaced. The keys that CAs and responders have there must be on the new token: "
            "each signs once. Registrations, passwords and keys move together.",
            "Re-bind",
            console.tasks,
            name="rebind_dialog",
            parent=console.dialog_parent(),
        )
        self._backend = backend
        self._registration = registration
        self._candidates = tuple(candidates)
        self.choice = combo("rebind_token", [(_words(each), None) for each in self._candidates])
        self.pin = PinEntry("slot_password", self.tr("Slot password"))
        self.although = check_box(
            "rebind_although_missing", self.tr("Re-bind although keys are missing")
        )
        self.form.add_row(self.tr("New token"), self.choice)
        self.evidence = self.form.add_text("")
        self.evidence.setObjectName("rebind_evidence")
        self.form.add_row(
            self.tr("Slot password"), self.pin, self.tr("Of the new token; tried once.")
        )
        self.form.add_wide(
            self.although, self.tr("What uses these keys cannot sign until they are restored.")
        )
        self.form.set_row_visible(self.although, visible=False)
        self.choice.currentIndexChanged.connect(self._chosen)
        self._chosen(0)

    def _candidate(self) -> Candidate:
        return self._candidates[self.choice.currentIndex()]

    def _chosen(self, _index: int) -> None:
        chosen = self._candidate()
        words = self.tr("{library}, slot {slot}: {evidence}.")
        self.evidence.setText(
            words.format(
                library=chosen.library.vendor,
                slot=chosen.slot.slot_id,
                evidence=chosen.evidence,
            )
        )
        by_pad = chosen.slot.protected_authentication_path
        self.form.set_row_visible(self.pin, visible=not by_pad)
        self.although.setChecked(False)
        self.form.set_row_visible(self.although, visible=False)
        self.banner.hide()

    def validate(self) -> FieldError | None:
        slot = self._candidate().slot
        if slot.protected_authentication_path:
            return None
        sentence = pin_length_problem(self.tr("slot password"), self.pin.secret(), slot)
        return FieldError(self.pin, sentence) if sentence else None

    def work(self) -> tuple[str, Callable[..., Any], tuple[object, ...]]:
        chosen = self._candidate()
        by_pad = chosen.slot.protected_authentication_path
        words = self.tr("Binding to the token {label}").format(label=chosen.token.label)
        rebind = partial(self._backend.slots.rebind, although_missing=self.although.isChecked())
        pin = None if by_pad else self.pin.secret()
        return words, rebind, (self._registration.id, chosen.library.id, chosen.token, pin)

    def refused(self, error: SealkeeperError) -> None:
        if isinstance(error, PinIncorrect):
            self.pin.clear()
            self.point_at(FieldError(self.pin, error.one_line()))
            return
        self.form.set_row_visible(self.although, visible=isinstance(error, Refused))
        super().refused(error)


def _words(candidate: Candidate) -> str:
    token = candidate.token
    return f"{token.label} ({token.serial})"

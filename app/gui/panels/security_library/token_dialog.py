"""The dialogs that initialise a blank token and that take a slot password anew."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from app.domain.errors import InvalidInput
from app.domain.pins import check_pin_length
from app.gui.forms import combo, line_edit
from app.gui.widgets.form_dialog import FormDialog
from app.gui.widgets.pin_entry import PinEntry
from app.gui.wizard import FieldError
from app.services.security_library.libraries import InitialiseToken

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from app.domain.secret import Secret
    from app.domain.tokens import SlotFacts
    from app.gui.panel import Console
    from app.gui.panels.security_library.facts import SlotRow
    from app.services.backend import Backend

LONGEST_LABEL = 32


class InitialiseTokenDialog(FormDialog):
    """Label, security officer's PIN and user PIN of a blank token; `completed`: `SlotFacts`."""

    def __init__(self, console: Console, backend: Backend, blanks: Sequence[SlotRow]) -> None:
        super().__init__(
            "Initialise Token",
            "A blank token gets its label and its PINs. An initialised one is never touched: "
            "that would destroy its keys.",
            "Initialise",
            console.tasks,
            name="token_dialog",
            parent=console.dialog_parent(),
        )
        self._backend = backend
        self._blanks = [row for row in blanks if row.slot is not None]
        self.slot = combo("token_slot", [(_slot_words(row), row.slot_id) for row in self._blanks])
        self.label_field = line_edit("token_label", placeholder=self.tr("for example OCSP"))
        self.label_field.setMaxLength(LONGEST_LABEL)
        self.so_pin = PinEntry("token_so_pin", self.tr("Security officer's PIN"))
        self.so_again = PinEntry("token_so_pin_again", self.tr("Security officer's PIN again"))
        self.pin = PinEntry("token_user_pin", self.tr("User PIN"))
        self.pin_again = PinEntry("token_user_pin_again", self.tr("User PIN again"))
        self.form.add_row(self.tr("Slot"), self.slot)
        self.form.add_row(self.tr("Token label"), self.label_field)
        self.form.add_row(
            self.tr("Security officer's PIN"),
            self.so_pin,
            self.tr("Unlocks and resets the token. It is not stored: keep it in a safe place."),
        )
        self.form.add_row(self.tr("Again"), self.so_again)
        self.form.add_row(
            self.tr("User PIN"), self.pin, self.tr("The slot password of the registration.")
        )
        self.form.add_row(self.tr("Again"), self.pin_again)
        self.label_field.setFocus()

    def validate(self) -> FieldError | None:
        slot = self._chosen().slot
        if not self.label_field.text().strip():
            return FieldError(self.label_field, self.tr("Give the token a label."))
        for field, again, name in (
            (self.so_pin, self.so_again, self.tr("security officer's PIN")),
            (self.pin, self.pin_again, self.tr("user PIN")),
        ):
            sentence = pin_length_problem(name, field.secret(), slot)
            if sentence:
                return FieldError(field, sentence)
            if not field.same_as(again):
                return FieldError(again, self.tr("The two entries differ."))
        return None

    def work(self) -> tuple[str, Callable[..., Any], tuple[object, ...]]:
        row = self._chosen()
        request = InitialiseToken(
            library_id=row.library.id,
            label=self.label_field.text().strip(),
            so_pin=self.so_pin.secret(),
            user_pin=self.pin.secret(),
            slot_id=row.slot.slot_id if row.slot is not None else None,
        )
        words = self.tr("Initialising the token {label}").format(label=request.label)
        return words, self._backend.libraries.initialise_token, (request,)

    def _chosen(self) -> SlotRow:
        return self._blanks[self.slot.currentIndex()]


def place_words(place: str, *, is_file: bool) -> str:
    """Where a password will be kept, as a hint below its field."""
    return f"It will be kept in: {place}." if not is_file else f"It will be kept in a {place}"


def _slot_words(row: SlotRow) -> str:
    slot = row.slot
    if slot is None:
        return ""
    return f"{row.library.vendor}, slot {slot.slot_id}: {slot.description}".rstrip(": ")


def pin_length_problem(name: str, pin: Secret, slot: SlotFacts | None) -> str:
    """What the token would say of the length of a PIN; "" when it fits."""
    if not pin:
        return f"Enter the {name}."
    if slot is None:
        return ""
    try:
        check_pin_length(name, pin, slot)
    except InvalidInput as error:
        return error.one_line()
    return ""

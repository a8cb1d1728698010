"""The dialog that registers a legacy provider with the partition's password."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from app.domain.errors import InvalidInput, PinIncorrect, PinLocked
from app.gui.forms import combo
from app.gui.widgets.basics import label
from app.gui.widgets.form_dialog import FormDialog
from app.gui.widgets.pin_entry import PinEntry
from app.gui.wizard import FieldError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from app.domain.errors import SealkeeperError
    from app.domain.libraries import Library
    from app.gui.panel import Console
    from app.gui.panels.security_library.provider_facts import LegacyChoice
    from app.services.backend import Backend


class LegacyDialog(FormDialog):
    """Library, slot and partition password; `completed`: the `LegacyRegistration`."""

    def __init__(self, console: Console, backend: Backend, choices: Sequence[LegacyChoice]) -> None:
        super().__init__(
            "Register Legacy Provider",
            "A legacy provider offers RSA keys to templates of schema 2 and to old programs. "
            "The partition password is tried once; it is not stored.",
            "Register",
            console.tasks,
            name="legacy_dialog",
            parent=console.dialog_parent(),
        )
        self._backend = backend
        self._choices = tuple(choices)
        libraries = {choice.library.id: choice.library for choice in choices}
        self._libraries = tuple(libraries.values())
        self.library = combo("legacy_library", [(each.vendor, each.id) for each in self._libraries])
        self.provider = label("", selectable=True)
        self.provider.setObjectName("legacy_provider")
        self.token = combo("legacy_token", [])
        self.pin = PinEntry("legacy_password", self.tr("Partition password"))
        self.form.add_row(self.tr("Library"), self.library)
        self.form.add_row(self.tr("Provider"), self.provider)
        self.form.add_row(
            self.tr("Slot"), self.token, self.tr("The registered slots of the library.")
        )
        self.form.add_row(self.tr("Partition password"), self.pin)
        self.pad = self.form.add_text(self.tr("The token asks for its PIN on its own pad."))
        self.library.currentIndexChanged.connect(self._show_tokens)
        self.token.currentIndexChanged.connect(self._show_pin)
        self._show_tokens()

    def _library(self) -> Library:
        return self._libraries[self.library.currentIndex()]

    def _of_library(self) -> list[LegacyChoice]:
        return [each for each in self._choices if each.library.id == self._library().id]

    def _choice(self) -> LegacyChoice:
        return self._of_library()[max(self.token.currentIndex(), 0)]

    def _show_tokens(self, _index: int = 0) -> None:
        self.token.clear()
        self.token.addItems([str(each) for each in self._of_library()])
        self.provider.setText(self._library().legacy_name)
        self._show_pin()

    def _show_pin(self, _index: int = 0) -> None:
        pad = self._choice().pad
        self.form.set_row_visible(self.pin, visible=not pad)
        self.pad.setVisible(pad)
        if not pad:
            self.pin.setFocus()

    def validate(self) -> FieldError | None:
        if not self._choice().pad and self.pin.is_empty():
            return FieldError(self.pin, self.tr("Enter the partition password."))
        return None

    def work(self) -> tuple[str, Callable[..., Any], tuple[object, ...]]:
        choice = self._choice()
        pin = None if choice.pad else self.pin.take()
        words = self.tr("Opening the token {label}").format(label=choice.token.label)
        register = self._backend.providers.register_legacy
        return words, register, (choice.library.id, pin, choice.token)

    def refused(self, error: SealkeeperError) -> None:
        if isinstance(error, PinIncorrect | PinLocked | InvalidInput) and not self._choice().pad:
            self.point_at(FieldError(self.pin, error.one_line()))
        else:
            super().refused(error)

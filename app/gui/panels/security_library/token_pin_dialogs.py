"""The dialogs that change a token's PINs and that unlock its user PIN; one try per click."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from app.domain.errors import PinIncorrect, PinLocked
from app.gui.panels.security_library.key_facts import tries_words
from app.gui.panels.security_library.token_dialog import pin_length_problem
from app.gui.widgets.form_dialog import FormDialog
from app.gui.widgets.pin_entry import PinEntry
from app.gui.wizard import FieldError

if TYPE_CHECKING:
    from collections.abc import Callable

    from app.domain.errors import SealkeeperError
    from app.domain.ids import LibraryId
    from app.domain.tokens import SlotFacts
    from app.gui.panel import Console
    from app.services.backend import Backend
    from app.services.security_library.tokens import TokenService


class TokenPinDialog(FormDialog):
    """One PIN that is tried, and a new one, twice; `completed`: `PinChanged`.

    Subclasses say whose PINs they are and what is called with (tried, new).
    """

    may_be_equal = False

    def __init__(  # noqa: PLR0913 - the words of the dialog, all named
        self,
        console: Console,
        title: str,
        subtitle: str,
        verb: str,
        slot: SlotFacts,
        *,
        name: str,
        tried: str,
        fresh: str,
        tries: str,
    ) -> None:
        super().__init__(
            title, subtitle, verb, console.tasks, name=name, parent=console.dialog_parent()
        )
        self._slot = slot
        self._tried, self._fresh = tried, fresh
        self.old = PinEntry(f"{name}_old", tried)
        self.new = PinEntry(f"{name}_new", fresh)
        self.again = PinEntry(f"{name}_again", self.tr("{name} again").format(name=fresh))
        self.form.add_row(tried, self.old, tries)
        self.form.add_row(fresh, self.new, self._length())
        self.form.add_row(self.tr("Again"), self.again)
        self.old.setFocus()

    def _length(self) -> str:
        least, most = self._slot.min_pin, self._slot.max_pin
        if not most:
            return ""
        return self.tr("{least} to {most} characters, as this token takes them.").format(
            least=max(least or 1, 1), most=most
        )

    def validate(self) -> FieldError | None:
        for field, name in ((self.old, self._tried), (self.new, self._fresh)):
            lowered = name[:1].lower() + name[1:]
            sentence = pin_length_problem(lowered, field.secret(), self._slot)
            if sentence:
                return FieldError(field, sentence)
        if not self.new.same_as(self.again):
            return FieldError(self.again, self.tr("The two entries differ."))
        if self.new.same_as(self.old) and not self.may_be_equal:
            return FieldError(self.new, self.tr("This is the old one. Choose another."))
        return None

    def refused(self, error: SealkeeperError) -> None:
        """The PIN that was tried is gone from its field: nothing tries it again."""
        if isinstance(error, PinIncorrect | PinLocked):
            self.point_at(FieldError(self.old, error.one_line()))
        else:
            super().refused(error)


class ChangePinDialog(TokenPinDialog):
    """Changes the user PIN or, with `officer`, the security officer's."""

    def __init__(
        self,
        console: Console,
        backend: Backend,
        library_id: LibraryId,
        slot: SlotFacts,
        *,
        officer: bool = False,
    ) -> None:
        self._service: TokenService = backend.tokens
        self._library_id = library_id
        self._officer = officer
        super().__init__(
            console,
            "Change Security Officer's PIN" if officer else "Change PIN",
            _subtitle(slot, officer=officer),
            "Change PIN",
            slot,
            name="change_so_pin" if officer else "change_pin",
            tried="Old security officer's PIN" if officer else "Old PIN",
            fresh="New security officer's PIN" if officer else "New PIN",
            tries=tries_words(slot.so_pin_state if officer else slot.pin_state),
        )

    def work(self) -> tuple[str, Callable[..., Any], tuple[object, ...]]:
        token = self._slot.token
        function = partial(self._service.change_pin, officer=self._officer)
        words = self.tr("Changing a PIN of the token {label}").format(
            label=token.label if token is not None else ""
        )
        return words, function, (self._library_id, token, self.old.take(), self.new.secret())


class UnlockPinDialog(TokenPinDialog):
    """The security officer sets a new user PIN, also where it is locked."""

    may_be_equal = True  # they belong to two people

    def __init__(
        self, console: Console, backend: Backend, library_id: LibraryId, slot: SlotFacts
    ) -> None:
        self._service: TokenService = backend.tokens
        self._library_id = library_id
        label = slot.token.label if slot.token is not None else ""
        super().__init__(
            console,
            "Unlock PIN",
            f"The security officer of the token “{label}” sets a new user PIN, also where it is "
            "locked. Every slot password of the token that is stored here is updated.",
            "Set New PIN",
            slot,
            name="unlock_pin",
            tried="Security officer's PIN",
            fresh="New user PIN",
            tries=tries_words(slot.so_pin_state),
        )

    def work(self) -> tuple[str, Callable[..., Any], tuple[object, ...]]:
        token = self._slot.token
        words = self.tr("Unlocking the token {label}").format(
            label=token.label if token is not None else ""
        )
        arguments = (self._library_id, token, self.old.take(), self.new.secret())
        return words, self._service.unlock, arguments


def _subtitle(slot: SlotFacts, *, officer: bool) -> str:
    label = slot.token.label if slot.token is not None else ""
    if officer:
        return (
            f"The security officer of the token “{label}” unlocks the user PIN. His PIN is not "
            "stored: keep it in a safe place."
        )
    return (
        f"The user PIN of the token “{label}”. Slot passwords that are stored here and hold the "
        "old PIN are updated."
    )

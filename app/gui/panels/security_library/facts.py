"""What the Security Library panels show, put together from the services; knows nothing of Qt."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from app.domain.errors import SealkeeperError
from app.domain.libraries import Library, SlotRegistration, TokenSettings
from app.domain.status import LinkState
from app.domain.tokens import PinState, SlotFacts
from app.services.security_library.slot_passwords import PasswordPlace, PasswordState
from app.services.security_library.slot_sheet import SlotFact

if TYPE_CHECKING:
    from collections.abc import Sequence

    from app.domain.keys import KeyAlgorithm, TokenIdentity
    from app.services.backend import Backend
    from app.services.security_library.slots import SlotTest

_PIN_WORDS = {
    PinState.READY: (LinkState.OK, "Ready"),
    PinState.COUNT_LOW: (LinkState.WARNING, "Few tries left"),
    PinState.FINAL_TRY: (LinkState.WARNING, "One try left"),
    PinState.LOCKED: (LinkState.BAD, "Locked"),
    PinState.TO_BE_CHANGED: (LinkState.WARNING, "To be changed"),
}

_PASSWORD_WORDS = {
    PasswordState.NEEDED: (LinkState.WARNING, "Password needed"),
    PasswordState.LOST: (LinkState.BAD, "Password lost"),
    PasswordState.UNREADABLE: (LinkState.BAD, "Password not read"),
}
NOT_REPORTED = "not reported"


@dataclass(frozen=True, slots=True)
class SlotRow:
    """One slot of a library, or one registration with what its token says now.

    Attributes:
        slot: what the library reports; None when the token is in no slot or cannot be asked.
        registration: None for a slot that is not registered.
        registered_for: all accounts that may open the token.
        problem: why `slot` is None; "" otherwise.
        place: where the password of the registration is; None without one.
        settings: what was decided for the token.
        sheet: every fact of the slot with its source; empty where it was not asked for.
    """

    library: Library
    slot: SlotFacts | None
    registration: SlotRegistration | None
    registered_for: tuple[str, ...] = ()
    problem: str = ""
    place: PasswordPlace | None = None
    settings: TokenSettings = field(default_factory=TokenSettings)
    sheet: tuple[SlotFact, ...] = ()

    @property
    def token(self) -> TokenIdentity | None:
        """The token, as it was registered or as it is reported."""
        if self.registration is not None:
            return self.registration.token
        return self.slot.token if self.slot is not None else None

    @property
    def title(self) -> str:
        """Label of the token, or what stands in the slot instead."""
        if self.token is not None:
            return self.token.label
        if self.slot is not None and self.slot.token_present:
            return "Not initialised"
        return "Empty slot"

    @property
    def is_blank(self) -> bool:
        """A token that waits for its initialisation."""
        slot = self.slot
        return slot is not None and slot.token_present and not slot.initialised

    @property
    def is_empty(self) -> bool:
        """A slot without a token."""
        return self.slot is not None and not self.slot.token_present

    @property
    def serial(self) -> str:
        """Serial of the token."""
        return self.token.serial if self.token is not None else ""

    @property
    def model(self) -> str:
        """Model and firmware of the token, as far as they are reported."""
        slot = self.slot
        return ", ".join(filter(None, (slot.model, slot.firmware))) if slot is not None else ""

    @property
    def description(self) -> str:
        """What the library calls the slot."""
        return self.slot.description if self.slot is not None else ""

    @property
    def slot_id(self) -> str:
        """The slot id now; the one of the last sight, in brackets, while the token is away."""
        if self.slot is not None:
            return str(self.slot.slot_id)
        return f"({self.registration.slot_hint})" if self.registration is not None else ""


@dataclass(frozen=True, slots=True)
class LibraryRow:
    """One registered library, its slots, and why it does not answer ("" when it does)."""

    library: Library
    slots: tuple[SlotRow, ...]
    registrations: int
    problem: str = ""


def library_rows(backend: Backend) -> tuple[LibraryRow, ...]:
    """The registered libraries with their slots as they are now; asks every library."""
    registrations = backend.slots.registered()
    return tuple(
        _library_row(backend, library, [r for r in registrations if r.library_id == library.id])
        for library in backend.libraries.list()
    )


def _library_row(
    backend: Backend, library: Library, registrations: Sequence[SlotRegistration]
) -> LibraryRow:
    try:
        slots = backend.libraries.slots(library.id)
    except SealkeeperError as error:
        return LibraryRow(library, (), len(registrations), error.one_line())
    rows = tuple(
        SlotRow(
            library,
            slot,
            None,
            tuple(str(r.account) for r in registrations if slot.token == r.token),
        )
        for slot in slots
    )
    return LibraryRow(library, rows, len(registrations))


def registered_rows(backend: Backend) -> tuple[SlotRow, ...]:
    """The registrations with what their tokens say now; asks every library that has one."""
    found: list[SlotRow] = []
    for row in library_rows(backend):
        slots = {slot.slot.token: slot.slot for slot in row.slots if slot.slot is not None}
        for registration in backend.slots.registered():
            if registration.library_id != row.library.id:
                continue
            slot = slots.get(registration.token)
            absent = f"No slot of {row.library.vendor} holds this token now."
            problem = "" if slot is not None else row.problem or absent
            found.append(
                SlotRow(
                    row.library,
                    slot,
                    registration,
                    (str(registration.account),),
                    problem,
                    backend.slots.place(registration),
                    backend.slots.settings(row.library.id, registration.token),
                    backend.slots.sheet(row.library.id, slot) if slot is not None else (),
                )
            )
    return tuple(sorted(found, key=lambda r: (r.title.casefold(), r.registered_for)))


def slot_state(row: SlotRow) -> tuple[LinkState, str]:
    """State of a slot in a word: of its password, or why it cannot be opened."""
    if row.slot is None:
        return LinkState.BAD, "Not connected"
    if row.registration is not None and row.registration.pin_refused_at is not None:
        return LinkState.BAD, "Password refused"
    if row.place is not None and row.place.state in _PASSWORD_WORDS:
        return _PASSWORD_WORDS[row.place.state]
    if row.is_empty:
        return LinkState.UNCHECKED, "Empty"
    if row.is_blank:
        return LinkState.WARNING, "Not initialised"
    return _pin_state(row.slot)


def slot_remedy(row: SlotRow) -> str:
    """What an administrator does about a slot that cannot be opened, or soon not; "" else."""
    if row.slot is None:
        return ""
    if row.slot.pin_state is PinState.LOCKED:
        return f"The security officer sets a new PIN: page Keys on {row.title}, Unlock PIN."
    if row.registration is not None and row.registration.pin_refused_at is not None:
        return "Enter the slot password anew. The refused one is not tried again."
    if row.slot.pin_state is PinState.FINAL_TRY:
        return "Check the password before it is tried: a wrong one locks the PIN."
    return ""


def _pin_state(slot: SlotFacts) -> tuple[LinkState, str]:
    if slot.problem:
        return LinkState.BAD, "Cannot be read"
    if slot.pin_state is None:
        return LinkState.UNCHECKED, "Not reported"
    return _PIN_WORDS[slot.pin_state]


def slot_facts(row: SlotRow) -> tuple[tuple[str, str], ...]:
    """Everything that is known of a slot, as (name, value); what is not reported is left out."""
    slot, token = row.slot, row.token
    pairs = [
        ("Token label", token.label if token is not None else ""),
        ("Serial", token.serial if token is not None else ""),
        ("Slot id", f"{row.slot_id} (a hint; it may change)" if row.slot_id else ""),
        ("Registered for", ", ".join(row.registered_for) or "nobody"),
    ]
    if slot is not None:
        pad = "PIN pad of the token" if slot.protected_authentication_path else "PIN"
        pairs += [
            ("Model", slot.model or ""),
            ("Firmware", slot.firmware or ""),
            ("Manufacturer", slot.token_manufacturer or slot.manufacturer),
            ("Description", slot.description),
            ("Log-on by", pad if slot.token is not None else ""),
            ("Problem", slot.problem),
        ]
    pairs += [("Library", row.library.spec.path), ("Problem", row.problem)]
    return tuple((name, value) for name, value in pairs if value)


def sheet_facts(row: SlotRow) -> tuple[tuple[str, str, str], ...]:
    """Every fact of a slot as (name, value, what tells it); what nothing tells says so."""
    return tuple(
        (fact.name, fact.value if fact.value is not None else NOT_REPORTED, fact.source)
        for fact in row.sheet
    )


def algorithm_words(algorithms: Sequence[KeyAlgorithm]) -> str:
    """`RSA, ECDSA P-256, ECDSA P-384`."""
    return ", ".join(each.value.replace("_P", " P-") for each in algorithms) or "none"


def test_words(test: SlotTest) -> tuple[LinkState, str, str]:
    """State, sentence and second sentence about a slot test."""
    label = test.registration.token.label
    can = f"{test.mechanisms} mechanisms; keys: {algorithm_words(test.algorithms)}."
    if test.may_generate is False:
        can += " This role may not generate keys, so signing certificates cannot be renewed."
    if test.signs:
        sentence = f"The token “{label}” signs, in {test.milliseconds:.1f} ms."
        return LinkState.OK, sentence, f"{test.note} {can}"
    return LinkState.WARNING, f"The token “{label}” opens, but did not sign.", f"{test.note} {can}"

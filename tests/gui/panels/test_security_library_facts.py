"""What the Security Library panels say, without a window."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from app.domain.errors import InvalidInput
from app.domain.ids import LibraryId, RegistrationId
from app.domain.keys import TokenIdentity
from app.domain.libraries import Library, SlotRegistration
from app.domain.principals import SYSTEM
from app.domain.status import LinkState
from app.domain.tokens import LibraryInfo, LibrarySpec, PinState, SlotFacts
from app.gui.panels.security_library.environment import parse_environment
from app.gui.panels.security_library.facts import SlotRow, sheet_facts, slot_facts, slot_state
from app.services.security_library.slot_passwords import PasswordPlace, PasswordState
from app.services.security_library.slot_sheet import SlotFact

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
TOKEN = TokenIdentity("8a31", "OCSP")
LIBRARY = Library(
    LibraryId(1), LibrarySpec("/lib/p11.so"), "Acme", LibraryInfo("Acme", "HSM", "2.40", "7.3"), NOW
)


def slot(*, pin: PinState | None = PinState.READY, present: bool = True) -> SlotFacts:
    return SlotFacts(
        slot_id=3,
        description="Net slot",
        manufacturer="Acme",
        token=TOKEN if present and pin else None,
        token_present=present,
        initialised=bool(present and pin),
        pin_state=pin,
    )


def registration(refused: datetime | None = None) -> SlotRegistration:
    return SlotRegistration(RegistrationId(1), LibraryId(1), TOKEN, SYSTEM, 7, NOW, refused)


@pytest.mark.parametrize(
    ("pin", "state", "word"),
    [
        (PinState.READY, LinkState.OK, "Ready"),
        (PinState.FINAL_TRY, LinkState.WARNING, "One try left"),
        (PinState.LOCKED, LinkState.BAD, "Locked"),
    ],
)
def test_the_pin_state_becomes_a_state_and_a_word(
    pin: PinState, state: LinkState, word: str
) -> None:
    assert slot_state(SlotRow(LIBRARY, slot(pin=pin), registration())) == (state, word)


def test_every_pin_state_has_a_word() -> None:
    words = {slot_state(SlotRow(LIBRARY, slot(pin=pin), None))[1] for pin in PinState}
    assert len(words) == len(PinState)


def test_a_refused_password_is_said_before_the_pin_state() -> None:
    row = SlotRow(LIBRARY, slot(), registration(NOW))
    assert slot_state(row) == (LinkState.BAD, "Password refused")


@pytest.mark.parametrize(
    ("state", "word"),
    [
        (PasswordState.NEEDED, "Password needed"),
        (PasswordState.LOST, "Password lost"),
        (PasswordState.UNREADABLE, "Password not read"),
    ],
)
def test_a_password_that_is_not_there_is_said(state: PasswordState, word: str) -> None:
    row = replace(SlotRow(LIBRARY, slot(), registration()), place=PasswordPlace("there", state))
    assert slot_state(row)[1] == word
    assert slot_state(row)[0] is not LinkState.OK


def test_what_is_not_reported_says_so_with_its_reason() -> None:
    row = replace(
        SlotRow(LIBRARY, slot(), None), sheet=(SlotFact("FIPS mode", None, "nobody tells"),)
    )
    assert sheet_facts(row) == (("FIPS mode", "not reported", "nobody tells"),)


def test_a_token_that_is_away_keeps_its_label_and_shows_the_last_slot_as_a_hint() -> None:
    row = SlotRow(LIBRARY, None, registration(), (str(SYSTEM),), "gone")
    assert (row.title, row.slot_id, slot_state(row)[0]) == ("OCSP", "(7)", LinkState.BAD)
    assert ("Problem", "gone") in slot_facts(row)


def test_blank_and_empty_slots_are_told_apart() -> None:
    blank = SlotRow(LIBRARY, slot(pin=None), None)
    empty = SlotRow(LIBRARY, slot(present=False), None)
    assert (blank.title, blank.is_blank, blank.is_empty) == ("Not initialised", True, False)
    assert (empty.title, empty.is_blank, empty.is_empty) == ("Empty slot", False, True)


def test_environment_lines() -> None:
    assert parse_environment(" A=1\n\nB = x=y \n") == (("A", "1"), ("B", "x=y"))


@pytest.mark.parametrize("text", ["SOFTHSM2_CONF", "=x", "A B=1", "A=1\nA=2"])
def test_an_environment_line_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput):
        parse_environment(text)

"""What C_GetSlotInfo and C_GetTokenInfo say, and what they leave unsaid."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from app.domain.tokens import PinState, SlotFacts
from app.hsm.child.management import token_facts

INITIALISED = 0x400
UNAVAILABLE = (-1, 0xFFFFFFFF, 0xFFFFFFFFFFFFFFFF)


def facts(flags: int = INITIALISED, **changed: object) -> SlotFacts:
    """Those of a token that pads with NUL bytes and tells everything, but for what is changed."""
    slot = SimpleNamespace(
        slotDescription="Net slot\0\0\0\0garbage", manufacturerID="SafeNet\0\0\0  "
    )
    token = SimpleNamespace(
        label="Partition\0\0\0\0\0",
        manufacturerID="SafeNet\0\0",
        model="Luna K7\0",
        serialNumber="1234567890123\0",
        flags=flags,
        ulMaxSessionCount=12,
        ulSessionCount=3,
        ulMaxPinLen=255,
        ulMinPinLen=7,
        ulTotalPrivateMemory=324096,
        ulFreePrivateMemory=1024,
        hardwareVersion=(1, 2),
        firmwareVersion=(7, 8),
    )
    vars(token).update(changed)
    return token_facts(5, slot, token)


def test_a_token_that_tells_everything() -> None:
    found = facts(0x10E)
    assert found.token is not None
    assert (found.token.serial, found.token.label) == ("1234567890123", "Partition")
    assert (found.slot_id, found.description, found.manufacturer) == (5, "Net slot", "SafeNet")
    assert (found.model, found.firmware, found.hardware) == ("Luna K7", "7.8", "1.2")
    assert (found.total_memory, found.free_memory) == (324096, 1024)
    assert (found.max_sessions, found.sessions) == (12, 3)
    assert (found.min_pin, found.max_pin) == (7, 255)
    assert found.protected_authentication_path
    assert found.write_protected
    assert found.pin_state is PinState.READY


@pytest.mark.parametrize("unavailable", UNAVAILABLE)
def test_what_is_not_available_is_none_and_no_number(unavailable: int) -> None:
    found = facts(
        ulMaxSessionCount=unavailable,
        ulSessionCount=unavailable,
        ulTotalPrivateMemory=unavailable,
        ulFreePrivateMemory=unavailable,
        ulMinPinLen=unavailable,
        ulMaxPinLen=unavailable,
    )
    assert (found.total_memory, found.free_memory) == (None, None)
    assert (found.max_sessions, found.sessions) == (None, None)
    assert (found.min_pin, found.max_pin) == (None, None)


@pytest.mark.parametrize(
    ("flags", "user", "officer"),
    [
        (0, None, None),
        (0x08, PinState.READY, None),
        (0x10008, PinState.COUNT_LOW, None),
        (0x30008, PinState.FINAL_TRY, None),
        (0x40000, PinState.LOCKED, None),
        (0x80008, PinState.TO_BE_CHANGED, None),
        (0x100008, PinState.READY, PinState.COUNT_LOW),
        (0x300000, None, PinState.FINAL_TRY),
        (0x400000, None, PinState.LOCKED),
        (0x800000, None, PinState.TO_BE_CHANGED),
        # Neither user's flags are taken for the other's.
        (0x80, None, None),
    ],
)
def test_flags_of_both_pins(flags: int, user: PinState | None, officer: PinState | None) -> None:
    found = facts(INITIALISED | flags)
    assert (found.pin_state, found.so_pin_state) == (user, officer)


def test_a_token_that_is_not_initialised_has_no_pins() -> None:
    found = facts(0)
    assert (found.token, found.initialised) == (None, False)
    assert (found.pin_state, found.so_pin_state) == (None, None)


def test_a_user_pin_without_the_initialised_flag_means_that_it_is_in_use() -> None:
    assert facts(0x08).initialised

"""How many signatures a token makes side by side, and logins that are looked after."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from app.domain.errors import PinRefusedBefore
from app.hsm.isolation import KeyIsolation
from tests.hsm.conftest import DEADLINES, Pins, eventually
from tests.hsm.support import P256, begin, sign, verify

if TYPE_CHECKING:
    from collections.abc import Iterator

    from app.domain.keys import KeyDescription
    from app.hsm.isolation import IsolatedLibrary, TokenKeyProvider
    from tests.faults.module import Faults


def in_flight(provider: TokenKeyProvider, pair: KeyDescription, faults: Faults, most: int) -> int:
    """How many of many signatures the library is asked for before the first has come back."""
    faults.set("C_Sign delay 1000")
    before = faults.calls("C_Sign")
    futures = [begin(provider, pair) for _ in range(most + 4)]
    assert eventually(lambda: faults.calls("C_Sign") - before >= most)
    found = faults.calls("C_Sign") - before
    faults.set()
    for future in futures:
        verify(pair, future.result(10))
    return found


@pytest.mark.parametrize("lanes", [1, 9])
def test_a_token_signs_with_as_many_lanes_as_its_provider_says(
    faulty: IsolatedLibrary, faults: Faults, pins: Pins, lanes: int
) -> None:
    provider = faulty.provider(faults.softhsm.token, "Lanes", pins, lanes)
    pair = provider.generate(P256, "lanes")
    assert in_flight(provider, pair, faults, lanes) == lanes


def test_lanes_are_changed_without_another_login(
    faulty: IsolatedLibrary, faults: Faults, pins: Pins
) -> None:
    token = faults.softhsm.token
    provider = faulty.provider(token, "Lanes", pins, 2)
    pair = provider.generate(P256, "lanes")
    for lanes in (6, 1):
        provider = faulty.provider(token, "Lanes", pins, lanes)
        channel = faulty.channel
        assert channel is not None
        assert eventually(lambda: channel.lanes[token] == lanes)  # noqa: B023 - polled at once
        assert in_flight(provider, pair, faults, lanes) == lanes
    assert faults.calls("C_Login") == 1


def test_a_library_that_cannot_lock_keeps_one_lane(
    faulty: IsolatedLibrary, faults: Faults, pins: Pins
) -> None:
    faults.set("C_Initialize cant-lock")
    token = faults.softhsm.token
    provider = faulty.provider(token, "No locks", pins, 16)
    pair = provider.generate(P256, "one at a time")
    channel = faulty.channel
    assert channel is not None
    # The parent's clock for a signature starts only when the one lane takes it.
    assert channel.lanes[token] == 1
    assert in_flight(provider, pair, faults, 1) == 1


# --- keep-alive -------------------------------------------------------------------------------


@pytest.fixture
def lively() -> Iterator[KeyIsolation]:
    """A key isolation that looks after idle logins five times a second."""
    made = KeyIsolation(deadlines=replace(DEADLINES, keep_alive=0.2))
    yield made
    made.close()


def test_an_idle_login_is_looked_after(lively: KeyIsolation, faults: Faults, pins: Pins) -> None:
    library = lively.library(faults.spec)
    library.provider(faults.softhsm.token, "Idle", pins).keys()
    before = faults.calls("C_GetSessionInfo")
    assert eventually(lambda: faults.calls("C_GetSessionInfo") >= before + 3)
    assert faults.calls("C_Login") == 1


@pytest.mark.parametrize("lost", ["sessions lose", "login lose"])
def test_a_login_that_was_dropped_while_idle_is_made_again(
    lively: KeyIsolation, faults: Faults, pins: Pins, lost: str
) -> None:
    provider = lively.library(faults.spec).provider(faults.softhsm.token, "Idle", pins)
    pair = provider.generate(P256, "idle")
    faults.set(lost)
    assert eventually(lambda: faults.calls("C_Login") == 2)
    sign(provider, pair, times=3)
    assert faults.calls("C_Login") == 2
    assert pins.asked == 1


def test_a_pin_that_is_refused_while_idle_is_not_tried_again(
    lively: KeyIsolation, faults: Faults, pins: Pins
) -> None:
    provider = lively.library(faults.spec).provider(faults.softhsm.token, "Idle", pins)
    pair = provider.generate(P256, "idle")
    faults.set("sessions lose", "C_Login fail 0xA0")
    assert eventually(lambda: faults.calls("C_Login") == 2)
    before = faults.calls("C_GetSessionInfo")
    assert eventually(lambda: faults.calls("C_GetSessionInfo") >= before + 3)
    for _ in range(2):
        assert isinstance(begin(provider, pair).exception(5), PinRefusedBefore)
    assert faults.calls("C_Login") == 2
    assert len(pins.refusals) == 1


def test_nobody_is_asked_for_a_pin_on_a_pin_pad_while_idle(
    lively: KeyIsolation, faults: Faults
) -> None:
    pin = faults.softhsm.user_pin.reveal().decode()
    faults.set(f"token ped {pin}")
    provider = lively.library(faults.spec).provider(faults.softhsm.token, "PED", Pins(None))
    pair = provider.generate(P256, "by PIN pad")
    faults.set(f"token ped {pin}", "sessions lose")
    before = faults.calls("C_GetSessionInfo")
    assert eventually(lambda: faults.calls("C_GetSessionInfo") >= before + 3)
    assert faults.calls("C_Login") == 1
    sign(provider, pair)
    assert faults.calls("C_Login") == 2

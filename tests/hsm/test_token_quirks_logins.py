"""Quirks of logins and sessions: PIN pads, other PINs, logins and sessions that go away."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

import pytest

from app.domain.errors import Cancelled, DeadlineExceeded, PinIncorrect, TokenAbsent, TokenError
from app.domain.secret import Secret
from tests.hsm.conftest import Pins, eventually
from tests.hsm.support import P256, begin, sign, verify

if TYPE_CHECKING:
    from app.domain.keys import KeyDescription
    from app.domain.tokens import SlotFacts
    from app.hsm.isolation import IsolatedLibrary, TokenKeyProvider
    from tests.faults.module import Faults

# C_Initialize is called twice: PyKCS11 does so itself on a library that is loaded already.
EACH_LOAD = 2


@pytest.fixture
def pair(faulty_provider: TokenKeyProvider) -> KeyDescription:
    """A key behind the fault module."""
    return faulty_provider.generate(P256, "tested")


def slot_of(library: IsolatedLibrary, faults: Faults) -> SlotFacts:
    token = faults.softhsm.token
    return next(slot for slot in library.slots() if slot.token == token)


def pin_text(faults: Faults) -> str:
    return faults.softhsm.user_pin.reveal().decode()


def stay_idle(seconds: float) -> None:
    until = time.monotonic() + seconds
    assert eventually(lambda: time.monotonic() > until)


def test_quirk_14_login_at_each_use(faulty_provider: TokenKeyProvider, faults: Faults) -> None:
    faults.set("objects ask-at-each-use")
    pair = faulty_provider.generate(P256, "asks at each use")
    logins = faults.calls("C_Login")
    sign(faulty_provider, pair, times=12)
    assert faults.calls("C_Login") == logins + 12


def test_quirk_16_pin_pad_of_its_own(faulty: IsolatedLibrary, faults: Faults) -> None:
    faults.set(f"token ped {pin_text(faults)}")
    assert slot_of(faulty, faults).protected_authentication_path
    provider = faulty.provider(faults.softhsm.token, "PIN pad", Pins(None))
    pair = provider.generate(P256, "by PIN pad")
    sign(provider, pair, times=4)
    # Even the right PIN is refused when it is given, and so is an empty one.
    for given in (faults.softhsm.user_pin, Secret("")):
        with pytest.raises(TokenError) as caught:
            faulty.verify_pin(faults.softhsm.token, given)
        assert caught.value.ckr == "CKR_ARGUMENTS_BAD"


def test_quirk_16_nobody_at_the_pin_pad(faulty: IsolatedLibrary, faults: Faults) -> None:
    faulty.slots()
    faults.set(f"token ped {pin_text(faults)}", "C_Login hang")
    given_up = threading.Event()
    errors: list[BaseException] = []

    def try_slot() -> None:
        try:
            faulty.try_slot(faults.softhsm.token, None, given_up.is_set)
        except Cancelled as error:
            errors.append(error)

    trial = threading.Thread(target=try_slot)
    trial.start()
    assert eventually(lambda: faults.calls("C_Login") == 1)
    # The library's own child goes on meanwhile.
    assert slot_of(faulty, faults).protected_authentication_path
    given_up.set()
    trial.join(10)
    assert len(errors) == 1
    faults.set(f"token ped {pin_text(faults)}", "C_Login fail CKR_FUNCTION_CANCELED")
    with pytest.raises(TokenError) as caught:
        faulty.try_slot(faults.softhsm.token, None)
    assert caught.value.ckr == "CKR_FUNCTION_CANCELED"
    faults.set(f"token ped {pin_text(faults)}")
    assert faulty.try_slot(faults.softhsm.token, None).signed


def test_quirk_17_pin_flag_missing_although_the_pin_works(
    faulty: IsolatedLibrary, faulty_provider: TokenKeyProvider, faults: Faults
) -> None:
    faults.set("token no-pin-flags")
    slot = slot_of(faulty, faults)
    assert slot.initialised
    assert slot.pin_state is None
    faulty.verify_pin(faults.softhsm.token, faults.softhsm.user_pin)
    sign(faulty_provider, faulty_provider.generate(P256, "without the flag"))


def test_quirk_18_name_and_password_as_pin(faulty: IsolatedLibrary, faults: Faults) -> None:
    given = "crypto_user:Paß:wort%20"
    faults.set(f"token user-password {given} {pin_text(faults)}")
    provider = faulty.provider(faults.softhsm.token, "CloudHSM", Pins(Secret(given)))
    sign(provider, provider.generate(P256, "by name and password"))
    with pytest.raises(PinIncorrect):
        faulty.verify_pin(faults.softhsm.token, faults.softhsm.user_pin)


def test_quirk_19_logged_in_already(
    faulty_provider: TokenKeyProvider, pins: Pins, faults: Faults
) -> None:
    faults.set("C_Login answer CKR_USER_ALREADY_LOGGED_IN")
    pair = faulty_provider.generate(P256, "logged in already")
    sign(faulty_provider, pair, times=4)
    faults.set("C_Login answer CKR_USER_ALREADY_LOGGED_IN", "sessions lose")
    sign(faulty_provider, pair, times=4)
    assert pins.refusals == []


def test_quirk_20_one_closed_session_logs_all_out(
    faulty: IsolatedLibrary, faulty_provider: TokenKeyProvider, pair: KeyDescription, faults: Faults
) -> None:
    sign(faulty_provider, pair, times=8)
    # Twice: an operation that was begun ahead of its request may fail once without a word.
    faults.set("C_CloseSession logs-out", "C_Sign fail CKR_FUNCTION_FAILED 2")
    with pytest.raises(TokenError, match="could not do it"):
        begin(faulty_provider, pair).result(10)
    faults.set("C_CloseSession logs-out")
    for _ in range(8):
        sign(faulty_provider, pair)
    sign(faulty_provider, pair, times=12)
    # Nor does a trial of the PIN, in a process of its own, log the other out.
    logins = faults.calls("C_Login")
    faulty.verify_pin(faults.softhsm.token, faults.softhsm.user_pin)
    sign(faulty_provider, pair, times=4)
    assert faults.calls("C_Login") == logins + 1


def test_quirk_22_token_pulled_out_and_put_back(
    faulty: IsolatedLibrary, faulty_provider: TokenKeyProvider, pair: KeyDescription, faults: Faults
) -> None:
    sign(faulty_provider, pair, times=4)
    loads, logins = faults.calls("C_Initialize"), faults.calls("C_Login")
    faults.set("token removed")
    for _ in range(3):
        with pytest.raises((TokenAbsent, TokenError)) as caught:
            begin(faulty_provider, pair).result(10)
        assert caught.value.remedy
    assert not any(slot.token for slot in faulty.slots())
    with pytest.raises((TokenAbsent, TokenError)):
        faulty_provider.keys()
    faults.set()
    sign(faulty_provider, pair, times=8)
    assert faulty_provider.keys() == (pair,)
    # It is loaded anew once, not at each try: many libraries show only what was there then.
    assert faults.calls("C_Initialize") == loads + EACH_LOAD
    assert faults.calls("C_Login") == logins + 1


def test_quirk_23_idle_session_dropped(
    faulty_provider: TokenKeyProvider, pair: KeyDescription, pins: Pins, faults: Faults
) -> None:
    faults.set("sessions idle 150")
    sign(faulty_provider, pair, times=4)
    for _ in range(2):
        stay_idle(0.25)
        sign(faulty_provider, pair, times=4)
    assert faulty_provider.keys() == (pair,)
    # The PIN is asked for once; the child logs in again by itself.
    assert (pins.asked, pins.refusals) == (1, [])


def test_a_login_that_never_returns_is_told_apart_from_a_refusal(
    faulty: IsolatedLibrary, faults: Faults, pins: Pins
) -> None:
    faulty.slots()
    faults.set("C_Login hang-once")
    provider = faulty.provider(faults.softhsm.token, "Hangs once", pins)
    with pytest.raises(DeadlineExceeded):
        provider.keys()
    assert provider.keys() == ()
    assert pins.refusals == []


def test_signatures_in_flight_survive_a_lost_login(
    faulty_provider: TokenKeyProvider, pair: KeyDescription, faults: Faults
) -> None:
    calls = faults.calls("C_Sign")
    faults.set("C_Sign delay 100")
    futures = [begin(faulty_provider, pair) for _ in range(16)]
    assert eventually(lambda: faults.calls("C_Sign") > calls)
    faults.set("C_Sign delay 20", "sessions lose")
    for future in futures:
        verify(pair, future.result(10))

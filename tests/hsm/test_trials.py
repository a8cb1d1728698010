"""Trials of a slot and changes of PINs, which touch no login that stands."""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from app.domain.errors import (
    Cancelled,
    DeadlineExceeded,
    InvalidInput,
    PinIncorrect,
    PinLocked,
    PinRefusedBefore,
    TokenAbsent,
    TokenError,
)
from app.domain.keys import KeyAlgorithm, KeySpec, TokenIdentity
from app.domain.secret import Secret
from app.domain.tokens import PinState
from app.hsm.isolation import IsolatedLibrary, KeyIsolation
from tests.hsm.conftest import DEADLINES, Pins, eventually

if TYPE_CHECKING:
    from tests.faults.module import Faults
    from tests.softhsm import SoftHsm

WRONG = Secret("this-pin-is-wrong")
NEW = Secret("another-pin-4711")
P256 = KeySpec(KeyAlgorithm.ECDSA_P256, 256)


# --- trying a slot ----------------------------------------------------------------------------


def test_a_slot_is_tried_with_one_login_and_leaves_nothing(
    faulty: IsolatedLibrary, faults: Faults, isolation: KeyIsolation, pins: Pins
) -> None:
    token = faults.softhsm.token
    trial = faulty.try_slot(token, faults.softhsm.user_pin)
    assert (trial.signed, trial.algorithm, trial.problem) == (True, "ECDSA_P256", "")
    assert trial.may_generate is True
    assert 0 < trial.milliseconds < 10_000
    assert "CKM_ECDSA" in {mechanism.name for mechanism in trial.mechanisms}
    assert faults.calls("C_Login") == 1
    assert faults.calls("C_GenerateKeyPair") == 1
    assert isolation.process_ids() == ()
    assert faulty.provider(token, "Left over", pins).keys() == ()


def test_a_wrong_password_is_tried_once_by_a_trial(faulty: IsolatedLibrary, faults: Faults) -> None:
    with pytest.raises(PinIncorrect):
        faulty.try_slot(faults.softhsm.token, WRONG)
    assert faults.calls("C_Login") == 1
    assert faults.calls("C_GenerateKeyPair") == 0


def test_a_trial_of_a_token_that_is_not_there(library: IsolatedLibrary, softhsm: SoftHsm) -> None:
    with pytest.raises(TokenAbsent):
        library.try_slot(TokenIdentity("0000", "gone"), softhsm.user_pin)


@pytest.mark.parametrize("answer", ["0x1B", "0x68", "0x103", "0x101", "0x8000001A"])
def test_a_role_that_may_not_generate_keys_is_said(
    faulty: IsolatedLibrary, faults: Faults, answer: str
) -> None:
    faults.set(f"C_GenerateKeyPair fail {answer}")
    trial = faulty.try_slot(faults.softhsm.token, faults.softhsm.user_pin)
    assert (trial.signed, trial.may_generate) == (False, False)
    assert "not generate keys" in trial.problem
    assert "Crypto User" in trial.problem
    assert "renewal cannot make a new key" in trial.problem
    assert trial.mechanisms
    assert faults.calls("C_GenerateKeyPair") == 1


def test_a_real_generation_says_the_same(
    faulty: IsolatedLibrary, faults: Faults, pins: Pins
) -> None:
    faults.set("C_GenerateKeyPair fail 0x8000001A")
    provider = faulty.provider(faults.softhsm.token, "Crypto User", pins)
    with pytest.raises(TokenError, match="not generate keys") as caught:
        provider.generate(P256, "not made")
    assert "renewal cannot make a new key" in caught.value.cause


@pytest.mark.parametrize("fault", [(), ("token fips",), ("token no-pkcs1",)])
def test_a_token_without_the_curve_is_tried_with_rsa(
    faulty: IsolatedLibrary, faults: Faults, fault: tuple[str, ...]
) -> None:
    curve = "C_GenerateKeyPair refuse-attribute 0x180 CKR_CURVE_NOT_SUPPORTED"
    faults.set(curve, *fault)
    trial = faulty.try_slot(faults.softhsm.token, faults.softhsm.user_pin)
    assert (trial.signed, trial.algorithm, trial.problem) == (True, "RSA 2048", "")


def test_a_token_with_a_pin_pad_is_tried_without_a_pin(
    faulty: IsolatedLibrary, faults: Faults
) -> None:
    faults.set(f"token ped {faults.softhsm.user_pin.reveal().decode()}")
    assert faulty.try_slot(faults.softhsm.token, None).signed
    assert faults.calls("C_Login") == 1


def test_a_token_without_session_keys_is_said_and_accuses_no_role(
    faulty: IsolatedLibrary, faults: Faults
) -> None:
    faults.set("C_GenerateKeyPair fail 0xD1")  # CKR_TEMPLATE_INCONSISTENT
    trial = faulty.try_slot(faults.softhsm.token, faults.softhsm.user_pin)
    assert (trial.signed, trial.may_generate) == (False, None)
    assert "CKR_TEMPLATE_INCONSISTENT" in trial.problem


def test_a_wrong_signature_of_a_session_key_is_found(
    faulty: IsolatedLibrary, faults: Faults
) -> None:
    faults.set("C_Sign wrong")
    trial = faulty.try_slot(faults.softhsm.token, faults.softhsm.user_pin)
    assert (trial.signed, trial.may_generate) == (False, True)
    assert "wrong" in trial.problem


def test_a_signature_that_fails_is_no_missing_right(
    faulty: IsolatedLibrary, faults: Faults
) -> None:
    faults.set("C_SignInit fail 0x30")
    trial = faulty.try_slot(faults.softhsm.token, faults.softhsm.user_pin)
    assert (trial.signed, trial.may_generate) == (False, True)
    assert "C_SignInit returned CKR_DEVICE_ERROR" in trial.problem


def test_a_library_that_is_logged_in_signs_without_another_login(
    faulty: IsolatedLibrary, faults: Faults, pins: Pins
) -> None:
    token = faults.softhsm.token
    provider = faulty.provider(token, "Logged in", pins)
    provider.keys()
    for _ in range(2):
        assert faulty.try_signing(token, pins).signed
    assert faults.calls("C_Login") == 1
    assert provider.keys() == ()


# --- PIN pads ---------------------------------------------------------------------------------


def test_a_login_on_a_pin_pad_can_be_cancelled(
    faulty: IsolatedLibrary, faults: Faults, isolation: KeyIsolation
) -> None:
    faulty.slots()
    own = isolation.process_ids()
    faults.set("C_Login hang")
    stop = threading.Event()
    outcome: list[BaseException] = []

    def try_slot() -> None:
        try:
            faulty.try_slot(faults.softhsm.token, None, stop.is_set)
        except Cancelled as error:
            outcome.append(error)

    person = threading.Thread(target=try_slot)
    person.start()
    assert eventually(lambda: faults.calls("C_Login") == 1)
    # The others go on meanwhile, in a process that is another.
    assert faulty.slots()
    stop.set()
    person.join(5)
    assert [type(error) for error in outcome] == [Cancelled]
    assert isolation.process_ids() == own
    assert faults.calls("C_Login") == 1


def test_a_login_on_a_pin_pad_has_a_time_of_its_own(faults: Faults) -> None:
    faults.set("C_Login hang")
    patient = KeyIsolation(deadlines=replace(DEADLINES, login=0.2, pin_pad=1.5))
    try:
        with pytest.raises(DeadlineExceeded, match=r"1\.5 seconds"):
            patient.library(faults.spec).try_slot(faults.softhsm.token, None)
        assert patient.process_ids() == ()
    finally:
        patient.close()
    assert faults.calls("C_Login") == 1


def test_a_trial_that_was_cancelled_before_spends_no_try(
    faulty: IsolatedLibrary, faults: Faults
) -> None:
    with pytest.raises(Cancelled):
        faulty.try_slot(faults.softhsm.token, WRONG, lambda: True)
    assert faults.calls("C_Login") == 0


# --- changing PINs ----------------------------------------------------------------------------


def test_a_user_pin_is_changed_and_the_old_one_never_tried_again(
    faulty: IsolatedLibrary, faults: Faults, pins: Pins
) -> None:
    token, old = faults.softhsm.token, faults.softhsm.user_pin
    provider = faulty.provider(token, "Changing", pins)
    provider.generate(P256, "kept")
    faulty.change_pin(token, old, NEW)
    logins = faults.calls("C_Login")
    with pytest.raises(PinRefusedBefore):
        provider.keys()  # the source still gives the old one
    assert faults.calls("C_Login") == logins
    assert pins.refusals == []
    pins.value = NEW
    (kept,) = provider.keys()
    assert kept.locator.label == "kept"
    with pytest.raises(PinIncorrect):
        faulty.verify_pin(token, old)
    faulty.verify_pin(token, NEW)


def test_a_login_with_the_new_pin_is_left_alone(
    library: IsolatedLibrary, softhsm: SoftHsm, isolation: KeyIsolation
) -> None:
    library.change_pin(softhsm.token, softhsm.user_pin, NEW)
    provider = library.provider(softhsm.token, "Up to date", Pins(NEW))
    provider.keys()
    before = isolation.process_ids()
    library.unlock_pin(softhsm.token, softhsm.so_pin, NEW)
    assert isolation.process_ids() == before


def test_a_wrong_old_pin_is_tried_once_and_changes_nothing(
    faulty: IsolatedLibrary, faults: Faults
) -> None:
    token = faults.softhsm.token
    with pytest.raises(PinIncorrect) as caught:
        faulty.change_pin(token, WRONG, NEW)
    assert (caught.value.function, caught.value.ckr) == ("C_SetPIN", "CKR_PIN_INCORRECT")
    faulty.verify_pin(token, faults.softhsm.user_pin)


def test_a_new_pin_that_does_not_fit_changes_nothing(
    faulty: IsolatedLibrary, faults: Faults
) -> None:
    softhsm = faults.softhsm
    token, short = softhsm.token, Secret("123")
    with pytest.raises(InvalidInput, match="new PIN"):
        faulty.change_pin(token, softhsm.user_pin, short)
    with pytest.raises(InvalidInput, match="new PIN"):
        faulty.change_pin(token, softhsm.so_pin, Secret(""), officer=True)
    with pytest.raises(InvalidInput, match="new PIN"):
        faulty.unlock_pin(token, softhsm.so_pin, Secret("x" * 300))
    assert faults.calls("C_Login") == 0
    faulty.verify_pin(softhsm.token, softhsm.user_pin)


def test_the_security_officers_pin_is_changed(library: IsolatedLibrary, softhsm: SoftHsm) -> None:
    library.change_pin(softhsm.token, softhsm.so_pin, NEW, officer=True)
    with pytest.raises(PinIncorrect, match="security officer") as caught:
        library.change_pin(softhsm.token, softhsm.so_pin, WRONG, officer=True)
    assert caught.value.function == "C_Login"
    library.change_pin(softhsm.token, NEW, softhsm.so_pin, officer=True)
    library.verify_pin(softhsm.token, softhsm.user_pin)


def test_a_locked_pin_is_unlocked_by_the_security_officer(
    faulty: IsolatedLibrary, faults: Faults, pins: Pins
) -> None:
    softhsm = faults.softhsm
    provider = faulty.provider(softhsm.token, "Locked", pins)
    faults.set("C_Login pin-tries 1")
    with pytest.raises(PinLocked):
        faulty.try_slot(softhsm.token, WRONG)
    with pytest.raises(PinLocked):
        provider.keys()
    faults.set()
    with pytest.raises(PinIncorrect, match="security officer"):
        faulty.unlock_pin(softhsm.token, WRONG, NEW)
    faulty.unlock_pin(softhsm.token, softhsm.so_pin, NEW)
    pins.value = NEW
    assert provider.keys() == ()


def test_unlocking_keeps_the_keys(library: IsolatedLibrary, softhsm: SoftHsm, pins: Pins) -> None:
    provider = library.provider(softhsm.token, "Unlocked", pins)
    pair = provider.generate(P256, "kept")
    library.unlock_pin(softhsm.token, softhsm.so_pin, NEW)
    pins.value = NEW
    assert provider.keys() == (pair,)


def test_a_pin_is_changed_only_on_a_token_that_is_there(
    library: IsolatedLibrary, softhsm: SoftHsm
) -> None:
    with pytest.raises(TokenAbsent):
        library.change_pin(TokenIdentity("0000", "gone"), softhsm.user_pin, NEW)


def test_no_pin_of_a_change_is_in_any_text(library: IsolatedLibrary, softhsm: SoftHsm) -> None:
    with pytest.raises(PinIncorrect) as caught:
        library.change_pin(softhsm.token, WRONG, NEW)
    texts = [str(caught.value), caught.value.detail, repr(vars(library)), repr(caught.value)]
    for secret in (WRONG, NEW):
        assert not [text for text in texts if secret.reveal().decode() in text]


# --- what a token says of itself --------------------------------------------------------------


def test_a_token_says_its_memory_and_sessions_or_nothing(
    library: IsolatedLibrary, softhsm: SoftHsm
) -> None:
    slot = next(slot for slot in library.slots() if slot.token == softhsm.token)
    # SoftHSM has CK_UNAVAILABLE_INFORMATION for its memory.
    assert (slot.total_memory, slot.free_memory) == (None, None)
    assert slot.max_sessions == 0
    assert slot.hardware
    assert slot.write_protected is False
    assert slot.pin_state is PinState.READY
    assert slot.so_pin_state is None

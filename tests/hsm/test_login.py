"""PINs: tried once, never shown, and locked PINs named."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import pytest

from app.domain.errors import (
    InvalidInput,
    NotLoggedIn,
    PinIncorrect,
    PinLocked,
    PinRefusedBefore,
    Refused,
    TokenAbsent,
)
from app.domain.keys import (
    HashAlgorithm,
    KeyAlgorithm,
    KeySpec,
    SignaturePadding,
    SignatureScheme,
)
from app.domain.secret import Secret
from app.hsm import messages
from tests.hsm.conftest import Pins

if TYPE_CHECKING:
    from app.hsm.isolation import IsolatedLibrary, KeyIsolation
    from tests.faults.module import Faults
    from tests.softhsm import SoftHsm

WRONG = "this-pin-is-wrong"
P256 = KeySpec(KeyAlgorithm.ECDSA_P256, 256)
SCHEME = SignatureScheme(SignaturePadding.ECDSA, HashAlgorithm.SHA256)


def test_a_wrong_pin_is_tried_exactly_once(faulty: IsolatedLibrary, faults: Faults) -> None:
    pins = Pins(Secret(WRONG))
    provider = faulty.provider(faults.softhsm.token, "Wrong", pins)
    with pytest.raises(PinIncorrect) as caught:
        provider.keys()
    assert (caught.value.ckr, caught.value.function) == ("CKR_PIN_INCORRECT", "C_Login")
    for _ in range(3):
        with pytest.raises(PinRefusedBefore):
            provider.keys()
    with pytest.raises(PinRefusedBefore):
        provider.generate(P256, "not made")
    faulty.restart()
    with pytest.raises(PinRefusedBefore):
        provider.keys()
    assert faults.calls("C_Login") == 1
    assert len(pins.refusals) == 1


def test_another_pin_is_tried_after_a_wrong_one(faulty: IsolatedLibrary, faults: Faults) -> None:
    pins = Pins(Secret(WRONG))
    provider = faulty.provider(faults.softhsm.token, "Wrong, then right", pins)
    with pytest.raises(PinIncorrect):
        provider.keys()
    pins.value = faults.softhsm.user_pin
    assert provider.keys() == ()
    assert faults.calls("C_Login") == 2


def test_the_tries_left_are_told_as_far_as_the_token_tells_them(
    faulty: IsolatedLibrary, faults: Faults
) -> None:
    faults.set("C_Login pin-tries 3")
    token = faults.softhsm.token
    with pytest.raises(PinIncorrect, match="few tries") as caught:
        faulty.verify_pin(token, Secret(WRONG))
    assert caught.value.tries_left is None
    with pytest.raises(PinIncorrect, match="One try") as caught:
        faulty.verify_pin(token, Secret(WRONG))
    assert caught.value.tries_left == 1
    with pytest.raises(PinLocked):
        faulty.verify_pin(token, Secret(WRONG))
    with pytest.raises(PinLocked) as locked:
        faulty.verify_pin(token, faults.softhsm.user_pin)
    assert locked.value.ckr == "CKR_PIN_LOCKED"
    assert faults.calls("C_Login") == 4


def test_a_token_that_tells_no_tries_gets_no_number(
    library: IsolatedLibrary, softhsm: SoftHsm
) -> None:
    with pytest.raises(PinIncorrect) as caught:
        library.verify_pin(softhsm.token, Secret(WRONG))
    assert caught.value.tries_left is None
    library.verify_pin(softhsm.token, softhsm.user_pin)


def test_a_pin_is_verified_although_the_library_is_logged_in(
    library: IsolatedLibrary, softhsm: SoftHsm, pins: Pins
) -> None:
    provider = library.provider(softhsm.token, "Logged in", pins)
    pair = provider.generate(P256, "logged in")
    with pytest.raises(PinIncorrect):
        library.verify_pin(softhsm.token, Secret(WRONG))
    # Neither the login nor its sessions are lost by the trial.
    provider.sign(pair.locator, SCHEME, bytes(32)).result(5)
    assert pins.asked == 1


def test_a_pin_that_was_changed_elsewhere_is_refused_once(
    faulty: IsolatedLibrary, faults: Faults, pins: Pins
) -> None:
    provider = faulty.provider(faults.softhsm.token, "Changed", pins)
    pair = provider.generate(P256, "changed")
    before = faults.calls("C_Login")
    # The sessions are lost, and the PIN is another when the child logs in again by itself.
    faults.set("C_SignInit fail 0xB3", "C_Login fail 0xA0")
    signatures = [provider.sign(pair.locator, SCHEME, bytes(32)) for _ in range(6)]
    errors = [signature.exception(10) for signature in signatures]
    assert all(isinstance(error, PinIncorrect | PinRefusedBefore) for error in errors), errors
    assert faults.calls("C_Login") == before + 1
    assert len(pins.refusals) == 1


def test_a_refused_pin_is_tried_again_once_a_person_has_verified_it(
    faulty: IsolatedLibrary, faults: Faults, pins: Pins
) -> None:
    provider = faulty.provider(faults.softhsm.token, "Verified", pins)
    faults.set("C_Login fail 0xA0")
    with pytest.raises(PinIncorrect):
        provider.keys()
    faults.set()
    with pytest.raises(PinRefusedBefore):
        provider.keys()
    faulty.verify_pin(faults.softhsm.token, faults.softhsm.user_pin)
    assert provider.keys() == ()
    assert faults.calls("C_Login") == 3


def test_no_pin_known_is_said_by_the_source(library: IsolatedLibrary, softhsm: SoftHsm) -> None:
    class Nobody(Pins):
        def pin(self) -> Secret | None:
            raise NotLoggedIn("No PIN is known.")

        def refused(self, error: object) -> None:
            raise AssertionError(error)

    provider = library.provider(softhsm.token, "Nobody", Nobody(None))
    with pytest.raises(NotLoggedIn):
        provider.keys()


def test_a_pin_is_in_no_text(
    faulty: IsolatedLibrary, faults: Faults, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    provider = faulty.provider(faults.softhsm.token, "Silent", Pins(Secret(WRONG)))
    with pytest.raises(PinIncorrect) as caught:
        provider.keys()
    error = caught.value
    texts = [str(error), repr(error), error.one_line(), error.detail, repr(provider), caplog.text]
    texts += [repr(vars(provider)), repr(vars(faulty))]
    texts.append(repr(messages.Login(faults.softhsm.token, WRONG.encode())))
    texts.append(repr(messages.InitialiseToken(1, "label", WRONG.encode(), WRONG.encode())))
    call = messages.Call(1, messages.Login(faults.softhsm.token, WRONG.encode()))
    texts.append(repr(call))
    assert not [text for text in texts if WRONG in text]


# --- initialising -----------------------------------------------------------------------------


def test_an_initialised_token_is_not_initialised_again(
    library: IsolatedLibrary, softhsm: SoftHsm
) -> None:
    slot = next(slot for slot in library.slots() if slot.token == softhsm.token)
    with pytest.raises(Refused):
        library.initialise_token(slot.slot_id, "Again", softhsm.so_pin, softhsm.user_pin)
    # The child refuses too, should the slot have changed since it was listed.
    pins = (softhsm.so_pin.reveal(), softhsm.user_pin.reveal())
    with pytest.raises(Refused):
        library.ask(messages.InitialiseToken(slot.slot_id, "Again", *pins), 10)
    assert softhsm.token in [slot.token for slot in library.slots()]


def test_what_does_not_fit_the_token_changes_nothing(
    library: IsolatedLibrary, softhsm: SoftHsm
) -> None:
    before = library.slots()
    slot = next(slot for slot in before if not slot.initialised)
    so_pin, pin = softhsm.so_pin, softhsm.user_pin
    for label in ("", "x" * 33, "ü" * 17, "a\x1b[31mb", "a\u202eb", softhsm.token.label):
        with pytest.raises(InvalidInput):
            library.initialise_token(slot.slot_id, label, so_pin, pin)
    with pytest.raises(InvalidInput):
        library.initialise_token(slot.slot_id, "Short", so_pin, Secret("123"))
    with pytest.raises(InvalidInput):
        library.initialise_token(slot.slot_id, "Short", Secret("123"), pin)
    with pytest.raises(TokenAbsent):
        library.initialise_token(987654, "Nowhere", so_pin, pin)
    assert library.slots() == before


def test_two_isolations_share_nothing(isolation: KeyIsolation, softhsm: SoftHsm) -> None:
    provider = isolation.library(softhsm.spec).provider(
        softhsm.token, "Right", Pins(softhsm.user_pin)
    )
    assert provider.keys() == ()
    other = isolation.library(
        type(softhsm.spec)(softhsm.spec.path, (*softhsm.spec.environment, ("X", "Y")))
    )
    stranger = other.provider(softhsm.token, "Wrong", Pins(Secret(WRONG)))
    with pytest.raises(PinIncorrect):
        stranger.keys()

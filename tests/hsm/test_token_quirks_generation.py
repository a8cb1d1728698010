"""Quirks of key generation: templates, mechanisms, roles and memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from app.domain.errors import KeyStorageError, PinIncorrect, TokenError
from app.domain.keys import KeyAlgorithm, KeySpec
from app.domain.secret import Secret
from tests.hsm.support import P256, PKCS1, PSS, RSA, begin, sign

if TYPE_CHECKING:
    from app.hsm.isolation import IsolatedLibrary, TokenKeyProvider
    from tests.faults.module import Faults
    from tests.hsm.conftest import Pins


@pytest.mark.parametrize("spec", [P256, RSA], ids=["P-256", "RSA"])
def test_quirk_11_keys_that_may_do_more_than_sign_are_refused(
    faulty_provider: TokenKeyProvider, faults: Faults, spec: KeySpec
) -> None:
    faults.set("C_GenerateKeyPair refuse-wide")
    sign(faulty_provider, faulty_provider.generate(spec, "for signatures only"))


@pytest.mark.parametrize(
    "refusal",
    [
        "0x105",  # CKA_DECRYPT
        "0x107 CKR_TEMPLATE_INCONSISTENT",  # CKA_UNWRAP
        "0x104 CKR_ATTRIBUTE_VALUE_INVALID",  # CKA_ENCRYPT
    ],
)
def test_quirk_12_optional_attribute_refused(
    faulty_provider: TokenKeyProvider, faults: Faults, refusal: str
) -> None:
    faults.set(f"C_GenerateKeyPair refuse-attribute {refusal}")
    pair = faulty_provider.generate(P256, "without it")
    assert (pair.sensitive, pair.extractable) == (True, False)
    sign(faulty_provider, pair)


def test_quirk_12_a_key_that_could_leave_the_token_is_not_kept(
    faulty_provider: TokenKeyProvider, faults: Faults
) -> None:
    # Without this attribute the soft token makes keys that may be read.
    faults.set("C_GenerateKeyPair refuse-attribute 0x103")  # CKA_SENSITIVE
    with pytest.raises(KeyStorageError, match="deleted again"):
        faulty_provider.generate(P256, "readable")
    assert faulty_provider.keys() == ()


def test_quirk_12_a_template_refused_in_every_form_is_shown(
    faulty_provider: TokenKeyProvider, faults: Faults
) -> None:
    faults.set("C_GenerateKeyPair refuse-attribute 0x1")  # CKA_TOKEN, which no key does without
    with pytest.raises(TokenError) as caught:
        faulty_provider.generate(P256, "refused")
    assert caught.value.ckr == "CKR_ATTRIBUTE_TYPE_INVALID"
    assert "CKA_TOKEN" in caught.value.detail
    faults.set()
    assert faulty_provider.keys() == ()


def test_quirk_13_fips_mode_without_the_ordinary_mechanisms(
    faulty: IsolatedLibrary, faulty_provider: TokenKeyProvider, faults: Faults
) -> None:
    faults.set("token fips")
    assert KeyAlgorithm.RSA in faulty_provider.algorithms()
    sign(faulty_provider, faulty_provider.generate(RSA, "of an approved mechanism"), scheme=PKCS1)
    faults.set("token fips", "token no-pkcs1")
    faulty.restart()
    assert KeyAlgorithm.RSA in faulty_provider.algorithms()
    pair = faulty_provider.generate(RSA, "for PSS only")
    sign(faulty_provider, pair, scheme=PSS)
    with pytest.raises(TokenError) as caught:
        begin(faulty_provider, pair, PKCS1).result(10)
    assert caught.value.ckr == "CKR_MECHANISM_INVALID"


def test_quirk_15_only_the_security_officer_generates(
    faulty_provider: TokenKeyProvider, pins: Pins, faults: Faults
) -> None:
    softhsm = faults.softhsm
    user, officer = softhsm.user_pin.reveal().decode(), softhsm.so_pin.reveal().decode()
    faults.set(f"C_GenerateKeyPair officer-only {user} {officer}")
    with pytest.raises(TokenError) as caught:
        faulty_provider.generate(P256, "by the user")
    assert caught.value.ckr == "CKR_USER_NOT_LOGGED_IN"
    with pytest.raises(PinIncorrect):
        faulty_provider.generate(P256, "by nobody", so_pin=Secret("wrong"))
    pair = faulty_provider.generate(P256, "by the officer", so_pin=softhsm.so_pin)
    # The user is logged in again, and nobody told his PIN wrong.
    sign(faulty_provider, pair, times=4)
    assert faulty_provider.keys() == (pair,)
    assert pins.refusals == []


@pytest.mark.parametrize("ckr", ["CKR_USER_NOT_LOGGED_IN", "CKR_ACTION_PROHIBITED"])
def test_a_role_that_may_not_generate_still_signs(
    faulty: IsolatedLibrary, faulty_provider: TokenKeyProvider, faults: Faults, ckr: str
) -> None:
    pair = faulty_provider.generate(P256, "made by an officer")
    faults.set(f"C_GenerateKeyPair fail {ckr}")
    with pytest.raises(TokenError) as caught:
        faulty_provider.generate(P256, "not allowed")
    assert caught.value.ckr == ckr
    sign(faulty_provider, pair)
    trial = faulty.try_slot(faults.softhsm.token, faults.softhsm.user_pin)
    assert not trial.signed
    assert trial.may_generate is False
    assert trial.problem


def test_a_full_token_says_so_and_loses_nothing(
    faulty_provider: TokenKeyProvider, faults: Faults
) -> None:
    faults.set("C_GenerateKeyPair memory 2")
    made = tuple(faulty_provider.generate(P256, name) for name in ("first", "second"))
    with pytest.raises(TokenError, match="no memory left") as caught:
        faulty_provider.generate(P256, "third")
    assert caught.value.ckr == "CKR_DEVICE_MEMORY"
    assert set(faulty_provider.keys()) == set(made)
    for pair in made:
        sign(faulty_provider, pair)

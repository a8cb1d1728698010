"""Quirks of calls: operations left active, modules without locks, answers that say nothing."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from app.domain.errors import TokenError
from app.hsm.isolation import KeyIsolation
from tests.hsm.conftest import DEADLINES, Pins
from tests.hsm.support import P256, begin, sign

if TYPE_CHECKING:
    from app.domain.keys import KeyDescription
    from app.hsm.isolation import IsolatedLibrary, TokenKeyProvider
    from tests.faults.module import Faults


@pytest.fixture
def pair(faulty_provider: TokenKeyProvider) -> KeyDescription:
    """A key behind the fault module."""
    return faulty_provider.generate(P256, "tested")


def test_quirk_24_operation_active(
    faulty_provider: TokenKeyProvider, pair: KeyDescription, faults: Faults
) -> None:
    faults.set("C_SignInit fail CKR_OPERATION_ACTIVE 1")
    sign(faulty_provider, pair, times=4)
    assert faults.calls("C_SignInit") > 4


def test_quirk_24_operation_left_active_by_an_error(pins: Pins, faults: Faults) -> None:
    one_lane = KeyIsolation(deadlines=DEADLINES, lanes=1)
    try:
        library = one_lane.library(faults.spec)
        provider = library.provider(faults.softhsm.token, "One lane", pins, lanes=1)
        pair = provider.generate(P256, "one lane")
        # Answered before the token saw the call, so that its operation stays active.
        faults.set("C_Sign fail CKR_FUNCTION_FAILED 1")
        with pytest.raises(TokenError, match="could not do it"):
            begin(provider, pair).result(10)
        sign(provider, pair, times=4)
    finally:
        one_lane.close()


def work_side_by_side(provider: TokenKeyProvider, pair: KeyDescription) -> None:
    """Signatures, key generations and lists, all at once."""
    futures = [begin(provider, pair) for _ in range(24)]
    lists = threading.Thread(target=lambda: [provider.keys() for _ in range(4)])
    lists.start()
    provider.generate(P256, f"beside {threading.get_ident()}")
    lists.join()
    for future in futures:
        assert future.result(20)


def test_quirk_25_module_without_locks(
    faulty: IsolatedLibrary, faulty_provider: TokenKeyProvider, pair: KeyDescription, faults: Faults
) -> None:
    # A library with locks is used by several threads at once, which the module sees.
    faults.set("module single-threaded", "C_Sign delay 10")
    work_side_by_side(faulty_provider, pair)
    assert faults.overlaps()
    listed = faulty_provider.keys()
    (beside,) = (key for key in listed if key != pair)
    faulty_provider.delete(beside.locator)
    before = faults.overlaps()
    faults.set("module single-threaded", "C_Sign delay 10", "C_Initialize cant-lock")
    faulty.restart()
    work_side_by_side(faulty_provider, pair)
    assert faults.overlaps() == before


@pytest.mark.parametrize("ckr", ["CKR_FUNCTION_FAILED", "CKR_GENERAL_ERROR"])
def test_quirk_27_answers_that_say_nothing(
    faulty_provider: TokenKeyProvider, pair: KeyDescription, pins: Pins, faults: Faults, ckr: str
) -> None:
    sign(faulty_provider, pair)
    faults.set(f"C_Sign fail {ckr}")
    with pytest.raises(TokenError) as caught:
        begin(faulty_provider, pair).result(10)
    error = caught.value
    assert (error.ckr, error.function) == (ckr, "C_Sign")
    assert (error.library, error.library_version) == (faults.spec.path, "2.6")
    assert error.cause
    assert error.remedy
    # The calls that led there, the mechanism among them, and no PIN.
    calls = [line for line in error.detail.splitlines() if line.startswith("C_Sign")]
    assert any("CKM_ECDSA" in line and "CKR_OK" in line for line in calls)
    assert any(line.startswith("C_Sign(") and ckr in line for line in calls)
    assert pins.value is not None
    assert pins.value.reveal().decode() not in error.detail


def test_a_group_whose_primary_fails_during_a_signature(
    faulty_provider: TokenKeyProvider, pair: KeyDescription, faults: Faults
) -> None:
    sign(faulty_provider, pair)
    calls = faults.calls("C_Sign")
    faults.set("C_Sign primary-fails")
    sign(faulty_provider, pair)
    assert faults.calls("C_Sign") == calls + 2
    faults.set("C_Sign primary-fails")
    sign(faulty_provider, pair, times=8)


def test_a_group_that_fails_for_good_gives_one_clear_error(
    faulty_provider: TokenKeyProvider, pair: KeyDescription, faults: Faults
) -> None:
    faults.set("C_Sign primary-fails 1000")
    with pytest.raises(TokenError) as caught:
        begin(faulty_provider, pair).result(10)
    assert caught.value.ckr == "CKR_DEVICE_ERROR"
    assert caught.value.remedy


def test_any_function_can_be_made_to_fail_some_times(
    faulty_provider: TokenKeyProvider, pair: KeyDescription, faults: Faults
) -> None:
    faults.set("C_GetAttributeValue fail CKR_FUNCTION_FAILED 2", "C_FindObjectsInit delay 1")
    for _ in range(2):
        with pytest.raises(TokenError, match="could not do it"):
            faulty_provider.keys()
    assert faulty_provider.keys() == (pair,)


@pytest.mark.parametrize("function", ["C_FindObjects", "C_GetAttributeValue", "C_SignInit"])
def test_a_crash_in_any_function_that_only_reads_is_not_noticed(
    faulty: IsolatedLibrary,
    faulty_provider: TokenKeyProvider,
    pair: KeyDescription,
    faults: Faults,
    function: str,
) -> None:
    sign(faulty_provider, pair)
    child = faulty.process_id
    faults.set(f"{function} crash-once")
    sign(faulty_provider, pair, times=4)
    assert faulty_provider.keys() == (pair,)
    assert faulty.process_id != child

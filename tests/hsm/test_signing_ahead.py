"""C_SignInit ahead of the next request, while a key is busy."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

from app.domain.errors import KeyAbsent
from app.hsm.child.signing import AHEAD
from tests.hsm.conftest import eventually
from tests.hsm.support import P256, begin, sign

if TYPE_CHECKING:
    from app.domain.keys import KeyDescription
    from app.hsm.isolation import IsolatedLibrary, TokenKeyProvider
    from tests.faults.module import Faults
    from tests.softhsm import SoftHsm


@pytest.fixture
def pair(faulty_provider: TokenKeyProvider) -> KeyDescription:
    return faulty_provider.generate(P256, "busy")


def test_each_operation_that_is_begun_serves_one_signature(
    faulty_provider: TokenKeyProvider, pair: KeyDescription, faults: Faults
) -> None:
    begun, signed = faults.calls("C_SignInit"), faults.calls("C_Sign")
    sign(faulty_provider, pair, times=40)
    assert faults.calls("C_Sign") - signed == 40
    assert 40 <= faults.calls("C_SignInit") - begun <= 40 + AHEAD
    # Not one session was given up for it.
    assert faults.calls("C_CloseSession") == 0


def test_an_operation_begun_ahead_that_fails_is_begun_anew(
    faulty_provider: TokenKeyProvider, pair: KeyDescription, faults: Faults
) -> None:
    for _ in range(8):  # one after the other: side by side, no lane is free for it
        sign(faulty_provider, pair)
    assert eventually(lambda: faults.calls("C_SignInit") > faults.calls("C_Sign"))
    assert faulty_provider.keys() == (pair,)  # meanwhile that call has come back
    faults.set("C_Sign fail CKR_FUNCTION_FAILED 1")
    sign(faulty_provider, pair)


def test_another_key_is_not_signed_with_instead(
    faulty: IsolatedLibrary, faulty_provider: TokenKeyProvider, pair: KeyDescription
) -> None:
    other = faulty_provider.generate(P256, "the other")
    for times in (4, 1, 3, 2):
        sign(faulty_provider, pair, times=times)
        sign(faulty_provider, other, times=times)
    assert faulty.process_id is not None


def test_a_key_that_another_program_deleted_signs_no_more_than_was_begun(
    provider: TokenKeyProvider, softhsm: SoftHsm
) -> None:
    pair = provider.generate(P256, "deleted elsewhere")
    sign(provider, pair, times=8)
    for kind in ("privkey", "pubkey"):
        tool = ["pkcs11-tool", "--module", str(softhsm.library), "--login"]
        pin = softhsm.user_pin.reveal().decode()
        which = ["--delete-object", "--type", kind, "--id", pair.locator.cka_id]
        command = [*tool, "--pin", pin, "--token-label", softhsm.token.label, *which]
        subprocess.run(command, env=softhsm.environment, check=True, capture_output=True)
    outcomes = [begin(provider, pair).exception(30) for _ in range(AHEAD + 2)]
    assert isinstance(outcomes[AHEAD], KeyAbsent)
    assert isinstance(outcomes[-1], KeyAbsent)

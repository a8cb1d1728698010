"""Crashes, hangs, delays and killed processes: what the isolation is for."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from concurrent.futures import Future, wait
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import pytest

from app.domain.errors import (
    DeadlineExceeded,
    KeyStorageError,
    LibraryCrashed,
    SealkeeperError,
    TokenBusy,
    TokenError,
)
from app.domain.keys import (
    HashAlgorithm,
    KeyAlgorithm,
    KeyDescription,
    KeySpec,
    SignaturePadding,
    SignatureScheme,
)
from app.hsm import public_keys
from app.hsm.isolation import Deadlines, IsolatedLibrary, KeyIsolation, TokenKeyProvider
from tests.hsm.conftest import DEADLINES, Pins, cmdline, eventually, gone

if TYPE_CHECKING:
    from tests.faults.module import Faults

P256 = KeySpec(KeyAlgorithm.ECDSA_P256, 256)
SCHEME = SignatureScheme(SignaturePadding.ECDSA, HashAlgorithm.SHA256)
DIGEST = bytes(range(32))


@pytest.fixture
def pair(faulty_provider: TokenKeyProvider) -> KeyDescription:
    """A key behind the fault module."""
    return faulty_provider.generate(P256, "tested")


def begin(provider: TokenKeyProvider, pair: KeyDescription) -> Future[bytes]:
    return provider.sign(pair.locator, SCHEME, DIGEST)


def verify(pair: KeyDescription, signature: bytes) -> None:
    key = public_keys.load_public_key(pair.locator.public_key)
    public_keys.verify(key, SCHEME, DIGEST, signature)


# --- crashes ----------------------------------------------------------------------------------


def test_a_signature_in_flight_survives_kill_9(
    isolation: KeyIsolation, faulty_provider: TokenKeyProvider, pair: KeyDescription, faults: Faults
) -> None:
    calls = faults.calls("C_Sign")
    faults.set("C_Sign delay 300")
    future = begin(faulty_provider, pair)
    assert eventually(lambda: faults.calls("C_Sign") > calls)
    (before,) = isolation.process_ids()
    os.kill(before, signal.SIGKILL)
    killed = time.monotonic()
    verify(pair, future.result(5))
    assert time.monotonic() - killed < 2
    (after,) = isolation.process_ids()
    assert after != before
    assert gone(before)


def test_all_signatures_in_flight_survive_kill_9(
    isolation: KeyIsolation, faulty_provider: TokenKeyProvider, pair: KeyDescription, faults: Faults
) -> None:
    faults.set("C_Sign delay 100")
    futures = [begin(faulty_provider, pair) for _ in range(12)]
    os.kill(isolation.process_ids()[0], signal.SIGKILL)
    for future in futures:
        verify(pair, future.result(10))


def test_repeated_kills_are_survived_as_long_as_signatures_succeed(
    isolation: KeyIsolation, faulty_provider: TokenKeyProvider, pair: KeyDescription
) -> None:
    for _ in range(4):
        os.kill(isolation.process_ids()[0], signal.SIGKILL)
        verify(pair, begin(faulty_provider, pair).result(5))


def test_a_library_that_crashes_once_is_not_noticed(
    faulty_provider: TokenKeyProvider, pair: KeyDescription, faults: Faults
) -> None:
    faults.set("C_Sign crash-once")
    verify(pair, begin(faulty_provider, pair).result(10))


def test_a_library_that_always_crashes_is_named_and_started_less_and_less(
    faulty_provider: TokenKeyProvider, pair: KeyDescription, faults: Faults
) -> None:
    faults.set("C_Sign crash")
    for _ in range(4):
        with pytest.raises(LibraryCrashed) as caught:
            begin(faulty_provider, pair).result(10)
        assert faults.spec.path in caught.value.message
    loads = faults.calls("C_Initialize")
    for _ in range(20):
        with pytest.raises(LibraryCrashed):
            begin(faulty_provider, pair).result(10)
    assert faults.calls("C_Initialize") == loads
    faults.set()
    # A person who reloads the library need not wait.
    faulty_provider._library.restart()
    verify(pair, begin(faulty_provider, pair).result(5))


def test_a_key_generation_is_never_repeated_but_looked_for(
    faulty_provider: TokenKeyProvider, faults: Faults
) -> None:
    faulty_provider.keys()
    faults.set("C_GenerateKeyPair crash-after")
    pair = faulty_provider.generate(P256, "made just before the crash")
    assert faults.calls("C_GenerateKeyPair") == 1
    assert faulty_provider.keys() == (pair,)
    verify(pair, begin(faulty_provider, pair).result(5))


def test_a_key_generation_that_died_before_is_reported(
    faulty_provider: TokenKeyProvider, faults: Faults
) -> None:
    faulty_provider.keys()
    faults.set("C_GenerateKeyPair crash")
    with pytest.raises(LibraryCrashed):
        faulty_provider.generate(P256, "never made")
    assert faults.calls("C_GenerateKeyPair") == 1
    assert faulty_provider.keys() == ()


# --- hangs ------------------------------------------------------------------------------------


def test_a_hanging_signature_is_cut_and_the_others_are_made(
    faulty_provider: TokenKeyProvider, pair: KeyDescription, faults: Faults
) -> None:
    faults.set("C_Sign hang-once")
    started = time.monotonic()
    hanging = begin(faulty_provider, pair)
    calls = faults.calls("C_Sign")
    assert eventually(lambda: faults.calls("C_Sign") > calls - 1)
    others = [begin(faulty_provider, pair) for _ in range(3)]
    done, _ = wait([hanging, *others], timeout=20)
    assert len(done) == 4
    failed = [future for future in done if future.exception() is not None]
    # One lane hung; the call in it is lost, all others were made at once on the other lanes.
    assert len(failed) == 1
    assert isinstance(failed[0].exception(), DeadlineExceeded)
    assert DEADLINES.sign <= time.monotonic() - started < DEADLINES.sign + 3
    verify(pair, begin(faulty_provider, pair).result(5))


def test_a_signature_queued_later_is_moved_to_the_new_child(
    isolation: KeyIsolation, pins: Pins, faults: Faults
) -> None:
    one_lane = KeyIsolation(deadlines=DEADLINES, lanes=1)
    try:
        library = one_lane.library(faults.spec)
        provider = library.provider(faults.softhsm.token, "One lane", pins)
        pair = provider.generate(P256, "one lane")
        faults.set("C_Sign hang-once")
        hanging = begin(provider, pair)
        assert not wait([hanging], timeout=1).done
        waiting = begin(provider, pair)
        with pytest.raises(DeadlineExceeded):
            hanging.result(10)
        verify(pair, waiting.result(10))
    finally:
        one_lane.close()
    assert isolation.process_ids() == ()


def test_a_hanging_enumeration_is_cut(faulty: IsolatedLibrary, faults: Faults) -> None:
    faulty.info()
    faults.set("C_GetSlotList hang")
    started = time.monotonic()
    with pytest.raises(DeadlineExceeded) as caught:
        faulty.slots()
    assert time.monotonic() - started < DEADLINES.enumerate + 2
    assert faults.spec.path in caught.value.detail
    faults.set()
    assert faulty.slots()


def test_a_hanging_login_is_cut_and_said(
    faulty_provider: TokenKeyProvider, pins: Pins, faults: Faults
) -> None:
    faults.set("C_Login hang")
    with pytest.raises(DeadlineExceeded):
        faulty_provider.keys()
    assert faults.calls("C_Login") == 1
    assert pins.refusals == []
    faults.set()
    assert faulty_provider.keys() == ()


def test_a_slow_token_is_not_taken_for_a_hanging_one(pins: Pins, faults: Faults) -> None:
    slow = KeyIsolation(deadlines=Deadlines(sign=1), lanes=1)
    try:
        provider = slow.library(faults.spec).provider(faults.softhsm.token, "Slow", pins)
        pair = provider.generate(P256, "slow")
        (child,) = slow.process_ids()
        faults.set("C_Sign delay 150")
        started = time.monotonic()
        for future in [begin(provider, pair) for _ in range(10)]:
            verify(pair, future.result(10))
        assert time.monotonic() - started > 1
        assert slow.process_ids() == (child,)
    finally:
        slow.close()


def test_too_many_waiting_signatures_are_refused(pins: Pins, faults: Faults) -> None:
    narrow = KeyIsolation(deadlines=DEADLINES, lanes=1, waiting=3)
    try:
        provider = narrow.library(faults.spec).provider(faults.softhsm.token, "Narrow", pins)
        pair = provider.generate(P256, "narrow")
        faults.set("C_Sign delay 200")
        futures = [begin(provider, pair) for _ in range(5)]
        refused = [future for future in futures if isinstance(future.exception(10), TokenBusy)]
        assert len(refused) == 2
        for future in futures:
            if future not in refused:
                verify(pair, future.result(10))
        faults.set()
        verify(pair, begin(provider, pair).result(5))
    finally:
        narrow.close()


def test_signatures_in_flight_survive_a_reload(
    faulty: IsolatedLibrary, faulty_provider: TokenKeyProvider, pair: KeyDescription, faults: Faults
) -> None:
    calls = faults.calls("C_Sign")
    faults.set("C_Sign delay 300")
    futures = [begin(faulty_provider, pair) for _ in range(4)]
    assert eventually(lambda: faults.calls("C_Sign") > calls)
    faulty.restart()
    for future in futures:
        verify(pair, future.result(10))


# --- answers ----------------------------------------------------------------------------------


def test_an_error_names_function_value_library_and_version(
    faulty_provider: TokenKeyProvider, pair: KeyDescription, faults: Faults
) -> None:
    faults.set("C_Sign fail 0x30")
    with pytest.raises(TokenError) as caught:
        begin(faulty_provider, pair).result(5)
    error = caught.value
    assert (error.ckr, error.function) == ("CKR_DEVICE_ERROR", "C_Sign")
    assert (error.library, error.library_version) == (faults.spec.path, "2.6")
    assert error.cause
    assert error.remedy


def test_a_lost_session_is_opened_again_with_one_login(
    faulty_provider: TokenKeyProvider, pair: KeyDescription, pins: Pins, faults: Faults
) -> None:
    logins = faults.calls("C_Login")
    faults.set("C_SignInit fail 0xB3")  # CKR_SESSION_HANDLE_INVALID
    with pytest.raises(TokenError):
        begin(faulty_provider, pair).result(5)
    assert faults.calls("C_Login") == logins + 1
    faults.set()
    verify(pair, begin(faulty_provider, pair).result(5))
    assert pins.refusals == []


@pytest.mark.parametrize("fault", ["wrong", "short"])
def test_a_new_key_that_signs_wrongly_is_deleted(
    faulty_provider: TokenKeyProvider, faults: Faults, fault: str
) -> None:
    faults.set(f"C_Sign {fault}")
    with pytest.raises(KeyStorageError):
        faulty_provider.generate(P256, "signs wrongly")
    faults.set()
    assert faulty_provider.keys() == ()


def test_a_short_signature_never_gets_out(
    faulty_provider: TokenKeyProvider, pair: KeyDescription, faults: Faults
) -> None:
    faults.set("C_Sign short")
    with pytest.raises(KeyStorageError, match="wrong length"):
        begin(faulty_provider, pair).result(5)


def test_slots_that_appear_while_they_are_listed_are_listed(
    faulty: IsolatedLibrary, faults: Faults
) -> None:
    faults.set("C_GetSlotList too-small-once")
    assert len(faulty.slots()) == 2


def test_a_slot_that_cannot_be_read_says_so(faulty: IsolatedLibrary, faults: Faults) -> None:
    faults.set("C_GetTokenInfo fail 0xE1")
    problems = [slot.problem for slot in faulty.slots()]
    assert problems == ["C_GetTokenInfo returned CKR_TOKEN_NOT_RECOGNIZED"] * 2


def test_a_library_that_cannot_lock_gets_one_lane(
    faulty_provider: TokenKeyProvider, faults: Faults
) -> None:
    faults.set("C_Initialize cant-lock")
    pair = faulty_provider.generate(P256, "no locks")
    for future in [begin(faulty_provider, pair) for _ in range(8)]:
        verify(pair, future.result(5))
    assert faults.calls("C_Initialize") >= 2


def test_a_library_asked_after_close_says_so(
    isolation: KeyIsolation, faulty_provider: TokenKeyProvider, pair: KeyDescription
) -> None:
    isolation.close()
    with pytest.raises(SealkeeperError):
        faulty_provider.keys()
    with pytest.raises(SealkeeperError):
        begin(faulty_provider, pair).result(5)


# --- the end of the owning process --------------------------------------------------------------

OWNER = """
import contextlib
import sys
from app.domain.keys import *
from app.domain.secret import Secret
from app.domain.tokens import LibrarySpec
from app.hsm.isolation import KeyIsolation

class Pins:
    def attempt(self):
        return contextlib.nullcontext()
    def pin(self):
        return Secret(sys.stdin.readline().strip())
    def refused(self, error):
        raise AssertionError("the PIN is right")

def main():
    path, control, serial, label, *environment = sys.argv[1:]
    spec = LibrarySpec(path, tuple(tuple(item.split("=", 1)) for item in environment))
    isolation = KeyIsolation()
    library = isolation.library(spec)
    provider = library.provider(TokenIdentity(serial, label), "Owner", Pins())
    pair = provider.generate(KeySpec(KeyAlgorithm.ECDSA_P256, 256), "owned")
    print(*isolation.process_ids(), flush=True)
    sys.stdin.readline()
    scheme = SignatureScheme(SignaturePadding.ECDSA, HashAlgorithm.SHA256)
    signature = provider.sign(pair.locator, scheme, bytes(32))
    library.slots()
    signature.result()

main()
"""


@pytest.mark.parametrize("function", ["C_Sign", "C_GetSlotList"])
def test_nothing_is_left_when_the_owner_is_killed_during_a_hung_call(
    faults: Faults, tmp_path: Path, function: str
) -> None:
    softhsm = faults.softhsm
    script = tmp_path / "owner.py"
    script.write_text(OWNER)
    token = [softhsm.token.serial, softhsm.token.label]
    environment = [f"{name}={value}" for name, value in faults.spec.environment]
    command = [sys.executable, str(script), faults.spec.path, str(faults.control), *token]
    with subprocess.Popen(
        [*command, *environment],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
    ) as owner:
        assert owner.stdin is not None
        assert owner.stdout is not None
        owner.stdin.write(softhsm.user_pin.reveal().decode() + "\n")
        owner.stdin.flush()
        child = int(owner.stdout.readline())
        family = {process.pid for process in psutil.Process(owner.pid).children(recursive=True)}
        assert child in family
        calls = faults.calls(function)
        faults.set(f"{function} hang")
        owner.stdin.write("go\n")
        owner.stdin.flush()
        assert eventually(lambda: faults.calls(function) > calls)
        owner.kill()
    assert eventually(lambda: all(gone(pid) for pid in family)), family


def test_no_pin_is_in_the_arguments_or_the_environment_of_the_child(
    isolation: KeyIsolation, provider: TokenKeyProvider, pins: Pins
) -> None:
    provider.keys()
    assert pins.value is not None
    pin = pins.value.reveal()
    for pid in (os.getpid(), *isolation.process_ids()):
        for name in ("cmdline", "environ"):
            assert pin not in Path(f"/proc/{pid}/{name}").read_bytes()


def test_a_crash_of_the_child_leaves_no_core_file_with_a_pin(
    isolation: KeyIsolation, provider: TokenKeyProvider
) -> None:
    provider.keys()
    (pid,) = isolation.process_ids()
    limits = Path(f"/proc/{pid}/limits").read_text()
    (line,) = [each for each in limits.splitlines() if each.startswith("Max core file size")]
    assert line.split()[4:6] == ["0", "0"]


def test_the_child_does_not_import_the_main_module(
    isolation: KeyIsolation, provider: TokenKeyProvider
) -> None:
    provider.keys()
    (pid,) = isolation.process_ids()
    maps = Path(f"/proc/{pid}/maps").read_text()
    assert "softhsm" in maps
    assert "PySide6" not in maps
    assert "cryptography" not in maps
    assert "spawn_main" in cmdline(psutil.Process(pid))
    assert "softhsm" not in Path("/proc/self/maps").read_text()

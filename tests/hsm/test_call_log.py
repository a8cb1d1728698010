"""The calls of a library: told with errors that do not say why, and written to a file on demand."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

import pytest

from app.domain.errors import KeyStorageError, LibraryUnusable, TokenError
from app.domain.keys import KeyAlgorithm, KeySpec
from app.hsm.child import call_log
from app.hsm.child.call_log import CallLog
from tests.hsm.support import begin, sign

if TYPE_CHECKING:
    from pathlib import Path

    from app.domain.keys import KeyDescription
    from app.hsm.isolation import IsolatedLibrary, TokenKeyProvider
    from tests.faults.module import Faults
    from tests.hsm.conftest import Pins

P256 = KeySpec(KeyAlgorithm.ECDSA_P256, 256)


@pytest.fixture
def pair(faulty_provider: TokenKeyProvider) -> KeyDescription:
    """A key behind the fault module."""
    return faulty_provider.generate(P256, "tested")


# --- with errors ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("number", "name"),
    [
        ("0x5", "CKR_GENERAL_ERROR"),
        ("0x6", "CKR_FUNCTION_FAILED"),
        ("0x30", "CKR_DEVICE_ERROR"),
        ("0x80000123", "0x80000123"),
    ],
)
def test_an_answer_that_does_not_say_why_comes_with_the_last_calls(
    faulty_provider: TokenKeyProvider, pair: KeyDescription, faults: Faults, number: str, name: str
) -> None:
    faults.set(f"C_Sign fail {number}")
    with pytest.raises(TokenError) as caught:
        begin(faulty_provider, pair).result(5)
    lines = caught.value.detail.splitlines()
    assert lines[0] == f"C_Sign returned {name}"
    assert lines[1] == f"{faults.spec.path} 2.6"
    assert "Last mechanism: CKM_ECDSA" in lines
    calls = lines[lines.index("Last calls:") + 1 :]
    assert 2 < len(calls) <= call_log.TOLD
    failed = [line for line in calls if line.startswith("C_Sign(") and name in line]
    assert failed
    assert any(line.startswith("C_SignInit(session ") for line in calls)
    secret = faults.softhsm.user_pin.reveal().decode()
    assert secret not in caught.value.detail


def test_an_answer_that_says_why_comes_alone(
    faulty_provider: TokenKeyProvider, pair: KeyDescription, faults: Faults
) -> None:
    faults.set("C_Sign fail 0x70")
    with pytest.raises(TokenError) as caught:
        begin(faulty_provider, pair).result(5)
    assert "Last calls" not in caught.value.detail


def test_a_library_that_refuses_to_start_tells_its_calls(
    faulty: IsolatedLibrary, faults: Faults
) -> None:
    faults.set("C_Initialize fail 0x5")
    with pytest.raises(LibraryUnusable) as caught:
        faulty.slots()
    assert "Last calls:\nC_Initialize() CKR_GENERAL_ERROR" in caught.value.detail


# --- to a file --------------------------------------------------------------------------------


def test_the_calls_of_a_running_child_are_written_until_it_is_switched_off(
    faulty: IsolatedLibrary, faulty_provider: TokenKeyProvider, pair: KeyDescription, tmp_path: Path
) -> None:
    path = tmp_path / "calls.log"
    faulty.log_calls(str(path))
    sign(faulty_provider, pair)
    faulty.slots()
    faulty.log_calls("")
    text = path.read_text()
    sign(faulty_provider, pair)
    assert path.read_text() == text
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    lines = text.splitlines()
    for function in ("C_SignInit(session ", "C_Sign(session ", "C_GetTokenInfo("):
        assert any(function in line for line in lines), function
    time, process, thread, *_, answer, milliseconds, unit = next(
        line for line in lines if "C_Sign(" in line and line.endswith(" ms")
    ).split()
    assert time.endswith("Z")
    assert process == str(faulty.process_id)
    assert thread
    assert (answer, unit) == ("CKR_OK", "ms")
    assert float(milliseconds) > 0


@pytest.mark.parametrize("fault", ["crash", "hang"])
def test_the_call_that_never_came_back_is_the_last_in_the_file(
    faulty: IsolatedLibrary,
    faulty_provider: TokenKeyProvider,
    pair: KeyDescription,
    faults: Faults,
    tmp_path: Path,
    fault: str,
) -> None:
    path = tmp_path / "calls.log"
    faulty.log_calls(str(path))
    first = faulty.process_id
    faults.set(f"C_Sign {fault}-once")
    error = begin(faulty_provider, pair).exception(20)
    assert (error is None) == (fault == "crash")  # a signature is made again after a crash
    own = [line for line in path.read_text().splitlines() if line.split()[1] == str(first)]
    assert own[-1].endswith(") ...")
    assert " C_Sign(session " in own[-1]


def test_everything_is_written_from_the_load_on_and_no_pin(
    faulty: IsolatedLibrary, faults: Faults, pins: Pins, tmp_path: Path
) -> None:
    softhsm, path = faults.softhsm, tmp_path / "calls.log"
    faulty.log_calls(str(path))
    provider = faulty.provider(softhsm.token, "Logged", pins)
    pair = provider.generate(P256, "secret label")
    sign(provider, pair)
    faulty.try_slot(softhsm.token, softhsm.user_pin)
    faulty.change_pin(softhsm.token, softhsm.user_pin, softhsm.user_pin)
    faulty.unlock_pin(softhsm.token, softhsm.so_pin, softhsm.user_pin)
    text = path.read_text()
    for function in ("C_Initialize", "C_Login", "C_GenerateKeyPair", "C_SetPIN", "C_InitPIN"):
        assert f" {function}(" in text, function
    assert "_KEY_PAIR_GEN) CKR_OK" in text
    assert "security officer" in text
    # The trial's process wrote to the same file.
    assert len({line.split()[1] for line in text.splitlines()}) == 4
    for secret in (softhsm.user_pin, softhsm.so_pin):
        assert secret.reveal().decode() not in text
    assert "secret label" not in text


def test_a_file_that_cannot_be_written_is_said_and_stops_nothing(
    faulty: IsolatedLibrary, faulty_provider: TokenKeyProvider, pair: KeyDescription, tmp_path: Path
) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    for path in (tmp_path, tmp_path / "missing" / "calls.log", pipe):
        with pytest.raises(KeyStorageError, match="cannot be written"):
            faulty.log_calls(str(path))
    sign(faulty_provider, pair)


def test_a_library_is_loaded_although_its_calls_cannot_be_written(
    faulty: IsolatedLibrary, tmp_path: Path
) -> None:
    faulty.log_calls(str(tmp_path / "missing" / "calls.log"))
    assert faulty.slots()


def test_a_file_that_is_full_is_put_aside_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(call_log, "LARGEST", 2000)
    path, aside = tmp_path / "calls.log", tmp_path / "calls.log.1"
    logs = [CallLog(), CallLog()]  # two processes that write to one file
    for calls in logs:
        calls.write_to(str(path))
    for number in range(200):
        logs[number % 2].note("C_Sign", (number, b"data"), 0, 0.0)
    for calls in logs:
        calls.write_to("")
    sizes = [file.stat().st_size for file in (path, aside)]
    assert all(0 < size < 2000 + 300 for size in sizes), sizes
    assert sorted(file.name for file in tmp_path.iterdir()) == ["calls.log", "calls.log.1"]
    assert "C_Sign(session 199)" in path.read_text()


def test_a_log_that_fails_in_the_middle_is_said_and_given_up(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = CallLog()
    calls.write_to(str(tmp_path / "calls.log"))

    def full(*_arguments: object) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "write", full)
    for _ in range(3):
        calls.note("C_Sign", (1,), 0, 0.0)
    assert capsys.readouterr().err.count("No space left") == 1

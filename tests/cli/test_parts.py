"""What commands are made of: output, files, arguments, and how an unexpected exception ends."""

from __future__ import annotations

import os
import stat
from datetime import UTC, datetime, timedelta, timezone
from typing import TYPE_CHECKING

import click
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from app.cli.arguments import (
    choose_token,
    fields,
    flag_words,
    moment,
    reason,
    rights,
    service,
    yes_or_no,
)
from app.cli.defects import DEFECTS_FILE
from app.cli.entry import run
from app.cli.files import read_file, refuse_existing, write_file
from app.cli.invocation import Invocation
from app.cli.output import Output, printable
from app.domain.errors import Cancelled, EnvironmentFault, InvalidInput, NameInUse, NotFound
from app.domain.keys import TokenIdentity
from app.domain.principals import AuthorityRight, TemplateRight
from app.domain.requests import RevocationReason
from app.domain.services import ServiceName

if TYPE_CHECKING:
    from pathlib import Path

    from app.services.backend import Backend


@given(st.text())
def test_nothing_printable_can_drive_a_terminal(text: str) -> None:
    line = printable(text)
    assert line.isprintable()
    assert "\n" not in line


def test_json_has_utc_times_and_refuses_what_is_not_meant_for_it(
    capsys: pytest.CaptureFixture[str],
) -> None:
    output = Output()
    output.json = True
    local = datetime(2026, 1, 2, 3, 4, 5, tzinfo=timezone(timedelta(hours=2)))
    output.done({"at": local, "right": ServiceName.ONLINE_RESPONDER, "none": None})
    assert capsys.readouterr().out == (
        '{"at": "2026-01-02T01:04:05Z", "right": "Online Responder", "none": null}\n'
    )
    with pytest.raises(TypeError):
        output.done({"secret": b"bytes"})


def test_empty_lists_have_a_sentence_or_an_empty_array(capsys: pytest.CaptureFixture[str]) -> None:
    output = Output()
    output.records([], (), "There is nothing.")
    output.json = True
    output.records([], (), "There is nothing.")
    assert capsys.readouterr().out == "There is nothing.\n[]\n"


def test_rights_are_given_and_taken() -> None:
    add, remove = rights(["+read,enroll", "-write, autoenroll"], TemplateRight)
    assert add == TemplateRight.READ | TemplateRight.ENROLL
    assert remove == TemplateRight.WRITE | TemplateRight.AUTOENROLL
    assert rights(["+full-control,-Write"], TemplateRight)[1] is TemplateRight.WRITE
    given_right = rights(["+Request Certificates"], AuthorityRight)[0]
    assert flag_words(given_right) == ["request-certificates"]
    for text in ("read", "+none", "+", "--json"):
        with pytest.raises(click.UsageError):
            rights([text], TemplateRight)


@pytest.mark.parametrize(
    "text", ["1", "key-compromise", "KeyCompromise", "Key Compromise", "KEY_COMPROMISE"]
)
def test_reasons_in_all_their_spellings(text: str) -> None:
    assert reason(text) is RevocationReason.KEY_COMPROMISE


def test_reasons_as_the_console_words_them() -> None:
    assert reason("Change of Affiliation") is RevocationReason.AFFILIATION_CHANGED
    assert reason("Cease of Operation") is RevocationReason.CESSATION_OF_OPERATION
    with pytest.raises(click.BadParameter):
        reason("7")


def test_times_without_a_zone_are_utc() -> None:
    assert moment("2026-01-31T12:00:00") == datetime(2026, 1, 31, 12, tzinfo=UTC)
    assert moment("2026-01-31T12:00:00+02:00") == datetime(2026, 1, 31, 10, tzinfo=UTC)
    with pytest.raises(click.BadParameter):
        moment("tomorrow")


def test_fields_switches_services_and_tokens() -> None:
    assert fields(["Answer-Validity=1 hour", "provider="]) == {
        "answer_validity": "1 hour",
        "provider": "",
    }
    assert (yes_or_no("x", "Yes"), yes_or_no("x", "off")) == (True, False)
    with pytest.raises(click.UsageError):
        yes_or_no("x", "maybe")
    assert service("certification authority") is ServiceName.CERTIFICATION_AUTHORITY
    assert service("OCSP") is ServiceName.ONLINE_RESPONDER
    tokens = [TokenIdentity("1", "one"), TokenIdentity("2", "same"), TokenIdentity("3", "same")]
    assert choose_token(tokens, "ONE") == tokens[0]
    assert choose_token(tokens, "3") == tokens[2]
    with pytest.raises(NotFound, match="Several"):
        choose_token(tokens, "same")


def test_files_are_written_whole_and_never_over_another(tmp_path: Path) -> None:
    path = tmp_path / "file.cer"
    write_file(path, b"one", force=False)
    assert stat.S_IMODE(path.stat().st_mode) == 0o666 & ~_umask()
    with pytest.raises(NameInUse):
        write_file(path, b"two", force=False)
    with pytest.raises(NameInUse):
        refuse_existing(path, force=False)
    assert read_file(path) == b"one"
    write_file(path, b"two", force=True)
    assert read_file(path) == b"two"
    assert [entry.name for entry in tmp_path.iterdir()] == ["file.cer"]
    with pytest.raises(EnvironmentFault):
        write_file(tmp_path / "absent" / "file", b"", force=False)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def test_a_file_that_is_empty_or_missing_is_refused(tmp_path: Path) -> None:
    (tmp_path / "empty").touch()
    for name in ("empty", "absent", "."):
        with pytest.raises(InvalidInput):
            read_file(tmp_path / name)


def test_the_home_is_chosen_by_option_then_variable_then_data_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    invocation = Invocation(_no_backend, _no_console)
    monkeypatch.setenv("SEALKEEPER_HOME", str(tmp_path / "from variable"))
    assert invocation.home == tmp_path / "from variable"
    invocation.chosen_home = "~/here"
    monkeypatch.setenv("HOME", str(tmp_path))
    assert invocation.home == tmp_path / "here"
    invocation.chosen_home = None
    monkeypatch.delenv("SEALKEEPER_HOME")
    assert invocation.home.name == "sealkeeper"


def test_an_unexpected_exception_is_confessed_and_its_traceback_kept(tmp_path: Path) -> None:
    for extra, has_traceback in ((), False), (("--verbose",), True):
        with CliRunner().isolation() as (out, err, _):
            argv = ["--home", str(tmp_path), *extra, "ca", "list"]
            assert run(argv, _no_backend, _no_console) == 1
        text = err.getvalue().decode()
        assert out.getvalue() == b""
        assert text.startswith("Error: This is a defect of Sealkeeper (ZeroDivisionError).")
        assert str(tmp_path / DEFECTS_FILE) in text
        assert ("Traceback" in text) is has_traceback
        assert has_traceback or text.count("\n") == 1
    kept = tmp_path / DEFECTS_FILE
    assert kept.read_text().count("Traceback") == 2
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600


@pytest.mark.parametrize("ending", [KeyboardInterrupt(), Cancelled("The user cancelled.")])
def test_a_cancelled_command_ends_with_130(ending: BaseException, tmp_path: Path) -> None:
    def cancel(home: Path) -> int:
        assert home == tmp_path
        raise ending

    with CliRunner().isolation() as (_, err, _):
        assert run(["--home", str(tmp_path), "console"], _no_backend, cancel) == 130
    assert err.getvalue().decode().strip() == "Cancelled."


def test_without_a_command_the_console_opens(tmp_path: Path) -> None:
    opened: list[Path] = []

    def console(home: Path) -> int:
        opened.append(home)
        return 7

    assert run(["--home", str(tmp_path)], _no_backend, console) == 7
    assert run(["--home", str(tmp_path), "console"], _no_backend, console) == 7
    assert opened == [tmp_path, tmp_path]


def _no_backend(home: Path) -> Backend:
    raise ZeroDivisionError(str(home))


def _no_console(home: Path) -> int:
    raise AssertionError(f"the console was opened on {home}")

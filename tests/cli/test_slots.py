"""`slot` by command: facts, passwords, lanes, re-binding, credentials, and `serve`'s prompt."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from tests.cli.conftest import until
from tests.softhsm import SoftHsm, make_softhsm

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.harness import Cli


@pytest.fixture
def softhsm(tmp_path: Path) -> SoftHsm:
    """A SoftHSM of its own with one token."""
    return make_softhsm(tmp_path / "softhsm", "partition one")


@pytest.fixture
def slot(cli: Cli, softhsm: SoftHsm) -> Cli:
    """The command line on a home with the library registered."""
    environment = ("--env", f"SOFTHSM2_CONF={softhsm.conf}")
    cli.run("library", "register", str(softhsm.library), *environment)
    return cli


def pin_line(softhsm: SoftHsm) -> str:
    return f"{softhsm.user_pin.reveal().decode()}\n"


def register(cli: Cli, softhsm: SoftHsm, *more: str) -> list[dict[str, Any]]:
    words = ("slot", "register", "--password-stdin", "--account", r"NT_AUTHORITY\SYSTEM", *more)
    rows: list[dict[str, Any]] = cli.json(*words, given=pin_line(softhsm))
    return rows


def test_the_sheet_has_every_fact_and_its_source(slot: Cli, softhsm: SoftHsm) -> None:
    facts = {each["name"]: each for each in slot.json("slot", "sheet", "--token", "partition one")}
    assert facts["Serial number"]["value"] == softhsm.token.serial
    assert facts["FIPS mode"] == {
        "name": "FIPS mode",
        "value": None,
        "source": "PKCS#11 does not tell",
    }
    by_id = slot.json("slot", "sheet", "--slot", str(facts["Slot id"]["value"]))
    assert by_id == list(facts.values())
    assert "not reported" in slot.run("slot", "sheet").out
    assert "has no slot 77" in slot.refused("slot", "sheet", "--slot", "77")
    assert slot.json("slot", "prerequisites") == []


def test_where_a_password_is_is_shown(slot: Cli, softhsm: SoftHsm) -> None:
    (row,) = register(slot, softhsm)
    assert row["password_state"] == "ready"
    assert "secrets.json (0600)" in row["stored_in"]
    assert (row["ask_at_start"], row["lanes"]) == (False, 4)
    (listed,) = slot.json("slot", "registered")
    assert {**row, "pin_state": "ready"} == listed


def test_a_password_that_is_asked_is_stored_later(slot: Cli, softhsm: SoftHsm) -> None:
    (row,) = register(slot, softhsm, "--ask-at-start")
    assert (row["stored_in"], row["ask_at_start"]) == ("asked at each start", True)
    slot.close()
    (row,) = slot.json("slot", "registered")
    assert row["password_state"] == "needed"
    pin = pin_line(softhsm)
    refused = slot.refused("slot", "enter-pin", "--password-stdin", given=pin)
    assert "--store" in refused
    assert "was not entered yet" in slot.refused("slot", "test")
    stored = slot.json("slot", "enter-pin", "--store", "--password-stdin", given=pin)
    assert (stored["password_state"], stored["ask_at_start"]) == ("ready", False)
    assert slot.json("slot", "test")["signs"] is True
    again = slot.json("slot", "enter-pin", "--ask-at-start", "--password-stdin", given=pin)
    assert again["stored_in"] == "asked at each start"
    both = ("slot", "enter-pin", "--store", "--ask-at-start")
    assert slot.run(*both, expect=2).code == 2


def test_lanes_and_policies_are_kept(slot: Cli, softhsm: SoftHsm) -> None:
    register(slot, softhsm)
    assert slot.json("slot", "lanes", "9")["lanes"] == 9
    slot.run("slot", "lanes", "33", expect=2)
    done = slot.json("slot", "confirm-policies")
    assert done["policies_confirmed_by"]
    assert done["policies_confirmed_at"]
    assert slot.json("slot", "registered")[0]["lanes"] == 9


def test_a_slot_is_bound_to_another_token(slot: Cli, softhsm: SoftHsm) -> None:
    register(slot, softhsm)
    other = softhsm.new_token("partition two")
    slot.close()
    (candidate,) = slot.json("slot", "candidates")
    assert candidate["serial"] == other.serial
    assert "There are: partition two" in slot.refused("slot", "rebind", "--to", "three")
    words = ("slot", "rebind", "--to", "partition two", "--password-stdin")
    assert "refused" in slot.refused(*words, given="wrong-one\n", audited=True)
    done = slot.json(*words, given=pin_line(softhsm))
    assert done["token"] == "partition two"
    assert done["missing"] == []
    (row,) = slot.json("slot", "registered")
    assert (row["token"], row["password_state"]) == ("partition two", "ready")
    assert slot.json("slot", "test", "--token", "partition two")["signs"] is True


def test_missing_keys_need_a_word(slot: Cli, softhsm: SoftHsm) -> None:
    register(slot, softhsm)
    slot.run("ca", "create", "Test-CA", "--provider", "RSA#SoftHSM Key Storage Provider")
    exposure = slot.json("slot", "exposures")
    assert [each["authorities"] for each in exposure] == [["Test-CA"]]
    softhsm.new_token("partition two")
    slot.close()
    words = ("slot", "rebind", "--to", "partition two", "--password-stdin")
    refused = slot.refused(*words, given=pin_line(softhsm))
    assert "CA Test-CA" in refused
    done = slot.json(*words, "--although-missing", given=pin_line(softhsm))
    assert done["missing"] == ["CA Test-CA"]


def test_the_credential_of_a_slot_names_itself_and_no_password(slot: Cli, softhsm: SoftHsm) -> None:
    register(slot, softhsm)
    told = slot.json("slot", "credential")
    name = f"sealkeeper.slot.{softhsm.token.serial}.nt_20authority_5csystem"
    assert f"systemd-creds encrypt --name={name} - " in told["encrypt"]
    assert told["unit_line"].startswith(f"LoadCredentialEncrypted={name}:")
    assert pin_line(softhsm).strip() not in str(told)


def serve(home: Path, *more: str) -> tuple[str, ...]:
    return (sys.executable, "-m", "app", "--home", str(home), "serve", "--port", "0", *more)


@pytest.mark.skipif(sys.platform == "win32", reason="no pseudo-terminal")
def test_serve_asks_for_a_password_at_its_terminal(
    slot: Cli, softhsm: SoftHsm, tmp_path: Path
) -> None:
    register(slot, softhsm, "--ask-at-start")
    slot.close()
    out = tmp_path / "out"
    main, end = pty.openpty()
    with out.open("wb") as told:
        process = subprocess.Popen(serve(slot.home), stdin=end, stdout=told, stderr=end)
        os.close(end)
        try:
            prompt = b""
            while b"Slot password of partition one" not in prompt:
                prompt += os.read(main, 1024)
            os.write(main, softhsm.user_pin.reveal() + b"\n")
            until(lambda: b"listens at" in out.read_bytes())
        finally:
            process.terminate()
            assert process.wait(20) == 0
            os.close(main)
    assert softhsm.user_pin.reveal() not in out.read_bytes()


@pytest.mark.parametrize("given", [True, False])
def test_serve_takes_a_password_from_its_input_or_says_that_it_misses_one(
    slot: Cli, softhsm: SoftHsm, tmp_path: Path, given: bool
) -> None:
    register(slot, softhsm, "--ask-at-start")
    slot.close()
    out, err = tmp_path / "out", tmp_path / "err"
    words = serve(slot.home, *(("--password-stdin",) if given else ()))
    with out.open("wb") as told, err.open("wb") as noted:
        process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=told, stderr=noted)
        assert process.stdin is not None
        with process.stdin as line:
            line.write(pin_line(softhsm).encode())
        try:
            until(lambda: b"listens at" in out.read_bytes())
        finally:
            process.terminate()
            assert process.wait(20) == 0
    assert ("was not entered yet" in err.read_text()) is not given

"""`library` and `provider`: everything that the pages of the console can do."""

from __future__ import annotations

import shlex
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import pytest

from app.cli.entry import build_cli
from app.domain.services import ServiceName
from tests.cli.conftest import until
from tests.softhsm import make_softhsm, softhsm

if TYPE_CHECKING:
    from tests.cli.conftest import Job
    from tests.cli.harness import Cli
    from tests.softhsm import SoftHsm

__all__ = ["softhsm"]

LEGACY = "SoftHSM Cryptographic Services"


@pytest.fixture
def registered(cli: Cli, softhsm: SoftHsm) -> dict[str, Any]:
    """SoftHSM, registered."""
    made: dict[str, Any] = cli.json(
        *("library", "register", str(softhsm.library)),
        *("--env", f"SOFTHSM2_CONF={softhsm.conf}"),
    )
    return made


@pytest.fixture
def slot(cli: Cli, registered: dict[str, Any], softhsm: SoftHsm) -> str:
    """Its slot, registered for SYSTEM; gives the password as a line of standard input."""
    del registered
    pin = f"{softhsm.user_pin.reveal().decode()}\n"
    cli.json(
        *("slot", "register", "--token", softhsm.token.label, "--password-stdin"),
        *("--account", r"NT_AUTHORITY\SYSTEM"),
        given=pin,
    )
    return pin


def test_libraries_of_this_machine_are_found_with_a_command_that_registers_them(
    cli: Cli, softhsm: SoftHsm, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOFTHSM2_CONF", str(softhsm.conf))
    found = next(each for each in cli.json("library", "found") if each["product"] == "SoftHSM 2")
    assert found["environment"] == {"SOFTHSM2_CONF": str(softhsm.conf)}
    assert (found["registered"], found["problem"]) == (False, "")
    notes = cli.run("library", "found").err.splitlines()
    note = next(line for line in notes if line.startswith("SoftHSM 2: "))
    program, *words = shlex.split(note.removeprefix("SoftHSM 2: ").rstrip("."))
    assert program == "sealkeeper"
    made = cli.json(*words)
    assert made["path"] == found["path"]
    again = next(each for each in cli.json("library", "found") if each["product"] == "SoftHSM 2")
    assert again["registered"] is True


def test_the_list_says_everything(cli: Cli, registered: dict[str, Any], softhsm: SoftHsm) -> None:
    assert cli.json("library", "list") == [registered]
    assert registered["path"] == str(softhsm.library)
    assert registered["disabled_at"] is None
    assert registered["call_log"] is None
    assert registered["legacy_provider"] is None
    assert str(softhsm.conf) not in str(registered)


@pytest.mark.usefixtures("slot")
def test_a_library_is_disabled_and_enabled(cli: Cli) -> None:
    assert cli.json("library", "disable", "softhsm")["disabled_at"] is not None
    for command in (
        ("library", "test"),
        ("library", "reload"),
        ("library", "change", "SoftHSM", "--init-string", "x"),
    ):
        line = cli.refused(*command)
        assert "is disabled" in line
        remedy = line.partition("sealkeeper ")[2]
        assert remedy == "library enable SoftHSM"
    assert cli.json("status", expect=3)["disabled_libraries"] == ["SoftHSM"]
    assert "SoftHSM is disabled" in cli.run("slot", "list").err
    assert "is disabled" in cli.refused("slot", "list", "--library", "SoftHSM")
    listed = cli.run("provider", "list")
    assert "SoftHSM Key Storage" not in listed.out
    assert "is disabled" in listed.err
    assert cli.json(*remedy.split())["disabled_at"] is None
    assert cli.json("status", expect=3)["disabled_libraries"] == []
    assert cli.json("library", "test")["vendor"] == "SoftHSM"


@pytest.mark.usefixtures("registered")
def test_a_library_is_reloaded(cli: Cli, softhsm: SoftHsm) -> None:
    assert cli.json("library", "test")["tokens"] == [softhsm.token.label]
    softhsm.new_token("Second")
    done = cli.json("library", "reload")
    assert set(done["tokens"]) == {softhsm.token.label, "Second"}
    assert (done["slots"], done["old_version"]) == (3, done["library_version"])
    assert "loaded anew: version" in cli.run("library", "reload", "softhsm").out


@pytest.mark.usefixtures("registered")
def test_how_it_is_loaded_is_changed(cli: Cli, softhsm: SoftHsm, tmp_path: Path) -> None:
    other = make_softhsm(tmp_path / "other", "Elsewhere")
    assert "no variable NONE" in cli.refused("library", "change", "SoftHSM", "--unset", "NONE")
    variable = f"SOFTHSM2_CONF={tmp_path / 'missing.conf'}"
    cli.refused("library", "change", "SoftHSM", "--env", variable)
    changed = cli.json(
        *("library", "change", "SoftHSM", "--env", f"SOFTHSM2_CONF={other.conf}"),
        *("--env", "LC_ALL=C", "--init-string", ""),
    )
    assert changed["environment"] == ["SOFTHSM2_CONF", "LC_ALL"]
    assert cli.json("library", "test")["tokens"] == ["Elsewhere"]
    changed = cli.json("library", "change", "SoftHSM", "--unset", "LC_ALL")
    assert changed["environment"] == ["SOFTHSM2_CONF"]
    assert str(softhsm.conf) not in str(changed)


@pytest.mark.usefixtures("registered")
def test_the_call_log_is_switched(cli: Cli) -> None:
    file = cli.json("library", "call-log", "SoftHSM", "on")["call_log"]
    assert file.startswith(str(cli.home))
    cli.run("library", "test")
    assert "C_Initialize" in Path(file).read_text(encoding="utf-8")
    assert file in cli.run("library", "call-log", "SoftHSM", "off").out
    assert cli.json("library", "list")[0]["call_log"] is None


def test_what_depends_on_a_library_keeps_it(cli: Cli, softhsm: SoftHsm, slot: str) -> None:
    assert slot
    expected = f"slot {softhsm.token.label} of NT AUTHORITY\\SYSTEM"
    assert cli.json("library", "dependents") == [{"dependent": expected}]
    line = cli.refused("library", "remove", "SoftHSM")
    assert expected in line
    assert "library disable SoftHSM" in line
    cli.run("slot", "unregister", "--token", softhsm.token.label)
    assert cli.run("library", "dependents").out == "Nothing depends on SoftHSM.\n"
    assert cli.json("library", "remove", "SoftHSM")["removed"] is True


@pytest.mark.usefixtures("registered")
def test_a_second_library_of_a_vendor_gets_a_name_proposed(
    cli: Cli, softhsm: SoftHsm, tmp_path: Path
) -> None:
    copy = tmp_path / "copy.so"
    shutil.copy(softhsm.library, copy)
    command = ("library", "register", str(copy), "--env", f"SOFTHSM2_CONF={softhsm.conf}")
    assert "for example SoftHSM 2" in cli.refused(*command)
    assert cli.json(*command, "--vendor", "SoftHSM 2")["vendor"] == "SoftHSM 2"
    assert "Name one of SoftHSM, SoftHSM 2" in cli.refused("library", "disable")


# --- providers ------------------------------------------------------------------------------------


def test_the_software_provider_lists_its_aliases(cli: Cli) -> None:
    records = cli.json("provider", "list")
    rsa = next(each for each in records if each["algorithm"] == "RSA")
    assert rsa["name"] == "RSA#Software Key Storage Provider"
    assert rsa["kind"] == "Key storage provider"
    assert "Microsoft Software Key Storage Provider" in rsa["aliases"]
    assert {each["algorithm"] for each in records if each["outdated"]} == {"DSA"}
    assert "Microsoft Strong Cryptographic Provider" in cli.run("provider", "list").err


def test_a_legacy_provider_is_registered_and_unregistered(
    cli: Cli, softhsm: SoftHsm, slot: str
) -> None:
    command = ("provider", "register-legacy", "SoftHSM", "--password-stdin")
    assert "refused the PIN" in cli.refused(*command, given="wrong-password\n", audited=True)
    assert "missing" in cli.refused(*command, given="\n")
    made = cli.json(*command, given=slot)
    assert made["provider"] == LEGACY
    assert made["token"] == softhsm.token.label
    assert made["restart"] == [str(name) for name in ServiceName]
    listed = [each for each in cli.json("provider", "list") if each["kind"] == "Legacy provider"]
    assert [(each["name"], each["tokens"]) for each in listed] == [
        (f"RSA#{LEGACY}", [softhsm.token.label])
    ]
    assert cli.json("library", "list")[0]["legacy_provider"] == LEGACY
    assert "registered already" in cli.refused(*command, given=slot)
    sentences = cli.run("provider", "unregister-legacy", "SoftHSM").out
    assert f"Unregistered {LEGACY}." in sentences
    assert "Restart “Certification Authority” and “Online Responder”" in sentences
    assert "is not registered" in cli.refused("provider", "unregister-legacy")


@pytest.mark.usefixtures("slot")
def test_a_slot_that_is_not_registered_has_no_legacy_provider(cli: Cli) -> None:
    line = cli.refused(
        *("provider", "register-legacy", "--token", "elsewhere", "--password-stdin"), given="x\n"
    )
    assert "No token “elsewhere” is registered" in line


@pytest.mark.parametrize(
    "arguments",
    [
        ("library", "change", "SoftHSM"),
        ("library", "change", "SoftHSM", "--env", "NAME"),
        ("library", "call-log", "SoftHSM"),
        ("library", "call-log", "SoftHSM", "perhaps"),
        ("provider", "register-legacy", "--password-stdin", "--no-password"),
    ],
    ids=" ".join,
)
@pytest.mark.usefixtures("registered")
def test_wrong_usage_ends_with_2(arguments: tuple[str, ...], cli: Cli) -> None:
    assert "Error: " in cli.run(*arguments, expect=2).err


def test_the_remedies_name_commands_that_exist() -> None:
    root = build_cli()
    context = click.Context(root)
    for group, names in (
        ("library", ("enable", "disable", "register")),
        ("provider", ("register-legacy", "unregister-legacy")),
    ):
        command = root.get_command(context, group)
        assert isinstance(command, click.Group)
        assert set(names) <= set(command.list_commands(context))


def test_the_running_responder_follows_a_library_that_is_disabled_and_enabled(job: Job) -> None:
    job.ask_until("good", "good.cer")
    job.cli.json("library", "disable")
    try:
        until(lambda: job.cli.run("ocsp", "ask", job.file("good.cer"), expect=None).code != 0)
    finally:
        job.cli.json("library", "enable")
    job.ask_until("good", "good.cer")

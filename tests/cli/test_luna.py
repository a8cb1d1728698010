"""`luna`: the configuration of a Luna client by commands."""

from __future__ import annotations

import json
import shlex
from typing import TYPE_CHECKING

import pytest

from app.domain.luna import CONFIGURATION_VARIABLE
from tests.cli.harness import Cli, opened
from tests.hsm.luna_samples import sample

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SECRET = "not-a-real-credential"


@pytest.fixture
def cli(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, file: Path) -> Iterator[Cli]:
    """An empty home, and a full client whose folder the environment names."""
    monkeypatch.setenv(CONFIGURATION_VARIABLE, str(file.parent))
    with opened(tmp_path / "home") as made:
        yield made


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A full client's configuration."""
    made = tmp_path / "client" / "Chrystoki.conf"
    (made.parent / "cert").mkdir(parents=True)
    made.write_bytes(sample("full_unix.conf"))
    return made


@pytest.fixture
def cloud(tmp_path: Path) -> Path:
    """A cloud client's folder."""
    folder = tmp_path / "cloud"
    folder.mkdir()
    (folder / "Chrystoki.conf").write_bytes(sample("cloud_minimum.conf"))
    for name in ("server", "partition-ca", "partition"):
        (folder / f"{name}-certificate.pem").write_text(name)
    return folder


def test_show_tells_settings_tasks_and_problems(cli: Cli, file: Path) -> None:
    shown = cli.json("luna", "show", "--client-version", "7.4")
    assert shown["file"] == str(file)
    assert shown["syntax"] == "unix"
    settings = {(row["section"], row["key"]): row for row in shown["settings"]}
    assert settings["LunaSA Client", "ServerName00"]["value"] == "hsm1.test"
    assert settings["Misc", "PE1746Enabled"]["line"] == 23
    states = {row["name"]: row["state"] for row in shown["tasks"]}
    assert states == {
        "ped": "not done",
        "fips": "not done",
        "ha": "not applicable",
        "cloud": "not applicable",
    }
    assert len(shown["problems"]) == 3
    text = cli.run("luna", "show").out
    assert "client version needed" in text
    assert "Port of its NTLS connection" in text


def test_a_credential_is_never_printed(cli: Cli, cloud: Path) -> None:
    for form in ((), ("--json",)):
        shown = cli.run("luna", "show", "--file", str(cloud), *form)
        assert "AuthTokenClientSecret" in shown.out
        assert SECRET not in shown.out


def test_set_and_unset_and_restore(cli: Cli, file: Path) -> None:
    before = file.read_bytes()
    dry = cli.json("luna", "set", "CardReader", "RemoteCommand", "0", "--dry-run")
    assert (dry["backup"], file.read_bytes()) == (None, before)
    done = cli.json("luna", "set", "CardReader", "RemoteCommand", "0")
    assert done["difference"] == dry["difference"]
    assert b"  RemoteCommand = 0;\n" in file.read_bytes()
    ended = cli.run("luna", "unset", "CardReader", "LunaG5Slots")
    assert "-  LunaG5Slots = 0;" in ended.out
    assert b"LunaG5Slots" not in file.read_bytes()
    undo = ended.out.splitlines()[-1].partition("sealkeeper ")[2]
    cli.run(*shlex.split(undo))
    assert b"LunaG5Slots" in file.read_bytes()
    preview = cli.run("luna", "restore", done["backup"], "--dry-run").out
    assert "+  RemoteCommand = 1;" in preview
    cli.run("luna", "restore", done["backup"])
    assert file.read_bytes() == before


def test_a_credential_comes_from_standard_input(cli: Cli, cloud: Path) -> None:
    words = ("luna", "set", "REST", "AuthTokenClientSecret", "-", "--file", str(cloud))
    ended = cli.run(*words, given="renewed\n")
    assert "(new)" in ended.out
    assert "renewed" not in ended.out
    text = (cloud / "Chrystoki.conf").read_text()
    assert "  AuthTokenClientSecret = renewed;\n" in text


def test_a_value_that_never_came_is_not_taken_for_an_empty_one(cli: Cli, file: Path) -> None:
    before = file.read_bytes()
    error = cli.refused("luna", "set", "Misc", "ToolsDir", "-", given="")
    assert "missing on standard input" in error
    assert file.read_bytes() == before


def test_apply_does_a_task_once(cli: Cli, file: Path) -> None:
    dry = cli.run("luna", "apply", "fips", "--client-version", "7.4", "--dry-run").out
    assert "+  RSAKeyGenMechRemap = 1;" in dry
    assert "Nothing was changed." in dry
    cli.run("luna", "apply", "fips", "--client-version", "7.4")
    assert b"\n  RSAKeyGenMechRemap = 1;\n}" in file.read_bytes()
    again = cli.refused("luna", "apply", "fips", "--client-version", "7.4")
    assert "The task fips is done." in again


def test_what_cannot_be_done_is_refused(cli: Cli, file: Path, tmp_path: Path) -> None:
    cli.run("event", "list")
    before = file.read_bytes()
    assert "--client-version" in cli.refused("luna", "apply", "fips")
    assert "not applicable" in cli.refused("luna", "apply", "fips", "--client-version", "10.4")
    assert "No HA group" in cli.refused("luna", "apply", "ha")
    assert "TAB" in cli.refused("luna", "set", "Misc", "A", "x\ty")
    assert "There is no configuration file" in cli.refused(
        "luna", "show", "--file", str(tmp_path / "none.conf")
    )
    assert "There is no Nothing" in cli.refused("luna", "unset", "Misc", "Nothing")
    assert "not a backup" in cli.refused("luna", "restore", str(file))
    file.write_text("Misc = {\n A = 1\n}\n")
    assert "Line 2" in cli.refused("luna", "show")
    file.write_bytes(before)
    assert list(file.parent.glob("*.bak")) == []


def test_several_files_have_to_be_told_apart(
    cli: Cli, file: Path, cloud: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(type(cli.backend.luna), "find", lambda _self: (file, cloud))
    assert "--file" in cli.refused("luna", "show")
    monkeypatch.setattr(type(cli.backend.luna), "find", lambda _self: ())
    assert "--file" in cli.refused("luna", "show")


def test_merge_cloud_narrates_and_does_all_of_it(cli: Cli, file: Path, cloud: Path) -> None:
    words = ("luna", "merge-cloud", str(cloud), "--client-version", "10.1")
    places = ("--certificates", str(file.parent / "cert"), "--plugins", str(file.parent))
    before = file.read_bytes()
    dry = cli.json(*words, *places, "--dry-run")
    assert not dry["done"]
    assert [step["number"] for step in dry["steps"]] == list(range(5, 13))
    assert {copy["state"] for copy in dry["copies"]} == {"new"}
    assert file.read_bytes() == before
    ended = cli.run(*words, *places)
    assert "5. Copy the certificates." in ended.out
    assert f"Environment={CONFIGURATION_VARIABLE}={file.parent}" in ended.out
    assert SECRET not in ended.out
    assert (file.parent / "cert" / "server-certificate.pem").read_text() == "server"
    assert SECRET.encode() in file.read_bytes()
    assert "already" in cli.refused(*words, *places)
    (cloud / "server-certificate.pem").write_text("renewed")
    assert "--replace-certificates" in cli.refused(*words, *places)
    done = cli.json(*words, *places, "--replace-certificates")
    assert len(done["backups"]) == 1
    assert (file.parent / "cert" / "server-certificate.pem").read_text() == "renewed"


def test_minimum_checks_the_folder(cli: Cli, cloud: Path) -> None:
    found = cli.json("luna", "minimum", str(cloud))
    assert {row["name"]: row["state"] for row in found["checks"]}["setenv"] == "ok"
    assert found["library"] is None
    assert "not ready" in cli.refused("luna", "minimum", str(cloud), "--register")
    assert json.loads(cli.run("event", "list", "--json").out) == []

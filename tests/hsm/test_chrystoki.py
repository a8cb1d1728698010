"""What a Luna client's configuration tells, and the integration guide's tasks for it."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.domain.luna import (
    CONFIGURATION_VARIABLE,
    HaGroup,
    NtlsServer,
    SetValue,
    TaskName,
    TaskState,
)
from app.hsm.chrystoki import locations, reading
from app.hsm.chrystoki.difference import difference
from app.hsm.chrystoki.document import parse
from app.hsm.chrystoki.meanings import HIDDEN, meaning
from app.hsm.chrystoki.tasks import parse_version, tasks
from tests.hsm.luna_samples import sample

SECRET = "not-a-real-credential"


def states(name: str, version: str) -> dict[TaskName, TaskState]:
    document = parse(sample(name), name)
    return {task.name: task.state for task in tasks(document, parse_version(version))}


# --- reading ----------------------------------------------------------------------------------


def test_servers_groups_and_flags_of_an_ha_client() -> None:
    document = parse(sample("ha.conf"), "Chrystoki.conf")
    assert reading.servers(document) == (
        NtlsServer("hsm1.test", "1792", "0"),
        NtlsServer("hsm2.test", "1792", "0"),
    )
    assert reading.ha_groups(document) == (
        HaGroup("ocsp-ha", "11238700701509", ("1238700701509", "1238712343066")),
    )
    assert reading.flag(document, reading.HA, "HAOnly") is None
    assert reading.flag(document, "misc", "RSAKeyGenMechRemap") is True
    assert not reading.has_cloud(document)
    assert any("HAOnly" in problem.sentence for problem in reading.problems(document))


def test_a_hybrid_client_has_servers_and_the_cloud() -> None:
    document = parse(sample("hybrid.ini"), "crystoki.ini")
    assert reading.has_cloud(document)
    assert [server.name for server in reading.servers(document)] == ["hsm1.test"]
    assert reading.flag(document, reading.HA, "HAOnly") is True


def test_settings_have_a_meaning_and_no_credential() -> None:
    document = parse(sample("cloud_minimum.conf"), "Chrystoki.conf")
    settings = {setting.key: setting for setting in reading.settings(document)}
    assert settings["AuthTokenClientSecret"].value == HIDDEN
    assert settings["AuthTokenClientSecret"].secret
    assert settings["ServerPort"].value == "443"
    assert SECRET not in repr(tuple(settings.values()))
    assert meaning("LunaSA Client", "ServerName07") == meaning("lunasa client", "servername00")
    assert "PED" in meaning("Misc", "ProtectedAuthenticationPathFlagStatus")
    assert meaning("Misc", "SomethingNew") == ""


def test_certificates_that_are_not_there_are_told(tmp_path: Path) -> None:
    there = tmp_path / "ocspserv.pem"
    there.write_text("x")
    text = f"[LunaSA Client]\nClientCertFile={there}\nServerCAFile={tmp_path}/none.pem\n"
    document = parse(text.encode(), "crystoki.ini")
    files = {file.key: file.exists for file in reading.certificate_files(document)}
    assert files == {"ClientCertFile": True, "ServerCAFile": False}
    (problem,) = reading.problems(document)
    assert "none.pem" in problem.sentence


# --- tasks ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("version", "state"),
    [
        ("7.0", TaskState.OPEN),
        ("7.4.0-226", TaskState.OPEN),
        ("10.1", TaskState.NOT_APPLICABLE),
        ("10.7.2", TaskState.NOT_APPLICABLE),
        ("6.3", TaskState.NOT_APPLICABLE),
        ("", TaskState.UNDECIDED),
    ],
)
def test_remapping_is_for_client_7_alone(version: str, state: TaskState) -> None:
    assert states("full_unix.conf", version)[TaskName.FIPS] is state


def test_the_states_of_the_samples() -> None:
    full = states("full_unix.conf", "7.4")
    assert full[TaskName.PED] is TaskState.OPEN
    assert full[TaskName.HA] is TaskState.NOT_APPLICABLE
    assert full[TaskName.CLOUD] is TaskState.NOT_APPLICABLE  # hybrid mode needs 10
    assert states("full_unix.conf", "10.0")[TaskName.CLOUD] is TaskState.OPEN
    group = states("ha.conf", "7.4")
    assert group[TaskName.PED] is TaskState.DONE
    assert group[TaskName.FIPS] is TaskState.DONE
    assert group[TaskName.HA] is TaskState.OPEN
    hybrid = states("hybrid.ini", "10.4")
    assert hybrid[TaskName.HA] is TaskState.DONE
    assert hybrid[TaskName.CLOUD] is TaskState.DONE
    assert states("cloud_minimum.conf", "7.4")[TaskName.CLOUD] is TaskState.DONE


@pytest.mark.parametrize("name", ["full_unix.conf", "full_windows.ini", "ha.conf"])
def test_doing_a_task_makes_it_done_with_one_line(name: str) -> None:
    document = parse(sample(name), name)
    for task in tasks(document, (7, 4)):
        if task.state is not TaskState.OPEN or not task.changes:
            continue
        changed = document.changed(task.changes)
        again = {each.name: each.state for each in tasks(changed, (7, 4))}
        assert again[task.name] is TaskState.DONE
        (change,) = task.changes
        assert isinstance(change, SetValue)
        assert changed.get(change.section, change.key) == "1"


def test_versions_are_read_and_others_are_not() -> None:
    assert parse_version("7.3.0-165") == (7, 3)
    assert parse_version(" 10 ") == (10, 0)
    assert parse_version("v10.2") == (10, 2)
    for text in ("", "ten", "10,2", "-1.0", "7.3 beta"):
        assert parse_version(text) is None


# --- differences ------------------------------------------------------------------------------


def test_a_difference_shows_lines_and_no_credential() -> None:
    document = parse(sample("cloud_minimum.conf"), "Chrystoki.conf")
    new = document.set("REST", "AuthTokenClientSecret", "another-one")
    new = new.set("REST", "ServerPort", "8443")
    text = difference(document.text, new.text, "Chrystoki.conf")
    assert "-  ServerPort = 443;" in text
    assert "+  ServerPort = 8443;" in text
    assert f"-  AuthTokenClientSecret = {HIDDEN};" in text
    assert f"+  AuthTokenClientSecret = {HIDDEN} (new);" in text
    assert SECRET not in text
    assert "another-one" not in text
    assert difference(document.text, document.text, "x") == ""


def test_a_credential_in_a_comment_is_none_the_less_one() -> None:
    old = f"[REST]\n# AuthTokenClientSecret={SECRET}\nA=1\n"
    assert SECRET not in difference(old, old.replace("A=1", "A=2"), "x")


# --- places -----------------------------------------------------------------------------------


def test_the_variable_names_a_folder_or_the_file_itself(tmp_path: Path) -> None:
    file = tmp_path / "crystoki.ini"
    assert locations.from_variable({}) is None
    missing = locations.from_variable({CONFIGURATION_VARIABLE: str(tmp_path)})
    assert missing is not None
    assert missing.parent == tmp_path
    file.write_text("[Misc]\n")
    assert locations.from_variable({CONFIGURATION_VARIABLE: str(tmp_path)}) == file
    assert locations.from_variable({CONFIGURATION_VARIABLE: str(file)}) == file


def test_a_template_is_not_the_configuration(tmp_path: Path) -> None:
    (tmp_path / "Chrystoki-base.conf").write_text("")
    (tmp_path / "crystoki-template.ini").write_text("")
    assert locations.in_folder(tmp_path) is None
    (tmp_path / "CHRYSTOKI.CONF").write_text("")
    assert locations.in_folder(tmp_path) == tmp_path / "CHRYSTOKI.CONF"


@pytest.mark.parametrize(
    ("library", "folder"),
    [
        ("/opt/safenet/lunaclient/lib/libCryptoki2_64.so", "/opt/safenet/lunaclient"),
        ("/opt/cloud/libs/64/libCryptoki2.so", "/opt/cloud"),
        ("/usr/lib/libCryptoki2_64.so", "/usr/safenet/lunaclient"),
        (
            "C:\\Program Files\\SafeNet\\LunaClient\\cryptoki.dll",
            "C:/Program Files/SafeNet/LunaClient",
        ),
        ("", "/usr/safenet/lunaclient"),
    ],
)
def test_the_clients_own_folder_is_known_by_its_library(library: str, folder: str) -> None:
    assert locations.client_folder(Path("/etc/Chrystoki.conf"), library) == Path(folder)
    assert locations.client_folder(Path("/x/Chrystoki.conf"), "") == Path("/x")

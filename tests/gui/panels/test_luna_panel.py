"""The Luna Client page by mouse and keyboard: tasks, settings, differences, merge, minimum."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QFileDialog, QLineEdit, QPlainTextEdit

from app.domain.luna import CONFIGURATION_VARIABLE
from app.gui.table_view import TableView
from app.gui.theme import ThemeMode
from app.gui.widgets.state_badge import StateBadge
from app.hsm.chrystoki import locations
from tests.gui.panels.shell import Shell, shell, softhsm
from tests.hsm.luna_samples import sample

if TYPE_CHECKING:
    from pathlib import Path

    from tests.softhsm import SoftHsm

__all__ = ["shell", "softhsm"]

# The platform without a screen has no keyboard for a popup to grab.
pytestmark = pytest.mark.qt_log_ignore("grabbing the keyboard", extend=True)

LUNA = "security_library/luna"
SECRET = "not-a-real-credential"


@pytest.fixture(autouse=True)
def _no_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(CONFIGURATION_VARIABLE, raising=False)
    monkeypatch.setattr(locations, "DEFAULT_PLACES", ())


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A client with an HA group; the environment names its folder."""
    made = tmp_path / "client" / "Chrystoki.conf"
    (made.parent / "cert").mkdir(parents=True)
    made.write_bytes(sample("ha.conf"))
    monkeypatch.setenv(CONFIGURATION_VARIABLE, str(made.parent))
    return made


@pytest.fixture
def cloud(tmp_path: Path) -> Path:
    """A cloud client in which setenv ran."""
    folder = tmp_path / "cloud"
    (folder / "libs" / "64").mkdir(parents=True)
    text = sample("cloud_minimum.conf").decode().replace("/opt/cloudclient", str(folder))
    (folder / "Chrystoki.conf").write_text(text)
    for name in ("server", "partition-ca", "partition"):
        (folder / f"{name}-certificate.pem").write_text(name)
    return folder


def badge(shell: Shell, task: str) -> str:
    return shell.find(StateBadge, f"luna_task_{task}_badge").word


def keys(shell: Shell) -> list[str]:
    model = shell.find(TableView, "luna_settings").model()
    return [str(model.index(row, 1).data()) for row in range(model.rowCount())]


def choose(shell: Shell, key: str) -> None:
    view = shell.find(TableView, "luna_settings")
    row = keys(shell).index(key)
    view.scrollTo(view.model().index(row, 1))
    place = view.visualRect(view.model().index(row, 1)).center()
    QTest.mouseClick(view.viewport(), Qt.MouseButton.LeftButton, pos=place)
    shell.settle()


def test_without_a_file_the_page_explains_and_offers_to_open_one(
    shell: Shell, tmp_path: Path
) -> None:
    shell.open(LUNA)
    assert not shell.action("luna_merge").isEnabled()
    made = tmp_path / "crystoki.ini"
    made.write_bytes(sample("full_windows.ini"))
    shell.click("luna_empty_action")
    dialog = shell.find(QFileDialog, "luna_file_dialog")
    dialog.fileSelected.emit(str(made))
    dialog.close()
    shell.settle()
    assert badge(shell, "ped") == "Not done"
    assert "LibNT" in keys(shell)


def test_a_task_shows_its_difference_writes_and_is_undone(shell: Shell, file: Path) -> None:
    before = file.read_bytes()
    shell.open(LUNA)
    assert badge(shell, "ha") == "Not done"
    assert badge(shell, "ped") == "Done"
    shell.click("luna_task_ha_do")
    difference = shell.find(QPlainTextEdit, "luna_difference_view")
    assert "+   HAOnly = 1;" in difference.toPlainText().splitlines()
    assert len(difference.extraSelections()) == 4
    assert file.read_bytes() == before
    shell.click("luna_difference_accept")
    assert b"   HAOnly = 1;\n" in file.read_bytes()
    assert badge(shell, "ha") == "Done"
    assert "was changed" in shell.text("luna_banner_message")
    assert ".bak" in shell.text("luna_banner_hint")
    shell.click("luna_banner_action")
    assert file.read_bytes() == before
    assert badge(shell, "ha") == "Not done"
    assert "as it was before" in shell.text("luna_banner_message")


def test_cancelling_the_difference_writes_nothing(shell: Shell, file: Path) -> None:
    before = file.read_bytes()
    shell.open(LUNA)
    shell.click("luna_task_ha_do")
    shell.click("luna_difference_cancel")
    assert file.read_bytes() == before
    assert list(file.parent.glob("*.bak")) == []


def test_a_file_that_changed_meanwhile_is_refused_in_the_dialog(shell: Shell, file: Path) -> None:
    shell.open(LUNA)
    shell.click("luna_task_ha_do")
    file.write_bytes(sample("full_unix.conf"))
    shell.click("luna_difference_accept")
    assert "changed by somebody else" in shell.text("luna_difference_banner_message")
    assert file.read_bytes() == sample("full_unix.conf")


def test_the_client_version_decides_on_the_fips_task(shell: Shell, file: Path) -> None:
    file.write_bytes(sample("full_unix.conf"))
    shell.open(LUNA)
    assert badge(shell, "fips") == "Version needed"
    shell.click("luna_task_fips_do")
    shell.write("luna_version_text", "new")
    shell.click("luna_version_accept")
    assert "is not the version" in shell.text("luna_version_text_error")
    shell.write("luna_version_text", "7.4")
    shell.click("luna_version_accept")
    assert badge(shell, "fips") == "Not done"
    assert badge(shell, "cloud") == "Not applicable"
    shell.click("action_luna_version")
    shell.write("luna_version_text", "10.4")
    shell.click("luna_version_accept")
    assert badge(shell, "fips") == "Not applicable"
    assert "Universal Client 10.4" in shell.text("luna_task_fips_note")


def test_a_setting_is_added_edited_filtered_and_removed(shell: Shell, file: Path) -> None:
    shell.open(LUNA)
    shell.click("action_luna_add")
    shell.click("luna_setting_accept")
    assert "Name the key" in shell.text("luna_setting_key_error")
    shell.write("luna_setting_key", "ToolsDir")
    shell.write("luna_setting_value", "/opt; x")
    shell.click("luna_setting_accept")
    assert "cannot stand" in shell.text("luna_setting_value_error")
    shell.write("luna_setting_value", "/opt/luna/bin")
    shell.click("luna_setting_accept")
    shell.click("luna_difference_accept")
    assert b"   ToolsDir = /opt/luna/bin;\n" in file.read_bytes()
    search = shell.find(QLineEdit, "luna_settings_search")
    search.setText("tools")
    QTest.keyClick(search, Qt.Key.Key_Return)
    assert keys(shell) == ["ToolsDir"]
    choose(shell, "ToolsDir")
    assert shell.text("luna_setting_detail") == (
        "Misc, line 8: ToolsDir = /opt/luna/bin. Folder of the client's tools."
    )
    shell.click("action_luna_edit")
    assert shell.find(QLineEdit, "luna_setting_key").isReadOnly()
    shell.write("luna_setting_value", "/opt/bin")
    shell.click("luna_setting_accept")
    shell.click("luna_difference_accept")
    assert b"   ToolsDir = /opt/bin;\n" in file.read_bytes()
    choose(shell, "ToolsDir")
    shell.click("action_luna_remove")
    shell.click("luna_difference_accept")
    assert file.read_bytes() == sample("ha.conf")


def test_a_credential_is_never_shown(shell: Shell, file: Path) -> None:
    file.write_bytes(sample("cloud_minimum.conf"))
    shell.open(LUNA)
    view = shell.find(TableView, "luna_settings")
    model = view.model()
    cells = [
        str(model.index(row, column).data())
        for row in range(model.rowCount())
        for column in range(model.columnCount())
    ]
    assert SECRET not in "".join(cells)
    choose(shell, "AuthTokenClientSecret")
    shell.click("action_luna_edit")
    value = shell.find(QLineEdit, "luna_setting_value")
    assert value.text() == ""
    shell.click("luna_setting_accept")
    assert "Enter the new value" in shell.text("luna_setting_value_error")
    shell.write("luna_setting_value", "renewed-credential")
    assert value.displayText() != "renewed-credential"
    shell.click("luna_setting_accept")
    difference = shell.find(QPlainTextEdit, "luna_difference_view").toPlainText()
    assert "(new)" in difference
    assert "renewed" not in difference
    shell.click("luna_difference_accept")
    assert b"AuthTokenClientSecret = renewed-credential;" in file.read_bytes()


def test_a_backup_is_restored(shell: Shell, file: Path) -> None:
    shell.open(LUNA)
    shell.click("action_luna_restore")
    assert "no backup" in shell.text("luna_banner_message")
    shell.click("luna_task_ha_do")
    shell.click("luna_difference_accept")
    shell.click("action_luna_restore")
    shell.click("luna_backup_accept")
    assert "-   HAOnly = 1;" in shell.find(QPlainTextEdit, "luna_difference_view").toPlainText()
    shell.click("luna_difference_accept")
    assert file.read_bytes() == sample("ha.conf")


def test_a_file_that_cannot_be_understood_is_told_with_its_line(shell: Shell, file: Path) -> None:
    file.write_text("Misc = {\n A = 1\n}\n")
    shell.open(LUNA)
    assert "Line 2" in shell.text("luna_banner_message")
    assert not shell.action("luna_add").isEnabled()
    assert not any(table.isVisible() for table in shell.window.findChildren(TableView))
    file.write_bytes(sample("ha.conf"))
    shell.window.current_panel().refresh()  # type: ignore[union-attr]  # a panel is shown
    shell.settle()
    assert badge(shell, "ped") == "Done"
    assert shell.action("luna_add").isEnabled()


@pytest.mark.usefixtures("file")
def test_the_difference_keeps_its_colours_when_the_theme_changes(shell: Shell) -> None:
    shell.open(LUNA)
    shell.click("luna_task_ha_do")
    view = shell.find(QPlainTextEdit, "luna_difference_view")

    def colours() -> list[str]:
        return [chosen.format.foreground().color().name() for chosen in view.extraSelections()]

    light = colours()
    shell.window.set_theme(ThemeMode.DARK)
    assert len(colours()) == len(light)
    assert set(colours()).isdisjoint(light)


# --- the cloud --------------------------------------------------------------------------------


def test_a_cloud_client_is_merged(shell: Shell, file: Path, cloud: Path) -> None:
    other = file.parent / "cert" / "server-certificate.pem"
    other.write_text("another service's")
    shell.open(LUNA)
    shell.click("luna_task_cloud_do")
    shell.click("wizard_next")
    assert "Choose the folder" in shell.text("luna_cloud_folder_error")
    shell.write("luna_cloud_folder_line", str(file.parent / "cert"))
    shell.write("luna_cloud_version", "10.1")
    shell.click("luna_cloud_advanced")
    shell.write("luna_cloud_cert_line", str(file.parent / "cert"))
    shell.click("wizard_next")
    assert "setenv" in shell.text("wizard_error")
    shell.write("luna_cloud_folder_line", str(cloud))
    shell.click("wizard_next")
    assert SECRET not in shell.find(QPlainTextEdit, "luna_merge_difference").toPlainText()
    shell.click("wizard_back")
    assert shell.find(QLineEdit, "luna_cloud_folder_line").text() == str(cloud)
    shell.click("wizard_next")
    shell.click("wizard_next")
    assert "Confirm" in shell.text("wizard_error")
    shell.tick("luna_merge_replace")
    shell.click("wizard_next")
    shell.click("wizard_next")
    assert "in the full client now" in shell.text("wizard_result_message")
    shell.click("wizard_next")
    assert other.read_text() == "server"
    assert SECRET.encode() in file.read_bytes()
    assert badge(shell, "cloud") == "Done"


def test_a_minimum_client_is_checked_registered_and_its_slots_listed(
    shell: Shell, softhsm: SoftHsm, cloud: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shell.open(LUNA)
    shell.click("action_luna_minimum")
    shell.write("luna_minimum_folder_line", str(cloud / "none"))
    shell.click("wizard_next")
    assert "There is no folder" in shell.text("luna_minimum_folder_error")
    shell.write("luna_minimum_folder_line", str(cloud))
    shell.click("wizard_next")
    shell.click("wizard_next")
    assert "Mend what is marked" in shell.text("wizard_error")
    (cloud / "libs" / "64" / "libCryptoki2.so").symlink_to(softhsm.library)
    monkeypatch.setenv("SOFTHSM2_CONF", str(softhsm.conf))
    shell.click("wizard_back")
    shell.click("wizard_next")
    shell.write("luna_minimum_vendor", "SafeNet")
    shell.click("wizard_next")
    shell.click("wizard_next")
    assert "registered as SafeNet" in shell.text("wizard_result_message")
    shell.click("wizard_next")
    (library,) = shell.backend.libraries.list()
    assert dict(library.spec.environment) == {CONFIGURATION_VARIABLE: str(cloud)}
    assert badge(shell, "cloud") == "Done"

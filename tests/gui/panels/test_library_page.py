"""The page of the security libraries by mouse and keyboard: wizard, reload, disable, change."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QDesktopServices
from PySide6.QtTest import QTest
from PySide6.QtWidgets import (
    QFileDialog,
    QLabel,
    QLineEdit,
    QListWidget,
    QPlainTextEdit,
    QTableView,
    QWidget,
)

from app.services.security_library.found_libraries import FoundLibrary
from app.services.security_library.libraries import RegisterLibrary
from tests.gui.panels.shell import Shell, filled, registered_library, shell, softhsm
from tests.softhsm import make_softhsm

if TYPE_CHECKING:
    from pathlib import Path

    from app.domain.libraries import Library
    from tests.softhsm import SoftHsm

__all__ = ["filled", "registered_library", "shell", "softhsm"]

# The platform without a screen has no keyboard for a popup to grab.
pytestmark = pytest.mark.qt_log_ignore("grabbing the keyboard", extend=True)


def cells(shell: Shell, table: str, column: int) -> list[str]:
    model = shell.find(QTableView, table).model()
    return [str(model.index(row, column).data()) for row in range(model.rowCount())]


def facts(shell: Shell) -> str:
    """Every word that the page shows."""
    panel = shell.window.current_panel()
    assert panel is not None
    return "\n".join(each.text() for each in panel.findChildren(QLabel) if each.isVisible())


def fill(shell: Shell, name: str, text: str) -> None:
    shell.find(QPlainTextEdit, name).setPlainText(text)


@pytest.fixture
def found(monkeypatch: pytest.MonkeyPatch, softhsm: SoftHsm) -> tuple[FoundLibrary, ...]:
    """A machine with three libraries: one with proposals, another one, one that is of no use."""
    listed = (
        FoundLibrary(
            str(softhsm.library),
            "SoftHSM 2",
            registered=False,
            source="usual place",
            environment=softhsm.spec.environment,
            note="It keeps its tokens in files.",
        ),
        FoundLibrary(
            "/opt/acme/nss.so",
            "NSS",
            registered=False,
            source="usual place",
            initialisation="configdir='sql:/acme'",
        ),
        FoundLibrary(
            "/opt/acme/arm.so",
            "Acme",
            registered=False,
            source="p11-kit: acme.module",
            problem="It is made for another processor architecture.",
        ),
    )
    monkeypatch.setattr(
        "app.services.security_library.libraries.find_libraries", lambda _paths: listed
    )
    return listed


# --- the wizard -----------------------------------------------------------------------------------


@pytest.mark.usefixtures("found")
def test_a_found_library_brings_what_it_needs(shell: Shell, softhsm: SoftHsm) -> None:
    shell.open("security_library")
    shell.click("library_empty_action")
    listed = shell.find(QListWidget, "library_found")
    assert "SoftHSM 2" in listed.item(0).text()
    assert "cannot be loaded" in listed.item(2).text()
    assert not listed.item(2).flags() & Qt.ItemFlag.ItemIsEnabled
    assert "another processor" in listed.item(2).toolTip()
    environment = shell.find(QPlainTextEdit, "library_environment")
    assert environment.toPlainText() == f"SOFTHSM2_CONF={softhsm.conf}"
    assert shell.text("library_note") == "SoftHSM 2: It keeps its tokens in files."
    place = listed.visualItemRect(listed.item(1)).center()
    QTest.mouseClick(listed.viewport(), Qt.MouseButton.LeftButton, pos=place)
    assert shell.find(QLineEdit, "library_path_line").text() == "/opt/acme/nss.so"
    assert environment.toPlainText() == ""
    assert shell.find(QLineEdit, "library_initialisation").text() == "configdir='sql:/acme'"
    assert not any(each.isVisible() for each in shell.window.findChildren(QLabel, "library_note"))
    shell.write("library_path_line", str(softhsm.library))
    assert environment.toPlainText() == f"SOFTHSM2_CONF={softhsm.conf}"
    assert shell.find(QLineEdit, "library_initialisation").text() == ""
    for _page in range(3):
        shell.click("wizard_next")
    assert shell.text("wizard_result_message") == "Success registering the security library."
    shell.click("wizard_next")
    (library,) = shell.backend.libraries.list()
    assert library.spec == softhsm.spec


@pytest.mark.usefixtures("found")
def test_what_was_typed_is_kept_when_another_library_is_picked_and_after_back(
    shell: Shell, softhsm: SoftHsm
) -> None:
    shell.open("security_library")
    shell.click("library_empty_action")
    typed = f"SOFTHSM2_CONF={softhsm.conf}\nOWN=1"
    fill(shell, "library_environment", typed)
    listed = shell.find(QListWidget, "library_found")
    for row in (1, 0):
        place = listed.visualItemRect(listed.item(row)).center()
        QTest.mouseClick(listed.viewport(), Qt.MouseButton.LeftButton, pos=place)
        assert shell.find(QPlainTextEdit, "library_environment").toPlainText() == typed
    shell.click("wizard_next")
    shell.click("wizard_back")
    assert shell.find(QPlainTextEdit, "library_environment").toPlainText() == typed
    assert shell.find(QLineEdit, "library_path_line").text() == str(softhsm.library)


def test_a_file_is_browsed_to(shell: Shell, softhsm: SoftHsm) -> None:
    shell.open("security_library")
    shell.click("library_empty_action")
    shell.click("library_path_browse")
    dialog = shell.find(QFileDialog, "library_path_dialog")
    dialog.fileSelected.emit(str(softhsm.library))
    dialog.reject()
    shell.settle()
    assert shell.find(QLineEdit, "library_path_line").text() == str(softhsm.library)


def test_failures_stand_beside_the_field_that_caused_them(
    shell: Shell, registered_library: Library, softhsm: SoftHsm, tmp_path: Path
) -> None:
    copy = tmp_path / "copy.so"
    shutil.copy(softhsm.library, copy)
    shell.open("security_library")
    shell.click("action_library_register")
    for path, sentence in (
        (registered_library.spec.path, "is registered already"),
        (str(tmp_path / "missing.so"), "There is no file"),
        (str(tmp_path), "is a folder"),
        (__file__, "is not a library"),
    ):
        shell.write("library_path_line", path)
        shell.click("wizard_next")
        assert sentence in shell.text("library_path_error")
    shell.write("library_path_line", str(copy))
    fill(shell, "library_environment", f"SOFTHSM2_CONF={softhsm.conf}")
    shell.click("wizard_next")
    assert shell.find(QLineEdit, "library_vendor").text() == "SoftHSM 2"
    shell.write("library_vendor", "softhsm")
    shell.click("wizard_next")
    assert "is taken" in shell.text("library_vendor_error")
    shell.write("library_vendor", "A#B")
    shell.click("wizard_next")
    assert "is not a vendor name" in shell.text("library_vendor_error")
    shell.write("library_vendor", "")
    shell.click("wizard_next")
    assert "Give the provider a vendor name" in shell.text("library_vendor_error")
    shell.write("library_vendor", "Second")
    shell.click("wizard_next")
    shell.click("wizard_next")
    shell.click("wizard_next")
    assert {each.vendor for each in shell.backend.libraries.list()} == {"SoftHSM", "Second"}


# --- a registered library -------------------------------------------------------------------------


def test_a_library_is_reloaded_and_what_changed_is_told(
    shell: Shell, registered_library: Library, softhsm: SoftHsm
) -> None:
    shell.open("security_library")
    assert cells(shell, "library_table", 0) == [registered_library.vendor]
    softhsm.new_token("Second")
    shell.click("action_library_reload")
    assert shell.text("library_banner_message") == "SoftHSM was loaded anew."
    hint = shell.text("library_banner_hint")
    assert "Slots: 3, before 2" in hint
    assert "Second" in hint
    assert "Second" in cells(shell, "library_slots", 0)
    shell.click("library_banner_second")
    assert "No slot is registered" in shell.text("library_banner_message")


def test_a_library_that_does_not_load_any_more_says_why(
    shell: Shell, softhsm: SoftHsm, tmp_path: Path
) -> None:
    copy = tmp_path / "copy.so"
    shutil.copy(softhsm.library, copy)
    shell.backend.libraries.register(
        RegisterLibrary(path=str(copy), environment=softhsm.spec.environment)
    )
    shell.open("security_library")
    copy.unlink()
    shell.click("action_library_reload")
    assert "There is no file" in shell.text("library_banner_message")
    assert cells(shell, "library_table", 1) == ["Does not answer"]
    assert "There is no file" in facts(shell)


def test_a_library_is_disabled_and_enabled(filled: Shell) -> None:
    filled.open("security_library")
    assert cells(filled, "library_table", 1) == ["Answers"]
    filled.click("action_library_disable")
    filled.click("confirm_cancel")
    assert filled.backend.libraries.list()[0].disabled_at is None
    filled.click("action_library_disable")
    filled.click("confirm_accept")
    assert filled.backend.libraries.list()[0].disabled_at is not None
    assert cells(filled, "library_table", 1) == ["Disabled"]
    assert "Disabled since" in facts(filled)
    for name in ("library_reload", "library_change"):
        action = filled.action(name)
        assert not action.isEnabled()
        assert action.toolTip() == "Enable the library first."
    filled.click("action_library_disable")
    assert filled.backend.libraries.list()[0].disabled_at is None
    assert cells(filled, "library_table", 1) == ["Answers"]


def test_environment_and_initialisation_are_changed(
    shell: Shell, registered_library: Library, tmp_path: Path
) -> None:
    other = make_softhsm(tmp_path / "other", "Elsewhere")
    shell.open("security_library")
    shell.click("action_library_change")
    environment = shell.find(QPlainTextEdit, "change_environment")
    before = "\n".join("=".join(pair) for pair in registered_library.spec.environment)
    assert environment.toPlainText() == before
    fill(shell, "change_environment", "nonsense")
    shell.click("change_dialog_accept")
    assert "nonsense" in shell.text("change_environment_error")
    fill(shell, "change_environment", f"SOFTHSM2_CONF={tmp_path / 'missing.conf'}")
    shell.click("change_dialog_accept")
    assert registered_library.spec.path in shell.text("change_dialog_banner_message")
    assert shell.backend.libraries.list() == (registered_library,)
    fill(shell, "change_environment", f"SOFTHSM2_CONF={other.conf}")
    shell.click("change_dialog_accept")
    assert "answers this way" in shell.text("library_banner_message")
    assert "Elsewhere" in cells(shell, "library_slots", 0)
    assert shell.backend.libraries.list()[0].spec.environment == other.spec.environment


def test_the_call_log_is_started_and_its_file_is_shown(
    shell: Shell, registered_library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[str] = []
    works = True

    def open_url(url: object) -> bool:
        opened.append(url.toLocalFile())  # type: ignore[attr-defined] # a QUrl
        return works

    monkeypatch.setattr(QDesktopServices, "openUrl", open_url)
    shell.open("security_library")
    assert not shell.window.findChildren(QWidget, "action_library_log_folder")
    shell.click("action_library_call_log")
    file = shell.backend.libraries.call_log_file(registered_library.id)
    assert str(file) in shell.text("library_banner_hint")
    assert str(file) in facts(shell)
    assert shell.backend.libraries.list()[0].call_log
    shell.click("action_library_reload")
    assert "C_GetSlotList" in file.read_text()
    shell.click("action_library_log_folder")
    assert opened == [str(file.parent)]
    works = False
    shell.click("action_library_log_folder")
    assert "No program" in shell.text("library_banner_message")
    shell.click("action_library_call_log")
    assert not shell.backend.libraries.list()[0].call_log
    assert "is stopped" in shell.text("library_banner_message")


def test_what_depends_on_a_library_is_listed_instead_of_removing_it(
    filled: Shell, softhsm: SoftHsm
) -> None:
    filled.open("security_library")
    filled.click("action_library_remove")
    listed = filled.find(QListWidget, "remove_dependents")
    texts = [listed.item(row).text() for row in range(listed.count())]
    assert texts == list(filled.backend.libraries.dependents(only_library(filled).id))
    assert any(softhsm.token.label in text for text in texts)
    accept = filled.find(QWidget, "remove_dialog_accept")
    assert not accept.isEnabled()
    assert softhsm.token.label in accept.toolTip()
    filled.click("remove_dialog_cancel")
    assert len(filled.backend.libraries.list()) == 1


def test_what_came_to_depend_on_it_meanwhile_is_named(
    shell: Shell, registered_library: Library
) -> None:
    shell.open("security_library")
    shell.click("action_library_remove")
    shell.backend.templates.set_fields(
        "OCSPResponseSigning", {"providers": registered_library.provider_name}
    )
    shell.click("remove_dialog_accept")
    assert "still used" in shell.text("remove_dialog_banner_message")
    assert "OCSP Response Signing" in shell.text("remove_dialog_banner_hint")
    assert not shell.find(QWidget, "remove_dialog_accept").isEnabled()


def test_an_unused_library_goes_with_one_click_more(
    shell: Shell, registered_library: Library
) -> None:
    shell.open("security_library")
    assert registered_library in shell.backend.libraries.list()
    shell.click("action_library_remove")
    shell.click("remove_dialog_accept")
    assert shell.backend.libraries.list() == ()
    assert shell.find(QWidget, "library_empty_action").isVisible()


def only_library(shell: Shell) -> Library:
    (library,) = shell.backend.libraries.list()
    return library

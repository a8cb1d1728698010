"""The Security Library by mouse and keyboard: library, slots, providers and keys, on SoftHSM."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLineEdit, QListWidget, QPlainTextEdit, QWidget

from app.domain.keys import KeyAlgorithm, KeySpec
from tests.gui.conftest import wait_for
from tests.gui.panels.hands import column
from tests.gui.panels.shell import Shell, filled, registered_library, shell, softhsm

if TYPE_CHECKING:
    from app.domain.libraries import Library
    from app.gui.panel import NodeSpec
    from app.gui.tree import ConsoleTree
    from tests.softhsm import SoftHsm

__all__ = ["filled", "registered_library", "shell", "softhsm"]

# The platform without a screen has no keyboard for a popup to grab.
pytestmark = pytest.mark.qt_log_ignore("grabbing the keyboard", extend=True)


def keys_node(shell: Shell) -> NodeSpec:
    tree: ConsoleTree = shell.window.tree
    return next(spec for key, spec in tree.specs.items() if "/keys/" in key)


# --- the library ------------------------------------------------------------------------------


def test_a_library_is_registered_by_mouse_and_keyboard(shell: Shell, softhsm: SoftHsm) -> None:
    shell.open("security_library")
    shell.click("library_empty_action")
    shell.write("library_path_line", str(softhsm.library))
    shell.write("library_environment", f"SOFTHSM2_CONF={softhsm.conf}")
    shell.click("wizard_next")
    assert shell.text("library_provider") == "SoftHSM Key Storage Provider"
    shell.write("library_vendor", "Acme")
    shell.click("wizard_back")
    assert shell.find(QLineEdit, "library_path_line").text() == str(softhsm.library)
    shell.click("wizard_next")
    assert shell.find(QLineEdit, "library_vendor").text() == "Acme"
    shell.click("wizard_next")
    shell.click("wizard_next")
    assert shell.text("wizard_result_message") == "Success registering the security library."
    shell.click("wizard_next")
    assert [library.vendor for library in shell.backend.libraries.list()] == ["Acme"]
    assert column(shell, "library_table", "Vendor") == ["Acme"]
    assert "No slot is registered" in shell.text("library_banner_message")


def test_a_file_that_is_no_library_is_refused_beside_its_field(shell: Shell) -> None:
    shell.open("security_library")
    shell.click("library_empty_action")
    shell.write("library_path_line", "")
    shell.click("wizard_next")
    assert "Choose the file" in shell.text("library_path_error")
    shell.write("library_path_line", __file__)
    shell.click("wizard_next")
    assert "is not a library" in shell.text("library_path_error")
    assert shell.backend.libraries.list() == ()
    shell.write("library_environment", "nonsense")
    shell.click("wizard_next")
    assert "nonsense" in shell.text("library_environment_error")


def test_a_library_that_was_found_is_proposed(shell: Shell, softhsm: SoftHsm) -> None:
    shell.open("security_library")
    shell.click("library_empty_action")
    found = shell.backend.libraries.found()
    assert found, f"{softhsm.library} is in a place that is looked at"
    assert shell.find(QLineEdit, "library_path_line").text() == found[0].path
    shell.write("library_path_line", "/elsewhere.so")
    listed = shell.find(QListWidget, "library_found")
    place = listed.visualItemRect(listed.item(0)).center()
    QTest.mouseClick(listed.viewport(), Qt.MouseButton.LeftButton, pos=place)
    assert shell.find(QLineEdit, "library_path_line").text() == found[0].path
    shell.click("library_advanced")
    shell.find(QLineEdit, "library_initialisation")
    assert shell.find(QPlainTextEdit, "library_environment").toPlainText() == ""


@pytest.mark.usefixtures("filled")
def test_a_library_in_use_is_not_removed(shell: Shell) -> None:
    shell.open("security_library")
    shell.click("action_library_remove")
    assert not shell.find(QWidget, "remove_dialog_accept").isEnabled()
    shell.click("remove_dialog_cancel")
    assert len(shell.backend.libraries.list()) == 1


def test_an_unused_library_is_removed(shell: Shell, registered_library: Library) -> None:
    shell.open("security_library")
    assert column(shell, "library_table", "Vendor") == [registered_library.vendor]
    shell.click("action_library_remove")
    shell.click("remove_dialog_accept")
    assert shell.backend.libraries.list() == ()
    assert not shell.action("library_register_slot").isEnabled()


def test_a_blank_token_is_initialised(
    shell: Shell, registered_library: Library, softhsm: SoftHsm
) -> None:
    shell.open("security_library")
    shell.click("action_library_initialise_token")
    shell.write("token_label", "SECOND")
    for field in ("token_so_pin", "token_so_pin_again", "token_user_pin"):
        shell.write(field, "12345678")
    shell.write("token_user_pin_again", "12345679")
    shell.click("token_dialog_accept")
    assert shell.text("token_user_pin_again_error") == "The two entries differ."
    shell.write("token_user_pin_again", "12345678")
    shell.click("token_dialog_accept")
    assert "“SECOND” was initialised" in shell.text("library_banner_message")
    labels = {
        s.token.label for s in shell.backend.libraries.slots(registered_library.id) if s.token
    }
    assert labels == {"SECOND", softhsm.token.label}
    assert "SECOND" in column(shell, "library_slots", "Token label")


# --- providers and keys -----------------------------------------------------------------------


def test_providers_are_listed_with_their_algorithms(filled: Shell) -> None:
    filled.open("security_library/providers")
    entries = column(filled, "providers_table", "Provider")
    assert "RSA#SoftHSM Key Storage Provider" in entries
    assert "ECDSA_P384#Software Key Storage Provider" in entries


@pytest.mark.usefixtures("filled")
def test_a_token_that_went_away_is_told_of(shell: Shell, softhsm: SoftHsm) -> None:
    shutil.rmtree(softhsm.conf.parent / "tokens")
    shell.open("security_library/providers")
    assert "may be missing" in shell.text("providers_banner_message")


def test_an_orphan_key_is_marked_and_deleted_after_its_label_is_typed(
    filled: Shell, softhsm: SoftHsm
) -> None:
    account = filled.backend.directory.current_account()
    spec = KeySpec(KeyAlgorithm.ECDSA_P256, 256)
    provider = "SoftHSM Key Storage Provider"
    filled.backend.keys.generate(provider, softhsm.token, spec, "left over", account)
    filled.open(keys_node(filled).key)
    assert column(filled, "keys_table", "Used by") == ["Orphan"]
    assert column(filled, "keys_table", "Extractable") == ["no"]
    filled.click("action_key_delete")
    assert not filled.find(QWidget, "confirm_accept").isEnabled()
    filled.write("confirm_typed", "left over")
    filled.click("confirm_accept")
    wait_for(lambda: column(filled, "keys_table", "Label") == [])


def test_software_keys_have_a_node_once_there_are_some(shell: Shell) -> None:
    tree = shell.window.tree
    assert "security_library/keys/software" not in tree.specs
    account = shell.backend.directory.current_account()
    spec = KeySpec(KeyAlgorithm.ECDSA_P256, 256)
    shell.backend.keys.generate("Software Key Storage Provider", None, spec, "soft", account)
    shell.window.refresh_children("security_library")
    shell.settle()
    shell.open("security_library/keys/software")
    assert column(shell, "keys_table", "Label") == ["soft"]

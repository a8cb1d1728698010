"""Certificate Templates by mouse and keyboard: list, copy, property sheet, permissions."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import (
    QAbstractButton,
    QCheckBox,
    QComboBox,
    QDialog,
    QLineEdit,
    QListWidget,
    QTabWidget,
    QWidget,
)

from app.domain.periods import Period
from app.domain.principals import TemplateRight
from app.domain.templates import OID_CLIENT_AUTH, OID_OCSP_SIGNING
from app.gui.table_view import TableView
from tests.gui.panels.shell import Shell, filled, registered_library, shell, softhsm

if TYPE_CHECKING:
    from app.domain.templates import Template

__all__ = ["filled", "registered_library", "shell", "softhsm"]

# The platform without a screen has no keyboard for a popup to grab.
pytestmark = pytest.mark.qt_log_ignore("grabbing the keyboard", extend=True)

OCSP = "OCSPResponseSigning"
SOFTWARE = "Software Key Storage Provider"


def properties(shell: Shell, name: str) -> None:
    """Open the property sheet by the keyboard."""
    shell.open("certificate_templates")
    view = shell.find(TableView, "templates_table")
    assert view.select_id(name)
    QTest.keyClick(view, Qt.Key.Key_Return)
    shell.settle()
    shell.find(QDialog, "template_sheet")


def tab(shell: Shell, title: str) -> str:
    """Show a tab by a click on it; returns its words."""
    tabs = shell.find(QTabWidget, "template_tabs")
    bar = tabs.tabBar()
    number = next(n for n in range(bar.count()) if bar.tabText(n).startswith(title))
    QTest.mouseClick(bar, Qt.MouseButton.LeftButton, pos=bar.tabRect(number).center())
    return bar.tabText(number)


def period(shell: Shell, field: str, count: int, unit: str) -> None:
    shell.write(f"{field}_count", str(count))
    box = shell.find(QComboBox, f"{field}_unit")
    box.setFocus()
    QTest.keyClick(box, Qt.Key.Key_Home)
    while box.currentText() != unit:
        before = box.currentIndex()
        QTest.keyClick(box, Qt.Key.Key_Down)
        assert box.currentIndex() > before


def stored(shell: Shell, name: str = OCSP) -> Template:
    return shell.backend.templates.get(name)


def test_the_list_names_the_templates_of_the_tool(shell: Shell) -> None:
    shell.open("certificate_templates")
    model = shell.find(TableView, "templates_table").model()
    rows = [
        tuple(model.index(row, column).data() for column in range(4))
        for row in range(model.rowCount())
    ]
    assert ("OCSP Response Signing", "3", "101.0", "OCSP Signing") in rows
    assert not shell.action("template_delete").isEnabled()


def test_the_guides_test_values_are_set_and_marked(shell: Shell) -> None:
    properties(shell, OCSP)
    assert not shell.find(QAbstractButton, "template_apply").isEnabled()
    period(shell, "template_validity", 4, "hours")
    assert "must be shorter" in shell.text("template_renewal_error")
    assert not shell.find(QAbstractButton, "template_ok").isEnabled()
    period(shell, "template_renewal", 1, "hours")
    assert shell.text("template_test_value_message") == "Test value"
    shell.tick("template_publish")
    assert tab(shell, "General").endswith("•")
    shell.click("template_apply")
    assert tab(shell, "General") == "General"
    template = stored(shell)
    assert template.publish_to_directory
    assert (template.validity, template.renewal) == (
        Period.parse("4 hours"),
        Period.parse("1 hour"),
    )
    assert template.minor_version == 1
    shell.click("template_ok")
    assert shell.dialog() is None


def test_cancel_changes_nothing(shell: Shell) -> None:
    before = stored(shell)
    properties(shell, OCSP)
    shell.write("template_display_name", "Something Else")
    shell.click("template_cancel")
    assert stored(shell) == before


def test_a_template_needs_a_name(shell: Shell) -> None:
    properties(shell, OCSP)
    shell.write("template_display_name", "")
    assert shell.text("template_display_name_error") == "A template needs a name."
    assert not shell.find(QAbstractButton, "template_ok").isEnabled()


def test_providers_are_ticked_and_ordered(filled: Shell) -> None:
    properties(filled, OCSP)
    tab(filled, "Cryptography")
    filled.tick("template_listed_providers")
    assert "at least one" in filled.text("template_providers_error")
    listed = filled.find(QListWidget, "template_providers")
    listed.setFocus()
    names = [listed.item(row).text() for row in range(listed.count())]
    assert names == ["SoftHSM Key Storage Provider", SOFTWARE]
    for row in range(2):
        listed.setCurrentRow(row)
        QTest.keyClick(listed, Qt.Key.Key_Space)
    filled.click("template_provider_up")
    filled.click("template_ok")
    assert stored(filled).providers == (SOFTWARE, "SoftHSM Key Storage Provider")


def test_an_elliptic_algorithm_brings_its_own_size(shell: Shell) -> None:
    properties(shell, OCSP)
    tab(shell, "Cryptography")
    box = shell.find(QComboBox, "template_algorithm")
    box.setFocus()
    QTest.keyClick(box, Qt.Key.Key_Down)
    assert not shell.find(QWidget, "template_key_size").isEnabled()
    shell.click("template_ok")
    assert (stored(shell).algorithm, stored(shell).minimum_key_size) == ("ECDSA_P256", 256)


def test_what_is_out_of_date_comes_last_and_says_so(shell: Shell) -> None:
    properties(shell, OCSP)
    tab(shell, "Cryptography")
    for name, last, first in (
        ("template_algorithm", "DSA (out of date)", "RSA"),
        ("template_hash", "SHA1 (out of date)", "SHA256"),
    ):
        box = shell.find(QComboBox, name)
        texts = [box.itemText(row) for row in range(box.count())]
        assert (texts[0], texts[-1], box.currentText()) == (first, last, first)
    sizes = shell.find(QComboBox, "template_key_size")
    shell.find(QComboBox, "template_algorithm").setCurrentText("DSA (out of date)")
    assert [sizes.itemText(row) for row in range(sizes.count())] == ["2048", "3072"]
    shell.click("template_ok")
    assert (stored(shell).algorithm, stored(shell).minimum_key_size) == ("DSA", 2048)


def test_a_key_size_that_is_none_is_refused_while_it_is_typed(shell: Shell) -> None:
    properties(shell, OCSP)
    tab(shell, "Cryptography")
    shell.write("template_key_size_edit", "2000")
    assert "2048, 3072 or 4096" in shell.text("template_key_size_error")


def test_policies_and_key_usage(shell: Shell) -> None:
    properties(shell, OCSP)
    tab(shell, "Extensions")
    shell.write("template_new_policy_edit", "no policy")
    shell.click("template_policy_add")
    assert "not an object identifier" in shell.text("template_policies_field_error")
    shell.write("template_new_policy_edit", "client authentication")
    shell.click("template_policy_add")
    shell.click("template_ok")
    assert stored(shell).application_policies == (OID_OCSP_SIGNING, OID_CLIENT_AUTH)


def test_no_check_needs_ocsp_signing(shell: Shell) -> None:
    properties(shell, OCSP)
    tab(shell, "Extensions")
    shell.find(QListWidget, "template_policies").setCurrentRow(0)
    shell.click("template_policy_remove")
    assert "needs the policy OCSP Signing" in shell.text("template_no_check_error")


def test_the_subject_and_approval_are_changed(shell: Shell) -> None:
    properties(shell, OCSP)
    tab(shell, "Subject Name")
    shell.tick("template_subject_supply_in_request")
    assert "any name" in shell.text("template_subject_note_hint")
    tab(shell, "Issuance")
    shell.tick("template_manager_approval")
    shell.click("template_ok")
    assert stored(shell).manager_approval
    assert stored(shell).subject_source == "supply in the request"


def test_the_computer_is_found_only_among_computers_and_gets_its_rights(shell: Shell) -> None:
    host = shell.backend.directory.host
    properties(shell, OCSP)
    tab(shell, "Security")
    shell.click("template_principal_add")
    shell.write("principal_name", host)
    shell.click("principal_picker_accept")
    assert "not found" in shell.text("principal_picker_banner_message")
    assert "Computers" in shell.text("principal_picker_banner_hint")
    shell.click("principal_object_types")
    shell.tick("principal_types_computer")
    shell.click("principal_check_names")
    assert shell.find(QLineEdit, "principal_name").text().endswith(f"{host}$")
    shell.click("principal_picker_accept")
    assert shell.text("template_rights_title") == f"Permissions for {host}"
    shell.tick("template_right_autoenroll")
    assert "together with Enroll" in shell.text("template_rights_note")
    shell.tick("template_right_enroll")
    shell.click("template_ok")
    granted = {row.account.name: row.allow for row in stored(shell).permissions}
    wanted = TemplateRight.READ | TemplateRight.ENROLL | TemplateRight.AUTOENROLL
    assert granted[f"{host}$"] == wanted
    assert stored(shell).minor_version == 0


def test_the_offer_to_look_among_computers_finds_them(shell: Shell) -> None:
    properties(shell, OCSP)
    tab(shell, "Security")
    shell.click("template_principal_add")
    shell.write("principal_name", shell.backend.directory.host)
    shell.click("principal_picker_accept")
    shell.click("principal_picker_banner_action")
    assert shell.find(QLineEdit, "principal_name").text().endswith("$")


def test_a_principal_is_removed(shell: Shell) -> None:
    properties(shell, OCSP)
    tab(shell, "Security")
    view = shell.find(TableView, "template_principals")
    names = [row.account.name for row in stored(shell).permissions]
    view.selectRow(names.index("Authenticated Users"))
    shell.click("template_principal_remove")
    shell.click("template_ok")
    assert "Authenticated Users" not in {row.account.name for row in stored(shell).permissions}


def test_a_version_1_template_says_why_only_permissions_change(shell: Shell) -> None:
    properties(shell, "WebServer")
    assert "Only the permissions" in shell.text("template_banner_message")
    assert "version 1" in shell.text("template_banner_hint")
    shell.tick("template_right_autoenroll")
    tab(shell, "General")
    assert not shell.find(QLineEdit, "template_display_name").isEnabled()
    shell.click("template_ok")
    assert stored(shell, "WebServer").permissions[0].allow & TemplateRight.AUTOENROLL


def test_a_template_is_duplicated_changed_and_deleted(shell: Shell) -> None:
    shell.open("certificate_templates")
    assert shell.find(TableView, "templates_table").select_id("WebServer")
    shell.click("action_template_duplicate")
    assert shell.find(QLineEdit, "duplicate_display_name").text() == "Copy of Web Server"
    shell.write("duplicate_display_name", "User")
    shell.click("duplicate_dialog_accept")
    assert "exists already" in shell.text("duplicate_display_name_error")
    shell.write("duplicate_display_name", "Test Web Server")
    assert shell.find(QLineEdit, "duplicate_name").text() == "TestWebServer"
    shell.click("duplicate_dialog_accept")
    period(shell, "template_validity", 1, "years")
    shell.click("template_ok")
    copy = stored(shell, "TestWebServer")
    assert (copy.validity, copy.schema_version) == (Period.parse("1 year"), 2)
    shell.click("action_template_delete")
    shell.click("confirm_accept")
    assert "TestWebServer" not in {template.name for template in shell.backend.templates.list()}


def test_a_template_that_was_changed_meanwhile_is_not_overwritten(shell: Shell) -> None:
    properties(shell, OCSP)
    shell.tick("template_publish")
    shell.backend.templates.set_fields(OCSP, {"validity": "3 weeks"})
    shell.click("template_apply")
    assert "changed meanwhile" in shell.text("template_banner_message")
    assert not stored(shell).publish_to_directory
    assert shell.find(QCheckBox, "template_publish").isChecked()

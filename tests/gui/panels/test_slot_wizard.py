"""The slot registration wizard by mouse and keyboard: every branch, on SoftHSM and its faults."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QCheckBox, QComboBox, QLabel, QLineEdit, QRadioButton, QWidget

from app.domain.keys import KeyAlgorithm, KeySpec
from app.domain.principals import NETWORK_SERVICE, SYSTEM
from app.domain.services import ServiceName
from app.domain.tokens import PinState
from app.gui.wizard import Wizard
from app.services.authority.authorities import CreateAuthority
from app.services.security_library.libraries import RegisterLibrary
from tests.faults.module import Faults, fault_library, faults
from tests.gui.conftest import wait_for
from tests.gui.panels.hands import choose_row, column, hidden, press
from tests.gui.panels.shell import Shell, filled, registered_library, shell, softhsm

if TYPE_CHECKING:
    from pathlib import Path

    from app.domain.libraries import Library
    from app.gui.tree import ConsoleTree
    from tests.softhsm import SoftHsm

__all__ = [
    "fault_library",
    "faults",
    "filled",
    "registered_library",
    "shell",
    "softhsm",
]

# The platform without a screen has no keyboard for a popup to grab.
pytestmark = pytest.mark.qt_log_ignore("grabbing the keyboard", extend=True)

REGISTERED = "The slot was successfully and securely registered."


def open_wizard(shell: Shell) -> None:
    shell.open("security_library/slots")
    shell.click("slots_empty_action")


def to_password(shell: Shell) -> None:
    open_wizard(shell)
    for _page in range(3):
        shell.click("wizard_next")
    assert shell.text("wizard_title") == "Slot password"


def enter(shell: Shell, pin: str) -> None:
    """Type the password and wait for the test."""
    shell.write("slot_password", pin)
    shell.click("wizard_next")


def pin_of(softhsm: SoftHsm) -> str:
    return softhsm.user_pin.reveal().decode()


def finish(shell: Shell) -> None:
    """From the test's result through the summary to the end."""
    assert shell.text("wizard_title") == "Test"
    shell.click("wizard_next")
    assert shell.text("wizard_title") == "Summary"
    shell.click("wizard_next")
    assert shell.text("wizard_result_message") == REGISTERED
    shell.click("wizard_next")


def shown(shell: Shell, page: str) -> str:
    """All words of a part of the window."""
    return " | ".join(
        each.text() for each in shell.find(QWidget, page).findChildren(QLabel) if each.isVisible()
    )


@pytest.fixture
def faulty(shell: Shell, faults: Faults) -> Faults:
    """The fault module, registered."""
    spec = faults.spec
    shell.backend.libraries.register(RegisterLibrary(path=spec.path, environment=spec.environment))
    return faults


# --- the usual way ----------------------------------------------------------------------------


def test_a_slot_is_registered_for_both_accounts_with_one_login(
    shell: Shell, faulty: Faults
) -> None:
    to_password(shell)
    shell.write("slot_password", pin_of(faulty.softhsm))
    QTest.keyClick(shell.find(QLineEdit, "slot_password"), Qt.Key.Key_Return)
    shell.settle()
    words = shown(shell, "slot_trial")
    assert "The token opens and signs." in words
    assert "ECDSA P-256" in words
    assert " ms." in words
    finish(shell)
    assert faulty.calls("C_Login") == 1
    current = shell.backend.directory.current_account()
    rows = shell.backend.slots.registered()
    assert {row.account for row in rows} == {current, SYSTEM}
    assert sorted(column(shell, "slots_table", "Registered for")) == sorted(
        str(row.account) for row in rows
    )
    tree: ConsoleTree = shell.window.tree
    label = faulty.softhsm.token.label
    assert any(spec.title == f"Keys on {label}" for spec in tree.specs.values())


@pytest.mark.usefixtures("registered_library")
def test_one_account_alone(shell: Shell, softhsm: SoftHsm) -> None:
    to_password(shell)
    shell.click("wizard_back")
    shell.tick("accounts_current")
    shell.click("wizard_next")
    enter(shell, pin_of(softhsm))
    finish(shell)
    assert [row.account for row in shell.backend.slots.registered()] == [SYSTEM]


@pytest.mark.usefixtures("registered_library")
def test_another_account_must_exist_and_is_registered(shell: Shell, softhsm: SoftHsm) -> None:
    to_password(shell)
    shell.click("wizard_back")
    shell.tick("accounts_current")
    shell.tick("accounts_system")
    shell.click("wizard_next")
    assert shell.text("wizard_error") == "Select at least one account."
    shell.tick("accounts_other")
    shell.write("accounts_name_edit", "nobody-here")
    shell.click("wizard_next")
    assert "not found" in shell.text("accounts_name_error")
    shell.write("accounts_name_edit", "network service")
    shell.find(QComboBox, "accounts_domain").setCurrentText(NETWORK_SERVICE.domain)
    shell.click("wizard_next")
    enter(shell, pin_of(softhsm))
    finish(shell)
    (row,) = shell.backend.slots.registered()
    assert row.account == NETWORK_SERVICE


@pytest.mark.usefixtures("registered_library")
def test_the_account_of_a_service_is_offered(shell: Shell) -> None:
    shell.backend.services.set_log_on(ServiceName.ONLINE_RESPONDER, NETWORK_SERVICE)
    to_password(shell)
    shell.click("wizard_back")
    box = shell.find(QCheckBox, "accounts_service_0")
    assert box.isChecked()
    assert str(NETWORK_SERVICE) in box.text()


@pytest.mark.usefixtures("registered_library")
def test_a_password_that_is_asked_at_each_start_is_stored_nowhere(
    shell: Shell, softhsm: SoftHsm
) -> None:
    to_password(shell)
    assert shell.find(QRadioButton, "slot_password_store").isChecked()
    shell.tick("slot_password_ask")
    enter(shell, pin_of(softhsm))
    finish(shell)
    rows = shell.backend.slots.registered()
    assert all(row.ask_at_start for row in rows)
    assert not (shell.backend.home / "secrets" / "secrets.json").exists()
    assert set(column(shell, "slots_table", "Password in")) == {"asked at each start"}


# --- the slot page ----------------------------------------------------------------------------


@pytest.mark.usefixtures("registered_library")
def test_what_nothing_tells_is_not_reported(shell: Shell, softhsm: SoftHsm) -> None:
    open_wizard(shell)
    shell.click("wizard_next")
    named = {each.accessibleName() for each in shell.window.findChildren(QLabel)}
    for name in ("FIPS mode", "Audit trail", "Configuration", "High availability"):
        assert f"{name}: not reported" in named
    assert f"Serial number: {softhsm.token.serial}" in named
    assert "Log-on by: password" in named


def test_empty_slots_are_shown_when_asked_for(shell: Shell, faulty: Faults) -> None:
    faulty.set("slots placeholders 3")
    open_wizard(shell)
    shell.click("wizard_next")
    assert "Empty" not in column(shell, "slot_list", "State")
    shell.tick("slot_show_empty")
    assert column(shell, "slot_list", "State").count("Empty") == 3
    choose_row(shell, "slot_list", "State", "Empty")
    shell.click("wizard_next")
    assert "no token in this slot" in shell.text("slot_card_error")


@pytest.mark.usefixtures("registered_library")
def test_a_blank_token_is_initialised_on_the_way(shell: Shell) -> None:
    open_wizard(shell)
    shell.click("wizard_next")
    choose_row(shell, "slot_list", "State", "Not initialised")
    shell.click("wizard_next")
    assert "Initialise it first" in shell.text("slot_card_error")
    shell.click("slot_initialise")
    shell.write("token_label", "OCSP")
    for field in ("token_so_pin", "token_so_pin_again", "token_user_pin", "token_user_pin_again"):
        shell.write(field, "12345678")
    shell.click("token_dialog_accept")
    assert "OCSP" in column(shell, "slot_list", "Token label")
    shell.click("wizard_next")
    shell.click("wizard_next")
    enter(shell, "12345678")
    finish(shell)
    assert {row.token.label for row in shell.backend.slots.registered()} == {"OCSP"}


# --- what goes wrong --------------------------------------------------------------------------


@pytest.mark.usefixtures("registered_library")
def test_a_wrong_pin_comes_back_to_an_empty_field_and_is_tried_once(
    shell: Shell, softhsm: SoftHsm
) -> None:
    to_password(shell)
    enter(shell, "not-the-password")
    assert shell.text("wizard_title") == "Slot password"
    sentence = shell.text("slot_password_error")
    assert "The token refused the PIN." in sentence
    assert "tries are left" in sentence
    assert shell.find(QLineEdit, "slot_password").text() == ""
    assert shell.backend.slots.registered() == ()
    library = shell.backend.libraries.list()[0]
    slot = next(s for s in shell.backend.libraries.slots(library.id) if s.token == softhsm.token)
    assert slot.pin_state is PinState.COUNT_LOW
    enter(shell, pin_of(softhsm))
    finish(shell)


def test_a_locked_pin_is_said_and_not_tried(shell: Shell, faulty: Faults) -> None:
    faulty.set("C_Login pin-tries 2")
    to_password(shell)
    enter(shell, "wrong-one")
    assert "refused the PIN" in shell.text("slot_password_error")
    enter(shell, "wrong-two")
    assert "is locked" in shell.text("wizard_result_message")
    assert "security officer" in shell.text("wizard_result_hint")
    assert hidden(shell, "slot_trial_again")
    shell.click("wizard_back")
    enter(shell, pin_of(faulty.softhsm))
    assert "is locked" in shell.text("wizard_result_message")
    assert faulty.calls("C_Login") == 2, "a locked PIN is not tried"
    shell.click("wizard_next")
    assert "has to pass the test" in shell.text("wizard_error")
    assert shell.backend.slots.registered() == ()


def test_a_pin_pad_is_asked_instead_of_a_field(shell: Shell, faulty: Faults) -> None:
    faulty.set(f"token ped {pin_of(faulty.softhsm)}")
    to_password(shell)
    assert "PED or PIN pad" in shell.text("slot_password_pad_message")
    assert hidden(shell, "slot_password")
    shell.click("wizard_next")
    finish(shell)
    assert faulty.calls("C_Login") == 1
    assert set(column(shell, "slots_table", "Password in")) == {"the token's PIN pad"}
    assert not shell.action("slot_password").isEnabled()


def test_a_pin_pad_that_nobody_answers_is_cancelled(shell: Shell, faulty: Faults) -> None:
    faulty.set(f"token ped {pin_of(faulty.softhsm)}", "C_Login hang")
    to_password(shell)
    press(shell, "wizard_next")
    wait_for(lambda: faulty.calls("C_Login") == 1)
    press(shell, "wizard_next")
    assert "still running" in shell.text("wizard_error")
    shell.click("slot_trial_cancel")
    assert shell.text("wizard_result_message") == "The test was cancelled."
    faulty.set(f"token ped {pin_of(faulty.softhsm)}")
    shell.click("slot_trial_again")
    finish(shell)


def test_closing_the_wizard_ends_a_test(shell: Shell, faulty: Faults) -> None:
    faulty.set(f"token ped {pin_of(faulty.softhsm)}", "C_Login hang")
    to_password(shell)
    press(shell, "wizard_next")
    wait_for(lambda: faulty.calls("C_Login") == 1)
    press(shell, "wizard_cancel")
    shell.settle()
    assert shell.backend.slots.registered() == ()


@pytest.mark.usefixtures("registered_library")
def test_back_keeps_what_was_chosen_and_tested(shell: Shell, softhsm: SoftHsm) -> None:
    to_password(shell)
    shell.write("slot_password", pin_of(softhsm))
    shell.tick("slot_password_ask")
    shell.click("wizard_back")
    shell.tick("accounts_current")
    shell.click("wizard_back")
    assert softhsm.token.label in column(shell, "slot_list", "Token label")
    shell.click("wizard_next")
    assert not shell.find(QCheckBox, "accounts_current").isChecked()
    assert shell.find(QCheckBox, "accounts_system").isChecked()
    shell.click("wizard_next")
    assert shell.find(QLineEdit, "slot_password").text() == pin_of(softhsm)
    assert shell.find(QRadioButton, "slot_password_ask").isChecked()
    shell.click("wizard_next")
    tested = shown(shell, "slot_trial")
    shell.click("wizard_back")
    shell.click("wizard_next")
    assert shown(shell, "slot_trial") == tested, "it was not tested again"
    assert shell.find(Wizard, "slot_wizard").windowTitle() == "Register HSM Slot"


# --- what the guide asks ----------------------------------------------------------------------


def test_a_luna_client_shows_its_prerequisites(
    shell: Shell, softhsm: SoftHsm, tmp_path: Path
) -> None:
    folder = tmp_path / "luna"
    folder.mkdir()
    (folder / "Chrystoki.conf").write_text(
        "LunaSA Client = {\n   ServerName00 = hsm1.test.example;\n   ServerPort00 = 1792;\n}\n"
        "Misc = {\n   ProtectedAuthenticationPathFlagStatus = 1;\n}\n"
        f"VirtualToken = {{\n   VirtualToken00Label = HA;\n"
        f"   VirtualToken00SN = 1{softhsm.token.serial};\n"
        f"   VirtualToken00Members = {softhsm.token.serial};\n}}\n"
    )
    environment = (*softhsm.spec.environment, ("ChrystokiConfigurationPath", str(folder)))
    library = shell.backend.libraries.register(
        RegisterLibrary(path=str(softhsm.library), vendor="SafeNet", environment=environment)
    )
    open_wizard(shell)
    shell.click("wizard_next")
    shell.click("wizard_next")
    assert shell.text("wizard_title") == "Prerequisites"
    words = shown(shell, "prerequisites_list")
    assert "hsm1.test.example" in words
    assert "HAOnly is not on" in words
    assert "not confirmed" not in words or "PKCS#11 does not tell them" in words
    assert "yet the token takes a password" in words
    shell.tick("prerequisites_confirm")
    shell.click("wizard_next")
    shell.click("wizard_next")
    enter(shell, pin_of(softhsm))
    finish(shell)
    settings = shell.backend.slots.settings(library.id, softhsm.token)
    assert settings.policies_confirmed_by == shell.backend.directory.current_account()
    assert settings.policies_confirmed_at is not None


def test_a_partition_of_its_own_is_recommended(filled: Shell, registered_library: Library) -> None:
    slots = filled.backend.slots
    filled.backend.authorities.create(
        CreateAuthority(
            name="Test-CA",
            provider=registered_library.provider_name,
            spec=KeySpec(KeyAlgorithm.ECDSA_P256, 256),
        )
    )
    for row in slots.registered():
        slots.unregister(row.id)
    to_password(filled)
    filled.click("wizard_back")
    assert "Test-CA" in filled.text("accounts_exposed_message")
    assert "partition of its own" in filled.text("accounts_exposed_hint")
    filled.tick("accounts_system")
    assert hidden(filled, "accounts_exposed")

"""The page of the registered slots by mouse and keyboard: test, password, lanes, other token."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QComboBox, QLabel, QLineEdit, QSpinBox

from app.domain.keys import KeyAlgorithm, KeySpec
from app.domain.principals import SYSTEM
from app.services.authority.authorities import CreateAuthority
from app.services.security_library.slots import RegisterSlot
from tests.gui.panels.hands import choose_row, column, hidden
from tests.gui.panels.shell import Shell, filled, registered_library, shell, softhsm

if TYPE_CHECKING:
    from app.domain.libraries import Library
    from tests.softhsm import SoftHsm

__all__ = ["filled", "registered_library", "shell", "softhsm"]

# The platform without a screen has no keyboard for a popup to grab.
pytestmark = pytest.mark.qt_log_ignore("grabbing the keyboard", extend=True)

P256 = KeySpec(KeyAlgorithm.ECDSA_P256, 256)


def pin_of(softhsm: SoftHsm) -> str:
    return softhsm.user_pin.reveal().decode()


def test_a_slot_is_tested_and_deleted(filled: Shell) -> None:
    filled.open("security_library/slots")
    choose_row(filled, "slots_table", "Registered for", str(SYSTEM))
    filled.click("action_slot_test")
    assert "signs, in" in filled.text("slots_banner_message")
    assert "session key" in filled.text("slots_banner_hint")
    filled.click("action_slot_delete")
    filled.click("confirm_accept")
    assert [row.account for row in filled.backend.slots.registered()] == [
        filled.backend.directory.current_account()
    ]


def test_a_slot_shows_its_sheet_and_where_its_password_is(filled: Shell, softhsm: SoftHsm) -> None:
    filled.open("security_library/slots")
    named = {
        each.accessibleName(): each.toolTip()
        for each in filled.window.findChildren(QLabel)
        if each.isVisible()
    }
    assert named[f"Serial number: {softhsm.token.serial}"] == "C_GetTokenInfo"
    assert named["FIPS mode: not reported"] == "PKCS#11 does not tell"
    place, _is_file = filled.backend.slots.secret_place()
    assert f"Password in: {place}" in named
    assert set(column(filled, "slots_table", "Password in")) == {"private file (0600)"}


def test_a_slot_password_is_entered_anew(filled: Shell, softhsm: SoftHsm) -> None:
    filled.open("security_library/slots")
    filled.click("action_slot_password")
    filled.write("slot_password", "wrong-one")
    filled.click("password_dialog_accept")
    assert "refused the PIN" in filled.text("slot_password_error")
    assert filled.find(QLineEdit, "slot_password").text() == ""
    filled.write("slot_password", pin_of(softhsm))
    filled.click("password_dialog_accept")
    assert "was stored" in filled.text("slots_banner_message")


def test_a_refused_password_is_said_until_another_is_entered(
    filled: Shell, softhsm: SoftHsm
) -> None:
    backend = filled.backend
    with backend.database.write() as tx:
        tx.registrations.mark_refused(backend.slots.registered()[1].id, backend.clock.now())
    filled.open("security_library/slots")
    choose_row(filled, "slots_table", "PIN", "Password refused")
    filled.click("action_slot_test")
    assert "is not tried again" in filled.text("slots_banner_message")
    filled.click("action_slot_password")
    filled.write("slot_password", pin_of(softhsm))
    filled.click("password_dialog_accept")
    assert set(column(filled, "slots_table", "PIN")) == {"Ready"}


def test_a_password_that_is_asked_is_entered_by_log_in(
    shell: Shell, registered_library: Library, softhsm: SoftHsm
) -> None:
    backend = shell.backend
    (row,) = backend.slots.register(
        RegisterSlot(
            library_id=registered_library.id,
            token=softhsm.token,
            accounts=(SYSTEM,),
            pin=softhsm.user_pin,
            ask_at_start=True,
        )
    )
    backend.key_access.ledger.forget(row.id)
    shell.open("security_library/slots")
    assert column(shell, "slots_table", "PIN") == ["Password needed"]
    assert shell.action("slot_password").text().strip() == "Log In…"
    shell.click("action_slot_password")
    shell.write("slot_password", pin_of(softhsm))
    shell.click("password_dialog_accept")
    assert "until this program ends" in shell.text("slots_banner_message")
    assert column(shell, "slots_table", "PIN") == ["Ready"]
    assert backend.key_access.ledger.get(row.id) == softhsm.user_pin
    shell.click("action_slot_password")
    shell.write("slot_password", pin_of(softhsm))
    shell.find(QComboBox, "slot_password_keeping").setCurrentIndex(0)
    shell.click("password_dialog_accept")
    assert column(shell, "slots_table", "Password in") == ["private file (0600)"]
    assert backend.key_access.ledger.get(row.id) is None


def test_lanes_are_set(filled: Shell, softhsm: SoftHsm, registered_library: Library) -> None:
    filled.open("security_library/slots")
    filled.click("action_slot_lanes")
    lanes = filled.find(QSpinBox, "slot_lanes")
    assert (lanes.value(), lanes.minimum(), lanes.maximum()) == (4, 1, 32)
    lanes.selectAll()
    QTest.keyClicks(lanes, "16")
    filled.click("lanes_dialog_accept")
    assert set(column(filled, "slots_table", "Lanes")) == {"16"}
    assert filled.backend.slots.settings(registered_library.id, softhsm.token).lanes == 16


def test_a_slot_is_bound_to_another_token_with_consent_for_missing_keys(
    filled: Shell, softhsm: SoftHsm, registered_library: Library
) -> None:
    backend = filled.backend
    backend.authorities.create(
        CreateAuthority(name="Test-CA", provider=registered_library.provider_name, spec=P256)
    )
    softhsm.new_token("Replacement")
    backend.libraries.reload(registered_library.id)
    filled.open("security_library/slots")
    filled.click("action_slot_rebind")
    assert "another serial and label" in filled.text("rebind_evidence")
    assert hidden(filled, "rebind_although_missing")
    filled.write("slot_password", "wrong-one")
    filled.click("rebind_dialog_accept")
    assert "refused the PIN" in filled.text("slot_password_error")
    filled.write("slot_password", pin_of(softhsm))
    filled.click("rebind_dialog_accept")
    assert "does not hold all keys" in filled.text("rebind_dialog_banner_message")
    assert "CA Test-CA" in filled.text("rebind_dialog_banner_hint")
    filled.tick("rebind_although_missing")
    filled.click("rebind_dialog_accept")
    assert "Bound to “Replacement”" in filled.text("slots_banner_message")
    assert set(column(filled, "slots_table", "Token label")) == {"Replacement"}
    assert {row.token.label for row in backend.slots.registered()} == {"Replacement"}


@pytest.mark.usefixtures("filled")
def test_without_another_token_there_is_nothing_to_bind_to(shell: Shell) -> None:
    shell.open("security_library/slots")
    shell.click("action_slot_rebind")
    assert "No library reports another" in shell.text("slots_banner_message")


def test_the_responder_at_a_cas_key_is_recommended_a_partition(
    filled: Shell, registered_library: Library
) -> None:
    filled.open("security_library/slots")
    assert hidden(filled, "slots_exposed")
    filled.backend.authorities.create(
        CreateAuthority(name="Test-CA", provider=registered_library.provider_name, spec=P256)
    )
    filled.open("security_library/slots")
    assert "Test-CA" in filled.text("slots_exposed_message")
    assert "partition of its own" in filled.text("slots_exposed_hint")

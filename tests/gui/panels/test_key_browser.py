"""The page of keys by mouse and keyboard: keys, certificates, retiring, mechanisms and PINs."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import (
    QComboBox,
    QDialog,
    QLineEdit,
    QProgressBar,
    QTableView,
    QWidget,
)

from app.domain.errors import PinLocked
from app.domain.keys import KeyAlgorithm, KeySpec
from app.domain.libraries import SOFTWARE_PROVIDER
from app.domain.responder import SignerState
from app.domain.secret import Secret
from app.gui.panels.security_library.keys_panel import KeysPanel
from app.gui.table_view import TableView
from app.hsm.isolated_library import IsolatedLibrary
from tests.gui.conftest import wait_for
from tests.gui.panels.shell import Shell, filled, registered_library, shell, softhsm
from tests.services.certificates import a_certificate
from tests.store.records import a_configuration, a_signer, an_authority

if TYPE_CHECKING:
    from app.domain.keys import KeyDescription
    from app.domain.tokens import SlotFacts
    from app.services.security_library.keys import KeyOnToken
    from tests.softhsm import SoftHsm

__all__ = ["filled", "registered_library", "shell", "softhsm"]

# The platform without a screen has no keyboard for a popup to grab.
pytestmark = pytest.mark.qt_log_ignore("grabbing the keyboard", extend=True)
P256 = KeySpec(KeyAlgorithm.ECDSA_P256, 256)
PROVIDER = "SoftHSM Key Storage Provider"


def generate(shell: Shell, softhsm: SoftHsm, label: str) -> KeyDescription:
    return shell.backend.keys.generate(PROVIDER, softhsm.token, P256, label)


def use(shell: Shell, ca: KeyDescription, current: KeyDescription, past: KeyDescription) -> None:
    """A CA, and a configuration with a current certificate and one that is past."""
    end = datetime.now(UTC).replace(microsecond=0) - timedelta(days=3)
    begin = end - timedelta(days=14)
    with shell.backend.database.write() as tx:
        authority = tx.authorities.add(
            replace(an_authority("Test-CA"), key=ca.locator, certificate=a_certificate("Test-CA"))
        )
        configuration = tx.configurations.add(a_configuration(authority.id, "Test"))
        signer = a_signer(configuration.id, SignerState.CURRENT)
        older = a_certificate("older signer", begin, end)
        tx.signers.add(
            replace(
                signer,
                state=SignerState.EARLIER,
                key=past.locator,
                certificate=older,
                not_before=begin,
                not_after=end,
            )
        )
        now = datetime.now(UTC).replace(microsecond=0)
        tx.signers.add(
            replace(
                signer,
                key=current.locator,
                certificate=a_certificate("signer"),
                not_before=now,
                not_after=now + timedelta(days=1),
            )
        )


@pytest.fixture
def page(filled: Shell) -> KeysPanel:
    """The page of the token's keys, which are none yet."""
    return open_page(filled)


def open_page(shell: Shell) -> KeysPanel:
    key = next(key for key in shell.window.tree.specs if "/keys/" in key)
    panel = shell.open(key)
    assert isinstance(panel, KeysPanel)
    return panel


def column(shell: Shell, header: str, table: str = "keys_table") -> list[str]:
    model = shell.find(QTableView, table).model()
    horizontal = Qt.Orientation.Horizontal
    headers = [model.headerData(n, horizontal) for n in range(model.columnCount())]
    number = headers.index(header)
    return [str(model.index(row, number).data()) for row in range(model.rowCount())]


def choose(shell: Shell, label: str, *, twice: bool = False) -> None:
    view = shell.find(TableView, "keys_table")
    place = view.visualRect(view.model().index(column(shell, "Label").index(label), 0)).center()
    QTest.mouseClick(view.viewport(), Qt.MouseButton.LeftButton, pos=place)
    if twice:
        QTest.mouseDClick(view.viewport(), Qt.MouseButton.LeftButton, pos=place)
    shell.settle()


def why(shell: Shell, action: str) -> str:
    """Why an action cannot be done now; "" when it can."""
    button = shell.action(action)
    return "" if button.isEnabled() else button.toolTip()


# --- keys -------------------------------------------------------------------------------------


def test_keys_are_generated_and_tested(filled: Shell, page: KeysPanel) -> None:
    assert filled.text("token_memory") == "Token memory: not reported"
    filled.click("keys_empty_action")
    filled.click("generate_key_dialog_accept")
    assert "Give the key a label." in filled.text("key_label_error")
    filled.write("key_label", "first")
    algorithm = filled.find(QComboBox, "key_algorithm")
    names = [algorithm.itemText(n) for n in range(algorithm.count())]
    assert names[0] == "RSA"
    if "DSA (out of date)" in names:
        assert names[-1] == "DSA (out of date)"
    sizes = filled.find(QComboBox, "key_size")
    assert [sizes.itemText(n) for n in range(sizes.count())] == [
        "2048 bits",
        "3072 bits",
        "4096 bits",
    ]
    algorithm.setCurrentIndex(names.index("ECDSA P-256"))
    assert [sizes.itemText(n) for n in range(sizes.count())] == ["256 bits"]
    filled.click("generate_key_dialog_accept")
    assert "“first” was generated" in filled.text("keys_banner_message")
    assert column(filled, "Label") == ["first"]
    assert column(filled, "Used by") == ["Orphan"]
    assert column(filled, "Certificate until") == ["—"]
    assert column(filled, "Algorithm") == ["ECDSA P-256"]
    assert column(filled, "Extractable") == ["no"]
    assert "not used by anything" in page.word

    filled.click("action_key_test")
    assert "“first” signed" in filled.text("keys_banner_message")
    assert "ECDSA_P256, ECDSA with SHA256, in" in filled.text("keys_banner_hint")


def test_f2_renames_the_selected_key(filled: Shell, softhsm: SoftHsm) -> None:
    generate(filled, softhsm, "first")
    open_page(filled)
    view = filled.find(TableView, "keys_table")
    filled.window.activateWindow()
    view.setFocus()
    wait_for(filled.window.isActiveWindow)
    QTest.keyClick(view, Qt.Key.Key_F2)
    filled.settle()
    filled.write("key_new_label", "second")
    QTest.keyClick(filled.find(QLineEdit, "key_new_label"), Qt.Key.Key_Return)
    filled.settle()
    assert column(filled, "Label") == ["second"]


def test_a_label_that_is_taken_is_refused_beside_its_field(
    filled: Shell, page: KeysPanel, softhsm: SoftHsm
) -> None:
    for label in ("one", "two"):
        generate(filled, softhsm, label)
    page.refresh()
    filled.settle()
    filled.click("action_key_generate")
    filled.write("key_label", "one")
    algorithm = filled.find(QComboBox, "key_algorithm")
    algorithm.setCurrentIndex(algorithm.findText("ECDSA P-256"))
    filled.click("generate_key_dialog_accept")
    assert "a key of that name already" in filled.text("key_label_error")
    filled.click("generate_key_dialog_cancel")
    choose(filled, "two")
    filled.click("action_key_rename")
    filled.write("key_new_label", "one")
    filled.click("rename_key_dialog_accept")
    assert filled.text("key_new_label_error")
    assert sorted(column(filled, "Label")) == ["one", "two"]


def test_the_officers_pin_is_asked_for_only_where_it_is_needed(
    filled: Shell, page: KeysPanel
) -> None:
    assert page.isVisible()
    filled.click("action_key_generate")
    assert not [w for w in filled.window.findChildren(QLineEdit, "key_so_pin") if w.isVisible()]
    filled.tick("key_officer")
    filled.write("key_label", "first")
    filled.click("generate_key_dialog_accept")
    assert "security officer's PIN" in filled.text("key_so_pin_error")


def test_labels_that_two_keys_share_are_marked(shell: Shell) -> None:
    for label in ("same", "other"):
        shell.backend.keys.generate(SOFTWARE_PROVIDER, None, P256, label)
    for path in (shell.backend.home / "keys").iterdir():
        content = path.read_bytes()
        other = b"Label: " + b"other".hex().encode() + b"\n"
        path.write_bytes(content.replace(other, b"Label: " + b"same".hex().encode() + b"\n"))
    shell.window.refresh_children("security_library")
    shell.settle()
    panel = shell.open("security_library/keys/software")
    assert column(shell, "Label") == ["same  (label used twice)"] * 2
    names = {button.objectName() for button in shell.window.findChildren(QWidget)}
    assert "action_key_change_pin" not in names, "software keys have no token"
    assert panel.title == "Software keys"


# --- certificates and retiring ----------------------------------------------------------------


def test_keys_show_their_certificates_and_past_ones_are_retired(
    filled: Shell, page: KeysPanel, softhsm: SoftHsm
) -> None:
    made = [generate(filled, softhsm, label) for label in ("ca", "current", "past")]
    use(filled, *made)
    page.refresh()
    filled.settle()
    used = dict(zip(column(filled, "Label"), column(filled, "Used by"), strict=True))
    assert used == {
        "ca": "CA Test-CA",
        "current": "OCSPSvc\\Test (current)",
        "past": "OCSPSvc\\Test (earlier)",
    }
    assert "—" not in column(filled, "Certificate until")
    assert page.word == "1 can be retired"
    choose(filled, "ca", twice=True)
    dialog = filled.dialog()
    assert dialog is not None
    assert dialog.objectName() == "certificate_dialog"
    assert filled.text("certificate_name") == "Test-CA"
    dialog.close()
    assert "current certificate of CA Test-CA" in why(filled, "key_retire")
    choose(filled, "past")
    assert page.detail.badge.word == "Past, can be retired"
    filled.click("action_key_retire")
    filled.click("confirm_cancel")
    assert len(column(filled, "Label")) == 3
    filled.click("action_key_retire")
    filled.click("confirm_accept")
    wait_for(lambda: sorted(column(filled, "Label")) == ["ca", "current"])
    assert page.word == "All in use"
    assert "“past” was retired" in filled.text("keys_banner_message")


def test_an_orphan_is_not_retired_but_deleted(
    filled: Shell, page: KeysPanel, softhsm: SoftHsm
) -> None:
    generate(filled, softhsm, "left over")
    page.refresh()
    filled.settle()
    assert "No certificate of it is known" in why(filled, "key_retire")
    assert why(filled, "key_certificate") == "It has no certificate."
    filled.click("action_key_delete")
    assert not filled.find(QWidget, "confirm_accept").isEnabled()
    filled.write("confirm_typed", "left over")
    filled.click("confirm_accept")
    wait_for(lambda: column(filled, "Label") == [])


def test_when_keys_retire_by_themselves_is_chosen(filled: Shell, page: KeysPanel) -> None:
    assert "stay until they are retired" in filled.text("token_retiring")
    filled.click("action_key_retire_after")
    assert not filled.find(QWidget, "retire_days").isEnabled()
    filled.tick("retire_after")
    filled.write("retire_days", "14")
    filled.click("retire_after_dialog_accept")
    assert "14 days after" in filled.text("token_retiring")
    assert page.page.settings is not None
    assert page.page.settings.retire_after_days == 14
    filled.click("action_key_retire_after")
    filled.tick("retire_never")
    filled.click("retire_after_dialog_accept")
    assert "stay until they are retired" in filled.text("token_retiring")


# --- the token --------------------------------------------------------------------------------


def test_the_mechanisms_are_listed_and_filtered(filled: Shell, page: KeysPanel) -> None:
    assert page.isVisible()
    filled.click("action_key_mechanisms")
    assert "CKM_RSA_PKCS" in column(filled, "Mechanism", "mechanisms_table")
    filled.write("mechanisms_table_search", "ECDSA")
    wait_for(
        lambda: all("ECDSA" in name for name in column(filled, "Mechanism", "mechanisms_table"))
    )
    assert column(filled, "Mechanism", "mechanisms_table")
    filled.click("mechanisms_close")
    assert filled.dialog() is None


def write_pins(shell: Shell, dialog: str, old: Secret, new: str, again: str = "") -> None:
    shell.write(f"{dialog}_old", old.reveal().decode())
    shell.write(f"{dialog}_new", new)
    shell.write(f"{dialog}_again", again or new)
    shell.click(f"{dialog}_accept")


def test_the_pin_is_changed_and_a_wrong_one_is_tried_once(
    filled: Shell, page: KeysPanel, softhsm: SoftHsm, monkeypatch: pytest.MonkeyPatch
) -> None:
    tries: list[object] = []
    change = IsolatedLibrary.change_pin

    def counted(self: IsolatedLibrary, *arguments: object, **named: object) -> None:
        tries.append(arguments)
        change(self, *arguments, **named)  # type: ignore[arg-type] # passed on as they came

    monkeypatch.setattr(IsolatedLibrary, "change_pin", counted)
    filled.click("action_key_change_pin")
    write_pins(filled, "change_pin", softhsm.user_pin, "a new PIN", "another new PIN")
    assert filled.text("change_pin_again_error") == "The two entries differ."
    write_pins(filled, "change_pin", softhsm.user_pin, "123")
    assert filled.text("change_pin_new_error")
    assert tries == []
    write_pins(filled, "change_pin", Secret("not the PIN"), "a new PIN")
    assert "refused the PIN" in filled.text("change_pin_old_error")
    assert filled.find(QLineEdit, "change_pin_old").text() == ""
    assert len(tries) == 1
    filled.click("change_pin_accept")
    assert len(tries) == 1, "an empty field is not sent"
    filled.click("change_pin_cancel")
    filled.click("action_key_change_pin")
    words = [w.property("text") for w in filled.window.findChildren(QWidget) if w.isVisible()]
    assert "A wrong PIN was entered lately: only a few tries are left." in words
    write_pins(filled, "change_pin", softhsm.user_pin, "a new PIN")
    assert "The PIN of the token" in filled.text("keys_banner_message")
    assert "The slot password was updated for" in filled.text("keys_banner_hint")
    assert page.page.slot is not None
    assert [row.pin_refused_at for row in filled.backend.slots.registered()] == [None, None]


def test_where_the_keys_cannot_be_read_the_pin_is_unlocked(
    filled: Shell, page: KeysPanel, softhsm: SoftHsm
) -> None:
    def locked() -> tuple[KeyOnToken, ...]:
        raise PinLocked("The PIN is locked.", ckr="CKR_PIN_LOCKED", function="C_Login")

    source = page._source
    page._source = replace(source, read=locked)
    page.refresh()
    filled.settle()
    assert filled.text("keys_banner_message") == "The PIN is locked."
    shown = [each for each in filled.window.findChildren(QWidget) if each.isVisible()]
    assert not [each for each in shown if each.objectName() == "keys_empty_action"]
    page._source = source
    filled.click("action_key_unlock")
    write_pins(filled, "unlock_pin", softhsm.so_pin, "fresh one")
    assert "was changed" in filled.text("keys_banner_message")
    assert filled.find(QWidget, "keys_empty_action").isVisible()


def test_the_officer_unlocks_and_changes_his_pin(
    filled: Shell, page: KeysPanel, softhsm: SoftHsm
) -> None:
    assert page.isVisible()
    filled.click("action_key_change_so_pin")
    write_pins(filled, "change_so_pin", softhsm.so_pin, "the officer")
    assert "was changed" in filled.text("keys_banner_message")
    filled.click("action_key_unlock")
    write_pins(filled, "unlock_pin", softhsm.so_pin, "fresh one")
    assert "refused" in filled.text("unlock_pin_old_error")
    write_pins(filled, "unlock_pin", Secret("the officer"), "fresh one")
    assert "The slot password was updated for" in filled.text("keys_banner_hint")
    row = filled.backend.slots.registered()[0]
    assert filled.backend.slots.test(row.id).signs


def test_what_cannot_be_read_is_said_above_the_keys(
    filled: Shell, page: KeysPanel, softhsm: SoftHsm
) -> None:
    for row in filled.backend.slots.registered():
        filled.backend.slots.unregister(row.id)
    page.refresh()
    filled.settle()
    assert "has no registered slot" in filled.text("keys_banner_message")
    assert page.word == "Cannot be read"
    assert not isinstance(filled.dialog(), QDialog)
    assert softhsm.token.label in page.title


def test_memory_and_a_pin_pad_are_shown_as_the_token_reports_them(
    filled: Shell, page: KeysPanel, softhsm: SoftHsm, monkeypatch: pytest.MonkeyPatch
) -> None:
    slots = IsolatedLibrary.slots

    def reported(self: IsolatedLibrary) -> tuple[SlotFacts, ...]:
        return tuple(
            replace(
                slot,
                total_memory=65536,
                free_memory=16384,
                protected_authentication_path=slot.token == softhsm.token,
            )
            for slot in slots(self)
        )

    assert not filled.window.findChildren(QProgressBar, "token_memory_bar")[0].isVisible()
    monkeypatch.setattr(IsolatedLibrary, "slots", reported)
    page.refresh()
    filled.settle()
    assert filled.text("token_memory") == "Token memory: 16.0 KiB free of 64.0 KiB"
    assert filled.find(QProgressBar, "token_memory_bar").value() == 750
    for action in ("key_change_pin", "key_unlock", "key_change_so_pin"):
        assert why(filled, action) == "This token takes its PINs on its own pad."

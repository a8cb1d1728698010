"""The CA set-up wizard by mouse and keyboard, on SoftHSM and where there is no token."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QCheckBox, QComboBox, QLineEdit

from app.domain.authorities import LocationFlag
from app.domain.keys import HashAlgorithm
from app.domain.libraries import SOFTWARE_PROVIDER
from app.domain.principals import SYSTEM
from app.gui.panels import certification_authority
from app.gui.wizard import Wizard
from app.services.security_library.libraries import RegisterLibrary
from app.services.security_library.slots import RegisterSlot
from tests.gui.panels.shell import Shell, filled, registered_library, shell, softhsm

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.softhsm import SoftHsm

__all__ = ["filled", "registered_library", "shell", "softhsm"]

# The platform without a screen has no keyboard for a popup to grab.
pytestmark = pytest.mark.qt_log_ignore("grabbing the keyboard", extend=True)

PAGES = [
    "Setup Type",
    "CA Type",
    "Private Key",
    "Cryptography for CA",
    "CA Name",
    "Validity Period",
    "Certificate Database",
    "Issued Certificates",
    "Summary",
]


@pytest.fixture
def ready(shell: Shell) -> Iterator[Shell]:
    """The console with the node Certification Authority."""
    for spec in certification_authority.nodes(shell.backend):
        shell.window.add_node(spec)
    shell.settle()
    yield shell
    shell.backend.key_access.software.close()


@pytest.mark.usefixtures("filled")
def test_a_ca_is_set_up_by_mouse_with_its_key_in_the_token(ready: Shell, softhsm: SoftHsm) -> None:
    ready.open(certification_authority.KEY)
    ready.click("authorities_empty_action")
    titles = [ready.text("wizard_title")]
    for _ in PAGES[1:]:
        ready.click("wizard_next")
        titles.append(ready.text("wizard_title"))
    assert titles == PAGES
    ready.click("wizard_next")
    assert ready.text("wizard_result_message") == "Configuration succeeded."
    ready.click("wizard_next")
    (made,) = ready.backend.authorities.list()
    assert made.name == ready.backend.authorities.proposed_name()
    assert made.provider == "RSA#SoftHSM Key Storage Provider"
    assert made.key.token == softhsm.token
    assert any(LocationFlag.IN_OCSP in location.flags for location in made.locations)
    key = certification_authority.node_key(made.id)
    assert f"{key}/pending" in ready.window.tree.specs
    ready.open(key)
    assert ready.window.header.badge.word == "Started"


def press(shell: Shell, key: Qt.Key, *, times: int = 1, alt: bool = False) -> None:
    """Keys for the wizard itself."""
    wizard = shell.find(Wizard, "setup_wizard")
    modifier = Qt.KeyboardModifier.AltModifier if alt else Qt.KeyboardModifier.NoModifier
    for _ in range(times):
        QTest.keyClick(wizard, key, modifier)
        shell.settle()


def choose(shell: Shell, name: str, text: str) -> None:
    """Choose from a list by typing."""
    field = shell.find(QComboBox, name)
    field.setFocus()
    QTest.keyClicks(field, text)


def test_without_a_library_the_page_says_what_to_check(ready: Shell) -> None:
    ready.open(certification_authority.KEY)
    ready.click("action_authority_create")
    press(ready, Qt.Key.Key_Return, times=3)
    assert "No security library offers" in ready.text("cryptography_banner_message")
    assert "verify your library and slot registration" in ready.text("cryptography_banner_hint")
    choose(ready, "ca_provider", "ECDSA_P521")
    assert ready.find(QComboBox, "ca_key_length").currentText() == "521 bits"
    assert not ready.find(QComboBox, "ca_key_length").isEnabled()


def test_an_algorithm_that_is_out_of_date_comes_last_and_says_so(ready: Shell) -> None:
    ready.open(certification_authority.KEY)
    ready.click("action_authority_create")
    press(ready, Qt.Key.Key_Return, times=3)
    providers = ready.find(QComboBox, "ca_provider")
    texts = [providers.itemText(row) for row in range(providers.count())]
    assert texts[0] == providers.currentText() == f"RSA#{SOFTWARE_PROVIDER}"
    assert texts[-1] == f"DSA#{SOFTWARE_PROVIDER} (out of date)"
    assert not any("out of date" in text for text in texts[:-1])
    choose(ready, "ca_provider", "DSA")
    sizes = ready.find(QComboBox, "ca_key_length")
    assert [sizes.itemText(row) for row in range(sizes.count())] == ["2048 bits", "3072 bits"]
    hashes = ready.find(QComboBox, "ca_hash")
    assert "SHA1" not in [hashes.itemText(row) for row in range(hashes.count())]


def test_an_algorithm_with_a_hash_of_its_own_offers_none(ready: Shell) -> None:
    ready.open(certification_authority.KEY)
    ready.click("action_authority_create")
    press(ready, Qt.Key.Key_Return, times=3)
    hashes = ready.find(QComboBox, "ca_hash")
    choose(ready, "ca_provider", "Ed25519")
    assert not hashes.isVisible()
    assert ready.text("ca_hash_text") == "SHA512, a part of the algorithm"
    press(ready, Qt.Key.Key_Return)
    ready.write("ca_name", "Edwards")
    press(ready, Qt.Key.Key_Return, times=5)
    assert ready.text("wizard_result_message") == "Configuration succeeded."
    (made,) = ready.backend.authorities.list()
    assert (str(made.key.spec), made.hash_algorithm) == ("Ed25519", HashAlgorithm.SHA512)


def test_the_keyboard_alone_will_do_and_back_keeps_input(ready: Shell) -> None:
    ready.open(certification_authority.KEY)
    ready.click("action_authority_create")
    press(ready, Qt.Key.Key_Return, times=3)
    choose(ready, "ca_provider", "ECDSA_P384")
    choose(ready, "ca_hash", "SHA384")
    press(ready, Qt.Key.Key_Return)
    ready.write("ca_name", "Keys, & Co")
    ready.write("ca_suffix", "DC=test,DC=local")
    assert ready.text("ca_preview") == "CN=Keys\\, & Co,DC=test,DC=local"
    press(ready, Qt.Key.Key_Return)
    ready.write("ca_validity_count", "7")
    press(ready, Qt.Key.Key_Return, times=2)
    ready.tick("ca_ocsp_location")
    press(ready, Qt.Key.Key_Left, times=5, alt=True)
    assert ready.text("wizard_title") == "Private Key"
    press(ready, Qt.Key.Key_Return)
    chosen = ready.find(QComboBox, "ca_provider").currentText()
    assert chosen == f"ECDSA_P384#{SOFTWARE_PROVIDER}"
    press(ready, Qt.Key.Key_Return)
    assert ready.find(QLineEdit, "ca_name").text() == "Keys, & Co"
    press(ready, Qt.Key.Key_Return, times=3)
    assert not ready.find(QCheckBox, "ca_ocsp_location").isChecked()
    press(ready, Qt.Key.Key_Return, times=2)
    assert ready.text("wizard_result_message") == "Configuration succeeded."
    (made,) = ready.backend.authorities.list()
    assert made.hash_algorithm is HashAlgorithm.SHA384
    assert made.distinguished_name == "CN=Keys\\, & Co,DC=test,DC=local"
    facts = ready.backend.enrollment.facts(made.certificate)
    assert facts.not_after.year - facts.not_before.year in {6, 7}
    assert not any(LocationFlag.IN_OCSP in location.flags for location in made.locations)


def test_a_name_in_use_and_a_bad_suffix_are_told_beside_their_fields(ready: Shell) -> None:
    ready.open(certification_authority.KEY)
    ready.click("action_authority_create")
    for _ in range(4):
        ready.click("wizard_next")
    ready.write("ca_suffix", "nonsense")
    ready.click("wizard_next")
    assert ready.text("ca_suffix_error")
    ready.write("ca_suffix", "")
    for _ in range(5):
        ready.click("wizard_next")
    assert ready.text("wizard_result_message") == "Configuration succeeded."
    ready.click("wizard_next")
    ready.click("action_authority_create")
    for _ in range(5):
        ready.click("wizard_next")
    assert "already a certification authority" in ready.text("ca_name_error")
    ready.write("ca_name", "")
    ready.click("wizard_next")
    assert ready.text("ca_name_error") == "Give the CA a name."


def test_a_slot_of_the_administrator_alone_is_not_enough(
    ready: Shell, registered_library: object, softhsm: SoftHsm
) -> None:
    backend = ready.backend
    (library,) = backend.libraries.list()
    assert library == registered_library
    backend.slots.register(
        RegisterSlot(
            library_id=library.id,
            token=softhsm.token,
            accounts=(backend.directory.current_account(),),
            pin=softhsm.user_pin,
        )
    )
    ready.open(certification_authority.KEY)
    ready.click("action_authority_create")
    for _ in range(4):
        ready.click("wizard_next")
    assert "NT AUTHORITY\\SYSTEM" in ready.text("ca_provider_error")


def test_of_several_tokens_one_is_chosen(ready: Shell, softhsm: SoftHsm) -> None:
    backend = ready.backend
    # Before the library is loaded: a loaded one does not see new tokens.
    second = softhsm.new_token("Second")
    library = backend.libraries.register(
        RegisterLibrary(path=softhsm.spec.path, environment=softhsm.spec.environment)
    )
    for token in (softhsm.token, second):
        backend.slots.register(
            RegisterSlot(
                library_id=library.id, token=token, accounts=(SYSTEM,), pin=softhsm.user_pin
            )
        )
    ready.open(certification_authority.KEY)
    ready.click("action_authority_create")
    for _ in range(3):
        ready.click("wizard_next")
    choose(ready, "ca_token", "Second")
    for _ in range(6):
        ready.click("wizard_next")
    assert ready.text("wizard_result_message") == "Configuration succeeded."
    (made,) = backend.authorities.list()
    assert made.key.token == second

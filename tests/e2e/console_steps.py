"""The steps of the guide at the real window, one function each, and the client who asks."""

from __future__ import annotations

import re
import secrets
import time
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from cryptography import x509
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QCheckBox, QComboBox, QLineEdit, QWidget

from app.domain.status import LinkState
from app.gui.panels.overview.checklist import ChecklistCard
from app.gui.widgets.status_path import StatusPath
from tests.e2e.running import tool
from tests.softhsm import CONFIGURATION, find_library

if TYPE_CHECKING:
    from tests.e2e.hands import Hands

LABEL = "OCSP"
USERS = ("current", "system")
CA = "Integration-CA"
LEAF = "www.sealkeeper.test"
PROVIDER = "SoftHSM Key Storage Provider"
CONFIGURATION_NAME = "Integration"


@dataclass(frozen=True)
class BareToken:
    """A PKCS#11 library whose only token is blank, and the PINs that it shall get."""

    library: Path
    conf: Path
    so_pin: str
    user_pin: str


def make_bare_token(folder: Path) -> BareToken:
    """A new SoftHSM below `folder`; nothing has been initialised.

    Raises:
        pytest.fail.Exception: SoftHSM is not installed.
    """
    library = find_library()
    if library is None:
        pytest.fail("SoftHSM is not installed: run `make setup`")
    tokens, conf = folder / "tokens", folder / "softhsm2.conf"
    tokens.mkdir(parents=True)
    conf.write_text(CONFIGURATION.format(folder=tokens))
    return BareToken(library, conf, f"so-{secrets.token_hex(6)}", f"user-{secrets.token_hex(6)}")


@dataclass(frozen=True)
class Client:
    """Someone with openssl, the CA's certificate and the certificate to ask about."""

    folder: Path

    @property
    def issuer(self) -> Path:
        return self.folder / "ca.pem"

    @property
    def leaf(self) -> Path:
        return self.folder / "leaf.pem"

    def request(self) -> Path:
        path = self.folder / "leaf.csr"
        tool(
            *("openssl", "req", "-new", "-nodes", "-newkey", "rsa:2048", "-subj", f"/CN={LEAF}"),
            *("-keyout", str(self.folder / "leaf.key"), "-out", str(path)),
        )
        return path

    def ask(self) -> str:
        """What the responder named in the certificate says; the answer must be verified."""
        named = tool("openssl", "x509", "-in", str(self.leaf), "-noout", "-ocsp_uri").strip()
        said = tool(
            *("openssl", "ocsp", "-issuer", str(self.issuer), "-cert", str(self.leaf)),
            *("-url", named, "-CAfile", str(self.issuer)),
        )
        assert "Response verify OK" in said, said
        found = re.search(rf"{re.escape(str(self.leaf))}: (\w+)", said)
        assert found is not None, said
        return found[1]

    def verify_with_crl(self) -> str:
        """What `openssl verify` says with the CRL that the certificate names."""
        leaf = x509.load_pem_x509_certificate(self.leaf.read_bytes())
        points = leaf.extensions.get_extension_for_class(x509.CRLDistributionPoints).value
        names = points[0].full_name
        assert names is not None
        crl = self.folder / "ca.crl"
        with urllib.request.urlopen(names[0].value, timeout=5) as answer:  # noqa: S310 - ours
            crl.write_bytes(answer.read())
        return tool(
            *("openssl", "verify", "-crl_check", "-CAfile", str(self.issuer)),
            *("-CRLfile", str(crl), str(self.leaf)),
        )


# --- the steps ------------------------------------------------------------------------------------


def register_the_library(hands: Hands, token: BareToken) -> None:
    hands.wait_text("overview_banner_message", "Welcome")
    assert len(hands.see(ChecklistCard, "checklist").lines) == 9
    hands.click("step_library_go")
    hands.write("library_path_line", str(token.library))
    hands.write("library_environment", f"SOFTHSM2_CONF={token.conf}")
    hands.next_page("Vendor name")
    assert hands.text("library_provider") == PROVIDER
    hands.next_page("Summary")
    hands.finish("Success registering the security library")
    hands.close_wizard()


def register_the_slot(hands: Hands, token: BareToken) -> None:
    hands.click("step_slot_go")
    hands.next_page("Slot")
    hands.click("slot_initialise")
    hands.write("token_label", LABEL)
    for field, pin in (("token_so_pin", token.so_pin), ("token_user_pin", token.user_pin)):
        hands.write(field, pin)
        hands.write(f"{field}_again", pin)
    hands.click("token_dialog_accept")
    hands.wait(lambda: not hands.window.findChildren(QWidget, "token_dialog"), "the new token")
    hands.choose_row("slot_list", LABEL)
    hands.next_page("Accounts")
    assert all(hands.see(QCheckBox, f"accounts_{each}").isChecked() for each in USERS)
    hands.next_page("Slot password")
    hands.write("slot_password", token.user_pin)
    hands.next_page("Test")
    hands.wait_text("wizard_result_message", "The token opens and signs.")
    hands.next_page("Summary")
    hands.finish("The slot was successfully and securely registered")
    hands.close_wizard()


def set_up_the_authority(hands: Hands) -> None:
    hands.click("step_authority_go")
    for title in ("CA Type", "Private Key", "Cryptography for CA"):
        hands.next_page(title)
    hands.choose("ca_provider", f"RSA#{PROVIDER}")
    assert hands.see(QComboBox, "ca_hash").currentText() == "SHA256"
    assert LABEL in hands.text("ca_token_text")
    hands.next_page("CA Name")
    hands.write("ca_name", CA)
    for title in ("Validity Period", "Certificate Database", "Issued Certificates"):
        hands.next_page(title)
    # The guide adds the location by hand; so does this test.
    hands.click("ca_ocsp_location")
    hands.next_page("Summary")
    hands.finish("Configuration succeeded")
    hands.close_wizard()


def configure_the_template(hands: Hands) -> None:
    host = hands.title("Online Responder: ").partition(": ")[2]
    hands.open("Certificate Templates")
    hands.choose_row("templates_table", "OCSP Response Signing")
    hands.click("action_template_properties")
    hands.tick("template_publish")
    hands.write("template_validity_count", "4")
    hands.choose("template_validity_unit", "hours")
    hands.write("template_renewal_count", "1")
    hands.choose("template_renewal_unit", "hours")
    hands.wait_text("template_test_value_message", "Test value")
    hands.tab("template_tabs", "Security")
    hands.click("template_principal_add")
    hands.write("principal_name", host)
    hands.click("principal_picker_accept")
    hands.wait_text("principal_picker_banner_message", "not found")
    hands.click("principal_object_types")
    hands.tick("principal_types_computer")
    hands.click("principal_picker_accept")
    hands.wait_text("template_rights_title", f"Permissions for {host}")
    assert hands.see(QCheckBox, "template_right_read").isChecked()
    hands.tick("template_right_enroll")
    hands.tick("template_right_autoenroll")
    hands.tab("template_tabs", "Cryptography")
    hands.tick("template_listed_providers")
    hands.tick_item("template_providers", PROVIDER)
    hands.click("template_apply")
    hands.wait(lambda: not hands.see(QWidget, "template_apply").isEnabled(), "Apply")
    hands.click("template_ok")
    hands.wait(lambda: not hands.window.findChildren(QWidget, "template_sheet"), "OK")


def issue_the_templates(hands: Hands) -> None:
    hands.open("Certification Authority", CA, "Certificate Templates")
    hands.click("issued_templates_empty_action")
    hands.choose_row("enable_templates_table", "OCSP Response Signing")
    control = Qt.KeyboardModifier.ControlModifier
    hands.choose_row("enable_templates_table", "Web Server", control)
    hands.click("enable_templates_dialog_accept")
    hands.choose_row("issued_templates_table", "Web Server")


def add_the_location(hands: Hands) -> None:
    hands.open("Overview")
    hands.click("step_location_go")
    hands.wait_text("location_preview", "/ocsp")
    assert hands.see(QCheckBox, "location_include_ocsp").isChecked()
    assert not hands.see(QCheckBox, "location_include_aia").isChecked()
    hands.click("location_dialog_accept")


def add_the_configuration(hands: Hands) -> None:
    hands.click("step_configuration_go")
    hands.next_page("Name the Revocation Configuration")
    hands.write("configuration_name", CONFIGURATION_NAME)
    for title in (
        "Select CA Certificate Location",
        "Choose CA Certificate",
        "Select Signing Certificate",
    ):
        hands.next_page(title)
    assert hands.see(QLineEdit, "signing_authority").text() == CA
    hands.next_page("Revocation Provider")
    hands.next_page("Summary")
    hands.finish("is working")
    hands.close_wizard()
    path = hands.see(StatusPath, "status_path")
    hands.wait(
        lambda: [link.state for link in path.links] == [LinkState.OK] * 5, "five sound links"
    )
    assert hands.window.header.badge.word == "Working"


def get_a_certificate(hands: Hands, client: Client) -> None:
    hands.open("Certification Authority", CA)
    hands.click("action_request_submit")
    hands.click("request_browse")
    hands.choose_file("request_file_dialog", client.request())
    hands.wait_text("request_file", "leaf.csr")
    hands.next_page("Certificate Template")
    hands.choose("request_template", "Web Server")
    hands.next_page("Summary")
    hands.finish("The certificate is issued")
    hands.click("submit_save")
    hands.choose_file("export_dialog", client.leaf)
    hands.wait(lambda: client.leaf.is_file() and bool(client.leaf.read_bytes()), "the file")
    hands.close_wizard()
    hands.click("action_authority_export")
    hands.choose_file("export_dialog", client.issuer)
    hands.wait(lambda: client.issuer.is_file() and bool(client.issuer.read_bytes()), "the file")


def revoke_the_certificate(hands: Hands, client: Client) -> None:
    hands.open("Certification Authority", CA, "Issued Certificates")
    hands.choose_row("issued_table", LEAF)
    hands.click("action_request_revoke")
    hands.choose("revoke_reason", "Key Compromise")
    hands.click("revoke_dialog_accept")
    hands.wait(lambda: not hands.window.findChildren(QWidget, "revoke_dialog"), "the revocation")
    revoked_at = time.monotonic()
    said = client.ask()
    while said != "revoked" and time.monotonic() - revoked_at < 1.0:
        QTest.qWait(10)
        said = client.ask()
    assert said == "revoked"


def publish_the_crl(hands: Hands) -> None:
    hands.open("Certification Authority", CA, "Revoked Certificates")
    hands.choose_row("revoked_table", LEAF)
    hands.click("action_authority_publish_crl")
    hands.click("confirm_accept")

"""A certification authority by mouse and keyboard: page, lists, CRL, locations, templates."""

from __future__ import annotations

import subprocess
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from PySide6.QtCore import QMimeData, QPointF, Qt, QUrl
from PySide6.QtGui import QDropEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QAbstractButton, QComboBox, QLineEdit, QPlainTextEdit, QTableView

from app.domain.authorities import LocationFlag
from app.domain.keys import KeyAlgorithm, KeySpec
from app.domain.libraries import SOFTWARE_PROVIDER
from app.domain.principals import AccountName, AuthorityRight
from app.domain.requests import Disposition, RequestQuery, RevocationReason
from app.domain.status import LinkState
from app.gui.files import write_encoded
from app.gui.panels import certification_authority
from app.gui.panels.certification_authority.requests import RequestsPanel
from app.gui.widgets.certificate_dialog import CertificateDialog
from app.pki.pem import CERTIFICATE, CERTIFICATE_REQUEST, to_der, to_pem
from app.services.authority.authorities import CreateAuthority
from app.services.authority.enrollment import Submission, SubmitRequest
from app.services.authority.revocation import RevokeCertificate
from app.services.templates import DuplicateTemplate
from tests.gui.panels.shell import Shell, shell
from tests.services.requests import make_request

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from app.domain.authorities import Authority

__all__ = ["shell"]

# The platform without a screen has no keyboard for a popup to grab.
pytestmark = pytest.mark.qt_log_ignore("grabbing the keyboard", extend=True)

KEY = certification_authority.KEY


@pytest.fixture
def authority(shell: Shell) -> Iterator[Authority]:
    """A P-256 CA on the software provider that issues Web Server, and its nodes in the tree."""
    made = shell.backend.authorities.create(
        CreateAuthority(
            name="Test CA",
            provider=f"ECDSA_P256#{SOFTWARE_PROVIDER}",
            spec=KeySpec(KeyAlgorithm.ECDSA_P256, 256),
            server_dns_name="127.0.0.1:8080",
        )
    )
    made = shell.backend.authorities.add_template(made.id, "WebServer")
    for spec in certification_authority.nodes(shell.backend):
        shell.window.add_node(spec)
    shell.settle()
    yield made
    shell.backend.key_access.software.close()


def node(authority: Authority, below: str = "") -> str:
    return certification_authority.node_key(authority.id) + (f"/{below}" if below else "")


def issue(shell: Shell, authority: Authority, name: str, template: str = "WebServer") -> Submission:
    return shell.backend.enrollment.submit(
        SubmitRequest(authority_id=authority.id, request=make_request(name), template=template)
    )


def count(shell: Shell, authority: Authority, *dispositions: Disposition) -> int:
    query = RequestQuery(authority_id=authority.id, dispositions=frozenset(dispositions))
    return shell.backend.enrollment.count(query)


def cells(shell: Shell, table: str, header: str) -> list[str]:
    model = shell.find(QTableView, table).model()
    horizontal = Qt.Orientation.Horizontal
    headers = [model.headerData(n, horizontal) for n in range(model.columnCount())]
    number = headers.index(header)
    shown = [str(model.index(row, number).data()) for row in range(model.rowCount())]
    shell.settle()
    return [str(model.index(row, number).data()) for row in range(len(shown))]


def choose(shell: Shell, table: str, header: str, value: str) -> None:
    row = cells(shell, table, header).index(value)
    view = shell.find(QTableView, table)
    place = view.visualRect(view.model().index(row, 0)).center()
    QTest.mouseClick(view.viewport(), Qt.MouseButton.LeftButton, pos=place)
    shell.settle()


# --- the pages --------------------------------------------------------------------------------


def test_the_tree_has_the_lists_in_order(shell: Shell, authority: Authority) -> None:
    specs = shell.window.tree.specs
    below = [spec.title for spec in specs.values() if spec.parent == node(authority)]
    assert below == [
        "Revoked Certificates",
        "Issued Certificates",
        "Pending Requests",
        "Failed Requests",
        "Certificate Templates",
    ]
    assert specs[node(authority)].state is LinkState.OK


def test_stopping_and_starting(shell: Shell, authority: Authority) -> None:
    shell.open(node(authority))
    assert shell.window.header.badge.word == "Started"
    shell.click("action_authority_stop")
    assert not shell.backend.authorities.get(authority.id).started
    assert shell.window.header.badge.word == "Stopped"
    assert shell.text("authority_banner_message") == "The certification authority is stopped."
    assert not shell.action("request_submit").isEnabled()
    shell.click("authority_banner_action")
    assert shell.backend.authorities.get(authority.id).started
    assert shell.action("request_submit").isEnabled()


def test_publishing_a_crl_asks_first(shell: Shell, authority: Authority) -> None:
    shell.open(node(authority))
    shell.click("action_authority_publish_crl")
    shell.click("confirm_cancel")
    first = shell.backend.revocation.latest(authority.id)
    assert first is not None
    shell.click("action_authority_publish_crl")
    shell.click("confirm_accept")
    second = shell.backend.revocation.latest(authority.id)
    assert second is not None
    assert second.number == first.number + 1


def test_the_interval_is_changed_with_a_crl_at_once(shell: Shell, authority: Authority) -> None:
    shell.open(node(authority))
    shell.click("action_authority_crl_parameters")
    shell.write("crl_period_count", "3")
    shell.tick("crl_publish_now")
    shell.click("crl_parameters_dialog_accept")
    assert str(shell.backend.authorities.get(authority.id).crl.period) == "3 weeks"
    crl = shell.backend.revocation.latest(authority.id)
    assert crl is not None
    assert crl.next_publish - crl.this_update >= timedelta(weeks=3)


# --- requests ---------------------------------------------------------------------------------


def openssl_request(folder: Path) -> Path:
    path = folder / "www.req"
    subprocess.run(
        [
            *("openssl", "req", "-new", "-newkey", "rsa:2048"),
            *("-nodes", "-subj", "/CN=www.openssl.example", "-outform", "DER"),
            *("-keyout", str(folder / "www.key"), "-out", str(path)),
        ],
        check=True,
        capture_output=True,
    )
    return path


def test_a_request_made_by_openssl_is_dropped_and_issued(
    shell: Shell, authority: Authority, tmp_path: Path
) -> None:
    path = openssl_request(tmp_path)
    shell.open(node(authority, "issued"))
    shell.click("issued_empty_action")
    edit = shell.find(QPlainTextEdit, "request_text")
    mime = QMimeData()
    mime.setUrls([QUrl.fromLocalFile(str(path))])
    edit.dropEvent(
        QDropEvent(
            QPointF(5, 5),
            Qt.DropAction.CopyAction,
            mime,
            Qt.MouseButton.LeftButton,
            Qt.KeyboardModifier.NoModifier,
        )
    )
    shell.settle()
    assert edit.toPlainText().startswith("-----BEGIN CERTIFICATE REQUEST-----")
    shell.click("wizard_next")
    assert shell.find(QComboBox, "request_template").currentText() == "Web Server"
    shell.click("wizard_back")
    assert shell.find(QPlainTextEdit, "request_text").toPlainText()
    assert shell.text("request_file") == str(path)
    for _ in range(3):
        shell.click("wizard_next")
    assert shell.text("wizard_result_message") == "The certificate is issued."
    shell.click("submit_view")
    shown = shell.window.findChild(CertificateDialog)
    assert shown is not None
    assert shown.name.text() == "www.openssl.example"
    shown.close()
    shell.click("wizard_next")
    assert cells(shell, "issued_table", "Common Name") == ["www.openssl.example"]


def test_a_bad_request_is_told_beside_the_field(shell: Shell, authority: Authority) -> None:
    shell.open(node(authority))
    shell.click("action_request_submit")
    shell.click("wizard_next")
    assert "Open a file or paste" in shell.text("request_text_error")
    shell.find(QPlainTextEdit, "request_text").setPlainText("nonsense")
    shell.click("wizard_next")
    assert "request" in shell.text("request_text_error")
    assert count(shell, authority) == 0


def test_a_refusal_is_told_in_the_wizard(shell: Shell, authority: Authority) -> None:
    shell.open(node(authority))
    shell.click("action_request_submit")
    request = make_request("late.example")
    shell.find(QPlainTextEdit, "request_text").setPlainText(request.hex())
    shell.click("wizard_next")
    assert shell.text("request_text_error")
    text = to_pem(CERTIFICATE_REQUEST, request).decode()
    shell.find(QPlainTextEdit, "request_text").setPlainText(text)
    shell.click("wizard_next")
    shell.click("wizard_next")
    shell.backend.authorities.stop(authority.id)
    shell.click("wizard_next")
    assert "is stopped" in shell.text("wizard_result_message")
    shell.backend.authorities.start(authority.id)
    shell.click("wizard_next")
    assert shell.text("wizard_result_message") == "The certificate is issued."


def test_pending_requests_are_issued_and_denied(shell: Shell, authority: Authority) -> None:
    templates = shell.backend.templates
    templates.duplicate(DuplicateTemplate(source="WebServer", display_name="Approved"))
    templates.set_fields("Approved", {"manager_approval": "yes"})
    shell.backend.authorities.add_template(authority.id, "Approved")
    for name in ("first.example", "second.example"):
        issue(shell, authority, name, "Approved")
    shell.open(node(authority, "pending"))
    choose(shell, "pending_table", "Common Name", "first.example")
    shell.click("action_request_issue")
    assert count(shell, authority, Disposition.ISSUED) == 1
    assert cells(shell, "pending_table", "Common Name") == ["second.example"]
    choose(shell, "pending_table", "Common Name", "second.example")
    shell.click("action_request_deny")
    shell.click("confirm_accept")
    assert count(shell, authority, Disposition.DENIED) == 1
    shell.open(node(authority, "failed"))
    choose(shell, "failed_table", "Common Name", "second.example")
    assert shell.action("request_issue").isEnabled()


# --- revocation -------------------------------------------------------------------------------


def test_revoking_with_a_reason_and_a_new_crl(shell: Shell, authority: Authority) -> None:
    row = issue(shell, authority, "old.example").row
    issue(shell, authority, "other.example")
    shell.open(node(authority, "issued"))
    assert not shell.action("request_revoke").isEnabled()
    choose(shell, "issued_table", "Common Name", "old.example")
    shell.click("action_request_revoke")
    reason = shell.find(QComboBox, "revoke_reason")
    reason.setFocus()
    QTest.keyClicks(reason, "Key")
    assert reason.currentText() == "Key Compromise"
    shell.tick("revoke_publish")
    shell.click("revoke_dialog_accept")
    revoked = shell.backend.enrollment.row(row.id)
    assert revoked.revoked_reason is RevocationReason.KEY_COMPROMISE
    crl = shell.backend.revocation.latest(authority.id)
    assert crl is not None
    assert crl.count == 1
    assert cells(shell, "issued_table", "Common Name") == ["other.example"]
    shell.open(node(authority, "revoked"))
    assert cells(shell, "revoked_table", "Revocation Reason") == ["Key Compromise"]
    choose(shell, "revoked_table", "Common Name", "old.example")
    unrevoke = shell.action("request_unrevoke")
    assert not unrevoke.isEnabled()
    assert "Certificate Hold" in unrevoke.toolTip()


def test_a_time_that_is_none_is_refused(shell: Shell, authority: Authority) -> None:
    row = issue(shell, authority, "old.example").row
    shell.open(node(authority, "issued"))
    choose(shell, "issued_table", "Common Name", "old.example")
    shell.click("action_request_revoke")
    shell.write("revoke_effective", "tomorrow")
    shell.click("revoke_dialog_accept")
    assert "Write date and time as" in shell.text("revoke_effective_error")
    shell.write("revoke_effective", "2026-01-02 03:04")
    shell.click("revoke_dialog_accept")
    effective = shell.backend.enrollment.row(row.id).revoked_effective_when
    assert effective is not None
    assert effective.astimezone().strftime("%Y-%m-%d %H:%M") == "2026-01-02 03:04"


def test_a_certificate_on_hold_is_unrevoked(shell: Shell, authority: Authority) -> None:
    row = issue(shell, authority, "held.example").row
    hold = RevocationReason.CERTIFICATE_HOLD
    shell.backend.revocation.revoke(RevokeCertificate(authority.id, row.serial_number, hold))
    shell.open(node(authority, "revoked"))
    choose(shell, "revoked_table", "Common Name", "held.example")
    shell.click("action_request_unrevoke")
    assert shell.backend.enrollment.row(row.id).disposition is Disposition.ISSUED


def test_a_refresh_keeps_selection_and_place(shell: Shell, authority: Authority) -> None:
    for number in range(40):
        issue(shell, authority, f"host{number:02}.example")
    panel = shell.open(node(authority, "issued"))
    assert isinstance(panel, RequestsPanel)
    bar = panel.view.verticalScrollBar()
    choose(shell, "issued_table", "Common Name", "host39.example")
    bar.setValue(bar.maximum())
    place = bar.value()
    assert place > 0
    shell.settle()
    panel.refresh()
    shell.settle()
    assert panel.view.selected_row().issued_name.common_name == "host39.example"
    assert bar.value() == place


def test_the_filter_asks_the_database(shell: Shell, authority: Authority) -> None:
    for name in ("a.example", "b.example"):
        issue(shell, authority, name)
    shell.open(node(authority, "issued"))
    shell.write("issued_table_search", "b.ex")
    QTest.keyClick(shell.find(QLineEdit, "issued_table_search"), Qt.Key.Key_Return)
    shell.settle()
    assert cells(shell, "issued_table", "Common Name") == ["b.example"]


# --- properties -------------------------------------------------------------------------------


def test_an_ocsp_location_is_added_and_removed(shell: Shell, authority: Authority) -> None:
    shell.open(node(authority))
    shell.click("action_authority_extensions")
    shell.click("locations_add")
    shell.write("location_url", "http://")
    shell.click("location_insert")
    field = shell.find(QLineEdit, "location_url")
    QTest.keyClicks(field, "/ocsp")
    assert shell.text("location_preview") == "http://127.0.0.1:8080/ocsp"
    shell.click("location_dialog_accept")
    assert "Tick at least one" in shell.text("location_include_error")
    shell.tick("location_include_ocsp")
    shell.tick("location_include_aia")
    assert "does not serve" in shell.text("location_warning_message")
    shell.tick("location_include_aia")
    shell.click("location_dialog_accept")
    last = shell.backend.authorities.get(authority.id).locations[-1]
    assert last.flags is LocationFlag.IN_OCSP
    choose(shell, "locations_table", "Location", "http://127.0.0.1:8080/ocsp")
    shell.click("locations_remove")
    shell.click("confirm_accept")
    assert last not in shell.backend.authorities.get(authority.id).locations
    shell.click("extensions_close")


def test_permissions_are_given_and_taken(shell: Shell, authority: Authority) -> None:
    backend = shell.backend
    host = AccountName(backend.directory.domain, f"{backend.directory.host}$")
    shell.open(node(authority))
    shell.click("action_authority_permissions")
    shell.click("permissions_add")
    shell.write("principal_name", str(host))
    shell.click("principal_object_types")
    shell.tick("principal_types_computer")
    shell.click("principal_picker_accept")
    shell.tick("permission_administrators_issue_and_manage_certificates")
    shell.click("permissions_dialog_accept")
    granted = {
        entry.account.key: entry.allow
        for entry in backend.authorities.get(authority.id).permissions
    }
    assert granted[host.key] == AuthorityRight.READ | AuthorityRight.REQUEST_CERTIFICATES
    assert granted["builtin\\administrators"] == AuthorityRight.MANAGE_CA


def test_somebody_must_keep_manage_ca(shell: Shell, authority: Authority) -> None:
    shell.open(node(authority))
    shell.click("action_authority_permissions")
    for name in ("administrators", "domain_admins", "enterprise_admins"):
        shell.tick(f"permission_{name}_manage_ca")
    shell.click("permissions_dialog_accept")
    assert "Somebody must keep" in shell.text("permissions_dialog_banner_message")
    assert shell.backend.authorities.get(authority.id).permissions == authority.permissions


def test_templates_to_issue(shell: Shell, authority: Authority) -> None:
    shell.open(node(authority, "templates"))
    assert cells(shell, "issued_templates_table", "Name") == ["Web Server"]
    shell.click("action_authority_issue_template")
    choose(shell, "enable_templates_table", "Name", "OCSP Response Signing")
    shell.click("enable_templates_dialog_accept")
    assert cells(shell, "issued_templates_table", "Name") == [
        "OCSP Response Signing",
        "Web Server",
    ]
    choose(shell, "issued_templates_table", "Name", "Web Server")
    shell.click("action_authority_remove_template")
    shell.click("confirm_accept")
    assert shell.backend.authorities.get(authority.id).templates == ("OCSPResponseSigning",)


def test_a_certificate_is_saved_as_pem_or_der(authority: Authority, tmp_path: Path) -> None:
    def content() -> bytes:
        return authority.certificate

    assert write_encoded(tmp_path / "ca.cer", CERTIFICATE, content).read_bytes() == content()
    pem = write_encoded(tmp_path / "ca.pem", CERTIFICATE, content).read_bytes()
    assert to_der(pem, CERTIFICATE) == content()


def test_every_button_has_a_name(shell: Shell, authority: Authority) -> None:
    panel = shell.open(node(authority))
    nameless = [b for b in panel.findChildren(QAbstractButton) if not b.accessibleName()]
    assert nameless == []

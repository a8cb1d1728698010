"""The online responder by mouse and keyboard: its page, a configuration, what mends it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from PySide6.QtWidgets import QAbstractButton, QComboBox, QLineEdit

from app.domain.authorities import LocationFlag
from app.domain.keys import HashAlgorithm
from app.domain.requests import RevocationReason
from app.domain.responder import SigningFlag
from app.domain.services import ServiceName
from app.domain.status import Fix, LinkName, LinkState
from app.gui.panels.online_responder.ask_dialog import AskDialog
from app.gui.panels.online_responder.configuration_panel import ConfigurationPanel
from app.gui.panels.online_responder.properties_dialog import PropertiesDialog
from app.gui.panels.online_responder.responder_panel import ResponderPanel
from app.gui.widgets.certificate_dialog import CertificateDialog
from app.services.authority.enrollment import SubmitRequest
from app.services.authority.revocation import RevokeCertificate
from app.services.responder.configurations import AddConfiguration
from tests.gui.conftest import wait_for
from tests.gui.panels.responder_shell import (
    TEMPLATE,
    authority,
    configuration,
    filled,
    host,
    page,
    permit,
    registered_library,
    shell,
    softhsm,
    until,
)
from tests.services.requests import make_request

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from app.domain.authorities import Authority
    from app.domain.responder import RevocationConfiguration
    from app.host.control import HostController
    from tests.gui.panels.shell import Shell
    from tests.softhsm import SoftHsm

__all__ = ["authority", "configuration", "filled", "host", "registered_library", "shell", "softhsm"]

# The platform without a screen has no keyboard for a popup to grab.
pytestmark = pytest.mark.qt_log_ignore("grabbing the keyboard", extend=True)


def opened(shell: Shell, configuration: RevocationConfiguration) -> ConfigurationPanel:
    panel = shell.open(page(shell, configuration.id))
    assert isinstance(panel, ConfigurationPanel)
    wait_for(lambda: panel.facts is not None)
    return panel


def state_of(panel: ConfigurationPanel, name: LinkName) -> LinkState:
    return next(link.state for link in panel.path.links if link.name is name)


def fix_of(panel: ConfigurationPanel) -> Fix | None:
    assert panel.facts is not None
    problem = panel.facts.status.first_problem
    return problem.fix if problem is not None else None


def dots(shell: Shell, configuration: RevocationConfiguration) -> str:
    return str(shell.window.tree._items[page(shell, configuration.id)].toolTip())


# --- pages ----------------------------------------------------------------------------------------


def test_the_status_box_says_working_and_the_service_stops_and_starts(
    shell: Shell, configuration: RevocationConfiguration, host: HostController
) -> None:
    panel = shell.open("responder")
    assert isinstance(panel, ResponderPanel)
    address = host.state().address
    assert address is not None
    until(
        shell, panel, lambda: panel.rows._rows is not None and panel.rows._rows[0].word == "Working"
    )
    assert panel.word == "Running"
    assert f"http://{address.authority}/ocsp" in {fact.value for fact in panel.grid._facts}
    shell.action("responder_stop").click()
    until(shell, panel, lambda: panel.word == "Stopped")
    assert not shell.backend.services.get(ServiceName.ONLINE_RESPONDER).started
    assert host.counters().started_at is None
    shell.click("responder_banner_action")
    until(shell, panel, lambda: panel.word == "Running")
    shell.action("responder_restart").click()
    until(shell, panel, lambda: panel.word == "Running" and host.counters().requests >= 0)
    assert host.state().running
    key = page(shell, configuration.id)
    shell.click("responder_status_0")
    assert shell.window.tree.current_key() == key


def test_a_home_without_configurations_offers_to_add_one(
    shell: Shell, host: HostController
) -> None:
    assert host.state().running
    panel = shell.open("responder")
    assert isinstance(panel, ResponderPanel)
    until(shell, panel, panel.empty.isVisible)
    shell.click("responder_empty_action")
    dialog = shell.dialog()
    assert dialog is not None
    assert dialog.objectName() == "error_dialog", "there is no CA to add one for"


def test_the_page_of_a_configuration_tells_everything(
    shell: Shell, configuration: RevocationConfiguration, authority: Authority
) -> None:
    panel = opened(shell, configuration)
    until(shell, panel, lambda: panel.word == "Working")
    assert [link.state for link in panel.path.links] == [LinkState.OK] * 5
    assert panel.checked_at is not None
    assert [row.label for row in panel.timeline._rows][:2] == [
        "CA certificate",
        "Signing certificate",
    ]
    assert panel.view.table_model.rowCount() == 1
    assert dots(shell, configuration).endswith("in order")
    shell.action("configuration_view_signer").click()
    shell.settle()
    dialog = shell.dialog()
    assert isinstance(dialog, CertificateDialog)
    assert dialog.facts is not None
    assert authority.name in dialog.facts.issuer
    dialog.close()
    shell.action("configuration_view_ca").click()
    shell.settle()
    dialog = shell.dialog()
    assert isinstance(dialog, CertificateDialog)
    assert dialog.facts is not None
    assert dialog.facts.is_ca


def test_the_list_opens_and_deletes(shell: Shell, configuration: RevocationConfiguration) -> None:
    key = page(shell, configuration.id)
    shell.open("responder/configurations")
    view = shell.window.current_panel().view  # type: ignore[union-attr]  # the page is shown
    wait_for(lambda: view.table_model.rowCount() == 1)
    view.selectRow(0)
    shell.settle()
    shell.click("action_configuration_open")
    assert shell.window.tree.current_key() == key
    shell.click("action_configuration_delete")
    shell.click("confirm_accept")
    assert shell.backend.responder.list() == ()
    assert shell.window.tree.current_key() == "responder/configurations"


# --- fixes ----------------------------------------------------------------------------------------


def test_a_lost_key_turns_red_and_one_click_mends_it(
    shell: Shell, configuration: RevocationConfiguration
) -> None:
    panel = opened(shell, configuration)
    (signer,) = shell.backend.responder.signers(configuration.id)
    shell.backend.keys.delete(signer.key, confirm_label=signer.key.label, even_if_used=True)
    until(shell, panel, lambda: state_of(panel, LinkName.HSM_KEY) is LinkState.BAD)
    assert panel.word == "Bad signing certificate on Array Controller"
    assert dots(shell, configuration).endswith("not working")
    assert shell.text("status_banner_action") == "Enroll Signing Certificate"
    shell.click("status_banner_action")
    until(shell, panel, lambda: panel.word == "Working")
    assert panel.view.table_model.rowCount() == 2


def _stop_authority(shell: Shell, authority: Authority) -> None:
    shell.backend.authorities.stop(authority.id)


def _stop_responder(shell: Shell, _authority: Authority) -> None:
    shell.backend.services.stop(ServiceName.ONLINE_RESPONDER)


@pytest.mark.parametrize(
    ("harm", "fix"),
    [(_stop_authority, Fix.START_AUTHORITY), (_stop_responder, Fix.START_RESPONDER)],
)
def test_what_was_stopped_is_started_by_one_click(
    shell: Shell,
    configuration: RevocationConfiguration,
    authority: Authority,
    harm: Callable[[Shell, Authority], None],
    fix: Fix,
) -> None:
    panel = opened(shell, configuration)
    harm(shell, authority)
    until(shell, panel, lambda: fix_of(panel) is fix)
    shell.click("status_banner_action")
    until(shell, panel, lambda: panel.state is LinkState.OK)


def test_permission_then_template_then_enrolment_lead_to_working(
    shell: Shell, authority: Authority
) -> None:
    backend = shell.backend
    added = backend.responder.add(AddConfiguration(name="Test", authority_id=authority.id))
    assert added.problem is not None
    backend.authorities.remove_template(authority.id, TEMPLATE)
    panel = opened(shell, added.configuration)
    until(shell, panel, lambda: fix_of(panel) is Fix.PUBLISH_TEMPLATE)
    shell.click("status_banner_action")
    assert TEMPLATE in backend.authorities.get(authority.id).templates
    until(shell, panel, lambda: fix_of(panel) is Fix.PERMIT_TEMPLATE)
    shell.click("status_banner_action")
    # Enrolling follows by itself where the host is quicker than a click.
    until(shell, panel, lambda: fix_of(panel) is not Fix.PERMIT_TEMPLATE)
    if fix_of(panel) is Fix.ENROLL_SIGNING_CERTIFICATE:
        panel.fixer.enroll()
    until(shell, panel, lambda: panel.state is LinkState.OK)


def test_the_crl_is_published_by_its_fix(
    shell: Shell, configuration: RevocationConfiguration, authority: Authority
) -> None:
    panel = opened(shell, configuration)
    before = shell.backend.revocation.latest(authority.id)
    panel.fixer.apply(Fix.PUBLISH_CRL)
    shell.settle()
    after = shell.backend.revocation.latest(authority.id)
    assert before is not None
    assert after is not None
    assert after.number == before.number + 1


def test_a_refused_password_is_entered_and_a_missing_slot_registered(
    filled: Shell, host: HostController, authority: Authority, softhsm: SoftHsm
) -> None:
    shell, backend = filled, filled.backend
    permit(shell)
    provider = backend.libraries.list()[0].provider_name
    added = backend.responder.add(
        AddConfiguration(name="Test", authority_id=authority.id, provider=provider)
    )
    assert added.problem is None
    panel = opened(shell, added.configuration)
    until(shell, panel, lambda: panel.state is LinkState.OK)
    account = backend.services.get(ServiceName.ONLINE_RESPONDER).log_on_as
    row = next(r for r in backend.slots.registered() if r.account.key == account.key)
    panel.fixer.apply(Fix.CHANGE_PIN)
    shell.settle()
    dialog = shell.dialog()
    assert dialog is not None
    assert dialog.objectName() == "password_dialog"
    shell.write("slot_password", softhsm.user_pin.reveal().decode())
    shell.click("password_dialog_accept")
    assert shell.dialog() is None
    backend.slots.unregister(row.id)
    until(shell, panel, lambda: fix_of(panel) is Fix.REGISTER_SLOT)
    shell.click("status_banner_action")
    dialog = shell.dialog()
    assert dialog is not None
    assert dialog.objectName() == "slot_wizard"
    assert host.state().running


# --- properties and the client --------------------------------------------------------------------


def test_properties_are_changed_and_a_name_in_use_is_refused(
    shell: Shell, configuration: RevocationConfiguration, authority: Authority
) -> None:
    backend = shell.backend
    backend.responder.add(AddConfiguration(name="Other", authority_id=authority.id, enroll=False))
    opened(shell, configuration)
    shell.click("action_configuration_edit")
    dialog = shell.dialog()
    assert isinstance(dialog, PropertiesDialog)
    shell.write("configuration_name", "other")
    dialog.tabs.setCurrentIndex(1)
    shell.find(QComboBox, "configuration_hash").setCurrentIndex(1)
    shell.tick("configuration_nonce")
    shell.tick("configuration_id_subject")
    dialog.tabs.setCurrentIndex(2)
    shell.tick("configuration_automatic")
    shell.click("configuration_properties_accept")
    assert "already" in shell.text("configuration_name_error")
    shell.write("configuration_name", "Renamed")
    shell.click("configuration_properties_accept")
    assert shell.dialog() is None
    changed = backend.responder.get(configuration.id)
    assert (changed.name, changed.hash_algorithm) == ("Renamed", HashAlgorithm.SHA384)
    flags = changed.signing_flags
    assert SigningFlag.RESPONDER_ID_NAME in flags
    gone = SigningFlag.ALLOW_NONCE | SigningFlag.AUTO_ENROLL | SigningFlag.RESPONDER_ID_KEY_HASH
    assert not flags & gone


def test_a_certificate_is_asked_about_as_a_client_does(
    shell: Shell, configuration: RevocationConfiguration, authority: Authority, tmp_path: Path
) -> None:
    issued = shell.backend.enrollment.submit(
        SubmitRequest(
            authority_id=authority.id,
            request=make_request("www.test"),
            template="WebServer",
        )
    )
    assert issued.certificate is not None
    file = tmp_path / "www.cer"
    file.write_bytes(issued.certificate)
    panel = opened(shell, configuration)
    until(shell, panel, lambda: panel.state is LinkState.OK)
    shell.click("action_configuration_test")
    dialog = shell.dialog()
    assert isinstance(dialog, AskDialog)
    shell.click("ask_dialog_accept")
    assert shell.text("ask_file_error")
    shell.write("ask_path", str(file))
    shell.click("ask_dialog_accept")
    assert dialog.answer._facts[0].value == "Good"
    assert dialog.report is not None
    assert dialog.checks.count() == len(dialog.report.verdict.checks)
    shell.backend.revocation.revoke(
        RevokeCertificate(authority.id, issued.row.serial_number, RevocationReason.KEY_COMPROMISE)
    )

    def revoked() -> bool:
        dialog.submit()
        shell.settle()
        return dialog.answer._facts[0].value == "Revoked"

    wait_for(revoked)
    assert any("Key Compromise" in fact.value for fact in dialog.answer._facts)
    file.write_text("no certificate")
    shell.click("ask_dialog_accept")
    assert "no certificate" in shell.text("ask_file_error")
    assert not dialog.card.isVisible()


# --- the wizard -----------------------------------------------------------------------------------


def test_the_wizard_goes_through_the_guides_pages_to_working(
    shell: Shell, authority: Authority
) -> None:
    permit(shell)
    shell.backend.authorities.remove_location(
        authority.id,
        next(each for each in authority.locations if LocationFlag.IN_OCSP in each.flags),
    )
    shell.open("responder/configurations")
    shell.click("action_responder_add")
    titles = []
    for _ in range(2):
        titles.append(shell.text("wizard_title"))
        shell.click("wizard_next")
    titles.append(shell.text("wizard_title"))
    assert shell.find(QAbstractButton, "location_enterprise").isChecked()
    shell.click("wizard_next")
    titles.append(shell.text("wizard_title"))
    shell.click("authority_browse")
    shell.click("select_authority_ok")
    shell.click("wizard_next")
    titles.append(shell.text("wizard_title"))
    assert shell.find(QAbstractButton, "signing_automatic").isChecked()
    assert shell.find(QAbstractButton, "signing_auto_enroll").isChecked()
    assert shell.find(QLineEdit, "signing_authority").text() == authority.name
    shell.click("wizard_next")
    titles.append(shell.text("wizard_title"))
    assert shell.find(QAbstractButton, "provider_location").isChecked()
    shell.click("wizard_next")
    assert titles == [
        "Getting started with adding a revocation configuration",
        "Name the Revocation Configuration",
        "Select CA Certificate Location",
        "Choose CA Certificate",
        "Select Signing Certificate",
        "Revocation Provider",
    ]
    assert shell.text("wizard_next") == "Finish"
    shell.click("wizard_next")
    assert shell.text("wizard_result_message") == "The revocation configuration Test is working."
    shell.click("wizard_next")
    (made,) = shell.backend.responder.list()
    found = shell.backend.authorities.get(authority.id)
    assert any(LocationFlag.IN_OCSP in each.flags for each in found.locations)
    wait_for(lambda: shell.window.tree.current_key() == f"responder/configurations/{made.id}")


def test_a_name_in_use_is_refused_and_a_failed_enrolment_says_why(
    shell: Shell, authority: Authority
) -> None:
    shell.backend.responder.add(
        AddConfiguration(name="Taken", authority_id=authority.id, enroll=False)
    )
    shell.open("responder/configurations")
    shell.click("action_responder_add")
    shell.click("wizard_next")
    shell.write("configuration_name", "taken")
    shell.click("wizard_next")
    assert shell.text("configuration_name_error")
    shell.write("configuration_name", "New")
    for _ in range(6):
        shell.click("wizard_next")
    assert "does not work yet" in shell.text("wizard_result_message")
    assert shell.text("wizard_result_hint"), "why the enrolment failed"
    assert {each.name for each in shell.backend.responder.list()} == {"Taken", "New"}

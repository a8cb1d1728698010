"""The page Services: states, start and stop, the log-on account."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from PySide6.QtWidgets import QAbstractButton

from app.domain.principals import NETWORK_SERVICE
from app.domain.services import ServiceName
from app.domain.status import LinkState
from app.gui.panels.services.panel import ServicesPanel
from tests.gui.conftest import wait_for
from tests.gui.panels.responder_shell import (
    authority,
    filled,
    host,
    registered_library,
    shell,
    softhsm,
    until,
)

if TYPE_CHECKING:
    from app.domain.authorities import Authority
    from app.gui.panels.services.control import ServiceRow
    from app.host.control import HostController
    from tests.gui.panels.shell import Shell

__all__ = ["authority", "filled", "host", "registered_library", "shell", "softhsm"]

# The platform without a screen has no keyboard for a popup to grab.
pytestmark = pytest.mark.qt_log_ignore("grabbing the keyboard", extend=True)

CA, OCSP = ServiceName.CERTIFICATION_AUTHORITY, ServiceName.ONLINE_RESPONDER


def opened(shell: Shell, name: ServiceName) -> ServicesPanel:
    panel = shell.open("services")
    assert isinstance(panel, ServicesPanel)
    wait_for(lambda: panel.view.select_id(name))
    return panel


def row(panel: ServicesPanel, name: ServiceName) -> ServiceRow:
    model = panel.view.table_model
    found = model.row_at(model.row_of(name))
    assert found is not None
    return found  # type: ignore[no-any-return]  # the model of this page holds these


def test_the_responder_is_stopped_started_and_restarted(shell: Shell, host: HostController) -> None:
    panel = opened(shell, OCSP)
    until(shell, panel, lambda: row(panel, OCSP).word == "Running")
    assert not shell.action("service_start").isEnabled()
    shell.click("action_service_stop")
    until(shell, panel, lambda: row(panel, OCSP).word == "Stopped")
    shell.click("action_service_start")
    until(shell, panel, lambda: row(panel, OCSP).word == "Running")
    before = host.state().address
    shell.click("action_service_restart")
    until(shell, panel, lambda: row(panel, OCSP).word == "Running")
    assert host.state().address == before


def test_the_ca_service_stops_all_cas(shell: Shell, authority: Authority) -> None:
    panel = opened(shell, CA)
    until(shell, panel, lambda: row(panel, CA).state is LinkState.OK)
    shell.click("action_service_stop")
    until(shell, panel, lambda: row(panel, CA).state is LinkState.BAD)
    assert not shell.backend.authorities.get(authority.id).started
    shell.click("action_service_start")
    until(shell, panel, lambda: row(panel, CA).state is LinkState.OK)


def test_a_home_without_a_ca_says_so(shell: Shell, host: HostController) -> None:
    panel = opened(shell, CA)
    assert row(panel, CA).word == "Not set up"
    shell.settle()
    assert "no certification authority" in shell.action("service_start").toolTip()
    assert host.state().running


def test_the_log_on_account_is_found_by_name_and_its_slots_are_told(
    filled: Shell, host: HostController
) -> None:
    shell = filled
    panel = opened(shell, OCSP)
    assert panel.detail.grid._facts[2].value == "Sealkeeper Test"
    shell.click("action_service_properties")
    assert shell.find(QAbstractButton, "log_on_local_system").isChecked()
    assert "Sealkeeper Test" in shell.text("log_on_note_message")
    shell.find(QAbstractButton, "log_on_this_account").click()
    shell.write("log_on_account", "nobody knows")
    assert "no registered slot" in shell.text("log_on_note_message")
    shell.click("log_on_dialog_accept")
    assert "nobody knows" in shell.text("log_on_account_error")
    shell.write("log_on_account", "network service")
    shell.click("log_on_dialog_accept")
    assert shell.dialog() is None
    assert shell.backend.services.get(OCSP).log_on_as == NETWORK_SERVICE
    assert host.state().running

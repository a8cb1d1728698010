"""The Overview: the guide's steps, what comes next, and the state of everything."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QAbstractButton

from app.domain.principals import TemplateRight
from app.domain.status import StepState
from app.gui.panels.overview.facts import shell_command
from app.gui.panels.overview.panel import OverviewPanel
from app.gui.panels.overview.steps import VERBS
from app.gui.widgets.error_dialog import ErrorDialog
from tests.gui.conftest import wait_for
from tests.gui.panels.responder_shell import authority, configuration, host, page, shell, until

if TYPE_CHECKING:
    from app.domain.authorities import Authority
    from app.domain.responder import RevocationConfiguration
    from app.host.control import HostController
    from tests.gui.panels.shell import Shell

__all__ = ["authority", "configuration", "host", "shell"]

# The platform without a screen has no keyboard for a popup to grab.
pytestmark = pytest.mark.qt_log_ignore("grabbing the keyboard", extend=True)


def opened(shell: Shell) -> OverviewPanel:
    panel = shell.open("overview")
    assert isinstance(panel, OverviewPanel)
    wait_for(lambda: bool(panel.checklist.lines))
    return panel


def reasons(panel: OverviewPanel, key: str) -> str:
    return " ".join(row.reason for row in panel._rows[key]._rows or ())


def test_a_fresh_home_has_one_next_step_and_no_empty_place(
    shell: Shell, host: HostController
) -> None:
    panel = opened(shell)
    assert panel.banner.isVisible()
    buttons = [line.go for line in panel.checklist.lines.values() if line.go.isVisible()]
    assert [button.text() for button in buttons] == ["Register Library…"]
    assert panel.word == f"0 of {len(panel.checklist.lines)} steps done"
    assert host.state().running
    assert panel.responder_badge.word in {"Running", "Starting"}
    shell.click("step_library_go")
    dialog = shell.dialog()
    assert dialog is not None
    assert dialog.objectName() == "library_wizard"


def test_every_step_has_a_verb_and_a_command_to_copy(shell: Shell, host: HostController) -> None:
    panel = opened(shell)
    lines = panel.checklist.lines
    assert {line.step.action for line in lines.values()} <= set(VERBS)
    shell.click("step_slot_command")
    shell.click("step_slot_copy")
    copied = QGuiApplication.clipboard().text()
    assert copied == shell_command(lines["slot"].step.command)
    assert "“" not in copied
    shell.click("step_library_command")
    assert not lines["slot"].terminal.isChecked(), "one command at a time"
    assert host.state().running


def test_permission_is_asked_for_and_given(shell: Shell, authority: Authority) -> None:
    panel = opened(shell)
    panel._steps.do("template.permit_responder")
    shell.settle()
    shell.click("confirm_accept")
    until(shell, panel, lambda: panel.checklist.lines["template"].step.state is StepState.DONE)
    template = shell.backend.templates.get("OCSPResponseSigning")
    assert any(TemplateRight.AUTOENROLL in entry.allow for entry in template.permissions)
    assert authority.name in panel.checklist.lines["authority"].fact.text()


@pytest.mark.parametrize(
    ("action", "name"),
    [
        ("authority.create", "setup_wizard"),
        ("authority.issue_template", ""),
        ("authority.add_ocsp_location", ""),
        ("responder.add", "add_configuration_wizard"),
        ("request.submit", ""),
    ],
)
def test_the_buttons_open_what_asks_for_the_rest(
    shell: Shell, authority: Authority, action: str, name: str
) -> None:
    panel = opened(shell)
    panel._steps.do(action)
    shell.settle()
    dialog = shell.dialog()
    assert dialog is not None, action
    assert dialog.objectName() != "error_dialog", authority.name
    assert name in {"", dialog.objectName()}


def test_a_slot_needs_a_library_first(shell: Shell, host: HostController) -> None:
    panel = opened(shell)
    panel._steps.do("slot.register")
    shell.settle()
    dialog = shell.dialog()
    assert isinstance(dialog, ErrorDialog)
    assert "library" in dialog.error.remedy
    assert host.state().running


def test_a_working_home_says_so_and_its_lines_lead_to_the_pages(
    shell: Shell, configuration: RevocationConfiguration, host: HostController
) -> None:
    panel = opened(shell)
    rows = panel._rows
    until(
        shell,
        panel,
        lambda: "Working" in [row.word for row in rows["configurations"]._rows or ()],
    )
    assert "Renews itself" in reasons(panel, "signers")
    assert "next update" in reasons(panel, "authorities")
    assert not panel.banner.isVisible()
    key = page(shell, configuration.id)
    panel.activity.poll()
    assert panel.activity.total.value.text() == str(host.counters().requests)
    shell.find(QAbstractButton, "overview_configurations_0").click()
    assert shell.window.tree.current_key() == key

"""The page of the providers by mouse and keyboard: kinds, aliases, legacy providers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QComboBox, QLabel, QLineEdit, QTableView

from app.domain.principals import SYSTEM
from app.domain.services import ServiceName
from app.domain.status import LinkState
from app.gui.panels.security_library.provider_facts import legacy_choices
from app.gui.table_view import TableView
from app.services.security_library.slots import RegisterSlot
from tests.gui.panels.shell import Shell, filled, registered_library, shell, softhsm

if TYPE_CHECKING:
    from app.domain.libraries import Library
    from tests.softhsm import SoftHsm

__all__ = ["filled", "registered_library", "shell", "softhsm"]

# The platform without a screen has no keyboard for a popup to grab.
pytestmark = pytest.mark.qt_log_ignore("grabbing the keyboard", extend=True)

NODE = "security_library/providers"
LEGACY = "SoftHSM Cryptographic Services"


def cells(shell: Shell, column: int) -> list[str]:
    model = shell.find(QTableView, "providers_table").model()
    return [str(model.index(row, column).data()) for row in range(model.rowCount())]


def choose(shell: Shell, provider: str) -> None:
    view = shell.find(TableView, "providers_table")
    place = view.visualRect(view.model().index(cells(shell, 0).index(provider), 0)).center()
    QTest.mouseClick(view.viewport(), Qt.MouseButton.LeftButton, pos=place)
    shell.settle()


def words(shell: Shell) -> str:
    """Every word that the page shows."""
    panel = shell.window.current_panel()
    assert panel is not None
    return "\n".join(each.text() for each in panel.findChildren(QLabel) if each.isVisible())


def register(shell: Shell, softhsm: SoftHsm) -> None:
    shell.click("action_provider_register_legacy")
    shell.write("legacy_password", softhsm.user_pin.reveal().decode())
    shell.click("legacy_dialog_accept")


def test_without_a_slot_there_is_no_legacy_provider_to_register(shell: Shell) -> None:
    shell.open(NODE)
    action = shell.action("provider_register_legacy")
    assert not action.isEnabled()
    assert "No library" in action.toolTip()
    assert not shell.action("provider_unregister_legacy").isEnabled()


def test_kinds_aliases_and_what_is_out_of_date_are_shown(filled: Shell) -> None:
    filled.open(NODE)
    assert set(cells(filled, 1)) == {"Key storage provider"}
    choose(filled, "RSA#Software Key Storage Provider")
    assert "Microsoft Software Key Storage Provider" in words(filled)
    assert "Microsoft Strong Cryptographic Provider" in words(filled)
    choose(filled, "DSA#Software Key Storage Provider")
    assert "FIPS 186-5" in words(filled)
    marked = [
        cell
        for provider, cell in zip(cells(filled, 0), cells(filled, 2), strict=True)
        if provider.startswith("DSA#")
    ]
    assert marked
    assert cells(filled, 2).count("Out of date") == len(marked)
    assert all(cell == "Out of date" for cell in marked)


def test_a_legacy_provider_is_registered_and_services_are_restarted(
    filled: Shell, softhsm: SoftHsm
) -> None:
    filled.backend.services.stop(ServiceName.CERTIFICATION_AUTHORITY)
    filled.open(NODE)
    filled.click("action_provider_register_legacy")
    assert filled.text("legacy_provider") == LEGACY
    filled.click("legacy_dialog_accept")
    assert "Enter the partition password" in filled.text("legacy_password_error")
    filled.write("legacy_password", "wrong-password")
    filled.click("legacy_dialog_accept")
    assert "refused the PIN" in filled.text("legacy_password_error")
    assert filled.find(QLineEdit, "legacy_password").text() == ""
    filled.write("legacy_password", softhsm.user_pin.reveal().decode())
    filled.click("legacy_dialog_accept")
    assert filled.text("providers_told_message") == f"{LEGACY} was registered."
    assert "Online Responder must be restarted" in filled.text("providers_told_hint")
    row = cells(filled, 0).index(f"RSA#{LEGACY}")
    assert cells(filled, 1)[row] == "Legacy provider"
    assert not filled.action("provider_register_legacy").isEnabled()
    filled.click("providers_told_action")
    assert filled.text("providers_told_message") == "Restarted: Online Responder."
    assert filled.backend.services.get(ServiceName.ONLINE_RESPONDER).started
    assert not filled.backend.services.get(ServiceName.CERTIFICATION_AUTHORITY).started
    events = [event.message for event in filled.backend.events.page(2)]
    assert events == [
        "The service Online Responder was started.",
        "The service Online Responder was stopped.",
    ]
    filled.click("providers_told_second")


def test_a_legacy_provider_is_unregistered(filled: Shell, softhsm: SoftHsm) -> None:
    for name in ServiceName:
        filled.backend.services.stop(name)
    filled.open(NODE)
    register(filled, softhsm)
    assert "No service runs" in filled.text("providers_told_hint")
    choose(filled, f"RSA#{LEGACY}")
    assert "Templates of schema 2" in words(filled)
    filled.click("action_provider_unregister_legacy")
    filled.click("confirm_cancel")
    assert LEGACY in filled.backend.providers.names()
    filled.click("action_provider_unregister_legacy")
    filled.click("confirm_accept")
    assert LEGACY not in filled.backend.providers.names()
    assert f"RSA#{LEGACY}" not in cells(filled, 0)
    assert filled.action("provider_register_legacy").isEnabled()


def test_one_of_several_slots_is_chosen(
    filled: Shell, registered_library: Library, softhsm: SoftHsm
) -> None:
    second = softhsm.new_token("Second")
    filled.backend.libraries.reload(registered_library.id)
    filled.backend.slots.register(
        RegisterSlot(
            library_id=registered_library.id,
            token=second,
            accounts=(SYSTEM,),
            pin=softhsm.user_pin,
        )
    )
    filled.open(NODE)
    filled.click("action_provider_register_legacy")
    tokens = filled.find(QComboBox, "legacy_token")
    assert [tokens.itemText(n).split(",")[0] for n in range(tokens.count())] == [
        softhsm.token.label,
        "Second",
    ]
    tokens.setCurrentIndex(1)
    filled.write("legacy_password", softhsm.user_pin.reveal().decode())
    filled.click("legacy_dialog_accept")
    assert "was registered" in filled.text("providers_told_message")


def test_a_token_with_a_pin_pad_is_asked_without_a_password(
    filled: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[object] = []
    monkeypatch.setattr(
        "app.gui.panels.security_library.providers_panel.legacy_choices",
        lambda backend, libraries: tuple(
            type(each)(each.library, each.token, pad=True)
            for each in legacy_choices(backend, libraries)
        ),
    )
    register_legacy = filled.backend.providers.register_legacy

    def note(library_id: object, pin: object, token: object) -> object:
        asked.append(pin)
        return register_legacy(library_id, pin, token)  # type: ignore[arg-type] # passed on

    monkeypatch.setattr(filled.backend.providers, "register_legacy", note)
    filled.open(NODE)
    filled.click("action_provider_register_legacy")
    assert not filled.window.findChildren(QLineEdit, "legacy_password")[0].isVisible()
    filled.click("legacy_dialog_accept")
    assert asked == [None]
    assert "password is missing" in filled.text("legacy_dialog_banner_message")


def test_a_disabled_library_is_told_of(filled: Shell, registered_library: Library) -> None:
    filled.backend.libraries.disable(registered_library.id)
    panel = filled.open(NODE)
    assert "is disabled" in filled.text("providers_banner_hint")
    assert panel.state is LinkState.WARNING
    assert "providers of SoftHSM are not listed" in filled.text("providers_banner_message")
    assert not filled.action("provider_register_legacy").isEnabled()

"""What is pictured of the Security Library: its pages, its wizards and its dialogs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtWidgets import QWidget

from app.domain.libraries import SOFTWARE_PROVIDER
from tests.e2e.library_stage import LUNA, OWN, PAST, Stage

if TYPE_CHECKING:
    from tests.e2e.photographer import Photographer

AREA = "Security Library"
SOFTWARE = f"RSA#{SOFTWARE_PROVIDER}"
LEGACY = "RSA#SoftHSM Cryptographic Services"


def register_a_library(camera: Photographer, stage: Stage) -> None:
    """The wizard with what was found, an error beside its field, and what success looks like."""
    camera.open(AREA)
    camera.click("action_library_register")
    camera.see(QWidget, "library_found")
    camera.shoot("library-found")
    text = stage.folder / "readme.txt"
    text.write_text("This is no library.")
    camera.write("library_path_line", str(text))
    camera.click("wizard_next")
    camera.see(QWidget, "library_path_error")
    camera.shoot("library-refused")
    camera.write("library_path_line", stage.own.spec.path)
    name, value = stage.own.spec.environment[0]
    camera.write("library_environment", f"{name}={value}")
    camera.next_page("Vendor name")
    camera.next_page("Summary")
    camera.finish("Success registering the security library")
    camera.close_wizard()


def libraries(camera: Photographer) -> None:
    """The page, one library of each kind, and the dialogs."""
    camera.open("Overview")
    camera.open(AREA)
    camera.choose_row("library_table", "SafeNet")
    camera.shoot("libraries")
    camera.choose_row("library_table", "Spare HSM")
    camera.shoot("library-disabled")
    camera.choose_row("library_table", "Old HSM")
    camera.shoot("library-gone")
    camera.choose_row("library_table", "SoftHSM")
    camera.click("action_library_change")
    camera.shoot("library-change")
    camera.click("change_dialog_cancel")
    camera.click("action_library_disable")
    camera.shoot("library-disable")
    camera.click("confirm_cancel")
    camera.click("action_library_call_log")
    camera.wait_text("library_banner_message", "calls")
    camera.shoot("library-call-log")
    camera.click("action_library_call_log")
    camera.wait_text("library_banner_message", "stopped")


def library_removal(camera: Photographer) -> None:
    """The dialog that lists what depends on a library."""
    camera.open(AREA)
    camera.choose_row("library_table", "SoftHSM")
    camera.click("action_library_remove")
    camera.see(QWidget, "remove_dependents")
    camera.shoot("library-remove")
    camera.click("remove_dialog_cancel")


def register_a_slot(camera: Photographer, stage: Stage) -> None:
    """Every page of the slot wizard for a partition of a Luna client."""
    camera.open(AREA)
    camera.click("action_library_register_slot")
    camera.choose("slot_library", "SafeNet")
    camera.next_page("Slot")
    camera.choose_row("slot_list", LUNA)
    camera.next_page("Prerequisites")
    camera.next_page("Accounts")
    camera.click("accounts_other")
    camera.click("wizard_next")
    camera.see(QWidget, "accounts_name_error")
    camera.shoot("slot-account-refused")
    camera.click("accounts_other")
    camera.next_page("Slot password")
    camera.write("slot_password", "not the password")
    camera.click("wizard_next")
    camera.see(QWidget, "slot_password_error")
    camera.shoot("slot-password-refused")
    camera.write("slot_password", stage.luna.softhsm.user_pin.reveal().decode())
    camera.next_page("Test")
    camera.wait_text("wizard_result_message", "The token opens and signs.")
    camera.next_page("Summary")
    camera.finish("The slot was successfully and securely registered")
    camera.close_wizard()


def slots(camera: Photographer) -> None:
    """The page of registered slots with all its states, and its dialogs."""
    camera.open(AREA, "HSM Slots")
    camera.choose_row("slots_table", LUNA)
    camera.shoot("slots")
    camera.click("action_slot_lanes")
    camera.shoot("slot-lanes")
    camera.click("lanes_dialog_cancel")
    camera.choose_row("slots_table", "Password needed")
    camera.click("action_slot_password")
    camera.shoot("slot-log-in")
    camera.click("password_dialog_cancel")
    camera.choose_row("slots_table", "Password refused")
    camera.shoot("slot-refused")
    camera.click("action_slot_rebind")
    camera.see(QWidget, "rebind_evidence")
    camera.shoot("slot-rebind")
    camera.click("rebind_dialog_cancel")
    camera.choose_row("slots_table", OWN)
    camera.click("action_slot_test")
    camera.see(QWidget, "slots_banner_message")
    camera.shoot("slot-tested")
    camera.click("action_slot_delete")
    camera.shoot("slot-delete")
    camera.click("confirm_cancel")


def slots_in_trouble(camera: Photographer, name: str, words: str) -> None:
    """The page of slots when the partition counts wrong PINs."""
    camera.open("Overview")
    camera.open(AREA, "HSM Slots")
    camera.choose_row("slots_table", words)
    camera.shoot(name)


def locked_keys(camera: Photographer) -> None:
    """The keys of the partition whose PIN is locked: it can be unlocked from there."""
    camera.open(AREA, f"Keys on {LUNA}")
    camera.shoot("keys-locked")
    camera.click("action_key_unlock")
    camera.click("unlock_pin_cancel")


def providers(camera: Photographer, stage: Stage) -> None:
    """Providers, aliases and the legacy provider."""
    camera.open(AREA, "Providers")
    camera.choose_row("providers_table", SOFTWARE)
    camera.shoot("providers")
    camera.click("action_provider_register_legacy")
    camera.shoot("legacy-provider")
    camera.write("legacy_password", stage.own.user_pin.reveal().decode())
    camera.click("legacy_dialog_accept")
    camera.see(QWidget, "providers_told_message")
    camera.choose_row("providers_table", LEGACY)
    camera.shoot("providers-legacy")


def keys(camera: Photographer) -> None:
    """The key browser, its dialogs and those of the token."""
    camera.open(AREA, f"Keys on {OWN}")
    camera.choose_row("keys_table", PAST)
    camera.shoot("keys")
    camera.choose_row("keys_table", "test 2024")
    camera.shoot("keys-orphan")
    camera.click("action_key_delete")
    camera.shoot("key-delete")
    camera.click("confirm_cancel")
    camera.choose_row("keys_table", PAST)
    camera.click("action_key_retire")
    camera.shoot("key-retire")
    camera.click("confirm_cancel")
    for action, name, close in (
        ("generate", "key-generate", "generate_key_dialog_cancel"),
        ("rename", "key-rename", "rename_key_dialog_cancel"),
        ("retire_after", "key-retire-after", "retire_after_dialog_cancel"),
        ("mechanisms", "mechanisms", "mechanisms_close"),
        ("change_pin", "change-pin", "change_pin_cancel"),
        ("unlock", "unlock-pin", "unlock_pin_cancel"),
    ):
        camera.click(f"action_key_{action}")
        camera.see(QWidget, close)
        camera.shoot(name)
        camera.click(close)


def luna(camera: Photographer, stage: Stage) -> None:
    """The Luna client's configuration: tasks, settings, difference and merge."""
    camera.open(AREA, "Luna Client")
    camera.see(QWidget, "luna_tasks")
    camera.rest()
    camera.click("action_luna_version")
    camera.write("luna_version_text", "10.4")
    camera.shoot("luna-version")
    camera.click("luna_version_accept")
    camera.wait_text("luna_task_fips_note", "10.4")
    camera.shoot("luna")
    camera.click("luna_task_ha_do")
    camera.see(QWidget, "luna_difference_view")
    camera.shoot("luna-difference")
    camera.click("luna_difference_cancel")
    camera.click("action_luna_add")
    camera.shoot("luna-setting")
    camera.click("luna_setting_cancel")
    camera.choose_row("luna_settings", "RSAKeyGenMechRemap")
    camera.shoot("luna-settings")
    camera.click("action_luna_merge")
    camera.write("luna_cloud_folder_line", str(stage.cloud))
    camera.next_page("Steps and difference")
    camera.next_page("Summary")
    camera.finish("in the full client now")
    camera.close_wizard()

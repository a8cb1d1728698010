"""Writes the pictures of the documentation: `make screenshots`, on a display."""

from __future__ import annotations

import shutil
import sys
import tempfile
import threading
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QWidget

from app.domain.errors import NotFound
from app.domain.status import LinkState
from app.gui.theme import ThemeMode
from app.gui.widgets.status_path import StatusPath
from tests.e2e import console_steps as steps
from tests.e2e import library_scenes as scenes
from tests.e2e.library_stage import make_stage
from tests.e2e.opening import free_port, make_home, session_of
from tests.e2e.photographer import Photographer
from tests.e2e.stage import BROKEN, SECOND_CA, ask_around, break_second, fill

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from PySide6.QtWidgets import QApplication

    from app.services.backend import Backend

pytestmark = [pytest.mark.screenshots, pytest.mark.timeout(400)]

PICTURES = Path(__file__).resolve().parents[2] / "docs" / "screenshots"
#: Of the Security Library, light and dark.
ALBUM = PICTURES / "security-library"
AUTHORITY = "Certification Authority"
RESPONDER = "Online Responder: "
CONFIGURATIONS = "Revocation Configuration"
LARGEST = 4_000_000
#: The lists of the CA, and which row of each is selected.
LISTS = {
    "Revoked Certificates": "build.example.test",
    "Issued Certificates": "login.example.test",
    "Pending Requests": "partner2.example.test",
    "Failed Requests": "unknown.example.test",
}


@pytest.fixture
def place() -> Iterator[Path]:
    """A folder whose name is fit to be seen."""
    folder = Path(tempfile.gettempdir()) / "sealkeeper"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def _hooks(qapp: QApplication, monkeypatch: pytest.MonkeyPatch) -> None:
    del qapp
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)
    monkeypatch.setattr(threading, "excepthook", threading.excepthook)


@contextmanager
def camera_for(place: Path, folder: Path, *, both: bool) -> Iterator[Photographer]:
    """A camera at a console on an empty home; its folder loses the pictures it has."""
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("*.png"):
        old.unlink()
    home = make_home(place / "home", free_port(8080))
    with session_of(home, lambda session: Photographer(session, folder, both=both)) as hands:
        assert isinstance(hands, Photographer)
        yield hands


@pytest.fixture
def camera(_hooks: None, place: Path) -> Iterator[Photographer]:
    with camera_for(place, PICTURES, both=False) as made:
        yield made


@pytest.fixture
def album(_hooks: None, place: Path) -> Iterator[Photographer]:
    """A camera that takes every page in the light and in the dark."""
    with camera_for(place, ALBUM, both=True) as made:
        yield made


def test_pictures(camera: Photographer, place: Path) -> None:
    camera.session.start()
    empty_home(camera)
    the_job(camera, place)
    work(camera, fill)
    pages(camera)
    dialogs(camera)
    work(camera, break_second)
    broken(camera)
    dark(camera)
    check(PICTURES, camera)


def test_pictures_of_the_security_library(
    album: Photographer, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage = make_stage(place, monkeypatch)
    album.session.start()
    album.wait_text("overview_banner_message", "Welcome")
    scenes.register_a_library(album, stage)
    work(album, stage.libraries)
    scenes.libraries(album)
    scenes.register_a_slot(album, stage)
    work(album, stage.slots)
    work(album, stage.keys)
    scenes.library_removal(album)
    for _wrong in range(2):
        work(album, stage.wrong_pin)
    scenes.slots(album)
    work(album, stage.wrong_pin)
    scenes.slots_in_trouble(album, "slots-locked", "Locked")
    scenes.locked_keys(album)
    scenes.providers(album, stage)
    scenes.keys(album)
    scenes.luna(album, stage)
    check(ALBUM, album)


def check(folder: Path, camera: Photographer) -> None:
    """Every picture that was taken is there, no other is, and they are small."""
    written = sorted(folder.glob("*.png"))
    assert [each.name for each in written] == sorted(camera.taken)
    assert sum(each.stat().st_size for each in written) < LARGEST


def work(camera: Photographer, function: Callable[[Backend], None]) -> None:
    """Have services do something on another thread, as the rule is."""
    backend = camera.session.backend
    assert backend is not None
    with ThreadPoolExecutor(1) as threads:
        future: Future[None] = threads.submit(function, backend)
        camera.wait(future.done, function.__name__)
    future.result()


# --- what is pictured -----------------------------------------------------------------------------


def empty_home(camera: Photographer) -> None:
    camera.wait_text("overview_banner_message", "Welcome")
    camera.shoot("overview-empty")
    camera.shoot_node("security-library-empty", "Security Library")
    camera.shoot_node("authority-empty", AUTHORITY)
    camera.shoot_node("configurations-empty", RESPONDER, CONFIGURATIONS)
    camera.open("Overview")


def the_job(camera: Photographer, place: Path) -> None:
    token, client = steps.make_bare_token(place / "token"), steps.Client(place)
    steps.register_the_library(camera, token)
    steps.register_the_slot(camera, token)
    camera.shoot("overview-half")
    steps.set_up_the_authority(camera)
    steps.configure_the_template(camera)
    steps.issue_the_templates(camera)
    steps.add_the_location(camera)
    steps.add_the_configuration(camera)
    steps.get_a_certificate(camera, client)


def pages(camera: Photographer) -> None:
    work(camera, ask_around)
    camera.open(RESPONDER, CONFIGURATIONS, steps.CONFIGURATION_NAME)
    wait_for_state(camera, LinkState.OK)
    camera.shoot("console-light")
    camera.shoot_node("overview", "Overview")
    camera.shoot_node("security-library", "Security Library")
    camera.shoot_node("hsm-slots", "Security Library", "HSM Slots")
    camera.shoot_node("providers", "Security Library", "Providers")
    camera.shoot_node("keys", "Security Library", "Keys on")
    camera.shoot_node("certificate-templates", "Certificate Templates")
    camera.shoot_node("authorities", AUTHORITY)
    camera.shoot_node("authority", AUTHORITY, steps.CA)
    for title, chosen in LISTS.items():
        camera.open(AUTHORITY, steps.CA, title)
        camera.choose_row(f"{title.split()[0].lower()}_table", chosen)
        camera.shoot(title.lower().replace(" ", "-"))
    camera.shoot_node("issued-templates", AUTHORITY, steps.CA, "Certificate Templates")
    camera.shoot_node("responder", RESPONDER)
    camera.shoot_node("configurations", RESPONDER, CONFIGURATIONS)
    camera.shoot_node("services", "Services")
    camera.open("Event log")
    camera.choose_row("event_table", "Request 36 was denied.")
    camera.shoot("event-log")


def dialogs(camera: Photographer) -> None:
    camera.open("Certificate Templates")
    camera.choose_row("templates_table", "OCSP Response Signing")
    camera.click("action_template_properties")
    for title in ("General", "Cryptography", "Subject Name", "Issuance", "Extensions", "Security"):
        camera.tab("template_tabs", title)
        camera.shoot(f"template-{title.lower().split()[0]}")
    camera.click("template_principal_add")
    camera.write("principal_name", "HSM1")
    camera.click("principal_object_types")
    camera.click("principal_picker_accept")
    camera.wait_text("principal_picker_banner_message", "not found")
    camera.shoot("principal-picker")
    camera.click("principal_picker_cancel")
    camera.click("template_cancel")
    camera.click("action_template_duplicate")
    camera.shoot("duplicate-template")
    camera.click("duplicate_dialog_cancel")
    authority_dialogs(camera)
    responder_dialogs(camera)
    camera.open("Security Library")
    camera.click("action_library_initialise_token")
    camera.shoot("initialise-token")
    camera.click("token_dialog_cancel")
    camera.press(Qt.Key.Key_K, Qt.KeyboardModifier.ControlModifier)
    camera.wait(lambda: bool(camera.window.findChildren(QWidget, "command_palette")), "palette")
    camera.write("palette_entry", "cert")
    camera.shoot_screen("command-palette")
    QTest.keyClick(camera.see(QWidget, "palette_entry"), Qt.Key.Key_Escape)
    camera.window.show_error(
        NotFound(
            "There is no certificate with the serial number 6100 0000 0004.",
            cause="It was issued by another certification authority, or the number is mistyped.",
            remedy="Compare the number with the certificate's Details tab.",
            detail="CKR_OBJECT_HANDLE_INVALID",
        )
    )
    camera.shoot("error-dialog")
    camera.click("error_close")


def authority_dialogs(camera: Photographer) -> None:
    camera.open(AUTHORITY, steps.CA)
    for action, name, close in (
        ("action_authority_extensions", "extensions", "extensions_close"),
        ("action_authority_permissions", "permissions", "permissions_dialog_cancel"),
        ("action_authority_crl_parameters", "crl-parameters", "crl_parameters_dialog_cancel"),
        ("action_authority_publish_crl", "publish-crl", "confirm_cancel"),
        ("action_authority_view_certificate", "certificate", "certificate_close"),
    ):
        camera.click(action)
        camera.see(QWidget, close)
        camera.shoot(name)
        camera.click(close)
    camera.open(AUTHORITY, steps.CA, "Issued Certificates")
    camera.choose_row("issued_table", steps.LEAF)
    camera.click("action_request_revoke")
    camera.choose("revoke_reason", "Key Compromise")
    camera.shoot("revoke-certificate")
    camera.click("revoke_dialog_cancel")
    camera.open(AUTHORITY, steps.CA, "Certificate Templates")
    camera.click("action_authority_issue_template")
    camera.shoot("enable-templates")
    camera.click("enable_templates_dialog_cancel")


def responder_dialogs(camera: Photographer) -> None:
    camera.open(RESPONDER, CONFIGURATIONS, steps.CONFIGURATION_NAME)
    camera.click("action_configuration_edit")
    camera.see(QWidget, "configuration_tabs")
    camera.shoot("configuration-properties")
    camera.click("configuration_properties_cancel")
    camera.click("action_configuration_test")
    camera.shoot("ask-responder")
    camera.click("ask_dialog_cancel")


def wait_for_state(camera: Photographer, state: LinkState) -> None:
    """Until one link of the status path has that state, and none is still looked at."""

    def seen() -> bool:
        states = [link.state for link in camera.see(StatusPath, "status_path").links]
        return state in states and LinkState.UNCHECKED not in states[:2]

    camera.wait(seen, f"a link that is {state}")


def broken(camera: Photographer) -> None:
    camera.open(RESPONDER, CONFIGURATIONS, BROKEN)
    camera.click("page_refresh")
    wait_for_state(camera, LinkState.BAD)
    camera.shoot("console-light-broken")
    camera.shoot_node("overview-broken", "Overview")
    camera.open(RESPONDER, CONFIGURATIONS)
    camera.choose_row("configurations_table", BROKEN)
    camera.shoot("configurations-broken")


def dark(camera: Photographer) -> None:
    camera.theme(ThemeMode.DARK)
    camera.open(RESPONDER, CONFIGURATIONS, BROKEN)
    camera.shoot("console-dark")
    camera.shoot_node("overview-dark", "Overview")
    camera.shoot_node("authority-dark", AUTHORITY, SECOND_CA)
    camera.shoot_node("hsm-slots-dark", "Security Library", "HSM Slots")
    camera.open(AUTHORITY, steps.CA, "Issued Certificates")
    camera.choose_row("issued_table", LISTS["Issued Certificates"])
    camera.shoot("issued-certificates-dark")
    camera.click("action_request_submit")
    camera.shoot("wizard-submit-dark")
    camera.click("wizard_cancel")
    camera.open("Certificate Templates")
    camera.choose_row("templates_table", "OCSP Response Signing")
    camera.click("action_template_properties")
    camera.shoot("template-dark")
    camera.click("template_cancel")

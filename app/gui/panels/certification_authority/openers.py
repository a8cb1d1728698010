"""Opens the wizards and dialogs of a certification authority, from its pages and from elsewhere."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QCoreApplication

from app.gui.files import ask_save
from app.gui.panels.certification_authority.crl_dialogs import (
    CrlParametersDialog,
    publish_question,
)
from app.gui.panels.certification_authority.extensions_dialog import ExtensionsDialog
from app.gui.panels.certification_authority.facts import read_authority
from app.gui.panels.certification_authority.issued_templates import EnableTemplatesDialog
from app.gui.panels.certification_authority.location_dialog import AddLocationDialog
from app.gui.panels.certification_authority.permissions_dialog import PermissionsDialog
from app.gui.panels.certification_authority.setup_wizard import SetupWizard
from app.gui.panels.certification_authority.submit_wizard import SubmitWizard
from app.gui.widgets.certificate_dialog import CertificateDialog
from app.pki.pem import CERTIFICATE

if TYPE_CHECKING:
    from collections.abc import Callable

    from app.domain.authorities import Authority
    from app.domain.ids import AuthorityId
    from app.gui.panel import Console
    from app.gui.panels.certification_authority.facts import AuthorityFacts
    from app.services.backend import Backend

    #: Takes what a wizard or dialog made; one without a parameter will do too.
    Done = Callable[..., None] | None

KEY = "certification_authority"


def node_key(authority_id: AuthorityId) -> str:
    """Key of a CA's node."""
    return f"{KEY}/{authority_id}"


def _words(text: str) -> str:
    return QCoreApplication.translate("certification_authority", text)


def open_setup_wizard(console: Console, backend: Backend, done: Done = None) -> SetupWizard:
    """Open Set Up Certification Authority; `done` takes the `SetUp` that was made."""
    wizard = SetupWizard(backend, console.tasks, console.dialog_parent())
    wizard.completed.connect(lambda _made: console.refresh_children(KEY))
    if done is not None:
        wizard.completed.connect(done)
    wizard.open()
    return wizard


def open_submit_request(
    console: Console, backend: Backend, authority_id: AuthorityId, done: Done = None
) -> None:
    """Open Submit New Request; `done` takes the `Submission`."""

    def show(authority: Authority) -> None:
        wizard = SubmitWizard(backend, authority, console.tasks, console.dialog_parent())
        if done is not None:
            wizard.completed.connect(done)
        wizard.open()

    _load(console, backend.authorities.get, authority_id, show)


def open_issue_templates(
    console: Console, backend: Backend, authority_id: AuthorityId, done: Done = None
) -> EnableTemplatesDialog:
    """Open Enable Certificate Templates; `done` takes the changed CA."""
    dialog = EnableTemplatesDialog(backend, authority_id, console.tasks, console.dialog_parent())
    if done is not None:
        dialog.completed.connect(done)
    dialog.open()
    return dialog


def open_add_ocsp_location(
    console: Console, backend: Backend, authority_id: AuthorityId, done: Done = None
) -> None:
    """Open Add Location with the online responder's URL filled in; `done` takes the changed CA."""

    def show(authority: Authority) -> None:
        dialog = AddLocationDialog(
            backend, authority, console.tasks, console.dialog_parent(), for_ocsp=True
        )
        if done is not None:
            dialog.completed.connect(done)
        dialog.open()

    _load(console, backend.authorities.get, authority_id, show)


def open_extensions(
    console: Console, backend: Backend, authority_id: AuthorityId, done: Done = None
) -> None:
    """Open Extensions; `done` is called after each change."""

    def show(authority: Authority) -> None:
        dialog = ExtensionsDialog(backend, authority, console.tasks, console.dialog_parent())
        if done is not None:
            dialog.changed.connect(done)
        dialog.open()

    _load(console, backend.authorities.get, authority_id, show)


def open_permissions(
    console: Console, backend: Backend, authority_id: AuthorityId, done: Done = None
) -> None:
    """Open Permissions; `done` takes the changed CA."""

    def show(authority: Authority) -> None:
        dialog = PermissionsDialog(backend, authority, console.tasks, console.dialog_parent())
        if done is not None:
            dialog.completed.connect(done)
        dialog.open()

    _load(console, backend.authorities.get, authority_id, show)


def open_crl_parameters(
    console: Console, backend: Backend, authority_id: AuthorityId, done: Done = None
) -> None:
    """Open CRL Publishing Parameters; `done` takes the changed CA."""

    def show(facts: AuthorityFacts) -> None:
        dialog = CrlParametersDialog(backend, facts, console.tasks, console.dialog_parent())
        if done is not None:
            dialog.completed.connect(done)
        dialog.open()

    _load(console, partial(read_authority, backend), authority_id, show)


def ask_publish_crl(
    console: Console, backend: Backend, authority_id: AuthorityId, done: Done = None
) -> None:
    """Ask, then publish a CRL; `done` takes it."""
    parent = console.dialog_parent()

    def publish() -> None:
        console.tasks.run(
            _words("Publishing a CRL"),
            backend.revocation.publish_crl,
            authority_id,
            owner=parent,
            done=done,
        )

    def ask(facts: AuthorityFacts) -> None:
        publish_question(facts, publish, parent).open()

    _load(console, partial(read_authority, backend), authority_id, ask)


def view_certificate(console: Console, backend: Backend, certificate: bytes) -> CertificateDialog:
    """Show a certificate (DER)."""
    dialog = CertificateDialog(
        certificate, backend.enrollment.facts, console.tasks, console.dialog_parent()
    )
    dialog.open()
    return dialog


def export_certificate(console: Console, content: Callable[[], bytes]) -> None:
    """Ask for a file and save a certificate there; `content` gives DER in a task thread."""
    ask_save(
        console.tasks, console.dialog_parent(), _words("Export Certificate"), CERTIFICATE, content
    )


def _load(
    console: Console,
    function: Callable[[AuthorityId], Any],
    authority_id: AuthorityId,
    done: Callable[[Any], None],
) -> None:
    """Read what a dialog begins with; a second click meanwhile does not open a second one."""
    console.tasks.run(
        _words("Opening"),
        function,
        authority_id,
        owner=console.dialog_parent(),
        done=done,
        supersede="certification authority dialog",
        quiet=True,
    )

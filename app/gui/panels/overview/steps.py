"""What the button of each step does: opens the wizard for it, or does it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from app.domain.errors import NotFound
from app.domain.responder import SignerState
from app.domain.services import ServiceName
from app.gui.panels.certification_authority import (
    open_add_ocsp_location,
    open_issue_templates,
    open_setup_wizard,
    open_submit_request,
)
from app.gui.panels.online_responder.add_wizard import open_add_wizard
from app.gui.panels.online_responder.fixes import (
    ENROLLING_RIGHTS,
    register_slot,
    responder_identity,
)
from app.gui.panels.online_responder.keys import configuration_key
from app.gui.panels.security_library.library_wizard import found_libraries, library_wizard
from app.gui.panels.services.control import start_service
from app.gui.widgets.confirm_dialog import ConfirmDialog

if TYPE_CHECKING:
    from collections.abc import Callable

    from app.domain.ids import AuthorityId, ConfigurationId
    from app.domain.services import HostControl
    from app.gui.panel import Console
    from app.services.backend import Backend
    from app.services.security_library.found_libraries import FoundLibrary

VERBS = {
    "library.register": "Register Library…",
    "slot.register": "Register Slot…",
    "authority.create": "Set Up CA…",
    "template.permit_responder": "Permit Enrollment…",
    "authority.issue_template": "Issue Template…",
    "authority.add_ocsp_location": "Add Location…",
    "responder.add": "Add Configuration…",
    "responder.start": "Start",
    "request.submit": "Submit Request…",
}
SIGNING_TEMPLATE = "OCSPResponseSigning"


class StepActions(QObject):
    """Does the steps of the checklist.

    Signals:
        done: something was done; look again.
    """

    done = Signal()

    def __init__(
        self, owner: QObject, console: Console, backend: Backend, host: HostControl
    ) -> None:
        super().__init__(owner)
        self._console, self._backend, self._host = console, backend, host

    def do(self, action: str) -> None:
        """Do what the step of that action asks for."""
        calls: dict[str, Callable[[], None]] = {
            "library.register": self._register_library,
            "slot.register": self._register_slot,
            "authority.create": self._create_authority,
            "template.permit_responder": self._ask_permission,
            "authority.issue_template": self._issue_template,
            "authority.add_ocsp_location": self._add_location,
            "responder.add": self._add_configuration,
            "responder.start": self._start_responder,
            "request.submit": self._submit,
        }
        calls[action]()

    def _task(
        self,
        words: str,
        function: Callable[..., object],
        *arguments: object,
        done: Callable[..., None] | None = None,
    ) -> None:
        self._console.tasks.run(words, function, *arguments, owner=self, done=done or self._tell)

    def _tell(self, _result: object = None) -> None:
        self.done.emit()

    # --- the HSM ------------------------------------------------------------------------------

    def _register_library(self) -> None:
        words = self.tr("Looking for security libraries")
        self._task(words, found_libraries, self._backend, done=self._open_library)

    def _open_library(self, found: tuple[FoundLibrary, ...]) -> None:
        wizard = library_wizard(self._console, self._backend, found)
        wizard.completed.connect(self._tell)
        wizard.open()

    def _register_slot(self) -> None:
        register_slot(self._console, self._backend, self, self._tell)

    # --- the CA and its templates -------------------------------------------------------------

    def _create_authority(self) -> None:
        open_setup_wizard(self._console, self._backend, self._tell)

    def _ask_permission(self) -> None:
        words = self.tr("Reading the responder's account")
        self._task(words, responder_identity, self._backend, done=self._confirm_permission)

    def _confirm_permission(self, identity: object) -> None:
        ConfirmDialog(
            self.tr("Let {who} enroll for OCSP Response Signing?").format(who=identity),
            self.tr(
                "It is the identity of the Online Responder's service account. It gets Read, "
                "Enroll and Autoenroll, as on the template's Security tab."
            ),
            self.tr("Permit Enrollment"),
            self._permit,
            danger=False,
            parent=self._console.dialog_parent(),
        ).open()

    def _permit(self) -> None:
        self._task(self.tr("Permitting the enrollment"), permit_responder, self._backend)

    def _issue_template(self) -> None:
        self._with_authority(open_issue_templates)

    def _add_location(self) -> None:
        self._with_authority(open_add_ocsp_location)

    def _submit(self) -> None:
        self._with_authority(open_submit_request)

    def _with_authority(
        self, opener: Callable[[Console, Backend, AuthorityId, Callable[..., None]], object]
    ) -> None:
        def found(authority_id: AuthorityId) -> None:
            opener(self._console, self._backend, authority_id, self._tell)

        words = self.tr("Reading certification authorities")
        self._task(words, first_authority, self._backend, done=found)

    # --- the responder ------------------------------------------------------------------------

    def _add_configuration(self) -> None:
        words = self.tr("Reading revocation configurations")
        self._task(words, unsigned_configuration, self._backend, done=self._open_configuration)

    def _open_configuration(self, unsigned: ConfigurationId | None) -> None:
        """One that lacks its signing certificate is mended on its page; else add one."""
        if unsigned is not None:
            self._console.navigate(configuration_key(unsigned))
        else:
            open_add_wizard(self._console, self._backend, self._host)

    def _start_responder(self) -> None:
        words, name = self.tr("Starting the Online Responder"), ServiceName.ONLINE_RESPONDER
        self._task(words, start_service, self._backend, self._host, name)


# --- for task threads -----------------------------------------------------------------------------


def permit_responder(backend: Backend) -> None:
    """What the guide has the administrator do on the template's Security tab."""
    backend.templates.permit(SIGNING_TEMPLATE, responder_identity(backend), add=ENROLLING_RIGHTS)


def first_authority(backend: Backend) -> AuthorityId:
    """The CA that was set up first.

    Raises:
        NotFound: there is none.
    """
    for authority in backend.authorities.list():
        return authority.id
    raise NotFound(
        "There is no certification authority yet.", remedy="Set up a certification authority first."
    )


def unsigned_configuration(backend: Backend) -> ConfigurationId | None:
    """A configuration without a signing certificate, or None."""
    for configuration in backend.responder.list():
        signers = backend.responder.signers(configuration.id)
        if all(signer.state is not SignerState.CURRENT for signer in signers):
            return configuration.id
    return None

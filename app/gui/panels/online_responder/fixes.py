"""What each fix of the status path does: one click, one service call or the wizard that asks."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from app.domain.errors import NotFound, Refused
from app.domain.principals import TemplateRight
from app.domain.responder import SignerState
from app.domain.services import ServiceName
from app.domain.status import Fix
from app.gui.panels.security_library.facts import SlotRow
from app.gui.panels.security_library.slot_dialogs import SlotPasswordDialog
from app.gui.panels.security_library.slot_wizard import open_slot_wizard, wizard_start
from app.gui.panels.services.control import start_service

if TYPE_CHECKING:
    from collections.abc import Callable

    from app.domain.ids import ConfigurationId
    from app.domain.principals import AccountName
    from app.domain.services import HostControl
    from app.gui.panel import Console
    from app.gui.panels.security_library.slot_wizard import SlotWizardStart
    from app.services.backend import Backend

ENROLLING_RIGHTS = TemplateRight.READ | TemplateRight.ENROLL | TemplateRight.AUTOENROLL


class Fixer(QObject):
    """Mends one configuration.

    Signals:
        mended: something was done; look again.
    """

    mended = Signal()

    def __init__(
        self,
        owner: QObject,
        console: Console,
        backend: Backend,
        host: HostControl,
        configuration_id: ConfigurationId,
    ) -> None:
        super().__init__(owner)
        self._console, self._backend, self._host = console, backend, host
        self._id = configuration_id

    def apply(self, fix: Fix) -> None:
        """Do what a fix says, or open what asks for what it needs."""
        calls: dict[Fix, Callable[[], None]] = {
            Fix.REGISTER_SLOT: self.register_slot,
            Fix.ENROLL_SIGNING_CERTIFICATE: self.enroll,
            Fix.RENEW_SIGNING_CERTIFICATE: self.enroll,
            Fix.PUBLISH_CRL: self._task(self.tr("Publishing the CRL"), publish_crl),
            Fix.START_RESPONDER: self._start_responder,
            Fix.START_AUTHORITY: self._task(self.tr("Starting the CA"), start_authority),
            Fix.PUBLISH_TEMPLATE: self._task(self.tr("Issuing the template"), issue_template),
            Fix.PERMIT_TEMPLATE: self._task(self.tr("Permitting the enrollment"), permit_template),
            Fix.CHANGE_PIN: self._ask_password,
        }
        calls[fix]()

    def enroll(self) -> None:
        """Enroll a signing certificate with a new key."""
        self._console.tasks.run(
            self.tr("Enrolling a signing certificate"),
            self._backend.responder.enroll,
            self._id,
            owner=self,
            done=self._done,
            progress="progress",
        )

    def register_slot(self) -> None:
        """Open the slot registration wizard."""
        register_slot(self._console, self._backend, self, self._done)

    def _start_responder(self) -> None:
        self._console.tasks.run(
            self.tr("Starting the Online Responder"),
            start_service,
            self._backend,
            self._host,
            ServiceName.ONLINE_RESPONDER,
            owner=self,
            done=self._done,
        )

    def _ask_password(self) -> None:
        self._console.tasks.run(
            self.tr("Reading the registration"),
            signer_registration,
            self._backend,
            self._id,
            owner=self,
            done=self._open_password,
            quiet=True,
        )

    def _open_password(self, row: SlotRow) -> None:
        dialog = SlotPasswordDialog(self._console, self._backend, row)
        dialog.completed.connect(self._done)
        dialog.open()

    def _task(
        self, words: str, function: Callable[[Backend, ConfigurationId], None]
    ) -> Callable[[], None]:
        return partial(self._run, words, function)

    def _run(self, words: str, function: Callable[[Backend, ConfigurationId], None]) -> None:
        self._console.tasks.run(
            words, function, self._backend, self._id, owner=self, done=self._done
        )

    def _done(self, _result: object) -> None:
        self.mended.emit()


def register_slot(
    console: Console, backend: Backend, owner: QObject, done: Callable[[object], None]
) -> None:
    """Open the slot registration wizard, or say that a library has to be registered first."""

    def show(start: SlotWizardStart) -> None:
        if not start.libraries:
            console.show_error(
                Refused(
                    "There is no security library whose slots could be registered.",
                    remedy="Register the security library of the HSM first.",
                )
            )
            return
        open_slot_wizard(console, backend, start).completed.connect(done)

    console.tasks.run("Reading registrations", wizard_start, backend, owner=owner, done=show)


# --- for task threads -----------------------------------------------------------------------------


def publish_crl(backend: Backend, configuration_id: ConfigurationId) -> None:
    """Publish a CRL of the configuration's CA."""
    backend.revocation.publish_crl(backend.responder.get(configuration_id).authority_id)


def start_authority(backend: Backend, configuration_id: ConfigurationId) -> None:
    """Start the configuration's CA."""
    backend.authorities.start(backend.responder.get(configuration_id).authority_id)


def issue_template(backend: Backend, configuration_id: ConfigurationId) -> None:
    """Let the configuration's CA issue its template."""
    configuration = backend.responder.get(configuration_id)
    backend.authorities.add_template(configuration.authority_id, configuration.template)


def permit_template(backend: Backend, configuration_id: ConfigurationId) -> None:
    """Let the responder's account enroll by itself for the configuration's template."""
    backend.templates.permit(
        backend.responder.get(configuration_id).template,
        responder_identity(backend),
        add=ENROLLING_RIGHTS,
    )


def responder_identity(backend: Backend) -> AccountName:
    """As whom the responder acts towards a CA."""
    account = backend.services.get(ServiceName.ONLINE_RESPONDER).log_on_as
    return backend.directory.network_identity(account)


def signer_registration(backend: Backend, configuration_id: ConfigurationId) -> SlotRow:
    """The slot registration that the responder opens its signing key with.

    Raises:
        NotFound: there is none.
    """
    account = backend.services.get(ServiceName.ONLINE_RESPONDER).log_on_as
    tokens = {
        signer.key.token
        for signer in backend.responder.signers(configuration_id)
        if signer.state is SignerState.CURRENT
    }
    libraries = {library.id: library for library in backend.libraries.list()}
    for row in backend.slots.registered():
        if row.token in tokens and row.account.key == account.key:
            return SlotRow(libraries[row.library_id], None, row)
    raise NotFound(
        f"No slot of the signing key's token is registered for {account}.",
        remedy=f"Register the slot for {account}.",
    )

"""The dialog Certificate Revocation: reason, time from which it holds, and what follows."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from app.domain.errors import EnvironmentFault, SealkeeperError
from app.domain.requests import RequestRow, RevocationReason
from app.gui.formats import grouped_hex, local_time
from app.gui.forms import EnumCombo, check_box, line_edit
from app.gui.panels.certification_authority.lists import subject
from app.gui.widgets.banner import InlineBanner
from app.gui.widgets.basics import label, set_look
from app.gui.widgets.form_dialog import FormDialog
from app.gui.wizard import FieldError
from app.services.authority.revocation import RevokeCertificate

if TYPE_CHECKING:
    from collections.abc import Callable

    from PySide6.QtWidgets import QWidget

    from app.gui.tasks import TaskRunner
    from app.services.backend import Backend

_FORM = "%Y-%m-%d %H:%M"


class RevokeDialog(FormDialog):
    """Asks how to revoke one certificate; `completed` carries its row."""

    def __init__(
        self, backend: Backend, row: RequestRow, runner: TaskRunner, parent: QWidget | None
    ) -> None:
        super().__init__(
            "Certificate Revocation",
            "",
            "Revoke",
            runner,
            name="revoke_dialog",
            parent=parent,
        )
        self._backend, self._row = backend, row
        set_look(self.accept_button, "danger")
        self.form.add_row(self.tr("Certificate"), label(subject(row), "strong", wrap=True))
        self.form.add_row(
            self.tr("Serial number"), label(grouped_hex(row.serial_number), "mono", wrap=True)
        )
        self.reason = EnumCombo(
            "revoke_reason",
            {reason: reason.label for reason in RevocationReason},
            RevocationReason.UNSPECIFIED,
        )
        self.form.add_row(self.tr("Reason code"), self.reason)
        self.effective = line_edit("revoke_effective", local_time_text(datetime.now().astimezone()))
        self._proposed = self.effective.text()
        self.form.add_row(
            self.tr("Date and time"),
            self.effective,
            self.tr("When it takes effect, in local time; left as it is, at once."),
        )
        self.consequence = InlineBanner("revoke_consequence")
        self.body.addWidget(self.consequence)
        self.publish = check_box("revoke_publish", self.tr("Publish a new CRL now"))
        self.body.addWidget(self.publish)
        self.reason.currentIndexChanged.connect(self._tell)
        self._tell()
        self.reason.setFocus()

    def _tell(self) -> None:
        hold = self.reason.value() is RevocationReason.CERTIFICATE_HOLD
        message = (
            self.tr("A certificate on hold can be unrevoked later.")
            if hold
            else self.tr("This cannot be undone: only a certificate on hold can be unrevoked.")
        )
        hint = self.tr(
            "Online responders answer revoked within a second; the CRL lists it from its next "
            "publication."
        )
        self.consequence.show_message(None, message, hint)

    def _moment(self) -> datetime | None:
        """The time that was typed; None for at once.

        Raises:
            ValueError: it is no time.
        """
        text = self.effective.text().strip()
        if text in {"", self._proposed}:
            return None
        # Local time as typed; astimezone() reads a naive time as this machine's.
        return datetime.strptime(text, _FORM).astimezone()

    def validate(self) -> FieldError | str | None:
        try:
            self._moment()
        except ValueError:
            return FieldError(
                self.effective, self.tr("Write date and time as {0}.").format(self._proposed)
            )
        return None

    def work(self) -> tuple[str, Callable[..., Any], tuple[object, ...]]:
        request = RevokeCertificate(
            self._row.authority_id, self._row.serial_number, self.reason.value(), self._moment()
        )
        words = self.tr("Revoking {0}").format(subject(self._row))
        return words, revoke, (self._backend, request, self.publish.isChecked())


def local_time_text(moment: datetime) -> str:
    """A time as the dialog reads it."""
    return local_time(moment, zone=False)


def revoke(backend: Backend, request: RevokeCertificate, publish: bool) -> RequestRow:
    """Revoke, and publish a CRL when that is wanted.

    Raises:
        EnvironmentFault: it is revoked, but the CRL could not be published.
        SealkeeperError: it could not be revoked.
    """
    row = backend.revocation.revoke(request)
    if not publish:
        return row
    try:
        backend.revocation.publish_crl(request.authority_id)
    except SealkeeperError as error:
        raise EnvironmentFault(
            "The certificate is revoked, but the CRL could not be published.",
            cause=error.one_line(),
            remedy="Publish it again once this is mended.",
            detail=error.detail,
        ) from error
    return row

"""Test with a Certificate: asks the responder as a client does, and shows each check."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFileDialog, QHBoxLayout, QVBoxLayout, QWidget

from app.domain.errors import InvalidInput
from app.domain.responder import CertificateStatus
from app.domain.status import LinkState
from app.gui.formats import grouped_hex, local_time
from app.gui.forms import check_box, line_edit
from app.gui.theme import Space, state_roles
from app.gui.widgets.basics import Card, IconLabel, button, label
from app.gui.widgets.form_dialog import FormDialog
from app.gui.widgets.key_values import Fact, KeyValueGrid
from app.gui.wizard import FieldError
from app.services.responder.ocsp_client import AskOcsp, OcspReport

if TYPE_CHECKING:
    from collections.abc import Callable

    from app.domain.errors import SealkeeperError
    from app.gui.panel import Console
    from app.services.backend import Backend

LARGEST_FILE = 1 << 20
_STATES = {
    CertificateStatus.GOOD: (LinkState.OK, "Good"),
    CertificateStatus.REVOKED: (LinkState.BAD, "Revoked"),
    CertificateStatus.UNKNOWN: (LinkState.WARNING, "Unknown"),
}


def ask(backend: Backend, path: str, url: str, nonce: bool) -> OcspReport:
    """Read the certificate and ask; for a task thread.

    Raises:
        InvalidInput: the file cannot be read or is no certificate of a CA of this home.
        EnvironmentFault: nothing answers.
    """
    try:
        with Path(path).expanduser().open("rb") as file:
            content = file.read(LARGEST_FILE)
    except OSError as error:
        raise InvalidInput(
            f"“{path}” cannot be read.",
            cause=f"{error.strerror}.",
            remedy="Choose a PEM or DER file.",
        ) from error
    return backend.ocsp_client.ask(AskOcsp(certificate=content, url=url, nonce=nonce))


def answer_facts(report: OcspReport) -> list[Fact]:
    """What the responder said, as lines."""
    verdict = report.verdict
    state, word = LinkState.BAD, "Not to be believed"
    if verdict.status is not None:
        state, word = _STATES[verdict.status]
    facts = [
        Fact("Status", word, state=state),
        Fact("Serial number", grouped_hex(report.serial_number), mono=True),
        Fact("Responder", report.url),
        Fact("Answered in", f"{report.milliseconds:.1f} ms"),
    ]
    found = verdict.asked[0] if verdict.asked else None
    if found is not None:
        if found.answer.revoked_at is not None:
            reason = f", {found.answer.reason.label}" if found.answer.reason is not None else ""
            facts.append(Fact("Revoked", local_time(found.answer.revoked_at) + reason))
        facts.append(Fact("This update", local_time(found.this_update, seconds=True)))
        if found.next_update is not None:
            facts.append(Fact("Next update", local_time(found.next_update, seconds=True)))
    return facts


class AskDialog(FormDialog):
    """Stays open: one certificate after another can be asked about."""

    def __init__(self, console: Console, backend: Backend) -> None:
        super().__init__(
            "Test with a Certificate",
            "Asks the responder as a client does, and checks each part of the answer.",
            "Ask",
            console.tasks,
            name="ask_dialog",
            parent=console.dialog_parent(),
        )
        self._backend = backend
        self.report: OcspReport | None = None
        self.path = line_edit("ask_path", "", self.tr("PEM or DER file"))
        self.url = line_edit("ask_url", "", self.tr("as the certificate says"))
        self.nonce = check_box("ask_nonce", self.tr("Send a nonce"), checked=True)
        self.cancel_button.setText(self.tr("Close"))
        field = QWidget()
        field.setObjectName("ask_file")
        row = QHBoxLayout(field)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(Space.S)
        row.addWidget(self.path, 1)
        row.addWidget(button(self.tr("Browse…"), "ask_browse", self.browse))
        field.setFocusProxy(self.path)
        self.path.setAccessibleName(self.tr("Certificate"))
        self._field = field
        self.form.add_row(self.tr("Certificate"), field)
        self.form.add_row(self.tr("Responder"), self.url)
        self.form.add_wide(self.nonce)
        self.answer = KeyValueGrid()
        self.card = Card(self.tr("Answer"))
        self.card.body.addWidget(self.answer)
        self.checks = QVBoxLayout()
        self.checks.setSpacing(Space.S - 2)
        self.card.body.addSpacing(Space.S)
        self.card.body.addLayout(self.checks)
        self.card.hide()
        self.body.addWidget(self.card)
        self.setMinimumWidth(640)

    def browse(self) -> None:
        """Choose the file; nothing waits for it."""
        chooser = QFileDialog(self, self.tr("Certificate"))
        chooser.setObjectName("ask_file_dialog")
        chooser.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        chooser.setFileMode(QFileDialog.FileMode.ExistingFile)
        chooser.setNameFilters(
            [self.tr("Certificates (*.pem *.crt *.cer *.der)"), self.tr("All files (*)")]
        )
        chooser.fileSelected.connect(self.path.setText)
        chooser.open()

    def validate(self) -> FieldError | None:
        if not self.path.text().strip():
            return FieldError(self._field, self.tr("Choose a certificate's file."))
        return None

    def work(self) -> tuple[str, Callable[..., Any], tuple[object, ...]]:
        path, url = self.path.text().strip(), self.url.text().strip()
        arguments = (self._backend, path, url, self.nonce.isChecked())
        return self.tr("Asking the responder"), ask, arguments

    def refused(self, error: SealkeeperError) -> None:
        self.card.hide()
        self._shrink()
        if isinstance(error, InvalidInput):
            self.form.set_error(self._field, error.one_line())
        else:
            super().refused(error)

    def _shrink(self) -> None:
        layout = self.layout()
        if layout is not None:
            layout.activate()
        self.adjustSize()

    def _done(self, value: object) -> None:
        """Unlike other dialogs this one shows its result and stays."""
        self._set_busy(busy=False)
        if not isinstance(value, OcspReport):
            raise TypeError(f"{type(value).__name__} is no report of a responder")
        self.report = value
        self.answer.set_facts(answer_facts(value))
        while (item := self.checks.takeAt(0)) is not None:
            widget = item.widget()
            if widget is not None:
                widget.hide()
                widget.deleteLater()
        for check in value.verdict.checks:
            self.checks.addWidget(_check_line(check.sentence, passed=check.passed))
        self.card.show()
        self._shrink()
        self.completed.emit(value)


def _check_line(sentence: str, *, passed: bool) -> QWidget:
    state = LinkState.OK if passed else LinkState.BAD
    line = QWidget()
    line.setAccessibleName(f"{'passed' if passed else 'failed'}: {sentence}")
    row = QHBoxLayout(line)
    row.setContentsMargins(0, 0, 0, 0)
    row.setSpacing(Space.S)
    row.addWidget(IconLabel(state.value, state_roles(state)[0], 16), 0, Qt.AlignmentFlag.AlignTop)
    row.addWidget(label(sentence, wrap=True), 1)
    return line

"""The wizard Submit New Request: a PKCS#10 from a file or pasted, a template, the certificate."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFileDialog, QHBoxLayout, QPlainTextEdit, QVBoxLayout, QWidget

from app.domain.errors import NotFound
from app.domain.templates import SubjectSource
from app.gui.files import ask_save, read_request_text
from app.gui.formats import grouped_hex, local_time
from app.gui.forms import combo
from app.gui.panels.certification_authority.lists import subject
from app.gui.theme import Space
from app.gui.widgets.basics import button, label
from app.gui.widgets.certificate_dialog import CertificateDialog
from app.gui.wizard import AsyncCheck, FieldError, Wizard, WizardPage
from app.pki.names import format_name
from app.pki.pem import CERTIFICATE
from app.pki.requests import parse_request
from app.services.authority.enrollment import Submission, SubmitRequest

if TYPE_CHECKING:
    from collections.abc import Sequence

    from PySide6.QtGui import QDragEnterEvent, QDragMoveEvent, QDropEvent

    from app.domain.authorities import Authority
    from app.domain.errors import SealkeeperError
    from app.domain.ids import AuthorityId
    from app.domain.templates import Template
    from app.gui.tasks import TaskRunner
    from app.pki.requests import ParsedRequest
    from app.services.backend import Backend


class RequestEdit(QPlainTextEdit):
    """A request as PEM text; a file can be dropped on it.

    Signals:
        dropped: the path of the file.
    """

    dropped = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("request_text")
        self.setProperty("look", "mono")
        self.setAcceptDrops(True)
        self.setTabChangesFocus(True)
        self.setLineWrapMode(QPlainTextEdit.LineWrapMode.NoWrap)
        self.setMinimumHeight(210)
        self.setPlaceholderText("-----BEGIN CERTIFICATE REQUEST-----")

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        if event.mimeData().hasUrls():
            event.acceptProposedAction()
        else:
            super().dragEnterEvent(event)

    def dragMoveEvent(self, event: QDragMoveEvent) -> None:
        if event.mimeData().hasUrls():
            event.acceptProposedAction()
        else:
            super().dragMoveEvent(event)

    def dropEvent(self, event: QDropEvent) -> None:
        paths = [url.toLocalFile() for url in event.mimeData().urls() if url.isLocalFile()]
        if paths:
            event.acceptProposedAction()
            self.dropped.emit(paths[0])
        else:
            super().dropEvent(event)


class RequestPage(WizardPage):
    """The request itself."""

    def __init__(self, runner: TaskRunner) -> None:
        super().__init__(
            "Certificate Request", "Open a file, drop it here, or paste the text of the request."
        )
        self._runner = runner
        self.parsed: ParsedRequest | None = None
        self._source = ""

    def build(self) -> None:
        self.text = RequestEdit()
        self.text.setAccessibleName(self.tr("Certificate request"))
        holder = QWidget()
        row = QHBoxLayout(holder)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(Space.M)
        row.addWidget(
            button(self.tr("Open File…"), "request_browse", self._browse, icon_name="folder")
        )
        self.file = label("", "muted", wrap=True)
        self.file.setObjectName("request_file")
        row.addWidget(self.file, 1)
        self.form.add_wide(holder)
        self.form.add_wide(self.text, self.tr("PKCS#10 in PEM, bare base64 or, as a file, DER."))
        self.text.dropped.connect(self.open_file)
        self.text.textChanged.connect(self._typed)

    def _browse(self) -> None:
        chooser = QFileDialog(self, self.tr("Open Certificate Request"))
        chooser.setObjectName("request_file_dialog")
        chooser.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        chooser.setFileMode(QFileDialog.FileMode.ExistingFile)
        chooser.setNameFilters(
            [self.tr("Certificate requests (*.req *.csr *.p10 *.pem *.der)"), self.tr("All (*)")]
        )
        chooser.fileSelected.connect(self.open_file)
        chooser.open()

    def open_file(self, path: str) -> None:
        """Read a file into the text, in a task."""
        self._runner.run(
            self.tr("Reading {0}").format(Path(path).name),
            read_request_text,
            Path(path),
            owner=self,
            done=partial(self._opened, path),
            failed=self._not_opened,
            supersede="read",
        )

    def _opened(self, path: str, text: str) -> None:
        self.text.setPlainText(text)
        self._source = path
        self.file.setText(path)

    def _not_opened(self, error: SealkeeperError) -> None:
        self.form.set_error(self.text, error.one_line())

    def _typed(self) -> None:
        self._source = ""
        self.file.setText("")

    def data(self) -> bytes:
        """The request as it was given."""
        return self.text.toPlainText().encode()

    def validate(self) -> FieldError | AsyncCheck:
        if not self.text.toPlainText().strip():
            return FieldError(self.text, self.tr("Open a file or paste a request."))
        return AsyncCheck(
            self.tr("Checking the request"),
            parse_request,
            (self.data(),),
            done=self._parsed,
            field=self.text,
        )

    def _parsed(self, parsed: ParsedRequest) -> None:
        self.parsed = parsed

    def summary(self) -> Sequence[tuple[str, str]]:
        if self.parsed is None:
            return ()
        lines = [
            (self.tr("Subject"), format_name(self.parsed.subject) or self.tr("empty")),
            (self.tr("Public key"), self.parsed.key_text),
        ]
        if self._source:
            lines.append((self.tr("File"), self._source))
        return lines

    def values(self) -> dict[str, Any]:
        return {"request": self.data()}


class TemplatePage(WizardPage):
    """The template that decides what the certificate says."""

    def __init__(self, request_page: RequestPage) -> None:
        super().__init__(
            "Certificate Template", "The template decides what goes into the certificate."
        )
        self._request_page = request_page
        self._templates: tuple[Template, ...] | None = None
        self._problem = ""
        self._asked = ""

    def build(self) -> None:
        self.template = combo("request_template", [])
        self.form.add_row(self.tr("Template"), self.template)
        self.words = label("", "muted", wrap=True)
        self.words.setObjectName("request_template_words")
        self.form.add_wide(self.words)
        self.template.currentIndexChanged.connect(self._describe)

    def take(self, templates: tuple[Template, ...]) -> None:
        """The templates that the CA issues."""
        self._templates = templates
        before = self.template.currentData()
        self.template.clear()
        for template in templates:
            self.template.addItem(template.display_name, template.name)
        supplied = (t for t in templates if t.subject_source is SubjectSource.SUPPLY_IN_REQUEST)
        usual = next(supplied, None)
        self._choose(before or self._asked or (usual.name if usual is not None else ""))

    def take_problem(self, error: SealkeeperError) -> None:
        """They could not be read."""
        self._problem = error.one_line()

    def entered(self) -> None:
        """Propose the template that the request itself names."""
        parsed = self._request_page.parsed
        asked = parsed.template_name or parsed.template_oid if parsed is not None else ""
        if asked != self._asked:
            self._asked = asked
            self._choose(asked)
        self._describe()

    def _choose(self, wanted: str) -> None:
        for number, template in enumerate(self._templates or ()):
            if wanted and wanted.casefold() in {template.name.casefold(), template.oid}:
                self.template.setCurrentIndex(number)

    def _chosen(self) -> Template | None:
        number = self.template.currentIndex()
        return self._templates[number] if self._templates and number >= 0 else None

    def _describe(self) -> None:
        template = self._chosen()
        if template is None:
            self.words.setText(self._problem)
            return
        lines = [
            self.tr("Certificates are valid for {0}.").format(template.validity),
            self.tr("The subject is taken from the request.")
            if template.subject_source is SubjectSource.SUPPLY_IN_REQUEST
            else self.tr("The subject is built from the requester's entry in the directory."),
            self.tr("Requests wait for the approval of a certificate manager.")
            if template.manager_approval
            else self.tr("Certificates are issued at once."),
        ]
        if self._asked:
            lines.append(self.tr("The request itself names the template {0}.").format(self._asked))
        self.words.setText("\n".join(lines))

    def validate(self) -> FieldError | str | None:
        if self._templates is None:
            return self._problem or self.tr("The templates are not loaded yet.")
        if self._chosen() is None:
            return FieldError(
                self.template,
                self.tr("This CA issues no template yet. Let it issue one, then submit again."),
            )
        return None

    def summary(self) -> Sequence[tuple[str, str]]:
        return ((self.tr("Certificate template"), self.template.currentText()),)

    def values(self) -> dict[str, Any]:
        template = self._chosen()
        return {"template": template.name if template is not None else ""}


class SubmitWizard(Wizard):
    """Submit New Request; `completed` carries a `Submission`."""

    def __init__(
        self, backend: Backend, authority: Authority, runner: TaskRunner, parent: QWidget | None
    ) -> None:
        self._backend = backend
        self.request_page = RequestPage(runner)
        self.template_page = TemplatePage(self.request_page)
        super().__init__(
            "Submit New Request",
            [self.request_page, self.template_page],
            finish=partial(submit, backend, authority.id),
            runner=runner,
            finish_text="Submit",
            working=f"Submitting the request to {authority.name}",
            result=_result,
            name="submit_wizard",
            parent=parent,
        )
        self._the_runner = runner
        self.certificate = b""
        self.completed.connect(self._offer)
        runner.run(
            self.tr("Loading templates"),
            issued_templates,
            backend,
            authority.id,
            owner=self,
            done=self.template_page.take,
            failed=self.template_page.take_problem,
            quiet=True,
        )

    def _offer(self, submission: Submission) -> None:
        """Below the result: what can be done with the certificate."""
        if submission.certificate is None:
            return
        self.certificate = submission.certificate
        holder = QWidget()
        row = QHBoxLayout(holder)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(Space.S)
        row.addWidget(
            button(self.tr("View Certificate"), "submit_view", self._view, icon_name="certificate")
        )
        row.addWidget(button(self.tr("Save As…"), "submit_save", self._save, icon_name="save"))
        row.addStretch(1)
        layout = self.work_page.layout()
        if isinstance(layout, QVBoxLayout):
            # Before the stretch that keeps the page's content at its top.
            layout.insertWidget(layout.count() - 1, holder)

    def _view(self) -> None:
        CertificateDialog(
            self.certificate, self._backend.enrollment.facts, self._the_runner, self
        ).open()

    def _save(self) -> None:
        ask_save(
            self._the_runner, self, self.tr("Save Certificate"), CERTIFICATE, self._certificate
        )

    def _certificate(self) -> bytes:
        return self.certificate


def issued_templates(backend: Backend, authority_id: AuthorityId) -> tuple[Template, ...]:
    """The templates that a CA issues, by display name."""
    names = set(backend.authorities.get(authority_id).templates)
    return tuple(template for template in backend.templates.list() if template.name in names)


def submit(
    backend: Backend, authority_id: AuthorityId, *, request: bytes, template: str
) -> Submission:
    """Submit a request for a template."""
    return backend.enrollment.submit(
        SubmitRequest(authority_id=authority_id, request=request, template=template)
    )


def _result(submission: Submission) -> tuple[str, Sequence[tuple[str, str]]]:
    row = submission.row
    if submission.certificate is None:
        return (
            f"Request {row.id} is pending.",
            [
                ("Common name", subject(row)),
                ("State", "A certificate manager issues or denies it under Pending Requests."),
            ],
        )
    if row.not_after is None:
        raise NotFound(f"Request {row.id} has no certificate.")
    return (
        "The certificate is issued.",
        [
            ("Request ID", str(row.id)),
            ("Common name", subject(row)),
            ("Serial number", grouped_hex(row.serial_number)),
            ("Certificate template", row.certificate_template),
            ("Valid until", local_time(row.not_after)),
        ],
    )

"""What the gallery shows: a page as the responder's, a wizard, a certificate."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtWidgets import QLineEdit, QWidget

from app.domain.certificates import CertificateFacts, ExtensionFacts
from app.domain.errors import Refused
from app.domain.periods import Period, PeriodUnit
from app.domain.status import Fix, LinkName, LinkState, PathLink
from app.gui.actions import ActionSpec
from app.gui.forms import CheckGroup, PeriodEdit, check_box, combo, line_edit
from app.gui.panel import Console, NodeSpec, Panel
from app.gui.table_view import TableCard, TableView
from app.gui.tables import Align, Column, ListTableModel
from app.gui.theme import ThemeMode
from app.gui.widgets.basics import Card, EmptyState
from app.gui.widgets.key_values import DetailPane, Fact
from app.gui.widgets.pin_entry import PinEntry
from app.gui.widgets.status_path import StatusPath
from app.gui.widgets.validity_timeline import ValidityRow, ValidityTimeline
from app.gui.window import MainWindow
from app.gui.wizard import FieldError, Wizard, WizardPage

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from app.domain.progress import Progress
    from app.gui.failures import Failures
    from app.gui.tasks import TaskRunner

NOW = datetime.now(UTC)
MEMBER = tuple[str, LinkState, str, str, str, str]
MEMBERS: tuple[MEMBER, ...] = (
    ("ocspserv (controller)", LinkState.OK, "6112 62e4 0000 0003", "Today 17:02", "412", "98.7 %"),
    ("ocspserv2", LinkState.OK, "6112 62e4 0000 0007", "Today 17:31", "398", "98.9 %"),
    ("ocspserv3", LinkState.WARNING, "6112 62e4 0000 0009", "Today 14:31", "12", "90.1 %"),
)
COLUMNS: tuple[Column[MEMBER], ...] = (
    Column("member", "Array member", lambda r: r[0], width=170, stretch=True),
    Column(
        "status",
        "Status",
        lambda r: "Working" if r[1] is LinkState.OK else "Renews late",
        state=lambda r: r[1],
        width=150,
    ),
    Column("cert", "Signing certificate", lambda r: r[2], width=170, mono=True),
    Column("valid", "Valid to", lambda r: r[3], width=110),
    Column("rate", "Answers/s", lambda r: r[4], width=90, align=Align.RIGHT),
    Column("cache", "Cache", lambda r: r[5], width=90, align=Align.RIGHT),
)


def path(*, broken: bool) -> tuple[PathLink, ...]:
    """A status path, whole or broken at the key."""
    ok, bad, unknown, warn = (
        LinkState.OK,
        LinkState.BAD,
        LinkState.UNCHECKED,
        LinkState.WARNING,
    )
    first = (
        PathLink(LinkName.CA_CERTIFICATE, ok, "Integration-OCSPSERV-CA", "Valid"),
        PathLink(LinkName.SIGNING_CERTIFICATE, ok, "renews 16:02", "Valid"),
    )
    if not broken:
        return (
            *first,
            PathLink(LinkName.HSM_KEY, ok, "OCSP · RSA 2048", "Signs in 2.1 ms"),
            PathLink(LinkName.REVOCATION_DATA, ok, "CA database", "Live"),
            PathLink(
                LinkName.ENDPOINT, ok, "http://ocspserv.example.org/ocsp", "Answers in 0.4 ms"
            ),
        )
    return (
        *first,
        PathLink(
            LinkName.HSM_KEY,
            bad,
            "slot OCSP",
            "Cannot be opened",
            "The service account NT_AUTHORITY\\SYSTEM has no registered slot, so it cannot open "
            "the signing key.",
            "Slot “OCSP” is registered for OCSPSERV\\administrator only. "
            "Register it for the service account too.",
            "C_OpenSession returned CKR_TOKEN_NOT_PRESENT\n/usr/lib/softhsm/libsofthsm2.so 2.6",
            Fix.REGISTER_SLOT,
            "sealkeeper slot register --user SYSTEM",
        ),
        PathLink(LinkName.REVOCATION_DATA, unknown, "not checked", "Waiting"),
        PathLink(LinkName.ENDPOINT, warn, "http://ocspserv/ocsp", "From cache until 15:40"),
    )


def rows(*, alike: bool) -> tuple[ValidityRow, ...]:
    """Bars with like or with very unlike lengths."""
    hour = timedelta(hours=1)
    authority = timedelta(days=365 * 5) if not alike else 4 * hour
    return (
        ValidityRow("CA certificate", NOW - authority / 3, NOW + authority),
        ValidityRow("Signing certificate", NOW - hour, NOW + 3 * hour, NOW + 2 * hour),
        ValidityRow("CRL 14 (base)", NOW - 2 * hour, NOW + 3.4 * hour, NOW + 2.5 * hour),
        ValidityRow(
            "CRL 14 (delta 3)",
            NOW - 0.5 * hour,
            NOW + 0.9 * hour,
            NOW + 0.6 * hour,
            LinkState.WARNING,
        ),
    )


class ConfigurationPanel(Panel):
    """A page as the online responder's."""

    def __init__(self, console: Console, *, broken: bool, alike: bool) -> None:
        super().__init__(console, "Test")
        card = Card()
        status = StatusPath()
        status.set_links(path(broken=broken))
        card.body.addWidget(status)
        self.body.addWidget(card)
        card = Card("Validity and renewal")
        timeline = ValidityTimeline()
        timeline.set_rows(rows(alike=alike), NOW)
        card.body.addWidget(timeline)
        self.body.addWidget(card)
        model = ListTableModel(COLUMNS)
        self.view = TableView(model, "members", "Array members")
        model.set_rows(MEMBERS)
        self.body.addWidget(TableCard("Array members", self.view, search="Filter"), 1)
        self.detail = DetailPane("Select an array member to see its signing certificate.")
        self.view.row_selected.connect(self._show)
        self.body.addWidget(self.detail)
        word = "Bad signing certificate on Array Controller" if broken else "Working"
        state = LinkState.BAD if broken else LinkState.OK
        self.set_header(state=state, word=word, checked_at=NOW)

    def _show(self, row: MEMBER | None) -> None:
        if row is None:
            self.detail.clear()
            return
        facts = (
            Fact("Signing certificate", row[2], mono=True),
            Fact("Valid to", row[3]),
            Fact("Answers per second", row[4]),
            Fact("Answered from cache", row[5]),
        )
        self.detail.show_details(row[0], facts, row[1], "Working")

    def actions(self) -> Sequence[ActionSpec]:  # type: ignore[override]  # as in the base
        def act(name: str, text: str, icon: str, group: str, why_not: str = "") -> ActionSpec:
            return ActionSpec(name, text, icon, group, self.refresh, why_not)

        return (
            act("edit", "Edit Properties…", "edit", "Test"),
            act("view", "View Signing Certificate", "certificate", "Test"),
            act("renew", "Renew Signing Certificate", "renew", "Test"),
            act("data", "Refresh Revocation Data", "refresh", "Test"),
            act("test", "Test with a Certificate…", "test", "Test"),
            ActionSpec("delete", "Delete", "delete", "Test", self.refresh, danger=True),
            act("start", "Start", "play", "Online Responder", "It runs already."),
            act("stop", "Stop", "stop", "Online Responder"),
            act("add", "Add Revocation Configuration…", "add", "Online Responder"),
        )


class EmptyPanel(Panel):
    """A page with nothing on it yet."""

    def __init__(self, console: Console) -> None:
        super().__init__(console, "HSM Slots", scroll=False)
        model = ListTableModel(COLUMNS)
        view = TableView(model, "slots", "Slots")
        sentence = "No slot is registered yet. Register one, so that keys can be made in it."
        view.set_empty_state(EmptyState("slot", sentence, "Register Slot…", self.refresh))
        self.body.addWidget(TableCard("Registered slots", view, search="Filter"))


NODES = (
    ("overview", "", "Overview", "overview"),
    ("library", "", "Security Library", "library"),
    ("library/registered", "library", "Registered Library", "shield"),
    ("library/slots", "library", "HSM Slots", "slot"),
    ("library/providers", "library", "Providers", "provider"),
    ("library/keys", "library", "Keys on OCSP", "key"),
    ("templates", "", "Certificate Templates", "template"),
    ("ca", "", "Certification Authority", "authority"),
    ("ca/1", "ca", "Integration-OCSPSERV-CA", "seal"),
    ("ca/1/revoked", "ca/1", "Revoked Certificates", "revoked"),
    ("ca/1/issued", "ca/1", "Issued Certificates", "issued"),
    ("ca/1/pending", "ca/1", "Pending Requests", "pending"),
    ("ca/1/failed", "ca/1", "Failed Requests", "failed"),
    ("ca/1/templates", "ca/1", "Certificate Templates", "template"),
    ("responder", "", "Online Responder: ocspserv", "responder"),
    ("responder/config", "responder", "Revocation Configuration", "revocation"),
    ("responder/config/1", "responder/config", "Test", "certificate"),
    ("responder/array", "responder", "Array Configuration", "array"),
    ("certificates", "", "Certificates", "store"),
    ("services", "", "Services", "services"),
    ("tools", "", "Tools", "tools"),
)


def window(runner: TaskRunner, failures: Failures, mode: ThemeMode, folder: Path) -> MainWindow:
    """The console with its tree and one page."""
    made = MainWindow(runner, failures, folder / "window.json", "0.1")
    made.set_theme(mode)
    dark = mode is ThemeMode.DARK
    for key, parent, title, icon in NODES:
        factory = partial(ConfigurationPanel, broken=dark, alike=dark)
        made.add_node(
            NodeSpec(key, title, icon, parent, EmptyPanel if key == "library/slots" else factory)
        )
    made.set_node_state("ca/1", LinkState.OK)
    made.set_node_state("responder/config/1", LinkState.BAD if dark else LinkState.OK)
    made.status_line.responder.show_state(LinkState.OK, "Responder running on 127.0.0.1:8080")
    made.status_line.slots.show_state(LinkState.OK, "Slot OCSP ready")
    made.status_line.secrets.show_state(
        LinkState.WARNING, "PINs are kept in a file of the home folder"
    )
    return made


class TokenPage(WizardPage):
    """A page with fields of every kind."""

    def build(self) -> None:
        self.token = combo("token", [("OCSP (serial 8a31)", 1), ("ROOT (serial 11f0)", 2)])
        self.user = line_edit("user", "OCSPSERV\\administrator")
        self.pin = PinEntry("pin", "Slot password")
        self.period = PeriodEdit("period", Period(2, PeriodUnit.WEEKS))
        self.form.add_row("Token", self.token, "Slots are bound by serial and label.")
        self.form.add_row("User", self.user)
        self.form.add_row("Slot password", self.pin)
        self.form.add_row("Keep for", self.period)
        self.form.add_wide(check_box("all", "Register for the service account too", checked=True))
        self.group = CheckGroup(
            "usage", (("sign", "Sign responses"), ("crl", "Sign CRLs")), ("sign",)
        )
        self.form.add_row("Key usage", self.group)

    def validate(self) -> FieldError | None:
        if self.pin.is_empty():
            return FieldError(self.pin, "Enter the slot's password.")
        return None

    def summary(self) -> Sequence[tuple[str, str]]:
        return (("Token", self.token.currentText()), ("User", self.user.text()))


class NamePage(WizardPage):
    """A page with one field."""

    def build(self) -> None:
        self.name_field = QLineEdit("Test")
        self.name_field.setObjectName("name")
        self.form.add_row("Name", self.name_field)

    def summary(self) -> Sequence[tuple[str, str]]:
        return (("Name", self.name_field.text()),)


def work(*, progress: Progress) -> str:
    """What a failing wizard does."""
    progress.report("Opened slot OCSP")
    progress.report("Generated RSA 2048 key pair “OCSP-Test”")
    progress.report("Enrolling the signing certificate")
    raise Refused(
        "The CA refused the request.",
        cause="Template “OCSP Response Signing” is not issued by this CA.",
        remedy="Issue the template, then try again.",
        detail="0x80094800 CERTSRV_E_UNSUPPORTED_CERT_TYPE",
    )


def succeed(*, progress: Progress) -> str:
    """What a wizard does when all goes well."""
    progress.report("Opened slot OCSP")
    progress.report("Stored the registration")
    return "OCSP"


def wizard(runner: TaskRunner, parent: QWidget, *, fails: bool) -> Wizard:
    """A wizard with two pages."""
    return Wizard(
        "Register HSM Slot",
        [
            NamePage("Name", "The name under which the console shows it."),
            TokenPage("Token and password", "The token is opened to see that the password fits."),
        ],
        finish=work if fails else succeed,
        runner=runner,
        finish_text="Register",
        working="Registering slot OCSP",
        result=lambda value: (f"Slot {value} is registered.", [("Slot", value)]),
        progress="progress",
        parent=parent,
    )


def facts(_der: bytes) -> CertificateFacts:
    """What a certificate says."""
    return CertificateFacts(
        subject="CN=ocspserv.example.org, O=Integration, C=DE",
        issuer="CN=Integration-OCSPSERV-CA, DC=example, DC=org",
        serial="611262e4000000000003",
        not_before=NOW,
        not_after=NOW + timedelta(days=14),
        signature_algorithm="sha256RSA",
        public_key="RSA 2048",
        public_key_hex="30820122300d06092a864886f70d01010105000382010f00",
        sha1="a0" * 20,
        sha256="b1" * 32,
        extensions=(
            ExtensionFacts("2.5.29.37", "Enhanced Key Usage", critical=False, text="OCSP Signing"),
            ExtensionFacts(
                "2.5.29.15", "Key Usage", critical=True, text="Digital Signature\nNon Repudiation"
            ),
            ExtensionFacts("1.3.6.1.5.5.7.48.1.5", "OCSP No Revocation Checking", False, "Yes"),
        ),
        template="OCSPResponseSigning",
        is_ca=False,
    )

"""The six pages of the Add Revocation Configuration wizard, in the guide's order and words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from PySide6.QtWidgets import QCheckBox, QHBoxLayout, QRadioButton, QWidget

from app.gui.formats import local_time
from app.gui.forms import check_box, combo, line_edit
from app.gui.panels.online_responder.authority_dialog import SelectAuthorityDialog
from app.gui.theme import Role, Space
from app.gui.widgets.basics import Card, ElidedLabel, IconLabel, button, label
from app.gui.widgets.key_values import Fact, KeyValueGrid
from app.gui.wizard import FieldError, WizardPage
from app.pki.names import common_name

if TYPE_CHECKING:
    from collections.abc import Sequence

    from app.domain.authorities import Authority
    from app.domain.certificates import CertificateFacts
    from app.gui.panel import Console
    from app.gui.panels.online_responder.facts import Choices
    from app.services.backend import Backend

LONGEST_NAME = 64


def radio(name: str, text: str) -> QRadioButton:
    """A chosen radio button."""
    made = QRadioButton(text)
    made.setObjectName(name)
    made.setAccessibleName(text)
    made.setChecked(True)
    return made


class StartedPage(WizardPage):
    """Says what the wizard does."""

    def __init__(self) -> None:
        super().__init__(
            "Getting started with adding a revocation configuration",
            "A revocation configuration lets the online responder answer for the certificates of "
            "one certification authority.",
            step="Getting started",
        )

    def build(self) -> None:
        steps = (
            ("edit", self.tr("Name the revocation configuration")),
            ("authority", self.tr("Select the CA certificate that it answers for")),
            ("certificate", self.tr("Select the certificate that signs its answers")),
            ("database", self.tr("See where its revocation data comes from")),
        )
        card = Card()
        for icon_name, text in steps:
            row = QHBoxLayout()
            row.setSpacing(Space.M)
            row.addWidget(IconLabel(icon_name, Role.ACCENT, 20))
            row.addWidget(label(text), 1)
            card.body.addLayout(row)
        self.body.addWidget(card)
        hint = self.tr(
            "The signing key is generated in the HSM, and its certificate is enrolled and renewed "
            "without you."
        )
        self.body.addWidget(label(hint, "muted", wrap=True))


class NamePage(WizardPage):
    """Takes the name."""

    def __init__(self, found: Choices) -> None:
        super().__init__(
            "Name the Revocation Configuration",
            "The name helps you to find it; clients never see it.",
            step="Name",
        )
        self._names = {name.casefold() for name in found.names}

    def build(self) -> None:
        proposed = "Test"
        number = 2
        while proposed.casefold() in self._names:
            proposed = f"Test {number}"
            number += 1
        self.name = line_edit("configuration_name", proposed)
        self.name.setMaxLength(LONGEST_NAME)
        self.name.selectAll()
        self.form.add_row(self.tr("Name"), self.name)

    def validate(self) -> FieldError | None:
        name = self.name.text().strip()
        if not name:
            return FieldError(self.name, self.tr("Enter a name."))
        if name.casefold() in self._names:
            return FieldError(self.name, self.tr("There is already a configuration of that name."))
        return None

    def summary(self) -> Sequence[tuple[str, str]]:
        return ((self.tr("Name"), self.name.text().strip()),)

    def values(self) -> dict[str, Any]:
        return {"name": self.name.text().strip()}


class LocationPage(WizardPage):
    """Says where the CA certificate comes from: the one place that there is."""

    def __init__(self) -> None:
        super().__init__(
            "Select CA Certificate Location",
            "Where the certificate of the CA is found that the configuration answers for.",
            step="CA Certificate Location",
        )

    def build(self) -> None:
        self.enterprise = radio(
            "location_enterprise", self.tr("Select a certificate for an Existing enterprise CA")
        )
        self.form.add_wide(
            self.enterprise,
            self.tr(
                "A CA that is set up in this console. Its database answers directly, so a "
                "revocation is known at once. CAs of other consoles cannot be added."
            ),
        )


class AuthorityPage(WizardPage):
    """Chooses the CA from the list and shows its certificate."""

    def __init__(self, console: Console, backend: Backend, found: Choices) -> None:
        super().__init__(
            "Choose CA Certificate", "The configuration answers for what this CA has issued."
        )
        self._console, self._backend = console, backend
        self._found = found
        self.authority: Authority | None = None

    def build(self) -> None:
        self.browse_directory = radio(
            "authority_directory",
            self.tr("Browse CA certificates published in Active Directory"),
        )
        self.form.add_wide(
            self.browse_directory,
            self.tr("The local directory of this console takes Active Directory's place."),
        )
        self.chosen = ElidedLabel(self.tr("No CA is chosen yet."), "muted")
        self.chosen.setObjectName("authority_chosen")
        self.browse_button = button(self.tr("Browse…"), "authority_browse", self.browse)
        line = QWidget()
        line.setObjectName("authority_line")
        row = QHBoxLayout(line)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(Space.M)
        row.addWidget(self.browse_button)
        row.addWidget(self.chosen, 1)
        self.line = self.form.add_wide(line)
        self.grid = KeyValueGrid()
        self.card = Card(self.tr("CA certificate"))
        self.card.body.addWidget(self.grid)
        self.card.hide()
        self.body.addWidget(self.card)
        if len(self._found.authorities) == 1:
            self.choose(self._found.authorities[0])

    def browse(self) -> None:
        """Open the list of CAs."""
        dialog = SelectAuthorityDialog(self._found.authorities, self.window())
        dialog.chosen.connect(self.choose)
        dialog.open()

    def choose(self, authority: Authority) -> None:
        """Take a CA and show its certificate."""
        self.authority = authority
        self.form.set_error(self.line, "")
        self.chosen.set_text(authority.name)
        self._console.tasks.run(
            self.tr("Reading the CA certificate"),
            self._backend.enrollment.facts,
            authority.certificate,
            owner=self,
            done=self._show,
            supersede="certificate",
            quiet=True,
        )

    def _show(self, facts: CertificateFacts) -> None:
        self.grid.set_facts(
            [
                Fact(self.tr("Issued to"), common_name(facts.subject)),
                Fact(self.tr("Issued by"), common_name(facts.issuer)),
                Fact(self.tr("Valid to"), local_time(facts.not_after)),
                Fact(self.tr("Public key"), facts.public_key),
            ]
        )
        self.card.show()

    def validate(self) -> FieldError | None:
        if self.authority is None:
            return FieldError(self.line, self.tr("Browse, and select a certification authority."))
        return None

    def summary(self) -> Sequence[tuple[str, str]]:
        return ((self.tr("CA certificate"), self.authority.name if self.authority else ""),)

    def values(self) -> dict[str, Any]:
        return {"authority_id": self.authority.id} if self.authority is not None else {}


class SigningPage(WizardPage):
    """How the signing certificate is got."""

    def __init__(self, found: Choices, authority_page: AuthorityPage) -> None:
        super().__init__(
            "Select Signing Certificate",
            "Answers are signed by a certificate of the CA that is meant for nothing else.",
            step="Signing Certificate",
        )
        self._found = found
        self._authority_page = authority_page

    def build(self) -> None:
        self.automatic = radio(
            "signing_automatic", self.tr("Automatically select a signing certificate")
        )
        self.form.add_wide(self.automatic)
        self.auto_enroll = check_box(
            "signing_auto_enroll",
            self.tr("Auto-Enroll for an OCSP signing certificate"),
            checked=True,
        )
        self.form.add_wide(
            self.auto_enroll,
            self.tr("A new key is generated in the HSM now and at each renewal."),
        )
        self.authority = line_edit("signing_authority")
        self.authority.setReadOnly(True)
        self.form.add_row(self.tr("Certification authority"), self.authority)
        templates = [(each.display_name, each.name) for each in self._found.templates]
        self.template = combo("signing_template", templates, "OCSPResponseSigning")
        self.form.add_row(self.tr("Certificate Template"), self.template)
        self.provider = combo("signing_provider", [])
        self.form.add_row(
            self.tr("Key provider"), self.provider, self.tr("Where the signing key will live.")
        )
        self.template.currentIndexChanged.connect(self._fill_providers)
        self.auto_enroll.toggled.connect(self.provider.setEnabled)
        self._fill_providers()

    def _fill_providers(self, _index: int = 0) -> None:
        """A template that names providers leaves no other choice."""
        chosen = self.provider.currentData()
        name = self.template.currentData()
        named = next((t.providers for t in self._found.templates if t.name == name), ())
        first = named[0] if named else self.tr("that of the CA's key")
        self.provider.clear()
        self.provider.addItem(self.tr("As the template says: {name}").format(name=first), "")
        for provider in named or self._found.providers:
            self.provider.addItem(provider, provider)
        self.provider.setCurrentIndex(max(0, self.provider.findData(chosen)))

    def entered(self) -> None:
        authority = self._authority_page.authority
        self.authority.setText(authority.name if authority is not None else "")

    def validate(self) -> FieldError | None:
        if self.template.currentData() is None:
            return FieldError(
                self.template, self.tr("There is no template for OCSP signing certificates.")
            )
        return None

    def summary(self) -> Sequence[tuple[str, str]]:
        enrolled = self.auto_enroll.isChecked()
        return (
            (
                self.tr("Signing certificate"),
                self.tr("selected automatically, enrolled now and renewed automatically")
                if enrolled
                else self.tr("selected automatically; enrolled by hand"),
            ),
            (self.tr("Template"), self.template.currentText()),
            (self.tr("Key provider"), self.provider.currentText()),
        )

    def values(self) -> dict[str, Any]:
        return {
            "template": self.template.currentData(),
            "provider": self.provider.currentData() or "",
            "enroll": self.auto_enroll.isChecked(),
        }


class ProviderPage(WizardPage):
    """Where the revocation data comes from."""

    def __init__(self, found: Choices, authority_page: AuthorityPage) -> None:
        super().__init__(
            "Revocation Provider", "Where the responder learns which certificates are revoked."
        )
        self._found = found
        self._authority_page = authority_page

    def build(self) -> None:
        self.grid = KeyValueGrid()
        card = Card(self.tr("CA database, live"))
        card.body.addWidget(self.grid)
        self.body.addWidget(card)
        self.location: QCheckBox = check_box(
            "provider_location",
            self.tr("Put this responder's address into the certificates that the CA issues"),
            checked=True,
        )
        self.form.add_wide(
            self.location,
            self.tr("Clients find the responder by it (Authority Information Access)."),
        )

    def _lacks_location(self) -> bool:
        authority = self._authority_page.authority
        return authority is not None and authority.id not in self._found.with_location

    def entered(self) -> None:
        authority = self._authority_page.authority
        self.grid.set_facts(
            [
                Fact(self.tr("Source"), authority.name if authority is not None else ""),
                Fact(self.tr("Freshness"), self.tr("a revocation is answered within a second")),
                Fact(self.tr("Unknown serials"), self.tr("are answered as unknown, never as good")),
            ]
        )
        self.form.set_row_visible(self.location, self._lacks_location())

    def summary(self) -> Sequence[tuple[str, str]]:
        lines = [(self.tr("Revocation provider"), self.tr("CA database, live"))]
        if self._lacks_location() and self.location.isChecked():
            lines.append(
                (self.tr("Issued certificates"), self.tr("will carry this responder's address"))
            )
        return lines

    def values(self) -> dict[str, Any]:
        return {"add_ocsp_location": self._lacks_location() and self.location.isChecked()}

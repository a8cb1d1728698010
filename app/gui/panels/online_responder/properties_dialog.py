"""Edit Properties of a revocation configuration: its tabs and what they change."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from PySide6.QtWidgets import QButtonGroup, QRadioButton, QTabWidget, QVBoxLayout, QWidget

from app.domain.errors import NameInUse
from app.domain.keys import HashAlgorithm
from app.domain.responder import RevocationConfiguration, SigningFlag
from app.gui.forms import EnumCombo, Form, PeriodEdit, check_box, combo, line_edit
from app.gui.theme import Space
from app.gui.widgets.form_dialog import FormDialog

if TYPE_CHECKING:
    from collections.abc import Callable

    from app.domain.errors import SealkeeperError
    from app.gui.panel import Console
    from app.gui.panels.online_responder.facts import Choices, ConfigurationFacts
    from app.services.backend import Backend

HASHES = {
    HashAlgorithm.SHA256: "SHA256",
    HashAlgorithm.SHA384: "SHA384",
    HashAlgorithm.SHA512: "SHA512",
    HashAlgorithm.SHA1: "SHA1 (for old clients only)",
}
_AUTOMATIC = SigningFlag.AUTO_ENROLL | SigningFlag.AUTO_RENEWAL
_IDENTIFIERS = SigningFlag.RESPONDER_ID_KEY_HASH | SigningFlag.RESPONDER_ID_NAME


class PropertiesDialog(FormDialog):
    """The tabs General, Signing and Signing Certificate; `completed`: the configuration."""

    def __init__(
        self, console: Console, backend: Backend, facts: ConfigurationFacts, found: Choices
    ) -> None:
        super().__init__(
            f"{facts.configuration.name} Properties",
            "",
            "OK",
            console.tasks,
            name="configuration_properties",
            parent=console.dialog_parent(),
        )
        self._backend = backend
        self._before: RevocationConfiguration = facts.configuration
        self.form.hide()
        self.tabs = QTabWidget()
        self.tabs.setObjectName("configuration_tabs")
        self.tabs.tabBar().setDrawBase(False)
        self.general, self.signing, self.enrolment = Form(), Form(), Form()
        for form, title in (
            (self.general, self.tr("General")),
            (self.signing, self.tr("Signing")),
            (self.enrolment, self.tr("Signing Certificate")),
        ):
            self._add_tab(form, title)
        self.body.addWidget(self.tabs)
        self._fill_general(facts)
        self._fill_signing()
        self._fill_enrolment(found)
        self.resize(600, 460)

    def _add_tab(self, form: Form, title: str) -> None:
        page = QWidget()
        column = QVBoxLayout(page)
        column.setContentsMargins(0, Space.L, 0, 0)
        column.addWidget(form)
        column.addStretch(1)
        self.tabs.addTab(page, title)

    def _fill_general(self, facts: ConfigurationFacts) -> None:
        self.name = line_edit("configuration_name", self._before.name)
        self.general.add_row(self.tr("Name"), self.name)
        authority = line_edit("configuration_ca", facts.authority.name)
        authority.setReadOnly(True)
        self.general.add_row(
            self.tr("CA"), authority, self.tr("Add another configuration to answer for another CA.")
        )
        self.validity = PeriodEdit("configuration_validity", self._before.answer_validity)
        self.general.add_row(
            self.tr("Answers valid for"),
            self.validity,
            self.tr("nextUpdate of an answer. Clients may keep an answer that long."),
        )

    def _fill_signing(self) -> None:
        flags = self._before.signing_flags
        self.hash = EnumCombo("configuration_hash", HASHES, self._before.hash_algorithm)
        self.signing.add_row(
            self.tr("Hash algorithm"), self.hash, self.tr("P-384 and P-521 keys use their own.")
        )
        self.nonce = check_box(
            "configuration_nonce",
            self.tr("Enable NONCE extension support"),
            checked=SigningFlag.ALLOW_NONCE in flags,
        )
        self.signing.add_wide(
            self.nonce, self.tr("A request with a nonce gets a fresh answer, past the cache.")
        )
        self.signing.add_heading(self.tr("Online Responder Identifiers"))
        self.key_hash = QRadioButton(self.tr("Key hash of the signing certificate"))
        self.key_hash.setObjectName("configuration_id_key_hash")
        self.subject = QRadioButton(self.tr("Subject of the signing certificate"))
        self.subject.setObjectName("configuration_id_subject")
        self._identifiers = QButtonGroup(self)
        for choice in (self.key_hash, self.subject):
            choice.setAccessibleName(choice.text())
            self._identifiers.addButton(choice)
            self.signing.add_wide(choice)
        by_name = SigningFlag.RESPONDER_ID_NAME in flags
        (self.subject if by_name else self.key_hash).setChecked(True)

    def _fill_enrolment(self, found: Choices) -> None:
        before = self._before
        self.automatic = check_box(
            "configuration_automatic",
            self.tr("Automatically enroll and renew the signing certificate"),
            checked=SigningFlag.AUTO_ENROLL in before.signing_flags,
        )
        self.enrolment.add_wide(
            self.automatic, self.tr("A new key is generated at each renewal, as the guide expects.")
        )
        templates = [(each.display_name, each.name) for each in found.templates]
        if before.template not in {name for _, name in templates}:
            templates.append((before.template, before.template))
        self.template = combo("configuration_template", templates, before.template)
        self.enrolment.add_row(self.tr("Certificate Template"), self.template)
        providers = [(self.tr("As the template says"), ""), *((p, p) for p in found.providers)]
        self.provider = combo("configuration_provider", providers, before.provider)
        self.enrolment.add_row(
            self.tr("Key provider"),
            self.provider,
            self.tr("Template and provider are used from the next enrollment on."),
        )

    # --- saving -------------------------------------------------------------------------------

    def configuration(self) -> RevocationConfiguration:
        """The configuration as the fields say."""
        flags = self._before.signing_flags & ~(_IDENTIFIERS | _AUTOMATIC | SigningFlag.ALLOW_NONCE)
        flags |= (
            SigningFlag.RESPONDER_ID_NAME
            if self.subject.isChecked()
            else SigningFlag.RESPONDER_ID_KEY_HASH
        )
        if self.nonce.isChecked():
            flags |= SigningFlag.ALLOW_NONCE
        if self.automatic.isChecked():
            flags |= _AUTOMATIC
        return replace(
            self._before,
            name=self.name.text().strip(),
            signing_flags=flags,
            hash_algorithm=self.hash.value(),
            answer_validity=self.validity.period(),
            template=self.template.currentData(),
            provider=self.provider.currentData(),
        )

    def validate(self) -> str | None:
        self.general.clear_errors()
        if not self.name.text().strip():
            self._refuse_name(self.tr("Enter a name."))
            return self.tr("A field needs another value.")
        return None

    def _refuse_name(self, sentence: str) -> None:
        self.tabs.setCurrentIndex(0)
        self.general.set_error(self.name, sentence)
        self.name.setFocus()

    def work(self) -> tuple[str, Callable[..., Any], tuple[object, ...]]:
        words = self.tr("Saving {name}").format(name=self._before.name)
        return words, self._backend.responder.update, (self.configuration(),)

    def refused(self, error: SealkeeperError) -> None:
        if isinstance(error, NameInUse):
            self._refuse_name(error.one_line())
        else:
            super().refused(error)

"""The tabs General, Subject Name and Issuance Requirements."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from PySide6.QtWidgets import QButtonGroup, QRadioButton

from app.domain.periods import Period, PeriodUnit
from app.domain.status import LinkState
from app.domain.templates import AlternateName, SubjectFormat, SubjectSource
from app.gui.forms import CheckGroup, EnumCombo, PeriodEdit, check_box, line_edit
from app.gui.panels.certificate_templates.facts import (
    ALTERNATE_NAMES,
    SUBJECT_FORMATS,
    SUBJECT_SOURCES,
    subject_note,
    version,
)
from app.gui.panels.certificate_templates.tab import TemplateTab, with_room
from app.gui.widgets.banner import InlineBanner
from app.gui.widgets.basics import Card
from app.gui.widgets.key_values import Fact, KeyValueGrid

if TYPE_CHECKING:
    from app.domain.templates import Template


class GeneralTab(TemplateTab):
    """Names, periods and publication."""

    def __init__(self) -> None:
        super().__init__("General", "template_general")
        week = Period(1, PeriodUnit.WEEKS)
        self.display_name = line_edit("template_display_name")
        self.display_name.setMaxLength(64)
        self.name = line_edit("template_name")
        self.name.setReadOnly(True)
        self.validity = PeriodEdit("template_validity", week)
        self.renewal = PeriodEdit("template_renewal", week)
        self.publish = check_box(
            "template_publish", self.tr("Publish certificate in the directory")
        )
        self.test_value = InlineBanner("template_test_value")
        self.facts = KeyValueGrid(columns=3)
        self.add_field("display_name", self.tr("Template display name"), self.display_name)
        self.add_field("name", self.tr("Template name"), self.name)
        self.oid = line_edit("template_oid")
        self.oid.setReadOnly(True)
        self.form.add_row(self.tr("Object identifier"), self.oid)
        self.add_field("validity", self.tr("Validity period"), self.validity)
        self.add_field(
            "renewal",
            self.tr("Renewal period"),
            self.renewal,
            self.tr("How long before its end a certificate is renewed automatically."),
        )
        self.form.add_wide(self.test_value)
        self.add_check("publish_to_directory", self.publish)
        card = Card()
        card.body.addWidget(self.facts)
        self.column.addStretch(1)
        self.column.addWidget(card)
        self.display_name.textChanged.connect(self._edited)
        self.validity.changed.connect(self._edited)
        self.renewal.changed.connect(self._edited)

    def show_template(self, template: Template) -> None:
        if self.display_name.text().strip() != template.display_name:
            self.display_name.setText(template.display_name)
        self.name.setText(template.name)
        self.oid.setText(template.oid)
        self.oid.setCursorPosition(0)
        self.validity.set_period(template.validity)
        self.renewal.set_period(template.renewal)
        self.publish.setChecked(template.publish_to_directory)
        self.facts.set_facts(
            (
                Fact(self.tr("Subject type"), template.subject_type.value.capitalize()),
                Fact(self.tr("Version"), version(template)),
                Fact(self.tr("Schema version"), str(template.schema_version)),
            )
        )

    def applied_to(self, template: Template) -> Template:
        return replace(
            template,
            display_name=self.display_name.text().strip(),
            validity=self.validity.period(),
            renewal=self.renewal.period(),
            publish_to_directory=self.publish.isChecked(),
        )

    def show_test_value(self, *, shown: bool) -> None:
        """Say that the validity is a test's."""
        if not shown:
            self.test_value.hide()
        elif self.test_value.isHidden():
            self.test_value.show_message(
                LinkState.WARNING,
                self.tr("Test value"),
                self.tr(
                    "A signing certificate that lives under a day is for tests of the automatic "
                    "renewal. Two weeks are usual."
                ),
            )


class SubjectTab(TemplateTab):
    """Where the subject name comes from."""

    def __init__(self) -> None:
        super().__init__("Subject Name", "template_subject")
        self._radios: dict[SubjectSource, QRadioButton] = {}
        self._group = QButtonGroup(self)
        for source, words in SUBJECT_SOURCES.items():
            radio = QRadioButton(words)
            radio.setObjectName(f"template_subject_{source.name.lower()}")
            radio.setAccessibleName(words)
            self._group.addButton(radio)
            self._radios[source] = radio
            self.form.add_wide(with_room(radio))
            radio.toggled.connect(self._source_changed)
        self.format = EnumCombo("template_subject_format", SUBJECT_FORMATS, SubjectFormat.NONE)
        self.alternate = CheckGroup(
            "template_alternate_names", [(k.value, words) for k, words in ALTERNATE_NAMES.items()]
        )
        self.add_field("subject_format", self.tr("Subject name format"), self.format)
        self.add_field("alternate_names", self.tr("Include as alternate name"), self.alternate)
        self.note = InlineBanner("template_subject_note")
        self.column.addWidget(self.note)
        self.column.addStretch(1)
        self.format.currentIndexChanged.connect(self._edited)
        self.alternate.changed.connect(self._edited)

    def _source_changed(self, _on: bool) -> None:
        builds = self._radios[SubjectSource.BUILD_FROM_DIRECTORY].isChecked()
        self.format.setEnabled(builds)
        self.alternate.setEnabled(builds)
        self.changed.emit()

    def show_template(self, template: Template) -> None:
        self._radios[template.subject_source].setChecked(True)
        self.format.set_value(template.subject_format)
        for key, box in self.alternate.boxes.items():
            box.setChecked(AlternateName(key) in template.alternate_names)
        self._source_changed(True)

    def applied_to(self, template: Template) -> Template:
        source = next(each for each, radio in self._radios.items() if radio.isChecked())
        ticked = {AlternateName(key) for key in self.alternate.checked()}
        kept = tuple(name for name in template.alternate_names if name in ticked)
        added = tuple(name for name in AlternateName if name in ticked and name not in kept)
        return replace(
            template,
            subject_source=source,
            subject_format=self.format.value(),
            alternate_names=kept + added,
        )

    def mark(self, changed: frozenset[str]) -> bool:
        return super().mark(changed) or "subject_source" in changed

    def show_note(self, template: Template) -> None:
        """Say what follows from the choice."""
        note = subject_note(template)
        if note:
            self.note.show_message(LinkState.WARNING, self.tr("Any name can be asked for"), note)
        else:
            self.note.hide()


class IssuanceTab(TemplateTab):
    """Whether a manager has to approve."""

    def __init__(self) -> None:
        super().__init__("Issuance Requirements", "template_issuance")
        self.approval = check_box(
            "template_manager_approval", self.tr("CA certificate manager approval")
        )
        self.add_check(
            "manager_approval",
            self.approval,
            self.tr(
                "Requests wait under Pending Requests until a person with the permission Issue and "
                "Manage Certificates issues or denies them."
            ),
        )
        self.column.addStretch(1)

    def show_template(self, template: Template) -> None:
        self.approval.setChecked(template.manager_approval)

    def applied_to(self, template: Template) -> Template:
        return replace(template, manager_approval=self.approval.isChecked())

"""The tab Extensions: application policies, key usage, and revocation information."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout, QListWidget, QListWidgetItem, QVBoxLayout, QWidget

from app.domain.errors import InvalidInput
from app.domain.templates import APPLICATION_POLICIES, KeyUsage, policy_name
from app.gui.forms import CheckGroup, check_box, combo
from app.gui.panels.certificate_templates.facts import KEY_USAGES
from app.gui.panels.certificate_templates.tab import TemplateTab
from app.gui.theme import Space
from app.gui.widgets.basics import Card, button
from app.services.templates.fields import with_fields

if TYPE_CHECKING:
    from app.domain.templates import Template

_OID = Qt.ItemDataRole.UserRole


class ExtensionsTab(TemplateTab):
    """What a certificate may be used for."""

    def __init__(self) -> None:
        super().__init__("Extensions", "template_extensions")
        self._template: Template | None = None
        self.policies = QListWidget()
        self.policies.setObjectName("template_policies")
        self.policies.setAccessibleName(self.tr("Application policies"))
        self.policies.setFixedHeight(112)
        self.policies.currentRowChanged.connect(self._set_buttons)
        self.new_policy = combo(
            "template_new_policy", [(name, oid) for oid, name in APPLICATION_POLICIES.items()]
        )
        self.new_policy.setEditable(True)
        self.new_policy.setAccessibleName(self.tr("Policy to add, by name or object identifier"))
        self.new_policy.setCurrentText("")
        line = self.new_policy.lineEdit()
        if line is not None:
            line.setObjectName("template_new_policy_edit")
            line.setPlaceholderText(self.tr("name or object identifier"))
        self.add = button(self.tr("Add"), "template_policy_add", self._add)
        self.remove = button(self.tr("Remove"), "template_policy_remove", self._remove)
        self.add_field("application_policies", self.tr("Application policies"), self._policies())
        self.usage = CheckGroup(
            "template_key_usage", [(k.value, words) for k, words in KEY_USAGES.items()]
        )
        self.add_field("key_usage", self.tr("Key usage"), self.usage)
        self.no_check = check_box("template_no_check", self.tr("OCSP No Revocation Checking"))
        self.add_check(
            "ocsp_no_check",
            self.no_check,
            self.tr("Clients trust the signing certificate without asking whether it is revoked."),
        )
        self.no_revocation = check_box(
            "template_no_revocation",
            self.tr("Do not include revocation information in issued certificates"),
        )
        self.add_check("no_revocation_information", self.no_revocation)
        self.column.addStretch(1)
        self.usage.changed.connect(self._edited)

    def _policies(self) -> QWidget:
        holder = QWidget()
        holder.setObjectName("template_policies_field")
        column = QVBoxLayout(holder)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(Space.S)
        card = Card()
        card.body.addWidget(self.policies)
        row = QHBoxLayout()
        row.setSpacing(Space.S)
        row.addWidget(self.new_policy, 1)
        row.addWidget(self.add)
        row.addWidget(self.remove)
        column.addWidget(card)
        column.addLayout(row)
        return holder

    # --- the template -------------------------------------------------------------------------

    def show_template(self, template: Template) -> None:
        self._template = template
        if self._oids() != template.application_policies:
            self.policies.clear()
            for oid in template.application_policies:
                self._append(oid)
        for key, box in self.usage.boxes.items():
            box.setChecked(KeyUsage(key) in template.key_usage)
        self.no_check.setChecked(template.ocsp_no_check)
        self.no_revocation.setChecked(template.no_revocation_information)
        self._set_buttons()

    def _oids(self) -> tuple[str, ...]:
        rows = range(self.policies.count())
        return tuple(str(self.policies.item(row).data(_OID)) for row in rows)

    def applied_to(self, template: Template) -> Template:
        return replace(
            template,
            application_policies=self._oids(),
            key_usage=frozenset(KeyUsage(key) for key in self.usage.checked()),
            ocsp_no_check=self.no_check.isChecked(),
            no_revocation_information=self.no_revocation.isChecked(),
        )

    # --- what the user does -------------------------------------------------------------------

    def _append(self, oid: str) -> None:
        name = policy_name(oid)
        item = QListWidgetItem(name if name == oid else f"{name}   {oid}", self.policies)
        item.setData(_OID, oid)

    def _add(self) -> None:
        holder = self._fields["application_policies"]
        text = self.new_policy.currentText().strip()
        if not text or self._template is None:
            self.form.set_error(holder, self.tr("Choose a policy, or give its object identifier."))
            return
        try:
            found = with_fields(self._template, {"application_policies": text}).application_policies
        except InvalidInput as error:
            self.form.set_error(holder, f"{error.cause} {error.remedy}")
            return
        self.form.set_error(holder, "")
        for oid in found:
            if oid not in self._oids():
                self._append(oid)
        self.new_policy.setCurrentText("")
        self._edited()

    def _remove(self) -> None:
        self.policies.takeItem(self.policies.currentRow())
        self._edited()

    def _set_buttons(self, _row: int = 0) -> None:
        self.remove.setEnabled(self.policies.currentRow() >= 0)

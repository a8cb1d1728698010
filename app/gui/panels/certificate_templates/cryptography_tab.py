"""The tab Cryptography: algorithm, key size, providers and request hash."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtGui import QIntValidator
from PySide6.QtWidgets import (
    QButtonGroup,
    QComboBox,
    QHBoxLayout,
    QListWidget,
    QListWidgetItem,
    QRadioButton,
    QVBoxLayout,
)

from app.domain.keys import KEY_BITS, HashAlgorithm, KeyAlgorithm
from app.gui.forms import EnumCombo, combo
from app.gui.panels.certificate_templates.facts import (
    ALGORITHMS,
    HASHES,
    has_sizes,
    key_size_for,
    ordered_providers,
)
from app.gui.panels.certificate_templates.tab import TemplateTab
from app.gui.theme import Space
from app.gui.widgets.basics import Card, button, label

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from app.domain.templates import Template

LARGEST = 16384
_NAME = Qt.ItemDataRole.UserRole


class CryptographyTab(TemplateTab):
    """Fields of the key; the provider list is ordered, first choice first."""

    def __init__(self, providers: Sequence[str]) -> None:
        super().__init__("Cryptography", "template_cryptography")
        self._known = tuple(providers)
        self._filling = False
        self.algorithm = EnumCombo("template_algorithm", ALGORITHMS, KeyAlgorithm.RSA)
        self.key_size = combo("template_key_size", [])
        self.key_size.setEditable(True)
        self.key_size.setInsertPolicy(QComboBox.InsertPolicy.NoInsert)
        self.key_size.setValidator(QIntValidator(1, LARGEST, self))
        line = self.key_size.lineEdit()
        if line is not None:
            line.setObjectName("template_key_size_edit")
        self.hash = EnumCombo("template_hash", HASHES, HashAlgorithm.SHA256)
        self.add_field("algorithm", self.tr("Algorithm name"), self.algorithm)
        self.add_field("minimum_key_size", self.tr("Minimum key size"), self.key_size)
        self.add_field("request_hash", self.tr("Request hash"), self.hash)
        self._add_providers()
        self.algorithm.currentIndexChanged.connect(self._algorithm_changed)
        self.key_size.currentTextChanged.connect(self._edited)
        self.hash.currentIndexChanged.connect(self._edited)

    def _add_providers(self) -> None:
        self._group = QButtonGroup(self)
        self.any = self._radio(
            "template_any_provider", self.tr("Requests can use any provider of the computer")
        )
        self.listed = self._radio(
            "template_listed_providers",
            self.tr("Requests must use one of the following providers"),
        )
        heading = label(self.tr("Providers"), "strong")
        self.mark_at("providers", heading)
        self.column.addSpacing(Space.XS)
        self.column.addWidget(heading)
        self.column.addWidget(self.any)
        self.column.addWidget(self.listed)
        self.list = QListWidget()
        self.list.setObjectName("template_providers")
        self.list.setAccessibleName(self.tr("Providers, first choice first"))
        self.list.setMinimumHeight(110)
        self.list.itemChanged.connect(self._edited)
        self.list.currentRowChanged.connect(self._set_arrows)
        self.up = button(
            self.tr("Up"), "template_provider_up", lambda: self._move(-1), icon_name="chevron-up"
        )
        self.down = button(
            self.tr("Down"), "template_provider_down", lambda: self._move(1),
            icon_name="chevron-down",
        )  # fmt: skip
        arrows = QVBoxLayout()
        arrows.setSpacing(Space.S)
        arrows.addWidget(self.up)
        arrows.addWidget(self.down)
        arrows.addStretch(1)
        card = Card()
        card.body.addWidget(self.list)
        row = QHBoxLayout()
        row.setContentsMargins(Space.XL, 0, 0, 0)
        row.setSpacing(Space.S)
        row.addWidget(card, 1)
        row.addLayout(arrows)
        self.column.addLayout(row, 1)
        self.error = label("", "error", wrap=True)
        self.error.setObjectName("template_providers_error")
        self.error.setContentsMargins(Space.XL, 0, 0, 0)
        self.error.hide()
        self.column.addWidget(self.error)

    def _radio(self, name: str, words: str) -> QRadioButton:
        made = QRadioButton(words)
        made.setObjectName(name)
        made.setAccessibleName(words)
        self._group.addButton(made)
        made.toggled.connect(self._choice_changed)
        return made

    # --- the template -------------------------------------------------------------------------

    def show_template(self, template: Template) -> None:
        self._filling = True
        self.algorithm.set_value(template.algorithm)
        self._set_key_size(template.minimum_key_size)
        self._offer_sizes(template.algorithm)
        self.hash.set_value(template.request_hash)
        if self._checked() != template.providers or self.list.count() == 0:
            self._fill(template.providers)
        (self.listed if template.providers else self.any).setChecked(True)
        self._filling = False
        self._set_arrows(self.list.currentRow())

    def _fill(self, chosen: Sequence[str]) -> None:
        self.list.clear()
        for name in ordered_providers(chosen, self._known):
            there = name in self._known
            words = name if there else self.tr("{name}  (not registered here)").format(name=name)
            item = QListWidgetItem(words)
            item.setData(_NAME, name)
            item.setFlags(item.flags() | Qt.ItemFlag.ItemIsUserCheckable)
            ticked = Qt.CheckState.Checked if name in chosen else Qt.CheckState.Unchecked
            item.setCheckState(ticked)
            self.list.addItem(item)

    def _checked(self) -> tuple[str, ...]:
        items = (self.list.item(row) for row in range(self.list.count()))
        return tuple(
            str(item.data(_NAME)) for item in items if item.checkState() is Qt.CheckState.Checked
        )

    def _key_size(self) -> int:
        text = self.key_size.currentText()
        return int(text) if text.isdecimal() else 0

    def _offer_sizes(self, algorithm: KeyAlgorithm) -> None:
        """The sizes of an algorithm in the list; what is typed stays."""
        typed = self.key_size.currentText()
        self.key_size.blockSignals(True)
        self.key_size.clear()
        self.key_size.addItems([str(bits) for bits in KEY_BITS[algorithm]])
        self.key_size.setCurrentText(typed)
        self.key_size.blockSignals(False)
        self.key_size.setEnabled(has_sizes(algorithm))

    def _set_key_size(self, bits: int) -> None:
        if self._key_size() != bits:
            self.key_size.setCurrentText(str(bits))

    def applied_to(self, template: Template) -> Template:
        return replace(
            template,
            algorithm=self.algorithm.value(),
            minimum_key_size=self._key_size(),
            request_hash=self.hash.value(),
            providers=self._checked() if self.listed.isChecked() else (),
        )

    def own_problems(self) -> dict[str, str]:
        if self.listed.isChecked() and not self._checked():
            return {"providers": self.tr("Tick at least one provider.")}
        return {}

    def show_problems(self, problems: Mapping[str, str]) -> bool:
        sentence = self.own_problems().get("providers", "")
        self.error.setText(sentence)
        self.error.setVisible(bool(sentence))
        return super().show_problems(problems) or bool(sentence)

    def set_fixed(self, *, fixed: bool) -> None:
        super().set_fixed(fixed=fixed)
        for widget in (self.any, self.listed):
            widget.setEnabled(not fixed)
        self.list.setEnabled(not fixed and self.listed.isChecked())
        self._set_arrows(self.list.currentRow())

    # --- what the user does -------------------------------------------------------------------

    def _algorithm_changed(self, _index: int) -> None:
        algorithm = self.algorithm.value()
        wanted = key_size_for(algorithm, self._key_size())
        self._offer_sizes(algorithm)
        self._set_key_size(wanted)
        self._edited()

    def _choice_changed(self, on: bool) -> None:
        if not on:
            return
        self.list.setEnabled(self.listed.isChecked())
        self._set_arrows(self.list.currentRow())
        self._edited()

    def _set_arrows(self, row: int) -> None:
        on = self.list.isEnabled() and row >= 0
        self.up.setEnabled(on and row > 0)
        self.down.setEnabled(on and row < self.list.count() - 1)

    def _move(self, step: int) -> None:
        row = self.list.currentRow()
        item = self.list.takeItem(row)
        self.list.insertItem(row + step, item)
        self.list.setCurrentRow(row + step)
        self._edited()

    def _edited(self, *_: object) -> None:
        if not self._filling:
            self.changed.emit()

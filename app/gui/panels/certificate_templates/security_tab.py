"""The tab Security: who may read, change, enroll and autoenroll."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from PySide6.QtWidgets import QCheckBox, QHBoxLayout, QVBoxLayout

from app.domain.principals import TemplateAccess, TemplateRight
from app.gui.forms import check_box
from app.gui.panels.certificate_templates.facts import (
    KIND_ICONS,
    RIGHTS,
    account_name,
    rights_note,
)
from app.gui.panels.certificate_templates.tab import TemplateTab
from app.gui.table_view import TableView
from app.gui.tables import Column, ListTableModel
from app.gui.theme import Space
from app.gui.widgets.basics import Card, EmptyState, button, label
from app.gui.widgets.principal_picker import FindPrincipal, PrincipalPicker

if TYPE_CHECKING:
    from collections.abc import Sequence

    from app.domain.principals import Principal
    from app.domain.templates import Template
    from app.gui.tasks import TaskRunner


class SecurityTab(TemplateTab):
    """Group and user names above, the permissions of the selected one below."""

    def __init__(
        self, principals: Sequence[Principal], find: FindPrincipal, runner: TaskRunner
    ) -> None:
        super().__init__("Security", "template_security")
        self._find = find
        self._runner = runner
        self._icons = {p.account.key: KIND_ICONS[p.kind] for p in principals}
        self._entries: tuple[TemplateAccess, ...] = ()
        self._showing = False
        heading = label(self.tr("Group or user names"), "strong")
        self.mark_at("permissions", heading)
        self.model = ListTableModel(self._columns(), identity=lambda row: row.account.key)
        self.view = TableView(self.model, "template_principals", self.tr("Group or user names"))
        self.view.setSelectionMode(TableView.SelectionMode.SingleSelection)
        self.view.set_empty_state(
            EmptyState("users", self.tr("Nobody has any permission on this template."))
        )
        self.view.setMinimumHeight(190)
        self.view.row_selected.connect(self._selected)
        self.remove = button(self.tr("Remove"), "template_principal_remove", self._remove)
        self.add = button(
            self.tr("Add…"), "template_principal_add", self._open_picker, icon_name="add"
        )
        self.boxes: dict[TemplateRight, QCheckBox] = {}
        self.column.addWidget(heading)
        names = Card()
        names.body.addWidget(self.view)
        self.column.addWidget(names, 1)
        line = QHBoxLayout()
        line.setSpacing(Space.S)
        line.addStretch(1)
        line.addWidget(self.add)
        line.addWidget(self.remove)
        self.column.addLayout(line)
        self.column.addWidget(self._rights_card())
        self._selected(None)

    def _columns(self) -> tuple[Column[TemplateAccess], ...]:
        return (
            Column(
                "name",
                self.tr("Name"),
                lambda row: account_name(row.account),
                icon=self._icon,
                width=170,
            ),
            Column(
                "account", self.tr("Account"), lambda row: str(row.account), width=170, stretch=True
            ),
            Column("rights", self.tr("Permissions"), _rights_words, width=230),
        )

    def _icon(self, row: TemplateAccess) -> str:
        return self._icons.get(row.account.key, "user")

    def _rights_card(self) -> Card:
        card = Card()
        self.rights_title = label("", "strong")
        self.rights_title.setObjectName("template_rights_title")
        self.note = label("", "small", wrap=True)
        self.note.setObjectName("template_rights_note")
        row = QHBoxLayout()
        row.setSpacing(Space.XL)
        for right, words in RIGHTS.items():
            box = check_box(f"template_right_{words.lower()}", words)
            box.toggled.connect(self._ticked)
            self.boxes[right] = box
            row.addWidget(box)
        row.addStretch(1)
        column = QVBoxLayout()
        column.setSpacing(Space.S)
        column.addWidget(self.rights_title)
        column.addLayout(row)
        column.addWidget(self.note)
        card.body.addLayout(column)
        return card

    # --- the template -------------------------------------------------------------------------

    def show_template(self, template: Template) -> None:
        self._entries = template.permissions
        self._show_entries()

    def applied_to(self, template: Template) -> Template:
        granted = tuple(row for row in self._entries if row.allow)
        return replace(template, permissions=granted)

    def set_fixed(self, *, fixed: bool) -> None:
        """Permissions can always be changed."""

    def _show_entries(self, select: str = "") -> None:
        self.model.set_rows(self._entries)
        if select:
            self.view.select_id(select)
        elif self.view.selected_row() is None and self._entries:
            self.view.select_id(self._entries[0].account.key)

    # --- what the user does -------------------------------------------------------------------

    def _selected(self, row: TemplateAccess | None) -> None:
        self._showing = True
        words = (
            self.tr("Permissions for {name}").format(name=account_name(row.account))
            if row is not None
            else self.tr("Permissions")
        )
        self.rights_title.setText(words)
        allow = row.allow if row is not None else TemplateRight.NONE
        for right, box in self.boxes.items():
            box.setEnabled(row is not None)
            box.setChecked(bool(allow & right))
            box.setAccessibleName(f"{RIGHTS[right]}, {words}")
        note = rights_note(allow)
        self.note.setText(note)
        self.note.setVisible(bool(note))
        self.remove.setEnabled(row is not None)
        self._showing = False

    def _ticked(self, _on: bool) -> None:
        row: TemplateAccess | None = self.view.selected_row()
        if self._showing or row is None:
            return
        allow = TemplateRight.NONE
        for right, box in self.boxes.items():
            if box.isChecked():
                allow |= right
        changed = TemplateAccess(row.account, allow)
        self._entries = tuple(
            changed if entry.account.key == row.account.key else entry for entry in self._entries
        )
        self._show_entries(row.account.key)
        self.changed.emit()

    def _remove(self) -> None:
        row: TemplateAccess = self.view.selected_row()
        self._entries = tuple(e for e in self._entries if e.account.key != row.account.key)
        self._show_entries()
        self.changed.emit()

    def _open_picker(self) -> None:
        picker = PrincipalPicker(self._find, self._runner, self.window())
        picker.completed.connect(self._picked)
        picker.open()

    def _picked(self, found: Principal) -> None:
        self._icons[found.account.key] = KIND_ICONS[found.kind]
        if all(entry.account.key != found.account.key for entry in self._entries):
            self._entries = (*self._entries, TemplateAccess(found.account, TemplateRight.READ))
        self._show_entries(found.account.key)
        self.changed.emit()


def _rights_words(row: TemplateAccess) -> str:
    words = [words for right, words in RIGHTS.items() if row.allow & right]
    return ", ".join(words) or "none"

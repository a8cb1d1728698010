"""The page of the certificate templates."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from app.domain.status import LinkState
from app.gui.actions import ActionSpec
from app.gui.panel import Console, Panel
from app.gui.panels.certificate_templates.duplicate_dialog import DuplicateDialog
from app.gui.panels.certificate_templates.facts import (
    SheetStart,
    sheet_start,
    template_facts,
    version,
)
from app.gui.panels.certificate_templates.property_sheet import TemplateSheet
from app.gui.table_view import TableCard, TableView
from app.gui.tables import Column, ListTableModel
from app.gui.widgets.basics import EmptyState
from app.gui.widgets.confirm_dialog import ConfirmDialog
from app.gui.widgets.key_values import DetailPane, Fact

if TYPE_CHECKING:
    from collections.abc import Sequence

    from app.domain.templates import Template
    from app.services.backend import Backend

COLUMNS: tuple[Column[Template], ...] = (
    Column("name", "Template Display Name", lambda t: t.display_name,
           icon=lambda _t: "template", width=280),
    Column("schema", "Schema Version", lambda t: str(t.schema_version),
           order=lambda t: t.schema_version, width=124),
    Column("version", "Version", version,
           order=lambda t: (t.major_version, t.minor_version), width=90),
    Column(
        "purposes", "Intended Purposes", lambda row: row.intended_purposes, width=220, stretch=True
    ),
)  # fmt: skip


class TemplatesPanel(Panel):
    """All templates with the detail of the selected one; a double click opens its properties."""

    def __init__(self, console: Console, *, backend: Backend) -> None:
        super().__init__(console, "Certificate Templates", scroll=False, name="templates_panel")
        self._backend = backend
        self.model = ListTableModel(COLUMNS, identity=lambda template: template.name)
        self.view = TableView(self.model, "templates_table", self.tr("Certificate templates"))
        self.view.setSelectionMode(TableView.SelectionMode.SingleSelection)
        self.view.set_actions(self.actions)
        self.view.set_empty_state(EmptyState("template", self.tr("There are no templates.")))
        self.view.row_selected.connect(self._selected)
        self.view.row_activated.connect(lambda _row: self._properties())
        self.detail = DetailPane(self.tr("Select a template to see what it says."))
        card = TableCard(self.tr("Templates"), self.view, search=self.tr("Filter"))
        self.body.addWidget(card, 1)
        self.body.addWidget(self.detail)

    def actions(self) -> Sequence[ActionSpec]:  # type: ignore[override]  # ours are data, not Qt's
        row = self._row()
        why = "" if row is not None else self.tr("Select a template first.")
        builtin = self.tr("Built-in templates cannot be deleted.") if row and row.builtin else ""
        group = self.tr("Selected template")
        return (
            ActionSpec(
                "template.properties",
                self.tr("Properties…"),
                "edit",
                group,
                self._properties,
                why_not=why,
                primary=True,
            ),
            ActionSpec(
                "template.duplicate",
                self.tr("Duplicate Template…"),
                "duplicate",
                group,
                self._duplicate,
                why_not=why,
            ),
            ActionSpec(
                "template.delete",
                self.tr("Delete"),
                "delete",
                group,
                self._ask_delete,
                why_not=why or builtin,
                danger=True,
            ),
        )

    def _row(self) -> Template | None:
        row: Template | None = self.view.selected_row()
        return row

    def refresh(self) -> None:
        self._load("")

    def _load(self, select: str) -> None:
        self.run(
            self.tr("Loading the templates"),
            self._backend.templates.list,
            done=partial(self._loaded, select),
            supersede="load",
            quiet=True,
        )

    def _loaded(self, select: str, templates: tuple[Template, ...]) -> None:
        self.model.set_rows(templates)
        if select:
            self.view.select_id(select)
        elif self._row() is None and templates:
            self.view.select_id(templates[0].name)

    def _selected(self, template: Template | None) -> None:
        if template is None:
            self.detail.clear()
        else:
            facts = [Fact(name, value) for name, value in template_facts(template)]
            state = LinkState.WARNING if template.is_test_value else None
            word = self.tr("Test value") if template.is_test_value else ""
            self.detail.show_details(template.display_name, facts, state, word)
        self.actions_changed.emit()

    # --- what can be done ---------------------------------------------------------------------

    def _properties(self) -> None:
        template = self._row()
        if template is not None:
            self.open_properties(template.name)

    def open_properties(self, name: str) -> None:
        """Open the property sheet of a template, once it is read."""
        self.run(
            self.tr("Opening the template"), sheet_start, self._backend, name, done=self._open_sheet
        )

    def _open_sheet(self, start: SheetStart) -> None:
        sheet = TemplateSheet(self.console, self._backend, start)
        sheet.saved.connect(lambda stored: self._load(stored.name))
        sheet.open()

    def _duplicate(self) -> None:
        template = self._row()
        if template is None:
            return
        dialog = DuplicateDialog(self.console, self._backend, template)
        dialog.completed.connect(self._duplicated)
        dialog.open()

    def _duplicated(self, copy: Template) -> None:
        self._load(copy.name)
        self.open_properties(copy.name)

    def _ask_delete(self) -> None:
        template = self._row()
        if template is None:
            return
        dialog = ConfirmDialog(
            self.tr("Delete the template {name}?").format(name=template.display_name),
            self.tr(
                "No certificate can be requested or renewed by it any more. Certificates that were "
                "issued stay valid. This cannot be undone."
            ),
            self.tr("Delete"),
            partial(self._delete, template),
            parent=self.console.dialog_parent(),
        )
        dialog.open()

    def _delete(self, template: Template) -> None:
        self.run(
            self.tr("Deleting {name}").format(name=template.display_name),
            self._backend.templates.delete,
            template.name,
            done=lambda _none: self.refresh(),
        )

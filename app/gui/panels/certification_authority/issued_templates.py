"""The node Certificate Templates of a CA: what it issues, and the dialog that adds to it."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from app.domain.templates import OID_OCSP_SIGNING, Template
from app.gui.actions import ActionSpec
from app.gui.panel import Console, Panel
from app.gui.panels.certification_authority.submit_wizard import issued_templates
from app.gui.table_view import TableCard, TableView
from app.gui.tables import Column, ListTableModel
from app.gui.widgets.basics import EmptyState
from app.gui.widgets.confirm_dialog import ConfirmDialog
from app.gui.widgets.form_dialog import FormDialog
from app.gui.widgets.key_values import DetailPane, Fact

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from PySide6.QtWidgets import QWidget

    from app.domain.ids import AuthorityId
    from app.gui.tasks import TaskRunner
    from app.services.backend import Backend

_COLUMNS: tuple[Column[Template], ...] = (
    Column("name", "Name", lambda row: row.display_name, icon=lambda _: "template", width=254),
    Column(
        "purpose", "Intended Purpose", lambda row: row.intended_purposes, width=260, stretch=True
    ),
    Column("validity", "Validity", lambda row: str(row.validity), width=110),
    Column(
        "version",
        "Version",
        lambda row: f"{row.major_version}.{row.minor_version}",
        width=90,
    ),
)


class EnableTemplatesDialog(FormDialog):
    """Enable Certificate Templates: several can be chosen; `completed` carries the CA."""

    def __init__(
        self,
        backend: Backend,
        authority_id: AuthorityId,
        runner: TaskRunner,
        parent: QWidget | None,
    ) -> None:
        super().__init__(
            "Enable Certificate Templates",
            "Select the templates that the CA issues from now on; Ctrl and Shift select several.",
            "OK",
            runner,
            name="enable_templates_dialog",
            parent=parent,
        )
        self._backend, self._authority_id = backend, authority_id
        self.setMinimumWidth(720)
        self.form.hide()
        model = self._model = ListTableModel(
            _COLUMNS[:2], identity=lambda row: row.name, parent=self
        )
        self.view = TableView(model, "enable_templates_table", self.tr("Certificate templates"))
        self.view.setProperty("look", "framed")
        self.view.setMinimumHeight(360)
        self.view.set_empty_state(
            EmptyState("template", self.tr("The CA issues all templates that there are."))
        )
        self.view.row_activated.connect(lambda _row: self.submit())
        self.body.addWidget(self.view, 1)
        runner.run(
            self.tr("Loading templates"),
            other_templates,
            backend,
            authority_id,
            owner=self,
            done=self._show,
            failed=self.banner.show_error,
            quiet=True,
        )

    def _show(self, templates: tuple[Template, ...]) -> None:
        self._model.set_rows(templates)
        signing = [t.name for t in templates if OID_OCSP_SIGNING in t.application_policies]
        if not signing or not self.view.select_id(signing[0]):
            self.view.setFocus()

    def validate(self) -> str | None:
        return None if self.view.selected_count() else self.tr("Select at least one template.")

    def work(self) -> tuple[str, Callable[..., Any], tuple[object, ...]]:
        names = self.view.selected_ids()
        words = self.tr("Enabling certificate templates")
        return words, self._backend.authorities.add_template, (self._authority_id, *names)


def other_templates(backend: Backend, authority_id: AuthorityId) -> tuple[Template, ...]:
    """The templates that a CA does not issue, by display name."""
    names = set(backend.authorities.get(authority_id).templates)
    return tuple(template for template in backend.templates.list() if template.name not in names)


class IssuedTemplatesPanel(Panel):
    """The templates that a CA issues."""

    def __init__(self, console: Console, *, backend: Backend, authority_id: AuthorityId) -> None:
        super().__init__(
            console, "Certificate Templates", scroll=False, name="issued_templates_panel"
        )
        self._backend, self._authority_id = backend, authority_id
        self._model = ListTableModel(_COLUMNS, identity=lambda row: row.name, parent=self)
        self.view = TableView(
            self._model, "issued_templates_table", self.tr("Certificate templates")
        )
        self.view.set_actions(self.actions)
        self.view.set_empty_state(
            EmptyState(
                "template",
                self.tr("This CA issues no template yet, so it cannot answer any request."),
                self.tr("New Certificate Template to Issue…"),
                self._add,
                name="issued_templates_empty",
            )
        )
        self.view.row_selected.connect(self._selected)
        self._detail = DetailPane(self.tr("Select a template to see what it issues."))
        self.body.addWidget(
            TableCard(self.tr("Issued by this CA"), self.view, search=self.tr("Filter")), 1
        )
        self.body.addWidget(self._detail)

    def refresh(self) -> None:
        self.run(
            self.tr("Loading templates"),
            issued_templates,
            self._backend,
            self._authority_id,
            done=self._model.set_rows,
            supersede="load",
            quiet=True,
        )

    def actions(self) -> Sequence[ActionSpec]:  # type: ignore[override]  # ours are data, not Qt's
        group = self.tr("Certificate Templates")
        row: Template | None = self.view.selected_row()
        manage = ActionSpec(
            "authority.manage_templates",
            self.tr("Manage"),
            "settings",
            group,
            partial(self.console.navigate, "certificate_templates"),
        )
        add = ActionSpec(
            "authority.issue_template",
            self.tr("New Certificate Template to Issue…"),
            "add",
            group,
            self._add,
            shortcut="Ctrl+N",
            primary=True,
        )
        remove = ActionSpec(
            "authority.remove_template",
            self.tr("Remove…"),
            "remove",
            row.display_name if row is not None else self.tr("Selected template"),
            self._ask_remove,
            why_not="" if row is not None else self.tr("Select one template first."),
            danger=True,
        )
        return (add, manage, remove)

    def _selected(self, row: Template | None) -> None:
        self.actions_changed.emit()
        if row is None:
            self._detail.clear()
            return
        self._detail.show_details(
            row.display_name,
            (
                Fact(self.tr("Template name"), row.name),
                Fact(self.tr("Intended purpose"), row.intended_purposes),
                Fact(self.tr("Validity"), str(row.validity)),
                Fact(self.tr("Renewal"), str(row.renewal)),
                Fact(self.tr("Subject"), row.subject_source.value),
                Fact(self.tr("Minimum key"), f"{row.algorithm} {row.minimum_key_size}"),
                Fact(
                    self.tr("Approval"),
                    self.tr("By a certificate manager")
                    if row.manager_approval
                    else self.tr("Not needed"),
                ),
                Fact(self.tr("Version"), f"{row.major_version}.{row.minor_version}"),
            ),
        )

    def _add(self) -> None:
        dialog = EnableTemplatesDialog(
            self._backend, self._authority_id, self.console.tasks, self.console.dialog_parent()
        )
        dialog.completed.connect(self._changed)
        dialog.open()

    def _ask_remove(self) -> None:
        row: Template | None = self.view.selected_row()
        if row is None:
            return
        ConfirmDialog(
            self.tr("Stop issuing “{0}”?").format(row.display_name),
            self.tr(
                "The CA refuses requests for it from now on. The template itself and the "
                "certificates issued by it stay as they are."
            ),
            self.tr("Remove"),
            partial(self._remove, row.name),
            parent=self.console.dialog_parent(),
        ).open()

    def _remove(self, name: str) -> None:
        self.run(
            self.tr("Removing the template"),
            self._backend.authorities.remove_template,
            self._authority_id,
            name,
            done=self._changed,
        )

    def _changed(self, _authority: object) -> None:
        self.refresh()

"""The dialog that duplicates a certificate template."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from app.domain.errors import NameInUse
from app.gui.forms import line_edit
from app.gui.panels.certificate_templates.facts import default_copy_name
from app.gui.widgets.form_dialog import FormDialog
from app.gui.wizard import FieldError
from app.services.templates import DuplicateTemplate

if TYPE_CHECKING:
    from collections.abc import Callable

    from app.domain.errors import SealkeeperError
    from app.domain.templates import Template
    from app.gui.panel import Console
    from app.services.backend import Backend


class DuplicateDialog(FormDialog):
    """Display name and name of the copy; `completed` carries the new `Template`."""

    def __init__(self, console: Console, backend: Backend, source: Template) -> None:
        super().__init__(
            "Duplicate Template",
            f"The copy takes over every field and permission of {source.display_name}; "
            "all of them can be changed afterwards.",
            "Duplicate",
            console.tasks,
            name="duplicate_dialog",
            parent=console.dialog_parent(),
        )
        self._backend = backend
        self._source = source
        self._named = ""
        self.display_name = line_edit("duplicate_display_name")
        self.display_name.setMaxLength(64)
        self.name = line_edit("duplicate_name")
        self.name.setMaxLength(64)
        self.form.add_row(self.tr("Template display name"), self.display_name)
        self.form.add_row(
            self.tr("Template name"),
            self.name,
            self.tr("Requests name the template by it; it cannot be changed later."),
        )
        self.display_name.textChanged.connect(self._follow)
        self.display_name.setText(default_copy_name(source))
        self.display_name.selectAll()
        self.display_name.setFocus()

    def _follow(self, text: str) -> None:
        """The name follows the display name until it is written by hand."""
        if self.name.text() == self._named:
            self._named = "".join(text.split())
            self.name.setText(self._named)

    def validate(self) -> FieldError | None:
        for field in (self.display_name, self.name):
            if not field.text().strip():
                return FieldError(field, self.tr("A template needs a name."))
        return None

    def work(self) -> tuple[str, Callable[..., Any], tuple[object, ...]]:
        request = DuplicateTemplate(
            source=self._source.name,
            display_name=self.display_name.text(),
            name=self.name.text(),
        )
        return self.tr("Duplicating the template"), self._backend.templates.duplicate, (request,)

    def refused(self, error: SealkeeperError) -> None:
        if isinstance(error, NameInUse):
            self.point_at(FieldError(self.display_name, error.one_line()))
        else:
            super().refused(error)

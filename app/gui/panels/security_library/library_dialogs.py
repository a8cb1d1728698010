"""The dialogs that change how a registered security library is loaded, and that remove it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QListWidget, QListWidgetItem

from app.domain.errors import InvalidInput
from app.gui.forms import line_edit
from app.gui.icons import icon
from app.gui.panels.security_library.environment import parse_environment
from app.gui.panels.security_library.fields import few_lines
from app.gui.widgets.form_dialog import FormDialog
from app.gui.wizard import FieldError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from app.domain.errors import SealkeeperError
    from app.domain.libraries import Library
    from app.gui.panel import Console
    from app.services.backend import Backend

_LISTED = 10
_EDGES = 16
_LEAST_WIDTH = 380
_CHANGE_WIDTH = 680


class ChangeLibraryDialog(FormDialog):
    """Environment and initialisation string of a library; `completed`: the `Library`."""

    def __init__(self, console: Console, backend: Backend, library: Library) -> None:
        super().__init__(
            "Change Security Library",
            f"How {library.spec.path} is loaded. It is tried before it is taken; what uses its "
            "keys opens them again.",
            "Change",
            console.tasks,
            name="change_dialog",
            parent=console.dialog_parent(),
        )
        self._backend = backend
        self._library = library
        self.setMinimumWidth(_CHANGE_WIDTH)
        self.environment = few_lines(
            "change_environment", "SOFTHSM2_CONF=/etc/softhsm/softhsm2.conf"
        )
        self.environment.setPlainText(
            "\n".join(f"{name}={value}" for name, value in library.spec.environment)
        )
        self.initialisation = line_edit("change_initialisation", library.spec.initialisation)
        self.form.add_row(
            self.tr("Environment"),
            self.environment,
            self.tr("Variables that the library needs, one NAME=VALUE a line; often none."),
        )
        self.form.add_row(
            self.tr("Initialisation"),
            self.initialisation,
            self.tr("A string for C_Initialize, where the vendor's manual asks for one."),
        )
        self.environment.setFocus()

    def validate(self) -> FieldError | None:
        try:
            parse_environment(self.environment.toPlainText())
        except InvalidInput as error:
            return FieldError(self.environment, error.one_line())
        return None

    def work(self) -> tuple[str, Callable[..., Any], tuple[object, ...]]:
        environment = parse_environment(self.environment.toPlainText())
        words = self.tr("Loading the library")
        arguments = (self._library.id, environment, self.initialisation.text())
        return words, self._backend.libraries.change, arguments


class RemoveLibraryDialog(FormDialog):
    """Lists what depends on a library; only one on which nothing does can be removed."""

    def __init__(
        self, console: Console, backend: Backend, library: Library, dependents: Sequence[str]
    ) -> None:
        super().__init__(
            f"Remove the security library {library.vendor}?",
            "Its provider disappears from the lists. The file, the tokens and their keys stay."
            if not dependents
            else "It cannot be removed while it is needed. Remove these first, or disable the "
            "library: then nothing loads it, and its registrations stay.",
            "Remove",
            console.tasks,
            name="remove_dialog",
            parent=console.dialog_parent(),
        )
        self._backend = backend
        self._library = library
        if not dependents:
            return
        listed = QListWidget()
        listed.setObjectName("remove_dependents")
        for text in dependents:
            QListWidgetItem(icon("link"), text, listed)
        listed.setAccessibleName(self.tr("Needed by"))
        listed.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        row_height = listed.sizeHintForRow(0)
        listed.setFixedHeight(min(len(dependents), _LISTED) * row_height + _EDGES)
        listed.setMinimumWidth(max(_LEAST_WIDTH, listed.sizeHintForColumn(0) + _EDGES))
        self.form.add_row(self.tr("Needed by"), listed)
        why = self.tr("Needed by {names}.").format(names="; ".join(dependents))
        self.accept_button.setEnabled(False)
        self.accept_button.setToolTip(why)
        self.accept_button.setAccessibleDescription(why)
        self.cancel_button.setDefault(True)

    def work(self) -> tuple[str, Callable[..., Any], tuple[object, ...]]:
        words = self.tr("Removing {vendor}").format(vendor=self._library.vendor)
        return words, self._backend.libraries.remove, (self._library.id,)

    def refused(self, error: SealkeeperError) -> None:
        """Something came to depend on it since the dialog was opened."""
        super().refused(error)
        self.accept_button.setEnabled(False)

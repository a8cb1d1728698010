"""The dialog “Select Users, Computers, Service Accounts, or Groups”."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from PySide6.QtWidgets import QHBoxLayout

from app.domain.errors import NotFound
from app.domain.principals import Principal, PrincipalKind
from app.domain.status import LinkState
from app.gui.forms import CheckGroup, line_edit
from app.gui.theme import Space
from app.gui.widgets.basics import Card, button, label
from app.gui.widgets.form_dialog import FormDialog
from app.gui.wizard import FieldError

if TYPE_CHECKING:
    from PySide6.QtWidgets import QWidget

    from app.domain.errors import SealkeeperError
    from app.gui.tasks import TaskRunner

FindPrincipal = Callable[[str, frozenset[PrincipalKind]], Principal]
_TYPES = (
    (PrincipalKind.USER, "Users"),
    (PrincipalKind.GROUP, "Groups"),
    (PrincipalKind.SERVICE_ACCOUNT, "Service Accounts"),
    (PrincipalKind.COMPUTER, "Computers"),
)
#: Computers are left out until they are ticked, as administrators know it.
_AT_FIRST = (PrincipalKind.USER, PrincipalKind.GROUP, PrincipalKind.SERVICE_ACCOUNT)


class PrincipalPicker(FormDialog):
    """Finds one principal by name among the chosen object types; `completed` carries it.

    `find` is called on a task thread; `NotFound` says when the name is of another type.
    """

    def __init__(self, find: FindPrincipal, runner: TaskRunner, parent: QWidget | None) -> None:
        super().__init__(
            "Select User, Computer, Service Account, or Group",
            "",
            "OK",
            runner,
            name="principal_picker",
            parent=parent,
        )
        self._find = find
        self._text = ""
        self.types = CheckGroup(
            "principal_types",
            [(kind.name.lower(), words) for kind, words in _TYPES],
            [kind.name.lower() for kind in _AT_FIRST],
        )
        self.types_card = Card(self.tr("Object Types"))
        self.types_card.body.addWidget(self.types)
        self.types_text = label("", wrap=True)
        self.types_text.setObjectName("principal_types_text")
        self.name = line_edit("principal_name", placeholder=self.tr("name or DOMAIN\\name"))
        self.form.add_row(self.tr("Object types"), self.types_text)
        self.form.add_row(self.tr("Object name"), self.name)
        line = QHBoxLayout()
        line.setSpacing(Space.S)
        line.addWidget(
            button(self.tr("Object Types…"), "principal_object_types", self.toggle_types)
        )
        line.addWidget(button(self.tr("Check Names"), "principal_check_names", self.check_names))
        line.addStretch(1)
        self.body.setSpacing(Space.M)
        self.body.addLayout(line)
        self.body.addWidget(self.types_card)
        self.types_card.hide()
        self.types.changed.connect(self._types_changed)
        self._types_changed()
        self.name.setFocus()

    def kinds(self) -> frozenset[PrincipalKind]:
        """The ticked object types."""
        ticked = self.types.checked()
        return frozenset(kind for kind, _words in _TYPES if kind.name.lower() in ticked)

    def toggle_types(self) -> None:
        """Show or hide the list of object types."""
        self.types_card.setVisible(self.types_card.isHidden())
        self.grow()

    def _types_changed(self) -> None:
        chosen = [words for kind, words in _TYPES if kind in self.kinds()]
        self.types_text.setText(", ".join(chosen) or self.tr("none"))
        self.form.set_error(self.name, "")
        self.banner.hide()

    def validate(self) -> FieldError | None:
        if not self.name.text().strip():
            return FieldError(self.name, self.tr("Enter the name of the object."))
        if not self.kinds():
            self.types_card.show()
            return FieldError(self.name, self.tr("Tick at least one object type."))
        return None

    def work(self) -> tuple[str, Callable[..., Any], tuple[object, ...]]:
        self._text = self.name.text().strip()
        return self.tr("Looking for the name"), self._find, (self._text, self.kinds())

    def check_names(self) -> None:
        """Look the name up and write it out, without closing."""
        wrong = self.validate()
        if wrong is not None:
            self.point_at(wrong)
            return
        words, function, arguments = self.work()
        self._runner.run(
            words,
            function,
            *arguments,
            owner=self,
            done=self._checked,
            failed=self.refused,
            supersede="check",
            quiet=True,
        )

    def _checked(self, found: Principal) -> None:
        self.name.setText(str(found.account))
        self.form.set_error(self.name, "")
        self.banner.show_message(
            LinkState.OK,
            self.tr("{name} is a {kind}.").format(name=found.display_name, kind=found.kind.value),
            found.description,
        )
        self.grow()

    def refused(self, error: SealkeeperError) -> None:
        missing = PrincipalKind.COMPUTER not in self.kinds() and isinstance(error, NotFound)
        if not missing:
            super().refused(error)
            return
        self.banner.show_message(
            LinkState.BAD,
            error.message,
            f"{error.cause} {error.remedy}".strip(),
            action=(self.tr("Look Among Computers Too"), self.include_computers),
        )
        self.grow()

    def include_computers(self) -> None:
        """Tick Computers and look again."""
        self.types.boxes[PrincipalKind.COMPUTER.name.lower()].setChecked(True)
        self.check_names()

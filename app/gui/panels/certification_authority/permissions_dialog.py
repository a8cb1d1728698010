"""The dialog Permissions: who may do what with a CA."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QCheckBox, QGridLayout, QHBoxLayout, QToolButton, QWidget

from app.domain.principals import AccountName, AuthorityRight
from app.gui.forms import check_box
from app.gui.icons import icon
from app.gui.panels.certification_authority.facts import RIGHT_WORDS
from app.gui.theme import Role, Space
from app.gui.widgets.basics import Card, button, label
from app.gui.widgets.form_dialog import FormDialog
from app.gui.widgets.principal_picker import PrincipalPicker

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from app.domain.authorities import Authority
    from app.domain.principals import Principal
    from app.gui.tasks import TaskRunner
    from app.services.backend import Backend

Rights = dict[AccountName, AuthorityRight]


class RightsMatrix(QWidget):
    """A row of check boxes for each principal; a principal without a tick is taken away."""

    def __init__(self, rights: Mapping[AccountName, AuthorityRight]) -> None:
        super().__init__()
        self.setObjectName("permissions_matrix")
        self._boxes: dict[AccountName, dict[AuthorityRight, QCheckBox]] = {}
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setHorizontalSpacing(Space.M)
        self._grid.setVerticalSpacing(Space.XS)
        self._grid.setColumnStretch(0, 1)
        centre = Qt.AlignmentFlag.AlignHCenter | Qt.AlignmentFlag.AlignBottom
        self._grid.addWidget(
            label(self.tr("Principal"), "caption"), 0, 0, Qt.AlignmentFlag.AlignBottom
        )
        for column, words in enumerate(RIGHT_WORDS.values(), 1):
            heading = label(words, "caption", wrap=True)
            heading.setAlignment(Qt.AlignmentFlag.AlignHCenter)
            heading.setFixedWidth(104)
            self._grid.addWidget(heading, 0, column, centre)
        for account, allowed in rights.items():
            self.add(account, allowed)

    def add(self, account: AccountName, allowed: AuthorityRight) -> None:
        """Add a row, or tick more boxes in the one that is there."""
        boxes = self._boxes.get(account)
        if boxes is None:
            boxes = self._boxes[account] = self._add_row(account)
        for right, box in boxes.items():
            box.setChecked(box.isChecked() or right in allowed)
        next(iter(boxes.values())).setFocus()

    def _add_row(self, account: AccountName) -> dict[AuthorityRight, QCheckBox]:
        row = self._grid.rowCount()
        name = label(str(account))
        name.setMinimumWidth(240)
        self._grid.addWidget(name, row, 0)
        boxes: dict[AuthorityRight, QCheckBox] = {}
        for column, (right, words) in enumerate(RIGHT_WORDS.items(), 1):
            box = check_box(_box_name(account, right), "", tooltip=f"{account}: {words}")
            box.setAccessibleName(f"{account}: {words}")
            self._grid.addWidget(box, row, column, Qt.AlignmentFlag.AlignHCenter)
            boxes[right] = box
        remove = QToolButton()
        remove.setObjectName(f"permissions_remove_{_plain(account)}")
        remove.setIcon(icon("remove", Role.MUTED))
        remove.setToolTip(self.tr("Take all permissions of {0} away").format(account))
        remove.setAccessibleName(remove.toolTip())
        remove.clicked.connect(partial(self._clear, account))
        self._grid.addWidget(remove, row, len(RIGHT_WORDS) + 1)
        return boxes

    def _clear(self, account: AccountName, _checked: bool = False) -> None:
        for box in self._boxes[account].values():
            box.setChecked(False)

    def rights(self) -> Rights:
        """What is ticked."""
        found: Rights = {}
        for account, boxes in self._boxes.items():
            allowed = AuthorityRight.NONE
            for right, box in boxes.items():
                if box.isChecked():
                    allowed |= right
            found[account] = allowed
        return found


class PermissionsDialog(FormDialog):
    """Changes who may do what with a CA; `completed` carries the CA."""

    def __init__(
        self, backend: Backend, authority: Authority, runner: TaskRunner, parent: QWidget | None
    ) -> None:
        super().__init__(
            "Permissions",
            f"Who may do what with {authority.name}.",
            "OK",
            runner,
            name="permissions_dialog",
            parent=parent,
        )
        self._backend, self._authority = backend, authority
        self.setMinimumWidth(840)
        self._before: Rights = {entry.account: entry.allow for entry in authority.permissions}
        self.matrix = RightsMatrix(self._before)
        card = Card()
        card.body.addWidget(self.matrix)
        self.body.setSpacing(Space.M)
        self.body.addWidget(card)
        self.form.hide()
        row = QHBoxLayout()
        row.addWidget(
            button(self.tr("Add…"), "permissions_add", self._ask_principal, icon_name="add")
        )
        row.addStretch(1)
        self.body.addLayout(row)

    def _ask_principal(self) -> None:
        picker = PrincipalPicker(self._backend.principals.find, self._runner, self)
        picker.completed.connect(self._found)
        picker.open()

    def _found(self, principal: Principal) -> None:
        known = {account.key: account for account in self.matrix.rights()}
        account = known.get(principal.account.key, principal.account)
        self.matrix.add(account, AuthorityRight.READ | AuthorityRight.REQUEST_CERTIFICATES)
        self.grow()

    def validate(self) -> str | None:
        if not any(
            AuthorityRight.MANAGE_CA in allowed for allowed in self.matrix.rights().values()
        ):
            return self.tr("Somebody must keep the permission Manage CA.")
        return None

    def work(self) -> tuple[str, Callable[..., Any], tuple[object, ...]]:
        arguments = (self._backend, self._authority, self._before, self.matrix.rights())
        return self.tr("Changing permissions"), change_rights, arguments


def change_rights(
    backend: Backend, authority: Authority, before: Rights, after: Rights
) -> Authority:
    """Give and take what differs; whoever loses Manage CA loses it last.

    Raises:
        Refused: the caller may not, or nobody would be left with Manage CA.
    """
    changed = [account for account in after if after[account] != before.get(account, _NONE)]
    loses_manage = AuthorityRight.MANAGE_CA

    def last(account: AccountName) -> bool:
        return loses_manage in before.get(account, _NONE) & ~after[account]

    for account in sorted(changed, key=last):
        old, new = before.get(account, _NONE), after[account]
        backend.authorities.permit(authority.id, account, add=new & ~old, remove=old & ~new)
    return backend.authorities.get(authority.id)


_NONE = AuthorityRight.NONE


def _plain(account: AccountName) -> str:
    return "".join(c if c.isalnum() else "_" for c in account.name.lower())


def _box_name(account: AccountName, right: AuthorityRight) -> str:
    return f"permission_{_plain(account)}_{(right.name or '').lower()}"

"""The page of the slot wizard that checks the guide's prerequisites of a Luna client."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QGridLayout, QWidget

from app.gui.forms import check_box
from app.gui.theme import Space
from app.gui.widgets.basics import Card, label
from app.gui.widgets.state_badge import StateBadge
from app.gui.wizard import WizardPage

if TYPE_CHECKING:
    from collections.abc import Sequence

    from app.gui.panels.security_library.slot_pages import SlotPage
    from app.services.security_library.prerequisites import Prerequisite


class PrerequisitesPage(WizardPage):
    """A checklist with its evidence; what nothing can read, a person may confirm."""

    def __init__(self, slot_page: SlotPage) -> None:
        super().__init__(
            "Prerequisites",
            "What the integration guide asks of a Luna client before its slot is registered.",
        )
        self._slot_page = slot_page

    def build(self) -> None:
        self.checklist = _Checklist()
        card = Card()
        card.body.addWidget(self.checklist)
        self.form.add_wide(card)
        self.confirm = check_box(
            "prerequisites_confirm",
            self.tr("I confirm that the policies 22 and 23 are on for this partition"),
        )
        self.form.add_wide(
            self.confirm, self.tr("Your account and the time are kept with the token.")
        )

    def applies(self) -> bool:
        return bool(self._slot_page.checks.prerequisites)

    def entered(self) -> None:
        found = self._slot_page.checks.prerequisites
        self.checklist.show_items(found)
        open_ones = any(each.confirmable for each in found)
        self.form.set_row_visible(self.confirm, visible=open_ones)
        if not open_ones:
            self.confirm.setChecked(False)

    def summary(self) -> Sequence[tuple[str, str]]:
        if not self.confirm.isChecked():
            return ()
        return ((self.tr("Policies 22 and 23"), self.tr("confirmed by you")),)

    def values(self) -> dict[str, Any]:
        return {"confirmed": self.confirm.isChecked()}


class _Checklist(QWidget):
    """Name, state and evidence, one prerequisite a row."""

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("prerequisites_list")
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setHorizontalSpacing(Space.L)
        self._grid.setVerticalSpacing(Space.M)
        self._grid.setColumnStretch(2, 1)

    def show_items(self, items: Sequence[Prerequisite]) -> None:
        """Replace the rows."""
        while (item := self._grid.takeAt(0)) is not None:
            widget = item.widget()
            if widget is not None:
                widget.hide()
                widget.deleteLater()
        top = Qt.AlignmentFlag.AlignTop
        for row, each in enumerate(items):
            badge = StateBadge(each.state, f"{each.word[:1].upper()}{each.word[1:]}")
            evidence = label(each.evidence, wrap=True, selectable=True)
            evidence.setAccessibleName(f"{each.name}: {each.word}. {each.evidence}")
            self._grid.addWidget(label(each.name, "strong"), row, 0, top)
            self._grid.addWidget(badge, row, 1, top | Qt.AlignmentFlag.AlignLeft)
            self._grid.addWidget(evidence, row, 2, top)

"""The wizard that checks a Luna Cloud HSM minimum client and registers its library."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFrame, QHBoxLayout, QWidget

from app.domain.errors import SealkeeperError
from app.domain.luna import CheckState
from app.domain.status import LinkState
from app.gui.forms import line_edit
from app.gui.panels.security_library.luna_fields import FolderField
from app.gui.theme import Space
from app.gui.widgets.basics import Card, label
from app.gui.widgets.state_badge import StateBadge
from app.gui.wizard import AsyncCheck, FieldError, Wizard, WizardPage

if TYPE_CHECKING:
    from collections.abc import Sequence

    from app.domain.luna import ClientCheck, MinimumClient
    from app.gui.panel import Console
    from app.services.backend import Backend

_MARKS = {
    CheckState.OK: (LinkState.OK, "OK"),
    CheckState.BAD: (LinkState.BAD, "To do"),
    CheckState.UNCHECKED: (LinkState.UNCHECKED, "Later"),
}
_NAME_WIDTH = 120
_MARK_WIDTH = 92
_BESIDE_BADGE = 4


@dataclass(frozen=True, slots=True)
class Registered:
    """What came of it: the library's vendor name, and the slots or why there are none."""

    vendor: str
    slots: tuple[str, ...]
    problem: str = ""


class FolderPage(WizardPage):
    """Which folder; Next looks at it."""

    def __init__(self, backend: Backend) -> None:
        super().__init__(
            "Folder",
            "The folder into which cvclient-min.tar or cvclient-min.zip of the Luna Cloud HSM "
            "service was unpacked. Next looks at it and changes nothing.",
        )
        self._backend = backend
        self.client: MinimumClient | None = None

    def build(self) -> None:
        self.folder = FolderField("luna_minimum_folder", self.tr("Choose the Client's Folder"))
        self.form.add_row(self.tr("Client's folder"), self.folder)

    def validate(self) -> FieldError | AsyncCheck:
        if not self.folder.text():
            return FieldError(self.folder, self.tr("Choose the folder of the minimum client."))
        return AsyncCheck(
            self.tr("Looking"),
            self._backend.luna.cloud.minimum_client,
            (Path(self.folder.text()),),
            done=self._looked,
            field=self.folder,
        )

    def _looked(self, client: MinimumClient) -> None:
        self.client = client

    def summary(self) -> Sequence[tuple[str, str]]:
        if self.client is None or self.client.library is None:
            return ()
        return (
            (self.tr("Library file"), str(self.client.library)),
            (self.tr("Environment"), f"ChrystokiConfigurationPath={self.client.folder}"),
        )


class ChecksPage(WizardPage):
    """How the folder stands; goes on only when the library can be registered."""

    def __init__(self, folder_page: FolderPage) -> None:
        super().__init__("Checks", "What the integration guide asks of a minimum client.")
        self._folder_page = folder_page

    def build(self) -> None:
        self.card = Card()
        self.form.add_wide(self.card)
        self.vendor = line_edit("luna_minimum_vendor", "", self.tr("As the library says"))
        self.form.add_row(
            self.tr("Vendor name"), self.vendor, self.tr("For the name of the provider.")
        )

    def _client(self) -> MinimumClient:
        if self._folder_page.client is None:
            raise LookupError("the page is shown after the folder was looked at")
        return self._folder_page.client

    def entered(self) -> None:
        while (item := self.card.body.takeAt(0)) is not None:
            widget = item.widget()
            if widget is not None:
                widget.hide()
                widget.deleteLater()
        for check in self._client().checks:
            self.card.body.addWidget(_CheckLine(check))
        self.form.set_row_visible(self.vendor, visible=self._client().registered is None)

    def validate(self) -> str | None:
        if any(check.state is CheckState.BAD for check in self._client().checks):
            return self.tr("Mend what is marked, then go back and forth again.")
        return None

    def summary(self) -> Sequence[tuple[str, str]]:
        if self._client().registered is not None:
            return ((self.tr("Registered"), self.tr("already; its slots are listed")),)
        return ((self.tr("Then"), self.tr("The slots that the library lists are shown.")),)

    def values(self) -> dict[str, Any]:
        return {"client": self._client(), "vendor": self.vendor.text()}


class _CheckLine(QFrame):
    """One check: name, mark, sentence."""

    def __init__(self, check: ClientCheck) -> None:
        super().__init__()
        self.setObjectName(f"luna_check_{check.name.replace(' ', '_').lower()}")
        name = label(check.name, "strong")
        name.setFixedWidth(_NAME_WIDTH)
        name.setContentsMargins(0, _BESIDE_BADGE, 0, 0)
        sentence = label(check.sentence, wrap=True, selectable=True)
        sentence.setContentsMargins(0, _BESIDE_BADGE, 0, 0)
        badge = StateBadge(*_MARKS[check.state])
        badge.setFixedWidth(_MARK_WIDTH)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 2, 0, 2)
        row.setSpacing(Space.M)
        top = Qt.AlignmentFlag.AlignTop
        row.addWidget(name, 0, top)
        row.addWidget(badge, 0, top)
        row.addWidget(sentence, 1, top)
        self.setAccessibleName(f"{check.name}: {_MARKS[check.state][1]}. {check.sentence}")


def minimum_wizard(console: Console, backend: Backend) -> Wizard:
    """The wizard, not opened yet; `completed` carries a `Registered`."""

    def finish(*, client: MinimumClient, vendor: str) -> Registered:
        return register_minimum(backend, client, vendor)

    def result(done: Registered) -> tuple[str, Sequence[tuple[str, str]]]:
        lines = [("Provider", f"{done.vendor} Key Storage Provider")]
        lines += [("Slot", slot) for slot in done.slots]
        if done.problem:
            lines.append(("Slots", done.problem))
        elif not done.slots:
            lines.append(("Slots", "The library lists no slot with a token."))
        return f"The library of the minimum client is registered as {done.vendor}.", lines

    folder_page = FolderPage(backend)
    parent: QWidget = console.dialog_parent()
    return Wizard(
        "Luna Cloud HSM Minimum Client",
        [folder_page, ChecksPage(folder_page)],
        finish=finish,
        runner=console.tasks,
        finish_text="Register and List Slots",
        working="Registering the library",
        result=result,
        name="luna_minimum_wizard",
        parent=parent,
    )


def register_minimum(backend: Backend, client: MinimumClient, vendor: str) -> Registered:
    """Register the library where it is not, and ask it for its slots; for a task thread."""
    if client.registered is None:
        request = backend.luna.cloud.minimum_registration(client, vendor)
        library = backend.libraries.register(request)
    else:
        library = backend.luna.cloud.point(client.registered, client.folder)
    try:
        slots = backend.luna.cloud.slots(library.id)
    except SealkeeperError as error:
        return Registered(library.vendor, (), error.one_line())
    words = tuple(
        f"{slot.slot_id}: {slot.token.label if slot.token else 'not initialised'} "
        f"({slot.model or slot.description})"
        for slot in slots
    )
    return Registered(library.vendor, words)

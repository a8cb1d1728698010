"""The wizard that registers a security library: its file, what it says of itself, its name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QListWidget, QListWidgetItem, QWidget

from app.domain.errors import InvalidInput
from app.gui.forms import line_edit
from app.gui.icons import icon
from app.gui.panels.security_library.environment import parse_environment
from app.gui.panels.security_library.fields import PathField, few_lines
from app.gui.widgets.basics import Card, button, label
from app.gui.widgets.key_values import Fact, KeyValueGrid
from app.gui.wizard import AsyncCheck, FieldError, Wizard, WizardPage
from app.services.security_library.libraries import RegisterLibrary

if TYPE_CHECKING:
    from collections.abc import Sequence

    from app.domain.libraries import Library
    from app.domain.tokens import LibraryInfo
    from app.gui.panel import Console
    from app.services.backend import Backend
    from app.services.security_library.found_libraries import FoundLibrary

_LISTED = 6
_EDGES = 4
_ENABLED = Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable


class LibraryFilePage(WizardPage):
    """Which file; Next loads it in a process of its own and asks what it is.

    A library that was found fills in what it needs; what the user typed there is kept.
    """

    def __init__(self, backend: Backend, found: Sequence[FoundLibrary]) -> None:
        super().__init__(
            "Security library",
            "The PKCS#11 library of the HSM's client software, such as cryptoki.dll or "
            "libCryptoki2_64.so. Next loads it once, to see what it is.",
        )
        self._backend = backend
        self._found = tuple(found)
        self._proposal = ("", "")
        self.info: LibraryInfo | None = None
        self.proposed_vendor = ""

    def build(self) -> None:
        self._list_found()
        self.path = PathField(
            "library_path",
            self.tr("Choose a Security Library"),
            self.tr("Libraries (*.so *.so.* *.dll *.dylib);;All files (*)"),
        )
        self.form.add_row(self.tr("Library file"), self.path)
        self.note = self.form.add_text("")
        self.note.setObjectName("library_note")
        self.environment = few_lines(
            "library_environment", "SOFTHSM2_CONF=/etc/softhsm/softhsm2.conf"
        )
        self.form.add_row(
            self.tr("Environment"),
            self.environment,
            self.tr("Variables that the library needs, one NAME=VALUE a line; often none."),
        )
        self.advanced = button(
            self.tr("Advanced"),
            "library_advanced",
            self._toggle_advanced,
            look="link",
            icon_name="chevron-right",
        )
        self.form.add_wide(self.advanced)
        self.initialisation = line_edit("library_initialisation")
        self.form.add_row(
            self.tr("Initialisation"),
            self.initialisation,
            self.tr("A string for C_Initialize, where the vendor's manual asks for one."),
        )
        self._show_advanced(opens=False)
        self.path.changed.connect(self._path_changed)
        for row, each in enumerate(self._found):
            if not each.registered and not each.problem:
                self.found_list.setCurrentRow(row)
                break

    def _list_found(self) -> None:
        self.found_list = QListWidget()
        self.found_list.setObjectName("library_found")
        self.found_list.setAccessibleName(self.tr("Libraries found on this computer"))
        for each in self._found:
            item = QListWidgetItem(icon("library"), self._words(each), self.found_list)
            item.setData(Qt.ItemDataRole.UserRole, each)
            item.setToolTip(each.problem or each.note or each.path)
            usable = not each.registered and not each.problem
            item.setFlags(_ENABLED if usable else Qt.ItemFlag.NoItemFlags)
        row_height = self.found_list.sizeHintForRow(0)
        self.found_list.setFixedHeight(min(len(self._found), _LISTED) * row_height + _EDGES)
        self.found_list.currentItemChanged.connect(self._picked)
        self.found_list.itemClicked.connect(self._picked)
        if self._found:
            card = Card(self.tr("Found on this computer"))
            card.body.addWidget(self.found_list)
            self.form.add_wide(card)

    def _words(self, each: FoundLibrary) -> str:
        words = f"{each.product}   {each.path}"
        if each.registered:
            return self.tr("{library}   (registered)").format(library=words)
        if each.problem:
            return self.tr("{library}   (cannot be loaded)").format(library=words)
        return words

    def _picked(self, item: QListWidgetItem | None, _before: object = None) -> None:
        if item is not None and item.flags() & Qt.ItemFlag.ItemIsEnabled:
            each: FoundLibrary = item.data(Qt.ItemDataRole.UserRole)
            self.path.set_text(each.path)

    def _path_changed(self) -> None:
        """A path that was browsed to or typed gets its proposal like one that was picked."""
        text = self.path.text()
        known = next((each for each in self._found if each.path == text), None)
        if known is None:
            self.found_list.setCurrentRow(-1)
        self._propose(known)

    def _propose(self, found: FoundLibrary | None) -> None:
        """Fill in what a library needs, where the fields hold the last proposal or nothing."""
        environment, initialisation = "", ""
        if found is not None:
            environment = "\n".join(f"{name}={value}" for name, value in found.environment)
            initialisation = found.initialisation
        if self.environment.toPlainText() in {"", self._proposal[0]}:
            self.environment.setPlainText(environment)
        if self.initialisation.text() in {"", self._proposal[1]}:
            self.initialisation.setText(initialisation)
        self._proposal = (environment, initialisation)
        if self.initialisation.text():
            self._show_advanced(opens=True)
        note = f"{found.product}: {found.note}" if found is not None and found.note else ""
        self.note.setText(note)
        self.note.setVisible(bool(note))

    def _toggle_advanced(self) -> None:
        opens = self.initialisation.isHidden()
        self._show_advanced(opens=opens)
        if opens:
            self.initialisation.setFocus()

    def _show_advanced(self, *, opens: bool) -> None:
        self.form.set_row_visible(self.initialisation, visible=opens)
        self.advanced.setIcon(icon("chevron-down" if opens else "chevron-right"))

    def validate(self) -> FieldError | AsyncCheck:
        if not self.path.text():
            return FieldError(self.path, self.tr("Choose the file of the security library."))
        try:
            environment = parse_environment(self.environment.toPlainText())
        except InvalidInput as error:
            return FieldError(self.environment, error.one_line())
        return AsyncCheck(
            self.tr("Loading the library"),
            ask_library,
            (self._backend, self.path.text(), environment, self.initialisation.text()),
            done=self._answered,
            field=self.path,
        )

    def _answered(self, answer: tuple[LibraryInfo, str]) -> None:
        self.info, self.proposed_vendor = answer

    def summary(self) -> Sequence[tuple[str, str]]:
        variables = parse_environment(self.environment.toPlainText())
        lines = [(self.tr("Library file"), self.path.text())]
        lines += [(self.tr("Environment"), f"{name}={value}") for name, value in variables]
        if self.initialisation.text():
            lines.append((self.tr("Initialisation"), self.initialisation.text()))
        return lines

    def values(self) -> dict[str, Any]:
        return {
            "path": self.path.text(),
            "environment": parse_environment(self.environment.toPlainText()),
            "initialisation": self.initialisation.text(),
        }


class LibraryNamePage(WizardPage):
    """What the library says, and the vendor name for its provider."""

    def __init__(self, backend: Backend, file_page: LibraryFilePage) -> None:
        super().__init__(
            "Vendor name",
            "The library answered. Its vendor name becomes the name of its key storage provider.",
        )
        self._backend = backend
        self._file_page = file_page
        self._proposed = ""

    def build(self) -> None:
        card = Card(self.tr("What the library says"))
        self.facts = KeyValueGrid()
        card.body.addWidget(self.facts)
        self.form.add_wide(card)
        self.vendor = line_edit("library_vendor")
        self.vendor.setMaxLength(40)
        self.vendor.textChanged.connect(self._preview)
        self.form.add_row(self.tr("Vendor name"), self.vendor)
        self.provider = label("", selectable=True)
        self.provider.setObjectName("library_provider")
        self.form.add_row(self.tr("Provider"), self.provider)

    def entered(self) -> None:
        info = self._file_page.info
        if info is None:
            return
        self.facts.set_facts(
            (
                Fact(self.tr("Manufacturer"), info.manufacturer),
                Fact(self.tr("Description"), info.description),
                Fact(self.tr("Library version"), info.library_version),
                Fact(self.tr("Cryptoki version"), info.cryptoki_version),
            )
        )
        if self.vendor.text() == self._proposed:
            self._proposed = self._file_page.proposed_vendor
            self.vendor.setText(self._proposed)

    def _preview(self, text: str) -> None:
        name = text.strip()
        self.provider.setText(f"{name} Key Storage Provider" if name else "—")

    def validate(self) -> FieldError | AsyncCheck:
        if not self.vendor.text().strip():
            return FieldError(self.vendor, self.tr("Give the provider a vendor name."))
        return AsyncCheck(
            self.tr("Looking at the registered libraries"),
            self._backend.libraries.check_free,
            (self._file_page.path.text(), self.vendor.text()),
            field=self.vendor,
        )

    def summary(self) -> Sequence[tuple[str, str]]:
        return ((self.tr("Provider"), self.provider.text()),)

    def values(self) -> dict[str, Any]:
        return {"vendor": self.vendor.text()}


def found_libraries(backend: Backend) -> tuple[FoundLibrary, ...]:
    """The libraries on this computer; for a task thread."""
    return backend.libraries.found()


def ask_library(
    backend: Backend, path: str, environment: tuple[tuple[str, str], ...], initialisation: str
) -> tuple[LibraryInfo, str]:
    """What a library says of itself, and a vendor name that is free; for a task thread.

    Raises:
        NameInUse: the file is registered.
        InvalidInput, LibraryUnusable: as `LibraryService.probe`.
    """
    backend.libraries.check_free(path)
    info = backend.libraries.probe(path, environment, initialisation)
    return info, backend.libraries.proposed_vendor(info)


def library_wizard(console: Console, backend: Backend, found: Sequence[FoundLibrary]) -> Wizard:
    """The wizard, not opened yet; `completed` carries the registered `Library`."""

    def finish(**values: Any) -> Library:
        return backend.libraries.register(RegisterLibrary(**values))

    def result(library: Library) -> tuple[str, Sequence[tuple[str, str]]]:
        return "Success registering the security library.", (
            ("Library file", library.spec.path),
            ("Says it is", f"{library.info.description} {library.info.library_version}"),
            ("Provider", library.provider_name),
            ("Next", "Register the slots whose tokens shall be used: Register HSM Slots."),
        )

    file_page = LibraryFilePage(backend, found)
    parent: QWidget = console.dialog_parent()
    wizard = Wizard(
        "Register Security Library",
        [file_page, LibraryNamePage(backend, file_page)],
        finish=finish,
        runner=console.tasks,
        finish_text="Register",
        working="Registering the security library",
        result=result,
        name="library_wizard",
        parent=parent,
    )
    wizard.resize(880, 660)
    return wizard

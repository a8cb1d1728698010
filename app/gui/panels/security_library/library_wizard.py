"""The wizard that registers a security library: its file, what it says of itself, its name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QListWidget, QListWidgetItem, QWidget

from app.domain.errors import InvalidInput
from app.gui.forms import line_edit
from app.gui.icons import icon
from app.gui.panels.security_library.facts import parse_environment
from app.gui.panels.security_library.fields import PathField, few_lines
from app.gui.widgets.basics import Card, button, label
from app.gui.widgets.key_values import Fact, KeyValueGrid
from app.gui.wizard import AsyncCheck, FieldError, Wizard, WizardPage
from app.services.security_library.libraries import RegisterLibrary, vendor_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from app.domain.libraries import Library
    from app.domain.tokens import LibraryInfo
    from app.gui.panel import Console
    from app.services.backend import Backend

_LISTED = 4
_ROW = 32


class LibraryFilePage(WizardPage):
    """Which file; Next loads it in a process of its own and asks what it is."""

    def __init__(self, backend: Backend, found: Sequence[tuple[str, bool]]) -> None:
        super().__init__(
            "Security library",
            "The PKCS#11 library of the HSM's client software, such as cryptoki.dll or "
            "libCryptoki2_64.so. Next loads it once, to see what it is.",
        )
        self._backend = backend
        self._found = found
        self.info: LibraryInfo | None = None

    def build(self) -> None:
        self.found_list = QListWidget()
        self.found_list.setObjectName("library_found")
        self.found_list.setAccessibleName(self.tr("Libraries found on this computer"))
        for path, registered in self._found:
            words = self.tr("{path}   (registered)").format(path=path) if registered else path
            item = QListWidgetItem(icon("library"), words, self.found_list)
            item.setData(Qt.ItemDataRole.UserRole, path)
            if registered:
                item.setFlags(Qt.ItemFlag.NoItemFlags)
        self.found_list.setFixedHeight(min(len(self._found), _LISTED) * _ROW + 4)
        self.found_list.currentItemChanged.connect(self._picked)
        self.found_list.itemClicked.connect(self._picked)
        if self._found:
            card = Card(self.tr("Found on this computer"))
            card.body.addWidget(self.found_list)
            self.form.add_wide(card)
        self.path = PathField(
            "library_path",
            self.tr("Choose a Security Library"),
            self.tr("Libraries (*.so *.so.* *.dll *.dylib);;All files (*)"),
        )
        self.form.add_row(self.tr("Library file"), self.path)
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
        self.form.set_row_visible(self.initialisation, visible=False)

        for row, (path, registered) in enumerate(self._found):
            if not registered and not self.path.text():
                self.found_list.setCurrentRow(row)
                self.path.set_text(path)

    def _picked(self, item: QListWidgetItem | None, _before: object = None) -> None:
        if item is not None and item.flags() & Qt.ItemFlag.ItemIsEnabled:
            self.path.set_text(item.data(Qt.ItemDataRole.UserRole))

    def _toggle_advanced(self) -> None:
        opens = self.initialisation.isHidden()
        self.form.set_row_visible(self.initialisation, visible=opens)
        self.advanced.setIcon(icon("chevron-down" if opens else "chevron-right"))
        if opens:
            self.initialisation.setFocus()

    def validate(self) -> FieldError | AsyncCheck:
        if not self.path.text():
            return FieldError(self.path, self.tr("Choose the file of the security library."))
        try:
            environment = parse_environment(self.environment.toPlainText())
        except InvalidInput as error:
            return FieldError(self.environment, error.one_line())
        return AsyncCheck(
            self.tr("Loading the library"),
            self._backend.libraries.probe,
            (self.path.text(), environment, self.initialisation.text()),
            done=self._probed,
            field=self.path,
        )

    def _probed(self, info: LibraryInfo) -> None:
        self.info = info

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

    def __init__(self, file_page: LibraryFilePage) -> None:
        super().__init__(
            "Vendor name",
            "The library answered. Its vendor name becomes the name of its key storage provider.",
        )
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
            self._proposed = vendor_of(info)
            self.vendor.setText(self._proposed)

    def _preview(self, text: str) -> None:
        name = text.strip()
        self.provider.setText(f"{name} Key Storage Provider" if name else "—")

    def validate(self) -> FieldError | None:
        if not self.vendor.text().strip():
            return FieldError(self.vendor, self.tr("Give the provider a vendor name."))
        return None

    def summary(self) -> Sequence[tuple[str, str]]:
        return ((self.tr("Provider"), self.provider.text()),)

    def values(self) -> dict[str, Any]:
        return {"vendor": self.vendor.text()}


def found_libraries(backend: Backend) -> tuple[tuple[str, bool], ...]:
    """Libraries in the places that vendors' packages use, and whether they are registered."""
    registered = {library.spec.path for library in backend.libraries.list()}
    return tuple((path, path in registered) for path in backend.libraries.found_on_this_machine())


def library_wizard(console: Console, backend: Backend, found: Sequence[tuple[str, bool]]) -> Wizard:
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
    return Wizard(
        "Register Security Library",
        [file_page, LibraryNamePage(file_page)],
        finish=finish,
        runner=console.tasks,
        finish_text="Register",
        working="Registering the security library",
        result=result,
        name="library_wizard",
        parent=parent,
    )

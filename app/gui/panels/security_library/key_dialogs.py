"""The dialogs that generate and rename a key, and that choose when keys retire."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from PySide6.QtWidgets import QButtonGroup, QHBoxLayout, QRadioButton, QWidget

from app.domain.errors import NameInUse, PinIncorrect, PinLocked
from app.domain.keys import KEY_BITS, KeyAlgorithm, KeySpec
from app.gui.forms import check_box, combo, line_edit, spin_box
from app.gui.panels.security_library.key_facts import provider_name
from app.gui.theme import Space
from app.gui.widgets.basics import label
from app.gui.widgets.form_dialog import FormDialog
from app.gui.widgets.pin_entry import PinEntry
from app.gui.wizard import FieldError
from app.services.security_library.keys import LONGEST_LABEL
from app.services.security_library.retiring import LONGEST_DAYS

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from app.domain.errors import SealkeeperError
    from app.domain.keys import KeyDescription
    from app.domain.libraries import TokenSettings
    from app.domain.secret import Secret
    from app.gui.panel import Console
    from app.gui.panels.security_library.key_facts import KeySource
    from app.services.backend import Backend
    from app.services.security_library.keys import KeyOnToken

DEFAULT_DAYS = 30


class GenerateKeyDialog(FormDialog):
    """Label, algorithm and size of a new pair; `completed`: `KeyDescription`."""

    def __init__(
        self,
        console: Console,
        backend: Backend,
        source: KeySource,
        algorithms: Sequence[KeyAlgorithm],
    ) -> None:
        super().__init__(
            "Generate Key",
            "The key pair is made where it stays: it can sign, but nobody can copy it from there.",
            "Generate",
            console.tasks,
            name="generate_key_dialog",
            parent=console.dialog_parent(),
        )
        self._backend = backend
        self._source = source
        self.label_field = line_edit("key_label", placeholder=self.tr("for example Test-CA 2026"))
        self.label_field.setMaxLength(LONGEST_LABEL)
        ordered = sorted(algorithms, key=lambda each: each.outdated)
        self.algorithm = combo("key_algorithm", [(algorithm_name(a), a) for a in ordered])
        self.bits = combo("key_size", [])
        self.officer = check_box(
            "key_officer", self.tr("Only the security officer may generate keys on this token")
        )
        self.so_pin = PinEntry("key_so_pin", self.tr("Security officer's PIN"))
        self._build_form()
        self.label_field.setFocus()

    def _build_form(self) -> None:
        self.form.add_row(
            self.tr("Label"), self.label_field, self.tr("Unlike that of every other key there.")
        )
        self.form.add_row(self.tr("Algorithm"), self.algorithm)
        self.form.add_row(self.tr("Size"), self.bits)
        self.algorithm.currentIndexChanged.connect(self._show_sizes)
        self._show_sizes()
        if self._source.token is None:
            return
        self.form.add_wide(
            self.officer, self.tr("Few tokens ask for this, for example the YubiKey.")
        )
        self.form.add_row(self.tr("Security officer's PIN"), self.so_pin)
        self.form.set_row_visible(self.so_pin, visible=False)
        self.officer.toggled.connect(self._show_officer)

    def _show_sizes(self, _index: int = 0) -> None:
        self.bits.clear()
        algorithm: KeyAlgorithm | None = self.algorithm.currentData()
        for bits in KEY_BITS[KeyAlgorithm(algorithm)] if algorithm else ():
            self.bits.addItem(self.tr("{bits} bits").format(bits=bits), bits)
        self.bits.setEnabled(self.bits.count() > 1)

    def _show_officer(self, shown: bool) -> None:
        self.form.set_row_visible(self.so_pin, shown)
        self.grow()

    def validate(self) -> FieldError | None:
        if not self.label_field.text().strip():
            return FieldError(self.label_field, self.tr("Give the key a label."))
        if self.officer.isChecked() and self.so_pin.is_empty():
            return FieldError(self.so_pin, self.tr("Enter the security officer's PIN."))
        return None

    def work(self) -> tuple[str, Callable[..., Any], tuple[object, ...]]:
        spec = KeySpec(KeyAlgorithm(self.algorithm.currentData()), int(self.bits.currentData()))
        text = self.label_field.text().strip()
        so_pin = self.so_pin.take() if self.officer.isChecked() else None
        words = self.tr("Generating the {spec} key {label}").format(spec=spec, label=text)
        return words, _generate, (self._backend, self._source, spec, text, so_pin)

    def refused(self, error: SealkeeperError) -> None:
        if isinstance(error, NameInUse):
            self.point_at(FieldError(self.label_field, error.one_line()))
        elif isinstance(error, PinIncorrect | PinLocked) and self.officer.isChecked():
            self.point_at(FieldError(self.so_pin, error.one_line()))
        else:
            super().refused(error)


def _generate(
    backend: Backend, source: KeySource, spec: KeySpec, text: str, so_pin: Secret | None
) -> KeyDescription:
    provider = provider_name(backend, source)
    return backend.keys.generate(provider, source.token, spec, text, so_pin=so_pin)


def algorithm_name(algorithm: KeyAlgorithm) -> str:
    """`ECDSA P-256`; one that is out of date says so."""
    name = algorithm.value.replace("_P", " P-")
    return f"{name} (out of date)" if algorithm.outdated else name


class RenameKeyDialog(FormDialog):
    """Another label for a pair; `completed`: `KeyDescription`."""

    def __init__(self, console: Console, backend: Backend, key: KeyOnToken) -> None:
        super().__init__(
            "Rename Key",
            "What uses the key finds it as before: it is known by its public half.",
            "Rename",
            console.tasks,
            name="rename_key_dialog",
            parent=console.dialog_parent(),
        )
        self._backend = backend
        self._key = key
        self.label_field = line_edit("key_new_label", key.description.locator.label)
        self.label_field.setMaxLength(LONGEST_LABEL)
        self.form.add_row(self.tr("Label"), self.label_field)
        self.label_field.selectAll()
        self.label_field.setFocus()

    def validate(self) -> FieldError | None:
        if not self.label_field.text().strip():
            return FieldError(self.label_field, self.tr("Give the key a label."))
        return None

    def work(self) -> tuple[str, Callable[..., Any], tuple[object, ...]]:
        locator = self._key.description.locator
        words = self.tr("Renaming the key {label}").format(label=locator.label)
        return words, self._backend.keys.rename, (locator, self.label_field.text().strip())

    def refused(self, error: SealkeeperError) -> None:
        if isinstance(error, NameInUse):
            self.point_at(FieldError(self.label_field, error.one_line()))
        else:
            super().refused(error)


class RetireAfterDialog(FormDialog):
    """Whether a token's keys retire by themselves; `completed`: `TokenSettings`."""

    def __init__(
        self, console: Console, backend: Backend, source: KeySource, settings: TokenSettings
    ) -> None:
        super().__init__(
            "Retire Keys Automatically",
            "Keys whose certificates are all past can be deleted once a day, which keeps the "
            "token's memory free. Orphans are never touched, and every key that goes stands in the "
            "event log.",
            "Save",
            console.tasks,
            name="retire_after_dialog",
            parent=console.dialog_parent(),
        )
        self._backend = backend
        self._source = source
        days = settings.retire_after_days
        self.never = QRadioButton(self.tr("Never; I retire them by hand"))
        self.never.setObjectName("retire_never")
        self.after = QRadioButton(self.tr("After"))
        self.after.setObjectName("retire_after")
        self.days = spin_box("retire_days", DEFAULT_DAYS if days is None else days, 0, LONGEST_DAYS)
        self.days.setAccessibleName(self.tr("Days after the end of the last certificate"))
        group = QButtonGroup(self)
        for choice in (self.never, self.after):
            group.addButton(choice)
        (self.never if days is None else self.after).setChecked(True)
        self.form.add_wide(self.never)
        self.form.add_wide(self._after_row())
        self.after.toggled.connect(self.days.setEnabled)
        self.days.setEnabled(days is not None)
        (self.never if days is None else self.after).setFocus()

    def _after_row(self) -> QWidget:
        row = QWidget()
        row.setObjectName("retire_after_row")
        line = QHBoxLayout(row)
        line.setContentsMargins(0, 0, 0, 0)
        line.setSpacing(Space.S)
        line.addWidget(self.after)
        line.addWidget(self.days)
        line.addWidget(label(self.tr("days after the end of the last certificate")))
        line.addStretch(1)
        return row

    def work(self) -> tuple[str, Callable[..., Any], tuple[object, ...]]:
        days = self.days.value() if self.after.isChecked() else None
        library_id, token = self._source.library_id, self._source.token
        if library_id is None or token is None:
            raise ValueError("only tokens have settings")
        function = partial(self._backend.keys.retire_after, library_id, token, days)
        return self.tr("Keeping when keys retire"), function, ()

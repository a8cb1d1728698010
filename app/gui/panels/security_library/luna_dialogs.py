"""The small dialogs of the Luna Client page: a setting, the client's version, a backup."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from PySide6.QtWidgets import QLineEdit

from app.domain.luna import SetValue
from app.gui.forms import combo, line_edit
from app.gui.panels.security_library.luna_facts import needed_difference
from app.gui.widgets.form_dialog import FormDialog
from app.gui.wizard import FieldError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from app.domain.errors import SealkeeperError
    from app.domain.luna import LunaConfiguration, Setting
    from app.gui.panel import Console
    from app.services.backend import Backend
    from app.services.luna.service import LunaService


class SettingDialog(FormDialog):
    """A new setting, or another value for one; `completed` carries (changes, difference)."""

    def __init__(
        self,
        console: Console,
        backend: Backend,
        configuration: LunaConfiguration,
        setting: Setting | None,
    ) -> None:
        title = self.tr("Add Setting") if setting is None else setting.key
        super().__init__(
            title,
            setting.meaning if setting is not None else "",
            self.tr("Show Difference"),
            console.tasks,
            name="luna_setting",
            parent=console.dialog_parent(),
        )
        self._luna = backend.luna
        self._path = configuration.path
        self.section = line_edit("luna_setting_section", setting.section if setting else "Misc")
        self.key = line_edit("luna_setting_key", setting.key if setting else "")
        self._secret = secret = setting is not None and setting.secret
        self.value = line_edit(
            "luna_setting_value", setting.value if setting is not None and not secret else ""
        )
        if secret:
            self.value.setEchoMode(QLineEdit.EchoMode.Password)
            self.value.setPlaceholderText(self.tr("The value in the file is not shown"))
        self.section.setReadOnly(setting is not None)
        self.key.setReadOnly(setting is not None)
        self.form.add_row(
            self.tr("Section"),
            self.section,
            "" if setting is not None else self.tr("It is added where the file has none."),
        )
        self.form.add_row(self.tr("Key"), self.key)
        self.form.add_row(self.tr("Value"), self.value)
        (self.value if setting is not None else self.key).setFocus()
        self.value.selectAll()

    def validate(self) -> FieldError | None:
        for field, sentence in (
            (self.section, self.tr("Name the section.")),
            (self.key, self.tr("Name the key.")),
        ):
            if not field.text().strip():
                return FieldError(field, sentence)
        if self._secret and not self.value.text():
            return FieldError(self.value, self.tr("Enter the new value."))
        return None

    def work(self) -> tuple[str, Callable[..., Any], tuple[object, ...]]:
        changes = (
            SetValue(
                self.section.text().strip(), self.key.text().strip(), self.value.text().strip(" ")
            ),
        )
        return self.tr("Comparing"), partial(_with_difference, self._luna, self._path, changes), ()

    def refused(self, error: SealkeeperError) -> None:
        self.point_at(FieldError(self.value, error.one_line()))


def _with_difference(
    luna: LunaService, path: Path, changes: tuple[SetValue, ...]
) -> tuple[object, str]:
    return changes, needed_difference(luna, path, changes)


class VersionDialog(FormDialog):
    """Which version the client is; `completed` carries it."""

    def __init__(self, console: Console, backend: Backend, version: str) -> None:
        super().__init__(
            self.tr("Client Version"),
            self.tr("Some tasks of the guide are for certain versions of the Luna Client only."),
            self.tr("Use This Version"),
            console.tasks,
            name="luna_version",
            parent=console.dialog_parent(),
        )
        self._luna = backend.luna
        self.version = line_edit("luna_version_text", version, "10.4")
        self.form.add_row(
            self.tr("Version"), self.version, self.tr("lunacm shows it in its first line.")
        )
        self.version.setFocus()

    def work(self) -> tuple[str, Callable[..., Any], tuple[object, ...]]:
        return self.tr("Checking"), self._luna.checked_version, (self.version.text(),)

    def refused(self, error: SealkeeperError) -> None:
        self.point_at(FieldError(self.version, error.one_line()))


class BackupDialog(FormDialog):
    """Which backup to restore; `completed` carries (backup, file, difference)."""

    def __init__(self, console: Console, backend: Backend, backups: Sequence[Path]) -> None:
        super().__init__(
            self.tr("Restore Backup"),
            self.tr("The file becomes what it was; what it is now becomes a backup itself."),
            self.tr("Show Difference"),
            console.tasks,
            name="luna_backup",
            parent=console.dialog_parent(),
        )
        self._luna = backend.luna
        self.backup = combo("luna_backup_choice", [(path.name, path) for path in backups])
        self.form.add_row(self.tr("Backup"), self.backup)

    def work(self) -> tuple[str, Callable[..., Any], tuple[object, ...]]:
        backup = self.backup.currentData()
        return self.tr("Comparing"), partial(_restoring, self._luna, backup), ()


def _restoring(luna: LunaService, backup: Path) -> tuple[Path, Path, str]:
    path, difference = luna.preview_restore(backup)
    return backup, path, difference

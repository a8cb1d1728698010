"""The page of the Luna client's configuration: tasks, settings, differences, backups."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtWidgets import QFileDialog

from app.domain.luna import RemoveValue, TaskName, TaskState
from app.domain.status import LinkState
from app.gui.actions import ActionSpec
from app.gui.panels.security_library.luna_cloud_wizard import merge_wizard
from app.gui.panels.security_library.luna_dialogs import (
    BackupDialog,
    SettingDialog,
    VersionDialog,
)
from app.gui.panels.security_library.luna_difference import DifferenceDialog
from app.gui.panels.security_library.luna_facts import needed_difference
from app.gui.panels.security_library.luna_minimum_wizard import minimum_wizard
from app.gui.panels.security_library.luna_view import LunaView

if TYPE_CHECKING:
    from collections.abc import Sequence

    from app.domain.luna import Change, ClientTask, Merged, Setting, Written

KEY = "security_library/luna"
_OTHERS = 4


class LunaPanel(LunaView):
    """What can be done with the configuration of a Luna client."""

    # --- actions ----------------------------------------------------------------------------

    def actions(self) -> Sequence[ActionSpec]:  # type: ignore[override]  # ours are data, not Qt's
        return (*self._file_actions(), *self._cloud_actions(), *self.setting_actions())

    def _why_not(self, *, writes: bool = True) -> str:
        if self._configuration is None:
            return self.tr("Open a configuration file first.")
        if self._configuration.problem:
            return self.tr("The file cannot be understood.")
        return self._configuration.not_writable if writes else ""

    def _file_actions(self) -> tuple[ActionSpec, ...]:
        group = self.tr("Configuration file")
        none = self.tr("Open a configuration file first.") if self._configuration is None else ""
        read_only = self._configuration.not_writable if self._configuration is not None else ""
        shown = self._configuration.path if self._configuration is not None else None
        others = [path for path in self._found if path != shown][:_OTHERS]
        return (
            ActionSpec(
                "luna.open",
                self.tr("Open File…"),
                "file",
                group,
                self.open_file,
                primary=self._configuration is None,
            ),
            *(
                ActionSpec(
                    f"luna.open_{number}",
                    self.tr("Open {path}").format(path=path),
                    "file",
                    group,
                    partial(self._show_file, str(path)),
                )
                for number, path in enumerate(others)
            ),
            ActionSpec(
                "luna.version",
                self.tr("Client Version…"),
                "info",
                group,
                self._ask_version,
                why_not=self._why_not(writes=False),
            ),
            ActionSpec(
                "luna.restore",
                self.tr("Restore Backup…"),
                "restart",
                group,
                self._restore,
                why_not=none or read_only,
            ),
        )

    def _cloud_actions(self) -> tuple[ActionSpec, ...]:
        group = self.tr("Luna Cloud HSM")
        return (
            ActionSpec(
                "luna.merge",
                self.tr("Merge Cloud Client…"),
                "wizard",
                group,
                self._merge,
                why_not=self._why_not(),
            ),
            ActionSpec("luna.minimum", self.tr("Minimum Client…"), "library", group, self._minimum),
        )

    def setting_actions(self) -> tuple[ActionSpec, ...]:
        group = self.tr("Settings")
        row: Setting | None = self.view.selected_row()
        choose = "" if row is not None else self.tr("Select a setting first.")
        why_not = self._why_not()
        return (
            ActionSpec(
                "luna.add", self.tr("Add Setting…"), "add", group, self._add, why_not=why_not
            ),
            ActionSpec(
                "luna.edit",
                self.tr("Edit Setting…"),
                "edit",
                group,
                lambda: self.edit(self.view.selected_row()),
                why_not=why_not or choose,
            ),
            ActionSpec(
                "luna.remove",
                self.tr("Remove Setting…"),
                "delete",
                group,
                self._remove,
                why_not=why_not or choose,
                danger=True,
            ),
        )

    def open_file(self) -> None:
        dialog = QFileDialog(
            self.console.dialog_parent(),
            self.tr("Open the Luna Client's Configuration"),
            str(self._configuration.folder) if self._configuration is not None else "",
            self.tr("Configurations (*.conf *.ini *.bak);;All files (*)"),
        )
        dialog.setObjectName("luna_file_dialog")
        dialog.setFileMode(QFileDialog.FileMode.ExistingFile)
        dialog.setOption(QFileDialog.Option.DontUseNativeDialog)
        dialog.fileSelected.connect(self._show_file)
        dialog.finished.connect(dialog.deleteLater)
        dialog.open()

    def _show_file(self, path: str) -> None:
        self.banner.hide()
        self._path, self._version = Path(path), ""
        self.refresh()

    def _ask_version(self) -> None:
        if self._configuration is None:
            return
        dialog = VersionDialog(self.console, self._backend, self._configuration.version)
        dialog.completed.connect(self._use_version)
        dialog.open()

    def _use_version(self, version: str) -> None:
        self._version = version
        self.refresh()

    # --- changes ----------------------------------------------------------------------------

    def want(self, task: ClientTask) -> None:
        if task.state is TaskState.UNDECIDED:
            self._ask_version()
        elif task.name is TaskName.CLOUD:
            self._merge()
        else:
            self._compare(task.changes)

    def _add(self) -> None:
        self._open_setting(None)

    def edit(self, row: Setting | None) -> None:
        if row is not None and not self._why_not():
            self._open_setting(row)

    def _open_setting(self, row: Setting | None) -> None:
        if self._configuration is None:
            return
        dialog = SettingDialog(self.console, self._backend, self._configuration, row)
        dialog.completed.connect(lambda made: self._show_difference(*made))
        dialog.open()

    def _remove(self) -> None:
        row: Setting = self.view.selected_row()
        self._compare((RemoveValue(row.section, row.key),))

    def _compare(self, changes: tuple[Change, ...]) -> None:
        if self._configuration is not None:
            self.run(
                self.tr("Comparing"),
                needed_difference,
                self._backend.luna,
                self._configuration.path,
                changes,
                done=partial(self._show_difference, changes),
                failed=self.banner.show_error,
            )

    def _show_difference(self, changes: tuple[Change, ...], difference: str) -> None:
        if self._configuration is None:
            return
        path, digest = self._configuration.path, self._configuration.digest
        self._confirm(path, difference, partial(self._backend.luna.apply, path, changes, digest))

    def _confirm(self, path: Path, difference: str, write: partial[Written]) -> None:
        dialog = DifferenceDialog(self.console, path, difference, (write, ()))
        dialog.completed.connect(self._written)
        dialog.open()

    def _written(self, written: Written) -> None:
        backup = written.backup
        words = self.tr("Programs read the file when they load the library.")
        if backup is not None:
            words = self.tr("Backup: {backup}.").format(backup=backup) + f" {words}"
        self.banner.show_message(
            LinkState.OK,
            self.tr("{path} was changed.").format(path=written.path),
            words,
            action=None
            if backup is None
            else (self.tr("Undo"), partial(self._undo, backup, written)),
        )
        self.refresh()

    def _undo(self, backup: Path, written: Written) -> None:
        self.run(
            self.tr("Restoring {name}").format(name=written.path.name),
            self._backend.luna.restore,
            backup,
            written.digest,
            done=self._undone,
            failed=self.banner.show_error,
        )

    def _undone(self, written: Written) -> None:
        self.banner.show_message(
            LinkState.OK, self.tr("{path} is as it was before.").format(path=written.path)
        )
        self.refresh()

    def _restore(self) -> None:
        if self._configuration is not None:
            self.run(
                self.tr("Looking for backups"),
                self._backend.luna.backups,
                self._configuration.path,
                done=self._choose_backup,
                failed=self.banner.show_error,
            )

    def _choose_backup(self, backups: tuple[Path, ...]) -> None:
        if not backups:
            self.banner.show_message(None, self.tr("There is no backup of this file yet."))
            return
        dialog = BackupDialog(self.console, self._backend, backups)
        dialog.completed.connect(lambda made: self._compare_backup(*made))
        dialog.open()

    def _compare_backup(self, backup: Path, path: Path, difference: str) -> None:
        if self._configuration is None:
            return
        if not difference:
            self.banner.show_message(None, self.tr("The file is what this backup holds already."))
            return
        digest = self._configuration.digest
        self._confirm(path, difference, partial(self._backend.luna.restore, backup, digest))

    # --- Luna Cloud HSM ---------------------------------------------------------------------

    def _merge(self) -> None:
        if self._configuration is None:
            return
        wizard = merge_wizard(self.console, self._backend, self._configuration)
        wizard.completed.connect(self._merged)
        wizard.open()

    def _merged(self, merged: Merged) -> None:
        if merged.plan.sets_variable:
            self.console.refresh_children(KEY.partition("/")[0])
        self.refresh()

    def _minimum(self) -> None:
        wizard = minimum_wizard(self.console, self._backend)
        wizard.completed.connect(lambda _done: self._registered())
        wizard.open()

    def _registered(self) -> None:
        self.console.refresh_children(KEY.partition("/")[0])
        self.refresh()

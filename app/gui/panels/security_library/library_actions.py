"""What can be done with one registered security library, from its page."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QUrl
from PySide6.QtGui import QDesktopServices

from app.domain.status import LinkState
from app.gui.actions import ActionSpec
from app.gui.panels.security_library.library_dialogs import (
    ChangeLibraryDialog,
    RemoveLibraryDialog,
)
from app.gui.panels.security_library.library_facts import reload_words
from app.gui.widgets.confirm_dialog import ConfirmDialog

if TYPE_CHECKING:
    from collections.abc import Callable

    from app.domain.errors import SealkeeperError
    from app.domain.libraries import Library
    from app.gui.panel import Panel
    from app.gui.panels.security_library.facts import LibraryRow
    from app.services.backend import Backend


class LibraryActions(QObject):
    """Reload, disable, change, log and remove.

    Args:
        panel: whose tasks and dialogs these are; it is refreshed afterwards.
        backend: the services.
        tell: says on the page what was done: state, sentence, and more.
        gone: called when a library was removed.
    """

    def __init__(
        self,
        panel: Panel,
        backend: Backend,
        tell: Callable[[LinkState, str, str], None],
        gone: Callable[[Library], None],
    ) -> None:
        super().__init__(panel)
        self._panel = panel
        self._backend = backend
        self._tell = tell
        self._gone = gone

    def specs(self, row: LibraryRow | None) -> tuple[ActionSpec, ...]:
        """What can be done with a library now; None when none is selected."""
        one = self.tr("Selected library")
        choose = "" if row is not None else self.tr("Select a library first.")
        is_disabled = row is not None and row.library.disabled_at is not None
        is_logged = row is not None and row.library.call_log
        enable = choose or (self.tr("Enable the library first.") if is_disabled else "")
        log = ActionSpec(
            "library.call_log",
            self.tr("Stop Call Log") if is_logged else self.tr("Start Call Log"),
            "stop" if is_logged else "event",
            one,
            partial(self._call, row, self._set_call_log),
            why_not=choose,
        )
        folder = ActionSpec(
            "library.log_folder",
            self.tr("Open Log Folder"),
            "folder",
            one,
            partial(self._call, row, self._open_log_folder),
        )
        return (
            ActionSpec(
                "library.reload",
                self.tr("Reload"),
                "refresh",
                one,
                partial(self._call, row, self._reload),
                why_not=enable,
            ),
            ActionSpec(
                "library.disable",
                self.tr("Enable") if is_disabled else self.tr("Disable"),
                "play" if is_disabled else "stop",
                one,
                partial(self._call, row, self._enable if is_disabled else self._ask_disable),
                why_not=choose,
            ),
            ActionSpec(
                "library.change",
                self.tr("Change…"),
                "edit",
                one,
                partial(self._call, row, self._change),
                why_not=enable,
            ),
            log,
            *((folder,) if is_logged else ()),
            ActionSpec(
                "library.remove",
                self.tr("Remove…"),
                "delete",
                one,
                partial(self._call, row, self._ask_remove),
                why_not=choose,
                danger=True,
            ),
        )

    @staticmethod
    def _call(row: LibraryRow | None, action: Callable[[Library], None]) -> None:
        if row is not None:
            action(row.library)

    def _reload(self, library: Library) -> None:
        self._panel.run(
            self.tr("Loading {vendor} anew").format(vendor=library.vendor),
            self._backend.libraries.reload,
            library.id,
            done=lambda done: self._tell(LinkState.OK, *reload_words(done)),
            failed=self._failed,
        )

    def _failed(self, error: SealkeeperError) -> None:
        more = " ".join(filter(None, (error.cause, error.remedy)))
        self._tell(LinkState.BAD, error.message, more)

    def _ask_disable(self, library: Library) -> None:
        dialog = ConfirmDialog(
            self.tr("Disable the security library {vendor}?").format(vendor=library.vendor),
            self.tr(
                "Nothing loads it until it is enabled: services that use its keys stop signing. "
                "Its registrations and slot passwords stay."
            ),
            self.tr("Disable"),
            partial(self._disable, library),
            parent=self._panel.console.dialog_parent(),
        )
        dialog.open()

    def _disable(self, library: Library) -> None:
        self._panel.run(
            self.tr("Disabling {vendor}").format(vendor=library.vendor),
            self._backend.libraries.disable,
            library.id,
            done=self._changed,
        )

    def _enable(self, library: Library) -> None:
        self._panel.run(
            self.tr("Enabling {vendor}").format(vendor=library.vendor),
            self._backend.libraries.enable,
            library.id,
            done=self._changed,
        )

    def _changed(self, _library: Library) -> None:
        self._panel.refresh()

    def _change(self, library: Library) -> None:
        dialog = ChangeLibraryDialog(self._panel.console, self._backend, library)
        dialog.completed.connect(self._changed_loading)
        dialog.open()

    def _changed_loading(self, library: Library) -> None:
        sentence = self.tr("{vendor} answers this way.").format(vendor=library.vendor)
        self._tell(LinkState.OK, sentence, self.tr("It is loaded like this from now on."))

    def _set_call_log(self, library: Library) -> None:
        self._panel.run(
            self.tr("Switching the call log"),
            partial(self._backend.libraries.set_call_log, library.id, on=not library.call_log),
            done=self._logged,
        )

    def _logged(self, library: Library) -> None:
        file = self._backend.libraries.call_log_file(library.id)
        if library.call_log:
            sentence = self.tr("The PKCS#11 calls of {vendor} are written to a file.")
            more = self.tr("{file}. PINs are left out; it grows until the log is stopped.")
        else:
            sentence = self.tr("The call log of {vendor} is stopped.")
            more = self.tr("{file} stays.")
        self._tell(LinkState.OK, sentence.format(vendor=library.vendor), more.format(file=file))

    def _open_log_folder(self, library: Library) -> None:
        folder = self._backend.libraries.call_log_file(library.id).parent
        if not QDesktopServices.openUrl(QUrl.fromLocalFile(str(folder))):
            sentence = self.tr("No program of this computer shows folders.")
            self._tell(LinkState.WARNING, sentence, str(folder))

    def _ask_remove(self, library: Library) -> None:
        self._panel.run(
            self.tr("Looking for what depends on {vendor}").format(vendor=library.vendor),
            self._backend.libraries.dependents,
            library.id,
            done=partial(self._open_remove, library),
        )

    def _open_remove(self, library: Library, dependents: tuple[str, ...]) -> None:
        dialog = RemoveLibraryDialog(self._panel.console, self._backend, library, dependents)
        dialog.completed.connect(lambda _none: self._gone(library))
        dialog.open()

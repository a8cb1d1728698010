"""What can be done with the keys of a store and with its token, from the page of keys."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from app.domain.status import LinkState
from app.gui.actions import ActionSpec
from app.gui.panels.security_library.key_dialogs import (
    GenerateKeyDialog,
    RenameKeyDialog,
    RetireAfterDialog,
)
from app.gui.panels.security_library.key_facts import (
    delete_consequence,
    offered_algorithms,
    retire_consequence,
    retire_words,
    test_words,
)
from app.gui.panels.security_library.mechanisms_dialog import MechanismsDialog
from app.gui.panels.security_library.token_pin_dialogs import ChangePinDialog, UnlockPinDialog
from app.gui.widgets.certificate_dialog import CertificateDialog
from app.gui.widgets.confirm_dialog import ConfirmDialog

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from app.domain.errors import SealkeeperError
    from app.domain.keys import KeyAlgorithm, KeyDescription
    from app.domain.libraries import TokenSettings
    from app.domain.tokens import SlotFacts
    from app.gui.panels.security_library.key_facts import KeyPage, KeySource
    from app.gui.panels.security_library.keys_panel import KeysPanel
    from app.services.backend import Backend
    from app.services.security_library.keys import KeyOnToken, KeyTest
    from app.services.security_library.tokens import PinChanged


class KeyActions:
    """Makes the actions of one page of keys and carries them out; for the main thread."""

    def __init__(self, panel: KeysPanel, backend: Backend, source: KeySource) -> None:
        self._panel = panel
        self._backend = backend
        self._source = source

    def specs(self, key: KeyOnToken | None, page: KeyPage) -> tuple[ActionSpec, ...]:
        """The actions as they are now."""
        tr = self._panel.tr
        generate = ActionSpec(
            "key.generate", tr("Generate Key…"), "add", tr("Keys"), self.generate, primary=True
        )
        return (generate, *self._of_key(key), *self._of_token(page))

    def _of_key(self, key: KeyOnToken | None) -> tuple[ActionSpec, ...]:
        tr, group = self._panel.tr, self._panel.tr("Selected key pair")
        why = "" if key is not None else tr("Select a key pair first.")
        no_certificate = "" if key is None or key.certificates else tr("It has no certificate.")
        not_past = "" if key is None else key.why_not_retired
        return (
            ActionSpec(
                "key.certificate", tr("Show Certificate…"), "certificate", group,
                self.show_certificate, why_not=why or no_certificate,
            ),
            ActionSpec("key.test", tr("Test"), "test", group, self._test, why_not=why),
            ActionSpec(
                "key.rename", tr("Rename…"), "edit", group, self._rename, why_not=why,
                shortcut="F2",
            ),
            ActionSpec(
                "key.retire", tr("Retire…"), "clock", group, self._ask_retire,
                why_not=why or not_past,
            ),
            ActionSpec(
                "key.delete", tr("Delete…"), "delete", group, self._ask_delete, why_not=why,
                danger=True,
            ),
        )  # fmt: skip

    def _of_token(self, page: KeyPage) -> tuple[ActionSpec, ...]:
        if self._source.token is None:
            return ()
        tr, group = self._panel.tr, self._panel.tr("Token")
        why = "" if page.slot is not None else tr("The token cannot be read now.")
        pad = page.slot is not None and page.slot.protected_authentication_path
        # Also where the keys cannot be read: a locked PIN is why, and is mended from here.
        no_pin = tr("This token takes its PINs on its own pad.") if pad else ""
        return (
            ActionSpec(
                "key.retire_after", tr("Retire Automatically…"), "calendar", group,
                self._retire_after, why_not=why,
            ),
            ActionSpec("key.mechanisms", tr("Mechanisms…"), "tools", group, self._mechanisms),
            ActionSpec(
                "key.change_pin", tr("Change PIN…"), "password", group,
                partial(self._pins, self._change_pin), why_not=no_pin,
            ),
            ActionSpec(
                "key.unlock", tr("Unlock PIN…"), "renew", group,
                partial(self._pins, self._unlock), why_not=no_pin,
            ),
            ActionSpec(
                "key.change_so_pin", tr("Change Security Officer's PIN…"), "shield", group,
                partial(self._pins, self._change_so_pin), why_not=no_pin,
            ),
        )  # fmt: skip

    # --- keys ---------------------------------------------------------------------------------

    def generate(self) -> None:
        """Ask for label and kind, once it is known what can be made."""
        self._panel.run(
            self._panel.tr("Asking what keys can be made"),
            offered_algorithms,
            self._backend,
            self._source,
            done=self._open_generate,
            failed=self._refused,
        )

    def _open_generate(self, algorithms: Sequence[KeyAlgorithm]) -> None:
        if not algorithms:
            self._panel.banner.show_message(
                LinkState.WARNING,
                self._panel.tr("The token offers no algorithm that is known here."),
                self._panel.tr("Its mechanism list shows what it can do."),
                action=(self._panel.tr("Mechanisms…"), self._mechanisms),
            )
            return
        dialog = GenerateKeyDialog(self._panel.console, self._backend, self._source, algorithms)
        dialog.completed.connect(self._generated)
        dialog.open()

    def _generated(self, made: KeyDescription) -> None:
        said = self._panel.tr("The key “{label}” was generated.").format(label=made.locator.label)
        self._panel.changed(LinkState.OK, said)

    def show_certificate(self) -> None:
        """Open the certificate of the selected key, the current one where it has several."""
        key = self._panel.key()
        if key is None or not key.certificates:
            return
        console = self._panel.console
        CertificateDialog(
            key.certificates[0].certificate,
            self._backend.enrollment.facts,
            console.tasks,
            console.dialog_parent(),
        ).open()

    def _test(self) -> None:
        key = self._panel.key()
        if key is None:
            return
        locator = key.description.locator
        self._panel.banner.hide()
        self._panel.run(
            self._panel.tr("Testing the key {label}").format(label=locator.label),
            self._backend.keys.test,
            locator,
            done=self._tested,
            failed=self._refused,
            supersede="test",
        )

    def _tested(self, test: KeyTest) -> None:
        state, sentence, more = test_words(test)
        banner = self._panel.banner
        banner.show_message(state, sentence, more, second=(self._panel.tr("Close"), banner.hide))

    def _refused(self, error: SealkeeperError) -> None:
        self._panel.banner.show_error(error)

    def _rename(self) -> None:
        key = self._panel.key()
        if key is None:
            return
        dialog = RenameKeyDialog(self._panel.console, self._backend, key)
        dialog.completed.connect(lambda _made: self._panel.changed(None, ""))
        dialog.open()

    def _ask_retire(self) -> None:
        key = self._panel.key()
        if key is None:
            return
        locator, tr = key.description.locator, self._panel.tr
        said = tr("The key “{label}” was retired.").format(label=locator.label)
        ConfirmDialog(
            tr("Retire the key pair “{label}”?").format(label=locator.label),
            retire_consequence(key),
            tr("Retire Key Pair"),
            partial(
                self._remove,
                tr("Retiring the key {label}").format(label=locator.label),
                partial(self._backend.keys.retire, locator),
                said,
            ),
            parent=self._panel.console.dialog_parent(),
        ).open()

    def _ask_delete(self) -> None:
        key = self._panel.key()
        if key is None:
            return
        locator, tr = key.description.locator, self._panel.tr
        # The question names the users that are known: only those may be left without their key.
        delete = partial(
            self._backend.keys.delete,
            locator,
            confirm_label=locator.label,
            even_if_used=bool(key.used_by),
        )
        said = tr("The key “{label}” was deleted.").format(label=locator.label)
        ConfirmDialog(
            tr("Delete the key pair “{label}” for good?").format(label=locator.label),
            delete_consequence(key),
            tr("Delete Key Pair"),
            partial(
                self._remove,
                tr("Deleting the key {label}").format(label=locator.label),
                delete,
                said,
            ),
            typed=locator.label,
            parent=self._panel.console.dialog_parent(),
        ).open()

    def _remove(self, words: str, function: Callable[[], None], said: str) -> None:
        self._panel.run(words, function, done=lambda _none: self._panel.changed(LinkState.OK, said))

    # --- the token ----------------------------------------------------------------------------

    def _mechanisms(self) -> None:
        library_id, token = self._source.library_id, self._source.token
        if library_id is not None and token is not None:
            MechanismsDialog(self._panel.console, self._backend, library_id, token).open()

    def _retire_after(self) -> None:
        settings = self._panel.page.settings
        if settings is None:
            return
        dialog = RetireAfterDialog(self._panel.console, self._backend, self._source, settings)
        dialog.completed.connect(self._retiring_chosen)
        dialog.open()

    def _retiring_chosen(self, settings: TokenSettings) -> None:
        self._panel.changed(LinkState.OK, retire_words(settings))

    def _pins(self, opener: Callable[[SlotFacts], None]) -> None:
        """Ask the token first: what it says of the tries that are left stands in the dialog."""
        self._panel.run(
            self._panel.tr("Asking the token"),
            self._backend.tokens.facts,
            self._source.library_id,
            self._source.token,
            done=opener,
            failed=self._refused,
        )

    def _change_pin(self, slot: SlotFacts) -> None:
        self._open_pins(slot, officer=False)

    def _change_so_pin(self, slot: SlotFacts) -> None:
        self._open_pins(slot, officer=True)

    def _open_pins(self, slot: SlotFacts, *, officer: bool) -> None:
        library_id = self._source.library_id
        if library_id is None:
            return
        dialog = ChangePinDialog(
            self._panel.console, self._backend, library_id, slot, officer=officer
        )
        dialog.completed.connect(self._pin_changed)
        dialog.open()

    def _unlock(self, slot: SlotFacts) -> None:
        library_id = self._source.library_id
        if library_id is None:
            return
        dialog = UnlockPinDialog(self._panel.console, self._backend, library_id, slot)
        dialog.completed.connect(self._pin_changed)
        dialog.open()

    def _pin_changed(self, changed: PinChanged) -> None:
        tr = self._panel.tr
        accounts = ", ".join(str(row.account) for row in changed.updated)
        stored = tr("The slot password was updated for {accounts}.").format(accounts=accounts)
        said = tr("The PIN of the token “{label}” was changed.").format(label=changed.token.label)
        self._panel.changed(LinkState.OK, said, stored if accounts else "")

"""The page of the slot wizard that opens the token once and has it sign."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from PySide6.QtWidgets import QHBoxLayout

from app.domain.errors import Cancelled, InvalidInput, PinIncorrect, PinLocked
from app.domain.status import LinkState
from app.gui.panels.security_library.facts import algorithm_words
from app.gui.panels.security_library.slot_start import TriedSlot, try_slot
from app.gui.theme import Space
from app.gui.widgets.basics import button
from app.gui.wizard import FieldError, WizardPage
from app.gui.wizard_parts import WorkPage

if TYPE_CHECKING:
    from collections.abc import Sequence

    from app.domain.errors import SealkeeperError
    from app.gui.panel import Console
    from app.gui.panels.security_library.account_pages import PasswordPage
    from app.gui.panels.security_library.slot_pages import SlotPage
    from app.gui.tasks import Task
    from app.services.backend import Backend


class TrialPage(WizardPage):
    """Tests when it is entered; keeps the result while slot and password stay the same."""

    def __init__(
        self,
        slot_page: SlotPage,
        password_page: PasswordPage,
        console: Console,
        backend: Backend,
    ) -> None:
        super().__init__("Test", "The token is opened once, and signs with a key of this session.")
        self._slot_page = slot_page
        self._password_page = password_page
        self._console = console
        self._backend = backend
        self._task: Task | None = None
        self._tried: TriedSlot | None = None
        self._of: object = None

    def build(self) -> None:
        self.work = WorkPage()
        self.work.setObjectName("slot_trial")
        layout = self.work.layout()
        if layout is not None:
            layout.setContentsMargins(0, 0, 0, 0)
        self.body.addWidget(self.work)
        self.cancel_button = button(self.tr("Cancel Test"), "slot_trial_cancel", self.cancel)
        self.again_button = button(
            self.tr("Test Again"), "slot_trial_again", self._start, icon_name="test"
        )
        line = QHBoxLayout()
        line.setSpacing(Space.M)
        line.addWidget(self.cancel_button)
        line.addWidget(self.again_button)
        line.addStretch(1)
        self.body.addLayout(line)
        self._console.tasks.ticked.connect(self._narrate)

    def entered(self) -> None:
        if self._tried is None or self._of != self._subject():
            self._start()

    def _subject(self) -> object:
        row = self._slot_page.chosen()
        token = row.token if row is not None else None
        return row.library.id if row is not None else None, token, self._password_page.secret()

    def _start(self) -> None:
        row = self._slot_page.chosen()
        if row is None or row.token is None or self._task is not None:
            return
        self._tried, self._of = None, self._subject()
        self.work.start()
        self.cancel_button.show()
        self.cancel_button.setEnabled(True)
        self.again_button.hide()
        self._task = self._console.tasks.run(
            self.tr("Testing the slot {label}").format(label=row.token.label),
            try_slot,
            self._backend,
            row.library.id,
            row.token,
            self._password_page.secret(),
            owner=self.wizard or self,
            done=self._done,
            failed=self._failed,
            progress="progress",
            quiet=True,
        )

    def cancel(self) -> None:
        """Stop a test that runs; at a PIN pad, its prompt ends."""
        if self._task is not None:
            self.cancel_button.setEnabled(False)
            self._task.cancel()

    def _narrate(self) -> None:
        if self._task is not None:
            self.work.narrate(self._task.snapshot())

    def _ended(self) -> None:
        self._narrate()
        self._task = None
        self.cancel_button.hide()

    def _done(self, tried: TriedSlot) -> None:
        self._ended()
        self._tried = tried
        self.work.succeed(self.tr("The token opens and signs."), trial_lines(tried))
        self.work.banner.setVisible(True)
        if not tried.trial.signed:
            self.work.banner.show_message(
                LinkState.WARNING,
                self.tr("The token opens, but signed with no key of this session."),
                tried.trial.problem,
            )
        self.form.clear_errors()

    def _failed(self, error: SealkeeperError) -> None:
        self._ended()
        self.again_button.show()
        if isinstance(error, PinIncorrect | InvalidInput) and self.wizard is not None:
            page = self._password_page
            if not page.by_pad() and self.wizard.shows(self):
                page.pin.clear()
                self.wizard.return_to(page, FieldError(page.pin, error.one_line()))
                return
        if isinstance(error, Cancelled):
            self.work.bar.hide()
            self.work.banner.show_message(
                None, self.tr("The test was cancelled."), self.tr("Nothing was registered.")
            )
            return
        self.work.fail(error)
        if isinstance(error, PinLocked):
            self.again_button.hide()

    def validate(self) -> str | None:
        if self._task is not None:
            return self.tr("The test is still running. Wait for it, or cancel it.")
        if self._tried is None:
            return self.tr("The slot has to pass the test before it is registered.")
        return None

    def summary(self) -> Sequence[tuple[str, str]]:
        if self._tried is None:
            return ()
        return ((self.tr("Test"), signature_words(self._tried)),)

    def values(self) -> dict[str, Any]:
        return {"tried": self._tried}


def signature_words(tried: TriedSlot) -> str:
    """What came of the test signature."""
    trial = tried.trial
    if not trial.signed:
        return f"No session key signed. {trial.problem}"
    algorithm = trial.algorithm.replace("_P", " P-")
    return f"A session key ({algorithm}) signed in {trial.milliseconds:.1f} ms."


def trial_lines(tried: TriedSlot) -> Sequence[tuple[str, str]]:
    """The result of a test as lines of (what, value)."""
    trial = tried.trial
    words = {
        True: "yes",
        False: "no; keys cannot be renewed with this role, as for a Crypto User",
        None: "not known",
    }
    return (
        ("Mechanisms", str(len(trial.mechanisms))),
        ("Algorithms", algorithm_words(tried.algorithms)),
        ("Test signature", signature_words(tried)),
        ("May generate keys", words[trial.may_generate]),
    )

"""The Add Revocation Configuration wizard: its work, and the status that it ends with."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from app.domain.errors import Refused, SealkeeperError
from app.domain.responder import SigningFlag
from app.domain.status import ConfigurationStatus, LinkState
from app.gui.formats import local_time
from app.gui.panels.online_responder.add_pages import (
    AuthorityPage,
    LocationPage,
    NamePage,
    ProviderPage,
    SigningPage,
    StartedPage,
)
from app.gui.panels.online_responder.facts import choices
from app.gui.panels.online_responder.keys import CONFIGURATIONS, configuration_key
from app.gui.wizard import Wizard
from app.services.responder.configurations import AddConfiguration, AddedConfiguration

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from app.domain.ids import ConfigurationId
    from app.domain.progress import Progress
    from app.domain.services import HostControl
    from app.gui.panel import Console
    from app.gui.panels.online_responder.facts import Choices
    from app.services.backend import Backend

_SETTLE_SECONDS = 5.0
_LOOK_SECONDS = 0.2
_AUTOMATIC = SigningFlag.AUTO_ENROLL | SigningFlag.AUTO_RENEWAL


@dataclass(frozen=True, slots=True)
class Finished:
    """What the wizard did, and how the configuration is doing."""

    added: AddedConfiguration
    status: ConfigurationStatus


def add_configuration(
    backend: Backend, host: HostControl, request: AddConfiguration, progress: Progress
) -> Finished:
    """Add it, enroll, and look at it once the responder has taken it up; blocks."""
    added = backend.responder.add(request, progress)
    if not request.enroll:
        by_hand = added.configuration.signing_flags & ~_AUTOMATIC
        changed = backend.responder.update(replace(added.configuration, signing_flags=by_hand))
        added = replace(added, configuration=changed)
    progress.report("Asking the online responder")
    return Finished(added, _settled(backend, host, added))


def _settled(backend: Backend, host: HostControl, added: AddedConfiguration) -> ConfigurationStatus:
    """The status; a running responder has a moment to take up the new configuration."""
    answers = added.signer is not None and host.counters().started_at is not None
    until = time.monotonic() + _SETTLE_SECONDS
    while True:
        status = backend.status.configuration(added.configuration.id)
        if not answers or status.state is not LinkState.BAD or time.monotonic() > until:
            return status
        threading.Event().wait(_LOOK_SECONDS)


def result_lines(finished: Finished) -> tuple[str, Sequence[tuple[str, str]]]:
    """The sentence and the lines of the result page."""
    added, status = finished.added, finished.status
    lines = [("Status", status.headline)]
    lines += [
        (link.name.value, f"{link.word}. {link.reason}" if link.reason else link.word)
        for link in status.links
    ]
    if added.signer is not None:
        lines.append(("Signing certificate to", local_time(added.signer.not_after)))
    if added.problem is not None:
        lines.append(("Why", added.problem.one_line()))
        lines.append(("What next", "Its page offers what mends it; then it enrolls by itself."))
    name = added.configuration.name
    if status.state is LinkState.OK:
        return f"The revocation configuration {name} is working.", lines
    return f"The revocation configuration {name} was added, but does not work yet.", lines


class AddWizard(Wizard):
    """The six pages of the guide, then summary and status; `completed` carries `Finished`."""

    def __init__(
        self, console: Console, backend: Backend, host: HostControl, found: Choices
    ) -> None:
        def finish(*, progress: Progress, **values: Any) -> Finished:
            return add_configuration(backend, host, AddConfiguration(**values), progress)

        authority = AuthorityPage(console, backend, found)
        super().__init__(
            "Add Revocation Configuration",
            [
                StartedPage(),
                NamePage(found),
                LocationPage(),
                authority,
                SigningPage(found, authority),
                ProviderPage(found, authority),
            ],
            finish=finish,
            runner=console.tasks,
            finish_text="Finish",
            working="Adding the revocation configuration",
            result=result_lines,
            progress="progress",
            name="add_configuration_wizard",
            parent=console.dialog_parent(),
        )

    def _done(self, value: object) -> None:
        super()._done(value)
        if isinstance(value, Finished) and value.status.state is not LinkState.OK:
            sentence, _lines = result_lines(value)
            self.work_page.banner.show_message(
                LinkState.WARNING, sentence, _reason(value.added.problem, value.status)
            )


def _reason(problem: SealkeeperError | None, status: ConfigurationStatus) -> str:
    if problem is not None:
        return problem.message
    link = status.first_problem
    return link.reason if link is not None else ""


def open_add_wizard(
    console: Console,
    backend: Backend,
    host: HostControl,
    done: Callable[[ConfigurationId], None] | None = None,
) -> None:
    """Open the wizard once its choices are read; ends at the new configuration's page."""

    def show(found: Choices) -> None:
        if not found.authorities:
            console.show_error(
                Refused(
                    "There is no certification authority yet.",
                    cause="A revocation configuration answers for the certificates of a CA.",
                    remedy="Set up a certification authority first.",
                )
            )
            return
        wizard = AddWizard(console, backend, host, found)
        wizard.completed.connect(completed)
        wizard.open()

    def completed(finished: Finished) -> None:
        new = finished.added.configuration.id
        console.refresh_children(CONFIGURATIONS)
        if done is not None:
            done(new)
        else:
            console.navigate(configuration_key(new))

    console.tasks.run(
        "Reading certification authorities",
        choices,
        backend,
        owner=console.dialog_parent(),
        done=show,
        supersede="add configuration",
        quiet=True,
    )

"""Actions of the responder that several of its pages offer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.domain.services import ServiceName
from app.gui.actions import ActionSpec
from app.gui.panels.online_responder.add_wizard import open_add_wizard
from app.gui.panels.services.control import restart_service, start_service, stop_service

if TYPE_CHECKING:
    from collections.abc import Callable

    from app.domain.services import HostControl
    from app.gui.panel import Panel
    from app.services.backend import Backend


class ResponderActions:
    """Start, stop, restart and add, for one panel."""

    def __init__(
        self, panel: Panel, backend: Backend, host: HostControl, changed: Callable[[], None]
    ) -> None:
        self._panel, self._backend, self._host = panel, backend, host
        self._changed = changed
        self.wanted = True

    def specs(self) -> tuple[ActionSpec, ...]:
        """The service's actions and Add."""
        tr, group = self._panel.tr, self._panel.tr("Online Responder")
        runs = self.wanted and (self._host.state().running or bool(self._host.state().elsewhere))
        start = tr("It is started already.") if runs else ""
        stop = "" if self.wanted else tr("It is stopped already.")
        return (
            ActionSpec("responder.start", tr("Start"), "play", group, self.start, start),
            ActionSpec("responder.stop", tr("Stop"), "stop", group, self.stop, stop),
            ActionSpec("responder.restart", tr("Restart"), "restart", group, self.restart, stop),
            self.add_spec(),
        )

    def add_spec(self, *, primary: bool = False) -> ActionSpec:
        """The action that opens the wizard."""
        return ActionSpec(
            "responder.add",
            self._panel.tr("Add Revocation Configuration…"),
            "add",
            self._panel.tr("Online Responder"),
            self.add,
            primary=primary,
        )

    def add(self) -> None:
        """Open the wizard."""
        open_add_wizard(self._panel.console, self._backend, self._host)

    def start(self) -> None:
        """Start the responder."""
        self._run(
            self._panel.tr("Starting the Online Responder"),
            start_service,
            self._backend,
            self._host,
        )

    def stop(self) -> None:
        """Stop the responder; CA certificates and CRLs are still served."""
        self._run(self._panel.tr("Stopping the Online Responder"), stop_service, self._backend)

    def restart(self) -> None:
        """Stop and start it."""
        self._run(
            self._panel.tr("Restarting the Online Responder"),
            restart_service,
            self._backend,
            self._host,
        )

    def _run(self, words: str, function: Callable[..., None], *arguments: object) -> None:
        self._panel.run(
            words,
            function,
            *arguments,
            ServiceName.ONLINE_RESPONDER,
            done=lambda _none: self._changed(),
        )

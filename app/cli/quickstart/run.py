"""Runs the quick start: token, service host, job, and serving on afterwards."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from app.cli.quickstart.job import Job, Result
from app.cli.quickstart.token import KeyPlace, TokenSetup, software_place
from app.domain.errors import AddressInUse, EnvironmentFault, InvalidInput
from app.domain.secret import Secret
from app.domain.services import ListenAddress

if TYPE_CHECKING:
    from app.host.control import HostController
    from app.services.backend import Backend

LOAD_SECONDS = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class QuickstartRequest:
    """What the command line asks for.

    Attributes:
        library: a security library; "" takes SoftHSM, or the software provider without one.
        token: label of the token in `library`.
        port: None takes the stored one or 8080; 0 picks a free one unless one is stored.
        pin: asks for the PIN of `token`.
    """

    library: str
    token: str
    host: str
    port: int | None
    pin: Callable[[], Secret]


class Quickstart:
    """One run of the quick start on an opened home."""

    def __init__(self, backend: Backend, host: HostController, say: Callable[[str], None]) -> None:
        self._backend = backend
        self._host = host
        self._say = say

    def run(self, request: QuickstartRequest) -> Result:
        """Set up what is missing, prove it, and leave the service host running.

        Raises:
            SealkeeperError: a step failed.
        """
        if bool(request.library) != bool(request.token):
            raise InvalidInput("--library and --token go together.")
        folder = self._backend.home / "quickstart"
        folder.mkdir(mode=0o700, exist_ok=True)
        address = self._serve(request)
        place = self._place(request)
        result = Job(self._backend, place, address.authority, folder, self._say).run()
        self._require_working()
        return result

    def _serve(self, request: QuickstartRequest) -> ListenAddress:
        stored = self._stored_address()
        if stored is not None and request.port not in {None, 0, stored.port}:
            raise InvalidInput(
                f"This home serves at port {stored.port}, which stands in its certificates.",
                remedy="Leave --port out, or use another --home.",
            )
        wanted = stored or ListenAddress(
            request.host, 8080 if request.port is None else request.port
        )
        try:
            state = self._host.start(wanted)
        except AddressInUse:
            if not self._host.state().elsewhere:
                raise
            self._say(f"The responder runs already, in {self._host.state().elsewhere}.")
            return wanted
        if state.address is None or not self._host.wait_loaded(LOAD_SECONDS):
            raise EnvironmentFault("The service host did not start in time.")
        self._say(f"The service host listens at http://{state.address.authority}.")
        return state.address

    def _stored_address(self) -> ListenAddress | None:
        with self._backend.database.read() as tx:
            return tx.settings.listen_address()

    def _place(self, request: QuickstartRequest) -> KeyPlace:
        setup = TokenSetup(self._backend, self._backend.home / "softhsm", self._say)
        if request.library:
            return setup.given_token(request.library, request.token, request.pin)
        found = [
            library.path
            for library in self._backend.libraries.found()
            if library.product == "SoftHSM 2" and not library.problem
        ]
        if not found:
            self._say("No SoftHSM was found: the keys go to the software provider.")
            return software_place()
        return setup.own_token(found[0])

    def _require_working(self) -> None:
        for status in self._backend.status.all():
            problem = status.first_problem
            if problem is not None:
                raise EnvironmentFault(
                    f"{status.name}: {status.headline}.",
                    cause=problem.reason,
                    remedy=problem.fix_command,
                )
            self._say(f"Revocation configuration {status.name}: {status.headline}.")

"""Legacy providers (CAPI): registered with the partition's password, RSA only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from app.domain.commands import command_line
from app.domain.errors import InvalidInput, NameInUse, NotFound, PinIncorrect, PinLocked, Refused
from app.domain.events import EventLevel
from app.domain.keys import TokenIdentity
from app.domain.libraries import Library
from app.domain.pins import check_password
from app.domain.services import ServiceName
from app.services.security_library.key_access import refuse_disabled

if TYPE_CHECKING:
    from app.domain.clock import Clock
    from app.domain.ids import LibraryId
    from app.domain.secret import Secret
    from app.hsm.isolation import KeyIsolation
    from app.services.events import EventService
    from app.services.service_control import ServiceControl
    from app.store.database import Database

SOURCE = "Security Library"


@dataclass(frozen=True, slots=True)
class LegacyRegistration:
    """A legacy provider that was registered or unregistered.

    Attributes:
        library: as it is now.
        token: whose password was tried; None when none was.
        restart: services that run and know the providers from their start.
    """

    library: Library
    token: TokenIdentity | None
    restart: tuple[ServiceName, ...]

    @property
    def provider(self) -> str:
        """Name of the legacy provider."""
        return self.library.legacy_name


class LegacyProviders:
    """What the vendors' `register` tools do: registers the legacy provider of a library.

    Not for the GUI thread.
    """

    def __init__(
        self,
        database: Database,
        isolation: KeyIsolation,
        services: ServiceControl,
        events: EventService,
        clock: Clock,
    ) -> None:
        self._database = database
        self._isolation = isolation
        self._services = services
        self._events = events
        self._clock = clock

    def tokens(self, library_id: LibraryId) -> tuple[TokenIdentity, ...]:
        """The tokens of a library that are registered for an account, each once.

        Raises:
            NotFound: there is no such library.
        """
        with self._database.read() as tx:
            tx.libraries.get(library_id)
            rows = tx.registrations.for_library(library_id)
        return tuple(dict.fromkeys(row.token for row in rows))

    def register(
        self, library_id: LibraryId, pin: Secret | None, token: TokenIdentity | None = None
    ) -> LegacyRegistration:
        """Try the partition's password once and, when it is taken, list the legacy provider.

        Args:
            library_id: of the library.
            pin: the partition's password; None for a token that asks on its own PIN pad.
            token: where several are registered; None takes the only one.

        Raises:
            NotFound: there is no such library.
            NameInUse: a legacy provider of that name is registered.
            Refused: no slot of the library is registered.
            InvalidInput: several are and none is named, or the password cannot be the token's.
            TokenAbsent: no slot holds the token.
            PinIncorrect, PinLocked: the token refused; it is not tried again.
            LibraryUnusable: the library is disabled, or cannot be loaded.
        """
        with self._database.read() as tx:
            library = tx.libraries.get(library_id)
            _refuse_name(library, tx.libraries.all())
        refuse_disabled(library)
        chosen = _chosen(library, self.tokens(library_id), token)
        self._try(library, chosen, pin)
        with self._database.write() as tx:
            _refuse_name(tx.libraries.get(library_id), tx.libraries.all())
            tx.libraries.set_legacy(library_id, self._clock.now())
            message = f"The legacy provider {library.legacy_name} was registered."
            self._events.note(tx, SOURCE, message, library.vendor)
            library = tx.libraries.get(library_id)
        return LegacyRegistration(library, chosen, self._running())

    def unregister(self, library_id: LibraryId) -> LegacyRegistration:
        """List the legacy provider no more; keys that were made with it stay usable.

        Raises:
            NotFound: there is no such library, or its legacy provider is not registered.
        """
        with self._database.write() as tx:
            library = tx.libraries.get(library_id)
            if library.legacy_at is None:
                raise NotFound(f"The legacy provider {library.legacy_name} is not registered.")
            tx.libraries.set_legacy(library_id, None)
            message = f"The legacy provider {library.legacy_name} was unregistered."
            self._events.note(tx, SOURCE, message, library.vendor)
            library = tx.libraries.get(library_id)
        return LegacyRegistration(library, None, self._running())

    def _running(self) -> tuple[ServiceName, ...]:
        return tuple(each.name for each in self._services.list() if each.started)

    def _try(self, library: Library, token: TokenIdentity, pin: Secret | None) -> None:
        """Exactly one C_Login, after everything that can be refused without one."""
        isolated = self._isolation.library(library.spec)
        slot = next((each for each in isolated.slots() if each.token == token), None)
        if slot is not None:  # an absent token is told of by the library's process
            check_password("partition password", library, slot, pin)
        try:
            isolated.verify_pin(token, pin)
        except (PinIncorrect, PinLocked) as error:
            message = f"The token {token.label} refused the partition password: {error.message}"
            self._events.record(EventLevel.WARNING, SOURCE, 0, message, token.label)
            raise


def _refuse_name(library: Library, libraries: tuple[Library, ...]) -> None:
    for each in libraries:
        if each.legacy_at is not None and each.legacy_name == library.legacy_name:
            raise NameInUse(
                f"The legacy provider {library.legacy_name} is registered already.",
                cause=f"It belongs to the library {each.vendor}.",
                remedy="Unregister it first: "
                + command_line("provider", "unregister-legacy", each.vendor),
            )


def _chosen(
    library: Library, tokens: tuple[TokenIdentity, ...], token: TokenIdentity | None
) -> TokenIdentity:
    if token is not None and token in tokens:
        return token
    names = ", ".join(f"{each.label} ({each.serial})" for each in tokens)
    if token is not None or not tokens:
        raise Refused(
            f"No slot of {library.vendor} is registered."
            if token is None
            else f"The slot {token.label} of {library.vendor} is not registered.",
            cause="The legacy provider uses the registered slots.",
            remedy=f"Registered are {names}."
            if names
            else "Register a slot first: " + command_line("slot", "register", "--help"),
        )
    if len(tokens) > 1:
        raise InvalidInput(
            f"Several slots of {library.vendor} are registered.", remedy=f"Name one of {names}."
        )
    return tokens[0]

"""What the registered slots are and what was decided for their tokens."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from app.domain.errors import InvalidInput, TokenAbsent
from app.domain.libraries import MAX_LANES
from app.domain.luna import LunaEvidence
from app.services.security_library.exposure import Exposure, exposures, warning_for
from app.services.security_library.prerequisites import Prerequisite, prerequisites
from app.services.security_library.slot_sheet import SlotFact, sheet_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from app.domain.clock import Clock
    from app.domain.ids import LibraryId
    from app.domain.keys import TokenIdentity
    from app.domain.libraries import Library, SlotRegistration, TokenSettings
    from app.domain.principals import AccountName, Directory
    from app.domain.tokens import SlotFacts, SlotTrial
    from app.hsm.isolation import KeyIsolation
    from app.services.events import EventService
    from app.store.database import Database, Transaction

SOURCE = "Security Library"


def no_luna_evidence(_library: Library) -> LunaEvidence:
    """For a home whose libraries are none of Luna's."""
    return LunaEvidence(applies=False)


class SlotViews:
    """The part of `SlotService` that opens no token: facts, settings and warnings."""

    def __init__(
        self,
        *,
        database: Database,
        isolation: KeyIsolation,
        directory: Directory,
        events: EventService,
        clock: Clock,
        evidence: Callable[[Library], LunaEvidence],
    ) -> None:
        self._database = database
        self._isolation = isolation
        self._directory = directory
        self._events = events
        self._clock = clock
        self._evidence = evidence

    def registered(self) -> tuple[SlotRegistration, ...]:
        """All registrations."""
        with self._database.read() as tx:
            return tx.registrations.all()

    def find_token(self, library_id: LibraryId, label_or_serial: str) -> SlotFacts:
        """The slot whose token has that label or serial; "" is the only token.

        Raises:
            TokenAbsent: none has; the remedy lists the tokens.
            InvalidInput: several have that label; the remedy lists their serials.
        """
        library = self._library(library_id)
        slots = self._isolation.library(library.spec).slots()
        wanted = label_or_serial.strip().casefold()
        found = [
            (slot, slot.token)
            for slot in slots
            if slot.token is not None
            and wanted in {"", slot.token.label.casefold(), slot.token.serial.casefold()}
        ]
        if len(found) == 1:
            return found[0][0]
        if found:
            names = ", ".join(f"{token.serial} ({token.label})" for _, token in found)
            raise InvalidInput(
                f"Several tokens are called “{label_or_serial}”."
                if wanted
                else "The library has several tokens.",
                remedy=f"Name one by its serial: {names}.",
            )
        labels = ", ".join(slot.token.label for slot in slots if slot.token is not None)
        raise TokenAbsent(
            f"No slot of {library.vendor} holds a token “{label_or_serial}”.",
            remedy=f"There are: {labels}." if labels else "Initialise or connect a token first.",
        )

    def sheet(self, library_id: LibraryId, slot: SlotFacts) -> tuple[SlotFact, ...]:
        """Every fact of a slot with its source; None as value where nothing reports it."""
        return sheet_of(slot, self._evidence(self._library(library_id)))

    def prerequisites(
        self, library_id: LibraryId, slot: SlotFacts, trial: SlotTrial | None = None
    ) -> tuple[Prerequisite, ...]:
        """The guide's checklist of a Luna client's slot; empty for other libraries."""
        library = self._library(library_id)
        settings = self.settings(library_id, slot.token) if slot.token is not None else None
        if settings is None:
            return ()
        return prerequisites(slot, self._evidence(library), settings, trial)

    def settings(self, library_id: LibraryId, token: TokenIdentity) -> TokenSettings:
        """What was decided for a token."""
        with self._database.read() as tx:
            return tx.token_settings.get(library_id, token)

    def exposures(self) -> tuple[Exposure, ...]:
        """Registrations through which the responder's account reaches a CA's key."""
        with self._database.read() as tx:
            return exposures(tx)

    def exposure_warning(
        self, library_id: LibraryId, token: TokenIdentity, accounts: tuple[AccountName, ...]
    ) -> str:
        """What to say before a token is registered for these accounts; "" when nothing is."""
        with self._database.read() as tx:
            path = tx.libraries.get(library_id).spec.path
            return warning_for(tx, path, token, accounts)

    def set_lanes(self, library_id: LibraryId, token: TokenIdentity, lanes: int) -> TokenSettings:
        """Keep how many signatures of a token run side by side, in every process.

        Raises:
            InvalidInput: not 1 to 32.
            NotFound: there is no such library.
        """
        if not 1 <= lanes <= MAX_LANES:
            raise InvalidInput(
                f"{lanes} is not a number of signing lanes.",
                remedy=f"Choose 1 to {MAX_LANES}.",
            )
        message = f"The token {token.label} signs in {lanes} lanes from now on."
        return self._settle(library_id, token, message, lambda old: replace(old, lanes=lanes))

    def confirm_policies(self, library_id: LibraryId, token: TokenIdentity) -> TokenSettings:
        """Keep that this account confirms the partition policies 22 and 23 of a PED partition.

        Raises:
            NotFound: there is no such library.
        """
        account, now = self._directory.current_account(), self._clock.now()
        message = f"{account} confirmed the policies 22 and 23 of the partition {token.label}."
        return self._settle(
            library_id,
            token,
            message,
            lambda old: replace(old, policies_confirmed_by=account, policies_confirmed_at=now),
        )

    def _settle(
        self,
        library_id: LibraryId,
        token: TokenIdentity,
        message: str,
        change: Callable[[TokenSettings], TokenSettings],
    ) -> TokenSettings:
        with self._database.write() as tx:
            old = tx.token_settings.get(library_id, token)
            new = change(old)
            if new != old:
                tx.token_settings.set(library_id, token, new)
                self._note(tx, token, message)
        return new

    def _library(self, library_id: LibraryId) -> Library:
        with self._database.read() as tx:
            return tx.libraries.get(library_id)

    def _note(self, tx: Transaction, token: TokenIdentity, message: str) -> None:
        self._events.note(tx, SOURCE, message, token.label)

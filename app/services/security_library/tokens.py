"""The tokens themselves: their memory, their mechanisms and their PINs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from app.domain.commands import command_line
from app.domain.errors import (
    DeadlineExceeded,
    InvalidInput,
    LibraryCrashed,
    PinIncorrect,
    PinLocked,
    Refused,
    SecretUnavailable,
    TokenAbsent,
)
from app.domain.events import EventLevel
from app.domain.keys import TokenIdentity
from app.domain.libraries import SlotRegistration
from app.domain.pins import check_pin_length, refuse_locked
from app.domain.secret import Secret
from app.domain.token_memory import TokenMemory, memory_of
from app.services.security_library.key_access import refuse_disabled
from app.services.security_library.stored_pin import login_lock, set_pin_changed

if TYPE_CHECKING:
    from collections.abc import Mapping

    from app.domain.clock import Clock
    from app.domain.ids import LibraryId
    from app.domain.libraries import Library
    from app.domain.secrets import SecretStore
    from app.domain.tokens import Mechanism, SlotFacts
    from app.hsm.isolation import IsolatedLibrary, KeyIsolation
    from app.services.events import EventService
    from app.services.security_library.ledger import LoginLedger
    from app.store.database import Database

SOURCE = "Security Library"

_Held = dict[SlotRegistration, Secret]


@dataclass(frozen=True, slots=True)
class PinChanged:
    """What a change of a PIN touched.

    Attributes:
        updated: registrations whose stored slot password is the new PIN now.
    """

    token: TokenIdentity
    updated: tuple[SlotRegistration, ...]


@dataclass(frozen=True, slots=True)
class _Change:
    """One change of a PIN: whose PIN is tried, the call, and the event when it worked.

    `old` None stands for whatever is stored; `officer` changes no slot password.
    """

    token: TokenIdentity
    whose: str
    change: Callable[[], None]
    done: str
    new: Secret
    old: Secret | None = None
    officer: bool = False


class TokenService:
    """Use cases of tokens, whoever they are registered for; not for the GUI thread."""

    def __init__(
        self,
        *,
        database: Database,
        isolation: KeyIsolation,
        secrets: SecretStore,
        ledger: LoginLedger,
        events: EventService,
        clock: Clock,
    ) -> None:
        self._database = database
        self._isolation = isolation
        self._secrets = secrets
        self._ledger = ledger
        self._events = events
        self._clock = clock

    def facts(self, library_id: LibraryId, token: TokenIdentity) -> SlotFacts:
        """What the library reports of a token and its slot now.

        Raises:
            TokenAbsent: no slot holds the token.
            KeyStorageError: what the library answers.
            NotFound: there is no such library.
        """
        return self._slot(*self._opened(library_id), token)

    def memory(self, library_id: LibraryId, token: TokenIdentity) -> TokenMemory:
        """How much room a token has for keys, as far as it reports that.

        Raises:
            TokenAbsent, KeyStorageError, NotFound: as `facts`.
        """
        return memory_of(self.facts(library_id, token))

    def mechanisms(self, library_id: LibraryId, token: TokenIdentity) -> tuple[Mechanism, ...]:
        """The mechanism list of a token, by name.

        Raises:
            TokenAbsent, KeyStorageError, NotFound: as `facts`.
        """
        _, isolated = self._opened(library_id)
        return tuple(sorted(isolated.mechanisms(token), key=lambda each: each.name))

    # --- PINs ---------------------------------------------------------------------------------

    def change_pin(
        self,
        library_id: LibraryId,
        token: TokenIdentity,
        old: Secret,
        new: Secret,
        *,
        officer: bool = False,
    ) -> PinChanged:
        """Change the user PIN, or with `officer` that of the security officer; one try.

        The slot passwords of this home that hold the old user PIN are updated; nobody logs in
        meanwhile. One that cannot be updated is marked as refused, so that no try is spent on it.

        Raises:
            InvalidInput: a PIN has a length that the token does not take, or both are the same.
            Refused: the token changes its PIN on its own pad.
            PinIncorrect: the old PIN is wrong; with the tries left, where the token tells them.
            PinLocked: it is locked; nothing was tried where the token says so beforehand.
            SecretUnavailable: the password store cannot be read, and nothing was changed; or it
                cannot be written, and the token has its new PIN: the message says which.
            TokenAbsent, KeyStorageError, NotFound: as `facts`.
        """
        whose = "security officer's PIN" if officer else "user PIN"
        library, isolated = self._opened(library_id)
        slot = self._slot(library, isolated, token)
        _refuse_pad(slot, token)
        refuse_locked(library, slot, officer=officer)
        check_pin_length(f"old {whose}", old, slot)
        check_pin_length(f"new {whose}", new, slot)
        if old == new:
            raise InvalidInput(
                f"The new {whose} is the old one.", remedy="Choose another as the new one."
            )
        done = f"The {whose} of the token {token.label} was changed."
        change = partial(isolated.change_pin, token, old, new, officer=officer)
        plan = _Change(token, whose, change, done, new, old=old, officer=officer)
        return self._carry_out(plan)

    def unlock(
        self, library_id: LibraryId, token: TokenIdentity, so_pin: Secret, new_pin: Secret
    ) -> PinChanged:
        """Set a new user PIN as the security officer, also where it is locked; one try.

        All slot passwords of this token that are stored in this home are updated.

        Raises:
            InvalidInput, Refused, PinIncorrect, PinLocked, SecretUnavailable: as `change_pin`;
                PIN errors are about the security officer's.
            TokenAbsent, KeyStorageError, NotFound: as `facts`.
        """
        whose = "security officer's PIN"
        library, isolated = self._opened(library_id)
        slot = self._slot(library, isolated, token)
        _refuse_pad(slot, token)
        refuse_locked(library, slot, officer=True)
        check_pin_length(whose, so_pin, slot)
        check_pin_length("new user PIN", new_pin, slot)
        done = f"The security officer set a new user PIN of the token {token.label}."
        change = partial(isolated.unlock_pin, token, so_pin, new_pin)
        return self._carry_out(_Change(token, whose, change, done, new_pin))

    def _carry_out(self, plan: _Change) -> PinChanged:
        """Change it on the token, then wherever it is kept; a read-only store is seen first.

        Raises:
            SecretUnavailable: see `change_pin`.
        """
        token = plan.token
        if not plan.officer:
            self._held(token, plan.old)  # a locked keyring asks before the token is locked
        with login_lock(self._database.path.parent, token):
            # Read only now: another process may have changed the PIN while this one waited.
            holding = {} if plan.officer else self._held(token, plan.old)
            for row, value in holding.items():
                self._secrets.set(row.secret_name, value)
            try:
                plan.change()
            except (LibraryCrashed, DeadlineExceeded) as error:
                self._doubt(token, holding)
                error.cause = f"It is not known whether the token took the new PIN. {error.cause}"
                raise
            except (PinIncorrect, PinLocked) as error:
                refused = f"The token {token.label} refused the {plan.whose}: {error.message}"
                self._events.record(EventLevel.WARNING, SOURCE, 0, refused, token.label)
                raise
            if not plan.officer:
                self._entered(token, plan.old, plan.new)
            return PinChanged(token, self._stored(plan, holding))

    def _entered(self, token: TokenIdentity, old: Secret | None, new: Secret) -> None:
        """Passwords that were entered for this run alone follow too."""
        with self._database.read() as tx:
            rows = tx.registrations.for_token(token)
        for row in rows:
            if self._ledger.forget(row.id, old):
                self._ledger.enter(row.id, new)

    def _stored(self, plan: _Change, holding: _Held) -> tuple[SlotRegistration, ...]:
        """Keep the new PIN for each registration and trust it again.

        Raises:
            SecretUnavailable: some could not be kept; they are marked as refused.
        """
        lost: dict[SlotRegistration, str] = {}
        for row in holding:
            try:
                self._secrets.set(row.secret_name, plan.new)
                if self._secrets.get(row.secret_name) != plan.new:
                    lost[row] = "The place that gives it out cannot be changed from here."
            except SecretUnavailable as error:
                lost[row] = error.message
        with self._database.write() as tx:
            self._events.note(tx, SOURCE, plan.done, plan.token.label)
            if not plan.officer:
                set_pin_changed(tx, plan.token, self._clock.now())
            for row in holding:
                if row in lost:
                    tx.registrations.mark_refused(row.id, self._clock.now())
                    continue
                tx.registrations.mark_refused(row.id, None)
                message = f"The slot password of {row.token.label} for {row.account} was updated."
                self._events.note(tx, SOURCE, message, row.token.label)
            kept = tuple(tx.registrations.get(row.id) for row in holding if row not in lost)
        if lost:
            raise self._not_stored(plan.token, lost)
        return kept

    def _not_stored(
        self, token: TokenIdentity, lost: Mapping[SlotRegistration, str]
    ) -> SecretUnavailable:
        accounts = ", ".join(str(row.account) for row in lost)
        row, why = next(iter(lost.items()))
        message = (
            f"The token {token.label} has its new PIN, but the slot password of {accounts} could "
            "not be stored."
        )
        self._events.record(EventLevel.ERROR, SOURCE, 0, f"{message} {why}", token.label)
        return SecretUnavailable(
            message,
            cause=why,
            remedy="When the password store works again, enter the new PIN: "
            + command_line("slot", "enter-pin", "--token", token.label, "--user", str(row.account)),
        )

    def _doubt(self, token: TokenIdentity, holding: _Held) -> None:
        """Stored passwords that may be wrong now are not tried before a person enters one."""
        now = self._clock.now()
        with self._database.write() as tx:
            set_pin_changed(tx, token, now)
            for row in holding:
                tx.registrations.mark_refused(row.id, now)
                self._events.within(
                    tx,
                    EventLevel.ERROR,
                    SOURCE,
                    0,
                    f"It is not known whether {token.label} took the new PIN; the stored slot "
                    f"password of {row.account} is not tried before it is entered anew.",
                    subject=row.token.label,
                )

    # --- parts --------------------------------------------------------------------------------

    def _opened(self, library_id: LibraryId) -> tuple[Library, IsolatedLibrary]:
        with self._database.read() as tx:
            library = tx.libraries.get(library_id)
        refuse_disabled(library)
        return library, self._isolation.library(library.spec)

    def _slot(self, library: Library, isolated: IsolatedLibrary, token: TokenIdentity) -> SlotFacts:
        for slot in isolated.slots():
            if slot.token == token:
                return slot
        raise TokenAbsent(
            f"No slot of {library.vendor} holds the token “{token.label}” ({token.serial}).",
            cause="It is not connected, or was initialised anew.",
            remedy="Connect the token, then try again.",
        )

    def _held(self, token: TokenIdentity, pin: Secret | None) -> _Held:
        """Registrations with a stored password, with `pin` only those where it is that one.

        Read before anything changes: a locked keyring asks a person to unlock it now.
        """
        with self._database.read() as tx:
            rows = tx.registrations.for_token(token)
        stored = {row: self._secrets.get(row.secret_name) for row in rows}
        return {row: value for row, value in stored.items() if value and pin in {None, value}}


def _refuse_pad(slot: SlotFacts, token: TokenIdentity) -> None:
    if slot.protected_authentication_path:
        raise Refused(
            f"The token {token.label} takes its PINs on its own pad.",
            cause="Nothing that is typed here reaches it.",
            remedy="Change the PIN with the tools of the token's vendor.",
        )

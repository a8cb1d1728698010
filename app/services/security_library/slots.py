"""Register slots for accounts, keep their passwords and test them."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from app.domain.errors import InvalidInput, NameInUse
from app.domain.ids import LibraryId
from app.domain.keys import KeyAlgorithm, TokenIdentity
from app.domain.libraries import SlotRegistration
from app.domain.principals import AccountName, PrincipalKind
from app.domain.progress import Silent
from app.domain.secret import Secret
from app.domain.tokens import SlotTrial
from app.services.security_library.key_access import refuse_disabled
from app.services.security_library.rebinding import Candidate, Rebinding, Rebound
from app.services.security_library.slot_passwords import (
    PasswordPlace,
    PasswordState,
    SlotPasswords,
)
from app.services.security_library.slot_trials import SlotTrials, algorithms_of, sign_with_a_key
from app.services.security_library.slot_views import SlotViews, no_luna_evidence
from app.services.security_library.stored_pin import set_pin_changed

if TYPE_CHECKING:
    from collections.abc import Callable

    from app.domain.clock import Clock
    from app.domain.ids import RegistrationId
    from app.domain.libraries import Library
    from app.domain.luna import LunaEvidence
    from app.domain.principals import Directory
    from app.domain.progress import Progress
    from app.domain.secrets import SecretStore
    from app.domain.tokens import SlotFacts
    from app.hsm.isolation import KeyIsolation
    from app.services.events import EventService
    from app.services.security_library.key_access import KeyAccess
    from app.store.database import Database, Transaction

SOURCE = "Security Library"
LOG_ON_KINDS = frozenset({PrincipalKind.USER, PrincipalKind.SERVICE_ACCOUNT})


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisterSlot:
    """Which token to register for which accounts.

    Attributes:
        pin: None means the token's own PIN pad.
        trial: what `SlotService.try_slot` answered for this very token and PIN, so that the token
            is not logged in to once more; any other is of no use.
        ask_at_start: store no password; a person enters it each time the program starts.
    """

    library_id: LibraryId
    token: TokenIdentity
    accounts: tuple[AccountName, ...]
    pin: Secret | None = field(repr=False)
    trial: SlotTrial | None = None
    ask_at_start: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class SlotTest:
    """What a test of a registered slot found.

    Attributes:
        signs: a signature was made in the token and is right.
        milliseconds: how long the signature took.
        note: which key signed, or why none did; one sentence.
        may_generate: whether the role may generate keys; None when that is not known.
    """

    registration: SlotRegistration
    slot_id: int
    mechanisms: int
    algorithms: tuple[KeyAlgorithm, ...]
    signs: bool
    milliseconds: float
    note: str
    may_generate: bool | None = None


class SlotService(SlotViews):
    """Use cases of the page Register HSM Slots; not for the GUI thread."""

    def __init__(  # noqa: PLR0913 - a composition of its collaborators
        self,
        *,
        database: Database,
        isolation: KeyIsolation,
        access: KeyAccess,
        secrets: SecretStore,
        directory: Directory,
        events: EventService,
        clock: Clock,
        evidence: Callable[[Library], LunaEvidence] = no_luna_evidence,
    ) -> None:
        super().__init__(
            database=database,
            isolation=isolation,
            directory=directory,
            events=events,
            clock=clock,
            evidence=evidence,
        )
        self._access = access
        self._passwords = SlotPasswords(secrets, access.ledger)
        self._trials = SlotTrials(isolation, events)
        self._rebinding = Rebinding(database, isolation, self._trials, self._passwords, events)

    def secret_place(self) -> tuple[str, bool]:
        """Where passwords are kept, and whether it is the fallback file."""
        return self._passwords.default_place

    def place(self, registration: SlotRegistration) -> PasswordPlace:
        """Where the password of a registration is now, and whether somebody must enter it."""
        return self._passwords.place(registration)

    # --- registering --------------------------------------------------------------------------

    def try_slot(
        self,
        library_id: LibraryId,
        token: TokenIdentity,
        pin: Secret | None,
        progress: Progress | None = None,
    ) -> SlotTrial:
        """Log in once in a process of its own and sign with a session key; nothing is stored.

        Args:
            library_id: of the token.
            token: which one.
            pin: None has the token ask on its own PIN pad, for minutes; `progress` may cancel it.
            progress: is told each step.

        Raises:
            InvalidInput: a PIN of a length that the token does not take, or none where one is due.
            TokenAbsent: no slot holds the token.
            PinIncorrect: with the tries left, where the token tells them.
            PinLocked: the token is locked; a PIN that is known to be locked was not tried.
            DeadlineExceeded: nobody answered the PIN pad, or the HSM does not answer.
            Cancelled: through `progress`.
        """
        library = self._library(library_id)
        refuse_disabled(library)
        return self._trials.try_slot(library, token, pin, progress or Silent())

    def register(self, request: RegisterSlot) -> tuple[SlotRegistration, ...]:
        """Try the PIN once and, when the token takes it, register the token for the accounts.

        All or nothing: a failure leaves neither a row nor a password.

        Raises:
            InvalidInput: no account, or the PIN has a length that the token does not take.
            NotFound: an account or the library does not exist.
            TokenAbsent: no slot holds the token.
            NameInUse: the token is registered for one of the accounts already.
            PinIncorrect: with the tries left, where the token tells them.
            PinLocked: the token is locked; the PIN was not tried.
            SecretUnavailable: the password cannot be stored.
        """
        accounts = self._accounts(request.accounts)
        with self._database.read() as tx:
            library = tx.libraries.get(request.library_id)
            _refuse_registered(tx, request, accounts)
        refuse_disabled(library)
        if self._trials.proves(request.trial, library, request.token, request.pin):
            slot = self._trials.slot(library, request.token)
        else:
            slot = self._trials.verify(library, request.token, request.pin)
        if request.pin is None:  # a PIN pad asks by itself
            request = replace(request, ask_at_start=False)
        rows = self._store(request, accounts, slot.slot_id)
        self._trials.forget(request.token)
        return rows

    def unregister(self, registration_id: RegistrationId) -> None:
        """Forget a registration and its password; the token and its keys stay as they are.

        Raises:
            NotFound: there is no such registration.
        """
        with self._database.write() as tx:
            registration = tx.registrations.get(registration_id)
            tx.registrations.remove(registration_id)
            label, account = registration.token.label, registration.account
            self._note(tx, registration.token, f"The slot {label} of {account} was unregistered.")
        self._access.ledger.forget(registration_id)
        with self._database.read() as tx:
            self._passwords.forget(tx, registration)

    # --- using --------------------------------------------------------------------------------

    def test(self, registration_id: RegistrationId) -> SlotTest:
        """Log in, read the mechanism list and have the token sign with a session key.

        Where the token makes no session key, a key that is there signs.

        Raises:
            KeyStorageError: whatever the library or the token answers.
            NotFound: there is no such registration.
        """
        with self._database.read() as tx:
            registration = tx.registrations.get(registration_id)
            library = tx.libraries.get(registration.library_id)
        refuse_disabled(library)
        slot = self._trials.slot(library, registration.token)
        registration = self._seen(registration, slot)
        isolated = self._isolation.library(library.spec)
        trial = isolated.try_signing(registration.token, self._access.pins(registration))
        provider = self._access.of_registration(library, registration)
        signs, milliseconds = trial.signed, trial.milliseconds
        name = trial.algorithm.replace("_P", " P-")
        note = f"A session key ({name}) signed." if signs else trial.problem
        if not signs and (found := sign_with_a_key(provider)) is not None:
            signs, milliseconds = found.signs, found.milliseconds
            note = f"{found.note} {trial.problem}".strip()
        return SlotTest(
            registration=registration,
            slot_id=slot.slot_id,
            mechanisms=len(trial.mechanisms),
            algorithms=algorithms_of(trial),
            signs=signs,
            milliseconds=milliseconds,
            note=note,
            may_generate=trial.may_generate,
        )

    def enter_pin(
        self, registration_id: RegistrationId, pin: Secret, *, store: bool | None = None
    ) -> SlotRegistration:
        """Try a new PIN once and, when the token takes it, keep it and trust it again.

        A token has one PIN for all accounts: their registrations that were refused get it too.

        Args:
            registration_id: whose password it is.
            pin: tried once.
            store: True stores it from now on, False asks for it at each start from now on; None
                leaves that as it is.

        Raises:
            InvalidInput, TokenAbsent, PinIncorrect, PinLocked, SecretUnavailable: as `register`.
            NotFound: there is no such registration.
        """
        with self._database.read() as tx:
            registration = tx.registrations.get(registration_id)
            library = tx.libraries.get(registration.library_id)
        refuse_disabled(library)
        self._trials.verify(library, registration.token, pin)
        with self._database.read() as tx:
            rows = [
                row
                for row in tx.registrations.for_token(registration.token)
                if row.id == registration_id
                or (row.library_id == library.id and row.pin_refused_at is not None)
            ]
        asked = {row.id: row.ask_at_start for row in rows}
        if store is not None:
            asked[registration_id] = not store
        self._passwords.keep([row for row in rows if not asked[row.id]], pin)
        with self._database.write() as tx:
            set_pin_changed(tx, registration.token, self._clock.now())  # perhaps elsewhere
            for row in rows:
                self._entered(tx, row, ask=asked[row.id])
            entered = tx.registrations.get(registration_id)
        for row in rows:
            self._remember(row, pin, ask=asked[row.id])
        return entered

    def log_in(self, registration_id: RegistrationId, pin: Secret) -> SlotRegistration:
        """Enter the password of a registration that is asked at each start, for this run alone.

        Raises:
            InvalidInput, TokenAbsent, PinIncorrect, PinLocked: as `register`.
            NotFound: there is no such registration.
        """
        return self.enter_pin(registration_id, pin)

    def waiting(self, accounts: tuple[AccountName, ...]) -> tuple[SlotRegistration, ...]:
        """Registrations of these accounts whose password somebody must enter first."""
        keys = {account.key for account in accounts}
        return tuple(
            row
            for row in self.registered()
            if row.ask_at_start
            and row.account.key in keys
            and self._passwords.place(row).state is PasswordState.NEEDED
        )

    def candidates(self, registration_id: RegistrationId) -> tuple[Candidate, ...]:
        """Tokens that may have taken the place of a registered one; see `Rebinding`."""
        return self._rebinding.candidates(registration_id)

    def rebind(
        self,
        registration_id: RegistrationId,
        library_id: LibraryId,
        token: TokenIdentity,
        pin: Secret | None,
        progress: Progress | None = None,
        *,
        although_missing: bool = False,
    ) -> Rebound:
        """Bind all registrations of a token to the one that took its place; see `Rebinding`."""
        return self._rebinding.rebind(
            registration_id,
            library_id,
            token,
            pin,
            progress or Silent(),
            although_missing=although_missing,
        )

    # --- inside -------------------------------------------------------------------------------

    def _entered(self, tx: Transaction, row: SlotRegistration, *, ask: bool) -> None:
        tx.registrations.mark_refused(row.id, None)
        if row.ask_at_start is not ask:
            tx.registrations.set_ask_at_start(row.id, ask=ask)
        how = " It is asked at each start." if ask else ""
        message = f"The slot password of {row.token.label} for {row.account} was entered.{how}"
        self._note(tx, row.token, message)

    def _remember(self, row: SlotRegistration, pin: Secret, *, ask: bool) -> None:
        """Keep a password in memory, or forget it there; a stored one goes when it is asked."""
        if not ask:
            self._access.ledger.forget(row.id)
            return
        self._access.ledger.enter(row.id, pin)
        if not row.ask_at_start:
            with self._database.read() as tx:
                self._passwords.forget(tx, row)

    def _seen(self, registration: SlotRegistration, slot: SlotFacts) -> SlotRegistration:
        """Keep where the token stands today."""
        if registration.slot_hint == slot.slot_id:
            return registration
        with self._database.write() as tx:
            tx.registrations.set_slot_hint(registration.id, slot.slot_id)
            return tx.registrations.get(registration.id)

    def _accounts(self, names: tuple[AccountName, ...]) -> tuple[AccountName, ...]:
        if not names:
            raise InvalidInput(
                "No account is named.", remedy="Name the accounts that will use the slot."
            )
        found = [self._directory.find(str(name), LOG_ON_KINDS).account for name in names]
        return tuple({account.key: account for account in found}.values())

    def _store(
        self, request: RegisterSlot, accounts: tuple[AccountName, ...], slot_id: int
    ) -> tuple[SlotRegistration, ...]:
        now, asks = self._clock.now(), request.ask_at_start
        before: dict[str, Secret | None] = {}
        if not asks:
            self._passwords.open_store(f"slot/{request.token.serial}/{accounts[0].key}")
        try:
            with self._database.write() as tx:
                _refuse_registered(tx, request, accounts)
                rows = tuple(
                    tx.registrations.add(
                        request.library_id,
                        request.token,
                        account,
                        slot_id,
                        now,
                        ask_at_start=asks,
                    )
                    for account in accounts
                )
                if not asks:
                    before = self._passwords.snapshot(rows)
                    self._passwords.keep(rows, request.pin)
                for row in rows:
                    message = f"The slot {row.token.label} was registered for {row.account}."
                    self._note(tx, row.token, message)
        except BaseException:
            self._passwords.restore(before)
            raise
        if asks and request.pin is not None:
            for row in rows:
                self._access.ledger.enter(row.id, request.pin)
        return rows


def _refuse_registered(
    tx: Transaction, request: RegisterSlot, accounts: tuple[AccountName, ...]
) -> None:
    keys = {account.key for account in accounts}
    for row in tx.registrations.for_token(request.token):
        if row.library_id == request.library_id and row.account.key in keys:
            raise NameInUse(
                f"The slot {row.token.label} is registered for {row.account} already.",
                remedy="Unregister it first, or enter its slot password anew.",
            )

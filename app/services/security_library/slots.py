"""Register slots for accounts, keep their passwords and test them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from app.domain.errors import (
    InvalidInput,
    NameInUse,
    PinIncorrect,
    PinLocked,
    TokenAbsent,
)
from app.domain.events import EventLevel
from app.domain.ids import LibraryId
from app.domain.keys import KeyAlgorithm, TokenIdentity
from app.domain.libraries import SlotRegistration
from app.domain.principals import AccountName, PrincipalKind
from app.domain.secret import Secret
from app.domain.tokens import PinState
from app.services.security_library.libraries import check_pin_length
from app.services.security_library.trial import sign_once

if TYPE_CHECKING:
    from app.domain.clock import Clock
    from app.domain.ids import RegistrationId
    from app.domain.libraries import Library
    from app.domain.principals import Directory
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
    """Which token to register for which accounts; `pin` None means the token's own PIN pad."""

    library_id: LibraryId
    token: TokenIdentity
    accounts: tuple[AccountName, ...]
    pin: Secret | None = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class SlotTest:
    """What a test of a registered slot found.

    Attributes:
        signs: a signature was made in the token and is right.
        milliseconds: how long the signature took.
        note: which key signed, or why none did; one sentence.
    """

    registration: SlotRegistration
    slot_id: int
    mechanisms: int
    algorithms: tuple[KeyAlgorithm, ...]
    signs: bool
    milliseconds: float
    note: str


class SlotService:
    """Use cases of the page Register HSM Slots; not for the GUI thread."""

    def __init__(  # noqa: PLR0913 - a composition of seven collaborators
        self,
        *,
        database: Database,
        isolation: KeyIsolation,
        access: KeyAccess,
        secrets: SecretStore,
        directory: Directory,
        events: EventService,
        clock: Clock,
    ) -> None:
        self._database = database
        self._isolation = isolation
        self._access = access
        self._secrets = secrets
        self._directory = directory
        self._events = events
        self._clock = clock

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
        slot = self._slot(library, request.token)
        self._verify(library, slot, request.token, request.pin)
        return self._store(request, accounts, slot.slot_id)

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
        with self._database.read() as tx:
            library = tx.libraries.get(library_id)
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

    def test(self, registration_id: RegistrationId) -> SlotTest:
        """Log in, read the mechanism list and have the token sign.

        A key that is there signs, else a temporary one, which is deleted afterwards.

        Raises:
            KeyStorageError: whatever the library or the token answers.
            NotFound: there is no such registration.
        """
        with self._database.read() as tx:
            registration = tx.registrations.get(registration_id)
            library = tx.libraries.get(registration.library_id)
        slot = self._slot(library, registration.token)
        registration = self._seen(registration, slot)
        mechanisms = self._isolation.library(library.spec).mechanisms(registration.token)
        provider = self._access.of_registration(library, registration)
        algorithms = provider.algorithms()
        trial = sign_once(provider, algorithms)
        return SlotTest(
            registration=registration,
            slot_id=slot.slot_id,
            mechanisms=len(mechanisms),
            algorithms=algorithms,
            signs=trial.signs,
            milliseconds=trial.milliseconds,
            note=trial.note,
        )

    def enter_pin(self, registration_id: RegistrationId, pin: Secret) -> SlotRegistration:
        """Try a new PIN once and, when the token takes it, store it and trust it again.

        A token has one PIN for all accounts: their registrations that were refused get it too.

        Raises:
            InvalidInput, TokenAbsent, PinIncorrect, PinLocked, SecretUnavailable: as `register`.
            NotFound: there is no such registration.
        """
        with self._database.read() as tx:
            registration = tx.registrations.get(registration_id)
            library = tx.libraries.get(registration.library_id)
        slot = self._slot(library, registration.token)
        self._verify(library, slot, registration.token, pin)
        with self._database.read() as tx:
            rows = [
                row
                for row in tx.registrations.for_token(registration.token)
                if row.id == registration_id
                or (row.library_id == library.id and row.pin_refused_at is not None)
            ]
        for row in rows:
            self._secrets.set(row.secret_name, pin)
        with self._database.write() as tx:
            for row in rows:
                tx.registrations.mark_refused(row.id, None)
                self._events.note(
                    tx,
                    SOURCE,
                    f"The slot password of {row.token.label} for {row.account} was entered again.",
                    row.token.label,
                )
            return tx.registrations.get(registration_id)

    def unregister(self, registration_id: RegistrationId) -> None:
        """Forget a registration and its password; the token and its keys stay as they are.

        Raises:
            NotFound: there is no such registration.
        """
        with self._database.write() as tx:
            registration = tx.registrations.get(registration_id)
            tx.registrations.remove(registration_id)
            still_used = registration.secret_name in {
                row.secret_name for row in tx.registrations.for_token(registration.token)
            }
            self._events.note(
                tx,
                SOURCE,
                f"The slot {registration.token.label} of {registration.account} was unregistered.",
                registration.token.label,
            )
        if not still_used:
            self._secrets.delete(registration.secret_name)

    def secret_place(self) -> tuple[str, bool]:
        """Where passwords are kept, and whether it is the fallback file."""
        return self._secrets.description, self._secrets.is_file

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

    def _slot(self, library: Library, token: TokenIdentity) -> SlotFacts:
        for slot in self._isolation.library(library.spec).slots():
            if slot.token == token:
                return slot
        raise TokenAbsent(
            f"No slot of {library.vendor} holds the token “{token.label}” ({token.serial}).",
            cause="It is not connected, or was initialised anew.",
            remedy="Connect the token, or register the slot again.",
        )

    def _verify(
        self, library: Library, slot: SlotFacts, token: TokenIdentity, pin: Secret | None
    ) -> None:
        """Exactly one C_Login, after everything that can be refused without one."""
        if slot.pin_state is PinState.LOCKED:
            raise PinLocked(
                f"The PIN of the token {token.label} is locked.",
                ckr="CKF_USER_PIN_LOCKED",
                function="C_GetTokenInfo",
                library=library.spec.path,
                library_version=library.info.library_version,
                cause="It was entered wrongly too often.",
                remedy="Have the token's security officer unlock it.",
            )
        if pin is None and not slot.protected_authentication_path:
            raise InvalidInput("The slot password is missing.", remedy="Enter the slot password.")
        if pin is not None:
            check_pin_length("slot password", pin, slot)
        try:
            self._isolation.library(library.spec).verify_pin(token, pin)
        except (PinIncorrect, PinLocked) as error:
            message = f"The token {token.label} refused a slot password: {error.message}"
            self._events.record(EventLevel.WARNING, SOURCE, 0, message, token.label)
            raise

    def _store(
        self, request: RegisterSlot, accounts: tuple[AccountName, ...], slot_id: int
    ) -> tuple[SlotRegistration, ...]:
        now = self._clock.now()
        before: dict[str, Secret | None] = {}
        # A locked keyring asks a person to unlock it: now, and not while the database waits.
        self._secrets.get(f"slot/{request.token.serial}/{accounts[0].key}")
        try:
            with self._database.write() as tx:
                _refuse_registered(tx, request, accounts)
                rows = tuple(
                    tx.registrations.add(request.library_id, request.token, account, slot_id, now)
                    for account in accounts
                )
                for row in rows:
                    before[row.secret_name] = self._secrets.get(row.secret_name)
                    self._secrets.set(row.secret_name, request.pin or Secret(b""))
                    self._events.note(
                        tx,
                        SOURCE,
                        f"The slot {row.token.label} was registered for {row.account}.",
                        row.token.label,
                    )
        except BaseException:
            self._restore(before)
            raise
        return rows

    def _restore(self, before: dict[str, Secret | None]) -> None:
        for name, secret in before.items():
            if secret is None:
                self._secrets.delete(name)
            else:
                self._secrets.set(name, secret)


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

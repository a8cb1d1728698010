"""Opens keys for an account: only tokens that are registered for it, with the stored PIN."""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.domain.commands import command_line
from app.domain.errors import (
    InvalidInput,
    NotFound,
    NotLoggedIn,
    PinRefusedBefore,
    Refused,
    SealkeeperError,
    SecretUnavailable,
)
from app.domain.events import EventLevel
from app.domain.keys import KeyAlgorithm
from app.domain.libraries import SOFTWARE_PROVIDER

if TYPE_CHECKING:
    from app.domain.clock import Clock
    from app.domain.ids import RegistrationId
    from app.domain.keys import KeyLocator, KeyProvider, TokenIdentity
    from app.domain.libraries import Library, SlotRegistration
    from app.domain.principals import AccountName
    from app.domain.secret import Secret
    from app.domain.secrets import SecretStore
    from app.hsm.isolation import KeyIsolation
    from app.hsm.software import SoftwareKeyProvider
    from app.services.events import EventService
    from app.store.database import Database, Transaction

SOURCE = "Security Library"


class KeyAccess:
    """Gives key providers to accounts; thread-safe, not for the GUI thread."""

    def __init__(
        self,
        database: Database,
        isolation: KeyIsolation,
        software: SoftwareKeyProvider,
        secrets: SecretStore,
        events: EventService,
        clock: Clock,
    ) -> None:
        self._database = database
        self._isolation = isolation
        self._software = software
        self._secrets = secrets
        self._events = events
        self._clock = clock

    def open(self, locator: KeyLocator, account: AccountName) -> KeyProvider:
        """The provider that holds a key, opened as that account; no login happens yet.

        Raises:
            NotFound: its security library is not registered (any more).
            Refused: the token is not registered for that account.
        """
        if locator.token is None:
            return self._software
        with self._database.read() as tx:
            library = _library_of_path(tx, locator.library_path)
            registration = _registration(tx, library, locator.token, account)
        return self.of_registration(library, registration)

    def open_provider(
        self, provider: str, token: TokenIdentity | None, account: AccountName
    ) -> KeyProvider:
        """A provider by name (with or without `ALG#`), on that token, opened as that account.

        Args:
            provider: as the list of providers shows it.
            token: None takes the only one that is registered for the account.
            account: who opens it.

        Raises:
            NotFound: there is no such provider; the remedy lists those that there are.
            Refused: no slot of it is registered for the account.
            InvalidInput: several are, and none was named; the remedy lists them.
        """
        name = bare_name(provider)
        if name.casefold() == SOFTWARE_PROVIDER.casefold():
            if token is not None:
                raise InvalidInput(
                    f"The {SOFTWARE_PROVIDER} has no tokens.", remedy="Name no token."
                )
            return self._software
        with self._database.read() as tx:
            library = library_of_provider(tx, name)
            chosen = token or _only_token(tx, library, account)
            registration = _registration(tx, library, chosen, account)
        return self.of_registration(library, registration)

    def of_registration(self, library: Library, registration: SlotRegistration) -> KeyProvider:
        """The provider of one registration."""
        pins = StoredPin(registration.id, self._database, self._secrets, self._events, self._clock)
        isolated = self._isolation.library(library.spec)
        return isolated.provider(registration.token, library.provider_name, pins)

    @property
    def software(self) -> SoftwareKeyProvider:
        """The software provider; every account may use it."""
        return self._software


class StoredPin:
    """The PinSource of one registration: its PIN in the secret store.

    A PIN that the token refuses is marked in the database, where every process sees it, with all
    registrations of that token that hold the same one; it is not given out again before a person
    enters another.
    """

    def __init__(
        self,
        registration_id: RegistrationId,
        database: Database,
        secrets: SecretStore,
        events: EventService,
        clock: Clock,
    ) -> None:
        self._registration_id = registration_id
        self._database = database
        self._secrets = secrets
        self._events = events
        self._clock = clock
        self._given: Secret | None = None

    def pin(self) -> Secret | None:
        """See PinSource; an empty stored secret stands for the token's own PIN pad."""
        registration = self._registration()
        if registration is None:
            raise NotLoggedIn(
                "The slot was unregistered, so no slot password is known any more.",
                remedy="Register the slot again.",
            )
        if registration.pin_refused_at is not None:
            raise PinRefusedBefore(
                f"The slot password of {registration.token.label} for {registration.account} "
                "is not tried again.",
                cause=f"The token refused it at {registration.pin_refused_at:%Y-%m-%d %H:%M} UTC.",
                remedy="Enter the right slot password: " + _enter_pin(registration),
            )
        secret = self._secrets.get(registration.secret_name)
        if secret is None:
            raise NotLoggedIn(
                f"No slot password is stored for {registration.token.label} "
                f"and the account {registration.account}.",
                cause="The place where slot passwords are kept was changed or emptied.",
                remedy="Enter the slot password: " + _enter_pin(registration),
            )
        self._given = secret
        return secret or None

    def refused(self, error: SealkeeperError) -> None:
        """See PinSource."""
        own = self._registration()
        if own is None:
            return
        with self._database.read() as tx:
            same_token = [
                row
                for row in tx.registrations.for_token(own.token)
                if row.library_id == own.library_id
            ]
        refused = [row for row in same_token if self._holds_given(row)]
        with self._database.write() as tx:
            for row in refused:
                tx.registrations.mark_refused(row.id, self._clock.now())
                self._events.within(
                    tx,
                    EventLevel.ERROR,
                    SOURCE,
                    0,
                    f"The token {row.token.label} refused the stored slot password of "
                    f"{row.account}: {error.message} It is not tried again.",
                    subject=row.token.label,
                )

    def _registration(self) -> SlotRegistration | None:
        with self._database.read() as tx:
            rows = tx.registrations.all()
        return next((row for row in rows if row.id == self._registration_id), None)

    def _holds_given(self, row: SlotRegistration) -> bool:
        """Whether a registration still holds the PIN that was given out last.

        A person may have entered another one while it was on its way to the token.
        """
        try:
            return self._secrets.get(row.secret_name) == self._given
        except SecretUnavailable:
            return row.id == self._registration_id


def bare_name(provider: str) -> str:
    """The provider's name without `ALG#`.

    Raises:
        InvalidInput: what stands before `#` is no algorithm.
    """
    algorithm, mark, name = provider.strip().partition("#")
    if not mark:
        return algorithm
    if algorithm.upper() not in set(KeyAlgorithm):
        raise InvalidInput(
            f"“{algorithm}” is not an algorithm of a provider.",
            remedy=f"Choose one of {', '.join(KeyAlgorithm)}.",
        )
    return name.strip()


def library_of_provider(tx: Transaction, name: str) -> Library:
    """The library behind a bare provider name.

    Raises:
        NotFound: none; the remedy lists the providers.
    """
    libraries = tx.libraries.all()
    for library in libraries:
        if library.provider_name.casefold() == name.casefold():
            return library
    known = ", ".join([*(library.provider_name for library in libraries), SOFTWARE_PROVIDER])
    raise NotFound(
        f"Invalid provider specified: there is no “{name}”.",
        cause="Its security library is not registered on this machine.",
        remedy=f"Register the library, or choose one of: {known}.",
    )


def _library_of_path(tx: Transaction, path: str) -> Library:
    library = tx.libraries.by_path(path)
    if library is not None:
        return library
    raise NotFound(
        f"The security library {path} is not registered.",
        cause="It was removed after the key was made.",
        remedy="Register the library again.",
    )


def _only_token(tx: Transaction, library: Library, account: AccountName) -> TokenIdentity:
    tokens = tuple(
        dict.fromkeys(
            row.token
            for row in tx.registrations.for_library(library.id)
            if row.account.key == account.key
        )
    )
    if not tokens:
        raise no_slot(account, library.provider_name)
    if len(tokens) > 1:
        names = ", ".join(f"{token.label} ({token.serial})" for token in tokens)
        raise InvalidInput(
            f"{account} has several registered slots of {library.provider_name}.",
            remedy=f"Name one of {names}.",
        )
    return tokens[0]


def _registration(
    tx: Transaction, library: Library, token: TokenIdentity, account: AccountName
) -> SlotRegistration:
    for row in tx.registrations.for_token(token):
        if (row.library_id, row.account.key) == (library.id, account.key):
            return row
    raise no_slot(account, f"the token {token.label}")


def no_slot(account: AccountName, what: str) -> Refused:
    """The refusal for an account without a registration."""
    return Refused(
        f"The account {account} has no registered slot of {what}.",
        cause="Slots are registered for each account on its own.",
        remedy=f"Register the slot for {account}.",
    )


def _enter_pin(registration: SlotRegistration) -> str:
    token, account = registration.token.label, str(registration.account)
    return command_line("slot", "enter-pin", "--token", token, "--user", account)

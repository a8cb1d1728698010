"""Opens keys for an account: only tokens that are registered for it, with the stored PIN."""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.domain.commands import command_line
from app.domain.errors import InvalidInput, LibraryUnusable, NotFound, Refused
from app.domain.keys import KeyAlgorithm
from app.domain.libraries import SOFTWARE_PROVIDER
from app.services.security_library.ledger import LoginLedger
from app.services.security_library.legacy_names import SOFTWARE_ALIASES
from app.services.security_library.legacy_provider import LegacyProvider
from app.services.security_library.stored_pin import StoredPin, refused_before

if TYPE_CHECKING:
    from app.domain.clock import Clock
    from app.domain.keys import KeyLocator, KeyProvider, TokenIdentity
    from app.domain.libraries import Library, SlotRegistration
    from app.domain.principals import AccountName
    from app.domain.secrets import SecretStore
    from app.hsm.isolation import KeyIsolation
    from app.hsm.software import SoftwareKeyProvider
    from app.services.events import EventService
    from app.services.security_library.ledger import Prompt
    from app.store.database import Database, Transaction


class KeyAccess:
    """Gives key providers to accounts; thread-safe, not for the GUI thread.

    Attributes:
        ledger: passwords that a person entered and that are stored nowhere.
        prompt: asks a person for the password of a registration that is asked at each start; None
            where nobody can be asked. It is called in the thread that needs the key.
    """

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
        self.ledger = LoginLedger()
        self.prompt: Prompt | None = None

    def open(self, locator: KeyLocator, account: AccountName) -> KeyProvider:
        """The provider that holds a key, opened as that account; no login happens yet.

        Raises:
            NotFound: its security library is not registered (any more).
            Refused: the token is not registered for that account.
            LibraryUnusable: the library is disabled.
            PinRefusedBefore: the token refused the password; it is not tried again.
        """
        if locator.token is None:
            return self._software
        with self._database.read() as tx:
            library = _library_of_path(tx, locator.library_path)
            registration = _registration(tx, library, locator.token, account)
        return self._opened(library, registration)

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
            InvalidInput: several are, and none was named; the remedy lists them. Or a legacy
                provider is asked for another algorithm than RSA.
            LibraryUnusable, PinRefusedBefore: as `open`.
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
        if name.casefold() != library.legacy_name.casefold():
            return self._opened(library, registration)
        _refuse_other_than_rsa(provider, library)
        return LegacyProvider(self._opened(library, registration), library.legacy_name)

    def of_registration(self, library: Library, registration: SlotRegistration) -> KeyProvider:
        """The provider of one registration, with as many lanes as its token has now."""
        with self._database.read() as tx:
            lanes = tx.token_settings.get(library.id, registration.token).lanes
        isolated = self._isolation.library(library.spec)
        pins = self.pins(registration)
        return isolated.provider(registration.token, library.provider_name, pins, lanes)

    def pins(self, registration: SlotRegistration) -> StoredPin:
        """Where the password of a registration comes from."""
        return StoredPin(
            registration.id,
            self._database,
            self._secrets,
            self._events,
            self._clock,
            ledger=self.ledger,
            prompt=self.prompt,
        )

    def _opened(self, library: Library, registration: SlotRegistration) -> KeyProvider:
        refuse_disabled(library)
        if registration.pin_refused_at is not None:
            raise refused_before(registration)
        return self.of_registration(library, registration)

    @property
    def software(self) -> SoftwareKeyProvider:
        """The software provider; every account may use it."""
        return self._software


def bare_name(provider: str) -> str:
    """The provider's name without `ALG#`; Microsoft's names of software providers become ours.

    Raises:
        InvalidInput: what stands before `#` is no algorithm.
    """
    algorithm, name = _split(provider)
    if algorithm:
        try:
            KeyAlgorithm(algorithm)
        except ValueError:
            raise InvalidInput(
                f"“{algorithm}” is not an algorithm of a provider.",
                remedy=f"Choose one of {', '.join(KeyAlgorithm)}.",
            ) from None
    is_software = name.casefold() in {alias.casefold() for alias in SOFTWARE_ALIASES}
    return SOFTWARE_PROVIDER if is_software else name


def _split(provider: str) -> tuple[str, str]:
    """Algorithm, "" where none is given, and name."""
    before, mark, after = provider.strip().partition("#")
    return (before, after.strip()) if mark else ("", before)


def _refuse_other_than_rsa(provider: str, library: Library) -> None:
    algorithm, _ = _split(provider)
    if algorithm and KeyAlgorithm(algorithm) is not KeyAlgorithm.RSA:
        raise InvalidInput(
            f"{library.legacy_name} has no {algorithm} keys.",
            cause="A legacy provider offers RSA only.",
            remedy=f"Choose RSA, or {algorithm}#{library.provider_name}.",
        )


def refuse_disabled(library: Library) -> None:
    """Refuse a library that was taken out of use.

    Raises:
        LibraryUnusable: it was.
    """
    if library.disabled_at is not None:
        raise disabled_refusal(library)


def disabled_refusal(library: Library) -> LibraryUnusable:
    """What whoever needs a disabled library is told."""
    return LibraryUnusable(
        f"The security library {library.vendor} is disabled.",
        cause=f"It was disabled at {library.disabled_at:%Y-%m-%d %H:%M} UTC.",
        remedy="Enable it first: " + command_line("library", "enable", library.vendor),
        detail=library.spec.path,
    )


def library_of_provider(tx: Transaction, name: str) -> Library:
    """The library behind a bare provider name: of its key storage or its legacy provider.

    Raises:
        NotFound: none; the remedy lists the providers, or registers the legacy provider.
    """
    libraries = tx.libraries.all()
    for library in libraries:
        if library.provider_name.casefold() == name.casefold():
            return library
    legacy = [each for each in libraries if each.legacy_name.casefold() == name.casefold()]
    for library in legacy:
        if library.legacy_at is not None:
            return library
    if legacy:
        raise NotFound(
            f"Invalid provider specified: the legacy provider “{name}” is not registered.",
            cause=f"Its security library {legacy[0].vendor} is.",
            remedy="Register it: " + command_line("provider", "register-legacy", legacy[0].vendor),
        )
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
        remedy=f"Register the slot for {account}: "
        + command_line("slot", "register", "--account", str(account)),
    )

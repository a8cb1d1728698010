"""The key storage providers that the registered libraries and the software store yield."""

from __future__ import annotations

import threading
from concurrent.futures import Future, wait
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from app.domain.errors import SealkeeperError
from app.domain.keys import KeyAlgorithm, TokenIdentity
from app.domain.libraries import SOFTWARE_PROVIDER, Library, ProviderEntry
from app.services.security_library.key_access import (
    bare_name,
    disabled_refusal,
    library_of_provider,
)
from app.services.security_library.legacy_names import SOFTWARE_ALIASES

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from app.domain.ids import LibraryId, RegistrationId
    from app.domain.libraries import SlotRegistration
    from app.domain.principals import AccountName
    from app.domain.secret import Secret
    from app.services.security_library.key_access import KeyAccess
    from app.services.security_library.legacy import LegacyProviders, LegacyRegistration
    from app.store.database import Database

    _Question = tuple[LibraryId, datetime | None, tuple[RegistrationId, ...]]

PATIENCE_S = 5.0


class ProviderKind(StrEnum):
    """Kinds of providers, in the words of the list."""

    KEY_STORAGE = "Key storage provider"
    LEGACY = "Legacy provider"


@dataclass(frozen=True, slots=True)
class ProviderRecord:
    """One line of the list of providers.

    Attributes:
        entry: name and algorithm, `ALG#name` together.
        library: None for the software provider.
        tokens: that hold its keys; () for the software provider.
        aliases: other names by which requests may ask for the provider.
    """

    entry: ProviderEntry
    kind: ProviderKind
    library: Library | None
    tokens: tuple[TokenIdentity, ...]
    aliases: tuple[str, ...] = ()

    @property
    def outdated(self) -> bool:
        """Whether the algorithm is out of date: offered, never proposed."""
        return self.entry.algorithm.outdated


@dataclass(frozen=True, slots=True)
class _Survey:
    """What one library's registered tokens can do, and why not all of them were asked."""

    algorithms: frozenset[KeyAlgorithm]
    problem: str
    tokens: tuple[TokenIdentity, ...] = ()


class ProviderService:
    """Lists providers; a library that is unusable or silent is left out and told of apart.

    Thread-safe; not for the GUI thread.
    """

    def __init__(
        self,
        database: Database,
        access: KeyAccess,
        legacy: LegacyProviders,
        *,
        patience: float = PATIENCE_S,
    ) -> None:
        """Keep `patience`, the seconds after which a silent library is left out."""
        self._database = database
        self._access = access
        self._legacy = legacy
        self._patience = patience
        self._lock = threading.Lock()
        self._asked: dict[_Question, Future[_Survey]] = {}

    def records(self) -> tuple[ProviderRecord, ...]:
        """Every algorithm that a registered token can do, by provider; software last.

        Raises:
            SecretUnavailable: the software provider's passphrase cannot be read.
        """
        found: list[ProviderRecord] = []
        for library, survey in self._surveys():
            found += _records(library, survey)
        software = self._access.software
        found += [
            ProviderRecord(
                ProviderEntry(software.name, algorithm),
                ProviderKind.KEY_STORAGE,
                None,
                (),
                SOFTWARE_ALIASES,
            )
            for algorithm in software.algorithms()
        ]
        return tuple(found)

    def entries(self) -> tuple[ProviderEntry, ...]:
        """`ALG#provider` of all `records`.

        Raises:
            SecretUnavailable: the software provider's passphrase cannot be read.
        """
        return tuple(record.entry for record in self.records())

    def problems(self) -> tuple[tuple[Library, str], ...]:
        """Libraries that `entries` leaves out in whole or in part, with one sentence each."""
        return tuple(
            (library, survey.problem) for library, survey in self._surveys() if survey.problem
        )

    def names(self) -> tuple[str, ...]:
        """Bare names of all providers, whether they can be reached now or not, software last."""
        with self._database.read() as tx:
            libraries = tx.libraries.all()
        legacy = (each.legacy_name for each in libraries if each.legacy_at is not None)
        return (*(each.provider_name for each in libraries), *legacy, SOFTWARE_PROVIDER)

    def legacy_tokens(self, library_id: LibraryId) -> tuple[TokenIdentity, ...]:
        """See `LegacyProviders.tokens`."""
        return self._legacy.tokens(library_id)

    def register_legacy(
        self, library_id: LibraryId, pin: Secret | None, token: TokenIdentity | None = None
    ) -> LegacyRegistration:
        """See `LegacyProviders.register`."""
        return self._legacy.register(library_id, pin, token)

    def unregister_legacy(self, library_id: LibraryId) -> LegacyRegistration:
        """See `LegacyProviders.unregister`."""
        return self._legacy.unregister(library_id)

    def tokens(self, provider: str, account: AccountName) -> tuple[TokenIdentity, ...]:
        """The tokens of a provider that are registered for an account; () for software.

        Raises:
            NotFound: there is no such provider.
        """
        name = bare_name(provider)
        if name.casefold() == SOFTWARE_PROVIDER.casefold():
            return ()
        with self._database.read() as tx:
            library = library_of_provider(tx, name)
            rows = tx.registrations.for_library(library.id)
        return tuple(row.token for row in rows if row.account.key == account.key)

    def _surveys(self) -> tuple[tuple[Library, _Survey], ...]:
        with self._database.read() as tx:
            asked = [
                (library, self._ask(library, tx.registrations.for_library(library.id)))
                for library in tx.libraries.all()
            ]
        wait([future for _, future in asked], timeout=self._patience)
        return tuple((library, self._heard(future)) for library, future in asked)

    def _ask(self, library: Library, rows: tuple[SlotRegistration, ...]) -> Future[_Survey]:
        """Start asking a library, unless the answer to the same question was not heard yet."""
        question = (library.id, library.disabled_at, tuple(row.id for row in rows))
        with self._lock:
            earlier = self._asked.get(question)
            if earlier is not None:
                return earlier
            future = self._asked[question] = Future()
        # A thread of its own, and not one of a pool: silent libraries must not fill the pool.
        name = f"providers-{library.vendor}"
        arguments = (future, library, rows)
        threading.Thread(target=self._answer, args=arguments, name=name, daemon=True).start()
        return future

    def _heard(self, future: Future[_Survey]) -> _Survey:
        """The answer; one that comes later is kept for whoever asks next."""
        if not future.done():
            return _Survey(frozenset(), "The library does not answer.")
        with self._lock:
            self._asked = {key: each for key, each in self._asked.items() if each is not future}
        return future.result()

    def _answer(
        self, future: Future[_Survey], library: Library, rows: tuple[SlotRegistration, ...]
    ) -> None:
        try:
            future.set_result(self._survey(library, rows))
        except Exception as error:  # noqa: BLE001 - the thread's edge; the future carries it
            future.set_exception(error)

    def _survey(self, library: Library, rows: tuple[SlotRegistration, ...]) -> _Survey:
        if library.disabled_at is not None:
            return _Survey(frozenset(), disabled_refusal(library).one_line())
        algorithms: set[KeyAlgorithm] = set()
        tokens: list[TokenIdentity] = []
        problem = ""
        for row in {row.token: row for row in rows}.values():
            try:
                algorithms.update(self._access.of_registration(library, row).algorithms())
                tokens.append(row.token)
            except SealkeeperError as error:
                problem = problem or error.one_line()
        return _Survey(frozenset(algorithms), problem, tuple(tokens))


def _records(library: Library, survey: _Survey) -> Iterator[ProviderRecord]:
    known = sorted(KeyAlgorithm, key=lambda each: each.outdated)  # what is out of date comes last
    offered = [each for each in known if each in survey.algorithms]
    for algorithm in offered:
        entry = ProviderEntry(library.provider_name, algorithm)
        yield ProviderRecord(entry, ProviderKind.KEY_STORAGE, library, survey.tokens)
    if library.legacy_at is not None and KeyAlgorithm.RSA in offered:
        entry = ProviderEntry(library.legacy_name, KeyAlgorithm.RSA)
        yield ProviderRecord(entry, ProviderKind.LEGACY, library, survey.tokens)

"""The key storage providers that the registered libraries and the software store yield."""

from __future__ import annotations

import threading
from concurrent.futures import Future, wait
from dataclasses import dataclass
from typing import TYPE_CHECKING

from app.domain.errors import SealkeeperError
from app.domain.keys import KeyAlgorithm
from app.domain.libraries import SOFTWARE_PROVIDER, ProviderEntry
from app.services.security_library.key_access import bare_name, library_of_provider

if TYPE_CHECKING:
    from app.domain.ids import LibraryId, RegistrationId
    from app.domain.keys import TokenIdentity
    from app.domain.libraries import Library, SlotRegistration
    from app.domain.principals import AccountName
    from app.services.security_library.key_access import KeyAccess
    from app.store.database import Database

    _Question = tuple[LibraryId, tuple[RegistrationId, ...]]

PATIENCE_S = 5.0


@dataclass(frozen=True, slots=True)
class _Survey:
    """What one library's registered tokens can do, and why not all of them were asked."""

    algorithms: frozenset[KeyAlgorithm]
    problem: str


class ProviderService:
    """Lists providers; a library that is unusable or silent is left out and told of apart.

    Thread-safe; not for the GUI thread.
    """

    def __init__(
        self, database: Database, access: KeyAccess, *, patience: float = PATIENCE_S
    ) -> None:
        """Keep `patience`, the seconds after which a silent library is left out."""
        self._database = database
        self._access = access
        self._patience = patience
        self._lock = threading.Lock()
        self._asked: dict[_Question, Future[_Survey]] = {}

    def entries(self) -> tuple[ProviderEntry, ...]:
        """`ALG#provider` for every algorithm that a registered token can do, software last.

        Raises:
            SecretUnavailable: the software provider's passphrase cannot be read.
        """
        found = [
            ProviderEntry(library.provider_name, algorithm)
            for library, survey in self._surveys()
            for algorithm in KeyAlgorithm
            if algorithm in survey.algorithms
        ]
        software = self._access.software
        found += [ProviderEntry(software.name, algorithm) for algorithm in software.algorithms()]
        return tuple(found)

    def problems(self) -> tuple[tuple[Library, str], ...]:
        """Libraries that `entries` leaves out in whole or in part, with one sentence each."""
        return tuple(
            (library, survey.problem) for library, survey in self._surveys() if survey.problem
        )

    def names(self) -> tuple[str, ...]:
        """Bare names of all providers, whether they can be reached now or not, software last."""
        with self._database.read() as tx:
            libraries = tx.libraries.all()
        return (*(library.provider_name for library in libraries), SOFTWARE_PROVIDER)

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
        question = (library.id, tuple(row.id for row in rows))
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
        algorithms: set[KeyAlgorithm] = set()
        problem = ""
        for row in {row.token: row for row in rows}.values():
            try:
                algorithms.update(self._access.of_registration(library, row).algorithms())
            except SealkeeperError as error:
                problem = problem or error.one_line()
        return _Survey(frozenset(algorithms), problem)

"""Retires key pairs: deletes those whose certificates are all past, and keeps the certificates."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING

from app.domain.errors import InvalidInput, KeyAbsent, Refused, SealkeeperError
from app.domain.events import EventLevel
from app.domain.keys import KeyLocator, TokenIdentity
from app.domain.libraries import Library
from app.services.security_library.key_certificates import certificates_of_keys

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from app.domain.clock import Clock
    from app.domain.ids import LibraryId
    from app.domain.keys import KeyProvider
    from app.domain.libraries import TokenSettings
    from app.services.events import EventService
    from app.services.security_library.key_certificates import KeyCertificate
    from app.services.security_library.key_holders import KeyHolders
    from app.store.database import Database, Transaction

SOURCE = "Security Library"
LONGEST_DAYS = 3650
# A failure that stays is told of once a day, however often the host is started.
TOLD_FOR = timedelta(hours=20)
EVENTS_SEEN = 200


@dataclass(frozen=True, slots=True)
class _Due:
    library: Library
    token: TokenIdentity
    locator: KeyLocator


class KeyRetirement:
    """Retires by hand and, for the tokens that it was chosen for, by itself; thread-safe."""

    def __init__(
        self, database: Database, holders: KeyHolders, events: EventService, clock: Clock
    ) -> None:
        self._database = database
        self._holders = holders
        self._events = events
        self._clock = clock

    def retire(self, locator: KeyLocator) -> None:
        """Delete a key pair whose certificates are all past; their records stay.

        Raises:
            Refused: a certificate of it is not past, or none is known; the cause says which.
            KeyStorageError: the token refuses.
        """
        with self._database.read() as tx:
            known = certificates_of_keys(tx, self._clock.now())
        certificates = known.get(locator.public_key_sha256, ())
        why = why_not_retired(certificates)
        if why:
            raise Refused(
                f"The key “{locator.label}” cannot be retired.",
                cause=why,
                remedy="Keys of certificates that are past can be retired; any key can be deleted.",
            )
        self._retire(self._holders.of_key(locator), locator)

    def retire_due(self, now: datetime) -> tuple[KeyLocator, ...]:
        """Retire what is due on the tokens that it was chosen for, each with an event.

        Only pairs that are known here as those of certificates that are past, never orphans. One
        that fails does not keep the others from their turn and stays due.

        Returns:
            What was retired.
        """
        with self._database.read() as tx:
            due = _due(tx, now)
        return tuple(each.locator for each in due if self._retired(each))

    def _retired(self, due: _Due) -> bool:
        try:
            self._retire(self._holders.of_token(due.library, due.token), due.locator)
        except SealkeeperError as error:
            self._failed(due.locator, error)
            return False
        return True

    def _retire(self, provider: KeyProvider, locator: KeyLocator) -> None:
        """Delete it first: a crash before the record leaves it due, and then it is gone already."""
        gone = ""
        try:
            provider.delete(locator)
        except KeyAbsent:
            gone = " It was not there any more."
        now = self._clock.now()
        with self._database.write() as tx:
            rows = certificates_of_keys(tx, now).get(locator.public_key_sha256, ())
            forget_past(tx, rows, now)
            last = max((row.not_after for row in rows), default=None)
            ended = f"; its last certificate ended at {last:%Y-%m-%d %H:%M} UTC" if last else ""
            owners = "; ".join(dict.fromkeys(row.owner for row in rows)) or "nobody any more"
            message = f"The key “{locator.label}” of {owners} was retired{ended}.{gone}"
            self._events.note(tx, SOURCE, message, locator.label)

    def _failed(self, locator: KeyLocator, error: SealkeeperError) -> None:
        message = (
            f"The key “{locator.label}” could not be retired and is tried again tomorrow. "
            f"{error.one_line()}"
        )
        since = self._clock.now() - TOLD_FOR
        with self._database.write() as tx:
            told = tx.events.page(EVENTS_SEEN, None)
            if any(each.message == message and each.at > since for each in told):
                return
            self._events.within(tx, EventLevel.WARNING, SOURCE, 0, message, subject=locator.label)

    def settings(self, library_id: LibraryId, token: TokenIdentity) -> TokenSettings:
        """What was decided for a token."""
        with self._database.read() as tx:
            return tx.token_settings.get(library_id, token)

    def set_days(
        self, library_id: LibraryId, token: TokenIdentity, days: int | None
    ) -> TokenSettings:
        """Choose after how many days keys of certificates that are past retire by themselves.

        Args:
            library_id: through which library the token is reached then.
            token: which token.
            days: 0 to 3650 after the end of the last certificate; None for never.

        Raises:
            InvalidInput: another number of days.
            Refused: the token is registered for nobody, so that nothing could be deleted.
            NotFound: there is no such library.
        """
        if days is not None and not 0 <= days <= LONGEST_DAYS:
            raise InvalidInput(
                f"Keys are not retired after {days} days.",
                remedy=f"Give 0 to {LONGEST_DAYS} days.",
            )
        with self._database.read() as tx:
            library = tx.libraries.get(library_id)
        if days is not None:
            self._holders.registration(library, token)
        when = (
            "do not retire by themselves"
            if days is None
            else f"retire by themselves {days} days after the end of their certificates"
        )
        with self._database.write() as tx:
            settings = replace(tx.token_settings.get(library_id, token), retire_after_days=days)
            tx.token_settings.set(library_id, token, settings)
            message = f"Keys on {token.label} {when}."
            self._events.note(tx, SOURCE, message, token.label)
        return settings


def why_not_retired(certificates: Sequence[KeyCertificate]) -> str:
    """Why a key with these certificates stays; "" when it may go."""
    if not certificates:
        return "No certificate of it is known here, so nothing says that it is past."
    needed = next((each for each in certificates if not each.past), None)
    if needed is None:
        return ""
    until = f"{needed.not_after:%Y-%m-%d %H:%M} UTC"
    return f"It belongs to the {needed.state} certificate of {needed.owner}, valid until {until}."


def forget_past(tx: Transaction, certificates: Sequence[KeyCertificate], now: datetime) -> None:
    """Keep with the certificates that are past that their key is gone."""
    for each in certificates:
        if each.past and each.signer_id is not None:
            tx.signers.set_key_retired(each.signer_id, now)


def _due(tx: Transaction, now: datetime) -> tuple[_Due, ...]:
    """Keys on the tokens with a setting whose certificates all ended long enough ago."""
    known = certificates_of_keys(tx, now)
    locators = {
        signer.key.public_key_sha256: signer.key
        for configuration in tx.configurations.all()
        for signer in tx.signers.all(configuration.id)
        if signer.key_retired_at is None
    }
    found = []
    for library_id, token, settings in tx.token_settings.all():
        library = tx.libraries.get(library_id)
        if settings.retire_after_days is None or library.disabled_at is not None:
            continue
        latest = now - timedelta(days=settings.retire_after_days)
        found += [
            _Due(library, token, locator)
            for digest, locator in locators.items()
            if locator.token == token
            and all(each.past and each.not_after <= latest for each in known[digest])
        ]
    return tuple({each.locator.public_key_sha256: each for each in found}.values())

"""Binds registrations to a token whose serial or label changed, or to the one that replaces it."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from app.domain.errors import KeyAbsent, NameInUse, Refused, SealkeeperError
from app.domain.events import EventLevel
from app.domain.ids import AuthorityId, SignerId
from app.domain.keys import KeyLocator, TokenIdentity
from app.domain.libraries import Library, SlotRegistration
from app.domain.tokens import SlotFacts
from app.services.security_library.key_access import refuse_disabled
from app.services.security_library.key_test import try_key
from app.services.security_library.stored_pin import login_lock

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from app.domain.ids import LibraryId, RegistrationId
    from app.domain.keys import KeyProvider
    from app.domain.progress import Progress
    from app.domain.secret import Secret
    from app.hsm.isolation import KeyIsolation
    from app.services.events import EventService
    from app.services.security_library.slot_passwords import SlotPasswords
    from app.services.security_library.slot_trials import SlotTrials
    from app.store.database import Database, Transaction

SOURCE = "Security Library"


@dataclass(frozen=True, slots=True)
class Candidate:
    """A token that a registration may be bound to.

    Attributes:
        slot: as its library reports it now; it has a token.
        evidence: what speaks for it, in words.
        rank: the lower, the more speaks for it.
    """

    library: Library
    slot: SlotFacts
    evidence: str
    rank: int

    @property
    def token(self) -> TokenIdentity:
        """The token."""
        assert self.slot.token is not None  # noqa: S101 - candidates have one
        return self.slot.token


@dataclass(frozen=True, slots=True)
class Rebound:
    """What a re-binding did.

    Attributes:
        registrations: all that were bound to the old token, as they are now.
        keys: users of the keys that were found on the new token: `CA Test-CA`.
        missing: users of the keys that are not there; empty unless that was accepted.
        notes: what is left to do by hand, one sentence each.
    """

    registrations: tuple[SlotRegistration, ...]
    keys: tuple[str, ...]
    missing: tuple[str, ...]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _KeyHolder:
    """A CA or a signing certificate whose key the old token held."""

    user: str
    locator: KeyLocator
    authority: AuthorityId | None = None
    signer: SignerId | None = None

    def move(self, tx: Transaction, key: KeyLocator) -> None:
        """Keep where the key is found from now on."""
        if self.authority is not None:
            tx.authorities.update(replace(tx.authorities.get(self.authority), key=key))
        if self.signer is not None:
            tx.signers.set_key(self.signer, key)


class _GivenPin:
    """The PinSource of a PIN that was verified a moment ago."""

    def __init__(self, home: Path, token: TokenIdentity, pin: Secret | None) -> None:
        self._home = home
        self._token = token
        self._pin = pin

    @contextmanager
    def attempt(self) -> Iterator[None]:
        with login_lock(self._home, self._token):
            yield

    def pin(self) -> Secret | None:
        return self._pin

    def refused(self, error: SealkeeperError) -> None:
        """Nothing is stored that could be marked; whoever asked is told."""


class Rebinding:
    """Finds candidates and binds to one of them; not for the GUI thread."""

    def __init__(
        self,
        database: Database,
        isolation: KeyIsolation,
        trials: SlotTrials,
        passwords: SlotPasswords,
        events: EventService,
    ) -> None:
        self._database = database
        self._isolation = isolation
        self._trials = trials
        self._passwords = passwords
        self._events = events

    def candidates(self, registration_id: RegistrationId) -> tuple[Candidate, ...]:
        """All other tokens, the likeliest first; libraries that do not answer are left out.

        Raises:
            NotFound: there is no such registration.
        """
        with self._database.read() as tx:
            registration = tx.registrations.get(registration_id)
            libraries = [each for each in tx.libraries.all() if each.disabled_at is None]
        found: list[Candidate] = []
        for library in libraries:
            own = library.id == registration.library_id
            try:
                slots = self._isolation.library(library.spec).slots()
            except SealkeeperError:
                if own:
                    raise
                continue
            found += [
                _candidate(library, slot, registration.token, own=own)
                for slot in slots
                if slot.token is not None and not (own and slot.token == registration.token)
            ]
        return tuple(sorted(found, key=lambda each: (each.rank, each.token.label)))

    def rebind(
        self,
        registration_id: RegistrationId,
        library_id: LibraryId,
        token: TokenIdentity,
        pin: Secret | None,
        progress: Progress,
        *,
        although_missing: bool = False,
    ) -> Rebound:
        """Try the PIN once, look for the keys, and bind all registrations of the old token.

        The keys that CAs and responders have on the old token must be on the new one: each signs
        once, and the signature is verified with the public key that is known. Registrations,
        settings, the locators of the keys and the stored passwords move together.

        Raises:
            Refused: keys are missing, and `although_missing` was not given; the cause lists them.
            NameInUse: the new token is registered for one of the accounts already.
            InvalidInput, TokenAbsent, PinIncorrect, PinLocked: as `SlotService.register`.
            NotFound: there is no such registration or library.
        """
        with self._database.read() as tx:
            registration = tx.registrations.get(registration_id)
            old, new = tx.libraries.get(registration.library_id), tx.libraries.get(library_id)
            _refuse_taken(tx, registration, new, token)
            holders = _holders(tx, old, registration.token)
        refuse_disabled(new)
        progress.report(f"Opening the token {token.label}, once")
        slot = self._trials.verify(new, token, pin)
        pins = _GivenPin(self._database.path.parent, token, pin)
        provider = self._isolation.library(new.spec).provider(token, new.provider_name, pins)
        found, missing = _look(provider, holders, new, token, progress)
        if missing and not although_missing:
            raise _keys_missing(token, missing)
        progress.report("Binding registrations and keys to the token")
        rows = self._move(registration, old, new, slot, pin, found)
        return Rebound(
            registrations=rows,
            keys=tuple(holder.user for holder, _ in found if holder.user not in missing),
            missing=missing,
            notes=_notes(old, new),
        )

    def _move(
        self,
        registration: SlotRegistration,
        old: Library,
        new: Library,
        slot: SlotFacts,
        pin: Secret | None,
        found: list[tuple[_KeyHolder, KeyLocator]],
    ) -> tuple[SlotRegistration, ...]:
        token = slot.token
        assert token is not None  # noqa: S101 - the caller found the slot by its token
        with self._database.read() as tx:
            before = _same_token(tx, registration)
        after = [replace(row, token=token, library_id=new.id) for row in before]
        stored = [row for row in after if not row.ask_at_start]
        kept = self._passwords.snapshot(stored)
        self._passwords.keep(stored, pin)
        try:
            with self._database.write() as tx:
                _refuse_taken(tx, registration, new, token)
                for row in before:
                    tx.registrations.rebind(row.id, new.id, token, slot.slot_id)
                    tx.registrations.mark_refused(row.id, None)
                tx.token_settings.rebind((old.id, registration.token), (new.id, token))
                if token.serial != registration.token.serial:
                    _forget_confirmation(tx, new.id, token)
                for holder, locator in found:
                    holder.move(tx, locator)
                _move_provider(tx, old, new, {holder.user for holder, _ in found})
                self._tell(tx, registration.token, new, token, before)
                rows = tuple(tx.registrations.get(row.id) for row in before)
        except BaseException:
            self._passwords.restore(kept)
            raise
        with self._database.read() as tx:
            for row in before:
                if not row.ask_at_start:
                    self._passwords.forget(tx, row)
        for row in before:
            self._passwords.ledger.forget(row.id)
        return rows

    def _tell(
        self,
        tx: Transaction,
        old: TokenIdentity,
        library: Library,
        token: TokenIdentity,
        rows: tuple[SlotRegistration, ...],
    ) -> None:
        accounts = " and ".join(str(row.account) for row in rows)
        message = (
            f"The slot {old.label} ({old.serial}) of {accounts} was bound to {token.label} "
            f"({token.serial}) of {library.vendor}."
        )
        self._events.within(tx, EventLevel.INFORMATION, SOURCE, 0, message, subject=token.label)


def _candidate(library: Library, slot: SlotFacts, wanted: TokenIdentity, *, own: bool) -> Candidate:
    token = slot.token
    assert token is not None  # noqa: S101 - the caller left the others out
    where = "" if own else f", in the library {library.vendor}"
    if token.serial == wanted.serial:
        words, rank = f"same serial; its label was {wanted.label}{where}", 0
    elif token.label == wanted.label:
        words, rank = f"same label; its serial was {wanted.serial}{where}", 1
    else:
        words, rank = f"another serial and label{where}", 2
    if token == wanted:
        words, rank = f"same serial and label{where}", 0
    return Candidate(library, slot, words, rank if own else rank + 3)


def _same_token(tx: Transaction, registration: SlotRegistration) -> tuple[SlotRegistration, ...]:
    return tuple(
        row
        for row in tx.registrations.for_token(registration.token)
        if row.library_id == registration.library_id
    )


def _refuse_taken(
    tx: Transaction, registration: SlotRegistration, library: Library, token: TokenIdentity
) -> None:
    if (registration.library_id, registration.token) == (library.id, token):
        raise Refused(
            f"The slot is bound to the token {token.label} ({token.serial}) already.",
            remedy="Name the token that takes its place.",
        )
    moving = {row.account.key for row in _same_token(tx, registration)}
    for row in tx.registrations.for_token(token):
        if row.library_id == library.id and row.account.key in moving:
            raise NameInUse(
                f"The token {token.label} is registered for {row.account} already.",
                remedy="Unregister that one first.",
            )


def _holders(tx: Transaction, library: Library, token: TokenIdentity) -> tuple[_KeyHolder, ...]:
    """The CAs and responders that have a key on the token."""

    def here(key: KeyLocator) -> bool:
        return (key.library_path, key.token) == (library.spec.path, token)

    found = [
        _KeyHolder(f"CA {authority.name}", authority.key, authority=authority.id)
        for authority in tx.authorities.all()
        if here(authority.key)
    ]
    for configuration in tx.configurations.all():
        found += [
            _KeyHolder(
                f"OCSPSvc\\{configuration.name} ({signer.state})", signer.key, signer=signer.id
            )
            for signer in tx.signers.all(configuration.id)
            if here(signer.key) and signer.key_retired_at is None
        ]
    return tuple(found)


def _look(
    provider: KeyProvider,
    holders: tuple[_KeyHolder, ...],
    library: Library,
    token: TokenIdentity,
    progress: Progress,
) -> tuple[list[tuple[_KeyHolder, KeyLocator]], tuple[str, ...]]:
    """Each holder with its locator on the new token, and the users of what is not there."""
    found: list[tuple[_KeyHolder, KeyLocator]] = []
    missing: list[str] = []
    for number, holder in enumerate(holders):
        progress.report("Looking for the keys on the token", number, len(holders))
        wanted = replace(holder.locator, library_path=library.spec.path, token=token)
        key = _find(provider, wanted)
        if key is None:
            missing.append(holder.user)
        found.append((holder, key or wanted))
    return found, tuple(missing)


def _find(provider: KeyProvider, wanted: KeyLocator) -> KeyLocator | None:
    """The key on the new token, once it has signed as the known public key says; or None."""
    try:
        key = provider.find(wanted)
    except KeyAbsent:
        return None
    known = replace(
        key.locator,
        public_key=wanted.public_key,
        public_key_sha256=wanted.public_key_sha256,
    )
    return known if try_key(provider, replace(key, locator=known)).signs else None


def _keys_missing(token: TokenIdentity, missing: tuple[str, ...]) -> Refused:
    return Refused(
        f"The token {token.label} ({token.serial}) does not hold all keys of the old one.",
        cause=f"Missing are the keys of {'; '.join(missing)}.",
        remedy="Restore the keys to this token first, or accept that these cannot sign any more.",
    )


def _forget_confirmation(tx: Transaction, library_id: LibraryId, token: TokenIdentity) -> None:
    """Who confirmed the policies of the old partition has said nothing of another one."""
    settings = tx.token_settings.get(library_id, token)
    if settings.policies_confirmed_at is not None:
        settings = replace(settings, policies_confirmed_by=None, policies_confirmed_at=None)
        tx.token_settings.set(library_id, token, settings)


def _move_provider(tx: Transaction, old: Library, new: Library, users: set[str]) -> None:
    """Let what has moved with its key name the provider of the new library."""
    if old.id == new.id:
        return
    for authority in tx.authorities.all():
        if f"CA {authority.name}" in users:
            name = f"{authority.key.algorithm}#{new.provider_name}"
            tx.authorities.update(replace(authority, provider=name))
    for configuration in tx.configurations.all():
        if configuration.provider in {old.provider_name, old.legacy_name} and any(
            user.startswith(f"OCSPSvc\\{configuration.name} (") for user in users
        ):
            tx.configurations.update(replace(configuration, provider=new.provider_name))


def _notes(old: Library, new: Library) -> tuple[str, ...]:
    if old.id == new.id:
        return ()
    note = (
        f"Templates that name {old.provider_name} keep that name; add {new.provider_name} to "
        "those that the responder uses."
    )
    return (note,)

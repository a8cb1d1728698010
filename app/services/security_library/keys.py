"""The keys in tokens and in the software store, and who uses them."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from app.domain.errors import InUse, InvalidInput, Refused
from app.domain.keys import KeyDescription
from app.domain.libraries import SOFTWARE_PROVIDER
from app.services.security_library.key_access import bare_name, library_of_provider
from app.services.security_library.key_certificates import KeyCertificate, certificates_of_keys
from app.services.security_library.key_holders import KeyHolders
from app.services.security_library.key_test import KeyTest, try_key
from app.services.security_library.retiring import KeyRetirement, forget_past, why_not_retired
from app.services.security_library.usage import keys_in_use

if TYPE_CHECKING:
    from datetime import datetime

    from app.domain.clock import Clock
    from app.domain.ids import LibraryId
    from app.domain.keys import (
        KeyAlgorithm,
        KeyLocator,
        KeySpec,
        TokenIdentity,
    )
    from app.domain.libraries import TokenSettings
    from app.domain.principals import AccountName, Directory
    from app.domain.secret import Secret
    from app.services.events import EventService
    from app.services.security_library.key_access import KeyAccess
    from app.services.security_library.usage import KeyUse
    from app.store.database import Database, Transaction

SOURCE = "Security Library"
LONGEST_LABEL = 64

__all__ = ["KeyOnToken", "KeyService", "KeyTest"]


@dataclass(frozen=True, slots=True)
class KeyOnToken:
    r"""One key pair, its users and their certificates.

    Attributes:
        description: as its holder reports it.
        used_by: `CA Test-CA`, `OCSPSvc\Test (current)`, several joined by `; `; "" for an orphan.
        certificates: those of ours that the key belongs to, the current ones first.
        label_shared: another pair in the same store has the same label.
    """

    description: KeyDescription
    used_by: str
    certificates: tuple[KeyCertificate, ...] = ()
    label_shared: bool = False

    @property
    def why_not_retired(self) -> str:
        """Why it cannot be retired; "" when it can: all its certificates are past."""
        return why_not_retired(self.certificates)


class KeyService:
    """Lists, makes, tests, names, retires and deletes keys; not for the GUI thread."""

    def __init__(
        self,
        *,
        database: Database,
        access: KeyAccess,
        directory: Directory,
        events: EventService,
        clock: Clock,
    ) -> None:
        self._database = database
        self._access = access
        self._directory = directory
        self._events = events
        self._clock = clock
        self._holders = KeyHolders(database, access, directory)
        self._retirement = KeyRetirement(database, self._holders, events, clock)

    # --- looking ------------------------------------------------------------------------------

    def on_token(self, library_id: LibraryId, token: TokenIdentity) -> tuple[KeyOnToken, ...]:
        """The key pairs of a token, seen through one of its registrations.

        Raises:
            Refused: the token is registered for nobody.
            KeyStorageError: what the library or the token answers.
        """
        with self._database.read() as tx:
            library = tx.libraries.get(library_id)
        return self._with_users(self._holders.of_token(library, token).keys())

    def software(self) -> tuple[KeyOnToken, ...]:
        """The key pairs of the software provider."""
        return self._with_users(self._access.software.keys())

    def algorithms(self, library_id: LibraryId, token: TokenIdentity) -> tuple[KeyAlgorithm, ...]:
        """What kinds of keys a token can make and sign with.

        Raises:
            Refused, KeyStorageError: as `on_token`.
        """
        with self._database.read() as tx:
            library = tx.libraries.get(library_id)
        return self._holders.of_token(library, token).algorithms()

    def test(self, locator: KeyLocator) -> KeyTest:
        """Have a key sign a random digest, and verify that with its public half.

        Raises:
            NotFound, Refused: nothing that is registered reaches the key.
            KeyAbsent: it is not there.
            KeyStorageError: what the token answers.
        """
        provider = self._holders.of_key(locator)
        return try_key(provider, provider.find(locator))

    # --- changing -----------------------------------------------------------------------------

    def generate(
        self,
        provider: str,
        token: TokenIdentity | None,
        spec: KeySpec,
        label: str,
        account: AccountName | None = None,
        *,
        so_pin: Secret | None = None,
    ) -> KeyDescription:
        """Generate a key pair in a token, or in the software store.

        Args:
            provider: as the list of providers shows it, with or without `ALG#`.
            token: None takes the only one that is registered for the account.
            spec: algorithm and size.
            label: unlike that of every other pair there.
            account: who opens the token; None takes any that it is registered for.
            so_pin: where only the security officer may generate keys: his PIN.

        Raises:
            InvalidInput: the label is not possible, or the token cannot make such a key.
            NameInUse: a pair there has that label.
            NotFound, Refused: as `KeyAccess.open_provider`.
            PinIncorrect, PinLocked: of the security officer.
            KeyStorageError: what the library or the token answers.
        """
        checked = _checked_label(label)
        opened = self._access.open_provider(
            provider, token, account or self._some_account(provider, token)
        )
        offered = opened.algorithms()
        if spec.algorithm not in offered:
            raise InvalidInput(
                f"{opened.name} cannot make {spec.algorithm} keys on this token.",
                cause="Its mechanism list does not have them.",
                remedy=f"Choose one of {', '.join(offered)}." if offered else "",
            )
        key = opened.generate(spec, checked, so_pin=so_pin)
        with self._database.write() as tx:
            message = f"The {spec} key “{checked}” was generated in {opened.name}."
            self._events.note(tx, SOURCE, message, checked)
        return key

    def rename(self, locator: KeyLocator, label: str) -> KeyDescription:
        """Give a key pair another label, also where it is kept with a CA or a certificate.

        Raises:
            InvalidInput: the label is not possible.
            NameInUse: another pair there has that label.
            NotFound, Refused: nothing that is registered reaches the key.
            KeyStorageError: what the token answers; it may not let labels be changed.
        """
        checked = _checked_label(label)
        provider = self._holders.of_key(locator)
        if checked == locator.label:
            return provider.find(locator)
        renamed = provider.rename(locator, checked)
        with self._database.write() as tx:
            _keep_label(tx, renamed.locator)
            message = f"The key “{locator.label}” was renamed to “{checked}”."
            self._events.note(tx, SOURCE, message, checked)
        return renamed

    def delete(
        self, locator: KeyLocator, *, confirm_label: str, even_if_used: bool = False
    ) -> None:
        """Delete a key pair for good.

        Args:
            locator: which pair.
            confirm_label: its label, typed by the person who wants it gone.
            even_if_used: delete it although a CA or a responder signs with it.

        Raises:
            Refused: `confirm_label` is not the key's label, or no registration reaches it.
            InUse: something uses the key; the cause names it.
            KeyAbsent: it is not there.
        """
        if confirm_label != locator.label:
            raise Refused(
                f"The key “{locator.label}” was not deleted.",
                cause=f"“{confirm_label}” was given as its label.",
                remedy="Give the label of the key exactly to confirm that it may go.",
            )
        with self._database.read() as tx:
            users = _users(keys_in_use(tx), locator)
        if users and not even_if_used:
            raise InUse(
                f"The key “{locator.label}” is in use.",
                cause=f"It is the key of {users}.",
                remedy="Remove what uses it first, or say that it shall be deleted all the same.",
            )
        self._holders.of_key(locator).delete(locator)
        now = self._clock.now()
        with self._database.write() as tx:
            rows = certificates_of_keys(tx, now).get(locator.public_key_sha256, ())
            forget_past(tx, rows, now)
            suffix = f" It was the key of {users}." if users else ""
            message = f"The key “{locator.label}” was deleted.{suffix}"
            self._events.note(tx, SOURCE, message, locator.label)

    # --- retiring -----------------------------------------------------------------------------

    def retire(self, locator: KeyLocator) -> None:
        """Delete a key pair whose certificates are all past; see `KeyRetirement.retire`."""
        self._retirement.retire(locator)

    def retire_due(self, now: datetime | None = None) -> tuple[KeyLocator, ...]:
        """Retire what is due by itself at a time; see `KeyRetirement.retire_due`."""
        return self._retirement.retire_due(now or self._clock.now())

    def retire_after(
        self, library_id: LibraryId, token: TokenIdentity, days: int | None
    ) -> TokenSettings:
        """Choose whether a token's keys retire by themselves; see `KeyRetirement.set_days`."""
        return self._retirement.set_days(library_id, token, days)

    def settings(self, library_id: LibraryId, token: TokenIdentity) -> TokenSettings:
        """What was decided for a token."""
        return self._retirement.settings(library_id, token)

    # --- parts --------------------------------------------------------------------------------

    def _some_account(self, provider: str, token: TokenIdentity | None) -> AccountName:
        """An account that the token is registered for; the current one where that matters not."""
        if token is None or bare_name(provider).casefold() == SOFTWARE_PROVIDER.casefold():
            return self._directory.current_account()
        with self._database.read() as tx:
            library = library_of_provider(tx, bare_name(provider))
        return self._holders.registration(library, token).account

    def _with_users(self, keys: tuple[KeyDescription, ...]) -> tuple[KeyOnToken, ...]:
        with self._database.read() as tx:
            uses = keys_in_use(tx)
            certificates = certificates_of_keys(tx, self._clock.now())
        labels = Counter(key.locator.label for key in keys if key.locator.label)
        return tuple(
            KeyOnToken(
                key,
                _users(uses, key.locator),
                certificates.get(key.locator.public_key_sha256, ()),
                label_shared=labels[key.locator.label] > 1,
            )
            for key in keys
        )


def _users(uses: tuple[KeyUse, ...], locator: KeyLocator) -> str:
    """Who uses a key, through whichever library the token is reached."""
    same = [use.user for use in uses if use.public_key_sha256 == locator.public_key_sha256]
    return "; ".join(dict.fromkeys(same))


def _keep_label(tx: Transaction, renamed: KeyLocator) -> None:
    """The label is a hint for tokens with several keys of one CKA_ID: keep it right everywhere."""

    def stale(key: KeyLocator) -> bool:
        return key.public_key_sha256 == renamed.public_key_sha256 and key.label != renamed.label

    for authority in tx.authorities.all():
        if stale(authority.key):
            tx.authorities.update(
                replace(authority, key=replace(authority.key, label=renamed.label))
            )
    for configuration in tx.configurations.all():
        for signer in tx.signers.all(configuration.id):
            if stale(signer.key):
                tx.signers.set_key(signer.id, replace(signer.key, label=renamed.label))


def _checked_label(label: str) -> str:
    text = label.strip()
    if not text or len(text.encode()) > LONGEST_LABEL or not text.isprintable():
        raise InvalidInput(
            f"“{text[:LONGEST_LABEL]}” is not possible as the label of a key.",
            remedy=f"Use 1 to {LONGEST_LABEL} characters.",
        )
    return text

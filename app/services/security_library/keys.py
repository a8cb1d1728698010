"""The keys in tokens and in the software store, and who uses them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from app.domain.errors import InUse, InvalidInput, NotFound, Refused
from app.domain.keys import (
    KeyDescription,
)
from app.services.security_library.key_access import no_slot
from app.services.security_library.usage import keys_in_use

if TYPE_CHECKING:
    from app.domain.ids import LibraryId
    from app.domain.keys import (
        KeyLocator,
        KeyProvider,
        KeySpec,
        TokenIdentity,
    )
    from app.domain.libraries import Library
    from app.domain.principals import AccountName, Directory
    from app.services.events import EventService
    from app.services.security_library.key_access import KeyAccess
    from app.services.security_library.usage import KeyUse
    from app.store.database import Database

SOURCE = "Security Library"
LONGEST_LABEL = 64


@dataclass(frozen=True, slots=True)
class KeyOnToken:
    r"""One key pair and its users.

    Attributes:
        description: as its holder reports it.
        used_by: `CA Test-CA`, `OCSPSvc\Test (current)`, several joined by `; `; "" for an orphan.
    """

    description: KeyDescription
    used_by: str


class KeyService:
    """Lists, generates and deletes keys; not for the GUI thread."""

    def __init__(
        self, database: Database, access: KeyAccess, directory: Directory, events: EventService
    ) -> None:
        self._database = database
        self._access = access
        self._directory = directory
        self._events = events

    def on_token(self, library_id: LibraryId, token: TokenIdentity) -> tuple[KeyOnToken, ...]:
        """The key pairs of a token, seen through one of its registrations.

        Raises:
            Refused: the token is registered for nobody.
            KeyStorageError: what the library or the token answers.
        """
        with self._database.read() as tx:
            library = tx.libraries.get(library_id)
        return self._with_users(self._any_provider(library, token).keys())

    def software(self) -> tuple[KeyOnToken, ...]:
        """The key pairs of the software provider."""
        return self._with_users(self._access.software.keys())

    def generate(
        self,
        provider: str,
        token: TokenIdentity | None,
        spec: KeySpec,
        label: str,
        account: AccountName,
    ) -> KeyDescription:
        """Generate a key pair in a token, or in the software store.

        Raises:
            InvalidInput: the label is not possible, or the token cannot make such a key.
            NotFound, Refused: as `KeyAccess.open_provider`.
            KeyStorageError: what the library or the token answers.
        """
        checked = _checked_label(label)
        opened = self._access.open_provider(provider, token, account)
        offered = opened.algorithms()
        if spec.algorithm not in offered:
            raise InvalidInput(
                f"{opened.name} cannot make {spec.algorithm} keys on this token.",
                cause="Its mechanism list does not have them.",
                remedy=f"Choose one of {', '.join(offered)}." if offered else "",
            )
        key = opened.generate(spec, checked)
        with self._database.write() as tx:
            message = f"The {spec} key “{checked}” was generated in {opened.name}."
            self._events.note(tx, SOURCE, message, checked)
        return key

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
            library = tx.libraries.by_path(locator.library_path)
        if users and not even_if_used:
            raise InUse(
                f"The key “{locator.label}” is in use.",
                cause=f"It is the key of {users}.",
                remedy="Remove what uses it first, or say that it shall be deleted all the same.",
            )
        self._holder(library, locator).delete(locator)
        with self._database.write() as tx:
            suffix = f" It was the key of {users}." if users else ""
            message = f"The key “{locator.label}” was deleted.{suffix}"
            self._events.note(tx, SOURCE, message, locator.label)

    def _holder(self, library: Library | None, locator: KeyLocator) -> KeyProvider:
        if locator.token is None:
            return self._access.software
        if library is None:
            raise NotFound(
                f"The security library {locator.library_path} is not registered.",
                remedy="Register the library again.",
            )
        return self._any_provider(library, locator.token)

    def _any_provider(self, library: Library, token: TokenIdentity) -> KeyProvider:
        """The token through any registration that is not refused, the current account's first."""
        current = self._directory.current_account()
        with self._database.read() as tx:
            rows = [
                row for row in tx.registrations.for_token(token) if row.library_id == library.id
            ]
        if not rows:
            raise no_slot(current, f"the token {token.label}")
        rows.sort(key=lambda row: (row.pin_refused_at is not None, row.account.key != current.key))
        return self._access.of_registration(library, rows[0])

    def _with_users(self, keys: tuple[KeyDescription, ...]) -> tuple[KeyOnToken, ...]:
        with self._database.read() as tx:
            uses = keys_in_use(tx)
        return tuple(KeyOnToken(key, _users(uses, key.locator)) for key in keys)


def _users(uses: tuple[KeyUse, ...], locator: KeyLocator) -> str:
    """Who uses a key, through whichever library the token is reached."""
    same = [use.user for use in uses if use.public_key_sha256 == locator.public_key_sha256]
    return "; ".join(dict.fromkeys(same))


def _checked_label(label: str) -> str:
    text = label.strip()
    if not text or len(text.encode()) > LONGEST_LABEL or not text.isprintable():
        raise InvalidInput(
            f"“{text[:LONGEST_LABEL]}” is not possible as the label of a key.",
            remedy=f"Use 1 to {LONGEST_LABEL} characters.",
        )
    return text

"""Finds the registration through which a token's keys are reached, whoever it belongs to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.domain.errors import NotFound
from app.services.security_library.key_access import no_slot, refuse_disabled

if TYPE_CHECKING:
    from app.domain.keys import KeyLocator, KeyProvider, TokenIdentity
    from app.domain.libraries import Library, SlotRegistration
    from app.domain.principals import Directory
    from app.services.security_library.key_access import KeyAccess
    from app.store.database import Database


class KeyHolders:
    """Opens tokens for looking after their keys; thread-safe, not for the GUI thread."""

    def __init__(self, database: Database, access: KeyAccess, directory: Directory) -> None:
        self._database = database
        self._access = access
        self._directory = directory

    def of_key(self, locator: KeyLocator) -> KeyProvider:
        """What holds a key.

        Raises:
            NotFound: its security library is not registered (any more).
            Refused: its token is registered for nobody.
        """
        if locator.token is None:
            return self._access.software
        with self._database.read() as tx:
            library = tx.libraries.by_path(locator.library_path)
        if library is None:
            raise NotFound(
                f"The security library {locator.library_path} is not registered.",
                remedy="Register the library again.",
            )
        return self.of_token(library, locator.token)

    def of_token(self, library: Library, token: TokenIdentity) -> KeyProvider:
        """A token of a library.

        Raises:
            Refused: it is registered for nobody.
            LibraryUnusable: the library is disabled.
        """
        refuse_disabled(library)
        return self._access.of_registration(library, self.registration(library, token))

    def registration(self, library: Library, token: TokenIdentity) -> SlotRegistration:
        """A registration whose password is there and was not refused, the current account's first.

        Raises:
            Refused: the token is registered for nobody.
        """
        current = self._directory.current_account()
        with self._database.read() as tx:
            rows = [
                row for row in tx.registrations.for_token(token) if row.library_id == library.id
            ]
        if not rows:
            raise no_slot(current, f"the token {token.label}")
        return min(
            rows,
            key=lambda row: (
                row.pin_refused_at is not None,
                row.ask_at_start and self._access.ledger.get(row.id) is None,
                row.account.key != current.key,
            ),
        )

"""Interfaces of the places that keep PINs and passphrases."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from contextlib import AbstractContextManager
    from datetime import datetime

    from app.domain.errors import SealkeeperError
    from app.domain.secret import Secret


class SecretStore(Protocol):
    """Keeps secrets by name across restarts; may block for a desktop keyring's prompt."""

    @property
    def description(self) -> str:
        """Where secrets are kept, for the screen: `Secret Service keyring`, `file … (0600)`."""
        ...

    @property
    def is_file(self) -> bool:
        """Whether it is the fallback file, which the screen must say."""
        ...

    def place(self, name: str) -> str | None:
        """Where that very secret is kept now, in words for the screen; None when nowhere.

        Raises:
            SecretUnavailable: the store cannot be opened.
        """
        ...

    def get(self, name: str) -> Secret | None:
        """The secret, or None.

        Raises:
            SecretUnavailable: the store cannot be opened.
        """
        ...

    def set(self, name: str, secret: Secret) -> None:
        """Keep a secret, durable on return.

        Raises:
            SecretUnavailable: the store cannot be written.
        """
        ...

    def delete(self, name: str) -> None:
        """Forget a secret; nothing happens when there is none."""
        ...


class PinSource(Protocol):
    """Gives a token's PIN when a login is needed, also again after a restart of the library."""

    def attempt(self) -> AbstractContextManager[datetime | None]:
        """Held from asking for the PIN until the token's verdict on it is known.

        Two processes must not spend a try each on the same wrong PIN. It tells when the token was
        given another PIN last, as far as that is known: a library that was loaded before may know
        the old one alone.
        """
        ...

    def pin(self) -> Secret | None:
        """The PIN; None means the token asks on its own PIN pad.

        Raises:
            PinRefusedBefore: it was refused earlier and nobody has changed it since.
            NotLoggedIn: no PIN is stored and none was entered.
        """
        ...

    def refused(self, error: SealkeeperError) -> None:
        """Called once when the token refused this PIN, before the error is raised."""
        ...

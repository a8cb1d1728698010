"""The passwords of registered slots: where each is kept, and what entering one does."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from app.domain.errors import SecretUnavailable
from app.domain.secret import Secret
from app.hsm.credentials import credential_name

if TYPE_CHECKING:
    from collections.abc import Iterable

    from app.domain.libraries import SlotRegistration
    from app.domain.secrets import SecretStore
    from app.services.security_library.ledger import LoginLedger
    from app.store.database import Transaction


class PasswordState(StrEnum):
    """Whether a slot can be opened as far as its password goes."""

    READY = "ready"
    NEEDED = "needed"
    LOST = "lost"
    UNREADABLE = "unreadable"


@dataclass(frozen=True, slots=True)
class PasswordPlace:
    """Where the password of a registration is; `words` are for the screen."""

    words: str
    state: PasswordState


class SlotPasswords:
    """The passwords of registrations in the secret store and in the ledger; thread-safe."""

    def __init__(self, secrets: SecretStore, ledger: LoginLedger) -> None:
        self._secrets = secrets
        self.ledger = ledger

    @property
    def default_place(self) -> tuple[str, bool]:
        """Where new passwords are kept, and whether it is the fallback file."""
        return self._secrets.description, self._secrets.is_file

    def place(self, registration: SlotRegistration) -> PasswordPlace:
        """Where the password of a registration is now."""
        try:
            stored = self._secrets.get(registration.secret_name)
            place = self._secrets.place(registration.secret_name)
        except SecretUnavailable as error:
            return PasswordPlace(error.one_line(), PasswordState.UNREADABLE)
        if stored is not None and not stored:
            return PasswordPlace("the token's PIN pad", PasswordState.READY)
        if place is not None:
            return PasswordPlace(place, PasswordState.READY)
        if not registration.ask_at_start:
            return PasswordPlace("nowhere", PasswordState.LOST)
        entered = self.ledger.get(registration.id) is not None
        state = PasswordState.READY if entered else PasswordState.NEEDED
        return PasswordPlace("asked at each start", state)

    def keep(self, rows: Iterable[SlotRegistration], pin: Secret | None) -> None:
        """Store the password of registrations; of several that fail half-way, none is changed.

        Raises:
            SecretUnavailable: it cannot be stored.
        """
        before: dict[str, Secret | None] = {}
        try:
            for row in rows:
                before[row.secret_name] = self._secrets.get(row.secret_name)
                self._secrets.set(row.secret_name, pin or Secret(b""))
        except BaseException:
            self.restore(before)
            raise

    def snapshot(self, rows: Iterable[SlotRegistration]) -> dict[str, Secret | None]:
        """What is stored for registrations now, for `restore`.

        Raises:
            SecretUnavailable: a store cannot be opened.
        """
        return {row.secret_name: self._secrets.get(row.secret_name) for row in rows}

    def restore(self, before: dict[str, Secret | None]) -> None:
        """Put back what a change that failed has overwritten."""
        for name, secret in before.items():
            if secret is None:
                self._secrets.delete(name)
            else:
                self._secrets.set(name, secret)

    def open_store(self, name: str) -> None:
        """Have a locked keyring ask a person to unlock it now, not while the database waits.

        Raises:
            SecretUnavailable: the store cannot be opened.
        """
        self._secrets.get(name)

    def forget(self, tx: Transaction, gone: SlotRegistration) -> None:
        """Forget the stored password of a registration unless another one of its token has it."""
        names = {row.secret_name for row in tx.registrations.all() if not row.ask_at_start}
        if gone.secret_name not in names:
            self._secrets.delete(gone.secret_name)


def credential_lines(registration: SlotRegistration) -> tuple[str, str]:
    """How to hand a password to a service: what encrypts it, and what its unit says.

    The password itself is read from standard input by `systemd-creds`; it is never printed.
    """
    name = credential_name(registration.secret_name)
    folder = "/etc/credstore.encrypted"
    encrypt = (
        f"sudo install -d -m 700 {folder} && systemd-ask-password -n | "
        f"sudo systemd-creds encrypt --name={name} - {folder}/{name}"
    )
    return encrypt, f"LoadCredentialEncrypted={name}:{folder}/{name}"

"""Secrets in the desktop's keyring; only those of the operating systems are taken."""

from __future__ import annotations

import contextlib
import importlib
import sys
from typing import TYPE_CHECKING

from keyring.backends.chainer import ChainerBackend
from keyring.errors import KeyringError, PasswordDeleteError

from app.domain.errors import SecretUnavailable
from app.hsm.secret_text import decoded, encoded

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from keyring.backend import KeyringBackend

    from app.domain.secret import Secret

# `SEALKEEPER_SECRETS=file` keeps secrets in the file although a keyring is there.
CHOICE_VARIABLE = "SEALKEEPER_SECRETS"

# The operating systems' own keyrings; nothing that keeps secrets in plain files of its own.
ALLOWED = {
    "keyring.backends.SecretService.Keyring": "Secret Service keyring",
    "keyring.backends.kwallet.DBusKeyring": "KDE Wallet",
    "keyring.backends.kwallet.DBusKeyringKWallet4": "KDE Wallet",
    "keyring.backends.libsecret.Keyring": "Secret Service keyring",
    "keyring.backends.Windows.WinVaultKeyring": "Windows Credential Locker",
    "keyring.backends.macOS.Keyring": "macOS Keychain",
}


def allowed_backend(found: KeyringBackend) -> KeyringBackend | None:
    """The configured keyring if it is of an allowed class, or such a one in a chain of several."""
    members = found.backends if isinstance(found, ChainerBackend) else [found]
    return next((member for member in members if class_name(member) in ALLOWED), None)


def class_name(backend: KeyringBackend) -> str:
    """Full name of a backend's very class: a class derived from an allowed one is another."""
    return f"{type(backend).__module__}.{type(backend).__qualname__}"


def _backend_errors() -> tuple[type[Exception], ...]:
    """What keyrings raise beside their own errors: those of the libraries below them."""
    found: list[type[Exception]] = [KeyringError, OSError, RuntimeError]
    if sys.platform == "linux":
        for module, name in (
            ("secretstorage.exceptions", "SecretStorageException"),
            ("jeepney", "DBusErrorResponse"),
        ):
            with contextlib.suppress(ImportError):
                found.append(getattr(importlib.import_module(module), name))
    return tuple(found)


class KeyringSecretStore:
    """Secrets in the desktop's keyring, as base64 under the service `sealkeeper:<home>`."""

    def __init__(self, backend: KeyringBackend, home: Path) -> None:
        self._backend = backend
        self._service = f"sealkeeper:{home.absolute()}"
        self._errors = _backend_errors()

    @property
    def description(self) -> str:
        """Name of the keyring."""
        return ALLOWED[class_name(self._backend)]

    @property
    def is_file(self) -> bool:
        """False."""
        return False

    @contextlib.contextmanager
    def _explained(self, what: str) -> Iterator[None]:
        try:
            yield
        except self._errors as error:
            raise SecretUnavailable(
                f"The {self.description} does not {what} the secret.",
                cause="It is locked, or not running in this session.",
                remedy=f"Unlock the keyring, or set {CHOICE_VARIABLE}=file to use a file instead.",
                detail=f"{type(error).__name__}: {error}",
            ) from error

    def place(self, name: str) -> str | None:
        """The keyring's name, if it has that secret.

        Raises:
            SecretUnavailable: the keyring is locked or gone.
        """
        return None if self.get(name) is None else self.description

    def get(self, name: str) -> Secret | None:
        """The secret, or None.

        Raises:
            SecretUnavailable: the keyring is locked or gone.
        """
        with self._explained("give out"):
            value = self._backend.get_password(self._service, name)
        return None if value is None else decoded(value)

    def set(self, name: str, secret: Secret) -> None:
        """Keep a secret.

        Raises:
            SecretUnavailable: the keyring is locked or gone.
        """
        with self._explained("keep"):
            self._backend.set_password(self._service, name, encoded(secret))

    def delete(self, name: str) -> None:
        """Forget a secret."""
        with self._explained("forget"), contextlib.suppress(PasswordDeleteError):
            self._backend.delete_password(self._service, name)

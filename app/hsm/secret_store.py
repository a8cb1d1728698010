"""Where PINs and passphrases are kept: the desktop's keyring, or a private file without one."""

from __future__ import annotations

import base64
import binascii
import contextlib
import importlib
import os
import sys
import threading
from typing import TYPE_CHECKING

import keyring
import msgspec
import structlog
from filelock import FileLock
from keyring.backends.chainer import ChainerBackend
from keyring.errors import KeyringError, PasswordDeleteError

from app.domain.errors import SecretUnavailable
from app.domain.secret import Secret
from app.hsm.durable import make_private_folder, open_to_others, write_private

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from keyring.backend import KeyringBackend

    from app.domain.secrets import SecretStore

log = structlog.get_logger(__name__)

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
_PROBE = "probe"


def open_secret_store(home: Path) -> SecretStore:
    """The store of a home: its file where there is one already, else a keyring that answers.

    A home that began with the file stays with it, so that its secrets are never in two places.
    May block for a desktop keyring's prompt.
    """
    file_store = FileSecretStore(home / "secrets")
    if os.environ.get(CHOICE_VARIABLE) == "file" or file_store.path.exists():
        return file_store
    backend = allowed_backend(keyring.get_keyring())
    if backend is None:
        return file_store
    store = KeyringSecretStore(backend, home)
    try:
        store.get(_PROBE)
    except SecretUnavailable as error:
        log.warning("the keyring does not answer, a file is used", reason=error.detail)
        return file_store
    return store


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

    def get(self, name: str) -> Secret | None:
        """The secret, or None.

        Raises:
            SecretUnavailable: the keyring is locked or gone.
        """
        with self._explained("give out"):
            value = self._backend.get_password(self._service, name)
        return None if value is None else _decode(value)

    def set(self, name: str, secret: Secret) -> None:
        """Keep a secret.

        Raises:
            SecretUnavailable: the keyring is locked or gone.
        """
        with self._explained("keep"):
            self._backend.set_password(self._service, name, _encode(secret))

    def delete(self, name: str) -> None:
        """Forget a secret."""
        with self._explained("forget"), contextlib.suppress(PasswordDeleteError):
            self._backend.delete_password(self._service, name)


class _Content(msgspec.Struct):
    """The file: base64 of each secret by name."""

    version: int = 1
    secrets: dict[str, str] = {}

    def __repr__(self) -> str:
        return f"_Content({len(self.secrets)} secrets)"


class FileSecretStore:
    """Secrets in one file that only its owner may read; several processes may use it.

    Args:
        folder: made when the first secret is kept.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.path = folder / "secrets.json"
        self._lock = threading.Lock()

    @property
    def description(self) -> str:
        """Path and mode."""
        return f"file {self.path} (0600)"

    @property
    def is_file(self) -> bool:
        """True."""
        return True

    def get(self, name: str) -> Secret | None:
        """The secret, or None.

        Raises:
            SecretUnavailable: the file cannot be read, is damaged, or open to other users.
        """
        value = self._read().secrets.get(name)
        return None if value is None else _decode(value)

    def set(self, name: str, secret: Secret) -> None:
        """Keep a secret, durable on return.

        Raises:
            SecretUnavailable: the file cannot be read or written.
        """
        with self._changing() as content:
            content.secrets[name] = _encode(secret)

    def delete(self, name: str) -> None:
        """Forget a secret."""
        if self._read().secrets.get(name) is not None:
            with self._changing() as content:
                content.secrets.pop(name, None)

    @contextlib.contextmanager
    def _changing(self) -> Iterator[_Content]:
        try:
            make_private_folder(self._folder)
            with self._lock, FileLock(self._folder / ".lock"):
                content = self._read()
                yield content
                write_private(self.path, msgspec.json.encode(content))
        except OSError as error:
            raise SecretUnavailable(
                f"The secrets in {self.path} cannot be written.",
                cause="The disk is full, or this account has no right to write there.",
                remedy="Check the folder's owner and the free space.",
                detail=str(error),
            ) from error

    def _read(self) -> _Content:
        try:
            if open_to_others(self.path):
                raise SecretUnavailable(
                    f"The secrets in {self.path} are not used, since other users can read them.",
                    cause="The file's mode is wider than 0600.",
                    remedy=f"Run chmod 600 {self.path}, and change PINs that may have been read.",
                )
            content = self.path.read_bytes()
        except FileNotFoundError:
            return _Content()
        except OSError as error:
            raise SecretUnavailable(
                f"The secrets in {self.path} cannot be read.",
                cause="The file belongs to another account.",
                remedy="Run this program with the account that owns the home folder.",
                detail=str(error),
            ) from error
        try:
            return msgspec.json.decode(content, type=_Content)
        except msgspec.MsgspecError as error:
            raise SecretUnavailable(
                f"The file {self.path} is damaged.",
                remedy="Restore it from a backup, or remove it and enter the PINs again.",
            ) from error


def _encode(secret: Secret) -> str:
    return base64.b64encode(secret.reveal()).decode()


def _decode(value: str) -> Secret:
    try:
        return Secret(base64.b64decode(value, validate=True))
    except (binascii.Error, ValueError):
        # Without the error itself: its text may hold what stands there.
        raise SecretUnavailable(
            "A stored secret is damaged.", remedy="Enter the PIN again."
        ) from None

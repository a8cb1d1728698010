"""Secrets in a private file, where no keyring runs."""

from __future__ import annotations

import contextlib
import threading
from typing import TYPE_CHECKING

import msgspec
from filelock import FileLock

from app.domain.errors import SecretUnavailable
from app.hsm.durable import make_private_folder, open_to_others, write_private
from app.hsm.secret_text import decoded, encoded

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from app.domain.secret import Secret


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

    def place(self, name: str) -> str | None:
        """Path and mode, if the file has that secret.

        Raises:
            SecretUnavailable: the file cannot be read, is damaged, or open to other users.
        """
        return None if self.get(name) is None else self.description

    def get(self, name: str) -> Secret | None:
        """The secret, or None.

        Raises:
            SecretUnavailable: the file cannot be read, is damaged, or open to other users.
        """
        value = self._read().secrets.get(name)
        return None if value is None else decoded(value)

    def set(self, name: str, secret: Secret) -> None:
        """Keep a secret, durable on return.

        Raises:
            SecretUnavailable: the file cannot be read or written.
        """
        with self._changing() as content:
            content.secrets[name] = encoded(secret)

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

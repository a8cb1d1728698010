"""Secrets that systemd hands to a service: files below $CREDENTIALS_DIRECTORY, read-only."""

from __future__ import annotations

import hashlib
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

from app.domain.errors import SecretUnavailable
from app.domain.secret import Secret

if TYPE_CHECKING:
    from collections.abc import Mapping

FOLDER_VARIABLE = "CREDENTIALS_DIRECTORY"
PREFIX = "sealkeeper"
PLACE = "systemd credential"
# systemd takes names of up to 255 characters; the encrypted file carries a suffix of its own.
LONGEST_NAME = 200
_PLAIN = re.compile(rb"[a-z0-9-]")


def credential_name(secret_name: str) -> str:
    r"""The name of the credential that holds a secret.

    `slot/8a31/nt authority\system` is `sealkeeper.slot.8a31.nt_20authority_5csystem`: a slash
    becomes a dot, every byte that is no lower-case letter, digit or hyphen an underline and two
    hexadecimal digits. A name that would be too long ends with its SHA-256 instead.
    """
    parts = [
        "".join(
            chr(byte) if _PLAIN.match(bytes([byte])) else f"_{byte:02x}" for byte in part.encode()
        )
        for part in secret_name.split("/")
    ]
    name = ".".join([PREFIX, *parts])
    if len(name) <= LONGEST_NAME:
        return name
    return f"{name[: LONGEST_NAME - 65]}.{hashlib.sha256(secret_name.encode()).hexdigest()}"


class CredentialStore:
    """Credentials of the service that this process belongs to (systemd.exec(5)); thread-safe.

    The content is the secret itself; one line feed at its end is not part of it.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @classmethod
    def of_process(cls, environment: Mapping[str, str] = os.environ) -> CredentialStore | None:
        """The credentials that were handed to this process; None without any."""
        folder = environment.get(FOLDER_VARIABLE, "")
        return cls(Path(folder)) if folder else None

    @property
    def description(self) -> str:
        """`systemd credential`."""
        return PLACE

    def place(self, name: str) -> str | None:
        """The name of the credential, if there is that secret.

        Raises:
            SecretUnavailable: it is there and cannot be read.
        """
        return None if self.get(name) is None else f"{PLACE} {credential_name(name)}"

    def get(self, name: str) -> Secret | None:
        """The secret, or None.

        Raises:
            SecretUnavailable: it is there and cannot be read.
        """
        path = self._folder / credential_name(name)
        try:
            content = path.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise SecretUnavailable(
                f"The systemd credential {path.name} cannot be read.",
                cause="It belongs to another account.",
                remedy="Set the account of the service with User= in its unit.",
                detail=str(error),
            ) from error
        return Secret(content.removesuffix(b"\n").removesuffix(b"\r"))

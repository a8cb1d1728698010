"""Where secrets are kept: keyring, systemd credentials and private file, in a chain."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Protocol

import keyring
import structlog

from app.domain.errors import SecretUnavailable
from app.hsm.credentials import CredentialStore, credential_name
from app.hsm.keyring_store import CHOICE_VARIABLE, KeyringSecretStore, allowed_backend
from app.hsm.secret_file import FileSecretStore

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from app.domain.secret import Secret
    from app.domain.secrets import SecretStore

__all__ = [
    "CHOICE_VARIABLE",
    "FileSecretStore",
    "KeyringSecretStore",
    "SecretStoreChain",
    "allowed_backend",
    "open_secret_store",
]

log = structlog.get_logger(__name__)

_PROBE = "probe"


class SecretSource(Protocol):
    """One place that secrets are read from."""

    def place(self, name: str) -> str | None:
        """As `SecretStore.place`."""
        ...

    def get(self, name: str) -> Secret | None:
        """As `SecretStore.get`."""
        ...


class SecretStoreChain:
    """Reads from several places in their order, and writes to one of them.

    A secret is in one of the places that are written only: it leaves the others when it is set.

    Args:
        sources: in the order in which they are asked.
        writer: where secrets are set; one of the sources.
        others: what else may hold secrets of earlier days, and can forget them.
    """

    def __init__(
        self,
        sources: Sequence[SecretSource],
        writer: SecretStore,
        others: Sequence[SecretStore] = (),
    ) -> None:
        self._sources = tuple(sources)
        self._writer = writer
        self._others = tuple(others)

    @property
    def description(self) -> str:
        """Where secrets are set."""
        return self._writer.description

    @property
    def is_file(self) -> bool:
        """Whether that is the private file."""
        return self._writer.is_file

    def place(self, name: str) -> str | None:
        """Which of the places has that secret; None when none has.

        Raises:
            SecretUnavailable: none has it, and one cannot be asked.
        """
        found = self._first(name)
        return None if found is None else found[0].place(name)

    def get(self, name: str) -> Secret | None:
        """The secret from the first place that has it, or None.

        Raises:
            SecretUnavailable: none has it, and one cannot be asked.
        """
        found = self._first(name)
        return None if found is None else found[1]

    def set(self, name: str, secret: Secret) -> None:
        """Keep a secret, durable on return.

        Raises:
            SecretUnavailable: it cannot be written, or a systemd credential of that name says
                something else and would be read in its stead.
        """
        for source in self._sources:
            if isinstance(source, CredentialStore) and source.get(name) not in {None, secret}:
                raise SecretUnavailable(
                    f"The systemd credential {credential_name(name)} holds another password.",
                    cause="It was handed to this service, which cannot change it.",
                    remedy="Encrypt the new password as that credential and restart the service.",
                )
        self._writer.set(name, secret)
        for other in self._others:
            other.delete(name)

    def delete(self, name: str) -> None:
        """Forget a secret everywhere but in a systemd credential."""
        for store in (self._writer, *self._others):
            store.delete(name)

    def _first(self, name: str) -> tuple[SecretSource, Secret] | None:
        silent: SecretUnavailable | None = None
        for source in self._sources:
            try:
                secret = source.get(name)
            except SecretUnavailable as error:
                silent = silent or error
                continue
            if secret is not None:
                return source, secret
        if silent is not None:
            raise silent
        return None


def open_secret_store(home: Path) -> SecretStoreChain:
    """The places of a home: a keyring that answers, systemd credentials, then the private file.

    Secrets are set in the keyring; in the file where there is no keyring, where
    `SEALKEEPER_SECRETS=file` says so, and where the home began with it, since a service that has
    no desktop must find what was set from a desktop. May block for a keyring's prompt.
    """
    file_store = FileSecretStore(home / "secrets")
    credentials = CredentialStore.of_process()
    handed = () if credentials is None else (credentials,)
    keyring_store = _keyring(home)
    if keyring_store is None:
        return SecretStoreChain((*handed, file_store), file_store)
    sources = (keyring_store, *handed, file_store)
    if file_store.path.exists():
        return SecretStoreChain(sources, file_store, (keyring_store,))
    return SecretStoreChain(sources, keyring_store, (file_store,))


def _keyring(home: Path) -> KeyringSecretStore | None:
    if os.environ.get(CHOICE_VARIABLE) == "file":
        return None
    backend = allowed_backend(keyring.get_keyring())
    if backend is None:
        return None
    store = KeyringSecretStore(backend, home)
    try:
        store.get(_PROBE)
    except SecretUnavailable as error:
        log.warning("the keyring does not answer, a file is used", reason=error.detail)
        return None
    return store

"""The security library and the token that the quick start works on."""

from __future__ import annotations

import os
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from app.domain.errors import NotFound
from app.domain.keys import TokenIdentity
from app.domain.libraries import SOFTWARE_PROVIDER
from app.domain.principals import SYSTEM
from app.domain.secret import Secret
from app.services.security_library.libraries import InitialiseToken, RegisterLibrary
from app.services.security_library.slots import RegisterSlot

if TYPE_CHECKING:
    from collections.abc import Callable

    from app.domain.libraries import Library, SlotRegistration
    from app.services.backend import Backend

LABEL = "OCSP"
CONFIGURATION = """\
directories.tokendir = {folder}
objectstore.backend = file
log.level = ERROR
slots.removable = false
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyPlace:
    """Where the keys of the quick start live.

    Attributes:
        provider: bare provider name.
        library / token / pin_file / softhsm2_conf: None with the software provider; the last two
            only for the token that the quick start made itself.
    """

    provider: str
    library: str | None = None
    token: TokenIdentity | None = None
    pin_file: Path | None = None
    softhsm2_conf: Path | None = None


def software_place() -> KeyPlace:
    """The software provider: keys encrypted at rest."""
    return KeyPlace(provider=SOFTWARE_PROVIDER)


class TokenSetup:
    """Registers a library and a slot for the administrator and the service account."""

    def __init__(self, backend: Backend, folder: Path, say: Callable[[str], None]) -> None:
        self._backend = backend
        self._folder = folder
        self._say = say

    def own_token(self, library_path: str) -> KeyPlace:
        """A SoftHSM token of the quick start's own, made when it is not there yet."""
        conf = self._configuration()
        library = self._library(library_path, (("SOFTHSM2_CONF", str(conf)),))
        registration = self._registration(library, LABEL)
        pin_file = self._folder / "pin"
        if registration is None:
            user_pin = Secret(secrets.token_hex(8))
            # Kept before the token exists: a token whose PIN is lost would be useless.
            _write_private(pin_file, user_pin.reveal())
            _write_private(self._folder / "so-pin", (so_pin := secrets.token_hex(8)).encode())
            facts = self._backend.libraries.initialise_token(
                InitialiseToken(
                    library_id=library.id, label=LABEL, so_pin=Secret(so_pin), user_pin=user_pin
                )
            )
            if facts.token is None:
                raise NotFound("The token is not there after it was initialised.")
            self._say(f"Initialised the token “{LABEL}”, serial {facts.token.serial}.")
            self._register(library, facts.token, user_pin)
            token = facts.token
        else:
            self._say(f"The slot “{registration.token.label}” is registered already.")
            token = registration.token
        return KeyPlace(
            provider=library.provider_name,
            library=library_path,
            token=token,
            pin_file=pin_file,
            softhsm2_conf=conf,
        )

    def given_token(self, library_path: str, label: str, pin: Callable[[], Secret]) -> KeyPlace:
        """A token of somebody else; its PIN is asked for when it is not registered yet."""
        library = self._library(library_path, ())
        registration = self._registration(library, label)
        if registration is None:
            facts = self._backend.slots.find_token(library.id, label)
            if facts.token is None:
                raise NotFound(f"The slot “{label}” holds no initialised token.")
            self._register(library, facts.token, pin())
            token = facts.token
        else:
            self._say(f"The slot “{label}” is registered already.")
            token = registration.token
        return KeyPlace(provider=library.provider_name, library=library_path, token=token)

    def _configuration(self) -> Path:
        tokens = self._folder / "tokens"
        tokens.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        tokens.mkdir(mode=0o700, exist_ok=True)
        conf = self._folder / "softhsm2.conf"
        conf.write_text(CONFIGURATION.format(folder=tokens))
        return conf

    def _library(self, path: str, environment: tuple[tuple[str, str], ...]) -> Library:
        for library in self._backend.libraries.list():
            if library.spec.path == os.path.realpath(path) or library.spec.path == path:
                self._say(f"The security library {library.vendor} is registered already.")
                return library
        library = self._backend.libraries.register(
            RegisterLibrary(path=path, environment=environment)
        )
        self._say(
            f"Registered {path}: {library.info.description}, version "
            f"{library.info.library_version}."
        )
        return library

    def _registration(self, library: Library, label: str) -> SlotRegistration | None:
        """The registration for the service account, which the keys are opened with."""
        for registration in self._backend.slots.registered():
            if (
                registration.library_id == library.id
                and registration.token.label == label
                and registration.account == SYSTEM
            ):
                return registration
        return None

    def _register(self, library: Library, token: TokenIdentity, pin: Secret) -> None:
        known = {
            entry.account
            for entry in self._backend.slots.registered()
            if entry.library_id == library.id and entry.token == token
        }
        accounts = (self._backend.directory.current_account(), SYSTEM)
        missing = tuple(account for account in accounts if account not in known)
        self._backend.slots.register(
            RegisterSlot(library_id=library.id, token=token, accounts=missing, pin=pin)
        )
        place, is_file = self._backend.slots.secret_place()
        self._say(
            f"Registered the slot “{token.label}” for {' and '.join(map(str, missing))}. "
            f"The password is kept in {place}."
            + (" No desktop keyring was found." if is_file else "")
        )


def _write_private(path: Path, content: bytes) -> None:
    """Write a file that only its owner reads, durable on return."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())

"""Where the PIN of one registration comes from at each login, and what a refusal leaves."""

from __future__ import annotations

import hashlib
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING

from filelock import FileLock, Timeout

from app.domain.commands import command_line
from app.domain.errors import (
    HomeUnusable,
    NotLoggedIn,
    PinRefusedBefore,
    SecretUnavailable,
    TokenBusy,
)
from app.domain.events import EventLevel
from app.services.security_library.ledger import LoginLedger

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from app.domain.clock import Clock
    from app.domain.errors import SealkeeperError
    from app.domain.ids import RegistrationId
    from app.domain.keys import TokenIdentity
    from app.domain.libraries import SlotRegistration
    from app.domain.secret import Secret
    from app.domain.secrets import SecretStore
    from app.services.events import EventService
    from app.services.security_library.ledger import Prompt
    from app.store.database import Database, Transaction

SOURCE = "Security Library"
# Longer than a login may take, a person at a PED included.
LOGIN_PATIENCE_S = 300.0


class StoredPin:
    """The PinSource of one registration: what was entered for this run, else what is stored.

    A PIN that the token refuses is marked in the database, where every process sees it, with all
    registrations of that token that hold the same one; it is not given out again before a person
    enters another. One that was only entered is forgotten instead. Made for one provider.
    """

    def __init__(  # noqa: PLR0913 - the places that a PIN comes from
        self,
        registration_id: RegistrationId,
        database: Database,
        secrets: SecretStore,
        events: EventService,
        clock: Clock,
        *,
        ledger: LoginLedger | None = None,
        prompt: Prompt | None = None,
    ) -> None:
        self._registration_id = registration_id
        self._database = database
        self._secrets = secrets
        self._events = events
        self._clock = clock
        self._ledger = ledger or LoginLedger()
        self._prompt = prompt
        self._given: Secret | None = None

    def pin(self) -> Secret | None:
        """See PinSource; an empty stored secret stands for the token's own PIN pad."""
        registration = self._registration()
        if registration is None:
            raise NotLoggedIn(
                "The slot was unregistered, so no slot password is known any more.",
                remedy="Register the slot again.",
            )
        if registration.pin_refused_at is not None:
            raise refused_before(registration)
        secret = self._ledger.get(registration.id)
        if secret is None:
            secret = self._secrets.get(registration.secret_name)
        if secret is None and registration.ask_at_start and self._prompt is not None:
            secret = self._prompt(registration)
            if secret is not None:
                self._ledger.enter(registration.id, secret)
        if secret is None:
            raise not_entered(registration) if registration.ask_at_start else _lost(registration)
        self._given = secret
        return secret or None

    @contextmanager
    def attempt(self) -> Iterator[datetime | None]:
        """See PinSource; the lock is a file, so that it holds between processes.

        Raises:
            TokenBusy: another process is still logging in.
        """
        own = self._registration()
        if own is None:
            yield None  # `pin` says that it was unregistered
            return
        with login_lock(self._database.path.parent, own.token):
            with self._database.read() as tx:
                since = pin_changed_at(tx, own.token)
            yield since

    def refused(self, error: SealkeeperError) -> None:
        """See PinSource."""
        own = self._registration()
        if own is None:
            return
        with self._database.read() as tx:
            same_token = [
                row
                for row in tx.registrations.for_token(own.token)
                if row.library_id == own.library_id
            ]
        for row in same_token:
            self._ledger.forget(row.id, self._given)
        refused = [row for row in same_token if self._holds_given(row)]
        with self._database.write() as tx:
            for row in refused:
                tx.registrations.mark_refused(row.id, self._clock.now())
                self._events.within(
                    tx,
                    EventLevel.ERROR,
                    SOURCE,
                    0,
                    f"The token {row.token.label} refused the stored slot password of "
                    f"{row.account}: {error.message} It is not tried again.",
                    subject=row.token.label,
                )
            if own.id not in {row.id for row in refused} and own.ask_at_start:
                message = f"The token {own.token.label} refused a slot password: {error.message}"
                self._events.within(
                    tx, EventLevel.WARNING, SOURCE, 0, message, subject=own.token.label
                )

    def _registration(self) -> SlotRegistration | None:
        with self._database.read() as tx:
            rows = tx.registrations.all()
        return next((row for row in rows if row.id == self._registration_id), None)

    def _holds_given(self, row: SlotRegistration) -> bool:
        """Whether a registration still holds the PIN that was given out last.

        A person may have entered another one while it was on its way to the token.
        """
        try:
            return self._secrets.get(row.secret_name) == self._given
        except SecretUnavailable:
            return row.id == self._registration_id


@contextmanager
def login_lock(home: Path, token: TokenIdentity) -> Iterator[None]:
    """Held around a login, so that no two processes spend a try each on the same wrong PIN.

    Raises:
        TokenBusy: another process is still logging in.
        HomeUnusable: the lock cannot be made; nothing was tried.
    """
    name = hashlib.sha256(f"{token.serial}/{token.label}".encode()).hexdigest()[:32]
    folder = home / "locks"
    lock = FileLock(folder / f"login-{name}", timeout=LOGIN_PATIENCE_S)
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        lock.acquire()
    except Timeout as error:
        raise TokenBusy(
            f"The token {token.label} is being opened by another process.",
            cause="It waits for a PIN, or its HSM does not answer.",
            remedy="Try again when that is over.",
            detail=str(error.lock_file),
        ) from error
    except OSError as error:
        raise HomeUnusable(
            f"The token {token.label} is not opened, since no lock can be made in {folder}.",
            cause=f"{error.strerror or error}.",
            remedy="Check the folder's owner and the free space. Nothing in it has to be kept.",
            detail=repr(error),
        ) from error
    try:
        yield
    finally:
        lock.release()


def pin_changed_at(tx: Transaction, token: TokenIdentity) -> datetime | None:
    """When a token was given another PIN last, as far as that is known here."""
    text = tx.settings.get(_changed_key(token))
    return datetime.fromisoformat(text) if text else None


def set_pin_changed(tx: Transaction, token: TokenIdentity, at: datetime) -> None:
    """Have every process load the token's library anew before it logs in to it next.

    A soft token's library keeps what belongs to the PIN in memory, and refuses the new one.
    """
    tx.settings.set(_changed_key(token), at.isoformat())


def _changed_key(token: TokenIdentity) -> str:
    return f"token/{token.serial}/{token.label}/pin-changed"


def refused_before(registration: SlotRegistration) -> PinRefusedBefore:
    """The error for a password that the token refused and that nobody has changed since."""
    at = registration.pin_refused_at
    return PinRefusedBefore(
        f"The slot password of {registration.token.label} for {registration.account} "
        "is not tried again.",
        cause=f"The token refused it at {at:%Y-%m-%d %H:%M} UTC." if at is not None else "",
        remedy="Enter the right slot password: " + _enter_pin(registration),
    )


def not_entered(registration: SlotRegistration) -> NotLoggedIn:
    """The error for a password that is asked at each start and was not entered yet."""
    return NotLoggedIn(
        f"The slot password of {registration.token.label} for {registration.account} "
        "was not entered yet.",
        cause="It is stored nowhere: it is asked at each start.",
        remedy="Log in on the page HSM Slots, start the services on a terminal with "
        + command_line("serve")
        + ", or have it stored: "
        + _enter_pin(registration, "--store"),
    )


def _lost(registration: SlotRegistration) -> NotLoggedIn:
    return NotLoggedIn(
        f"No slot password is stored for {registration.token.label} "
        f"and the account {registration.account}.",
        cause="The place where slot passwords are kept was changed or emptied.",
        remedy="Enter the slot password: " + _enter_pin(registration),
    )


def _enter_pin(registration: SlotRegistration, *more: str) -> str:
    token, account = registration.token.label, str(registration.account)
    return command_line("slot", "enter-pin", "--token", token, "--user", account, *more)

"""What is tried at a token before it is registered: one login, and the checks before it."""

from __future__ import annotations

import threading
from collections import deque
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from app.domain.errors import (
    Cancelled,
    PinIncorrect,
    PinLocked,
    TokenAbsent,
)
from app.domain.events import EventLevel
from app.domain.ids import LibraryId
from app.domain.keys import TokenIdentity
from app.domain.pins import check_password
from app.domain.secret import Secret
from app.domain.tokens import SlotTrial
from app.hsm.offers import offered_bits
from app.services.security_library.key_test import KeyTest, try_key

if TYPE_CHECKING:
    from collections.abc import Iterator

    from app.domain.keys import KeyAlgorithm, KeyProvider
    from app.domain.libraries import Library
    from app.domain.progress import Progress
    from app.domain.tokens import SlotFacts
    from app.hsm.isolation import KeyIsolation
    from app.services.events import EventService

SOURCE = "Security Library"
_REMEMBERED = 8


@dataclass(frozen=True, slots=True)
class _Tried:
    trial: SlotTrial
    library_id: LibraryId
    token: TokenIdentity
    pin: Secret | None = field(repr=False)


class SlotTrials:
    """Tries PINs, each once, and remembers which of them were right; thread-safe."""

    def __init__(self, isolation: KeyIsolation, events: EventService) -> None:
        self._isolation = isolation
        self._events = events
        self._lock = threading.Lock()
        self._tried: deque[_Tried] = deque(maxlen=_REMEMBERED)

    def slot(self, library: Library, token: TokenIdentity) -> SlotFacts:
        """The slot that holds a token now.

        Raises:
            TokenAbsent: none does.
        """
        isolated = self._isolation.library(library.spec)
        for slot in isolated.slots():
            if slot.token == token:
                return slot
        raise isolated.explained(
            TokenAbsent(
                f"No slot of {library.vendor} holds the token “{token.label}” ({token.serial}).",
                cause="It is not connected, was initialised anew, or its HSM was replaced.",
                remedy="Connect the token, or re-bind or register the slot again.",
            )
        )

    def try_slot(
        self, library: Library, token: TokenIdentity, pin: Secret | None, progress: Progress
    ) -> SlotTrial:
        """One login, the mechanism list, and a signature with a session key.

        Raises:
            InvalidInput: a PIN of a length that the token does not take, or none where one is due.
            TokenAbsent, PinIncorrect, PinLocked, DeadlineExceeded, Cancelled: as they say.
        """
        progress.report(f"Looking for the token {token.label}")
        slot = self.slot(library, token)
        check_password("slot password", library, slot, pin)
        where = "on the PED or PIN pad" if pin is None else "with its password"
        words = f"Opening the token {token.label} {where}, once"
        progress.report(words)

        def cancelled() -> bool:
            try:
                progress.report(words)
            except Cancelled:
                return True
            return False

        with self._refusals_noted(token):
            trial = self._isolation.library(library.spec).try_slot(token, pin, cancelled)
        with self._lock:
            self._tried.append(_Tried(trial, library.id, token, pin))
        return trial

    def verify(self, library: Library, token: TokenIdentity, pin: Secret | None) -> SlotFacts:
        """Exactly one login, after everything that can be refused without one.

        Raises:
            InvalidInput, TokenAbsent, PinIncorrect, PinLocked: as `try_slot`.
        """
        slot = self.slot(library, token)
        check_password("slot password", library, slot, pin)
        with self._refusals_noted(token):
            self._isolation.library(library.spec).verify_pin(token, pin)
        return slot

    def proves(
        self, trial: SlotTrial | None, library: Library, token: TokenIdentity, pin: Secret | None
    ) -> bool:
        """Whether a trial was made here with that very token and PIN."""
        with self._lock:
            return any(
                tried.trial is trial
                and (tried.library_id, tried.token, tried.pin) == (library.id, token, pin)
                for tried in self._tried
            )

    def forget(self, token: TokenIdentity) -> None:
        """Forget the trials of a token, with the PINs that they prove."""
        with self._lock:
            kept = [tried for tried in self._tried if tried.token != token]
            self._tried.clear()
            self._tried.extend(kept)

    @contextmanager
    def _refusals_noted(self, token: TokenIdentity) -> Iterator[None]:
        try:
            yield
        except (PinIncorrect, PinLocked) as error:
            message = f"The token {token.label} refused a slot password: {error.message}"
            self._events.record(EventLevel.WARNING, SOURCE, 0, message, token.label)
            raise


def algorithms_of(trial: SlotTrial) -> tuple[KeyAlgorithm, ...]:
    """What the token of a trial can both generate and sign with."""
    return tuple(offered_bits(trial.mechanisms))


def sign_with_a_key(provider: KeyProvider) -> KeyTest | None:
    """Sign with the first pair that is there; None where there is none.

    Raises:
        KeyStorageError: the token refuses.
    """
    for key in tuple(provider.keys()):
        if key.has_private and key.locator.public_key:
            return try_key(provider, key)
    return None

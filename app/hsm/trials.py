"""What is done with a PIN in a child of its own, so that no login that stands is touched."""

from __future__ import annotations

import threading
from concurrent.futures import wait
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, TypeVar

from cryptography.exceptions import InvalidSignature

from app.domain.errors import (
    Cancelled,
    DeadlineExceeded,
    InvalidInput,
    KeyStorageError,
    LibraryCrashed,
    TokenAbsent,
    TokenError,
)
from app.domain.keys import (
    ED25519_SCHEME,
    HashAlgorithm,
    KeyAlgorithm,
    SignaturePadding,
    SignatureScheme,
)
from app.domain.pins import check_pin_length
from app.domain.tokens import SlotTrial
from app.hsm import codes, messages, public_keys
from app.hsm.channel import ChannelLostError
from app.hsm.messages import expect

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from app.domain.keys import TokenIdentity
    from app.domain.secret import Secret
    from app.domain.secrets import PinSource
    from app.domain.tokens import Mechanism
    from app.hsm.isolated_library import IsolatedLibrary
    from app.hsm.logins import Logins

POLL = 0.1
_SCHEMES = {
    codes.ECDSA: SignatureScheme(SignaturePadding.ECDSA, HashAlgorithm.SHA256),
    codes.RSA_PKCS: SignatureScheme(SignaturePadding.PKCS1, HashAlgorithm.SHA256),
    codes.RSA_PKCS_PSS: SignatureScheme(SignaturePadding.PSS, HashAlgorithm.SHA256),
    codes.EDDSA: ED25519_SCHEME,
}
_DIGEST = 32
#: Calls that come after a session key was generated.
_AFTER_GENERATION = frozenset({"C_SignInit", "C_Sign", "C_GetAttributeValue"})

T = TypeVar("T")


class Trials:
    """Trials of one library's tokens and changes of their PINs.

    All methods block and may be called from any thread but the GUI's; they raise what
    `IsolatedLibrary` raises.
    """

    def __init__(self, library: IsolatedLibrary, logins: Logins) -> None:
        self._library = library
        self._logins = logins
        self._turn = threading.Lock()

    # --- trials -------------------------------------------------------------------------------

    def verify_pin(self, token: TokenIdentity, pin: Secret | None) -> None:
        """Try a PIN once."""
        self._apart(lambda child: self._log_in(child, token, pin, None), None)

    def try_slot(
        self, token: TokenIdentity, pin: Secret | None, cancelled: Callable[[], bool] | None
    ) -> SlotTrial:
        """Log in once, list the mechanisms and sign with a session key."""

        def work(child: IsolatedLibrary) -> SlotTrial:
            self._log_in(child, token, pin, cancelled)
            listing = messages.ListMechanisms(token)
            answer = _ask(child, listing, child.deadlines.enumerate, cancelled)
            mechanisms = expect(messages.Mechanisms, answer).mechanisms
            request = messages.TrySigning(token)
            return _judged(
                mechanisms, lambda: _ask(child, request, child.deadlines.generate, cancelled)
            )

        return self._apart(work, cancelled)

    def try_signing(self, token: TokenIdentity, pins: PinSource) -> SlotTrial:
        """Sign with a session key in the library's own child, which logs in if it has not."""
        library, request = self._library, messages.TrySigning(token)
        library.log_in(token, pins)
        mechanisms = library.mechanisms(token)
        return _judged(
            mechanisms,
            lambda: library.ask_logged_in(request, library.deadlines.generate, pins, again=True),
        )

    def _log_in(
        self,
        child: IsolatedLibrary,
        token: TokenIdentity,
        pin: Secret | None,
        cancelled: Callable[[], bool] | None,
    ) -> None:
        value = pin.reveal() if pin is not None else None
        deadline = child.deadlines.login_with(pin)
        _ask(child, messages.Login(token, value), deadline, cancelled)
        self._logins.confirm(token)

    # --- PINs ---------------------------------------------------------------------------------

    def change_pin(self, token: TokenIdentity, old: Secret, new: Secret, *, officer: bool) -> None:
        """C_SetPIN; the old PIN is tried once."""
        request = messages.ChangePin(token, officer, old.reveal(), new.reveal())
        self._change(token, request, new)
        if not officer:
            self._logins.changed(token, old, new)

    def unlock_pin(self, token: TokenIdentity, so_pin: Secret, new_pin: Secret) -> None:
        """C_InitPIN by the security officer, whose PIN is tried once."""
        request = messages.UnlockPin(token, so_pin.reveal(), new_pin.reveal())
        self._change(token, request, new_pin)
        self._logins.changed(token, None, new_pin)

    def _change(self, token: TokenIdentity, request: messages.Request, new: Secret) -> None:
        def work(child: IsolatedLibrary) -> None:
            slot = next((slot for slot in child.slots() if slot.token == token), None)
            if slot is None:
                raise TokenAbsent(
                    f"No slot holds the token {token.label}.",
                    cause="It was removed or initialised anew, or the HSM cannot be reached.",
                    remedy="Connect the token, then try again.",
                )
            check_pin_length("new PIN", new, slot)
            child.ask(request, child.deadlines.login)

        try:
            self._apart(work, None)
        except (LibraryCrashed, DeadlineExceeded) as error:
            error.remedy = (
                "It is not known whether the PIN was changed: test the slot with the new PIN first."
            )
            raise

    # --- children of their own ----------------------------------------------------------------

    def _apart(
        self, work: Callable[[IsolatedLibrary], T], cancelled: Callable[[], bool] | None
    ) -> T:
        # A soft token rewrites its file at a login, and a child that starts at that moment does
        # not see it. So one trial at a time, and another child where another process interfered;
        # a token that is absent has not seen a PIN.
        with self._own_turn(cancelled):
            for last in (False, True):
                with closing(self._library.sibling()) as child:
                    try:
                        return work(child)
                    except TokenAbsent:
                        if last:
                            raise
        raise AssertionError("unreachable")

    @contextmanager
    def _own_turn(self, cancelled: Callable[[], bool] | None) -> Iterator[None]:
        while not self._turn.acquire(timeout=POLL):
            _stop_if(cancelled)
        try:
            yield
        finally:
            self._turn.release()


def _stop_if(cancelled: Callable[[], bool] | None) -> None:
    if cancelled is not None and cancelled():
        raise Cancelled("The trial of the slot was cancelled.")


def _ask(
    child: IsolatedLibrary,
    request: messages.Request,
    deadline: float,
    cancelled: Callable[[], bool] | None,
) -> messages.Answer:
    """Wait for an answer, at most until the deadline or until it is cancelled.

    Raises:
        Cancelled: the child has been ended.
    """
    channel = child.live_channel()
    _stop_if(cancelled)
    call = channel.call(request, deadline)
    while not wait((call,), POLL).done:
        if cancelled is not None and cancelled():
            channel.finish()
            channel.end()
            _stop_if(cancelled)
    try:
        return call.result()
    except ChannelLostError:
        raise child.crashed("Try again; the library was restarted.") from None
    except TokenAbsent as error:
        raise child.explained(error) from None


# --- the verdict ------------------------------------------------------------------------------


def _judged(mechanisms: tuple[Mechanism, ...], sign: Callable[[], messages.Answer]) -> SlotTrial:
    """What the trial of a session key showed; `sign` has it made."""
    try:
        tried = expect(messages.Tried, sign())
    except TokenError as error:
        may: bool | None = True if error.function in _AFTER_GENERATION else None
        if error.function == "C_GenerateKeyPair" and error.ckr in codes.ROLE_REFUSALS:
            may = False
        problem = f"{error.one_line()} ({error.function} returned {error.ckr})"
        return SlotTrial(mechanisms, False, "", 0.0, problem, may)
    try:
        algorithm, problem = _verified(tried)
    except (KeyStorageError, InvalidInput) as error:
        algorithm, problem = tried.public.kind, error.one_line()
    return SlotTrial(mechanisms, not problem, algorithm, tried.milliseconds, problem, True)


def _verified(tried: messages.Tried) -> tuple[str, str]:
    """The session key's algorithm, and what is wrong with its signature.

    Raises:
        KeyStorageError, InvalidInput: key or signature cannot be read.
    """
    key = public_keys.public_key_of(tried.public)
    algorithm = public_keys.algorithm_of(key) if key is not None else None
    if key is None or algorithm is None:
        return tried.public.kind, (
            "A session key signed, but the token does not show its public half, so the signature "
            "could not be verified."
        )
    bits = getattr(key, "key_size", 256)
    name = f"{algorithm} {bits}" if algorithm is KeyAlgorithm.RSA else str(algorithm)
    signature = public_keys.finish_signature(tried.value, algorithm, bits)
    try:
        public_keys.verify(key, _SCHEMES[tried.mechanism], tried.data[-_DIGEST:], signature)
    except InvalidSignature:
        return name, (
            "The signature of a session key was wrong. The token or its library is faulty: test "
            "it with the vendor's tools."
        )
    return name, ""

"""One security library as its users see it: calls, logins, trials and signatures in its child."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

import structlog

from app.domain.errors import (
    LibraryCrashed,
    NotLoggedIn,
    SealkeeperError,
    TokenAbsent,
    TokenError,
)
from app.domain.libraries import MAX_LANES
from app.domain.pins import check_pin_length
from app.hsm import messages
from app.hsm.channel import ChannelLostError
from app.hsm.initialisation import check_new_label, fresh_slot
from app.hsm.logins import Logins
from app.hsm.messages import expect
from app.hsm.signing import Finishing, Signatures
from app.hsm.supervision import SupervisedLibrary
from app.hsm.token_provider import TokenKeyProvider
from app.hsm.trials import Trials

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Future

    from app.domain.keys import TokenIdentity
    from app.domain.secret import Secret
    from app.domain.secrets import PinSource
    from app.domain.tokens import LibraryInfo, LibrarySpec, Mechanism, SlotFacts, SlotTrial
    from app.hsm.channel import KeyUse, Watch
    from app.hsm.deadlines import Deadlines
    from app.hsm.launcher import Launcher

log = structlog.get_logger(__name__)
E = TypeVar("E", bound=SealkeeperError)


class IsolatedLibrary(SupervisedLibrary):
    """One library, loaded only in a child process of its own.

    Made by `KeyIsolation.library`. All methods but `sign` block and may be called from any thread
    but the GUI's. A call whose child crashes or is ended is made again once on a new child when
    it only reads or signs; it raises `LibraryCrashed` otherwise. The first restart comes at once,
    further ones after growing pauses, until a signature succeeds.

    Raises (all methods):
        LibraryUnusable: the library cannot be loaded; says why.
        LibraryCrashed: its process died, repeatedly or in a call that is not repeated.
        DeadlineExceeded: the call took too long.
        TokenAbsent: no slot holds the token.
        TokenError: any other answer of the library.
    """

    def __init__(
        self,
        spec: LibrarySpec,
        launcher: Launcher,
        watch: Watch,
        deadlines: Deadlines,
        *,
        lanes: int,
        waiting: int,
    ) -> None:
        super().__init__(spec, launcher, watch, deadlines, lanes=lanes)
        self._signatures = Signatures(self, waiting)
        self._logins = Logins(self)
        self._trials = Trials(self, self._logins)

    def provider(
        self, token: TokenIdentity, name: str, pins: PinSource, lanes: int | None = None
    ) -> TokenKeyProvider:
        """The keys of one token; logs in when first needed, and again after a restart.

        Args:
            token: by identity, in whatever slot.
            name: of the provider, without algorithm.
            pins: asked at each login.
            lanes: signatures of the token that are made side by side, from now on and whoever
                asks for them, 1 to `MAX_LANES`; None leaves them as they are.
        """
        if lanes is not None:
            self.set_lanes(token, lanes)
        return TokenKeyProvider(self, token, name, pins)

    def set_lanes(self, token: TokenIdentity, lanes: int) -> None:
        """Sign with so many sessions of a token from now on, 1 to `MAX_LANES`; does not wait."""
        self._logins.set_lanes(token, min(max(lanes, 1), MAX_LANES))

    def sibling(self) -> IsolatedLibrary:
        """The same library for a child of its own; to be closed by who asked for it."""
        sibling = IsolatedLibrary(
            self.spec, self._launcher, self._watch, self.deadlines, lanes=1, waiting=1
        )
        sibling.log_calls(self._call_log)
        sibling.bar(self._barred)
        return sibling

    def close(self, timeout: float = 5) -> None:
        """End the child for good."""
        super().close(timeout)
        self._signatures.stop()

    # --- blocking calls -----------------------------------------------------------------------

    def ask(
        self, request: messages.Request, deadline: float, *, again: bool = False
    ) -> messages.Answer:
        """Send a request and wait for its answer.

        Args:
            request: what to ask; not `Load`, `Sign` or `Finish`.
            deadline: in seconds.
            again: ask a new child once when this one is lost; only for what changes nothing.
        """
        for last in (not again, True):
            channel = self.live_channel()
            try:
                return channel.call(request, deadline).result()
            except ChannelLostError:
                if last:
                    break
            except (TokenAbsent, TokenError) as error:
                raise self.explained(error) from error.__cause__
        raise self.crashed("Try again; the library was restarted.")

    def ask_logged_in(
        self, request: messages.Request, deadline: float, pins: PinSource, *, again: bool = False
    ) -> messages.Answer:
        """As `ask`, for what needs a login to `request.token`."""
        token: TokenIdentity = request.token  # type: ignore[union-attr] # those that need a login
        for last in (False, True):
            self.log_in(token, pins)
            try:
                return self.ask(request, deadline, again=False)
            except NotLoggedIn:
                self.forget_login(token)
                if last:
                    raise
            except LibraryCrashed:
                if last or not again:
                    raise
        raise AssertionError("unreachable")

    def info(self) -> LibraryInfo:
        """What the library says of itself."""
        info = self.live_channel().info
        assert info is not None  # noqa: S101 - a live channel is loaded, for the type checker
        return info

    def slots(self) -> tuple[SlotFacts, ...]:
        """All slots; a slot that cannot be read says so in `problem`."""
        answer = self.ask(messages.ListSlots(), self.deadlines.enumerate, again=True)
        return expect(messages.Slots, answer).slots

    def mechanisms(self, token: TokenIdentity) -> tuple[Mechanism, ...]:
        """What the token can do."""
        request = messages.ListMechanisms(token)
        answer = self.ask(request, self.deadlines.enumerate, again=True)
        return expect(messages.Mechanisms, answer).mechanisms

    def initialise_token(
        self, slot_id: int, label: str, so_pin: Secret, user_pin: Secret
    ) -> SlotFacts:
        """C_InitToken and C_InitPIN on a slot whose token is not initialised.

        Raises:
            InvalidInput: label or PIN do not fit the token, or the label is taken; nothing changed.
            Refused: the token is initialised already.
        """
        slots = self.slots()
        slot = fresh_slot(slot_id, slots)
        check_new_label(label, slots)
        check_pin_length("security officer's PIN", so_pin, slot)
        check_pin_length("user PIN", user_pin, slot)
        request = messages.InitialiseToken(slot_id, label, so_pin.reveal(), user_pin.reveal())
        made = expect(messages.Slots, self.ask(request, self.deadlines.initialise)).slots
        if not made:
            raise TokenAbsent(
                "The token was initialised, but cannot be found again.",
                remedy="List the slots again; if it stays away, test it with the vendor's tools.",
            )
        return made[0]

    # --- login --------------------------------------------------------------------------------

    def verify_pin(self, token: TokenIdentity, pin: Secret | None) -> None:
        """Try a PIN once, in a child of its own, since one that is logged in would accept any.

        None stands for the token's own PIN pad.

        Raises:
            PinIncorrect: refused.
            PinLocked: locked.
        """
        self._trials.verify_pin(token, pin)

    def try_slot(
        self,
        token: TokenIdentity,
        pin: Secret | None,
        cancelled: Callable[[], bool] | None = None,
    ) -> SlotTrial:
        """Log in once, list the mechanisms and sign with a session key, in a child of its own.

        Args:
            token: by identity, in whatever slot.
            pin: None for the token's own PIN pad, for which a person has `Deadlines.pin_pad`.
            cancelled: asked ten times a second; the child is ended when it says so.

        Raises:
            PinIncorrect: refused.
            PinLocked: locked.
            Cancelled: by `cancelled`.
        """
        return self._trials.try_slot(token, pin, cancelled)

    def try_signing(self, token: TokenIdentity, pins: PinSource) -> SlotTrial:
        """Sign with a session key in this library's child; it logs in only if it has not.

        Raises:
            PinIncorrect, PinLocked, PinRefusedBefore: as `log_in`.
        """
        return self._trials.try_signing(token, pins)

    def change_pin(
        self, token: TokenIdentity, old: Secret, new: Secret, *, officer: bool = False
    ) -> None:
        """C_SetPIN of the user or of the security officer, in a child of its own.

        The old PIN is tried once, and a user's old PIN never again. A child that is logged in
        with it is restarted.

        Raises:
            InvalidInput: the new PIN has a length that the token does not take; nothing changed.
            PinIncorrect: the old PIN was refused.
            PinLocked: locked.
        """
        self._trials.change_pin(token, old, new, officer=officer)

    def unlock_pin(self, token: TokenIdentity, so_pin: Secret, new_pin: Secret) -> None:
        """Give the token another user PIN as its security officer, in a child of its own.

        Raises:
            InvalidInput: the new PIN has a length that the token does not take; nothing changed.
            PinIncorrect: the security officer's PIN was refused.
            PinLocked: it is locked.
        """
        self._trials.unlock_pin(token, so_pin, new_pin)

    def log_in(self, token: TokenIdentity, pins: PinSource) -> None:
        """Log in to a token, unless this library's child is already.

        Raises:
            PinIncorrect: the token refused the PIN; `pins` was told.
            PinLocked: it is locked; `pins` was told.
            PinRefusedBefore: the same PIN was refused earlier, and was not tried.
        """
        try:
            self._logins.log_in(token, pins)
        except (TokenAbsent, TokenError) as error:
            raise self.explained(error) from error.__cause__

    def forget_login(self, token: TokenIdentity) -> None:
        """Log in again before the next use: the token says that nobody is."""
        self._logins.forget(token)

    def refused_by_itself(
        self, token: TokenIdentity, pins: PinSource, error: SealkeeperError
    ) -> None:
        """The child logged in again after a lost session, and the token refused the PIN."""
        self._logins.refused_by_itself(token, pins, error)

    # --- signing ------------------------------------------------------------------------------

    def sign(
        self, use: KeyUse, data: bytes, pins: PinSource, finishing: Finishing
    ) -> Future[bytes]:
        """Sign; does not block, so an event loop's thread may call it too.

        The future gets what `finishing` makes of C_Sign's output, or of one of the errors of this
        class and `TokenBusy`. Its callbacks run in a thread of the key isolation and must be short.
        """
        return self._signatures.start(use, data, pins, finishing)

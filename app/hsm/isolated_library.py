"""One security library in its key isolation process: started when needed, restarted when lost."""

from __future__ import annotations

import threading
import time
from contextlib import closing
from typing import TYPE_CHECKING

import structlog

from app.domain.errors import (
    DeadlineExceeded,
    KeyStorageError,
    LibraryCrashed,
    LibraryUnusable,
    NotLoggedIn,
    PinRefusedBefore,
    SealkeeperError,
    TokenAbsent,
    TokenError,
)
from app.hsm import codes, messages
from app.hsm.channel import Channel, ChannelLostError
from app.hsm.initialisation import check_new_label, check_new_pin, fresh_slot
from app.hsm.library_file import check_library_file
from app.hsm.messages import expect
from app.hsm.signing import Signatures
from app.hsm.token_provider import TokenKeyProvider

if TYPE_CHECKING:
    from concurrent.futures import Future

    from app.domain.keys import TokenIdentity
    from app.domain.secret import Secret
    from app.domain.secrets import PinSource
    from app.domain.tokens import LibraryInfo, LibrarySpec, Mechanism, SlotFacts
    from app.hsm.channel import Watch
    from app.hsm.deadlines import Deadlines
    from app.hsm.launcher import Launcher

log = structlog.get_logger(__name__)

FIRST_PAUSE = 0.25
LONGEST_PAUSE = 30.0
# A caller waits this long for a restart; when the pause is longer it is told so instead.
BEARABLE_PAUSE = 1.0


class IsolatedLibrary:
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
        self.spec = spec
        self.deadlines = deadlines
        self._launcher = launcher
        self._watch = watch
        self._lanes = lanes
        self._start = threading.Lock()
        self._state = threading.Lock()
        self._trials = threading.Lock()
        self._channel: Channel | None = None
        self._closed = False
        self._losses = 0
        self._not_before = 0.0
        self._refusal: SealkeeperError | None = None  # why it could not be loaded the last time
        self._signatures = Signatures(self, waiting)
        self._login_locks: dict[TokenIdentity, threading.Lock] = {}
        self._refused: dict[TokenIdentity, Secret | None] = {}
        self._used: dict[TokenIdentity, Secret | None] = {}
        self._confirmed: set[TokenIdentity] = set()

    # --- the child ----------------------------------------------------------------------------

    @property
    def process_id(self) -> int | None:
        """The child's process id while there is one."""
        channel = self._channel
        return channel.pid if channel is not None and channel.alive else None

    @property
    def channel(self) -> Channel | None:
        """The child when it runs with the library loaded; does not wait."""
        channel = self._channel
        return channel if channel is not None and channel.alive and channel.info else None

    @property
    def closed(self) -> bool:
        """Whether `close` was called."""
        return self._closed

    def live_channel(self) -> Channel:
        """The child with the library loaded; starts it when there is none."""
        with self._start:
            channel = self._channel
            if channel is not None and channel.alive:
                return channel
            if self._closed:
                raise KeyStorageError(f"The library {self.spec.path} is closed.")
            check_library_file(self.spec.path)
            self._bear_pause()
            process, connection = self._launcher.launch()
            channel = Channel(
                process, connection, self._watch, self.spec.path, self._lanes, self._lost
            )
            with self._state:
                self._channel = channel
            self._end_if_closed(channel)
            try:
                channel.info = self._load(channel)
            except SealkeeperError as error:
                channel.finish()
                channel.end()
                self._count_loss()
                self._refusal = error
                raise
            self._refusal = None
            return channel

    def _end_if_closed(self, channel: Channel) -> None:
        """End a child that was started while `close` ran and did not see it."""
        with self._state:
            closed = self._closed
        if closed:
            channel.end()
            raise KeyStorageError(f"The library {self.spec.path} is closed.")

    def _load(self, channel: Channel) -> LibraryInfo:
        request = messages.Load(
            path=self.spec.path,
            environment=self.spec.environment,
            initialisation=self.spec.initialisation,
            lanes=self._lanes,
            patience=max(self.deadlines.enumerate, self.deadlines.manage) + 5,
        )
        try:
            answer = channel.call(request, self.deadlines.load).result()
        except ChannelLostError:
            raise LibraryUnusable(
                f"The library {self.spec.path} crashes while it is being loaded.",
                cause="It is damaged, or its configuration is missing.",
                remedy="Test it with the vendor's tools.",
                detail=self.spec.path,
            ) from None
        except DeadlineExceeded as error:
            raise LibraryUnusable(
                f"The library {self.spec.path} hangs while it is being loaded.",
                cause="The HSM or its network connection does not answer.",
                remedy="Check that the HSM can be reached, then try again.",
                detail=error.detail,
            ) from None
        return expect(messages.Loaded, answer).info

    def _bear_pause(self) -> None:
        pause = self._not_before - time.monotonic()
        if pause > BEARABLE_PAUSE and self._refusal is not None:
            raise self._refusal.with_traceback(None)
        if pause > BEARABLE_PAUSE:
            raise self.crashed(f"It is started again in {pause:.0f} seconds.")
        if pause > 0:
            time.sleep(pause)

    def crashed(self, remedy: str) -> LibraryCrashed:
        return LibraryCrashed(
            f"The security library {self.spec.path} stopped working.",
            cause="It crashed, or its process was ended.",
            remedy=remedy,
            detail=self.spec.path,
        )

    def _lost(self, channel: Channel) -> None:
        """Called by a channel whose child ended unasked."""
        if channel.info is not None:  # else `live_channel` counts it
            self._count_loss()

    def _count_loss(self) -> None:
        with self._state:
            self._losses += 1
            # The first restart comes at once, then 0.25 s, 0.5 s, 1 s … 30 s.
            pause = 0.0 if self._losses == 1 else FIRST_PAUSE * 2 ** (self._losses - 2)
            self._not_before = time.monotonic() + min(pause, LONGEST_PAUSE)

    def works(self) -> None:
        """A signature succeeded, so the next restart comes at once again."""
        self._losses = 0

    def restart(self) -> None:
        """Reload the library: end the child; the next call starts another.

        Signatures in flight are made by the new one.
        """
        channel = self._channel
        with self._state:
            self._losses, self._not_before = 0, 0.0
        if channel is not None:
            channel.finish()
            channel.wait(1)

    def provider(self, token: TokenIdentity, name: str, pins: PinSource) -> TokenKeyProvider:
        """The keys of one token; logs in when first needed, and again after a restart."""
        return TokenKeyProvider(self, token, name, pins)

    def close(self, timeout: float = 5) -> None:
        """End the child for good."""
        with self._state:
            self._closed, channel = True, self._channel
        if channel is not None:
            channel.finish()
            channel.wait(timeout)
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
        check_new_pin(slot, "security officer's PIN", so_pin)
        check_new_pin(slot, "user PIN", user_pin)
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

        Raises:
            PinIncorrect: refused.
            PinLocked: locked.
        """
        # A soft token rewrites its file at a login, and a child that starts at that moment does
        # not see it. So one trial at a time, and another child where another process interfered.
        with self._trials:
            try:
                self._try_pin(token, pin)
            except TokenAbsent:
                self._try_pin(token, pin)
        with self._state:
            self._refused.pop(token, None)
            self._confirmed.add(token)

    def _try_pin(self, token: TokenIdentity, pin: Secret | None) -> None:
        trial = IsolatedLibrary(
            self.spec, self._launcher, self._watch, self.deadlines, lanes=1, waiting=1
        )
        value = pin.reveal() if pin is not None else None
        with closing(trial):
            trial.ask(messages.Login(token, value), self.deadlines.login)

    def log_in(self, token: TokenIdentity, pins: PinSource) -> None:
        """Log in to a token, unless this library's child is already.

        Raises:
            PinIncorrect: the token refused the PIN; `pins` was told.
            PinLocked: it is locked; `pins` was told.
            PinRefusedBefore: the same PIN was refused earlier, and was not tried.
        """
        with self._state:
            lock = self._login_locks.setdefault(token, threading.Lock())
        with lock:
            channel = self.live_channel()
            if token in channel.logged_in:
                return
            try:
                self._log_in(channel, token, pins)
            except TokenAbsent:
                if channel.logged_in:
                    raise
                # The child may have looked while another process rewrote the soft token's file;
                # nothing of this library is in use yet, so a new child harms nobody.
                self.restart()
                self._log_in(self.live_channel(), token, pins)

    def _log_in(self, channel: Channel, token: TokenIdentity, pins: PinSource) -> None:
        pin = pins.pin()
        if token in self._refused and self._refused[token] == pin:
            raise PinRefusedBefore(
                f"The PIN of the token {token.label} was refused earlier and was not tried again.",
                remedy="Enter the right PIN.",
            )
        value = pin.reveal() if pin is not None else None
        try:
            login = messages.Login(token, value, confirmed=token in self._confirmed)
            channel.call(login, self.deadlines.login).result()
        except ChannelLostError:
            raise self.crashed("Try again; the library was restarted.") from None
        except TokenError as error:
            if error.ckr in codes.PIN_REFUSALS:
                self._refused[token] = pin
                self._confirmed.discard(token)
                pins.refused(error)
            raise
        self._refused.pop(token, None)
        self._used[token] = pin
        channel.logged_in.add(token)

    def forget_login(self, token: TokenIdentity) -> None:
        """Log in again before the next use: the token says that nobody is."""
        channel = self._channel
        if channel is not None:
            channel.logged_in.discard(token)

    def refused_by_itself(
        self, token: TokenIdentity, pins: PinSource, error: SealkeeperError
    ) -> None:
        """The child logged in again after a lost session, and the token refused the PIN."""
        self.forget_login(token)
        with self._state:
            pin = self._used.pop(token, None)
            known = token in self._refused
            self._refused[token] = pin
        if not known:
            pins.refused(error)

    # --- signing ------------------------------------------------------------------------------

    def sign(self, request: messages.Sign, pins: PinSource) -> Future[bytes]:
        """Sign; does not block, so an event loop's thread may call it too.

        The future gets what C_Sign returned, or one of the errors of this class and `TokenBusy`.
        Its callbacks run in a thread of the key isolation and must be short.
        """
        return self._signatures.start(request, pins)

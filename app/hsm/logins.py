"""Logins of one library's child: each wrong PIN is tried once, whoever asks."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from app.domain.errors import (
    PinRefusedBefore,
    SealkeeperError,
    TokenAbsent,
    TokenError,
)
from app.hsm import codes, messages
from app.hsm.channel import ChannelLostError

if TYPE_CHECKING:
    from concurrent.futures import Future
    from datetime import datetime

    from app.domain.keys import TokenIdentity
    from app.domain.secret import Secret
    from app.domain.secrets import PinSource
    from app.hsm.channel import Channel
    from app.hsm.isolated_library import IsolatedLibrary


class Logins:
    """Who is logged in where, and which PINs were refused; thread-safe.

    Args:
        library: gives the child.
    """

    def __init__(self, library: IsolatedLibrary) -> None:
        self._library = library
        self._state = threading.Lock()
        self._locks: dict[TokenIdentity, threading.Lock] = {}
        self._refused: dict[TokenIdentity, Secret | None] = {}
        self._used: dict[TokenIdentity, Secret | None] = {}
        self._confirmed: set[TokenIdentity] = set()
        self._lanes: dict[TokenIdentity, int] = {}

    # --- lanes --------------------------------------------------------------------------------

    def set_lanes(self, token: TokenIdentity, lanes: int) -> None:
        """Sign with so many sessions from now on, also where a login stands already.

        Does not wait for the child.
        """
        with self._state:
            changed = self._lanes.get(token, 0) != lanes
            self._lanes[token] = lanes
        channel = self._library.channel
        if not changed or channel is None or token not in channel.logged_in:
            return
        call = channel.call(messages.SetLanes(token, lanes), self._library.deadlines.manage)
        call.add_done_callback(lambda answer: _note_lanes(channel, token, answer))

    # --- logging in ---------------------------------------------------------------------------

    def log_in(self, token: TokenIdentity, pins: PinSource) -> None:
        """Log in to a token, unless this library's child is already.

        Raises:
            PinIncorrect: the token refused the PIN; `pins` was told.
            PinLocked: it is locked; `pins` was told.
            PinRefusedBefore: the same PIN was refused earlier, and was not tried.
        """
        with self._state:
            lock = self._locks.setdefault(token, threading.Lock())
        with lock:
            if token in self._library.live_channel().logged_in:
                return
            with pins.attempt() as changed_at:
                self._log_in_here(self._fresh_channel(changed_at), token, pins)

    def _fresh_channel(self, changed_at: datetime | None) -> Channel:
        """The child; a new one where it was loaded before the token was given another PIN.

        One that somebody has opened on a PIN pad stays: he would have to come back.
        """
        channel = self._library.live_channel()
        started = self._library.started_at
        if changed_at is None or started is None or started > changed_at:
            return channel
        with self._state:
            if any(self._used.get(other) is None for other in channel.logged_in):
                return channel
        self._library.restart()
        return self._library.live_channel()

    def _log_in_here(self, channel: Channel, token: TokenIdentity, pins: PinSource) -> None:
        try:
            self._log_in(channel, token, pins)
        except TokenAbsent:
            # The child may have looked while another process rewrote the soft token's file;
            # nothing of this library is in use yet, so a new child harms nobody.
            if channel.logged_in or not self._library.look_again():
                raise
            self._log_in(self._library.live_channel(), token, pins)

    def _log_in(self, channel: Channel, token: TokenIdentity, pins: PinSource) -> None:
        pin = pins.pin()
        if token in self._refused and self._refused[token] == pin:
            raise PinRefusedBefore(
                f"The PIN of the token {token.label} was refused earlier and was not tried again.",
                remedy="Enter the right PIN.",
            )
        login = messages.Login(
            token,
            pin.reveal() if pin is not None else None,
            confirmed=token in self._confirmed,
            lanes=self._lanes.get(token, 0),
        )
        try:
            answer = channel.call(login, self._library.deadlines.login_with(pin)).result()
        except ChannelLostError:
            raise self._library.crashed("Try again; the library was restarted.") from None
        except PinRefusedBefore as error:
            # The child has tried it by itself when it looked after an idle login.
            self._note_refusal(token, pin, pins, error)
            raise
        except TokenError as error:
            if error.ckr in codes.PIN_REFUSALS:
                self._note_refusal(token, pin, pins, error)
            raise
        with self._state:
            self._refused.pop(token, None)
            self._confirmed.discard(token)
            self._used[token] = pin
        channel.lanes[token] = messages.expect(messages.LoggedIn, answer).lanes
        channel.logged_in.add(token)

    def _note_refusal(
        self, token: TokenIdentity, pin: Secret | None, pins: PinSource, error: SealkeeperError
    ) -> None:
        with self._state:
            self._refused[token] = pin
            self._confirmed.discard(token)
        pins.refused(error)

    # --- what becomes of logins ---------------------------------------------------------------

    def forget(self, token: TokenIdentity) -> None:
        """Log in again before the next use: the token says that nobody is."""
        channel = self._library.channel
        if channel is not None:
            channel.logged_in.discard(token)

    def refused_by_itself(
        self, token: TokenIdentity, pins: PinSource, error: SealkeeperError
    ) -> None:
        """The child logged in again after a lost session, and the token refused the PIN."""
        self.forget(token)
        with self._state:
            pin = self._used.pop(token, None)
            known = token in self._refused
            self._refused[token] = pin
        if not known:
            pins.refused(error)

    def confirm(self, token: TokenIdentity) -> None:
        """The token has just accepted a PIN that a person gave."""
        with self._state:
            self._refused.pop(token, None)
            channel = self._library.channel
            # A login that stands may yet lose its PIN, and must not take that one for confirmed.
            if channel is None or token not in channel.logged_in:
                self._confirmed.add(token)

    def changed(self, token: TokenIdentity, old: Secret | None, new: Secret) -> None:
        """The user PIN is another now: the old one, None when not known, is not tried any more.

        A child that is not logged in with the new one is restarted: it would try the old one again
        when it loses its session, and the library in it may have read the token before.
        """
        channel = self._library.channel
        with self._state:
            self._refused.pop(token, None)
            if old is not None and old != new:
                self._refused[token] = old
            self._confirmed.add(token)
            fresh = self._used.get(token) == new
        if channel is not None and not (fresh and token in channel.logged_in):
            self._library.restart()


def _note_lanes(channel: Channel, token: TokenIdentity, answer: Future[messages.Answer]) -> None:
    """A refusal changes nothing; the next who needs the token hears of what is wrong with it."""
    if answer.exception() is None:
        channel.lanes[token] = messages.expect(messages.LoggedIn, answer.result()).lanes

"""Signatures of one token."""

from __future__ import annotations

import contextlib
from functools import partial
from typing import TYPE_CHECKING

from app.hsm import codes
from app.hsm.child.cryptoki import CkrError
from app.hsm.child.refusals import KeyAbsentError

if TYPE_CHECKING:
    from app.hsm.child.crews import Lane
    from app.hsm.child.cryptoki import Cryptoki
    from app.hsm.child.objects import Objects
    from app.hsm.child.token import Token
    from app.hsm.messages import KeyQuery, Sign

# Answers after which a new session and a login may help, also those that may have come half-way:
# signing twice does no harm.
LOST_SIGNING = frozenset(
    {
        codes.DEVICE_REMOVED,
        codes.SESSION_CLOSED,
        codes.SESSION_HANDLE_INVALID,
        codes.SLOT_ID_INVALID,
        codes.TOKEN_NOT_PRESENT,
        codes.USER_NOT_LOGGED_IN,
        codes.DEVICE_ERROR,
        codes.KEY_HANDLE_INVALID,
        codes.OBJECT_HANDLE_INVALID,
        codes.OPERATION_ACTIVE,
    }
)


class Signing:
    """Signs with keys that are found once and named by the hash of their public half."""

    def __init__(self, token: Token, cryptoki: Cryptoki, objects: Objects) -> None:
        self._token = token
        self._cryptoki = cryptoki
        self._objects = objects
        self._queries: dict[bytes, KeyQuery] = {}
        self._handles: dict[bytes, tuple[int, bool]] = {}
        self._forgotten = 0  # how many times
        self._latest: Sign | None = None
        self._ahead: Lane | None = None  # the one lane that may be prepared

    def forget_handles(self) -> None:
        """Handles mean nothing after a new login or a deletion, and nothing begun with them."""
        self._forgotten += 1
        self._handles.clear()

    def know(self, key: bytes, query: KeyQuery) -> None:
        """Remember how a key is found that later requests name by its hash."""
        self._queries[key] = query

    def sign(self, lane: Lane, request: Sign, data: bytes) -> bytes:
        """C_SignInit and C_Sign.

        Raises:
            KeyAbsentError: no such key.
            LoginNeededError: nobody is logged in.
        """
        if lane.prepared is not None:
            value = self._sign_prepared(lane, request, data)
            if value is not None:
                return value
        operation = partial(self._sign, lane, request, data)
        return bytes(self._token.with_session(lane, operation, LOST_SIGNING))

    def prepare(self, lane: Lane, request: Sign) -> None:
        """C_SignInit ahead of the next request, in a lane that has nothing else to do.

        It is the longer half of a signature on some tokens. Only in one lane, for a key that
        signed twice in succession, and never where each signature has a login of its own.
        """
        again, self._latest = self._latest is request, request
        known = self._handles.get(request.key)
        if not again or known is None or known[1] or lane.session is None:
            return
        if not self._cryptoki.can_lock or lane.epoch != self._token.epoch:
            return
        if self._ahead is not None and self._ahead.prepared is not None:
            return
        forgotten = self._forgotten
        try:
            self._cryptoki.sign_init(lane.session, known[0], request.mechanism, request.pss)
        except CkrError:
            self._token.drop(lane)  # the next request meets the cause itself, and tells it
        else:
            self._ahead, lane.prepared, lane.forgotten = lane, request, forgotten

    def _sign_prepared(self, lane: Lane, request: Sign, data: bytes) -> bytes | None:
        """C_Sign of the operation that was begun; None when the signature has to begin anew."""
        serves = lane.prepared is request and lane.forgotten == self._forgotten
        lane.prepared = None
        if serves and lane.session is not None and lane.epoch == self._token.epoch:
            with contextlib.suppress(CkrError):
                return self._cryptoki.sign(lane.session, data, lane.room)
        # An operation is active that nobody asked for, or it went wrong: a fresh session has none.
        self._token.drop(lane)
        return None

    def _sign(self, lane: Lane, request: Sign, data: bytes, session: int) -> bytes:
        handle, always = self._handle(session, request.key)
        try:
            self._cryptoki.sign_init(session, handle, request.mechanism, request.pss)
            if always:
                # PKCS#11 2.40 §11.6: no other call may come between.
                self._cryptoki.login(session, codes.CONTEXT_SPECIFIC, self._token.pin)
            return self._cryptoki.sign(session, data, lane.room)
        except CkrError as error:
            if error.code in (codes.KEY_HANDLE_INVALID, codes.OBJECT_HANDLE_INVALID):
                self._handles.pop(request.key, None)
            raise

    def _handle(self, session: int, key: bytes) -> tuple[int, bool]:
        known = self._handles.get(key)
        if known is None:
            self._token.check_login(session)
            handle = self._token.finding.private_handle(session, self._queries[key])
            if handle is None:
                raise KeyAbsentError
            wanted = self._objects.attributes(session, handle, (codes.ALWAYS_AUTHENTICATE,))
            always = wanted[codes.ALWAYS_AUTHENTICATE] not in (None, b"\0")
            known = self._handles[key] = (handle, always)
        return known

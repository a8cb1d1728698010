"""Signatures of one token."""

from __future__ import annotations

import time
from functools import partial
from typing import TYPE_CHECKING

from app.hsm import codes
from app.hsm.child.cryptoki import CkrError
from app.hsm.child.refusals import KeyAbsentError, LoginNeededError, TokenAbsentError

if TYPE_CHECKING:
    from app.hsm.child.crews import Lane
    from app.hsm.child.cryptoki import Cryptoki, SigningOperation
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

# Lanes that are prepared: while one is, after its signature, the other may serve already.
AHEAD = 2
# Seconds between two signatures with a key that is busy; and how long an operation that was begun
# ahead may wait: a key that was deleted meanwhile, by another program, must not sign for long.
BUSY, FRESH = 0.05, 1.0


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
        self._latest_at = 0.0
        self._ahead: list[SigningOperation] = []

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
        operation, met = lane.operation, None
        if operation is not None:
            ahead = operation.begun
            fresh = not ahead or time.monotonic() - operation.begun_at < FRESH
            if fresh and operation.request is request and operation.version == self._forgotten:
                try:
                    return operation.sign(data)
                except CkrError as error:
                    met = error
            if ahead:
                # It was begun for another request, or too long ago: a fresh session has none.
                self._token.drop(lane)
                met = None
            lane.operation = None
        anew = partial(self._sign, lane, request, data)
        return bytes(self._token.with_session(lane, anew, LOST_SIGNING, met))

    def may_prepare(self, request: Sign) -> bool:
        """Whether a signature should be begun ahead: the key signs again and again just now.

        Not while calls are written, so that the log reads in the order of the requests.
        """
        if self._cryptoki.calls.writing:
            return False
        now = time.monotonic()
        again = self._latest is request and now - self._latest_at < BUSY
        self._latest, self._latest_at = request, now
        return again and sum(each.begun for each in self._ahead) < AHEAD

    def prepare(self, lane: Lane, request: Sign) -> None:
        """C_SignInit ahead of the next request, in a lane that has nothing else to do.

        It is the longer half of a signature on some tokens. Only in a few lanes, and never where
        each signature has a login of its own.
        """
        known = self._handles.get(request.key)
        self._ahead = [each for each in self._ahead if each.begun]
        if known is None or known[1] or len(self._ahead) >= AHEAD:
            return
        try:
            operation = lane.operation
            if operation is None or operation.version != self._forgotten:
                operation = self._operation(lane, request, known[0])
            operation.begin()
            operation.begun_at = time.monotonic()
            self._ahead.append(operation)
        except (CkrError, LoginNeededError, TokenAbsentError):
            lane.operation = None  # the next request meets the cause itself, and tells it

    def _operation(self, lane: Lane, request: Sign, handle: int) -> SigningOperation:
        """What the lane signs with from now on."""
        version = self._forgotten
        session = self._token.lane_session(lane)
        operation = self._cryptoki.signing_operation(
            session, handle, request.mechanism, request.pss, lane.room
        )
        operation.request, operation.version = request, version
        lane.operation = operation
        return operation

    def _sign(self, lane: Lane, request: Sign, data: bytes, session: int) -> bytes:
        handle, always = self._handle(session, request.key)
        try:
            self._cryptoki.sign_init(session, handle, request.mechanism, request.pss)
            if always:
                # PKCS#11 2.40 §11.6: no other call may come between.
                self._cryptoki.login(session, codes.CONTEXT_SPECIFIC, self._token.pin)
            value = self._cryptoki.sign(session, data, lane.room)
        except CkrError as error:
            if error.code in (codes.KEY_HANDLE_INVALID, codes.OBJECT_HANDLE_INVALID):
                self._handles.pop(request.key, None)
            raise
        if not always:
            self._operation(lane, request, handle)
        return value

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

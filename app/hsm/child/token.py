"""One token inside a key isolation process: its login, its signing lanes and its other threads."""

from __future__ import annotations

import contextlib
import queue
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from app.hsm import codes
from app.hsm.child.cryptoki import CkrError
from app.hsm.child.management import ckr_name
from app.hsm.child.templates import TEMPLATE_REFUSALS, templates

if TYPE_CHECKING:
    from collections.abc import Callable

    from app.domain.keys import TokenIdentity
    from app.hsm.child.cryptoki import Cryptoki
    from app.hsm.child.management import Management
    from app.hsm.messages import Generate, KeyObject, KeyQuery, Sign

SHORT_FORM = 0x7F  # the longest length that DER writes in one byte

# Answers after which a new session and a login may help; none of them leaves anything done.
LOST = frozenset(
    {
        codes.DEVICE_REMOVED,
        codes.SESSION_CLOSED,
        codes.SESSION_HANDLE_INVALID,
        codes.TOKEN_NOT_PRESENT,
        codes.USER_NOT_LOGGED_IN,
    }
)
# For a signature, also answers that may have come half-way: doing it twice does no harm.
LOST_SIGNING = LOST | {
    codes.DEVICE_ERROR,
    codes.KEY_HANDLE_INVALID,
    codes.OBJECT_HANDLE_INVALID,
    codes.OPERATION_ACTIVE,
}


class TokenAbsentError(Exception):
    """No slot holds the token."""


class KeyAbsentError(Exception):
    """The token does not hold the key."""


class NameInUseError(Exception):
    """The token holds a key of that label."""


class PinRefusedBeforeError(Exception):
    """The token refused this PIN earlier, so it was not tried."""


class LoginNeededError(Exception):
    """Nobody has given this process the PIN."""


@dataclass
class Lane:
    """One session, used by one thread at a time.

    Attributes:
        session: handle, or None while there is none.
        epoch: of the login under which it was opened.
    """

    session: int | None = None
    epoch: int = -1


class Crew:
    """Threads that take jobs from one queue; each has a lane of its own."""

    def __init__(self, name: str, size: int) -> None:
        self._jobs: queue.SimpleQueue[Callable[[Lane], None]] = queue.SimpleQueue()
        for number in range(size):
            threading.Thread(target=self._work, name=f"{name}-{number}", daemon=True).start()

    def submit(self, job: Callable[[Lane], None]) -> None:
        """Have one of the threads do the job."""
        self._jobs.put(job)

    def _work(self) -> None:
        lane = Lane()
        while True:
            self._jobs.get()(lane)


class Token:
    """One token, found by identity.

    Signatures run in `signers`, key generations in `generator`, everything else in `manager`, so
    that none waits for another kind. All sessions belong to one login, which the process keeps.
    """

    def __init__(
        self, identity: TokenIdentity, cryptoki: Cryptoki, management: Management, lanes: int
    ) -> None:
        self.identity = identity
        self._cryptoki = cryptoki
        self._management = management
        self.signers = Crew(f"sign-{identity.label}", lanes if cryptoki.can_lock else 1)
        self.generator = Crew(f"generate-{identity.label}", 1)
        self.manager = Crew(f"manage-{identity.label}", 1)
        self._lock = threading.RLock()
        self._epoch = 0
        self._slot: int | None = None
        self._keeper: int | None = None  # the session that keeps the login
        self._logged_in = False
        self._pin: bytes | None = None
        self._refused: tuple[bytes | None, ...] = ()  # the PIN that the token refused last
        self._queries: dict[bytes, KeyQuery] = {}
        self._handles: dict[bytes, tuple[int, bool]] = {}

    # --- login --------------------------------------------------------------------------------

    def login(self, pin: bytes | None, *, confirmed: bool) -> None:
        """C_Login, once; the PIN is kept for logging in again, unless it is refused.

        A PIN that was refused before is not tried, unless a person has `confirmed` it since.
        """
        with self._lock:
            if self._refused and self._refused[0] == pin and not confirmed:
                raise PinRefusedBeforeError
            self._open_keeper()
            self._login(pin)
            self._pin, self._logged_in = pin, True

    def _login(self, pin: bytes | None) -> None:
        assert self._keeper is not None  # noqa: S101 - opened by the callers, for the type checker
        try:
            self._cryptoki.login(self._keeper, codes.USER, pin)
        except CkrError as error:
            self._pin, self._logged_in = None, False
            if ckr_name(error.code) in codes.PIN_REFUSALS:
                self._refused = (pin,)
            raise
        self._refused = ()

    def _open_keeper(self) -> None:
        if self._keeper is not None:
            try:
                self._cryptoki.check_session(self._keeper)
            except CkrError:
                self._forget_sessions()
            else:
                return
        self._slot = None
        self._keeper = self._cryptoki.open_session(self.slot())

    def slot(self) -> int:
        """The slot in which the token stands."""
        with self._lock:
            if self._slot is None:
                self._slot = self._management.slot_of(self.identity)
            if self._slot is None:
                raise TokenAbsentError
            return self._slot

    def _forget_sessions(self) -> None:
        if self._keeper is not None:
            with contextlib.suppress(CkrError):
                self._cryptoki.close_session(self._keeper)
        self._keeper, self._slot = None, None
        self._handles.clear()
        self._epoch += 1

    def _recover(self, epoch: int) -> None:
        """Open a session and log in again, unless another thread has since `epoch`."""
        with self._lock:
            if self._epoch != epoch:
                return
            self._forget_sessions()
            self._open_keeper()
            if self._logged_in:
                self._login(self._pin)

    def with_session(
        self, lane: Lane, operation: Callable[[int], Any], lost: frozenset[int] = LOST
    ) -> Any:
        """Run an operation in the lane's session; once more after one of the answers `lost`."""
        for last in (False, True):
            try:
                return operation(self._lane_session(lane))
            except CkrError as error:
                epoch = lane.epoch
                self._drop(lane)
                if last or error.code not in lost:
                    raise
                self._recover(epoch)
        raise AssertionError("unreachable")

    def _lane_session(self, lane: Lane) -> int:
        with self._lock:
            if not self._logged_in:
                raise LoginNeededError
            epoch = self._epoch
        if lane.session is None or lane.epoch != epoch:
            self._drop(lane)
            lane.epoch = epoch
            lane.session = self._cryptoki.open_session(self.slot())
        return lane.session

    def _drop(self, lane: Lane) -> None:
        """Close a session: an operation may be active in it after an error."""
        if lane.session is not None:
            with contextlib.suppress(CkrError):
                self._cryptoki.close_session(lane.session)
        lane.session = None

    # --- signing ------------------------------------------------------------------------------

    def know(self, key: bytes, query: KeyQuery) -> None:
        """Remember how a key is found that later requests name by its hash."""
        self._queries[key] = query

    def sign(self, lane: Lane, request: Sign) -> bytes:
        """C_SignInit and C_Sign.

        Raises:
            KeyAbsentError: no such key.
            LoginNeededError: nobody is logged in.
        """
        return bytes(
            self.with_session(lane, lambda session: self._sign(session, request), LOST_SIGNING)
        )

    def _sign(self, session: int, request: Sign) -> bytes:
        handle, always = self._handle(session, request.key)
        try:
            self._cryptoki.sign_init(session, handle, request.mechanism, request.pss)
            if always:
                # PKCS#11 2.40 §11.6: no other call may come between.
                self._cryptoki.login(session, codes.CONTEXT_SPECIFIC, self._pin)
            return self._cryptoki.sign(session, request.data)
        except CkrError as error:
            if error.code in (codes.KEY_HANDLE_INVALID, codes.OBJECT_HANDLE_INVALID):
                self._handles.pop(request.key, None)
            raise

    def _handle(self, session: int, key: bytes) -> tuple[int, bool]:
        known = self._handles.get(key)
        if known is None:
            handle = self._private_handle(session, self._queries[key])
            if handle is None:
                raise KeyAbsentError
            wanted = self._management.attributes(session, handle, (codes.ALWAYS_AUTHENTICATE,))
            always = wanted[codes.ALWAYS_AUTHENTICATE] not in (None, b"\0")
            known = self._handles[key] = (handle, always)
        return known

    # --- finding ------------------------------------------------------------------------------

    def _private_handle(self, session: int, query: KeyQuery) -> int | None:
        """By public key where the token shows it, else by CKA_ID and label."""
        base: dict[int, object] = {
            codes.CLASS: codes.PRIVATE_KEY,
            codes.KEY_TYPE: codes.KEY_TYPES[query.kind],
        }
        find = self._management.find
        if query.modulus:
            found = find(session, {**base, codes.MODULUS: query.modulus})
            if found:
                return found[0]
        for public in self._public_handles(session, query):
            identifier = self._management.attributes(session, public, (codes.ID,))[codes.ID]
            found = find(session, {**base, codes.ID: identifier}) if identifier else []
            if len(found) == 1:
                return found[0]
        if not query.cka_id:
            return None
        found = find(session, {**base, codes.ID: query.cka_id})
        if len(found) > 1:
            found = find(session, {**base, codes.ID: query.cka_id, codes.LABEL: query.label})
        return found[0] if len(found) == 1 and self._fits(session, found[0], query) else None

    def _fits(self, session: int, handle: int, query: KeyQuery) -> bool:
        """Whether a key found by its CKA_ID shows no other public value."""
        half = self._management.key(session, handle)
        return half is not None and half.modulus in (None, query.modulus or None)

    def _public_handles(self, session: int, query: KeyQuery) -> list[int]:
        base: dict[int, object] = {
            codes.CLASS: codes.PUBLIC_KEY,
            codes.KEY_TYPE: codes.KEY_TYPES[query.kind],
        }
        find = self._management.find
        if query.kind == "RSA":
            return find(session, {**base, codes.MODULUS: query.modulus})
        wrapped = _octet_string(query.point)
        # Most tokens wrap the point in an OCTET STRING, as the standard says; some do not.
        return find(session, {**base, codes.EC_POINT: wrapped}) or find(
            session, {**base, codes.EC_POINT: query.point}
        )

    def find(self, lane: Lane, query: KeyQuery) -> tuple[KeyObject, ...]:
        """Both halves of a pair, or what there is of it."""

        def look(session: int) -> tuple[KeyObject, ...]:
            private = self._private_handle(session, query)
            handles = [*self._public_handles(session, query)]
            if private is not None:
                handles.append(private)
            return self._read(session, handles)

        return tuple(self.with_session(lane, look))

    def keys(self, lane: Lane, cka_id: bytes | None) -> tuple[KeyObject, ...]:
        """All halves of pairs, or those with one CKA_ID."""
        extra: dict[int, object] = {} if cka_id is None else {codes.ID: cka_id}

        def look(session: int) -> tuple[KeyObject, ...]:
            handles = [
                handle
                for which in (codes.PRIVATE_KEY, codes.PUBLIC_KEY)
                for handle in self._management.find(session, {codes.CLASS: which, **extra})
            ]
            return self._read(session, handles)

        return tuple(self.with_session(lane, look))

    def _read(self, session: int, handles: list[int]) -> tuple[KeyObject, ...]:
        found = (self._management.key(session, handle) for handle in handles)
        return tuple(half for half in found if half is not None)

    def destroy(self, lane: Lane, handles: tuple[int, ...]) -> None:
        """C_DestroyObject for each."""

        def remove(session: int) -> None:
            for handle in handles:
                self._management.destroy(session, handle)

        # The handles would mean nothing after a new login.
        self.with_session(lane, remove, lost=frozenset())
        with self._lock:
            self._handles.clear()

    # --- generating ---------------------------------------------------------------------------

    def generate(self, lane: Lane, request: Generate) -> tuple[KeyObject, ...]:
        """C_GenerateKeyPair and both halves as they are on the token.

        Raises:
            NameInUseError: a key of that label is there.
        """
        base: dict[int, object] = {codes.LABEL: request.label}

        def check(session: int) -> None:
            find = self._management.find
            if any(
                find(session, {codes.CLASS: which, **base})
                for which in (codes.PRIVATE_KEY, codes.PUBLIC_KEY)
            ):
                raise NameInUseError

        self.with_session(lane, check)
        self.with_session(lane, lambda session: self._generate(session, request))
        return self.keys(lane, request.cka_id)

    def _generate(self, session: int, request: Generate) -> None:
        mechanism = self._generation_mechanism(request)
        call = self._cryptoki.generate_key_pair
        try:
            call(session, mechanism, *templates(request, narrow=True))
        except CkrError as error:
            if error.code not in TEMPLATE_REFUSALS:
                raise
            call(session, mechanism, *templates(request, narrow=False))

    def _generation_mechanism(self, request: Generate) -> int:
        if request.kind == "EC":
            return codes.EC_KEY_PAIR_GEN
        offered = self._management.mechanism_codes(self.slot())
        return next(
            (code for code in codes.RSA_GENERATION if code in offered), codes.RSA_GENERATION[0]
        )


def _octet_string(content: bytes) -> bytes:
    """DER OCTET STRING of up to 255 bytes, as long as a point of P-521 needs."""
    length = bytes([len(content)]) if len(content) <= SHORT_FORM else bytes([0x81, len(content)])
    return b"\x04" + length + content

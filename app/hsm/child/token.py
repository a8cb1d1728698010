"""One token inside a key isolation process: its login, its sessions and its threads."""

from __future__ import annotations

import contextlib
import threading
import time
from typing import TYPE_CHECKING, Any

from app.hsm import codes
from app.hsm.child.crews import Crew, Lane, Lanes
from app.hsm.child.cryptoki import CkrError
from app.hsm.child.finding import Finding
from app.hsm.child.generation import Generation
from app.hsm.child.names import ckr_name
from app.hsm.child.objects import Objects
from app.hsm.child.refusals import LoginNeededError, PinRefusedBeforeError, TokenAbsentError
from app.hsm.child.signing import Signing
from app.hsm.child.trial import Trial

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from app.domain.keys import TokenIdentity
    from app.hsm.child.cryptoki import Cryptoki
    from app.hsm.child.management import Management

# Sessions of a token that are no lanes: of the login, of the manager and of the generator.
OTHER_SESSIONS = 3

# Answers after which a new session and a login may help; none of them leaves anything done.
LOST = frozenset(
    {
        codes.DEVICE_REMOVED,
        codes.SESSION_CLOSED,
        codes.SESSION_HANDLE_INVALID,
        codes.SLOT_ID_INVALID,
        codes.TOKEN_NOT_PRESENT,
        codes.USER_NOT_LOGGED_IN,
    }
)
# Answers, and who gives them, that tell of a lost login only: the session is as good as before.
_LOGIN_LOST = frozenset(
    {codes.USER_NOT_LOGGED_IN, codes.KEY_HANDLE_INVALID, codes.OBJECT_HANDLE_INVALID}
)
_BEFORE_ANY_OPERATION = frozenset({"C_SignInit", "C_GetSessionInfo"})


class Token:
    """One token, found by identity.

    Signatures run in `signers`, key generations in `generator`, everything else in `manager`, so
    that none waits for another kind. All sessions belong to one login, which the process keeps.

    Args:
        identity: by which it is found in whatever slot.
        cryptoki: the library.
        management: the same by PyKCS11.
        lanes: how many signatures are made side by side.
        keep_alive: seconds after which the login is looked after.
    """

    def __init__(
        self,
        identity: TokenIdentity,
        cryptoki: Cryptoki,
        management: Management,
        lanes: int,
        keep_alive: float,
    ) -> None:
        self.identity = identity
        self._wanted_lanes = lanes
        self._keep_alive = keep_alive
        self._keeping: threading.Thread | None = None
        self._cryptoki = cryptoki
        self._management = management
        self.signers: Lanes[Any] = Lanes(lanes if cryptoki.can_lock else 1, self.drop)
        self.generator = Crew(f"generate-{identity.label}", 1)
        self.manager = Crew(f"manage-{identity.label}", 1)
        self._lock = threading.RLock()
        self._epoch = 0
        self._slot: int | None = None
        self._keeper: int | None = None  # the session that keeps the login
        self._logged_in = False
        self._tells_login = False  # whether its sessions say that the user is logged in
        self._pin: bytes | None = None
        self._refused: tuple[bytes | None, ...] = ()  # the PIN that the token refused last
        objects = Objects(management)
        self.finding = Finding(self, objects, cryptoki)
        self.generation = Generation(self, cryptoki, management, objects)
        self.signing = Signing(self, cryptoki, objects)
        self.trial = Trial(self, cryptoki, management, objects)

    # --- login --------------------------------------------------------------------------------

    def login(self, pin: bytes | None, *, confirmed: bool) -> None:
        """C_Login, once; the PIN is kept for logging in again, unless it is refused.

        A PIN that was refused before is not tried, unless a person has `confirmed` it since. The
        login is looked after from then on.
        """
        with self._lock:
            if self._refused and self._refused[0] == pin and not confirmed:
                raise PinRefusedBeforeError
            self._open_keeper()
            self._login(pin)
            self._pin, self._logged_in = pin, True
            if self._keeping is None:
                name = f"keep-{self.identity.label}"
                self._keeping = threading.Thread(target=self._keep, name=name, daemon=True)
                self._keeping.start()

    def set_lanes(self, lanes: int) -> int:
        """Sign with so many sessions, 0 for as many as before; fewer where the token has fewer.

        Returns:
            how many there are.
        """
        self._wanted_lanes = lanes or self._wanted_lanes
        most = 1 if not self._cryptoki.can_lock else self._wanted_lanes
        try:
            allowed = self._management.max_sessions(self.slot())
        except CkrError:
            allowed = None  # the login stands all the same
        if allowed is not None:
            most = min(most, max(1, allowed - OTHER_SESSIONS))
        self.signers.resize(most)
        return most

    def _keep(self) -> None:
        while True:
            time.sleep(self._keep_alive)
            self._look_after()

    def _look_after(self) -> None:
        """See that an idle login is still there, and log in again once if it is not.

        What fails here is told to the next who needs the token: it finds nobody logged in.
        """
        with self._lock:
            keeper, epoch = self._keeper, self._epoch
            known = self._logged_in and self._pin is not None
        if keeper is None:
            return
        state = self._state(keeper)
        if state is not None and (state != codes.RW_PUBLIC_SESSION or not self._tells_login):
            return
        # Nobody may be there to enter a PIN on the token's own PIN pad.
        if known:
            with contextlib.suppress(CkrError, TokenAbsentError):
                self._recover(epoch)

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
        self._tells_login = self._state(self._keeper) not in (None, codes.RW_PUBLIC_SESSION)

    def _state(self, session: int) -> int | None:
        """The state of a session; None when it is gone."""
        try:
            return self._cryptoki.check_session(session)
        except CkrError:
            return None

    def check_login(self, session: int) -> None:
        """To be called before a search: without a login most tokens show no private keys.

        Raises:
            CkrError: CKR_USER_NOT_LOGGED_IN, when the login went away unnoticed.
        """
        if self._tells_login and self._state(session) == codes.RW_PUBLIC_SESSION:
            raise CkrError("C_GetSessionInfo", codes.USER_NOT_LOGGED_IN)

    def _open_keeper(self) -> None:
        if self._keeper is not None:
            try:
                self._cryptoki.check_session(self._keeper)
            except CkrError:
                self._forget_sessions()
            else:
                return
        self._slot = None
        self._keeper = self._open_session()

    def _open_session(self) -> int:
        """A session with this very token, in whatever slot it stands now."""
        with self._lock:
            if self._slot is not None:
                # Slots are numbered anew at times, and another token may have this number now.
                stands = self._management.slot(self._slot).token
                self._slot = self._slot if stands == self.identity else None
            slot = self.slot()
        return self._cryptoki.open_session(slot)

    @property
    def epoch(self) -> int:
        """Number of the login; sessions of another one may be gone."""
        return self._epoch

    @property
    def logged_in(self) -> bool:
        """Whether somebody has logged in, and no PIN was refused since."""
        return self._logged_in

    @property
    def pin(self) -> bytes | None:
        """The PIN of the login; None where the token has its own PIN pad."""
        return self._pin

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
        self.signing.forget_handles()
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

    @contextlib.contextmanager
    def as_officer(self, pin: bytes) -> Iterator[int]:
        """A session of the security officer in place of the user, who is logged in again after.

        A login is the whole process's, so everything else waits meanwhile. The PIN is tried once.
        """
        with self._lock:
            self._open_keeper()
            assert self._keeper is not None  # noqa: S101 - just opened, for the type checker
            keeper = self._keeper
            self._cryptoki.logout(keeper)
            try:
                self._cryptoki.login(keeper, codes.SECURITY_OFFICER, pin)
                try:
                    yield keeper
                finally:
                    self._cryptoki.logout(keeper)
            finally:
                self.signing.forget_handles()
                self._epoch += 1
                self._login(self._pin)

    def with_session(
        self,
        lane: Lane,
        operation: Callable[[int], Any],
        lost: frozenset[int] = LOST,
        met: CkrError | None = None,
    ) -> Any:
        """Run an operation in the lane's session; once more after one of the answers `lost`.

        `met` is what a first try without this has met already.
        """
        for last in (False, True):
            try:
                if met is not None:
                    raise met
                return operation(self.lane_session(lane))
            except CkrError as error:
                met = None
                epoch = lane.epoch
                # Some tokens log all sessions out when one is closed, so none is without need.
                if error.code not in _LOGIN_LOST or error.function not in _BEFORE_ANY_OPERATION:
                    self.drop(lane)
                if last or error.code not in lost:
                    raise
                self._recover(epoch)
        raise AssertionError("unreachable")

    def lane_session(self, lane: Lane) -> int:
        """The lane's session under the present login; opened if need be.

        Raises:
            LoginNeededError: nobody is logged in.
            TokenAbsentError: no slot holds the token.
            CkrError: the library does not open one.
        """
        with self._lock:
            if not self._logged_in:
                raise LoginNeededError
            epoch = self._epoch
        if lane.session is not None and lane.epoch != epoch and self._state(lane.session) is None:
            lane.session = None
        lane.epoch = epoch
        if lane.session is None:
            lane.session = self._open_session()
        return lane.session

    def drop(self, lane: Lane) -> None:
        """Close a session: an operation may be active in it after an error."""
        if lane.operation is not None:
            lane.operation.begun = False
        lane.operation = None
        if lane.session is not None:
            with contextlib.suppress(CkrError):
                self._cryptoki.close_session(lane.session)
        lane.session = None

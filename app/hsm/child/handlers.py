"""What a key isolation process does for each request: one method a kind."""

from __future__ import annotations

import os
import threading
import traceback
from typing import TYPE_CHECKING, Any

from app.hsm import codes, messages
from app.hsm.child import pins
from app.hsm.child.call_log import CallLog, explains_nothing
from app.hsm.child.crews import Crew
from app.hsm.child.cryptoki import CkrError, Cryptoki, NoModuleError
from app.hsm.child.management import Management
from app.hsm.child.names import ckr_name
from app.hsm.child.refusals import (
    KeyAbsentError,
    LoginNeededError,
    NameInUseError,
    PinRefusedBeforeError,
    TokenAbsentError,
    TokenInitialisedError,
)
from app.hsm.child.token import Token

if TYPE_CHECKING:
    from collections.abc import Callable

    from app.domain.keys import TokenIdentity
    from app.hsm.child.crews import Lane

_EXPECTED: dict[type[BaseException], messages.FailureKind] = {
    TokenAbsentError: "token absent",
    TokenInitialisedError: "token initialised",
    KeyAbsentError: "key absent",
    NameInUseError: "name in use",
    LoginNeededError: "login needed",
    PinRefusedBeforeError: "pin refused before",
    NoModuleError: "no module",
}


class Handlers:
    """The library that this process has loaded, and its tokens."""

    def __init__(self) -> None:
        self._common = Crew("library", 1)
        self._cryptoki: Cryptoki
        self._management: Management
        self._calls = CallLog()
        self._lanes = 1
        self._keep_alive = 0.0
        self._tokens: dict[TokenIdentity, Token] = {}
        self._making = threading.Lock()
        self._routes: dict[type, tuple[str, Callable[[Lane, Any], messages.Answer]]] = {
            messages.Load: ("", self._load),
            messages.ListSlots: ("", self._list_slots),
            messages.LogCalls: ("", self._log_calls),
            messages.InitialiseToken: ("", self._initialise_token),
            messages.Finish: ("", self._finish),
            messages.ListMechanisms: ("manager", self._list_mechanisms),
            messages.Login: ("manager", self._login),
            messages.SetLanes: ("manager", self._set_lanes),
            messages.ChangePin: ("manager", self._change_pin),
            messages.UnlockPin: ("manager", self._unlock_pin),
            messages.TrySigning: ("manager", self._try_signing),
            messages.ListKeys: ("manager", self._list_keys),
            messages.FindKey: ("manager", self._find_key),
            messages.Destroy: ("manager", self._destroy),
            messages.SetLabel: ("manager", self._set_label),
            messages.Generate: ("generator", self._generate),
        }

    def crew(self, request: messages.Request) -> Crew:
        """The threads for a request that is no signature."""
        crew_name = self._routes[type(request)][0]
        token = getattr(request, "token", None)
        if token is None:
            return self._common
        crew: Crew = getattr(self.token(token), crew_name)
        return crew

    def answer(self, lane: Lane, request: messages.Request) -> messages.Answer:
        """Do what is asked, in a thread of its crew; what fails is an answer too."""
        try:
            return self._routes[type(request)][1](lane, request)
        except Exception as error:  # noqa: BLE001 - the thread's edge
            return self.failure(request, error)

    def failure(self, request: messages.Request, error: Exception) -> messages.Failure:
        """The answer for an error; one that is not expected is a bug, with its traceback."""
        if isinstance(error, CkrError):
            return self._refusal(request, error)
        kind = _EXPECTED.get(type(error))
        if kind is None:
            return messages.Failure("bug", "".join(traceback.format_exception(error)))
        return messages.Failure(kind)

    def _refusal(self, request: messages.Request, error: CkrError) -> messages.Failure:
        silent = explains_nothing(error.code)
        calls = self._calls.last() if silent else ()
        mechanism = self._calls.last_mechanism() if silent else ""
        return messages.Failure(
            "answer",
            "\n".join(getattr(error, "__notes__", ())),
            function=error.function,
            ckr=ckr_name(error.code),
            pin_flags=self._pin_flags(request),
            calls=calls,
            mechanism=mechanism,
        )

    def _pin_flags(self, request: messages.Request) -> int:
        """What the token says, as flags of the user PIN, of the PIN that may have been refused."""
        if not isinstance(request, messages.Login | messages.ChangePin | messages.UnlockPin):
            return 0
        try:
            flags = self._management.token_flags(self.token(request.token).slot())
        except (CkrError, TokenAbsentError):
            return 0
        user = isinstance(request, messages.Login) or (
            isinstance(request, messages.ChangePin) and not request.officer
        )
        return flags if user else flags >> codes.SO_PIN_SHIFT

    @property
    def lanes(self) -> int:
        """How many signatures of all tokens may be made at a time."""
        return sum(token.signers.size for token in tuple(self._tokens.values()))

    def token(self, identity: TokenIdentity) -> Token:
        """The worker of a token; any thread may ask."""
        with self._making:
            token = self._tokens.get(identity)
            if token is None:
                token = Token(
                    identity, self._cryptoki, self._management, self._lanes, self._keep_alive
                )
                self._tokens[identity] = token
            return token

    # --- the library --------------------------------------------------------------------------

    def _load(self, _lane: Lane, request: messages.Load) -> messages.Answer:
        os.environ.update(request.environment)
        self._lanes, self._keep_alive = request.lanes, request.keep_alive
        problem = ""
        try:
            self._calls.write_to(request.call_log)
        except OSError as error:
            problem = str(error)  # no reason not to use the library
        try:
            self._cryptoki = Cryptoki(request.path, self._calls)
        except OSError as error:
            return messages.Failure("not loaded", str(error))
        self._cryptoki.initialize(request.initialisation)
        self._management = Management(self._cryptoki, request.path, request.patience)
        return messages.Loaded(self._management.info(), problem)

    def _log_calls(self, _lane: Lane, request: messages.LogCalls) -> messages.Answer:
        try:
            self._calls.write_to(request.path)
        except OSError as error:
            return messages.Failure("not written", str(error))
        return messages.Done()

    def _list_slots(self, _lane: Lane, _request: messages.ListSlots) -> messages.Answer:
        return messages.Slots(self._management.slots())

    def _initialise_token(self, _lane: Lane, request: messages.InitialiseToken) -> messages.Answer:
        if self._management.slot(request.slot_id).initialised:
            raise TokenInitialisedError
        cryptoki = self._cryptoki
        cryptoki.init_token(request.slot_id, request.so_pin, request.label)
        pins.set_user_pin(cryptoki, request.slot_id, request.so_pin, request.user_pin)
        token = self._management.slot(request.slot_id).token
        # Some modules give the token another slot at once, so it is looked for by identity.
        return messages.Slots(
            tuple(slot for slot in self._management.slots() if token and slot.token == token)
        )

    def _finish(self, _lane: Lane, _request: messages.Finish) -> messages.Answer:
        try:
            self._cryptoki.finalize()
        finally:
            os._exit(0)

    # --- a token ------------------------------------------------------------------------------

    def _list_mechanisms(self, _lane: Lane, request: messages.ListMechanisms) -> messages.Answer:
        slot = self._management.slot_of(request.token)
        if slot is None:
            raise TokenAbsentError
        return messages.Mechanisms(self._management.mechanisms(slot))

    def _login(self, _lane: Lane, request: messages.Login) -> messages.Answer:
        token = self.token(request.token)
        token.login(request.pin, confirmed=request.confirmed)
        return messages.LoggedIn(token.set_lanes(request.lanes))

    def _set_lanes(self, _lane: Lane, request: messages.SetLanes) -> messages.Answer:
        return messages.LoggedIn(self.token(request.token).set_lanes(request.lanes))

    def _change_pin(self, _lane: Lane, request: messages.ChangePin) -> messages.Answer:
        change = pins.change_officers_pin if request.officer else pins.change_user_pin
        slot = self.token(request.token).slot()
        change(self._cryptoki, slot, request.old_pin, request.new_pin)
        return messages.Done()

    def _unlock_pin(self, _lane: Lane, request: messages.UnlockPin) -> messages.Answer:
        slot = self.token(request.token).slot()
        pins.set_user_pin(self._cryptoki, slot, request.so_pin, request.new_pin)
        return messages.Done()

    def _try_signing(self, _lane: Lane, request: messages.TrySigning) -> messages.Answer:
        return self.token(request.token).trial.run(request.token)

    def _list_keys(self, lane: Lane, request: messages.ListKeys) -> messages.Answer:
        return messages.Keys(self.token(request.token).finding.keys(lane, request.cka_id))

    def _find_key(self, lane: Lane, request: messages.FindKey) -> messages.Answer:
        return messages.Keys(self.token(request.token).finding.find(lane, request.query))

    def _destroy(self, lane: Lane, request: messages.Destroy) -> messages.Answer:
        self.token(request.token).finding.destroy(lane, request.handles)
        return messages.Done()

    def _set_label(self, lane: Lane, request: messages.SetLabel) -> messages.Answer:
        self.token(request.token).finding.set_label(lane, request.handles, request.label)
        return messages.Done()

    def _generate(self, lane: Lane, request: messages.Generate) -> messages.Answer:
        return messages.Keys(self.token(request.token).generation.generate(lane, request))

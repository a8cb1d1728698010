"""The key isolation process at work: takes requests from the pipe, gives them to threads."""

from __future__ import annotations

import os
import threading
import traceback
from typing import TYPE_CHECKING, Any

import msgspec

from app.hsm import codes, messages
from app.hsm.child.cryptoki import CkrError, Cryptoki, NoModuleError
from app.hsm.child.management import Management, ckr_name
from app.hsm.child.token import (
    Crew,
    KeyAbsentError,
    Lane,
    LoginNeededError,
    NameInUseError,
    PinRefusedBeforeError,
    Token,
    TokenAbsentError,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from multiprocessing.connection import Connection

    from app.domain.keys import TokenIdentity


class TokenInitialisedError(Exception):
    """The slot's token is initialised already."""


_EXPECTED: dict[type[BaseException], messages.FailureKind] = {
    TokenAbsentError: "token absent",
    TokenInitialisedError: "token initialised",
    KeyAbsentError: "key absent",
    NameInUseError: "name in use",
    LoginNeededError: "login needed",
    PinRefusedBeforeError: "pin refused before",
    NoModuleError: "no module",
}


class Server:
    """Serves one connection until it closes, then ends the process.

    Args:
        connection: the pipe to the parent.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._sending = threading.Lock()
        self._encoder = msgspec.msgpack.Encoder()
        self._decoder = msgspec.msgpack.Decoder(messages.Call)
        self._common = Crew("library", 1)
        self._cryptoki: Cryptoki
        self._management: Management
        self._lanes = 1
        self._tokens: dict[TokenIdentity, Token] = {}
        self._routes: dict[type, tuple[str, Callable[[Lane, Any], messages.Answer]]] = {
            messages.Load: ("", self._load),
            messages.ListSlots: ("", self._list_slots),
            messages.InitialiseToken: ("", self._initialise_token),
            messages.Finish: ("", self._finish),
            messages.ListMechanisms: ("manager", self._list_mechanisms),
            messages.Login: ("manager", self._login),
            messages.ListKeys: ("manager", self._list_keys),
            messages.FindKey: ("manager", self._find_key),
            messages.Destroy: ("manager", self._destroy),
            messages.Generate: ("generator", self._generate),
            messages.Sign: ("signers", self._sign),
        }

    def serve(self) -> None:
        """Read requests; never returns."""
        while True:
            try:
                frame = self._connection.recv_bytes()
            except (EOFError, OSError):
                # The parent is gone or has let go; a library that hangs must not hold us.
                os._exit(0)
            call = self._decoder.decode(frame)
            self._dispatch(call.number, call.request)

    def _dispatch(self, number: int, request: messages.Request) -> None:
        crew_name, handler = self._routes[type(request)]
        if isinstance(request, messages.Sign) and request.query is not None:
            # Here and not in a lane: requests that follow name the key by its hash alone.
            self._token(request.token).know(request.key, request.query)
        token = getattr(request, "token", None)
        crew = getattr(self._token(token), crew_name) if token is not None else self._common
        crew.submit(lambda lane: self._answer(number, handler, lane, request))

    def _answer(
        self,
        number: int,
        handler: Callable[[Lane, Any], messages.Answer],
        lane: Lane,
        request: messages.Request,
    ) -> None:
        answer: messages.Answer
        try:
            answer = handler(lane, request)
        except tuple(_EXPECTED) as error:
            answer = messages.Failure(_EXPECTED[type(error)])
        except CkrError as error:
            answer = messages.Failure(
                "answer",
                function=error.function,
                ckr=ckr_name(error.code),
                pin_flags=self._pin_flags(request),
            )
        except Exception:  # noqa: BLE001 - the thread's edge; the parent logs the traceback
            answer = messages.Failure("bug", traceback.format_exc())
        frame = self._encoder.encode(messages.Reply(number, answer))
        with self._sending:
            self._connection.send_bytes(frame)

    def _pin_flags(self, request: messages.Request) -> int:
        """What the token says of its PIN after a login failed."""
        if not isinstance(request, messages.Login):
            return 0
        try:
            return self._management.token_flags(self._token(request.token).slot())
        except (CkrError, TokenAbsentError):
            return 0

    def _token(self, identity: TokenIdentity) -> Token:
        """The worker of a token; only the reading thread and the token's own threads ask."""
        token = self._tokens.get(identity)
        if token is None:
            token = Token(identity, self._cryptoki, self._management, self._lanes)
            self._tokens[identity] = token
        return token

    # --- the library --------------------------------------------------------------------------

    def _load(self, _lane: Lane, request: messages.Load) -> messages.Answer:
        os.environ.update(request.environment)
        self._lanes = request.lanes
        try:
            self._cryptoki = Cryptoki(request.path)
        except OSError as error:
            return messages.Failure("not loaded", str(error))
        self._cryptoki.initialize(request.initialisation)
        self._management = Management(self._cryptoki, request.path, request.patience)
        return messages.Loaded(self._management.info())

    def _list_slots(self, _lane: Lane, _request: messages.ListSlots) -> messages.Answer:
        return messages.Slots(self._management.slots())

    def _initialise_token(self, _lane: Lane, request: messages.InitialiseToken) -> messages.Answer:
        if self._management.slot(request.slot_id).initialised:
            raise TokenInitialisedError
        cryptoki = self._cryptoki
        cryptoki.init_token(request.slot_id, request.so_pin, request.label)
        session = cryptoki.open_session(request.slot_id)
        try:
            cryptoki.login(session, codes.SECURITY_OFFICER, request.so_pin)
            try:
                cryptoki.init_pin(session, request.user_pin)
            finally:
                cryptoki.logout(session)
        finally:
            cryptoki.close_session(session)
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
        self._token(request.token).login(request.pin, confirmed=request.confirmed)
        return messages.Done()

    def _list_keys(self, lane: Lane, request: messages.ListKeys) -> messages.Answer:
        return messages.Keys(self._token(request.token).keys(lane, request.cka_id))

    def _find_key(self, lane: Lane, request: messages.FindKey) -> messages.Answer:
        return messages.Keys(self._token(request.token).find(lane, request.query))

    def _destroy(self, lane: Lane, request: messages.Destroy) -> messages.Answer:
        self._token(request.token).destroy(lane, request.handles)
        return messages.Done()

    def _generate(self, lane: Lane, request: messages.Generate) -> messages.Answer:
        return messages.Keys(self._token(request.token).generate(lane, request))

    def _sign(self, lane: Lane, request: messages.Sign) -> messages.Answer:
        return messages.Signature(self._token(request.token).sign(lane, request))

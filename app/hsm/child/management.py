"""Enumeration, attributes and objects through PyKCS11, which only this module imports."""

from __future__ import annotations

import contextlib
import faulthandler
import os
import threading
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any

import PyKCS11
from PyKCS11 import LowLevel

from app.domain.keys import TokenIdentity
from app.domain.tokens import LibraryInfo, Mechanism, PinState, SlotFacts
from app.hsm import codes
from app.hsm.child.cryptoki import CkrError
from app.hsm.child.names import ckm_name, ckr_name

if TYPE_CHECKING:
    from collections.abc import Iterator

    from app.hsm.child.cryptoki import Cryptoki

_PIN_STATES = (
    (codes.USER_PIN_LOCKED, PinState.LOCKED),
    (codes.USER_PIN_FINAL_TRY, PinState.FINAL_TRY),
    (codes.USER_PIN_COUNT_LOW, PinState.COUNT_LOW),
    (codes.USER_PIN_TO_BE_CHANGED, PinState.TO_BE_CHANGED),
)
_LIST_TRIES = 5
LARGEST_NUMBER = 2**62  # nothing that a token counts comes near it


def clean(padded: str) -> str:
    """A fixed-length text without its padding of blanks or NUL bytes, and valid as UTF-8."""
    text = padded.encode("utf-8", "surrogateescape").split(b"\0", 1)[0]
    return text.decode("utf-8", "replace").strip()


class Management:
    """PyKCS11 on a library that `cryptoki` has loaded and initialised already.

    PyKCS11 holds the interpreter's lock for the whole of a call. Should a call never return, the
    process ends itself after `patience` seconds, even if nobody is left to end it.

    Methods may be called from any thread; `CkrError` is raised for answers other than CKR_OK.
    """

    def __init__(self, cryptoki: Cryptoki, path: str, patience: float) -> None:
        self._cryptoki = cryptoki
        self._patience = patience
        self._calls = threading.RLock()
        self._silence = Path(os.devnull).open("w")  # noqa: SIM115 - open as long as the process
        self._library = PyKCS11.PyKCS11Lib()
        try:
            with self.watched("C_Initialize"):
                # PyKCS11 calls C_Initialize itself and accepts that it is initialised already.
                self._library.load(path)
        except CkrError as error:
            # It always asks for locks. Where there are none it keeps the library all the same.
            if cryptoki.can_lock or error.code != codes.CANT_LOCK:
                raise

    @contextlib.contextmanager
    def watched(self, function: str) -> Iterator[Any]:
        """Give the low-level library for one or several calls that hold the global lock."""
        with self._calls, self._cryptoki.gate:
            # A thread of C code: it ends the process although the global lock is taken.
            faulthandler.dump_traceback_later(self._patience, exit=True, file=self._silence)
            if self._cryptoki.calls.writing:
                self._cryptoki.calls.begin(function, ())
            started, code = perf_counter(), codes.OK
            try:
                yield self._library.lib
            except PyKCS11.PyKCS11Error as error:
                code = int(error.value) & 0xFFFFFFFF
                raise CkrError(function, code) from None
            except CkrError as error:
                code = error.code
                raise
            finally:
                faulthandler.cancel_dump_traceback_later()
                self._cryptoki.calls.note(function, (), code, started)

    def session(self, handle: int) -> Any:
        """An open session as PyKCS11 has it."""
        native = LowLevel.CK_SESSION_HANDLE()
        native.assign(handle)
        return PyKCS11.Session(self._library, native)

    # --- library, slots and mechanisms --------------------------------------------------------

    def info(self) -> LibraryInfo:
        """C_GetInfo."""
        with self.watched("C_GetInfo"):
            found = self._library.getInfo()
        return LibraryInfo(
            manufacturer=clean(found.manufacturerID),
            description=clean(found.libraryDescription),
            cryptoki_version="{}.{}".format(*found.cryptokiVersion),
            library_version="{}.{}".format(*found.libraryVersion),
        )

    def slot_ids(self) -> list[int]:
        """C_GetSlotList, again when slots appear between its two calls."""
        return self._growing_list("C_GetSlotList", codes.OK)

    def _growing_list(self, function: str, first: int) -> list[int]:
        for tries_left in reversed(range(_LIST_TRIES)):
            found = LowLevel.ckulonglist()
            try:
                with self.watched(function) as library:
                    check(function, getattr(library, function)(first, found))
            except CkrError as error:
                if error.code != codes.BUFFER_TOO_SMALL or not tries_left:
                    raise
            else:
                return [int(number) & 0xFFFFFFFF for number in found]
        raise AssertionError("unreachable")

    def slots(self) -> tuple[SlotFacts, ...]:
        """All slots; what fails for one slot is told in that slot."""
        return tuple(self.slot(number) for number in self.slot_ids())

    def slot(self, number: int) -> SlotFacts:
        """One slot and its token."""
        try:
            with self.watched("C_GetSlotInfo"):
                slot = self._library.getSlotInfo(number)
        except CkrError as error:
            return _unreadable(number, error)
        description, manufacturer = clean(slot.slotDescription), clean(slot.manufacturerID)
        if not slot.flags & codes.TOKEN_PRESENT:
            return SlotFacts(number, description, manufacturer, None, False, False)
        try:
            with self.watched("C_GetTokenInfo"):
                token = self._library.getTokenInfo(number)
        except CkrError as error:
            absent = error.code == codes.TOKEN_NOT_PRESENT
            facts = _unreadable(number, error, description, manufacturer, present=not absent)
            return (
                facts
                if not absent
                else SlotFacts(number, description, manufacturer, None, False, False)
            )
        return token_facts(number, slot, token)

    def token_flags(self, slot: int) -> int:
        """The flags of C_GetTokenInfo."""
        with self.watched("C_GetTokenInfo"):
            return int(self._library.getTokenInfo(slot).flags)

    def max_sessions(self, slot: int) -> int | None:
        """How many sessions the token allows; None when it does not say, or without limit."""
        with self.watched("C_GetTokenInfo"):
            return _reported(self._library.getTokenInfo(slot).ulMaxSessionCount) or None

    def slot_of(self, token: TokenIdentity) -> int | None:
        """The slot in which a token stands now."""
        return next((slot.slot_id for slot in self.slots() if slot.token == token), None)

    def mechanism_codes(self, slot: int) -> list[int]:
        """C_GetMechanismList, as the token gives it: PyKCS11's own method adds one to it."""
        return self._growing_list("C_GetMechanismList", slot)

    def mechanisms(self, slot: int) -> tuple[Mechanism, ...]:
        """All mechanisms with sizes and uses."""
        return tuple(self._mechanism(slot, code) for code in self.mechanism_codes(slot))

    def _mechanism(self, slot: int, code: int) -> Mechanism:
        name = ckm_name(code)
        info = LowLevel.CK_MECHANISM_INFO()
        try:
            with self.watched("C_GetMechanismInfo") as library:
                check("C_GetMechanismInfo", library.C_GetMechanismInfo(slot, code, info))
        except CkrError:
            # Listed, but not described: some modules do so for vendor mechanisms.
            return Mechanism(name, code, 0, 0)
        uses = frozenset(use for bit, use in codes.MECHANISM_FLAGS.items() if info.flags & bit)
        return Mechanism(name, code, int(info.ulMinKeySize), int(info.ulMaxKeySize), uses)


def _unreadable(
    number: int,
    error: CkrError,
    description: str = "",
    manufacturer: str = "",
    *,
    present: bool = False,
) -> SlotFacts:
    problem = f"{error.function} returned {ckr_name(error.code)}"
    return SlotFacts(number, description, manufacturer, None, present, False, problem=problem)


def check(function: str, answer: int) -> None:
    """Raise CkrError for an answer of the low-level library other than CKR_OK."""
    if answer != codes.OK:
        raise CkrError(function, int(answer) & 0xFFFFFFFF)


def _reported(number: int) -> int | None:
    """A number of CK_TOKEN_INFO, None for CK_UNAVAILABLE_INFORMATION.

    That is ~0 as CK_ULONG, which libraries write with 32 bits or with 64, and some count on from.
    """
    value = int(number)
    return None if value in (-1, 0xFFFFFFFF) or not 0 <= value < LARGEST_NUMBER else value


def _version(version: tuple[int, int]) -> str:
    return "{}.{}".format(*version)


def _pin_state(flags: int) -> PinState | None:
    """What the flags of a user PIN say; the flag for a PIN that is set says nothing by absence."""
    ready = PinState.READY if flags & codes.USER_PIN_INITIALIZED else None
    return next((state for bit, state in _PIN_STATES if flags & bit), ready)


def token_facts(number: int, slot: Any, token: Any) -> SlotFacts:
    """A slot with a token, out of CK_SLOT_INFO and CK_TOKEN_INFO."""
    flags = int(token.flags)
    # Some modules leave out the first flag for tokens that are in use.
    initialised = bool(flags & (codes.TOKEN_INITIALIZED | codes.USER_PIN_INITIALIZED))
    identity = TokenIdentity(clean(token.serialNumber), clean(token.label))
    so_flags = flags >> codes.SO_PIN_SHIFT & ~codes.USER_PIN_INITIALIZED
    return SlotFacts(
        slot_id=number,
        description=clean(slot.slotDescription),
        manufacturer=clean(slot.manufacturerID),
        token=identity if initialised else None,
        token_present=True,
        initialised=initialised,
        model=clean(token.model) or None,
        firmware=_version(token.firmwareVersion),
        token_manufacturer=clean(token.manufacturerID) or None,
        pin_state=_pin_state(flags) if initialised else None,
        protected_authentication_path=bool(flags & codes.PROTECTED_AUTHENTICATION_PATH),
        min_pin=_reported(token.ulMinPinLen),
        max_pin=_reported(token.ulMaxPinLen),
        hardware=_version(token.hardwareVersion),
        so_pin_state=_pin_state(so_flags) if initialised else None,
        write_protected=bool(flags & codes.WRITE_PROTECTED),
        total_memory=_reported(token.ulTotalPrivateMemory),
        free_memory=_reported(token.ulFreePrivateMemory),
        max_sessions=_reported(token.ulMaxSessionCount),
        sessions=_reported(token.ulSessionCount),
    )

"""Enumeration, attributes and objects through PyKCS11, which only this module imports."""

from __future__ import annotations

import contextlib
import faulthandler
import os
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import PyKCS11
from PyKCS11 import LowLevel

from app.domain.keys import TokenIdentity
from app.domain.tokens import LibraryInfo, Mechanism, PinState, SlotFacts
from app.hsm import codes
from app.hsm.child.cryptoki import CkrError
from app.hsm.messages import KeyObject

if TYPE_CHECKING:
    from collections.abc import Iterator

    from app.hsm.child.cryptoki import Cryptoki

_KEY_ATTRIBUTES = (
    codes.CLASS,
    codes.KEY_TYPE,
    codes.ID,
    codes.LABEL,
    codes.MODULUS,
    codes.PUBLIC_EXPONENT,
    codes.EC_PARAMS,
    codes.EC_POINT,
    codes.PUBLIC_KEY_INFO,
    codes.SENSITIVE,
    codes.EXTRACTABLE,
    codes.LOCAL,
)
_KINDS: dict[int, Literal["RSA", "EC"]] = {0x00: "RSA", 0x03: "EC"}
_PIN_STATES = (
    (codes.USER_PIN_LOCKED, PinState.LOCKED),
    (codes.USER_PIN_FINAL_TRY, PinState.FINAL_TRY),
    (codes.USER_PIN_COUNT_LOW, PinState.COUNT_LOW),
    (codes.USER_PIN_TO_BE_CHANGED, PinState.TO_BE_CHANGED),
)
_LIST_TRIES = 5


def ckr_name(code: int) -> str:
    """The CKR name, or the number in hexadecimal where it has none."""
    return str(PyKCS11.CKR.get(code) or f"0x{code:08X}")


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
            with self._watched("C_Initialize"):
                # PyKCS11 calls C_Initialize itself and accepts that it is initialised already.
                self._library.load(path)
        except CkrError as error:
            # It always asks for locks. Where there are none it keeps the library all the same.
            if cryptoki.can_lock or error.code != codes.CANT_LOCK:
                raise

    @contextlib.contextmanager
    def _watched(self, function: str) -> Iterator[Any]:
        """Give the low-level library for one or several calls that hold the global lock."""
        with self._calls, self._cryptoki.gate:
            # A thread of C code: it ends the process although the global lock is taken.
            faulthandler.dump_traceback_later(self._patience, exit=True, file=self._silence)
            try:
                yield self._library.lib
            except PyKCS11.PyKCS11Error as error:
                raise CkrError(function, int(error.value) & 0xFFFFFFFF) from None
            finally:
                faulthandler.cancel_dump_traceback_later()

    # --- library, slots and mechanisms --------------------------------------------------------

    def info(self) -> LibraryInfo:
        """C_GetInfo."""
        with self._watched("C_GetInfo"):
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
        for _ in range(_LIST_TRIES):
            found = LowLevel.ckulonglist()
            with self._watched(function) as library:
                code = getattr(library, function)(first, found)
            if code == codes.OK:
                return [int(number) & 0xFFFFFFFF for number in found]
            if code != codes.BUFFER_TOO_SMALL:
                break
        raise CkrError(function, code)

    def slots(self) -> tuple[SlotFacts, ...]:
        """All slots; what fails for one slot is told in that slot."""
        return tuple(self.slot(number) for number in self.slot_ids())

    def slot(self, number: int) -> SlotFacts:
        """One slot and its token."""
        try:
            with self._watched("C_GetSlotInfo"):
                slot = self._library.getSlotInfo(number)
        except CkrError as error:
            return _unreadable(number, error)
        description, manufacturer = clean(slot.slotDescription), clean(slot.manufacturerID)
        if not slot.flags & codes.TOKEN_PRESENT:
            return SlotFacts(number, description, manufacturer, None, False, False)
        try:
            with self._watched("C_GetTokenInfo"):
                token = self._library.getTokenInfo(number)
        except CkrError as error:
            absent = error.code == codes.TOKEN_NOT_PRESENT
            facts = _unreadable(number, error, description, manufacturer, present=not absent)
            return (
                facts
                if not absent
                else SlotFacts(number, description, manufacturer, None, False, False)
            )
        return _token_facts(number, description, manufacturer, token)

    def token_flags(self, slot: int) -> int:
        """The flags of C_GetTokenInfo."""
        with self._watched("C_GetTokenInfo"):
            return int(self._library.getTokenInfo(slot).flags)

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
        name = str(PyKCS11.CKM.get(code) or f"0x{code:08X}")
        info = LowLevel.CK_MECHANISM_INFO()
        with self._watched("C_GetMechanismInfo") as library:
            answer = library.C_GetMechanismInfo(slot, code, info)
        if answer != codes.OK:
            # Listed, but not described: some modules do so for vendor mechanisms.
            return Mechanism(name, code, 0, 0)
        uses = frozenset(use for bit, use in codes.MECHANISM_FLAGS.items() if info.flags & bit)
        return Mechanism(name, code, int(info.ulMinKeySize), int(info.ulMaxKeySize), uses)

    # --- objects ------------------------------------------------------------------------------

    def _session(self, handle: int) -> Any:
        native = LowLevel.CK_SESSION_HANDLE()
        native.assign(handle)
        return PyKCS11.Session(self._library, native)

    def find(self, session: int, template: dict[int, object]) -> list[int]:
        """Handles of the objects that have all of these attributes.

        The session must not be used by another thread meanwhile.
        """
        with self._watched("C_FindObjects"):
            found = self._session(session).findObjects(list(template.items()))
        return [int(handle.value()) for handle in found]

    def key(self, session: int, handle: int) -> KeyObject | None:
        """One half of an RSA or EC pair; None for another key, or when it has just gone."""
        try:
            values = self.attributes(session, handle, _KEY_ATTRIBUTES)
        except CkrError as error:
            if error.code == codes.OBJECT_HANDLE_INVALID:
                return None
            raise
        kind = _KINDS.get(_number(values[codes.KEY_TYPE]))
        if kind is None:
            return None
        return KeyObject(
            handle=handle,
            private=_number(values[codes.CLASS]) == codes.PRIVATE_KEY,
            kind=kind,
            cka_id=values[codes.ID] or b"",
            label=(values[codes.LABEL] or b"").rstrip(b"\0").decode("utf-8", "replace"),
            modulus=values[codes.MODULUS],
            exponent=values[codes.PUBLIC_EXPONENT],
            ec_params=values[codes.EC_PARAMS],
            ec_point=values[codes.EC_POINT],
            public_key_info=values[codes.PUBLIC_KEY_INFO],
            sensitive=_truth(values[codes.SENSITIVE]),
            extractable=_truth(values[codes.EXTRACTABLE]),
            local=_truth(values[codes.LOCAL]),
        )

    def attributes(
        self, session: int, handle: int, wanted: tuple[int, ...]
    ) -> dict[int, bytes | None]:
        """Attributes as bytes; None for those that the object does not have or does not show."""
        native = LowLevel.CK_OBJECT_HANDLE()
        native.assign(handle)
        with self._watched("C_GetAttributeValue"):
            found = self._session(session).getAttributeValue(native, list(wanted), allAsBinary=True)
        values = (bytes(value) if value is not None else None for value in found)
        return {number: value or None for number, value in zip(wanted, values, strict=True)}

    def destroy(self, session: int, handle: int) -> None:
        """C_DestroyObject."""
        native = LowLevel.CK_OBJECT_HANDLE()
        native.assign(handle)
        with self._watched("C_DestroyObject"):
            self._session(session).destroyObject(native)


def _number(value: bytes | None) -> int:
    return int.from_bytes(value, "little") if value else 0


def _truth(value: bytes | None) -> bool | None:
    return None if value is None else value != b"\0"


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


def _token_facts(number: int, description: str, manufacturer: str, token: Any) -> SlotFacts:
    flags = int(token.flags)
    # Some modules leave out the first flag for tokens that are in use.
    initialised = bool(flags & (codes.TOKEN_INITIALIZED | codes.USER_PIN_INITIALIZED))
    identity = TokenIdentity(clean(token.serialNumber), clean(token.label))
    unset = PinState.READY if flags & codes.USER_PIN_INITIALIZED else PinState.NOT_INITIALISED
    pin_state = next((state for bit, state in _PIN_STATES if flags & bit), unset)
    return SlotFacts(
        slot_id=number,
        description=description,
        manufacturer=manufacturer,
        token=identity if initialised else None,
        token_present=True,
        initialised=initialised,
        model=clean(token.model) or None,
        firmware="{}.{}".format(*token.firmwareVersion),
        token_manufacturer=clean(token.manufacturerID) or None,
        pin_state=pin_state if initialised else None,
        protected_authentication_path=bool(flags & codes.PROTECTED_AUTHENTICATION_PATH),
        min_pin=int(token.ulMinPinLen),
        max_pin=int(token.ulMaxPinLen),
    )

"""The PKCS#11 calls that can last, by ctypes: the interpreter's lock is free while they run."""

from __future__ import annotations

import contextlib
import ctypes
import functools
import sys
import threading
from ctypes import POINTER, byref, c_char_p, c_ubyte, c_ulong, c_void_p
from time import perf_counter
from typing import TYPE_CHECKING, Any

from app.hsm import codes
from app.hsm.child.call_log import CallLog

if TYPE_CHECKING:
    from collections.abc import Sequence

# PKCS#11 2.40 §2.1: structures are packed to one byte on Windows and naturally aligned elsewhere.
_PACKING: dict[str, int] = {"_pack_": 1} if sys.platform == "win32" else {}

# The order of CK_FUNCTION_LIST up to the last function that is called here.
_NAMES = """
C_Initialize C_Finalize C_GetInfo C_GetFunctionList C_GetSlotList C_GetSlotInfo C_GetTokenInfo
C_GetMechanismList C_GetMechanismInfo C_InitToken C_InitPIN C_SetPIN C_OpenSession C_CloseSession
C_CloseAllSessions C_GetSessionInfo C_GetOperationState C_SetOperationState C_Login C_Logout
C_CreateObject C_CopyObject C_DestroyObject C_GetObjectSize C_GetAttributeValue
C_SetAttributeValue C_FindObjectsInit C_FindObjects C_FindObjectsFinal C_EncryptInit C_Encrypt
C_EncryptUpdate C_EncryptFinal C_DecryptInit C_Decrypt C_DecryptUpdate C_DecryptFinal C_DigestInit
C_Digest C_DigestUpdate C_DigestKey C_DigestFinal C_SignInit C_Sign C_SignUpdate C_SignFinal
C_SignRecoverInit C_SignRecover C_VerifyInit C_Verify C_VerifyUpdate C_VerifyFinal
C_VerifyRecoverInit C_VerifyRecover C_DigestEncryptUpdate C_DecryptDigestUpdate
C_SignEncryptUpdate C_DecryptVerifyUpdate C_GenerateKey C_GenerateKeyPair
"""
_ORDER = tuple(_NAMES.split())


def _structure(name: str, fields: Sequence[tuple[str, Any]]) -> type[ctypes.Structure]:
    return type(name, (ctypes.Structure,), {**_PACKING, "_fields_": list(fields)})


_FunctionList = _structure(
    "_FunctionList", [("version", c_ubyte * 2), ("functions", c_void_p * len(_ORDER))]
)
_InitializeArgs = _structure(
    "_InitializeArgs",
    [
        ("create_mutex", c_void_p),
        ("destroy_mutex", c_void_p),
        ("lock_mutex", c_void_p),
        ("unlock_mutex", c_void_p),
        ("flags", c_ulong),
        ("reserved", c_char_p),
        # NSS keeps its parameters where the standard has pReserved, and has that one here.
        ("after", c_void_p),
    ],
)
_Mechanism = _structure(
    "_Mechanism", [("mechanism", c_ulong), ("parameter", c_void_p), ("length", c_ulong)]
)
_PssParameters = _structure(
    "_PssParameters", [("hash", c_ulong), ("mgf", c_ulong), ("salt_length", c_ulong)]
)
_Attribute = _structure("_Attribute", [("type", c_ulong), ("value", c_void_p), ("length", c_ulong)])
_SessionInfo = _structure(
    "_SessionInfo",
    [("slot", c_ulong), ("state", c_ulong), ("flags", c_ulong), ("device_error", c_ulong)],
)

_ARGUMENTS: dict[str, tuple[Any, ...]] = {
    "C_Initialize": (c_void_p,),
    "C_Finalize": (c_void_p,),
    "C_InitToken": (c_ulong, c_void_p, c_ulong, c_char_p),
    "C_InitPIN": (c_ulong, c_void_p, c_ulong),
    "C_SetPIN": (c_ulong, c_void_p, c_ulong, c_void_p, c_ulong),
    "C_OpenSession": (c_ulong, c_ulong, c_void_p, c_void_p, POINTER(c_ulong)),
    "C_CloseSession": (c_ulong,),
    "C_GetSessionInfo": (c_ulong, c_void_p),
    "C_Login": (c_ulong, c_ulong, c_void_p, c_ulong),
    "C_Logout": (c_ulong,),
    "C_SignInit": (c_ulong, c_void_p, c_ulong),
    "C_Sign": (c_ulong, c_char_p, c_ulong, c_void_p, POINTER(c_ulong)),
    "C_GenerateKeyPair": (
        c_ulong,
        c_void_p,
        c_void_p,
        c_ulong,
        c_void_p,
        c_ulong,
        POINTER(c_ulong),
        POINTER(c_ulong),
    ),
}

LABEL_LENGTH = 32
SIGNATURE_ROOM = 2048

AttributeValue = bool | int | bytes


class CkrError(Exception):
    """A Cryptoki function answered other than CKR_OK.

    Attributes:
        function: its name.
        code: the CKR number.
    """

    def __init__(self, function: str, code: int) -> None:
        super().__init__(f"{function}: 0x{code:08X}")
        self.function = function
        self.code = code


class NoModuleError(Exception):
    """The library has no C_GetFunctionList, or it gives no list."""


class SignatureRoom:
    """Where C_Sign writes a signature and its length; used again and again by one lane."""

    __slots__ = ("length", "place", "pointer", "view")

    def __init__(self) -> None:
        self.place = ctypes.create_string_buffer(SIGNATURE_ROOM)
        self.view = memoryview(self.place)
        self.length = c_ulong()
        self.pointer = byref(self.length)


class SigningOperation:
    """C_SignInit and C_Sign with one session, key and mechanism, again and again.

    All that can be is looked up beforehand: a soft token takes hardly longer for a signature.

    Attributes:
        begun: whether C_SignInit was called and C_Sign was not yet, or failed.
        begun_at: when, for whoever begins it ahead.
        request / version: by which the caller tells it.
    """

    __slots__ = (
        "_call",
        "_calls",
        "_first",
        "_room",
        "_second",
        "begun",
        "begun_at",
        "request",
        "version",
    )

    def __init__(
        self, cryptoki: Cryptoki, session: int, mechanism: object, key: int, room: SignatureRoom
    ) -> None:
        self._call = cryptoki.call
        self._calls = cryptoki.calls
        functions = cryptoki.functions if cryptoki.can_lock else {}
        self._first = (functions.get("C_SignInit"), session, mechanism, key)
        self._second = functions.get("C_Sign")
        self._room = room
        self.begun = False
        self.begun_at = 0.0
        self.request: object = None
        self.version = -1

    def begin(self) -> None:
        """C_SignInit."""
        function, session, mechanism, key = self._first
        if function is None or self._calls.writing:
            self._call("C_SignInit", session, mechanism, key)
        else:
            started = perf_counter()
            code = function(session, mechanism, key)
            self._calls.keep("C_SignInit", session, mechanism, code, perf_counter() - started)
            if code:
                raise CkrError("C_SignInit", code)
        self.begun = True

    def sign(self, data: bytes) -> bytes:
        """C_Sign, after C_SignInit unless it is begun."""
        if not self.begun:
            self.begin()
        room, function, session = self._room, self._second, self._first[1]
        room.length.value = SIGNATURE_ROOM
        if function is None or self._calls.writing:
            self._call("C_Sign", session, data, len(data), room.place, room.pointer)
        else:
            started = perf_counter()
            code = function(session, data, len(data), room.place, room.pointer)
            self._calls.keep("C_Sign", session, None, code, perf_counter() - started)
            if code:
                raise CkrError("C_Sign", code)
        self.begun = False
        return bytes(room.view[: room.length.value])


class Cryptoki:
    """One loaded library.

    Calls may come from any thread. Where the library cannot lock (CKR_CANT_LOCK), they are let in
    one at a time; `gate` is that lock, for the calls that go another way.

    Args:
        path: of the library.
        calls: is told of every call.

    Raises:
        OSError: the system's loader refused it.
        NoModuleError: it is a library, but no PKCS#11 module.
        CkrError: C_GetFunctionList failed.
    """

    def __init__(self, path: str, calls: CallLog | None = None) -> None:
        self.calls = calls or CallLog()
        self._library = ctypes.CDLL(path)
        try:
            get_function_list = self._library.C_GetFunctionList
        except AttributeError as error:
            raise NoModuleError from error
        get_function_list.restype = c_ulong
        found = POINTER(_FunctionList)()
        code = get_function_list(byref(found))
        if code != codes.OK:
            raise CkrError("C_GetFunctionList", code)
        if not bool(found):
            raise NoModuleError
        addresses = dict(zip(_ORDER, found.contents.functions, strict=True))
        self.functions = {
            name: ctypes.CFUNCTYPE(c_ulong, *arguments)(addresses[name])
            for name, arguments in _ARGUMENTS.items()
            if addresses[name]
        }
        self.gate: contextlib.AbstractContextManager[object] = contextlib.nullcontext()
        self.can_lock = True

    def call(self, name: str, *arguments: object) -> None:
        """Call a function by its name, with what its prototype takes.

        Raises:
            CkrError: it answered other than CKR_OK, or the library does not have it.
        """
        function = self.functions.get(name)
        if function is None:
            raise CkrError(name, codes.FUNCTION_NOT_SUPPORTED)
        if self.calls.writing:
            self.calls.begin(name, arguments)
        started = perf_counter()
        if self.can_lock:
            code = function(*arguments)
        else:
            with self.gate:
                code = function(*arguments)
        self.calls.note(name, arguments, code, started)
        if code != codes.OK:
            raise CkrError(name, code)

    def initialize(self, reserved: str) -> None:
        """C_Initialize with the system's locks, or without any where the library cannot lock."""
        arguments = _InitializeArgs(
            flags=codes.OS_LOCKING_OK, reserved=reserved.encode() if reserved else None
        )
        try:
            self.call("C_Initialize", byref(arguments))
        except CkrError as error:
            if error.code == codes.ALREADY_INITIALIZED:
                return
            if error.code != codes.CANT_LOCK:
                raise
            self.can_lock = False
            self.gate = threading.RLock()
            arguments.flags = 0
            self.call("C_Initialize", byref(arguments))

    def finalize(self) -> None:
        """C_Finalize."""
        self.call("C_Finalize", None)

    def open_session(self, slot: int) -> int:
        """C_OpenSession, for reading and writing."""
        handle = c_ulong()
        flags = codes.SERIAL_SESSION | codes.RW_SESSION
        self.call("C_OpenSession", slot, flags, None, None, byref(handle))
        return handle.value

    def close_session(self, session: int) -> None:
        """C_CloseSession."""
        self.call("C_CloseSession", session)

    def check_session(self, session: int) -> int:
        """C_GetSessionInfo, to learn whether the session is still there, and its state (CKS)."""
        info = _SessionInfo()
        self.call("C_GetSessionInfo", session, byref(info))
        return int(info.state)

    def init_token(self, slot: int, so_pin: bytes, label: str) -> None:
        """C_InitToken; the label is padded with blanks to 32 bytes."""
        with _wiped(so_pin) as (address, length):
            padded = label.encode().ljust(LABEL_LENGTH)
            self.call("C_InitToken", slot, address, length, padded)

    def init_pin(self, session: int, pin: bytes) -> None:
        """C_InitPIN in a session of the security officer."""
        with _wiped(pin) as (address, length):
            self.call("C_InitPIN", session, address, length)

    def set_pin(self, session: int, old_pin: bytes, new_pin: bytes) -> None:
        """C_SetPIN of the user that is logged in, else of the normal user."""
        with _wiped(old_pin) as (old, old_length), _wiped(new_pin) as (new, new_length):
            self.call("C_SetPIN", session, old, old_length, new, new_length)

    def login(self, session: int, user: int, pin: bytes | None) -> None:
        """C_Login; no PIN means that the token asks for it itself.

        An application that is logged in already counts as success, as other sessions may do it.
        """
        with _wiped(pin) as (address, length):
            try:
                self.call("C_Login", session, user, address, length)
            except CkrError as error:
                if error.code != codes.USER_ALREADY_LOGGED_IN:
                    raise

    def logout(self, session: int) -> None:
        """C_Logout."""
        self.call("C_Logout", session)

    def sign_init(
        self, session: int, key: int, mechanism: int, pss: tuple[int, int, int] | None
    ) -> None:
        """C_SignInit; `pss` is hashAlg, mgf and sLen."""
        self.call("C_SignInit", session, _signing_mechanism(mechanism, pss), key)

    def sign(self, session: int, data: bytes, room: SignatureRoom | None = None) -> bytes:
        """C_Sign; nobody else uses the room meanwhile."""
        room = room or SignatureRoom()
        room.length.value = SIGNATURE_ROOM
        self.call("C_Sign", session, data, len(data), room.place, room.pointer)
        return bytes(room.view[: room.length.value])

    def signing_operation(
        self,
        session: int,
        key: int,
        mechanism: int,
        pss: tuple[int, int, int] | None,
        room: SignatureRoom,
    ) -> SigningOperation:
        """C_SignInit and C_Sign again with what they were called with just now."""
        prepared = _signing_mechanism(mechanism, pss)
        return SigningOperation(self, session, prepared, key, room)

    def generate_key_pair(
        self,
        session: int,
        mechanism: int,
        public: dict[int, AttributeValue],
        private: dict[int, AttributeValue],
    ) -> tuple[int, int]:
        """C_GenerateKeyPair with templates by CKA number; the public and the private handle."""
        public_template, private_template = _template(public), _template(private)
        public_handle, private_handle = c_ulong(), c_ulong()
        self.call(
            "C_GenerateKeyPair",
            session,
            byref(_mechanism(mechanism, None)),
            public_template,
            len(public),
            private_template,
            len(private),
            byref(public_handle),
            byref(private_handle),
        )
        return public_handle.value, private_handle.value


@contextlib.contextmanager
def _wiped(secret: bytes | None) -> Any:
    """Address and length of a copy of the secret that is overwritten afterwards."""
    if secret is None:
        yield None, 0
        return
    copy = ctypes.create_string_buffer(secret, len(secret) or 1)
    try:
        yield ctypes.addressof(copy), len(secret)
    finally:
        ctypes.memset(copy, 0, len(copy))


def _mechanism(number: int, parameters: ctypes.Structure | None) -> Any:
    built = _Mechanism(mechanism=number)
    if parameters is not None:
        built.parameter = ctypes.cast(ctypes.pointer(parameters), c_void_p)
        built.length = ctypes.sizeof(parameters)
        # The structure keeps only the address, so the value is kept alive beside it.
        built.kept = parameters
    return built


@functools.lru_cache(maxsize=64)
def _signing_mechanism(number: int, pss: tuple[int, int, int] | None) -> Any:
    """By reference; built once, since libraries only read it (PKCS#11 2.40 §5.11, pMechanism)."""
    return byref(_mechanism(number, _PssParameters(*pss) if pss else None))


def _template(attributes: dict[int, AttributeValue]) -> Any:
    values: list[Any] = []
    array = (_Attribute * len(attributes))()
    for place, (number, value) in zip(array, attributes.items(), strict=True):
        native: Any
        if isinstance(value, bool):
            native = c_ubyte(value)
        elif isinstance(value, int):
            native = c_ulong(value)
        else:
            native = ctypes.create_string_buffer(value, len(value) or 1)
        values.append(native)
        place.type = number
        place.value = ctypes.addressof(native)
        place.length = len(value) if isinstance(value, bytes) else ctypes.sizeof(native)
    array.kept = values  # type: ignore[attr-defined] # the array keeps only addresses
    return array

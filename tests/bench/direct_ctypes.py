"""`python -m tests.bench.direct_ctypes`: signs in its own process by ctypes, with one session.

The first line of standard input is JSON: library, label, pin, cka_id, mechanism, data (hex). Then
each line is a number of seconds; the answer is a line of JSON: count, seconds, signature (hex).
"""

from __future__ import annotations

import ctypes
import json
import sys
import time
from ctypes import byref, c_ulong
from typing import TYPE_CHECKING, Any

import PyKCS11

from app.hsm.child.cryptoki import SIGNATURE_ROOM, Cryptoki, _mechanism

if TYPE_CHECKING:
    from collections.abc import Callable


def _open(facts: dict[str, Any]) -> tuple[int, int]:
    """Handles of a session that is logged in and of the private key."""
    library = PyKCS11.PyKCS11Lib()
    library.load(facts["library"])
    slot = next(
        slot
        for slot in library.getSlotList(tokenPresent=True)
        if library.getTokenInfo(slot).label.strip() == facts["label"]
    )
    session = library.openSession(slot, PyKCS11.CKF_SERIAL_SESSION | PyKCS11.CKF_RW_SESSION)
    session.login(facts["pin"])
    (key,) = session.findObjects(
        [
            (PyKCS11.CKA_CLASS, PyKCS11.CKO_PRIVATE_KEY),
            (PyKCS11.CKA_ID, tuple(bytes.fromhex(facts["cka_id"]))),
        ]
    )
    _open.kept = (library, session)  # type: ignore[attr-defined] # they close when collected
    return session.session.value(), key.value()


def _loop(facts: dict[str, Any]) -> Callable[[float], tuple[int, float, bytes]]:
    session, key = _open(facts)
    functions = Cryptoki(facts["library"]).functions
    sign_init, sign = functions["C_SignInit"], functions["C_Sign"]
    mechanism = byref(_mechanism(facts["mechanism"], None))
    data = bytes.fromhex(facts["data"])
    room = ctypes.create_string_buffer(SIGNATURE_ROOM)
    length = c_ulong()

    def run(seconds: float) -> tuple[int, float, bytes]:
        count = 0
        began = time.perf_counter()
        while time.perf_counter() - began < seconds:
            length.value = SIGNATURE_ROOM
            if sign_init(session, mechanism, key):
                raise RuntimeError("C_SignInit failed")
            if sign(session, data, len(data), room, byref(length)):
                raise RuntimeError("C_Sign failed")
            count += 1
        return count, time.perf_counter() - began, room.raw[: length.value]

    return run


def main() -> None:
    """Sign until standard input ends."""
    run = _loop(json.loads(sys.stdin.readline()))
    for line in iter(sys.stdin.readline, ""):
        count, seconds, signature = run(float(line))
        answer = {"count": count, "seconds": seconds, "signature": signature.hex()}
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()

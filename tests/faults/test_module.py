"""The fault module by itself: it forwards every function, and is strict where it has to be."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.faults.module import Faults, fault_library, faults
from tests.hsm.support import put_key
from tests.softhsm import softhsm

__all__ = ["fault_library", "faults", "softhsm"]

SOURCE = Path(__file__).parent
START = """
import json, sys
import PyKCS11
from PyKCS11 import LowLevel

pin = sys.stdin.readline().strip()
module = PyKCS11.PyKCS11Lib()
module.load(sys.argv[1])
low = module.lib
slot = next(s for s in module.getSlotList() if module.getTokenInfo(s).serialNumber.strip())
session = module.openSession(slot, PyKCS11.CKF_SERIAL_SESSION | PyKCS11.CKF_RW_SESSION)
session.login(pin)
"""
USE = """
(key,) = session.findObjects([(PyKCS11.CKA_CLASS, PyKCS11.CKO_PRIVATE_KEY)])
mechanism = PyKCS11.Mechanism(PyKCS11.CKM_ECDSA, None).to_native()
answers = []
for between, given in ((False, pin), (True, pin), (False, "wrong"), (False, None)):
    low.C_SignInit(session.session, mechanism, key)
    if between:
        session.getSessionInfo()
    if given:
        low.C_Login(session.session, 2, LowLevel.ckbytelist(given.encode()))
    signature = LowLevel.ckbytelist(64)
    data = LowLevel.ckbytelist(bytes(32))
    answers.append(low.C_Sign(session.session, data, signature))
    session.closeSession()
    session = module.openSession(slot, PyKCS11.CKF_SERIAL_SESSION | PyKCS11.CKF_RW_SESSION)
    session.login(pin)
print(json.dumps(answers))
"""
OTHERS = """
digest = bytes(session.digest(b"abc", PyKCS11.Mechanism(PyKCS11.CKM_SHA256, None)))
random = bytes(session.generateRandom(16))
session.seedRandom(b"seed")
made = session.createObject([(PyKCS11.CKA_CLASS, PyKCS11.CKO_DATA), (PyKCS11.CKA_VALUE, b"1")])
session.destroyObject(made)
print(json.dumps([digest.hex(), len(random)]))
"""


def run(faults: Faults, program: str) -> Any:
    done = subprocess.run(
        [sys.executable, "-c", START + program, faults.spec.path],
        input=faults.softhsm.user_pin.reveal().decode(),
        env={**os.environ, **dict(faults.spec.environment)},
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(done.stdout)


def test_functions_without_a_quirk_of_their_own_are_forwarded(faults: Faults) -> None:
    digest, length = run(faults, OTHERS)
    assert digest == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert length == 16
    for function in ("C_DigestInit", "C_Digest", "C_GenerateRandom", "C_SeedRandom"):
        assert faults.calls(function) >= 1
    assert faults.calls("C_CreateObject") == faults.calls("C_DestroyObject") == 1


def test_any_of_them_fails_on_demand(faults: Faults) -> None:
    faults.set("C_GenerateRandom fail CKR_RANDOM_NO_RNG")
    with pytest.raises(subprocess.CalledProcessError) as caught:
        run(faults, OTHERS)
    assert "CKR_RANDOM_NO_RNG" in caught.value.stderr


def test_a_key_that_asks_at_each_use_is_strict(faults: Faults, tmp_path: Path) -> None:
    put_key(faults.softhsm, tmp_path, "strict")
    faults.set("objects ask-at-each-use")
    not_logged_in = 0x101
    assert run(faults, USE) == [0, not_logged_in, not_logged_in, not_logged_in]


def test_the_actions_stand_at_the_top_of_the_source() -> None:
    text = (SOURCE / "faults.c").read_text()
    described = text[: text.index("*/")]
    asked = {
        word
        for file in SOURCE.glob("*.c")
        for line in file.read_text().splitlines()
        for call in ("asked(", "asked_number(", "asked_again(", "asked_anew(", "fips(slot")
        if call in line
        for word in line.split('"')[1::2]
        if word.islower()
    }
    assert len(asked) > 30
    assert [word for word in sorted(asked) if word not in described] == []

"""Quirks of slots and libraries: numbers, identities, files, settings and architectures."""

from __future__ import annotations

import json
import os
import struct
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from app.domain.errors import LibraryUnusable, TokenAbsent
from app.domain.keys import TokenIdentity
from app.domain.tokens import LibrarySpec
from tests.hsm.conftest import Pins
from tests.hsm.support import P256, sign

if TYPE_CHECKING:
    from app.domain.keys import KeyDescription
    from app.hsm.isolation import IsolatedLibrary, KeyIsolation, TokenKeyProvider
    from tests.faults.module import Faults
    from tests.softhsm import SoftHsm

ROOT = Path(__file__).parents[2]
NOBODY = 65534


@pytest.fixture
def pair(faulty_provider: TokenKeyProvider) -> KeyDescription:
    """A key behind the fault module."""
    return faulty_provider.generate(P256, "tested")


def slot_ids(library: IsolatedLibrary, token: TokenIdentity) -> list[int]:
    return [slot.slot_id for slot in library.slots() if slot.token == token]


def test_quirk_03_slot_numbers_change(
    faulty: IsolatedLibrary, faulty_provider: TokenKeyProvider, pair: KeyDescription, faults: Faults
) -> None:
    token = faults.softhsm.token
    (before,) = slot_ids(faulty, token)
    # While the library is loaded, with one session open and more to be opened;
    faults.set("slots shift 7")
    assert slot_ids(faulty, token) == [before + 7]
    sign(faulty_provider, pair, times=12)
    assert faulty_provider.keys() == (pair,)
    # with all sessions lost at the same time;
    faults.set("slots shift 1", "sessions lose")
    sign(faulty_provider, pair, times=4)
    # and at the next load.
    faults.set("slots shift 3")
    faulty.restart()
    assert slot_ids(faulty, token) == [before + 3]
    sign(faulty_provider, pair, times=4)
    assert faulty_provider.algorithms()


def test_quirk_04_empty_slots_and_a_list_that_is_not_read_again(
    faulty: IsolatedLibrary, faults: Faults
) -> None:
    faults.set("slots placeholders 3")
    empty = [slot for slot in faulty.slots() if not slot.token_present]
    assert len(empty) == 3
    assert all(slot.token is None and not slot.initialised for slot in empty)
    assert all(slot.problem == "" and slot.description == "Net Token Slot" for slot in empty)
    later = faults.softhsm.new_token("Later")
    assert slot_ids(faulty, later) == []
    faulty.restart()
    assert len(slot_ids(faulty, later)) == 1


def test_quirk_05_serial_and_label_change(
    faulty: IsolatedLibrary,
    faulty_provider: TokenKeyProvider,
    pair: KeyDescription,
    pins: Pins,
    faults: Faults,
) -> None:
    faults.set("token serial 0123456789ABCDEF", "token label Replaced")
    faulty.restart()
    with pytest.raises(TokenAbsent):
        faulty_provider.keys()
    assert pins.refusals == []
    bound_anew = faulty.provider(
        TokenIdentity("0123456789ABCDEF", "Replaced"), "Bound anew", Pins(pins.value)
    )
    # The key is known by its public key, whatever the token is called now.
    found = bound_anew.find(pair.locator)
    assert found.locator.public_key == pair.locator.public_key
    assert (found.has_private, found.has_public) == (True, True)
    sign(bound_anew, pair)
    sign(bound_anew, found)


def test_quirk_26_settings_by_variable_or_string_one_for_each_process(
    isolation: KeyIsolation, faults: Faults
) -> None:
    faults.set("C_Initialize needs-string connector=http://127.0.0.1:12345")
    with pytest.raises(LibraryUnusable, match="refused to start") as caught:
        isolation.probe(faults.spec)
    assert "CKR_ARGUMENTS_BAD" in caught.value.detail
    first = replace(faults.spec, initialisation="connector=http://127.0.0.1:12345")
    one = isolation.library(first)
    assert one.slots()
    faults.set("C_Initialize needs-variable CONNECTOR=other")
    second = replace(faults.spec, environment=(*faults.spec.environment, ("CONNECTOR", "other")))
    with pytest.raises(LibraryUnusable, match="refused to start"):
        isolation.probe(first)
    other = isolation.library(second)
    assert other.slots()
    # Both at once, each in a process of its own, and neither in this one.
    assert len(set(isolation.process_ids())) == 2
    assert one.slots()
    assert "CONNECTOR" not in os.environ


# As root every file can be read, unless the process gives up the right to it for good.
PROBE = """
import ctypes, json, os, sys
if os.geteuid() == 0 and len(sys.argv) == 2:
    for capability in (1, 2):  # CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH
        if ctypes.CDLL(None).prctl(24, capability, 0, 0, 0) != 0:  # PR_CAPBSET_DROP
            sys.exit("the right to read all files cannot be given up")
    os.execv(sys.executable, [sys.executable, *sys.argv, "without"])
from app.domain.errors import SealkeeperError
from app.domain.keys import TokenIdentity
from app.domain.tokens import LibrarySpec
from app.hsm.isolation import KeyIsolation

given = json.loads(sys.argv[1])
isolation = KeyIsolation()
library = isolation.library(LibrarySpec(given["path"], tuple(map(tuple, given["environment"]))))
try:
    library.mechanisms(TokenIdentity(given["serial"], given["label"]))
except SealkeeperError as error:
    print(json.dumps([error.message, error.cause, error.remedy, error.detail]))
else:
    print(json.dumps([]))
finally:
    isolation.close()
"""


@pytest.mark.skipif(sys.platform == "win32", reason="file modes are those of Unix")
@pytest.mark.parametrize("closed", ["softhsm2.conf", "tokens"])
def test_quirk_28_token_files_closed_to_the_account(
    softhsm: SoftHsm, tmp_path: Path, closed: str
) -> None:
    script = tmp_path / "probe.py"
    script.write_text(PROBE)
    given = {
        "path": softhsm.spec.path,
        "environment": softhsm.spec.environment,
        "serial": softhsm.token.serial,
        "label": softhsm.token.label,
    }

    def probe() -> list[str]:
        done = subprocess.run(
            [sys.executable, str(script), json.dumps(given)],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            check=True,
        )
        told: list[str] = json.loads(done.stdout)
        return told

    assert probe() == []
    path = softhsm.conf.parent / closed
    path.chmod(0)
    if os.geteuid() == 0:
        os.chown(path, NOBODY, NOBODY)
    try:
        message, cause, remedy, detail = probe()
    finally:
        path.chmod(0o700)
    assert message
    assert str(path) in cause + detail
    assert "right to read" in remedy


@pytest.mark.skipif(sys.platform != "linux", reason="the foreign formats are those of Linux")
@pytest.mark.parametrize(
    ("bits", "machine", "named"), [(1, 0x03, "x86 32-bit"), (2, 0x15, "PowerPC 64")]
)
def test_quirk_29_library_of_another_architecture(
    isolation: KeyIsolation, tmp_path: Path, bits: int, machine: int, named: str
) -> None:
    path = tmp_path / "foreign.so"
    head = b"\x7fELF" + bytes([bits, 1, 1]) + bytes(9) + struct.pack("<HH", 3, machine)
    path.write_bytes(head + bytes(200))
    with pytest.raises(LibraryUnusable, match="another processor architecture") as caught:
        isolation.probe(LibrarySpec(str(path)))
    assert named in caught.value.cause
    assert caught.value.remedy


@pytest.mark.skipif(sys.platform != "linux", reason="the foreign formats are those of Linux")
def test_quirk_29_library_of_another_system(isolation: KeyIsolation, tmp_path: Path) -> None:
    path = tmp_path / "cryptoki.dll"
    header = struct.pack("<2s58xI64xI", b"MZ", 0x80, 0x4550) + struct.pack("<H", 0x8664)
    path.write_bytes(header + bytes(200))
    with pytest.raises(LibraryUnusable, match="another operating system"):
        isolation.probe(LibrarySpec(str(path)))


def test_texts_padded_with_nul_bytes(
    faulty: IsolatedLibrary, faulty_provider: TokenKeyProvider, pair: KeyDescription, faults: Faults
) -> None:
    before = faulty.slots()
    faults.set("token nul-padded")
    assert faulty.slots() == before
    faulty.restart()
    sign(faulty_provider, pair)


def test_two_tokens_of_one_label(
    isolation: KeyIsolation, faulty: IsolatedLibrary, faults: Faults, pins: Pins
) -> None:
    second = faults.softhsm.new_token("Second")
    faults.set("token label Partition")
    first = TokenIdentity(faults.softhsm.token.serial, "Partition")
    twin = replace(second, label="Partition")
    providers = [faulty.provider(token, token.serial, pins) for token in (first, twin)]
    made = [provider.generate(P256, "of one name") for provider in providers]
    assert [provider.keys() for provider in providers] == [(made[0],), (made[1],)]
    for provider, pair in zip(providers, made, strict=True):
        sign(provider, pair, times=4)
    assert len(isolation.process_ids()) == 1

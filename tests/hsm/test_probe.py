"""Files that are no usable library, each named by what is wrong with it."""

from __future__ import annotations

import ctypes.util
import os
import struct
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from app.domain.errors import LibraryUnusable
from app.domain.tokens import LibrarySpec
from app.hsm.isolation import Deadlines, KeyIsolation

if TYPE_CHECKING:
    from tests.faults.module import Faults
    from tests.softhsm import SoftHsm


def refuse(isolation: KeyIsolation, spec: LibrarySpec) -> LibraryUnusable:
    with pytest.raises(LibraryUnusable) as caught:
        isolation.probe(spec)
    assert isolation.process_ids() == ()
    assert spec.path in caught.value.message
    return caught.value


def test_a_good_library_tells_what_it_is(isolation: KeyIsolation, softhsm: SoftHsm) -> None:
    info = isolation.probe(softhsm.spec)
    assert info.manufacturer == "SoftHSM"
    assert info.library_version.startswith("2.")
    assert isolation.process_ids() == ()


def test_no_such_file(isolation: KeyIsolation, tmp_path: Path) -> None:
    error = refuse(isolation, LibrarySpec(str(tmp_path / "missing.so")))
    assert error.message.startswith("There is no file")


def test_a_relative_path(isolation: KeyIsolation) -> None:
    assert "full path" in refuse(isolation, LibrarySpec("libsofthsm2.so")).message


def test_a_folder(isolation: KeyIsolation, tmp_path: Path) -> None:
    assert "folder" in refuse(isolation, LibrarySpec(str(tmp_path))).message


@pytest.mark.parametrize("content", [b"", b"\x7fELF", b"#!/bin/sh\n", b"not a library at all"])
def test_not_a_library(isolation: KeyIsolation, tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "text.so"
    path.write_bytes(content)
    assert "is not a library" in refuse(isolation, LibrarySpec(str(path))).message


def test_a_program_is_not_a_library(isolation: KeyIsolation, tmp_path: Path) -> None:
    source, program = tmp_path / "main.c", tmp_path / "program"
    source.write_text("int main(void) { return 0; }\n")
    subprocess.run(["gcc", "-no-pie", "-o", str(program), str(source)], check=True)
    assert "is not a library" in refuse(isolation, LibrarySpec(str(program))).message


def test_another_architecture(isolation: KeyIsolation, softhsm: SoftHsm, tmp_path: Path) -> None:
    foreign = bytearray(softhsm.library.read_bytes())
    foreign[18:20] = struct.pack("<H", 0x15)  # PowerPC 64
    path = tmp_path / "foreign.so"
    path.write_bytes(foreign)
    error = refuse(isolation, LibrarySpec(str(path)))
    assert "another processor architecture" in error.message
    assert "x86-64" in error.cause or "ARM" in error.cause


@pytest.mark.parametrize("magic", [b"MZ" + bytes(200), b"\xcf\xfa\xed\xfe" + bytes(200)])
@pytest.mark.skipif(sys.platform != "linux", reason="the foreign formats are those of Linux")
def test_a_library_of_another_system(isolation: KeyIsolation, tmp_path: Path, magic: bytes) -> None:
    path = tmp_path / "foreign"
    path.write_bytes(magic)
    assert "another operating system" in refuse(isolation, LibrarySpec(str(path))).message


def test_a_library_without_what_it_needs_gives_the_loaders_words(
    isolation: KeyIsolation, tmp_path: Path
) -> None:
    source, path = tmp_path / "needy.c", tmp_path / "needy.so"
    source.write_text("int not_there(void);\nint C_GetFunctionList(void) { return not_there(); }\n")
    subprocess.run(["gcc", "-shared", "-fPIC", "-o", str(path), str(source)], check=True)
    error = refuse(isolation, LibrarySpec(str(path)))
    assert "cannot load" in error.message
    assert "not_there" in error.detail


def test_a_damaged_library_harms_only_the_child(
    isolation: KeyIsolation, softhsm: SoftHsm, tmp_path: Path
) -> None:
    path = tmp_path / "cut.so"
    path.write_bytes(softhsm.library.read_bytes()[:2000])
    refuse(isolation, LibrarySpec(str(path)))


def test_a_library_that_is_no_pkcs11_module(isolation: KeyIsolation) -> None:
    name = ctypes.util.find_library("m")
    places = [Path("/lib", os.uname().machine + "-linux-gnu"), Path("/lib64"), Path("/usr/lib")]
    path = next(place / str(name) for place in places if (place / str(name)).exists())
    assert "no PKCS#11 module" in refuse(isolation, LibrarySpec(str(path))).message


def test_a_library_that_crashes(isolation: KeyIsolation, faults: Faults) -> None:
    faults.set("C_Initialize crash")
    assert "crashes" in refuse(isolation, faults.spec).message


def test_a_library_that_hangs(faults: Faults) -> None:
    faults.set("C_Initialize hang")
    impatient = KeyIsolation(deadlines=Deadlines(load=2))
    try:
        assert "hangs" in refuse(impatient, faults.spec).message
    finally:
        impatient.close()


def test_a_library_that_refuses_to_start(isolation: KeyIsolation, faults: Faults) -> None:
    faults.set("C_Initialize fail 0x5")
    error = refuse(isolation, faults.spec)
    assert "refused to start" in error.message
    assert error.detail.startswith("C_Initialize returned CKR_GENERAL_ERROR")


def test_a_module_whose_configuration_is_missing_refuses(
    isolation: KeyIsolation, softhsm: SoftHsm, tmp_path: Path
) -> None:
    spec = LibrarySpec(softhsm.spec.path, (("SOFTHSM2_CONF", str(tmp_path / "none.conf")),))
    error = refuse(isolation, spec)
    assert "C_Initialize returned" in error.detail


def test_an_initialisation_string_reaches_the_library(
    isolation: KeyIsolation, softhsm: SoftHsm
) -> None:
    spec = LibrarySpec(softhsm.spec.path, softhsm.spec.environment, "connector=http://127.0.0.1")
    # SoftHSM accepts no such string, and says so.
    assert "CKR_ARGUMENTS_BAD" in refuse(isolation, spec).detail


def test_a_library_that_cannot_be_loaded_says_why_each_time(
    isolation: KeyIsolation, faults: Faults
) -> None:
    faults.set("C_Initialize fail 0x5")
    library = isolation.library(faults.spec)
    for _ in range(8):
        with pytest.raises(LibraryUnusable, match="refused to start"):
            library.slots()
    # Not tried each time, for some libraries keep their HSM busy while they fail.
    assert faults.calls("C_Initialize") < 8
    faults.set()
    library.restart()
    assert library.slots()


def test_a_pipe_is_named_and_not_waited_for(isolation: KeyIsolation, tmp_path: Path) -> None:
    pipe = tmp_path / "pipe.so"
    os.mkfifo(pipe)
    with pytest.raises(LibraryUnusable, match="no regular file"):
        isolation.probe(LibrarySpec(str(pipe)))

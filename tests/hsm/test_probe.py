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
from app.hsm.library_file import CutOffError, FileFormat, read_format
from app.hsm.loading import not_loaded

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


def pe(machine: int, characteristics: int = 0x2022) -> bytes:
    """The header of a file for Windows."""
    dos = b"MZ".ljust(0x3C, b"\0") + struct.pack("<I", 0x80)
    coff = struct.pack("<HHIIIHH", machine, 3, 0, 0, 0, 240, characteristics)
    return dos.ljust(0x80, b"\0") + b"PE\0\0" + coff + bytes(400)


def mach_o(cpu: int, kind: int = 6, order: str = "<") -> bytes:
    """The header of a file for macOS."""
    return struct.pack(order + "IIII", 0xFEEDFACF, cpu, 0, kind) + bytes(100)


def universal(*cpus: int) -> bytes:
    """The header of a universal file of macOS."""
    entries = b"".join(struct.pack(">IIIII", cpu, 0, 4096, 100, 12) for cpu in cpus)
    return struct.pack(">II", 0xCAFEBABE, len(cpus)) + entries + bytes(100)


def elf(machine: int, kind: int = 3, bits: int = 2, order: int = 1) -> bytes:
    """The header of a file for Linux."""
    head = b"\x7fELF" + bytes([bits, order, 1]) + bytes(9)
    return head + struct.pack("<HH" if order == 1 else ">HH", kind, machine) + bytes(100)


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (pe(0x8664), "Windows on x86-64 64-bit"),
        (pe(0x014C), "Windows on x86 32-bit"),
        (pe(0xAA64), "Windows on ARM 64 64-bit"),
        (mach_o(0x0100000C), "macOS on ARM 64 64-bit"),
        (universal(0x01000007, 0x0100000C), "macOS on x86-64 64-bit and ARM 64 64-bit"),
    ],
)
@pytest.mark.skipif(sys.platform != "linux", reason="the foreign formats are those of Linux")
def test_a_library_of_another_system(
    isolation: KeyIsolation, tmp_path: Path, content: bytes, found: str
) -> None:
    path = tmp_path / "foreign"
    path.write_bytes(content)
    error = refuse(isolation, LibrarySpec(str(path)))
    assert "another operating system" in error.message
    assert found in error.cause


@pytest.mark.parametrize(
    ("content", "system", "architectures", "library"),
    [
        (elf(0x3E), "Linux", ("x86-64 64-bit",), True),
        (elf(0x03, bits=1), "Linux", ("x86 32-bit",), True),
        (elf(0x16, order=2), "Linux", ("S/390 64-bit",), True),
        (elf(0xB7, kind=2), "Linux", ("ARM 64 64-bit",), False),
        (elf(0x4242), "Linux", ("machine 16962 64-bit",), True),
        (pe(0x8664), "Windows", ("x86-64 64-bit",), True),
        (pe(0x8664, characteristics=0x22), "Windows", ("x86-64 64-bit",), False),
        (pe(0x1234), "Windows", ("machine 4660 64-bit",), True),
        (mach_o(0x01000007), "macOS", ("x86-64 64-bit",), True),
        (mach_o(0x0100000C, kind=8), "macOS", ("ARM 64 64-bit",), True),
        (mach_o(0x0100000C, kind=2), "macOS", ("ARM 64 64-bit",), False),
        (mach_o(0x01000012, order=">"), "macOS", ("PowerPC 64 64-bit",), True),
        (universal(7, 0x0100000C), "macOS", ("x86 32-bit", "ARM 64 64-bit"), True),
    ],
)
def test_a_header_says_system_and_architecture(
    content: bytes, system: str, architectures: tuple[str, ...], library: bool
) -> None:
    assert read_format(content) == FileFormat(system, architectures, library)


@pytest.mark.parametrize(
    "content",
    [
        b"\xca\xfe\xba\xbe\x00\x00\x00\x41" + bytes(100),  # a class of Java 21
        b"MZ" + bytes(200),  # a program for MS-DOS
        b"\0asm" + bytes(100),
        b"ab",
    ],
)
def test_a_header_of_something_else_is_no_library(content: bytes) -> None:
    assert read_format(content) is None


@pytest.mark.parametrize("content", [elf(0x3E)[:17], pe(0x8664)[:90], universal(7, 12)[:20]])
def test_a_header_that_is_cut_off_is_said(content: bytes) -> None:
    with pytest.raises(CutOffError):
        read_format(content)


@pytest.mark.parametrize(
    ("words", "cause"),
    [
        ("libCryptoki2.so: cannot open shared object file: No such file or directory", "libCry"),
        ("/x/lib.so: undefined symbol: OPENSSL_init", "the function OPENSSL_init,"),
        ("/lib/libc.so.6: version `GLIBC_2.99' not found (required by /x/lib.so)", "GLIBC_2.99"),
        ("/x/tool: cannot dynamically load position-independent executable", "a program"),
        ("/x/lib.so: file too short", "damaged"),
        ("dlopen(/x/lib.dylib): Library not loaded: @rpath/libssl.dylib", "@rpath/libssl.dylib"),
        ("Could not find module 'x.dll' (or one of its dependencies).", "not installed"),
        ("/x/lib.so: failed to map segment: Operation not permitted", "does not allow"),
        ("something new", "missing, or this account may not read"),
    ],
)
def test_the_loaders_words_are_explained(words: str, cause: str) -> None:
    error = not_loaded(words, "/x/lib.so")
    assert cause in error.cause
    assert error.remedy
    assert error.detail == words


def build(tmp_path: Path, source: str, *options: str) -> Path:
    """Compile a small library."""
    code, library = tmp_path / "library.c", tmp_path / "library.so"
    code.write_text(source)
    command = ["gcc", "-shared", "-fPIC", "-o", str(library), str(code), *options]
    subprocess.run(command, check=True)
    return library


def test_a_library_whose_own_library_is_missing_names_it(
    isolation: KeyIsolation, tmp_path: Path
) -> None:
    code, needed = tmp_path / "needed.c", tmp_path / "libneeded-by-it.so"
    code.write_text("int needed(void) { return 0; }\n")
    subprocess.run(["gcc", "-shared", "-fPIC", "-o", str(needed), str(code)], check=True)
    library = build(
        tmp_path,
        "int needed(void);\nint C_GetFunctionList(void) { return needed(); }\n",
        f"-L{tmp_path}",
        "-lneeded-by-it",
    )
    needed.unlink()
    error = refuse(isolation, LibrarySpec(str(library)))
    assert "cannot load" in error.message
    assert error.cause == "It needs the library libneeded-by-it.so, which is not installed."


def test_a_position_independent_program_is_not_a_library(
    isolation: KeyIsolation, tmp_path: Path
) -> None:
    source, program = tmp_path / "main.c", tmp_path / "program"
    source.write_text("int main(void) { return 0; }\n")
    subprocess.run(["gcc", "-pie", "-fPIE", "-o", str(program), str(source)], check=True)
    assert "program" in refuse(isolation, LibrarySpec(str(program))).cause


@pytest.mark.parametrize(
    "constructor", ["*(volatile int *)0 = 1;", "abort();", "exit(0);", "raise(SIGILL);"]
)
def test_a_library_that_crashes_before_it_is_asked_anything(
    isolation: KeyIsolation, tmp_path: Path, constructor: str
) -> None:
    library = build(
        tmp_path,
        "#include <signal.h>\n#include <stdlib.h>\n"
        f"__attribute__((constructor)) static void begin(void) {{ {constructor} }}\n"
        "int C_GetFunctionList(void) { return 0; }\n",
    )
    assert (
        "crashes while it is being loaded" in refuse(isolation, LibrarySpec(str(library))).message
    )


def test_a_library_that_hangs_before_it_is_asked_anything(tmp_path: Path) -> None:
    library = build(
        tmp_path,
        "#include <unistd.h>\n"
        "__attribute__((constructor)) static void begin(void) { for (;;) pause(); }\n"
        "int C_GetFunctionList(void) { return 0; }\n",
    )
    impatient = KeyIsolation(deadlines=Deadlines(load=2))
    try:
        message = refuse(impatient, LibrarySpec(str(library))).message
        assert "hangs while it is being loaded" in message
        assert impatient.process_ids() == ()
    finally:
        impatient.close()


def test_a_module_without_functions_is_refused(isolation: KeyIsolation, tmp_path: Path) -> None:
    library = build(
        tmp_path,
        "unsigned long C_GetFunctionList(void **list) { *list = 0; return 0; }\n",
    )
    assert "no PKCS#11 module" in refuse(isolation, LibrarySpec(str(library))).message


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

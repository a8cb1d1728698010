"""Says of a file, before it is loaded, whether it can be a library for this process."""

from __future__ import annotations

import platform
import stat
import struct
import sys
from dataclasses import dataclass
from pathlib import Path

from app.domain.errors import LibraryUnusable

_HEADER = 4096
_CHOOSE = "Choose the vendor's PKCS#11 library; its documentation names the file."

_ELF = b"\x7fELF"
_ELF_HEAD = 20  # up to e_machine
_ELF_SHARED = 3
_ELF_MACHINES = {
    0x03: "x86",
    0x08: "MIPS",
    0x14: "PowerPC",
    0x15: "PowerPC 64",
    0x16: "S/390",
    0x28: "ARM",
    0x3E: "x86-64",
    0xB7: "ARM 64",
    0xF3: "RISC-V",
}

_DOS = b"MZ"
_DOS_HEAD = 0x40
_PE_HEAD = 24  # signature and COFF header
_PE_DLL = 0x2000
_PE_MACHINES = {0x014C: "x86", 0x8664: "x86-64", 0x01C4: "ARM", 0xAA64: "ARM 64"}

_MACH_O = (0xFEEDFACE, 0xFEEDFACF)
_MACH_O_HEAD = 16  # up to filetype
_MACH_O_LIBRARIES = (6, 8)  # MH_DYLIB, MH_BUNDLE
_FAT = {0xCAFEBABE: 20, 0xCAFEBABF: 32}  # magic of a universal file: bytes of one entry
_MOST_PARTS = 40  # a Java class has the same magic, and its version stands here, 45 or more
_MACH_O_MACHINES = {
    0x00000007: "x86",
    0x01000007: "x86-64",
    0x0000000C: "ARM",
    0x0100000C: "ARM 64",
    0x00000012: "PowerPC",
    0x01000012: "PowerPC 64",
}
_MACHINES = {"arm64": "ARM 64", "aarch64": "ARM 64", "x86_64": "x86-64", "amd64": "x86-64"}
_SYSTEMS = {"linux": "Linux", "win32": "Windows", "darwin": "macOS"}


@dataclass(frozen=True)
class FileFormat:
    """What the header of a program or library says.

    Attributes:
        system: that it is for: `Linux`, `Windows` or `macOS`.
        architectures: that it holds code for; several in a universal file of macOS.
        library: whether other programs can load it, as far as the header tells.
    """

    system: str
    architectures: tuple[str, ...]
    library: bool


class CutOffError(Exception):
    """The header ends before it has said what the file is."""


def read_format(header: bytes) -> FileFormat | None:
    """The format by the first bytes of a file; None when it is neither program nor library.

    Raises:
        CutOffError: it begins like one, but ends too early.
    """
    try:
        if header.startswith(_ELF):
            return _read_elf(header)
        if header.startswith(_DOS):
            return _read_pe(header)
        return _read_mach_o(header)
    except struct.error as error:
        raise CutOffError from error


def check_library_file(path: str) -> None:
    """Refuse what cannot be loaded, with the reason.

    Raises:
        LibraryUnusable: no absolute path, no such file, unreadable, not a library of this
            system, or made for another architecture.
    """
    if not Path(path).is_absolute():
        raise LibraryUnusable(
            f"{path} is not a full path.", remedy="Give the path from the root of the file system."
        )
    try:
        found = read_format(_read_header(path))
    except CutOffError:
        raise LibraryUnusable(
            f"{path} is not a library.", cause="The file is cut off.", remedy="Install it again."
        ) from None
    if found is None:
        raise LibraryUnusable(
            f"{path} is not a library.",
            cause="Its content is not that of a shared library of any system.",
            remedy=_CHOOSE,
        )
    _check_fit(path, found)


def _check_fit(path: str, found: FileFormat) -> None:
    """Compare with this very process."""
    system = _SYSTEMS.get(sys.platform, sys.platform)
    code = " and ".join(found.architectures)
    if found.system != system:
        raise LibraryUnusable(
            f"{path} is a library for another operating system.",
            cause=f"It is for {found.system} on {code}; this program runs on {system}.",
            remedy="Install the vendor's client software for this system.",
        )
    wanted = _own_architecture()
    if wanted not in found.architectures:
        raise LibraryUnusable(
            f"{path} is made for another processor architecture.",
            cause=f"It is for {code}; this program is {wanted}.",
            remedy="Install the vendor's client software for this architecture.",
        )
    if not found.library:
        raise LibraryUnusable(
            f"{path} is not a library.", cause="It is a program or an object file.", remedy=_CHOOSE
        )


def _own_architecture() -> str:
    """Of this process, which may be another than the machine's."""
    if sys.platform == "darwin":  # the interpreter's file may hold several
        machine = platform.machine().lower()
        return f"{_MACHINES.get(machine, machine)} {8 * struct.calcsize('P')}-bit"
    own = read_format(_read_header(sys.executable))
    return own.architectures[0] if own is not None else "unknown"


def _read_header(path: str) -> bytes:
    try:
        # A pipe or a device would block or never end.
        if stat.S_ISREG(Path(path).stat().st_mode) or Path(path).is_dir():
            with Path(path).open("rb") as file:
                return file.read(_HEADER)
    except FileNotFoundError as error:
        raise LibraryUnusable(
            f"There is no file {path}.",
            cause="The path is wrong, or the vendor's client software is not installed.",
            remedy="Check the path, or install the client software.",
            detail=str(error),
        ) from error
    except IsADirectoryError as error:
        raise LibraryUnusable(
            f"{path} is a folder.", remedy="Choose the library's file in it.", detail=str(error)
        ) from error
    except OSError as error:
        raise LibraryUnusable(
            f"The file {path} cannot be read.",
            cause="This account has no right to read it.",
            remedy="Give this account the right to read the file.",
            detail=str(error),
        ) from error
    raise LibraryUnusable(
        f"{path} is no regular file.", remedy="Choose the vendor's PKCS#11 library."
    )


# --- formats ----------------------------------------------------------------------------------


def _read_elf(header: bytes) -> FileFormat:
    if len(header) < _ELF_HEAD:
        raise CutOffError
    order = "<" if header[5] == 1 else ">"
    kind, machine = struct.unpack_from(order + "HH", header, 16)
    bits = {1: "32-bit", 2: "64-bit"}.get(header[4], "unknown size")
    name = f"{_ELF_MACHINES.get(machine, f'machine {machine}')} {bits}"
    return FileFormat("Linux", (name,), kind == _ELF_SHARED)


def _read_pe(header: bytes) -> FileFormat | None:
    if len(header) < _DOS_HEAD:
        raise CutOffError
    (offset,) = struct.unpack_from("<I", header, 0x3C)
    if offset + _PE_HEAD > len(header):
        # The header of the files that linkers write is in the first page.
        raise CutOffError
    if header[offset : offset + 4] != b"PE\0\0":
        return None  # a program for MS-DOS
    (machine,) = struct.unpack_from("<H", header, offset + 4)
    (characteristics,) = struct.unpack_from("<H", header, offset + 22)
    name = f"{_PE_MACHINES.get(machine, f'machine {machine}')} {_bits(machine)}"
    return FileFormat("Windows", (name,), bool(characteristics & _PE_DLL))


def _bits(machine: int) -> str:
    return "64-bit" if _PE_MACHINES.get(machine, "64").endswith("64") else "32-bit"


def _read_mach_o(header: bytes) -> FileFormat | None:
    if len(header) < struct.calcsize("I"):
        return None
    (magic,) = struct.unpack_from(">I", header)
    if magic in _FAT:
        (parts,) = struct.unpack_from(">I", header, 4)
        if not 0 < parts <= _MOST_PARTS:
            return None
        step = _FAT[magic]
        types = [struct.unpack_from(">I", header, 8 + step * n)[0] for n in range(parts)]
        # The parts say themselves whether they are libraries; the system's loader reads them.
        return FileFormat("macOS", tuple(_mach_o_name(cpu) for cpu in types), library=True)
    order = ">" if magic in _MACH_O else "<"
    (magic,) = struct.unpack_from(order + "I", header)
    if magic not in _MACH_O:
        return None
    if len(header) < _MACH_O_HEAD:
        raise CutOffError
    (cpu,) = struct.unpack_from(order + "I", header, 4)
    (kind,) = struct.unpack_from(order + "I", header, 12)
    return FileFormat("macOS", (_mach_o_name(cpu),), kind in _MACH_O_LIBRARIES)


def _mach_o_name(cpu: int) -> str:
    bits = "64-bit" if cpu & 0x01000000 else "32-bit"
    return f"{_MACH_O_MACHINES.get(cpu, f'machine {cpu}')} {bits}"

"""Says of a file, before it is loaded, whether it can be a library for this process."""

from __future__ import annotations

import stat
import struct
import sys
from pathlib import Path

from app.domain.errors import LibraryUnusable

_ELF = b"\x7fELF"
_MACH_O = {0xFEEDFACE: 32, 0xFEEDFACF: 64}
_MACH_O_FAT = (0xCAFEBABE, 0xCAFEBABF)
_HEADER = 4096
_ELF_SHARED = 3
_WORD = 4
_ELF_HEAD = 20  # up to e_machine
_DOS_HEADER = 0x40
_MACHINES = {0x03: "x86", 0x3E: "x86-64", 0x28: "ARM", 0xB7: "ARM 64"}
_PE_MACHINES = {0x014C: "x86", 0x8664: "x86-64", 0x01C4: "ARM", 0xAA64: "ARM 64"}


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
    header = _read_header(path)
    if not header.startswith(_ELF) and not header.startswith(b"MZ") and not _is_mach_o(header):
        raise LibraryUnusable(
            f"{path} is not a library.",
            cause="Its content is not that of a shared library of any system.",
            remedy="Choose the vendor's PKCS#11 library; its documentation names the file.",
        )
    if sys.platform == "linux":
        _check_elf(path, header)
    elif sys.platform == "win32":
        _check_pe(path, header)
    elif not _is_mach_o(header):
        raise _of_another_system(path)


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


def _is_mach_o(header: bytes) -> bool:
    if len(header) < _WORD:
        return False
    big, little = struct.unpack(">I", header[:4])[0], struct.unpack("<I", header[:4])[0]
    return big in _MACH_O_FAT or big in _MACH_O or little in _MACH_O


def _of_another_system(path: str) -> LibraryUnusable:
    return LibraryUnusable(
        f"{path} is a library for another operating system.",
        remedy="Install the vendor's client software for this system.",
    )


def _of_another_architecture(path: str, found: str, wanted: str) -> LibraryUnusable:
    return LibraryUnusable(
        f"{path} is made for another processor architecture.",
        cause=f"It is for {found}; this program is {wanted}.",
        remedy="Install the vendor's client software for this architecture.",
    )


def _check_elf(path: str, header: bytes) -> None:
    if not header.startswith(_ELF):
        raise _of_another_system(path)
    if len(header) < _ELF_HEAD:
        raise LibraryUnusable(
            f"{path} is not a library.", cause="The file is cut off.", remedy="Install it again."
        )
    own = _read_header(sys.executable)
    found, wanted = _elf_architecture(header), _elf_architecture(own)
    if found != wanted:
        raise _of_another_architecture(path, found, wanted)
    order = "<" if header[5] == 1 else ">"
    if struct.unpack(order + "H", header[16:18])[0] != _ELF_SHARED:
        raise LibraryUnusable(
            f"{path} is not a library.",
            cause="It is a program or an object file.",
            remedy="Choose the vendor's PKCS#11 library; its documentation names the file.",
        )


def _elf_architecture(header: bytes) -> str:
    order = "<" if header[5] == 1 else ">"
    machine = struct.unpack(order + "H", header[18:20])[0]
    bits = {1: "32-bit", 2: "64-bit"}.get(header[4], "unknown size")
    return f"{_MACHINES.get(machine, f'machine {machine}')} {bits}"


def _check_pe(path: str, header: bytes) -> None:
    if not header.startswith(b"MZ"):
        raise _of_another_system(path)
    found, wanted = _pe_architecture(header), _pe_architecture(_read_header(sys.executable))
    if found != wanted:
        raise _of_another_architecture(path, found, wanted)


def _pe_architecture(header: bytes) -> str:
    if len(header) < _DOS_HEADER:
        return "nothing: the file is cut off"
    offset = struct.unpack("<I", header[0x3C:0x40])[0]
    machine = struct.unpack("<H", header[offset + 4 : offset + 6].ljust(2, b"\0"))[0]
    return _PE_MACHINES.get(machine, f"machine {machine}")

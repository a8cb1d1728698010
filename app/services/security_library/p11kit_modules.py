"""Reads the files by which packages make their PKCS#11 modules known to p11-kit."""

from __future__ import annotations

import os
import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

#: The name under which p11-kit's `enable-in` and `disable-in` mean this program.
PROGRAM = "sealkeeper"
LARGEST_FILE = 65_536
_LINE = re.compile(r"\s*([A-Za-z0-9._-]+)\s*:\s*(.*?)\s*")
_NO = {"no", "false", "0", ""}


@dataclass(frozen=True, slots=True)
class P11KitModule:
    """A library that a module file names, the file's name, and its C_Initialize string."""

    path: Path
    file: str
    initialisation: str


def module_folders() -> tuple[Path, ...]:
    """Where module files lie; a later folder overrides an earlier one."""
    own = Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config")
    folders = [Path("/usr/share/p11-kit/modules"), Path("/usr/local/share/p11-kit/modules")]
    if sys.platform == "darwin":
        folders.append(Path("/opt/homebrew/share/p11-kit/modules"))
        folders.append(Path("/opt/homebrew/etc/pkcs11/modules"))
    return (*folders, Path("/etc/pkcs11/modules"), own / "pkcs11/modules")


def library_folders() -> tuple[Path, ...]:
    """What a relative path in a module file may be relative to."""
    found = [Path("/usr/lib64/pkcs11")]
    found += sorted(Path("/usr/lib").glob("*-linux-gnu*/pkcs11"))
    found += [Path("/usr/lib/pkcs11"), Path("/usr/local/lib/pkcs11")]
    return (*found, Path("/opt/homebrew/lib/pkcs11"))


def p11kit_modules(folders: Iterable[Path], libraries: Iterable[Path]) -> tuple[P11KitModule, ...]:
    """The libraries that the module files name for this program; none is loaded.

    Left out are modules that are reached by a command (`remote:`), that another program alone
    may use (`enable-in`, `disable-in`), that hold trusted certificates and no keys
    (`trust-policy`), and files that cannot be read.

    Args:
        folders: of the module files, as `module_folders`.
        libraries: what relative paths are relative to, as `library_folders`.
    """
    merged: dict[str, dict[str, str]] = {}
    for folder in folders:
        for file in _files(folder):
            merged.setdefault(file.name, {}).update(_settings(file))
    places = tuple(libraries)
    found = []
    for name, settings in sorted(merged.items()):
        path = _path(settings.get("module", ""), places)
        if path is not None and _is_for_this_program(settings):
            reserved = settings.get("x-init-reserved", "")
            found.append(P11KitModule(path, name, reserved))
    return tuple(found)


def _files(folder: Path) -> tuple[Path, ...]:
    try:
        return tuple(sorted(folder.glob("*.module")))
    except OSError:  # a folder of another account says nothing to this one
        return ()


def _settings(file: Path) -> dict[str, str]:
    try:
        with file.open(encoding="utf-8", errors="replace") as opened:
            lines = opened.read(LARGEST_FILE).splitlines()
    except OSError:
        return {}
    pairs = (_LINE.fullmatch(line) for line in lines if not line.lstrip().startswith("#"))
    return {pair[1]: pair[2] for pair in pairs if pair is not None}


def _path(module: str, places: tuple[Path, ...]) -> Path | None:
    if not module:
        return None
    path = Path(module)
    if path.is_absolute():
        return path
    return next((place / path for place in places if (place / path).is_file()), None)


def _is_for_this_program(settings: Mapping[str, str]) -> bool:
    if "remote" in settings or settings.get("trust-policy", "").casefold() not in _NO:
        return False
    enabled, disabled = settings.get("enable-in"), settings.get("disable-in", "")
    if enabled is not None:
        return PROGRAM in _words(enabled)
    return PROGRAM not in _words(disabled)


def _words(text: str) -> set[str]:
    return set(re.split(r"[\s,]+", text.strip()))

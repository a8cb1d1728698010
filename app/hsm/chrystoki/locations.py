"""Where the configuration file of a Luna client stands: names, places, order."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from app.domain.luna import CONFIGURATION_VARIABLE

if TYPE_CHECKING:
    from collections.abc import Mapping

UNIX_NAME = "Chrystoki.conf"
INI_NAME = "crystoki.ini"
NAMES = (INI_NAME, UNIX_NAME) if sys.platform == "win32" else (UNIX_NAME, INI_NAME)
UNIX_CLIENT = Path("/usr/safenet/lunaclient")
DEFAULT_PLACES = (
    Path("/etc", UNIX_NAME),
    Path("/usr/local/luna/config", UNIX_NAME),
    Path("C:/Program Files/SafeNet/LunaClient", INI_NAME),
)
"""Of the full client on Unix, of its container images, and of the full client on Windows."""


def in_folder(folder: Path) -> Path | None:
    """The configuration file in a folder; names are found whatever their case."""
    for name in NAMES:
        if (folder / name).is_file():
            return folder / name
    try:
        names = sorted(os.listdir(folder))  # noqa: PTH208 - names alone, in a fixed order
    except OSError:
        return None
    wanted = {name.casefold() for name in NAMES}
    return next((folder / name for name in names if name.casefold() in wanted), None)


def from_variable(environment: Mapping[str, str]) -> Path | None:
    """The file that ChrystokiConfigurationPath names: its folder, or, as the guide writes, itself.

    The path that is meant where there is no such file; None where the variable is not set.
    """
    value = environment.get(CONFIGURATION_VARIABLE, "").strip()
    if not value:
        return None
    place = Path(value).expanduser()
    if place.name.casefold() in {name.casefold() for name in NAMES}:
        return place
    return in_folder(place) or place / NAMES[0]


def default_file() -> Path | None:
    """The file in the place that the client's installer uses on this system."""
    for place in DEFAULT_PLACES:
        try:
            if place.is_absolute() and place.is_file():
                return place
        except OSError:  # a folder that this account may not enter
            continue
    return None


_BELOW_CLIENT = frozenset({"lib", "lib64", "libs", "64", "32", "win64", "win32"})

_NO_CLIENT = frozenset({Path("/"), Path("/usr"), Path("/usr/local")})


def client_folder(configuration: Path, library: str) -> Path:
    """The client's own folder, in which `cert` and `plugins` are.

    Args:
        configuration: its configuration file.
        library: the PKCS#11 library that the file names, or "".
    """
    if not library:
        return UNIX_CLIENT if configuration == DEFAULT_PLACES[0] else configuration.parent
    # …/lunaclient/lib/libCryptoki2_64.so on Unix, …\\LunaClient\\cryptoki.dll on Windows
    folder = Path(library.replace("\\", "/")).parent
    while folder.name.casefold() in _BELOW_CLIENT:
        folder = folder.parent
    # /usr/lib/libCryptoki2_64.so is a link into the client's folder.
    return UNIX_CLIENT if folder in _NO_CLIENT else folder

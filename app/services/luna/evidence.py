"""Reads from a Luna client's configuration what the guide's prerequisites ask for."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from app.domain.errors import InvalidInput
from app.domain.libraries import LUNA_VENDORS
from app.domain.luna import LunaEvidence
from app.hsm.chrystoki import locations, reading
from app.hsm.chrystoki.document import LARGEST, parse

if TYPE_CHECKING:
    from collections.abc import Iterable

    from app.domain.libraries import Library
    from app.hsm.chrystoki.document import Document
    from app.store.database import Database

_SAID = ("safenet", "luna", "thales", "gemalto", "chrystoki")


def is_luna(library: Library) -> bool:
    """Whether a library is a Luna client's, by its vendor name or by what it says of itself."""
    said = f"{library.info.manufacturer} {library.info.description}".casefold()
    return library.vendor in LUNA_VENDORS or any(word in said for word in _SAID)


def configuration_of(library: Library) -> Path | None:
    """The file that a library reads: of its environment, of this process's, or the default."""
    return (
        locations.from_variable(dict(library.spec.environment))
        or locations.from_variable(os.environ)
        or _beside(library)
        or locations.default_file()
    )


def _beside(library: Library) -> Path | None:
    """On Windows the file is in the client's folder, wherever that was installed."""
    if sys.platform == "win32":
        return locations.in_folder(Path(library.spec.path).parent)
    return None


def luna_libraries(database: Database) -> tuple[Library, ...]:
    """The registered libraries of Luna clients."""
    with database.read() as tx:
        libraries = tx.libraries.all()
    return tuple(library for library in libraries if is_luna(library))


def library_of(path: Path, libraries: Iterable[Library]) -> Library | None:
    """The one of these libraries that reads a file."""
    real = os.path.realpath(path)
    for library in libraries:
        place = configuration_of(library)
        if place is not None and os.path.realpath(place) == real:
            return library
    return None


def named_file(path: Path) -> Path:
    """The file of a path that may be its folder, as ChrystokiConfigurationPath names it."""
    path = path.expanduser()
    if path.is_dir():
        return locations.in_folder(path) or path / locations.NAMES[0]
    return path


def read_bytes(path: Path) -> bytes:
    """The content of a configuration file, `LARGEST` bytes and one more at most.

    Raises:
        InvalidInput: it cannot be read.
    """
    try:
        if not path.is_file():
            raise InvalidInput(
                f"There is no configuration file {path}.",
                remedy="Name Chrystoki.conf or crystoki.ini of the Luna client.",
            )
        with path.open("rb") as file:
            return file.read(LARGEST + 1)
    except OSError as error:
        raise InvalidInput(
            f"The configuration file {path} cannot be read.",
            cause=f"{error.strerror or error}.",
            remedy="Give this account the right to read it.",
            detail=repr(error),
        ) from error


def evidence_of(library: Library) -> LunaEvidence:
    """What the configuration of this library tells; its `problem` tells why it does not."""
    if not is_luna(library):
        return LunaEvidence(applies=False)
    path = configuration_of(library)
    if path is None:
        return LunaEvidence(
            applies=True,
            problem="No configuration file of a Luna client was found, neither by "
            "ChrystokiConfigurationPath nor in its usual place.",
        )
    try:
        document = parse(read_bytes(path), path.name)
    except InvalidInput as error:
        return LunaEvidence(applies=True, path=path, problem=error.one_line())
    return evidence_in(document, path)


def evidence_in(document: Document, path: Path) -> LunaEvidence:
    """The same of a file that was read."""
    return LunaEvidence(
        applies=True,
        path=path,
        servers=reading.servers(document),
        files=reading.certificate_files(document),
        ha_groups=reading.ha_groups(document),
        ha_only=reading.flag(document, reading.HA, "HAOnly"),
        ped=reading.flag(document, reading.MISC, "ProtectedAuthenticationPathFlagStatus"),
        rsa_remap=reading.flag(document, reading.MISC, "RSAKeyGenMechRemap"),
        cloud=reading.has_cloud(document),
    )

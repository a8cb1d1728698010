"""How a security library is named to be loaded, and what it answered then."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from app.domain.errors import InvalidInput
from app.domain.libraries import Library
from app.domain.tokens import LibraryInfo, LibrarySpec, SlotFacts


@dataclass(frozen=True, slots=True)
class LibraryTest:
    """What a library answered when it was loaded for a test."""

    library: Library
    info: LibraryInfo
    slots: tuple[SlotFacts, ...]


@dataclass(frozen=True, slots=True)
class Reloaded:
    """What loading a library anew changed.

    Attributes:
        library: as it is now.
        old: what it said of itself before.
        slots_before: as this process saw them last; None when it had not asked yet.
        slots: as they are now.
    """

    library: Library
    old: LibraryInfo
    slots_before: tuple[SlotFacts, ...] | None
    slots: tuple[SlotFacts, ...]


def library_spec(
    path: str, environment: tuple[tuple[str, str], ...] = (), initialisation: str = ""
) -> LibrarySpec:
    """How to load a library; `~` in the path is expanded.

    Raises:
        InvalidInput: no path, or an environment variable that cannot be set.
    """
    text = path.strip()
    if not text or "\0" in text:
        raise InvalidInput("No security library is named.", remedy="Give the path of its file.")
    for name, value in environment:
        if not name.strip() or "=" in name or "\0" in name + value:
            raise InvalidInput(
                f"“{name}” is not an environment variable.", remedy="Write NAME=VALUE."
            )
    if "\0" in initialisation:
        raise InvalidInput("The initialisation string cannot be passed on.", remedy="Type it.")
    absolute = Path(text).expanduser().absolute()
    return LibrarySpec(str(absolute), tuple(environment), initialisation)

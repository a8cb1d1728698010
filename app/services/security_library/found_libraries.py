"""Finds the PKCS#11 libraries of this machine; looks at files and loads none."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from app.domain.errors import LibraryUnusable
from app.hsm.library_file import check_library_file
from app.services.security_library.known_products import PRODUCTS, Product, product_of
from app.services.security_library.p11kit_modules import (
    library_folders,
    module_folders,
    p11kit_modules,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

# Where the soft token's package is unpacked when it cannot be installed.
_UNPACKED = Path(__file__).resolve().parents[3] / ".local"
_LUNA_FILES = ("Chrystoki.conf", "crystoki.ini")
_LUNA_LEVELS = 4
USUAL_PLACE = "usual place"


@dataclass(frozen=True, slots=True)
class FoundLibrary:
    """A library that lies on this machine.

    Attributes:
        product: what it is by its place or its file's name.
        registered: whether that file is registered.
        source: how it was found: `usual place`, or the name of p11-kit's module file.
        environment / initialisation: proposed for loading it; empty where none is known.
        note: what has to be there before it works, one or two sentences, or "".
        problem: why this program cannot load it, one line, or "".
    """

    path: str
    product: str
    registered: bool
    source: str
    environment: tuple[tuple[str, str], ...] = ()
    initialisation: str = ""
    note: str = ""
    problem: str = ""


def find_libraries(registered: Iterable[str]) -> tuple[FoundLibrary, ...]:
    """The libraries in the places of known products and in p11-kit's module files.

    A file is listed once, whatever links lead to it: those that can be registered come first, in
    the order of `PRODUCTS`.

    Args:
        registered: paths of the libraries that are registered.
    """
    known = {os.path.realpath(path) for path in registered}
    found: dict[str, FoundLibrary] = {}
    for path, product, source, initialisation in _candidates():
        real = os.path.realpath(path)
        if real not in found and Path(real).is_file():
            taken = real in known
            found[real] = _described(path, product, source, initialisation, registered=taken)
    return tuple(sorted(found.values(), key=lambda each: (each.registered, bool(each.problem))))


def _candidates() -> Iterator[tuple[Path, Product | None, str, str]]:
    for product in PRODUCTS:
        for pattern in getattr(product, sys.platform, ()):
            for path in _matches(pattern):
                yield path, product, USUAL_PLACE, ""
        if product.name == "SoftHSM 2":
            for path in sorted(_UNPACKED.glob("**/libsofthsm2.so")):
                yield path, product, USUAL_PLACE, ""
    for module in p11kit_modules(module_folders(), library_folders()):
        product_or_none = product_of(module.path.name)
        yield module.path, product_or_none, f"p11-kit: {module.file}", module.initialisation


def _matches(pattern: str) -> list[Path]:
    place = Path(pattern)
    try:
        return sorted(Path(place.anchor).glob(str(place.relative_to(place.anchor))))
    except OSError:  # a folder of another account says nothing to this one
        return []


def _described(
    path: Path, product: Product | None, source: str, initialisation: str, *, registered: bool
) -> FoundLibrary:
    environment = _environment(product, path) if product is not None else ()
    if product is not None and not initialisation and not environment:
        initialisation = _initialisation(product)
    return FoundLibrary(
        path=str(path),
        product=product.name if product is not None else path.stem,
        registered=registered,
        source=source,
        environment=environment,
        initialisation=initialisation,
        note=product.note if product is not None else "",
        problem=_problem(path),
    )


def _problem(path: Path) -> str:
    try:
        check_library_file(str(path))
    except LibraryUnusable as error:
        return error.one_line()
    return ""


def _environment(product: Product, path: Path) -> tuple[tuple[str, str], ...]:
    """What this process has set counts most: services do not inherit it."""
    if not product.variable:
        return ()
    value = os.environ.get(product.variable, "")
    if not value and product.name == "Thales Luna":
        value = _luna_folder(path)
    if not value:
        value = next((str(each) for each in _existing(product.configurations)), "")
    return ((product.variable, value),) if value else ()


def _luna_folder(path: Path) -> str:
    """The folder of a minimum client's configuration; "" where the system has the usual one."""
    if Path("/etc/Chrystoki.conf").exists():
        return ""
    for folder in path.parents[:_LUNA_LEVELS]:
        if any((folder / name).is_file() for name in _LUNA_FILES):
            return str(folder)
    return ""


def _initialisation(product: Product) -> str:
    if not product.stores:
        return product.initialisation
    places = (*_existing(product.stores), Path(product.stores[-1]).expanduser())
    return product.initialisation.replace("{}", str(places[0]))


def _existing(paths: Iterable[str]) -> Iterator[Path]:
    for text in paths:
        path = Path(text).expanduser()
        if os.access(path, os.R_OK):
            yield path

"""Looks at a folder with a Luna Cloud HSM minimum client: unpacked where, set up how."""

from __future__ import annotations

from pathlib import Path

from app.domain.errors import SealkeeperError
from app.domain.luna import CONFIGURATION_VARIABLE, CheckState, ClientCheck
from app.hsm.chrystoki import locations, reading
from app.hsm.chrystoki.document import Document, parse
from app.services.luna.evidence import read_bytes

_LIBRARIES = (
    "libs/64/libCryptoki2.so",
    "libs/64/libCryptoki2_64.so",
    "lib/libCryptoki2_64.so",
    "cryptoki.dll",
    "win64/cryptoki.dll",
)
_ARCHIVES = ("cvclient-min.tar", "cvclient-min.zip")
_TEMPLATES = ("Chrystoki-base.conf", "crystoki-template.ini")


def library_in(folder: Path) -> Path | None:
    """The PKCS#11 library of a client that is unpacked in a folder."""
    return next((folder / name for name in _LIBRARIES if (folder / name).is_file()), None)


def checks(
    folder: Path, library: Path | None, configuration: Path | None, *, variable_set: bool
) -> tuple[ClientCheck, ...]:
    """The checks in the order of the guide; the cloud's slot is asked for separately."""
    document, problem = _document(configuration)
    return (
        _unpacked(folder, library),
        _set_up(folder, configuration, problem),
        _in_place(folder, document),
        _sections(document),
        ClientCheck(
            "Variable",
            CheckState.OK if variable_set else CheckState.UNCHECKED,
            f"Its library is registered with {CONFIGURATION_VARIABLE}={folder}."
            if variable_set
            else f"{CONFIGURATION_VARIABLE} is set when the library is registered from here.",
        ),
    )


def _document(configuration: Path | None) -> tuple[Document | None, str]:
    if configuration is None:
        return None, ""
    try:
        return parse(read_bytes(configuration), configuration.name), ""
    except SealkeeperError as error:
        return None, error.one_line()


def _unpacked(folder: Path, library: Path | None) -> ClientCheck:
    name = "Unpacked"
    if library is not None:
        return ClientCheck(name, CheckState.OK, f"The library is {library}.")
    deeper = _deeper(folder)
    if deeper is not None:
        return ClientCheck(
            name,
            CheckState.BAD,
            f"The client was unpacked into the new folder {deeper}. Unpack it into {folder} "
            "itself, or name that folder.",
        )
    archive = next((each for each in _ARCHIVES if (folder / each).is_file()), "")
    if archive:
        how = f"tar -xvf {archive}" if archive.endswith(".tar") else "Extract All, into this folder"
        return ClientCheck(name, CheckState.BAD, f"{archive} is not unpacked yet: {how}.")
    return ClientCheck(
        name,
        CheckState.BAD,
        f"There is no PKCS#11 library in {folder}. Unpack cvclient-min.tar or cvclient-min.zip "
        "into it.",
    )


def _deeper(folder: Path) -> Path | None:
    try:
        inner = sorted(place for place in folder.iterdir() if place.is_dir())
    except OSError:
        return None
    return next((place for place in inner if library_in(place) is not None), None)


def _set_up(folder: Path, configuration: Path | None, problem: str) -> ClientCheck:
    name = "setenv"
    if problem:
        return ClientCheck(name, CheckState.BAD, problem)
    if configuration is not None:
        return ClientCheck(name, CheckState.OK, f"It made {configuration.name}.")
    script = (
        "setenv.cmd as administrator" if (folder / "setenv.cmd").is_file() else "source ./setenv"
    )
    template = next((each for each in _TEMPLATES if (folder / each).is_file()), "")
    made = f" from {template}" if template else ""
    return ClientCheck(
        name,
        CheckState.BAD,
        f"It did not run: there is no {locations.NAMES[0]} in {folder}. Run {script} there, "
        f"which makes it{made}.",
    )


def _in_place(folder: Path, document: Document | None) -> ClientCheck:
    name = "Paths"
    if document is None:
        return ClientCheck(name, CheckState.UNCHECKED, "There is no file to look into yet.")
    wanted = reading.library_path(document)
    if wanted and not Path(wanted).is_file():
        return ClientCheck(
            name,
            CheckState.BAD,
            f"The file names {wanted}, which is not there: the folder was moved. Run setenv in "
            f"{folder} again.",
        )
    return ClientCheck(name, CheckState.OK, "The file names what is in this folder.")


def _sections(document: Document | None) -> ClientCheck:
    name = "Cloud sections"
    if document is None:
        return ClientCheck(name, CheckState.UNCHECKED, "There is no file to look into yet.")
    if not reading.has_cloud(document):
        return ClientCheck(
            name,
            CheckState.BAD,
            "XTC and REST are missing: this is not the client of a Luna Cloud HSM service.",
        )
    return ClientCheck(name, CheckState.OK, "XTC and REST are there.")

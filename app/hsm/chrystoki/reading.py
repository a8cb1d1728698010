"""What a parsed configuration file tells: servers, HA groups, flags, named files."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from app.domain.luna import FileProblem, HaGroup, NamedFile, NtlsServer, Setting
from app.hsm.chrystoki.meanings import is_secret, meaning, shown

if TYPE_CHECKING:
    from app.hsm.chrystoki.document import Document

NETWORK = "LunaSA Client"
HA_GROUPS = "VirtualToken"
HA = "HAConfiguration"
MISC = "Misc"
CLOUD_SECTIONS = ("XTC", "REST")
_CERTIFICATE_KEYS = ("ClientCertFile", "ClientPrivKeyFile", "ServerCAFile")
_LIBRARY_KEYS = ("LibUNIX64", "LibNT", "LibUNIX")
_SERVER = re.compile(r"servername(\d{2})\Z", re.IGNORECASE)
_GROUP = re.compile(r"virtualtoken(\d{2})(?:label|sn|members)\Z", re.IGNORECASE)


def flag(document: Document, section: str, key: str) -> bool | None:
    """Whether a key is 1; None where it is not there."""
    value = document.get(section, key)
    return None if value is None else value == "1"


def servers(document: Document) -> tuple[NtlsServer, ...]:
    """The Luna Network HSMs of the NTLS connection; deleted ones leave an empty name."""
    found = []
    for key, name in document.values(NETWORK):
        match = _SERVER.match(key)
        if match is not None and name:
            port = document.get(NETWORK, f"ServerPort{match[1]}") or ""
            htl = document.get(NETWORK, f"ServerHtl{match[1]}") or ""
            found.append(NtlsServer(name, port, htl))
    return tuple(found)


def ha_groups(document: Document) -> tuple[HaGroup, ...]:
    """The HA groups."""
    numbers = {
        match[1]: None
        for key, value in document.values(HA_GROUPS)
        if (match := _GROUP.match(key)) is not None and value
    }
    return tuple(_group(document, number) for number in numbers)


def _group(document: Document, number: str) -> HaGroup:
    def of(what: str) -> str:
        return document.get(HA_GROUPS, f"VirtualToken{number}{what}") or ""

    members = tuple(part.strip() for part in of("Members").split(",") if part.strip())
    return HaGroup(of("Label"), of("SN"), members)


def certificate_files(document: Document) -> tuple[NamedFile, ...]:
    """Certificates and key of the NTLS connection, looked for on the disk."""
    found = []
    for key in _CERTIFICATE_KEYS:
        value = document.get(NETWORK, key)
        if value:
            found.append(NamedFile(key, value, _exists(value)))
    return tuple(found)


def _exists(value: str) -> bool | None:
    place = Path(value)
    if not place.is_absolute():
        return None  # what a relative one is relative to is the library's affair
    try:
        return place.is_file()
    except OSError:
        return None


def has_cloud(document: Document) -> bool:
    """Whether the sections of Luna Cloud HSM are there."""
    return all(document.values(section) for section in CLOUD_SECTIONS)


def library_path(document: Document) -> str:
    """The PKCS#11 library that the file names, or ""."""
    values = (document.get("Chrystoki2", key) for key in _LIBRARY_KEYS)
    return next((value for value in values if value), "")


def settings(document: Document) -> tuple[Setting, ...]:
    """All keys with their meaning; credentials as dots."""
    return tuple(
        Setting(
            entry.section,
            entry.key,
            shown(entry.key, entry.value),
            line,
            meaning(entry.section, entry.key),
            is_secret(entry.key),
        )
        for line, entry in document.numbered()
    )


def problems(document: Document) -> tuple[FileProblem, ...]:
    """What an administrator should look at."""
    found = list(document.problems())
    found += [
        FileProblem(f"{file.key} names {file.path}, which is not there.")
        for file in certificate_files(document)
        if file.exists is False
    ]
    if ha_groups(document) and flag(document, HA, "HAOnly") is not True:
        found.append(
            FileProblem("An HA group is configured but HAOnly is not 1: fail-over does not work.")
        )
    return tuple(found)

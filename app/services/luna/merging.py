"""Plans how a Luna Cloud HSM client is taken into a full client (the guide's steps 5 to 12)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from app.domain.errors import InvalidInput, Refused
from app.domain.luna import (
    CONFIGURATION_VARIABLE,
    CertificateCopy,
    Change,
    CopyState,
    MergeStep,
    ReplaceSection,
    SetValue,
)
from app.hsm.chrystoki import locations, reading
from app.hsm.chrystoki.document import LARGEST, Document, parse
from app.hsm.chrystoki.tasks import NO_CERTIFICATES, UNIVERSAL, Version
from app.services.luna.evidence import read_bytes

if TYPE_CHECKING:
    from app.domain.luna import MergeCloud

SERVER, AUTHORITY, PARTITION = (
    "server-certificate.pem",
    "partition-ca-certificate.pem",
    "partition-certificate.pem",
)
CERTIFICATES = (SERVER, AUTHORITY, PARTITION)
_PATH_KEYS = {
    ("xtc", "partitioncapath"): AUTHORITY,
    ("xtc", "partitioncertpath00"): PARTITION,
    ("rest", "sslclientsideverifyfile"): SERVER,
}


@dataclass(frozen=True, slots=True)
class Parts:
    """What a merge is planned from.

    Attributes:
        document: the full client's file.
        cloud: the cloud client's file, found in `folder`.
        certificates / plugins: folders of the full client.
        copying: whether certificates are copied, which clients before 10.2 need.
    """

    document: Document
    cloud: Document
    folder: Path
    certificates: Path
    plugins: Path
    version: Version
    copying: bool

    @property
    def hybrid(self) -> bool:
        """Whether the full client is connected to Luna Network HSMs too."""
        return bool(reading.servers(self.document))


def gather(request: MergeCloud, path: Path, document: Document, version: Version) -> Parts:
    """Read the cloud client and decide on the folders.

    Raises:
        InvalidInput: setenv did not run there, or a folder is missing.
        Refused: this client cannot do it, or the two are one.
    """
    folder = request.cloud.expanduser()
    cloud_path = locations.in_folder(folder)
    if cloud_path is None:
        raise InvalidInput(
            f"There is no configuration file in {folder}.",
            cause="The cloud client was not unpacked there, or its setenv script did not run.",
            remedy="Unpack the client into the folder itself and run setenv in it.",
        )
    if cloud_path.samefile(path):
        raise Refused(
            f"{folder} is the folder of the full client itself.",
            remedy="Name the folder of the Luna Cloud HSM client.",
        )
    cloud = parse(read_bytes(cloud_path), cloud_path.name)
    if not reading.has_cloud(cloud):
        raise InvalidInput(
            f"{cloud_path} has no sections XTC and REST.",
            cause="It is no Luna Cloud HSM client's file, or its setenv script did not run.",
            remedy="Name the folder of the Luna Cloud HSM client in which setenv ran.",
        )
    own = locations.client_folder(path, reading.library_path(document))
    parts = Parts(
        document,
        cloud,
        folder,
        (request.certificates or own / "cert").expanduser(),
        (request.plugins or own / "plugins").expanduser(),
        version,
        copying=version < NO_CERTIFICATES,
    )
    _check(parts)
    return parts


def _check(parts: Parts) -> None:
    if parts.hybrid and parts.version < UNIVERSAL:
        raise Refused(
            "This client cannot use Luna Network HSMs and Luna Cloud HSM together.",
            cause=f"Hybrid mode needs Luna Client 10 or later; this is {version_text(parts)}.",
            remedy="Install a newer Luna Client, or use the minimum client by itself.",
        )
    if not parts.copying:
        return
    missing = [name for name in CERTIFICATES if not (parts.folder / name).is_file()]
    if missing:
        raise InvalidInput(
            f"{parts.folder} has no {' and no '.join(missing)}.",
            cause="The cloud client was not unpacked into the folder itself.",
            remedy="Name the folder in which its certificates are.",
        )
    _refuse_links_out(parts.folder)
    if not parts.certificates.is_dir():
        raise InvalidInput(
            f"There is no folder {parts.certificates} for the certificates.",
            cause="The full client is installed elsewhere.",
            remedy="Name the folder cert of the full client.",
        )


def _refuse_links_out(folder: Path) -> None:
    """What root copies everybody may read: it must not be another file that a link leads to."""
    real = folder.resolve()
    for name in CERTIFICATES:
        place = (folder / name).resolve()
        if not place.is_relative_to(real):
            raise InvalidInput(
                f"{name} in {folder} is not in that folder.",
                cause=f"It is a symbolic link to {place}.",
                remedy="Put the certificate itself into the folder of the cloud client.",
            )


def version_text(parts: Parts) -> str:
    """The client's version as people write it."""
    return f"{parts.version[0]}.{parts.version[1]}"


def copies(parts: Parts) -> tuple[CertificateCopy, ...]:
    """The certificates to copy, with what copying each means."""
    if not parts.copying:
        return ()
    return tuple(_copy(parts.folder / name, parts.certificates / name) for name in CERTIFICATES)


def _copy(source: Path, target: Path) -> CertificateCopy:
    content = read_bytes(source)
    if len(content) > LARGEST:
        raise InvalidInput(
            f"{source} is too large for a certificate.",
            remedy="Put the certificate that belongs to the cloud client there.",
        )
    if not target.exists():
        return CertificateCopy(source, target, CopyState.NEW)
    same = read_bytes(target) == content
    return CertificateCopy(source, target, CopyState.SAME if same else CopyState.DIFFERENT)


def changes(parts: Parts) -> tuple[Change, ...]:
    """The changes of the full client's file: the two sections, three paths in them, one key."""
    made: list[Change] = []
    for section in reading.CLOUD_SECTIONS:
        values = tuple(
            (key, _placed(parts, section, key, value)) for key, value in parts.cloud.values(section)
        )
        made.append(ReplaceSection(section, values))
    made.append(SetValue(reading.MISC, "PluginModuleDir", str(parts.plugins)))
    return tuple(made)


def _placed(parts: Parts, section: str, key: str, value: str) -> str:
    name = _PATH_KEYS.get((section.casefold(), key.casefold()))
    return str(parts.certificates / name) if name and parts.copying else value


def steps(parts: Parts, path: Path, library: str) -> tuple[MergeStep, ...]:
    """The guide's steps and what each means here."""
    skipped = f"Not needed from Luna Client 10.2 on; this is {version_text(parts)}."
    plugins = "" if parts.plugins.is_dir() else " There is no such folder yet."
    whose = f"{library} is loaded with" if library else "No registered library is changed. Set"
    point = f"{whose} {CONFIGURATION_VARIABLE}={path.parent}."
    return (
        MergeStep(
            5,
            "Copy the certificates",
            f"From {parts.folder} to {parts.certificates}." if parts.copying else skipped,
            parts.copying,
        ),
        MergeStep(6, "Read the sections XTC and REST", f"Of {parts.folder}."),
        MergeStep(7, "Add them to the full client's file", f"To {path}."),
        MergeStep(
            8,
            "Change the certificates' paths",
            f"To {parts.certificates}."
            if parts.copying
            else f"{skipped} Keep the files that the sections name.",
            parts.copying,
        ),
        MergeStep(9, "Set PluginModuleDir", f"To {parts.plugins}.{plugins}"),
        MergeStep(10, "Save the file", "A backup is made first."),
        MergeStep(11, "Reset the variable", point),
        MergeStep(
            12,
            "See that the slots are listed",
            "Luna and Luna Cloud HSM slots are listed together."
            if parts.hybrid
            else "The slot of Luna Cloud HSM is listed.",
        ),
    )


def unit_line(folder: Path) -> str:
    """The line of a systemd unit that sets the variable."""
    value = str(folder).replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%")
    assignment = f"{CONFIGURATION_VARIABLE}={value}"
    plain = not any(letter.isspace() or letter in "\"'\\" for letter in str(folder))
    return f"Environment={assignment}" if plain else f'Environment="{assignment}"'

"""The configuration of a Luna client (Chrystoki.conf, crystoki.ini): what is read and changed."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from app.domain.ids import LibraryId

CONFIGURATION_VARIABLE = "ChrystokiConfigurationPath"
"""Environment variable with the folder of the configuration file."""


class Syntax(StrEnum):
    """The two forms of the file."""

    UNIX = "unix"
    """`Section = { Key = value; }`"""
    INI = "ini"
    """`[Section]` and `Key=value`"""


# --- changes --------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class SetValue:
    """Give a key a value; section and key are added where they are missing."""

    section: str
    key: str
    value: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class RemoveValue:
    """Take a key out of its section."""

    section: str
    key: str


@dataclass(frozen=True, slots=True)
class ReplaceSection:
    """Let a section hold these keys and no others; it is added where it is missing."""

    section: str
    values: tuple[tuple[str, str], ...] = field(repr=False)


Change = SetValue | RemoveValue | ReplaceSection


# --- what is shown --------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Setting:
    """One key of the file.

    Attributes:
        value: as it stands there; dots in place of a secret.
        line: counted from 1.
        meaning: in words, "" where the documentation that we know does not tell.
        secret: the value is a credential and is not shown.
    """

    section: str
    key: str
    value: str
    line: int
    meaning: str = ""
    secret: bool = False


@dataclass(frozen=True, slots=True)
class FileProblem:
    """Something in the file that an administrator should look at; `line` None for all of it."""

    sentence: str
    line: int | None = None


class TaskState(StrEnum):
    """How far a task is."""

    DONE = "done"
    OPEN = "not done"
    NOT_APPLICABLE = "not applicable"
    UNDECIDED = "client version needed"


class TaskName(StrEnum):
    """The tasks of the integration guide that change the file."""

    PED = "ped"
    FIPS = "fips"
    HA = "ha"
    CLOUD = "cloud"


@dataclass(frozen=True, slots=True)
class ClientTask:
    """One task as it stands for one file.

    Attributes:
        explanation: what it is for and when it is needed.
        versions: the client versions it applies to, in words.
        reason: why it is done, not applicable or undecided, or "".
        changes: what doing it changes; empty for a task that asks for more.
    """

    name: TaskName
    title: str
    explanation: str
    versions: str
    state: TaskState
    reason: str = ""
    changes: tuple[Change, ...] = ()


@dataclass(frozen=True, slots=True)
class LunaConfiguration:
    """A configuration file as it was read.

    Attributes:
        digest: SHA-256 of its bytes; `apply` takes it, so that no other's change is lost.
        problem: why the file cannot be parsed, or ""; then it has no sections.
        not_writable: why this account cannot change it, or "".
        version: of the client, as a registered library or the administrator says; "" unknown.
        library_id / library: the registered library that reads this file, if one is known.
        evidence: servers, HA groups and flags of the file; None for one with a `problem`.
    """

    path: Path
    syntax: Syntax
    digest: str
    sections: tuple[str, ...] = ()
    settings: tuple[Setting, ...] = ()
    problems: tuple[FileProblem, ...] = ()
    tasks: tuple[ClientTask, ...] = ()
    problem: str = ""
    not_writable: str = ""
    version: str = ""
    library_id: LibraryId | None = None
    library: str = ""
    evidence: LunaEvidence | None = None

    @property
    def folder(self) -> Path:
        """What ChrystokiConfigurationPath has to be for this file."""
        return self.path.parent


@dataclass(frozen=True, slots=True)
class Written:
    """A file that was changed.

    Attributes:
        backup: the file as it was before; None where it was not there.
        digest: of the file as it is now.
    """

    path: Path
    backup: Path | None
    difference: str
    digest: str


# --- evidence -------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class NtlsServer:
    """A Luna Network HSM of the section `LunaSA Client`; `port` and `htl` "" where not given."""

    name: str
    port: str = ""
    htl: str = ""


@dataclass(frozen=True, slots=True)
class NamedFile:
    """A file that the configuration names; `exists` None where this account cannot see it."""

    key: str
    path: str
    exists: bool | None


@dataclass(frozen=True, slots=True)
class HaGroup:
    """A group of the section `VirtualToken`: its label, serial and its members' serials."""

    label: str
    serial: str
    members: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class LunaEvidence:
    """What a Luna client's configuration tells of the guide's prerequisites.

    Attributes:
        applies: whether the library is a Luna client's.
        path: the file that was read, or None.
        ha_only / ped / rsa_remap: the values of HAOnly, ProtectedAuthenticationPathFlagStatus and
            RSAKeyGenMechRemap; None where the key is not there.
        cloud: whether the sections XTC and REST are there.
        problem: why there is no or no whole evidence, or "".
    """

    applies: bool
    path: Path | None = None
    servers: tuple[NtlsServer, ...] = ()
    files: tuple[NamedFile, ...] = ()
    ha_groups: tuple[HaGroup, ...] = ()
    ha_only: bool | None = None
    ped: bool | None = None
    rsa_remap: bool | None = None
    cloud: bool = False
    problem: str = ""


# --- Luna Cloud HSM -------------------------------------------------------------------------


class CopyState(StrEnum):
    """What copying one certificate means."""

    NEW = "new"
    SAME = "there already"
    DIFFERENT = "replaces a different file"


@dataclass(frozen=True, slots=True)
class CertificateCopy:
    """One certificate of the cloud client and where it goes."""

    source: Path
    target: Path
    state: CopyState


@dataclass(frozen=True, slots=True)
class MergeCloud:
    """Which Luna Cloud HSM client to take into which full client.

    Attributes:
        path: the full client's configuration file.
        cloud: the cloud client's folder, in which setenv ran.
        version: of the full client, such as `10.1`; "" as its registered library says.
        certificates / plugins: the full client's folders; None: those in the client's own folder.
        library_id: whose ChrystokiConfigurationPath shall be the full client's folder; None: of
            the library that reads the file, or the only one of a Luna client.
    """

    path: Path
    cloud: Path
    version: str = ""
    certificates: Path | None = None
    plugins: Path | None = None
    library_id: LibraryId | None = None


@dataclass(frozen=True, slots=True)
class MergeStep:
    """One step of the guide and what it means here; `needed` is False where it is skipped."""

    number: int
    what: str
    here: str
    needed: bool = True


@dataclass(frozen=True, slots=True)
class MergePlan:
    """The whole of a merge, before anything is done.

    Attributes:
        path: the full client's file.
        steps: the guide's steps 5 to 12.
        copies: the certificates; empty for a client of 10.2 or later.
        changes / difference: of the full client's file.
        digest: of the full client's file as it was planned with.
        hybrid: the full client is connected to Luna Network HSMs too.
        library_id / library: whose variable is set; None and "" for nobody's.
        sets_variable: whether it is not set to this already.
        unit_line: what the service unit needs.
    """

    request: MergeCloud
    path: Path
    version: str
    steps: tuple[MergeStep, ...]
    copies: tuple[CertificateCopy, ...]
    changes: tuple[Change, ...]
    difference: str
    digest: str
    hybrid: bool
    unit_line: str
    library_id: LibraryId | None = None
    library: str = ""
    sets_variable: bool = False

    @property
    def folder(self) -> Path:
        """What ChrystokiConfigurationPath becomes."""
        return self.path.parent

    @property
    def replaced(self) -> tuple[CertificateCopy, ...]:
        """The copies that would overwrite a different certificate."""
        return tuple(copy for copy in self.copies if copy.state is CopyState.DIFFERENT)

    @property
    def does_nothing(self) -> bool:
        """Whether all of it is done already."""
        fresh = any(copy.state is not CopyState.SAME for copy in self.copies)
        return not (self.difference or fresh or self.sets_variable)


@dataclass(frozen=True, slots=True)
class Merged:
    """What a merge did; `backups` are the files that it replaced, as they were."""

    plan: MergePlan
    backups: tuple[Path, ...]


class CheckState(StrEnum):
    """Outcome of one check of a minimum client."""

    OK = "ok"
    BAD = "bad"
    UNCHECKED = "unchecked"


@dataclass(frozen=True, slots=True)
class ClientCheck:
    """One check of a minimum client, with what to do where it fails."""

    name: str
    state: CheckState
    sentence: str


@dataclass(frozen=True, slots=True)
class MinimumClient:
    """A Luna Cloud HSM client's folder, looked at.

    Attributes:
        library: the PKCS#11 library in it, or None.
        configuration: the file that setenv made, or None.
        registered: the library of that file, if it is registered.
    """

    folder: Path
    checks: tuple[ClientCheck, ...]
    library: Path | None
    configuration: Path | None
    registered: LibraryId | None = None

    @property
    def ready(self) -> bool:
        """Whether its library can be registered."""
        return self.library is not None and self.configuration is not None

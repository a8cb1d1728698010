"""The page Luna Client: the client's configuration read, changed, restored and merged."""

from __future__ import annotations

import os
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from app.domain.errors import InvalidInput, Refused, SealkeeperError
from app.domain.luna import (
    LunaConfiguration,
    LunaEvidence,
    RemoveValue,
    ReplaceSection,
    SetValue,
    Written,
)
from app.hsm.chrystoki import locations, reading
from app.hsm.chrystoki.difference import difference
from app.hsm.chrystoki.document import parse
from app.hsm.chrystoki.scanning import syntax_of
from app.hsm.chrystoki.tasks import parse_version, tasks
from app.services.luna import evidence
from app.services.luna.cloud import CloudService
from app.services.luna.files import (
    SOURCE,
    BackedWriter,
    checked,
    digest_of,
    original_of,
    why_not_writable,
)
from app.store.home import BACKUP_FOLDER

if TYPE_CHECKING:
    from collections.abc import Sequence

    from app.domain.clock import Clock
    from app.domain.libraries import Library
    from app.domain.luna import Change
    from app.hsm.isolation import KeyIsolation
    from app.services.events import EventService
    from app.store.database import Database


class LunaService:
    """Use cases of a Luna client's configuration file; thread-safe, not for the GUI thread.

    What changes a file takes its digest as it was shown: a file that was changed since is refused.

    Attributes:
        cloud: what concerns Luna Cloud HSM.
    """

    def __init__(
        self,
        database: Database,
        isolation: KeyIsolation,
        events: EventService,
        clock: Clock,
        home: Path,
    ) -> None:
        self._database = database
        self._events = events
        self._clock = clock
        self._backups = home / BACKUP_FOLDER
        self.cloud = CloudService(database, isolation, events, clock, self._backups)

    # --- finding and reading ----------------------------------------------------------------

    def is_luna(self, library: Library) -> bool:
        """Whether a library is a Luna client's."""
        return evidence.is_luna(library)

    def evidence(self, library: Library) -> LunaEvidence:
        """What a library's configuration tells of the guide's prerequisites; never raises."""
        try:
            return evidence.evidence_of(library)
        except (OSError, SealkeeperError, ValueError) as error:
            return LunaEvidence(
                applies=True, problem=f"The configuration of the client cannot be read: {error}"
            )

    def find(self) -> tuple[Path, ...]:
        """The configuration files of this machine, the most likely first.

        Those of registered Luna libraries, of this process's ChrystokiConfigurationPath, and of
        the installer's place.
        """
        places = [
            evidence.configuration_of(library)
            for library in evidence.luna_libraries(self._database)
        ]
        places += [locations.from_variable(os.environ), locations.default_file()]
        found: dict[str, Path] = {}
        for place in places:
            if place is not None and _is_file(place):
                found.setdefault(os.path.realpath(place), place)
        return tuple(found.values())

    def open(self, path: Path, version: str = "") -> LunaConfiguration:
        """Read a file; one that cannot be parsed comes with its `problem`.

        Args:
            path: the file, or the folder that it is in.
            version: of the client, such as `10.4`; "" takes it from the registered library.

        Raises:
            InvalidInput: there is no such file, or it cannot be read.
        """
        path = evidence.named_file(path)
        data = evidence.read_bytes(path)
        library = evidence.library_of(path, evidence.luna_libraries(self._database))
        known = version.strip() or (library.info.library_version if library is not None else "")
        library_id = library.id if library is not None else None
        vendor = library.vendor if library is not None else ""
        try:
            document = parse(data, path.name)
        except SealkeeperError as error:
            return LunaConfiguration(
                path=path,
                syntax=syntax_of(data.decode("latin-1"), path.name),
                digest=digest_of(data),
                problem=error.one_line(),
                not_writable=why_not_writable(path),
                version=known,
                library_id=library_id,
                library=vendor,
            )
        return LunaConfiguration(
            path=path,
            syntax=document.syntax,
            digest=digest_of(data),
            sections=tuple(dict.fromkeys(section.name for section in document.sections)),
            settings=reading.settings(document),
            problems=reading.problems(document),
            tasks=tasks(document, parse_version(known)),
            not_writable=why_not_writable(path),
            version=known,
            library_id=library_id,
            library=vendor,
            evidence=evidence.evidence_in(document, path),
        )

    def checked_version(self, text: str) -> str:
        """A client version as it was typed, without blanks.

        Raises:
            InvalidInput: it is none.
        """
        if parse_version(text) is None:
            raise InvalidInput(
                f"“{text}” is not the version of a Luna Client.",
                remedy="Write it as 7.3 or 10.4; lunacm shows it in its first line.",
            )
        return text.strip()

    # --- changing ---------------------------------------------------------------------------

    def preview(self, path: Path, changes: Sequence[Change]) -> str:
        """The difference that the changes would make, in lines; "" for none.

        Raises:
            InvalidInput: the file cannot be read, or a name or value cannot stand in it.
        """
        path = evidence.named_file(path)
        document = parse(evidence.read_bytes(path), path.name)
        return difference(document.text, document.changed(changes).text, str(path))

    def apply(self, path: Path, changes: Sequence[Change], expected_digest: str) -> Written:
        """Make a backup, then write the changed file.

        Raises:
            InvalidInput: the file cannot be read, or a name or value cannot stand in it.
            Refused: the file is not what it was when it was read, or nothing would change.
            EnvironmentFault: it cannot be written.
        """
        path = evidence.named_file(path)
        data = self._expected(path, expected_digest)
        document = parse(data, path.name)
        changed = document.changed(changes)
        new = checked(document, changed)
        return self._write(
            path,
            new,
            difference(document.text, changed.text, str(path)),
            f"The configuration {path} of the Luna client was changed: {_named(changes)}.",
        )

    def restore(self, backup: Path, expected_digest: str = "") -> Written:
        """Let a file be what a backup holds; what it is now becomes a backup itself.

        Args:
            backup: as it was told when it was made.
            expected_digest: of the file as it was shown; "" takes it as it is.

        Raises:
            InvalidInput: this is no backup, or it cannot be read.
            Refused: the file is not what it was, or is what the backup holds already.
            EnvironmentFault: the file cannot be written.
        """
        path = original_of(backup, self._backups)
        data = self._expected(path, expected_digest) if path.exists() else b""
        new = evidence.read_bytes(backup)
        if data == new:
            raise Refused(f"{path} is what the backup {backup.name} holds already.")
        return self._write(
            path,
            new,
            _difference_of_bytes(data, new, path),
            f"The configuration {path} of the Luna client was restored from {backup.name}.",
        )

    def preview_restore(self, backup: Path) -> tuple[Path, str]:
        """The file that a backup would restore, and the difference that this would make.

        Raises:
            InvalidInput: this is no backup, or it cannot be read.
        """
        path = original_of(backup, self._backups)
        data = evidence.read_bytes(path) if path.exists() else b""
        return path, _difference_of_bytes(data, evidence.read_bytes(backup), path)

    def backups(self, path: Path) -> tuple[Path, ...]:
        """The backups of a file that are there, the newest first."""
        place = Path(os.path.realpath(evidence.named_file(path)))
        found = []
        for folder in (place.parent, self._backups):
            for backup in _files_ending(folder, ".bak"):
                try:
                    if original_of(backup, self._backups) == place:
                        found.append(backup)
                except SealkeeperError:
                    continue
        return tuple(sorted(found, key=lambda backup: backup.name[-24:], reverse=True))

    # --- parts ------------------------------------------------------------------------------

    def _expected(self, path: Path, digest: str) -> bytes:
        data = evidence.read_bytes(path)
        if digest and digest_of(data) != digest:
            raise Refused(
                f"The file {path} was changed by somebody else.",
                cause="It is not what it was when it was read.",
                remedy="Open it again and look at the difference.",
            )
        return data

    def _write(self, path: Path, new: bytes, changes: str, message: str) -> Written:
        with ExitStack() as undo:
            with self._database.write() as tx:
                writer = BackedWriter(self._backups, self._clock.now(), undo)
                backup = writer.replace(path, new)
                self._events.note(tx, SOURCE, message, path.name)
            undo.pop_all()
        return Written(path, backup, changes, digest_of(new))


def _difference_of_bytes(old: bytes, new: bytes, path: Path) -> str:
    def text(data: bytes) -> str:
        try:
            return parse(data, path.name).text
        except SealkeeperError:
            return data.decode("utf-8", "replace")

    return difference(text(old), text(new), str(path))


def _named(changes: Sequence[Change]) -> str:
    """What was changed, without the values: they can be credentials."""
    words = []
    for change in changes:
        match change:
            case SetValue(section, key):
                words.append(f"{key} in {section}")
            case RemoveValue(section, key):
                words.append(f"{key} in {section} removed")
            case ReplaceSection(section):
                words.append(f"section {section}")
    return ", ".join(words)


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:
        return False


def _files_ending(folder: Path, ending: str) -> tuple[Path, ...]:
    try:
        return tuple(folder.glob(f"*{ending}"))
    except OSError:
        return ()

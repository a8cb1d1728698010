"""Luna Cloud HSM: its client taken into a full client, and its minimum client."""

from __future__ import annotations

import os
from contextlib import ExitStack
from dataclasses import replace
from typing import TYPE_CHECKING

from app.domain.errors import InvalidInput, Refused
from app.domain.luna import (
    CONFIGURATION_VARIABLE,
    CheckState,
    CopyState,
    Merged,
    MergePlan,
    MinimumClient,
)
from app.hsm.chrystoki import locations
from app.hsm.chrystoki.difference import difference
from app.hsm.chrystoki.document import parse
from app.hsm.chrystoki.tasks import parse_version
from app.services.luna import evidence, merging, minimum
from app.services.luna.files import SOURCE, BackedWriter, checked, digest_of
from app.services.security_library.libraries import RegisterLibrary

if TYPE_CHECKING:
    from pathlib import Path

    from app.domain.clock import Clock
    from app.domain.ids import LibraryId
    from app.domain.libraries import Library
    from app.domain.luna import MergeCloud
    from app.domain.tokens import LibrarySpec, SlotFacts
    from app.hsm.isolation import KeyIsolation
    from app.services.events import EventService
    from app.store.database import Database


class CloudService:
    """Use cases of the guide's “Configure Luna Cloud HSM Service”; see `LunaService`."""

    def __init__(
        self,
        database: Database,
        isolation: KeyIsolation,
        events: EventService,
        clock: Clock,
        backups: Path,
    ) -> None:
        self._database = database
        self._isolation = isolation
        self._events = events
        self._clock = clock
        self._backups = backups

    def libraries(self) -> tuple[Library, ...]:
        """The registered libraries of Luna clients."""
        return evidence.luna_libraries(self._database)

    def plan_merge(self, request: MergeCloud) -> MergePlan:
        """What taking a cloud client into a full client would do; nothing is changed.

        Raises:
            InvalidInput: a file or folder is missing or cannot be understood, or the version of
                the client is not known.
            Refused: this client cannot do it.
        """
        path = evidence.named_file(request.path)
        data = evidence.read_bytes(path)
        document = parse(data, path.name)
        library = self._merge_library(request, path)
        said = request.version.strip() or (library.info.library_version if library else "")
        version = parse_version(said)
        if version is None:
            raise _version_needed(said)
        parts = merging.gather(request, path, document, version)
        changes = merging.changes(parts)
        return MergePlan(
            request=request,
            path=path,
            version=said,
            steps=merging.steps(parts, path, library.vendor if library else ""),
            copies=merging.copies(parts),
            changes=changes,
            difference=difference(document.text, document.changed(changes).text, str(path)),
            digest=digest_of(data),
            hybrid=parts.hybrid,
            unit_line=merging.unit_line(path.parent),
            library_id=library.id if library else None,
            library=library.vendor if library else "",
            sets_variable=library is not None and _pointed(library, path.parent) != library.spec,
        )

    def merge(self, plan: MergePlan, *, replace_certificates: bool = False) -> Merged:
        """Do a plan, all of it or nothing.

        Args:
            plan: as it was shown.
            replace_certificates: whether different certificates may be overwritten; backups are
                made of them.

        Raises:
            InvalidInput: a file or folder is not there any more.
            Refused: something is not what it was, would be overwritten, or is done already.
            EnvironmentFault: a file cannot be written; what was written before is taken back.
        """
        if self.plan_merge(plan.request) != plan:
            raise Refused(
                "A file was changed while the difference was shown.", remedy="Look at it again."
            )
        if plan.does_nothing:
            raise Refused("The cloud client is in the full client already.")
        if plan.replaced and not replace_certificates:
            names = ", ".join(str(copy.target) for copy in plan.replaced)
            raise Refused(
                "Other certificates are in the way.",
                cause=f"They would replace {names}.",
                remedy="Confirm that they may be replaced; backups are made.",
            )
        old = None
        with ExitStack() as undo:
            with self._database.write() as tx:
                writer = BackedWriter(self._backups, self._clock.now(), undo)
                if plan.sets_variable and plan.library_id is not None:
                    library = tx.libraries.get(plan.library_id)
                    old = library.spec
                    spec = _pointed(library, plan.folder)
                    tx.libraries.set_spec(library.id, spec, library.info)
                self._events.note(tx, SOURCE, _merge_message(plan), plan.path.name)
                self._write_merge(plan, writer)
            undo.pop_all()
        if old is not None:
            # The process that has the library still has the old variable.
            self._isolation.library(old).restart()
        return Merged(plan, tuple(writer.made))

    @staticmethod
    def _write_merge(plan: MergePlan, writer: BackedWriter) -> None:
        for copy in plan.copies:
            if copy.state is not CopyState.SAME:
                writer.replace(copy.target, evidence.read_bytes(copy.source))
        if plan.difference:
            document = parse(evidence.read_bytes(plan.path), plan.path.name)
            writer.replace(plan.path, checked(document, document.changed(plan.changes)))

    def minimum_client(self, folder: Path) -> MinimumClient:
        """Look at the folder of a Luna Cloud HSM minimum client; nothing is loaded.

        Raises:
            InvalidInput: there is no such folder.
        """
        folder = folder.expanduser().absolute()
        if not folder.is_dir():
            raise InvalidInput(f"There is no folder {folder}.", remedy="Name the client's folder.")
        library, configuration = minimum.library_in(folder), locations.in_folder(folder)
        registered = self._registered(library)
        there = registered is not None and _pointed(registered, folder) == registered.spec
        return MinimumClient(
            folder,
            minimum.checks(folder, library, configuration, variable_set=there),
            library,
            configuration,
            registered.id if registered is not None else None,
        )

    def minimum_registration(self, client: MinimumClient, vendor: str = "") -> RegisterLibrary:
        """How to register the library of a minimum client, with its variable.

        Raises:
            Refused: it was not unpacked, or setenv did not run.
        """
        bad = [check.sentence for check in client.checks if check.state is CheckState.BAD]
        if client.library is None or client.configuration is None or bad:
            raise Refused(
                "The minimum client is not ready.", cause=" ".join(bad), remedy="Mend this first."
            )
        return RegisterLibrary(
            path=str(client.library),
            vendor=vendor,
            environment=((CONFIGURATION_VARIABLE, str(client.folder)),),
        )

    def point(self, library_id: LibraryId, folder: Path) -> Library:
        """Have a registered library loaded with ChrystokiConfigurationPath at a folder.

        Raises:
            NotFound: no such library.
        """
        with self._database.write() as tx:
            library = tx.libraries.get(library_id)
            spec = _pointed(library, folder)
            if spec == library.spec:
                return library
            tx.libraries.set_spec(library_id, spec, library.info)
            self._events.note(
                tx,
                SOURCE,
                f"{library.vendor} is loaded with {CONFIGURATION_VARIABLE}={folder}.",
                library.vendor,
            )
            changed = tx.libraries.get(library_id)
        self._isolation.library(library.spec).restart()
        return changed

    def slots(self, library_id: LibraryId) -> tuple[SlotFacts, ...]:
        """The slots with a token that a library lists now; its process is asked.

        Raises:
            NotFound: no such library.
            KeyStorageError: what the library answers.
        """
        with self._database.read() as tx:
            library = tx.libraries.get(library_id)
        slots = self._isolation.library(library.spec).slots()
        return tuple(slot for slot in slots if slot.token_present)

    def _registered(self, path: Path | None) -> Library | None:
        if path is None:
            return None
        with self._database.read() as tx:
            libraries = tx.libraries.all()
        real = os.path.realpath(path)
        return next((row for row in libraries if os.path.realpath(row.spec.path) == real), None)

    def _merge_library(self, request: MergeCloud, path: Path) -> Library | None:
        if request.library_id is not None:
            with self._database.read() as tx:
                return tx.libraries.get(request.library_id)
        libraries = evidence.luna_libraries(self._database)
        return evidence.library_of(path, libraries) or (
            libraries[0] if len(libraries) == 1 else None
        )


def _pointed(library: Library, folder: Path) -> LibrarySpec:
    """How the library is loaded with the variable at a folder."""
    spec = library.spec
    place = locations.from_variable(dict(spec.environment))
    if place is not None and os.path.realpath(place.parent) == os.path.realpath(folder):
        return spec
    others = tuple(pair for pair in spec.environment if pair[0] != CONFIGURATION_VARIABLE)
    return replace(spec, environment=(*others, (CONFIGURATION_VARIABLE, str(folder))))


def _version_needed(said: str) -> InvalidInput:
    return InvalidInput(
        f"“{said}” is not the version of a Luna Client."
        if said
        else "The version of the Luna Client is not known.",
        cause="No registered library reads this file." if not said else "",
        remedy="Give it, such as 7.3 or 10.4; lunacm shows it in its first line.",
    )


def _merge_message(plan: MergePlan) -> str:
    copied = [copy.target.name for copy in plan.copies if copy.state is not CopyState.SAME]
    words = f"The Luna Cloud HSM client in {plan.request.cloud} was taken into {plan.path}"
    if copied:
        words += f"; copied: {', '.join(copied)}"
    if plan.sets_variable:
        words += f"; {plan.library} is loaded with {CONFIGURATION_VARIABLE}={plan.folder}"
    return f"{words}."

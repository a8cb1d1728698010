"""Register security libraries, look at their slots and initialise tokens."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from app.domain.commands import command_line
from app.domain.errors import InUse, InvalidInput, NotFound, TokenAbsent
from app.domain.ids import LibraryId
from app.domain.secret import Secret
from app.services.security_library.found_libraries import FoundLibrary, find_libraries
from app.services.security_library.key_access import refuse_disabled
from app.services.security_library.library_records import (
    LibraryTest,
    Reloaded,
    library_spec,
)
from app.services.security_library.loading import set_reloaded
from app.services.security_library.usage import library_dependents
from app.services.security_library.vendors import (
    checked_vendor,
    free_vendor,
    refuse_taken,
    same_file,
    vendor_of,
)

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    from app.domain.clock import Clock
    from app.domain.keys import TokenIdentity
    from app.domain.libraries import Library
    from app.domain.tokens import LibraryInfo, Mechanism, SlotFacts
    from app.hsm.isolation import IsolatedLibrary, KeyIsolation
    from app.services.events import EventService
    from app.services.security_library.loading import LibraryLoading
    from app.store.database import Database

SOURCE = "Security Library"


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisterLibrary:
    """Which library to register.

    Attributes:
        path: of the file; `~` is expanded.
        vendor: for the provider's name; "" takes it from the manufacturer.
        environment: variables of the process that loads it, such as SOFTHSM2_CONF.
        initialisation: string for C_Initialize's pReserved; "" for none.
    """

    path: str
    vendor: str = ""
    environment: tuple[tuple[str, str], ...] = ()
    initialisation: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class InitialiseToken:
    """Which slot's token to initialise; `slot_id` None takes the first that is not initialised."""

    library_id: LibraryId
    label: str
    so_pin: Secret = field(repr=False)
    user_pin: Secret = field(repr=False)
    slot_id: int | None = None


class LibraryService:
    """Use cases of the page Register Or View Security Library; not for the GUI thread.

    What a library answers comes from its isolation process; `KeyStorageError`s pass through.
    """

    def __init__(
        self,
        database: Database,
        isolation: KeyIsolation,
        loading: LibraryLoading,
        events: EventService,
        clock: Clock,
    ) -> None:
        self._database = database
        self._isolation = isolation
        self._loading = loading
        self._events = events
        self._clock = clock
        self._seen: dict[LibraryId, tuple[SlotFacts, ...]] = {}

    def found(self) -> tuple[FoundLibrary, ...]:
        """The libraries on this machine, with what they need to be loaded; none is loaded."""
        return find_libraries(library.spec.path for library in self.list())

    def probe(
        self, path: str, environment: tuple[tuple[str, str], ...] = (), initialisation: str = ""
    ) -> LibraryInfo:
        """Load a library in a process of its own and ask what it is; nothing is stored.

        Raises:
            InvalidInput: no path, or an environment variable that cannot be set.
            LibraryUnusable: missing, no library, or no PKCS#11 module.
        """
        return self._isolation.probe(library_spec(path, environment, initialisation))

    def test(self, library_id: LibraryId) -> LibraryTest:
        """Load a registered library in a process of its own, and list its slots.

        Raises:
            NotFound: there is no such library.
            LibraryUnusable: it is disabled, missing, no library, or no PKCS#11 module.
        """
        library = self._usable(library_id)
        info = self._isolation.probe(library.spec)
        return LibraryTest(library, info, self.slots(library_id))

    def check_free(self, path: str, vendor: str = "") -> None:
        """Refuse a file, and a vendor name where one is given, that `register` would refuse.

        Raises:
            InvalidInput: no path, or no vendor name.
            NameInUse: the file or the name is registered.
        """
        name = checked_vendor(vendor)
        with self._database.read() as tx:
            refuse_taken(tx, library_spec(path), name)

    def proposed_vendor(self, info: LibraryInfo) -> str:
        """A vendor name that no registered library has."""
        return free_vendor(info, self.list())

    def register(self, request: RegisterLibrary) -> Library:
        """Load the library once and, when it answers, register it.

        Raises:
            InvalidInput: the path, the vendor name or an environment variable is not possible.
            LibraryUnusable: missing, no library, or no PKCS#11 module.
            NameInUse: the same file or the same vendor name is registered.
        """
        spec = library_spec(request.path, request.environment, request.initialisation)
        given = checked_vendor(request.vendor) if request.vendor.strip() else ""
        with self._database.read() as tx:
            refuse_taken(tx, spec, given)
        info = self._isolation.probe(spec)
        vendor = given or vendor_of(info)
        with self._database.write() as tx:
            refuse_taken(tx, spec, vendor, free_vendor(info, tx.libraries.all()))
            library = tx.libraries.add(spec, vendor, info, self._clock.now())
            self._events.note(
                tx, SOURCE, f"The security library {spec.path} was registered.", vendor
            )
        return library

    def list(self) -> tuple[Library, ...]:
        """All registered libraries."""
        with self._database.read() as tx:
            return tx.libraries.all()

    def find(self, text: str) -> Library:
        """The library of that number, vendor name or path; "" is the only one.

        Raises:
            NotFound: none is meant; the remedy lists what there is.
            InvalidInput: "" while several are registered.
        """
        libraries = self.list()
        wanted = text.strip()
        if not wanted and len(libraries) == 1:
            return libraries[0]
        vendors = ", ".join(library.vendor for library in libraries)
        if not wanted and libraries:
            raise InvalidInput(
                "Several security libraries are registered.", remedy=f"Name one of {vendors}."
            )
        for library in libraries:
            names = {str(library.id), library.vendor.casefold(), library.spec.path}
            if wanted in names or wanted.casefold() in names or same_file(wanted, library):
                return library
        raise NotFound(
            f"No security library “{wanted}” is registered."
            if wanted
            else "No security library is registered.",
            remedy=f"Registered are {vendors}." if libraries else "Register one first.",
        )

    def slots(self, library_id: LibraryId) -> tuple[SlotFacts, ...]:
        """The slots as the library reports them now."""
        slots = self._isolated(library_id).slots()
        self._seen[library_id] = slots
        return slots

    def mechanisms(self, library_id: LibraryId, token: TokenIdentity) -> tuple[Mechanism, ...]:
        """The mechanism list of a token."""
        return self._isolated(library_id).mechanisms(token)

    def initialise_token(self, request: InitialiseToken) -> SlotFacts:
        """Initialise a blank token: label, security officer's PIN and user PIN.

        Raises:
            InvalidInput: the label or a PIN does not fit the token, or the label is taken.
            Refused: the slot's token is initialised; that would delete its keys.
            TokenAbsent: no slot has a blank token, or there is no such slot.
        """
        isolated = self._isolated(request.library_id)
        slot_id = request.slot_id
        if slot_id is None:
            slot_id = _first_blank(isolated.slots())
        label = request.label.strip()
        facts = isolated.initialise_token(slot_id, label, request.so_pin, request.user_pin)
        with self._database.write() as tx:
            self._events.note(tx, SOURCE, f"The token “{label}” was initialised.", label)
        return facts

    def disable(self, library_id: LibraryId) -> Library:
        """Load a library no more, in any process, until it is enabled; its registrations stay.

        Raises:
            NotFound: there is no such library.
        """
        return self._set_disabled(library_id, self._clock.now(), "disabled")

    def enable(self, library_id: LibraryId) -> Library:
        """Take a disabled library into use again.

        Raises:
            NotFound: there is no such library.
        """
        return self._set_disabled(library_id, None, "enabled")

    def reload(self, library_id: LibraryId) -> Reloaded:
        """Load a library anew in every process, and keep what it says of itself now.

        A token that was plugged in, or a client that was updated, may be seen only then.

        Raises:
            NotFound: there is no such library.
            LibraryUnusable: it is disabled, or cannot be loaded any more.
        """
        library = self._usable(library_id)
        before = self._seen.get(library_id)
        now = self._clock.now()
        with self._database.write() as tx:
            set_reloaded(tx, library_id, now.isoformat())
            tx.libraries.set_spec(library_id, library.spec, library.info)  # tells every process
            message = f"The security library {library.spec.path} is loaded anew."
            self._events.note(tx, SOURCE, message, library.vendor)
        self._loading.apply()
        info = self._isolation.library(library.spec).info()
        slots = self.slots(library_id)
        if info != library.info:
            self._keep_info(library, info)
        return Reloaded(self._get(library_id), library.info, before, slots)

    def change(
        self,
        library_id: LibraryId,
        environment: tuple[tuple[str, str], ...],
        initialisation: str,
    ) -> Library:
        """Load a registered library in another way, once it answered that way.

        Raises:
            NotFound: there is no such library.
            InvalidInput: an environment variable that cannot be set.
            LibraryUnusable: it is disabled, or does not answer that way; nothing changed.
        """
        library = self._usable(library_id)
        spec = library_spec(library.spec.path, environment, initialisation)
        if spec == library.spec:
            return library
        info = self._isolation.probe(spec)
        with self._database.write() as tx:
            tx.libraries.set_spec(library_id, spec, info)
            self._events.note(
                tx,
                SOURCE,
                f"The environment or the initialisation string of {spec.path} was changed.",
                library.vendor,
            )
        self._loading.apply()
        return self._get(library_id)

    def set_call_log(self, library_id: LibraryId, *, on: bool) -> Library:
        """Write the PKCS#11 calls of a library to `call_log_file`, or stop that.

        Raises:
            NotFound: there is no such library.
        """
        with self._database.write() as tx:
            library = tx.libraries.get(library_id)
            if library.call_log == on:
                return library
            tx.libraries.set_call_log(library_id, on=on)
            word = "on" if on else "off"
            message = f"The call log of the security library {library.spec.path} is {word}."
            self._events.note(tx, SOURCE, message, library.vendor)
        self._loading.apply()
        return self._get(library_id)

    def call_log_file(self, library_id: LibraryId) -> Path:
        """Where the calls of a library are written to while its call log is on."""
        return self._loading.log_file(library_id)

    def dependents(self, library_id: LibraryId) -> tuple[str, ...]:
        """What stops working without a library: slots, CAs, responders, templates.

        Raises:
            NotFound: there is no such library.
        """
        with self._database.read() as tx:
            return library_dependents(tx, tx.libraries.get(library_id))

    def remove(self, library_id: LibraryId) -> None:
        """Forget a library; its file and its tokens stay as they are.

        Raises:
            InUse: slots are registered with it, or a CA or a responder has its key there.
            NotFound: there is no such library.
        """
        with self._database.write() as tx:
            library = tx.libraries.get(library_id)
            dependents = library_dependents(tx, library)
            if dependents:
                raise InUse(
                    f"The security library {library.vendor} is still used.",
                    cause=f"It is needed by {'; '.join(dependents)}.",
                    remedy="Remove these first, or disable the library: "
                    + command_line("library", "disable", library.vendor),
                )
            tx.libraries.remove(library_id)
            self._events.note(
                tx, SOURCE, f"The security library {library.spec.path} was removed.", library.vendor
            )
        self._loading.apply()  # ends the process that holds the file

    def _set_disabled(self, library_id: LibraryId, since: datetime | None, word: str) -> Library:
        with self._database.write() as tx:
            library = tx.libraries.get(library_id)
            if (library.disabled_at is None) == (since is None):
                return library
            tx.libraries.set_disabled(library_id, since)
            message = f"The security library {library.spec.path} was {word}."
            self._events.note(tx, SOURCE, message, library.vendor)
        self._loading.apply()
        return self._get(library_id)

    def _keep_info(self, library: Library, info: LibraryInfo) -> None:
        with self._database.write() as tx:
            tx.libraries.set_spec(library.id, library.spec, info)
            self._events.note(
                tx,
                SOURCE,
                f"The security library {library.spec.path} is version {info.library_version} "
                f"now; it was {library.info.library_version}.",
                library.vendor,
            )

    def _get(self, library_id: LibraryId) -> Library:
        with self._database.read() as tx:
            return tx.libraries.get(library_id)

    def _usable(self, library_id: LibraryId) -> Library:
        library = self._get(library_id)
        refuse_disabled(library)
        return library

    def _isolated(self, library_id: LibraryId) -> IsolatedLibrary:
        return self._isolation.library(self._usable(library_id).spec)


def _first_blank(slots: tuple[SlotFacts, ...]) -> int:
    for slot in slots:
        if slot.token_present and not slot.initialised:
            return slot.slot_id
    raise TokenAbsent(
        "No slot holds a blank token.", remedy="Insert or create one with the vendor's tools."
    )

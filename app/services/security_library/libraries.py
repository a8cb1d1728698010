"""Register security libraries, look at their slots and initialise tokens."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from app.domain.errors import InUse, InvalidInput, NameInUse, NotFound, TokenAbsent
from app.domain.ids import LibraryId
from app.domain.libraries import SOFTWARE_PROVIDER, Library
from app.domain.secret import Secret
from app.domain.tokens import LibraryInfo, LibrarySpec, Mechanism, SlotFacts
from app.services.security_library.usage import keys_in_use

if TYPE_CHECKING:
    from app.domain.clock import Clock
    from app.domain.keys import TokenIdentity
    from app.hsm.isolation import IsolatedLibrary, KeyIsolation
    from app.services.events import EventService
    from app.store.database import Database, Transaction

SOURCE = "Security Library"
LONGEST_VENDOR = 40

# Where the packages of the vendors put their libraries.
_WELL_KNOWN = {
    "linux": (
        "/usr/safenet/lunaclient/lib/libCryptoki2_64.so",
        "/usr/lib/softhsm/libsofthsm2.so",
        "/usr/lib/*/softhsm/libsofthsm2.so",
        "/usr/lib64/softhsm/libsofthsm2.so",
        "/usr/local/lib/softhsm/libsofthsm2.so",
        "/opt/cloudhsm/lib/libcloudhsm_pkcs11.so",
        "/opt/nfast/toolkits/pkcs11/libcknfast.so",
        "/opt/utimaco/lib/libcs_pkcs11_R3.so",
        "/usr/lib/*/pkcs11/yubihsm_pkcs11.so",
    ),
    "darwin": (
        "/usr/safenet/lunaclient/lib/libCryptoki2_64.dylib",
        "/opt/homebrew/lib/softhsm/libsofthsm2.so",
        "/usr/local/lib/softhsm/libsofthsm2.so",
        "/usr/local/lib/pkcs11/yubihsm_pkcs11.dylib",
    ),
    "win32": (
        "C:/Program Files/SafeNet/LunaClient/cryptoki.dll",
        "C:/SoftHSM2/lib/softhsm2-x64.dll",
        "C:/Program Files/nCipher/nfast/toolkits/pkcs11/cknfast.dll",
        "C:/Program Files/Utimaco/CryptoServer/Lib/cs_pkcs11_R3.dll",
        "C:/Program Files/Yubico/YubiHSM Shell/bin/pkcs11/yubihsm_pkcs11.dll",
    ),
}
# Where the soft token's package is unpacked when it cannot be installed.
_UNPACKED = Path(__file__).resolve().parents[3] / ".local"

_VENDORS = (
    (("safenet", "luna", "thales", "gemalto", "chrystoki"), "SafeNet"),
    (("softhsm",), "SoftHSM"),
    (("utimaco",), "Utimaco"),
    (("ncipher", "entrust"), "nCipher"),
    (("yubico",), "Yubico"),
    (("cavium", "cloudhsm", "amazon"), "CloudHSM"),
)


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
        self, database: Database, isolation: KeyIsolation, events: EventService, clock: Clock
    ) -> None:
        self._database = database
        self._isolation = isolation
        self._events = events
        self._clock = clock

    def found_on_this_machine(self) -> tuple[str, ...]:
        """Paths of libraries in the places that vendors' packages use; nothing is loaded."""
        found: dict[str, str] = {}
        for pattern in _WELL_KNOWN.get(sys.platform, ()):
            place = Path(pattern)
            for path in sorted(Path(place.anchor).glob(str(place.relative_to(place.anchor)))):
                found.setdefault(os.path.realpath(path), str(path))
        for path in sorted(_UNPACKED.glob("**/libsofthsm2.so")):
            found.setdefault(os.path.realpath(path), str(path))
        return tuple(found.values())

    def probe(
        self, path: str, environment: tuple[tuple[str, str], ...] = (), initialisation: str = ""
    ) -> LibraryInfo:
        """Load a library in a process of its own and ask what it is; nothing is stored.

        Raises:
            InvalidInput: no path, or an environment variable that cannot be set.
            LibraryUnusable: missing, no library, or no PKCS#11 module.
        """
        return self._isolation.probe(_spec(path, environment, initialisation))

    def register(self, request: RegisterLibrary) -> Library:
        """Load the library once and, when it answers, register it.

        Raises:
            InvalidInput: the path, the vendor name or an environment variable is not possible.
            LibraryUnusable: missing, no library, or no PKCS#11 module.
            NameInUse: the same file or the same vendor name is registered.
        """
        spec = _spec(request.path, request.environment, request.initialisation)
        given = _checked_vendor(request.vendor) if request.vendor.strip() else ""
        with self._database.read() as tx:
            _refuse_taken(tx, spec, given)
        info = self._isolation.probe(spec)
        vendor = given or vendor_of(info)
        with self._database.write() as tx:
            _refuse_taken(tx, spec, vendor)
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
            if wanted in names or wanted.casefold() in names or _same_file(wanted, library):
                return library
        raise NotFound(
            f"No security library “{wanted}” is registered."
            if wanted
            else "No security library is registered.",
            remedy=f"Registered are {vendors}." if libraries else "Register one first.",
        )

    def slots(self, library_id: LibraryId) -> tuple[SlotFacts, ...]:
        """The slots as the library reports them now."""
        return self._isolated(library_id).slots()

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

    def remove(self, library_id: LibraryId) -> None:
        """Forget a library; its file and its tokens stay as they are.

        Raises:
            InUse: slots are registered with it, or a CA or a responder has its key there.
            NotFound: there is no such library.
        """
        with self._database.write() as tx:
            library = tx.libraries.get(library_id)
            dependents = [
                f"slot {row.token.label} of {row.account}"
                for row in tx.registrations.for_library(library_id)
            ]
            dependents += [
                use.user for use in keys_in_use(tx) if use.library_path == library.spec.path
            ]
            if dependents:
                raise InUse(
                    f"The security library {library.vendor} is still used.",
                    cause=f"It is needed by {'; '.join(dependents)}.",
                    remedy="Remove these first.",
                )
            tx.libraries.remove(library_id)
            self._events.note(
                tx, SOURCE, f"The security library {library.spec.path} was removed.", library.vendor
            )
        # Ends the process that holds the file.
        self._isolation.library(library.spec).restart()

    def _isolated(self, library_id: LibraryId) -> IsolatedLibrary:
        with self._database.read() as tx:
            library = tx.libraries.get(library_id)
        return self._isolation.library(library.spec)


def vendor_of(info: LibraryInfo) -> str:
    """A vendor name for the provider from what the library says of itself."""
    said = f"{info.manufacturer} {info.description}".casefold()
    for words, vendor in _VENDORS:
        if any(word in said for word in words):
            return vendor
    first = info.manufacturer.split()
    word = "".join(letter for letter in (first[0] if first else "") if letter.isalnum())
    return word[:LONGEST_VENDOR] or "Cryptoki"


def check_pin_length(name: str, pin: Secret, slot: SlotFacts) -> None:
    """Refuse a PIN that the token would refuse for its length, before a try is spent on it.

    Raises:
        InvalidInput: empty, or shorter or longer than the token says.
    """
    size = len(pin.reveal())
    shortest, longest = max(slot.min_pin or 1, 1), slot.max_pin or 0
    if size >= shortest and (not longest or size <= longest):
        return
    if not size:
        raise InvalidInput(f"The {name} is empty.", remedy="Enter it.")
    bounds = f"{shortest} to {longest}" if longest else f"at least {shortest}"
    raise InvalidInput(
        f"The {name} has a length that the token does not take.",
        remedy=f"Enter {bounds} characters.",
    )


def _spec(path: str, environment: tuple[tuple[str, str], ...], initialisation: str) -> LibrarySpec:
    text = path.strip()
    if not text or "\0" in text:
        raise InvalidInput("No security library is named.", remedy="Give the path of its file.")
    for name, value in environment:
        if not name.strip() or "=" in name or "\0" in name + value:
            raise InvalidInput(
                f"“{name}” is not an environment variable.", remedy="Write NAME=VALUE."
            )
    absolute = Path(text).expanduser().absolute()
    return LibrarySpec(str(absolute), tuple(environment), initialisation)


def _checked_vendor(text: str) -> str:
    vendor = " ".join(text.split())
    if len(vendor) > LONGEST_VENDOR or not vendor.isprintable() or set(vendor) & set("#;\\"):
        raise InvalidInput(
            f"“{vendor[:LONGEST_VENDOR]}” is not a vendor name.",
            remedy=f"Use up to {LONGEST_VENDOR} characters without #, ; and \\.",
        )
    return vendor


def _same_file(path: str, library: Library) -> bool:
    return os.path.realpath(path) == os.path.realpath(library.spec.path)


def _refuse_taken(tx: Transaction, spec: LibrarySpec, vendor: str) -> None:
    """Refuse a file or a vendor name that is registered; "" is not looked for."""
    if vendor and f"{vendor} Key Storage Provider".casefold() == SOFTWARE_PROVIDER.casefold():
        raise NameInUse(
            f"“{vendor}” is the name of the built-in software provider.",
            remedy="Choose another vendor name.",
        )
    for library in tx.libraries.all():
        if _same_file(spec.path, library):
            raise NameInUse(
                f"The security library {spec.path} is registered already.",
                cause=f"It is registered as {library.vendor}.",
            )
        if library.vendor.casefold() == vendor.casefold():
            raise NameInUse(
                f"The vendor name “{vendor}” is taken.",
                cause=f"{library.spec.path} is registered under it.",
                remedy="Give another vendor name.",
            )


def _first_blank(slots: tuple[SlotFacts, ...]) -> int:
    for slot in slots:
        if slot.token_present and not slot.initialised:
            return slot.slot_id
    raise TokenAbsent(
        "No slot holds a blank token.", remedy="Insert or create one with the vendor's tools."
    )

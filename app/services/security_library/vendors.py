"""Vendor names: proposed from what a library says of itself, and checked for their provider."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from app.domain.errors import InvalidInput, NameInUse
from app.domain.libraries import SOFTWARE_PROVIDER
from app.services.security_library.legacy_names import SOFTWARE_ALIASES

if TYPE_CHECKING:
    from collections.abc import Iterable

    from app.domain.libraries import Library
    from app.domain.tokens import LibraryInfo, LibrarySpec
    from app.store.database import Transaction

LONGEST_VENDOR = 40

_VENDORS = (
    (("safenet", "luna", "thales", "gemalto", "chrystoki"), "SafeNet"),
    (("softhsm",), "SoftHSM"),
    (("utimaco", "cryptoserver"), "Utimaco"),
    (("ncipher", "entrust", "nshield"), "nCipher"),
    (("yubihsm", "yubico"), "Yubico"),
    (("cavium", "cloudhsm", "amazon", "marvell"), "CloudHSM"),
    (("opensc",), "OpenSC"),
    (("tpm2", "tpm 2"), "TPM2"),
    (("kryoptic",), "Kryoptic"),
    (("mozilla", "nss "), "NSS"),
    (("opencryptoki", "ibm"), "openCryptoki"),
    (("p11-kit", "pkcs#11 kit"), "p11-kit"),
)


def vendor_of(info: LibraryInfo) -> str:
    """A vendor name for the provider from what the library says of itself."""
    said = f"{info.manufacturer} {info.description} ".casefold()
    for words, vendor in _VENDORS:
        if any(word in said for word in words):
            return vendor
    first = info.manufacturer.split()
    word = "".join(letter for letter in (first[0] if first else "") if letter.isalnum())
    return word[:LONGEST_VENDOR] or "Cryptoki"


def free_vendor(info: LibraryInfo, libraries: Iterable[Library]) -> str:
    """`vendor_of`, with a number where a registered library has that name."""
    wanted = vendor_of(info)
    taken = {library.vendor.casefold() for library in libraries}
    names = (wanted, *(f"{wanted} {number}" for number in range(2, len(taken) + 3)))
    return next(name for name in names if name.casefold() not in taken)


def checked_vendor(text: str) -> str:
    """A vendor name that was typed, with single spaces.

    Raises:
        InvalidInput: it is too long, or has characters that a provider's name cannot have.
    """
    vendor = " ".join(text.split())
    if len(vendor) > LONGEST_VENDOR or not vendor.isprintable() or set(vendor) & set("#;\\"):
        raise InvalidInput(
            f"“{vendor[:LONGEST_VENDOR]}” is not a vendor name.",
            remedy=f"Use up to {LONGEST_VENDOR} characters without #, ; and \\.",
        )
    return vendor


def same_file(path: str, library: Library) -> bool:
    """Whether a path leads to the file of a library."""
    return os.path.realpath(path) == os.path.realpath(library.spec.path)


def refuse_taken(tx: Transaction, spec: LibrarySpec, vendor: str, free: str = "") -> None:
    """Refuse a file or a vendor name that is registered.

    Args:
        tx: the transaction to look in.
        spec: of the library to register.
        vendor: its name; "" is not looked for.
        free: a name to propose instead.

    Raises:
        NameInUse: the file or the name is.
    """
    own = (f"{vendor} Key Storage Provider", f"{vendor} Cryptographic Services")
    names = {name.casefold() for name in own}
    if vendor and names & {name.casefold() for name in (SOFTWARE_PROVIDER, *SOFTWARE_ALIASES)}:
        raise NameInUse(
            f"“{vendor}” is the name of the built-in software provider.",
            remedy="Choose another vendor name.",
        )
    for library in tx.libraries.all():
        if same_file(spec.path, library):
            raise NameInUse(
                f"The security library {spec.path} is registered already.",
                cause=f"It is registered as {library.vendor}.",
                remedy="Change its environment or initialisation string, or remove it first.",
            )
        if library.vendor.casefold() == vendor.casefold():
            proposal = f", for example {free}" if free else ""
            raise NameInUse(
                f"The vendor name “{vendor}” is taken.",
                cause=f"{library.spec.path} is registered under it.",
                remedy=f"Give another vendor name{proposal}.",
            )

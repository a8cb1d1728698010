from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from app.domain.errors import (
    InUse,
    InvalidInput,
    LibraryUnusable,
    NameInUse,
    NotFound,
    Refused,
    TokenAbsent,
)
from app.domain.secret import Secret
from app.domain.tokens import LibraryInfo
from app.services.security_library.libraries import InitialiseToken, RegisterLibrary, vendor_of
from tests.services.support import messages

if TYPE_CHECKING:
    from pathlib import Path

    from app.domain.libraries import Library, SlotRegistration
    from app.services.backend import Backend
    from tests.softhsm import SoftHsm


def test_a_library_is_registered_under_its_vendor(
    backend: Backend, library: Library, softhsm: SoftHsm
) -> None:
    assert library.vendor == "SoftHSM"
    assert library.provider_name == "SoftHSM Key Storage Provider"
    assert library.spec == softhsm.spec
    assert "SoftHSM" in library.info.manufacturer
    assert backend.libraries.list() == (library,)
    assert messages(backend)[-1] == f"The security library {softhsm.spec.path} was registered."
    assert backend.events.page(1)[0].account == "TEST\\carol"


def test_the_same_file_or_vendor_is_refused(
    backend: Backend, library: Library, softhsm: SoftHsm, tmp_path: Path
) -> None:
    link = tmp_path / "link.so"
    link.symlink_to(softhsm.library)
    copy = tmp_path / "copy.so"
    shutil.copy(softhsm.library, copy)
    for request in (
        RegisterLibrary(path=str(link), vendor="Other"),
        RegisterLibrary(path=str(copy), environment=softhsm.spec.environment),
        RegisterLibrary(path=str(copy), vendor="softhsm"),
        RegisterLibrary(path=str(copy), vendor="software"),
    ):
        with pytest.raises(NameInUse):
            backend.libraries.register(request)
    assert backend.libraries.list() == (library,)
    other = backend.libraries.register(
        RegisterLibrary(path=str(copy), vendor=" My  HSM ", environment=softhsm.spec.environment)
    )
    assert other.provider_name == "My HSM Key Storage Provider"


def test_what_is_no_library_is_not_registered(backend: Backend, tmp_path: Path) -> None:
    text = tmp_path / "no-library.so"
    text.write_text("not a library")
    for path in (str(text), str(tmp_path / "missing.so"), str(tmp_path)):
        with pytest.raises(LibraryUnusable) as caught:
            backend.libraries.register(RegisterLibrary(path=path))
        assert caught.value.message
    assert backend.libraries.list() == ()
    assert messages(backend) == []


@pytest.mark.parametrize(
    "request_",
    [
        RegisterLibrary(path=" "),
        RegisterLibrary(path="/lib.so", vendor="A#B"),
        RegisterLibrary(path="/lib.so", vendor="x" * 41),
        RegisterLibrary(path="/lib.so", environment=(("", "x"),)),
        RegisterLibrary(path="/lib.so", environment=(("A=B", "x"),)),
    ],
)
def test_impossible_values_are_refused(backend: Backend, request_: RegisterLibrary) -> None:
    with pytest.raises(InvalidInput):
        backend.libraries.register(request_)


def test_a_library_is_found_by_number_vendor_or_path(backend: Backend, library: Library) -> None:
    for text in ("", str(library.id), "SOFTHSM", library.spec.path):
        assert backend.libraries.find(text) == library
    with pytest.raises(NotFound) as caught:
        backend.libraries.find("Luna")
    assert "SoftHSM" in caught.value.remedy


def test_without_a_library_there_is_none_to_find(backend: Backend) -> None:
    with pytest.raises(NotFound, match="No security library is registered"):
        backend.libraries.find("")


def test_this_machines_soft_token_is_found(backend: Backend, softhsm: SoftHsm) -> None:
    found = backend.libraries.found_on_this_machine()
    assert len(found) == len(set(found))
    assert any(path.endswith("libsofthsm2.so") for path in found), softhsm.library


def test_a_blank_token_is_initialised(backend: Backend, library: Library, softhsm: SoftHsm) -> None:
    request = InitialiseToken(
        library_id=library.id, label="Fresh", so_pin=Secret("12345678"), user_pin=Secret("876543")
    )
    facts = backend.libraries.initialise_token(request)
    assert facts.token is not None
    assert facts.token.label == "Fresh"
    labels = {
        slot.token.label for slot in backend.libraries.slots(library.id) if slot.token is not None
    }
    assert labels == {"Fresh", softhsm.token.label}
    assert len(backend.libraries.mechanisms(library.id, facts.token)) > 10
    assert "876543" not in repr(request)
    assert "12345678" not in repr(request)
    with pytest.raises(InvalidInput):
        backend.libraries.initialise_token(request)
    with pytest.raises(Refused):
        backend.libraries.initialise_token(
            InitialiseToken(
                library_id=library.id,
                label="Again",
                so_pin=Secret("12345678"),
                user_pin=Secret("876543"),
                slot_id=facts.slot_id,
            )
        )
    with pytest.raises(TokenAbsent):
        backend.libraries.initialise_token(
            InitialiseToken(
                library_id=library.id,
                label="Elsewhere",
                so_pin=Secret("12345678"),
                user_pin=Secret("876543"),
                slot_id=4711,
            )
        )


def test_a_needed_library_is_not_removed(
    backend: Backend, library: Library, registrations: tuple[SlotRegistration, ...]
) -> None:
    with pytest.raises(InUse) as caught:
        backend.libraries.remove(library.id)
    assert "NT AUTHORITY\\SYSTEM" in caught.value.cause
    for registration in registrations:
        backend.slots.unregister(registration.id)
    backend.libraries.remove(library.id)
    assert backend.libraries.list() == ()
    with pytest.raises(NotFound):
        backend.libraries.slots(library.id)
    again = backend.libraries.register(
        RegisterLibrary(path=library.spec.path, environment=library.spec.environment)
    )
    assert backend.libraries.slots(again.id)


@pytest.mark.parametrize(
    ("manufacturer", "description", "vendor"),
    [
        ("SafeNet", "Chrystoki", "SafeNet"),
        ("Thales", "Luna Client", "SafeNet"),
        ("SoftHSM", "Implementation of PKCS11", "SoftHSM"),
        ("Acme, Inc.", "Cryptoki", "Acme"),
        ("", "", "Cryptoki"),
        ("###", "", "Cryptoki"),
    ],
)
def test_vendor_names(manufacturer: str, description: str, vendor: str) -> None:
    assert vendor_of(LibraryInfo(manufacturer, description, "2.40", "1.0")) == vendor

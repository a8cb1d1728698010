from __future__ import annotations

import shutil
from contextlib import ExitStack, closing
from dataclasses import replace
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
from app.hsm.isolation import KeyIsolation
from app.services.security_library.libraries import InitialiseToken, RegisterLibrary
from app.services.security_library.slots import RegisterSlot
from app.services.security_library.vendors import vendor_of
from app.services.wiring import wire
from tests.hsm.conftest import eventually
from tests.services.support import messages
from tests.softhsm import make_softhsm

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from app.domain.libraries import Library, SlotRegistration
    from app.services.backend import Backend
    from app.services.wiring import Parts
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
        RegisterLibrary(path=str(copy), vendor="Microsoft Software"),
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


def test_a_disabled_library_is_loaded_by_nothing(
    parts: Parts, backend: Backend, library: Library, softhsm: SoftHsm
) -> None:
    row = register_slot(backend, library, softhsm)[0]
    opened = backend.key_access.open_provider(library.provider_name, None, row.account)
    assert opened.keys() == ()
    assert len(parts.isolation.process_ids()) == 1
    disabled = backend.libraries.disable(library.id)
    assert disabled.disabled_at is not None
    assert parts.isolation.process_ids() == ()
    calls: list[Callable[[], object]] = [
        opened.keys,
        lambda: backend.key_access.open_provider(library.provider_name, None, row.account),
        lambda: backend.libraries.slots(library.id),
        lambda: backend.libraries.test(library.id),
        lambda: backend.libraries.reload(library.id),
        lambda: backend.libraries.change(library.id, (), ""),
        lambda: parts.isolation.library(library.spec).slots(),
    ]
    for call in calls:
        with pytest.raises(LibraryUnusable, match="is disabled") as caught:
            call()
        assert "library enable SoftHSM" in caught.value.remedy
    assert parts.isolation.process_ids() == ()
    assert backend.libraries.disable(library.id) == disabled
    assert messages(backend)[-1] == f"The security library {library.spec.path} was disabled."
    assert backend.libraries.enable(library.id) == library
    assert messages(backend)[-1] == f"The security library {library.spec.path} was enabled."
    assert opened.keys() == ()


def test_what_another_process_decides_is_followed(
    parts: Parts, backend: Backend, library: Library, softhsm: SoftHsm
) -> None:
    """Two sets of services over one home stand for the console and the service host."""
    with closing(KeyIsolation()) as isolation:
        other = wire(replace(parts, isolation=isolation), ExitStack())
        assert len(other.libraries.slots(library.id)) == 2
        (process,) = isolation.process_ids()
        second = softhsm.new_token("Second")
        backend.libraries.reload(library.id)
        assert eventually(lambda: process not in isolation.process_ids())
        assert second in {slot.token for slot in other.libraries.slots(library.id)}
        backend.libraries.disable(library.id)
        assert eventually(lambda: isolation.process_ids() == ())
        with pytest.raises(LibraryUnusable, match="is disabled"):
            isolation.library(library.spec).slots()
        backend.libraries.enable(library.id)
        assert eventually(lambda: can_list(isolation, library))
        backend.libraries.remove(library.id)
        assert eventually(lambda: isolation.process_ids() == ())


def test_a_library_that_is_disabled_already_is_not_loaded_first(
    parts: Parts, backend: Backend, library: Library
) -> None:
    backend.libraries.disable(library.id)
    with closing(KeyIsolation()) as isolation:
        wire(replace(parts, isolation=isolation), ExitStack())
        with pytest.raises(LibraryUnusable, match="is disabled"):
            isolation.library(library.spec).slots()
        assert isolation.process_ids() == ()


def test_reloading_shows_a_static_slot_list_anew(
    parts: Parts, backend: Backend, library: Library, softhsm: SoftHsm
) -> None:
    before = backend.libraries.slots(library.id)
    (process,) = parts.isolation.process_ids()
    second = softhsm.new_token("Second")
    done = backend.libraries.reload(library.id)
    assert done.slots_before == before
    assert {slot.token for slot in done.slots} >= {softhsm.token, second}
    assert len(done.slots) == len(before) + 1
    assert done.old == done.library.info == library.info
    assert process not in parts.isolation.process_ids()
    assert messages(backend)[-1] == f"The security library {library.spec.path} is loaded anew."


def test_reloading_keeps_a_new_version(parts: Parts, backend: Backend, library: Library) -> None:
    old = replace(library.info, library_version="1.0")
    with parts.database.write() as tx:
        tx.libraries.set_spec(library.id, library.spec, old)
    done = backend.libraries.reload(library.id)
    assert (done.old, done.library.info) == (old, library.info)
    assert backend.libraries.list()[0].info == library.info
    assert messages(backend)[-1].endswith(f"{library.info.library_version} now; it was 1.0.")


def test_a_library_that_cannot_be_loaded_any_more_says_so_at_reload(
    backend: Backend, softhsm: SoftHsm, tmp_path: Path
) -> None:
    copy = tmp_path / "copy.so"
    shutil.copy(softhsm.library, copy)
    library = backend.libraries.register(
        RegisterLibrary(path=str(copy), environment=softhsm.spec.environment)
    )
    copy.write_text("no library any more")
    with pytest.raises(LibraryUnusable, match="is not a library"):
        backend.libraries.reload(library.id)


def test_the_environment_is_changed_once_the_library_answers_with_it(
    parts: Parts, backend: Backend, library: Library, tmp_path: Path
) -> None:
    other = make_softhsm(tmp_path / "other", "Elsewhere")
    backend.libraries.slots(library.id)
    for environment, initialisation, error in (
        ((("SOFTHSM2_CONF", str(tmp_path / "missing.conf")),), "", LibraryUnusable),
        ((("A=B", "x"),), "", InvalidInput),
        ((), "a\0b", InvalidInput),
    ):
        with pytest.raises(error):
            backend.libraries.change(library.id, environment, initialisation)
        assert backend.libraries.list() == (library,)
    changed = backend.libraries.change(library.id, other.spec.environment, "")
    assert changed.spec == replace(library.spec, environment=other.spec.environment)
    labels = {s.token.label for s in backend.libraries.slots(library.id) if s.token}
    assert labels == {"Elsewhere"}
    assert len(parts.isolation.process_ids()) == 1
    count = len(messages(backend))
    assert backend.libraries.change(library.id, other.spec.environment, "") == changed
    assert len(messages(backend)) == count


def test_calls_are_logged_to_a_file_while_that_is_on(
    parts: Parts, backend: Backend, library: Library, softhsm: SoftHsm
) -> None:
    backend.libraries.slots(library.id)
    file = backend.libraries.call_log_file(library.id)
    assert file == parts.home / "logs" / f"pkcs11-{library.id}.log"
    logged = backend.libraries.set_call_log(library.id, on=True)
    assert logged.call_log
    register_slot(backend, library, softhsm)
    account = backend.directory.current_account()
    backend.key_access.open_provider(library.provider_name, None, account).keys()
    assert eventually(lambda: "C_Login" in file.read_text())
    assert softhsm.user_pin.reveal().decode() not in file.read_text()
    assert file.parent.stat().st_mode & 0o077 == 0
    assert not backend.libraries.set_call_log(library.id, on=False).call_log
    size = file.stat().st_size
    backend.libraries.slots(library.id)
    assert file.stat().st_size == size
    assert messages(backend)[-1].endswith("is off.")


def test_dependents_are_all_that_would_stop_working(
    backend: Backend, library: Library, softhsm: SoftHsm
) -> None:
    assert backend.libraries.dependents(library.id) == ()
    register_slot(backend, library, softhsm)
    backend.templates.set_fields("OCSPResponseSigning", {"providers": library.provider_name})
    account = backend.directory.current_account()
    assert backend.libraries.dependents(library.id) == (
        f"slot {softhsm.token.label} of {account}",
        "template OCSP Response Signing",
    )
    with pytest.raises(InUse) as caught:
        backend.libraries.remove(library.id)
    assert "template OCSP Response Signing" in caught.value.cause
    assert "library disable SoftHSM" in caught.value.remedy


def test_a_free_vendor_name_is_proposed(
    backend: Backend, library: Library, softhsm: SoftHsm, tmp_path: Path
) -> None:
    assert backend.libraries.proposed_vendor(library.info) == "SoftHSM 2"
    copy = tmp_path / "copy.so"
    shutil.copy(softhsm.library, copy)
    with pytest.raises(NameInUse) as caught:
        backend.libraries.register(
            RegisterLibrary(path=str(copy), environment=softhsm.spec.environment)
        )
    assert "SoftHSM 2" in caught.value.remedy
    for path, vendor in ((str(softhsm.library), ""), (str(copy), "SOFTHSM")):
        with pytest.raises(NameInUse):
            backend.libraries.check_free(path, vendor)
    backend.libraries.check_free(str(copy), "SoftHSM 2")


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
        ("nCipher Corp. Ltd", "nCipher PKCS#11 12.60", "nCipher"),
        ("Entrust", "nShield PKCS#11 library", "nCipher"),
        ("Utimaco IS GmbH", "CryptoServer PKCS11 Interface", "Utimaco"),
        ("Marvell Semiconductors, Inc.", "CloudHSM PKCS#11", "CloudHSM"),
        ("Yubico (www.yubico.com)", "YubiHSM PKCS#11 Library", "Yubico"),
        ("OpenSC Project", "OpenSC smartcard framework", "OpenSC"),
        ("tpm2-software.github.io", "TPM2.0 Cryptoki", "TPM2"),
        ("Mozilla Foundation", "NSS Internal Crypto Services", "NSS"),
        ("Kryoptic", "Kryoptic PKCS11 Module", "Kryoptic"),
        ("IBM", "openCryptoki", "openCryptoki"),
        ("PKCS#11 Kit", "PKCS#11 Kit Proxy Module", "p11-kit"),
        ("Acme, Inc.", "Cryptoki", "Acme"),
        ("", "", "Cryptoki"),
        ("###", "", "Cryptoki"),
    ],
)
def test_vendor_names(manufacturer: str, description: str, vendor: str) -> None:
    assert vendor_of(LibraryInfo(manufacturer, description, "2.40", "1.0")) == vendor


def register_slot(
    backend: Backend, library: Library, softhsm: SoftHsm
) -> tuple[SlotRegistration, ...]:
    account = backend.directory.current_account()
    return backend.slots.register(
        RegisterSlot(
            library_id=library.id, token=softhsm.token, accounts=(account,), pin=softhsm.user_pin
        )
    )


def can_list(isolation: KeyIsolation, library: Library) -> bool:
    try:
        return len(isolation.library(library.spec).slots()) > 0
    except LibraryUnusable:
        return False

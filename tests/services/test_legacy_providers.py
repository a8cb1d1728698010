"""Legacy providers: registered with the partition's password, RSA only, by their own names."""

from __future__ import annotations

import shutil
from contextlib import ExitStack
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from app.domain.errors import (
    InvalidInput,
    LibraryUnusable,
    NameInUse,
    NotFound,
    PinIncorrect,
    PinLocked,
    Refused,
    TokenAbsent,
)
from app.domain.events import EventLevel
from app.domain.keys import KeyAlgorithm, KeySpec
from app.domain.libraries import SOFTWARE_PROVIDER
from app.domain.principals import SYSTEM
from app.domain.secret import Secret
from app.domain.services import ServiceName
from app.domain.tokens import PinState
from app.hsm.token_provider import TokenKeyProvider
from app.services.security_library.legacy_names import SOFTWARE_ALIASES
from app.services.security_library.libraries import RegisterLibrary
from app.services.security_library.providers import ProviderKind
from app.services.security_library.slots import RegisterSlot
from app.services.wiring import wire
from tests.services.support import messages

if TYPE_CHECKING:
    from pathlib import Path

    from app.domain.keys import KeyDescription
    from app.domain.libraries import Library
    from app.services.backend import Backend
    from app.services.wiring import Parts
    from tests.softhsm import SoftHsm

LEGACY = "SoftHSM Cryptographic Services"
LUNA = "Luna Cryptographic Services for Microsoft Windows"
RSA = KeySpec(KeyAlgorithm.RSA, 2048)


def count_low(backend: Backend, library: Library, softhsm: SoftHsm) -> bool:
    slots = backend.libraries.slots(library.id)
    return next(s for s in slots if s.token == softhsm.token).pin_state is PinState.COUNT_LOW


@pytest.mark.usefixtures("registrations")
def test_the_legacy_provider_is_registered_with_the_partition_password(
    backend: Backend, library: Library, softhsm: SoftHsm
) -> None:
    assert LEGACY not in backend.providers.names()
    backend.services.stop(ServiceName.CERTIFICATION_AUTHORITY)
    made = backend.providers.register_legacy(library.id, softhsm.user_pin)
    assert made.provider == LEGACY
    assert made.token == softhsm.token
    assert made.restart == (ServiceName.ONLINE_RESPONDER,)
    assert made.library.legacy_at is not None
    assert backend.providers.names() == (library.provider_name, LEGACY, SOFTWARE_PROVIDER)
    (record,) = [r for r in backend.providers.records() if r.kind is ProviderKind.LEGACY]
    assert str(record.entry) == f"RSA#{LEGACY}"
    assert (record.library, record.tokens) == (made.library, (softhsm.token,))
    assert f"RSA#{LEGACY}" in map(str, backend.providers.entries())
    assert messages(backend)[-1] == f"The legacy provider {LEGACY} was registered."
    with pytest.raises(NameInUse, match="registered already"):
        backend.providers.register_legacy(library.id, softhsm.user_pin)


@pytest.mark.usefixtures("registrations")
def test_its_keys_are_rsa_keys_of_the_token(
    backend: Backend, library: Library, softhsm: SoftHsm
) -> None:
    backend.providers.register_legacy(library.id, softhsm.user_pin)
    opened = backend.key_access.open_provider(f"RSA#{LEGACY}", None, SYSTEM)
    assert opened.name == LEGACY
    assert opened.algorithms() == (KeyAlgorithm.RSA,)
    key = opened.generate(RSA, "old template")
    with pytest.raises(InvalidInput, match="makes no ECDSA_P256 keys"):
        opened.generate(KeySpec(KeyAlgorithm.ECDSA_P256, 256), "new")
    modern = backend.key_access.open_provider(library.provider_name, None, SYSTEM)
    modern.generate(KeySpec(KeyAlgorithm.ECDSA_P256, 256), "modern")
    assert opened.keys() == (key,)
    assert len(modern.keys()) == 2
    assert opened.find(key.locator) == key
    scheme = opened.scheme(KeyAlgorithm.RSA)
    assert len(opened.sign(key.locator, scheme, bytes(32)).result(20)) == 256
    renamed = opened.rename(key.locator, "older template")
    assert renamed.locator.label == "older template"
    opened.delete(renamed.locator)
    assert opened.keys() == ()
    with pytest.raises(InvalidInput, match="has no ECDSA_P256 keys"):
        backend.key_access.open_provider(f"ECDSA_P256#{LEGACY.upper()}", None, SYSTEM)
    assert backend.providers.tokens(f"RSA#{LEGACY}", SYSTEM) == (softhsm.token,)


@pytest.mark.usefixtures("registrations")
def test_its_keys_are_made_with_the_officers_pin_too(
    backend: Backend, library: Library, softhsm: SoftHsm, monkeypatch: pytest.MonkeyPatch
) -> None:
    backend.providers.register_legacy(library.id, softhsm.user_pin)
    given: list[Secret | None] = []
    generate = TokenKeyProvider.generate

    def noted(
        self: TokenKeyProvider, spec: KeySpec, label: str, *, so_pin: Secret | None = None
    ) -> KeyDescription:
        given.append(so_pin)
        return generate(self, spec, label, so_pin=so_pin)

    monkeypatch.setattr(TokenKeyProvider, "generate", noted)
    key = backend.keys.generate(LEGACY, softhsm.token, RSA, "by him", so_pin=softhsm.so_pin)
    assert given == [softhsm.so_pin]
    assert backend.keys.test(key.locator).signs


@pytest.mark.usefixtures("registrations")
def test_it_is_not_there_before_it_is_registered_nor_afterwards(
    backend: Backend, library: Library, softhsm: SoftHsm
) -> None:
    with pytest.raises(NotFound, match="is not registered") as caught:
        backend.key_access.open_provider(LEGACY, None, SYSTEM)
    assert "provider register-legacy SoftHSM" in caught.value.remedy
    with pytest.raises(NotFound):
        backend.providers.unregister_legacy(library.id)
    backend.providers.register_legacy(library.id, softhsm.user_pin)
    gone = backend.providers.unregister_legacy(library.id)
    assert (gone.provider, gone.token) == (LEGACY, None)
    assert gone.restart == tuple(ServiceName)
    assert backend.libraries.list() == (library,)
    assert LEGACY not in backend.providers.names()
    with pytest.raises(NotFound):
        backend.key_access.open_provider(LEGACY, None, SYSTEM)
    assert messages(backend)[-1] == f"The legacy provider {LEGACY} was unregistered."


@pytest.mark.usefixtures("registrations")
def test_a_wrong_password_is_tried_once(
    backend: Backend, library: Library, softhsm: SoftHsm
) -> None:
    for wrong in (None, Secret(""), Secret("x" * 300)):
        with pytest.raises(InvalidInput):
            backend.providers.register_legacy(library.id, wrong)
    assert not count_low(backend, library, softhsm)
    with pytest.raises(PinIncorrect):
        backend.providers.register_legacy(library.id, Secret("not the password"))
    assert count_low(backend, library, softhsm)
    assert backend.libraries.list() == (library,)
    event = backend.events.page(1)[0]
    assert event.level is EventLevel.WARNING
    assert "refused the partition password" in event.message
    assert "not the password" not in event.message
    backend.providers.register_legacy(library.id, softhsm.user_pin)


@pytest.mark.usefixtures("registrations")
def test_a_locked_token_is_not_tried(
    parts: Parts,
    backend: Backend,
    library: Library,
    softhsm: SoftHsm,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    isolated = parts.isolation.library(library.spec)
    locked = tuple(replace(slot, pin_state=PinState.LOCKED) for slot in isolated.slots())
    monkeypatch.setattr(isolated, "slots", lambda: locked)
    monkeypatch.setattr(isolated, "verify_pin", lambda *_: pytest.fail("it was tried"))
    with pytest.raises(PinLocked):
        backend.providers.register_legacy(library.id, softhsm.user_pin)


def test_a_slot_has_to_be_registered_first(
    backend: Backend, library: Library, softhsm: SoftHsm
) -> None:
    with pytest.raises(Refused, match="No slot of SoftHSM is registered"):
        backend.providers.register_legacy(library.id, softhsm.user_pin)


@pytest.mark.usefixtures("registrations")
def test_one_of_several_tokens_has_to_be_named(
    parts: Parts, backend: Backend, library: Library, softhsm: SoftHsm
) -> None:
    second = softhsm.new_token("Second")
    parts.isolation.library(library.spec).restart()
    backend.slots.register(
        RegisterSlot(library_id=library.id, token=second, accounts=(SYSTEM,), pin=softhsm.user_pin)
    )
    with pytest.raises(InvalidInput, match="Several slots") as caught:
        backend.providers.register_legacy(library.id, softhsm.user_pin)
    assert second.serial in caught.value.remedy
    with pytest.raises(Refused, match="The slot elsewhere"):
        backend.providers.register_legacy(
            library.id, softhsm.user_pin, replace(second, label="elsewhere")
        )
    made = backend.providers.register_legacy(library.id, softhsm.user_pin, second)
    assert made.token == second


@pytest.mark.usefixtures("registrations")
def test_a_token_that_went_away_and_a_disabled_library_are_refused(
    parts: Parts, backend: Backend, library: Library, softhsm: SoftHsm
) -> None:
    backend.libraries.disable(library.id)
    with pytest.raises(LibraryUnusable, match="is disabled"):
        backend.providers.register_legacy(library.id, softhsm.user_pin)
    backend.libraries.enable(library.id)
    shutil.rmtree(softhsm.conf.parent / "tokens")
    (softhsm.conf.parent / "tokens").mkdir()
    parts.isolation.library(library.spec).restart()
    with pytest.raises(TokenAbsent):
        backend.providers.register_legacy(library.id, softhsm.user_pin)
    assert backend.libraries.list() == (library,)


def test_luna_keeps_its_own_name_and_only_one_library_has_it(
    parts: Parts, backend: Backend, softhsm: SoftHsm, tmp_path: Path
) -> None:
    made = []
    for vendor in ("SafeNet", "Thales"):
        copy = tmp_path / f"{vendor}.so"
        shutil.copy(softhsm.library, copy)
        library = backend.libraries.register(
            RegisterLibrary(path=str(copy), vendor=vendor, environment=softhsm.spec.environment)
        )
        backend.slots.register(
            RegisterSlot(
                library_id=library.id, token=softhsm.token, accounts=(SYSTEM,), pin=softhsm.user_pin
            )
        )
        made.append(library)
    first = backend.providers.register_legacy(made[0].id, softhsm.user_pin)
    assert first.provider == LUNA
    with pytest.raises(NameInUse, match="Luna Cryptographic Services") as caught:
        backend.providers.register_legacy(made[1].id, softhsm.user_pin)
    assert "provider unregister-legacy SafeNet" in caught.value.remedy
    wired = wire(parts, ExitStack())
    assert wired.key_access.open_provider(LUNA, None, SYSTEM).name == LUNA


@pytest.mark.parametrize("name", [*SOFTWARE_ALIASES, "microsoft strong cryptographic provider"])
def test_microsofts_names_mean_the_software_provider(backend: Backend, name: str) -> None:
    for text in (name, f"RSA#{name}", f" {name} "):
        assert backend.key_access.open_provider(text, None, SYSTEM) is backend.key_access.software
        assert backend.providers.tokens(text, SYSTEM) == ()
    records = [r for r in backend.providers.records() if r.library is None]
    assert all(r.aliases == SOFTWARE_ALIASES for r in records)

from __future__ import annotations

import shutil
import time
from typing import TYPE_CHECKING

import pytest

from app.domain.errors import InvalidInput, NotFound
from app.domain.keys import EC_BITS, KeyAlgorithm, KeySpec
from app.domain.libraries import SOFTWARE_PROVIDER, ProviderEntry
from app.domain.principals import NETWORK_SERVICE, SYSTEM
from app.services.security_library.legacy import LegacyProviders
from app.services.security_library.libraries import RegisterLibrary
from app.services.security_library.providers import ProviderKind, ProviderService
from app.services.security_library.slots import RegisterSlot

if TYPE_CHECKING:
    from pathlib import Path

    from app.domain.libraries import Library, SlotRegistration
    from app.services.backend import Backend
    from app.services.wiring import Parts
    from tests.softhsm import SoftHsm

SOFTHSM = "SoftHSM Key Storage Provider"


def test_without_a_library_there_is_the_software_provider(backend: Backend) -> None:
    records = backend.providers.records()
    assert {record.entry.provider for record in records} == {SOFTWARE_PROVIDER}
    assert {record.entry.algorithm for record in records} == set(KeyAlgorithm)
    assert [record.outdated for record in records] == [False] * (len(records) - 1) + [True]
    assert records[-1].entry == ProviderEntry(SOFTWARE_PROVIDER, KeyAlgorithm.DSA)
    assert backend.providers.names() == (SOFTWARE_PROVIDER,)
    assert backend.providers.tokens(SOFTWARE_PROVIDER, SYSTEM) == ()


def test_a_library_yields_providers_once_a_slot_is_registered(
    backend: Backend, library: Library, softhsm: SoftHsm
) -> None:
    assert SOFTHSM not in {entry.provider for entry in backend.providers.entries()}
    assert backend.providers.names() == (SOFTHSM, SOFTWARE_PROVIDER)
    backend.slots.register(
        RegisterSlot(
            library_id=library.id, token=softhsm.token, accounts=(SYSTEM,), pin=softhsm.user_pin
        )
    )
    listed = [record for record in backend.providers.records() if record.entry.provider == SOFTHSM]
    can = backend.key_access.open_provider(SOFTHSM, None, SYSTEM).algorithms()
    assert {KeyAlgorithm.RSA, *EC_BITS} <= set(can)
    assert listed[0].entry == ProviderEntry(SOFTHSM, KeyAlgorithm.RSA)
    assert {str(each.entry) for each in listed} == {f"{algorithm}#{SOFTHSM}" for algorithm in can}
    # The DSA keys that SoftHSM makes are too short to be offered.
    assert not any(each.outdated for each in listed)
    assert {(each.kind, each.library, each.tokens, each.aliases) for each in listed} == {
        (ProviderKind.KEY_STORAGE, library, (softhsm.token,), ())
    }
    assert backend.providers.entries() == tuple(r.entry for r in backend.providers.records())
    assert backend.providers.tokens(f"RSA#{SOFTHSM}", SYSTEM) == (softhsm.token,)
    assert backend.providers.tokens(SOFTHSM.upper(), NETWORK_SERVICE) == ()
    assert backend.providers.problems() == ()


def test_a_removed_file_is_a_problem(
    parts: Parts, backend: Backend, softhsm: SoftHsm, tmp_path: Path
) -> None:
    copy = tmp_path / "copy.so"
    shutil.copy(softhsm.library, copy)
    library = backend.libraries.register(
        RegisterLibrary(path=str(copy), environment=softhsm.spec.environment)
    )
    backend.slots.register(
        RegisterSlot(
            library_id=library.id, token=softhsm.token, accounts=(SYSTEM,), pin=softhsm.user_pin
        )
    )
    copy.unlink()
    parts.isolation.library(library.spec).restart()
    assert {entry.provider for entry in backend.providers.entries()} == {SOFTWARE_PROVIDER}
    ((problem, sentence),) = backend.providers.problems()
    assert problem == library
    assert str(copy) in sentence


@pytest.mark.usefixtures("registrations")
def test_a_disabled_library_is_left_out_and_says_so(backend: Backend, library: Library) -> None:
    assert SOFTHSM in {entry.provider for entry in backend.providers.entries()}
    disabled = backend.libraries.disable(library.id)
    assert {entry.provider for entry in backend.providers.entries()} == {SOFTWARE_PROVIDER}
    ((problem, sentence),) = backend.providers.problems()
    assert problem == disabled
    assert "is disabled" in sentence
    assert "library enable SoftHSM" in sentence
    backend.libraries.enable(library.id)
    assert backend.providers.problems() == ()
    assert SOFTHSM in {entry.provider for entry in backend.providers.entries()}


@pytest.mark.usefixtures("registrations")
def test_a_silent_library_is_not_waited_for(
    parts: Parts, backend: Backend, library: Library
) -> None:
    parts.isolation.library(library.spec).restart()
    legacy = LegacyProviders(
        parts.database, parts.isolation, backend.services, backend.events, backend.clock
    )
    impatient = ProviderService(parts.database, backend.key_access, legacy, patience=0)
    started = time.monotonic()
    assert {entry.provider for entry in impatient.entries()} == {SOFTWARE_PROVIDER}
    assert impatient.problems()[0][1] == "The library does not answer."
    assert time.monotonic() - started < 5
    until = time.monotonic() + 20
    while SOFTHSM not in {entry.provider for entry in impatient.entries()}:
        assert time.monotonic() < until, "the late answer was not kept"
        time.sleep(0.01)


def test_an_unknown_provider_is_named_with_those_that_there_are(
    backend: Backend, registrations: tuple[SlotRegistration, ...]
) -> None:
    with pytest.raises(NotFound, match="Invalid provider specified") as caught:
        backend.key_access.open_provider("RSA#SafeNet Key Storage Provider", None, SYSTEM)
    assert SOFTHSM in caught.value.remedy
    assert SOFTWARE_PROVIDER in caught.value.remedy
    with pytest.raises(InvalidInput, match="not an algorithm"):
        backend.key_access.open_provider(f"ROT13#{SOFTHSM}", None, SYSTEM)
    with pytest.raises(InvalidInput):
        backend.key_access.open_provider(SOFTWARE_PROVIDER, registrations[0].token, SYSTEM)


@pytest.mark.usefixtures("registrations")
def test_one_of_several_tokens_has_to_be_named(
    parts: Parts,
    backend: Backend,
    library: Library,
    softhsm: SoftHsm,
) -> None:
    second = softhsm.new_token("Second")
    parts.isolation.library(library.spec).restart()
    backend.slots.register(
        RegisterSlot(library_id=library.id, token=second, accounts=(SYSTEM,), pin=softhsm.user_pin)
    )
    with pytest.raises(InvalidInput, match="several registered slots") as caught:
        backend.key_access.open_provider(SOFTHSM, None, SYSTEM)
    assert second.serial in caught.value.remedy
    spec = KeySpec(KeyAlgorithm.ECDSA_P256, 256)
    key = backend.keys.generate(f"ECDSA_P256#{SOFTHSM}", second, spec, "in second", SYSTEM)
    assert key.locator.token == second
    with pytest.raises(InvalidInput, match="several tokens"):
        backend.slots.find_token(library.id, "")

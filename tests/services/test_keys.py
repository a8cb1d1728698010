from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from app.domain.errors import InUse, InvalidInput, KeyAbsent, Refused
from app.domain.keys import KeyAlgorithm, KeySpec
from app.domain.libraries import SOFTWARE_PROVIDER
from app.domain.principals import NETWORK_SERVICE, SYSTEM
from app.domain.responder import SignerState
from tests.services.support import messages
from tests.store.records import a_configuration, a_signer, an_authority

if TYPE_CHECKING:
    from app.domain.keys import KeyDescription
    from app.domain.libraries import Library, SlotRegistration
    from app.services.backend import Backend

P256 = KeySpec(KeyAlgorithm.ECDSA_P256, 256)


def use_for_ca_and_responder(backend: Backend, ca: KeyDescription, signer: KeyDescription) -> None:
    with backend.database.write() as tx:
        authority = tx.authorities.add(replace(an_authority("Test-CA"), key=ca.locator))
        configuration = tx.configurations.add(a_configuration(authority.id, "Test"))
        tx.signers.add(replace(a_signer(configuration.id, SignerState.CURRENT), key=signer.locator))


def test_keys_on_a_token_tell_who_uses_them(
    backend: Backend, library: Library, registrations: tuple[SlotRegistration, ...]
) -> None:
    made = [
        backend.keys.generate(f"ECDSA_P256#{library.provider_name}", None, P256, label, SYSTEM)
        for label in ("ca", "signer", "orphan")
    ]
    use_for_ca_and_responder(backend, made[0], made[1])
    listed = backend.keys.on_token(library.id, registrations[0].token)
    assert {(key.description.locator.label, key.used_by) for key in listed} == {
        ("ca", "CA Test-CA"),
        ("signer", "OCSPSvc\\Test (current)"),
        ("orphan", ""),
    }
    assert all(key.description.extractable is False for key in listed)
    assert f"The ECDSA_P256 key “ca” was generated in {library.provider_name}." in messages(backend)


def test_a_key_is_deleted_only_when_its_label_is_repeated(
    backend: Backend, library: Library, registrations: tuple[SlotRegistration, ...]
) -> None:
    key = backend.keys.generate(library.provider_name, None, P256, "mine", SYSTEM)
    with pytest.raises(Refused):
        backend.keys.delete(key.locator, confirm_label="Mine")
    assert len(backend.keys.on_token(library.id, registrations[0].token)) == 1
    backend.keys.delete(key.locator, confirm_label="mine")
    assert backend.keys.on_token(library.id, registrations[0].token) == ()
    assert messages(backend)[-1] == "The key “mine” was deleted."
    with pytest.raises(KeyAbsent):
        backend.keys.delete(key.locator, confirm_label="mine")


def test_a_key_in_use_is_deleted_only_on_demand(
    backend: Backend, library: Library, registrations: tuple[SlotRegistration, ...]
) -> None:
    ca = backend.keys.generate(library.provider_name, None, P256, "ca", SYSTEM)
    signer = backend.keys.generate(library.provider_name, None, P256, "signer", SYSTEM)
    use_for_ca_and_responder(backend, ca, signer)
    with pytest.raises(InUse) as caught:
        backend.keys.delete(signer.locator, confirm_label="signer")
    assert "OCSPSvc\\Test (current)" in caught.value.cause
    backend.keys.delete(signer.locator, confirm_label="signer", even_if_used=True)
    listed = backend.keys.on_token(library.id, registrations[0].token)
    assert [key.description.locator for key in listed] == [ca.locator]


def test_what_cannot_be_generated_is_refused(
    backend: Backend, library: Library, registrations: tuple[SlotRegistration, ...]
) -> None:
    for label in ("", " ", "x" * 65, "two\nlines"):
        with pytest.raises(InvalidInput):
            backend.keys.generate(library.provider_name, None, P256, label, SYSTEM)
    with pytest.raises(Refused):
        backend.keys.generate(library.provider_name, None, P256, "key", NETWORK_SERVICE)
    assert backend.keys.on_token(library.id, registrations[0].token) == ()


def test_software_keys_need_no_registration(backend: Backend) -> None:
    key = backend.keys.generate(SOFTWARE_PROVIDER, None, P256, "soft", NETWORK_SERVICE)
    assert key.locator.token is None
    assert [(row.description.locator, row.used_by) for row in backend.keys.software()] == [
        (key.locator, "")
    ]
    assert backend.key_access.open(key.locator, SYSTEM).find(key.locator) == key
    backend.keys.delete(key.locator, confirm_label="soft")
    assert backend.keys.software() == ()


def test_a_token_that_nobody_registered_is_not_opened(
    backend: Backend, library: Library, registrations: tuple[SlotRegistration, ...]
) -> None:
    for row in registrations:
        backend.slots.unregister(row.id)
    with pytest.raises(Refused, match="has no registered slot"):
        backend.keys.on_token(library.id, registrations[0].token)


def test_several_threads_generate_side_by_side(
    backend: Backend, library: Library, registrations: tuple[SlotRegistration, ...]
) -> None:
    with ThreadPoolExecutor(4) as pool:
        made = list(
            pool.map(
                lambda n: backend.keys.generate(
                    library.provider_name, None, P256, f"key {n}", registrations[n % 2].account
                ),
                range(6),
            )
        )
    listed = {
        key.description.locator.public_key_sha256
        for key in backend.keys.on_token(library.id, registrations[0].token)
    }
    assert listed == {key.locator.public_key_sha256 for key in made}
    assert len(listed) == 6

"""A slot is bound to the token that took the place of its own: keys, passwords and settings."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from app.domain.errors import NameInUse, PinIncorrect, Refused
from app.domain.keys import KeyAlgorithm, KeySpec, TokenIdentity
from app.domain.libraries import TokenSettings
from app.domain.principals import SYSTEM
from app.domain.secret import Secret
from app.services.authority.authorities import CreateAuthority
from app.services.security_library.libraries import RegisterLibrary
from app.services.security_library.slots import RegisterSlot
from tests.faults.module import Faults, fault_library, faults
from tests.services.support import messages

if TYPE_CHECKING:
    from app.domain.authorities import Authority
    from app.domain.libraries import Library, SlotRegistration
    from app.services.backend import Backend
    from app.services.wiring import Parts
    from tests.softhsm import SoftHsm

__all__ = ["fault_library", "faults"]

P256 = KeySpec(KeyAlgorithm.ECDSA_P256, 256)


def make_authority(backend: Backend, library: Library) -> Authority:
    return backend.authorities.create(
        CreateAuthority(name="Test-CA", provider=library.provider_name, spec=P256)
    )


@pytest.fixture
def library(backend: Backend, faults: Faults) -> Library:
    """The fault module, registered instead of SoftHSM itself."""
    spec = faults.spec
    return backend.libraries.register(RegisterLibrary(path=spec.path, environment=spec.environment))


def changed(backend: Backend, faults: Faults, library: Library, *lines: str) -> TokenIdentity:
    """Another identity of the same token, as after a firmware update; what it is called now."""
    faults.set(*lines)
    backend.libraries.reload(library.id)
    (token,) = {s.token for s in backend.libraries.slots(library.id) if s.token is not None}
    return token


@pytest.mark.parametrize("line", ["token serial 0123456789abcdef", "token label Renamed"])
def test_after_serial_or_label_changed_everything_moves_to_the_same_keys(
    backend: Backend,
    parts: Parts,
    library: Library,
    registrations: tuple[SlotRegistration, ...],
    faults: Faults,
    line: str,
) -> None:
    authority = make_authority(backend, library)
    old = registrations[0].token
    backend.slots.set_lanes(library.id, old, 7)
    backend.slots.confirm_policies(library.id, old)
    new = changed(backend, faults, library, line)
    assert new != old
    (candidate,) = backend.slots.candidates(registrations[0].id)
    assert candidate.token == new
    assert "same" in candidate.evidence
    before = faults.calls("C_Login")
    done = backend.slots.rebind(registrations[0].id, library.id, new, faults.softhsm.user_pin)
    assert faults.calls("C_Login") - before <= 2, "one try, and one login with what was right"
    assert done.keys == ("CA Test-CA",)
    assert done.missing == ()
    rows = backend.slots.registered()
    assert {row.token for row in rows} == {new}
    assert {row.account for row in rows} == {row.account for row in registrations}
    for row in rows:
        assert parts.secrets.get(row.secret_name) == faults.softhsm.user_pin
    confirmed = backend.slots.settings(library.id, new).policies_confirmed_by is not None
    assert confirmed is (new.serial == old.serial), "nobody confirmed another partition's"
    kept = {row.secret_name for row in rows}
    for row in registrations:
        assert row.secret_name in kept or parts.secrets.get(row.secret_name) is None
    assert backend.slots.settings(library.id, new).lanes == 7
    assert backend.slots.settings(library.id, old) == TokenSettings()
    moved = next(each for each in backend.authorities.list() if each.id == authority.id)
    assert moved.key.token == new
    assert moved.key.public_key_sha256 == authority.key.public_key_sha256
    backend.revocation.publish_crl(authority.id)
    assert f"was bound to {new.label} ({new.serial})" in " ".join(messages(backend))


def test_a_wrong_pin_moves_nothing_and_is_tried_once(
    backend: Backend,
    library: Library,
    registrations: tuple[SlotRegistration, ...],
    faults: Faults,
) -> None:
    new = changed(backend, faults, library, "token label Renamed")
    before = faults.calls("C_Login")
    with pytest.raises(PinIncorrect):
        backend.slots.rebind(registrations[0].id, library.id, new, Secret("a wrong one"))
    assert faults.calls("C_Login") - before == 1
    assert backend.slots.registered() == registrations


def test_missing_keys_are_listed_and_need_consent(
    backend: Backend,
    library: Library,
    registrations: tuple[SlotRegistration, ...],
    softhsm: SoftHsm,
) -> None:
    authority = make_authority(backend, library)
    other = softhsm.new_token("Empty one")
    backend.libraries.reload(library.id)
    row = registrations[0]
    with pytest.raises(Refused) as caught:
        backend.slots.rebind(row.id, library.id, other, softhsm.user_pin)
    assert "CA Test-CA" in caught.value.cause
    assert backend.slots.registered() == registrations
    done = backend.slots.rebind(row.id, library.id, other, softhsm.user_pin, although_missing=True)
    assert done.missing == ("CA Test-CA",)
    assert done.keys == ()
    assert {each.token for each in backend.slots.registered()} == {other}
    moved = next(each for each in backend.authorities.list() if each.id == authority.id)
    assert moved.key.token == other


def test_a_token_that_is_taken_is_refused_without_a_login(
    backend: Backend,
    library: Library,
    registrations: tuple[SlotRegistration, ...],
    faults: Faults,
) -> None:
    other = faults.softhsm.new_token("Taken")
    backend.libraries.reload(library.id)
    backend.slots.register(
        RegisterSlot(
            library_id=library.id,
            token=other,
            accounts=(SYSTEM,),
            pin=faults.softhsm.user_pin,
        )
    )
    before = faults.calls("C_Login")
    with pytest.raises(NameInUse, match="registered for"):
        backend.slots.rebind(registrations[0].id, library.id, other, faults.softhsm.user_pin)
    with pytest.raises(Refused, match="bound to the token"):
        backend.slots.rebind(
            registrations[0].id, library.id, registrations[0].token, faults.softhsm.user_pin
        )
    assert faults.calls("C_Login") == before


def test_a_token_behind_another_library_takes_over(
    backend: Backend,
    library: Library,
    registrations: tuple[SlotRegistration, ...],
    softhsm: SoftHsm,
) -> None:
    make_authority(backend, library)
    direct = backend.libraries.register(
        RegisterLibrary(
            path=str(softhsm.library), vendor="Direct", environment=softhsm.spec.environment
        )
    )
    found = backend.slots.candidates(registrations[0].id)
    chosen = next(each for each in found if each.library.id == direct.id)
    assert "in the library Direct" in chosen.evidence
    done = backend.slots.rebind(registrations[0].id, direct.id, softhsm.token, softhsm.user_pin)
    assert done.notes
    (authority,) = backend.authorities.list()
    assert authority.key.library_path == direct.spec.path
    assert direct.provider_name in authority.provider
    assert {row.library_id for row in backend.slots.registered()} == {direct.id}
    backend.revocation.publish_crl(authority.id)


def test_registrations_that_ask_stay_without_a_password(
    backend: Backend,
    parts: Parts,
    library: Library,
    registrations: tuple[SlotRegistration, ...],
    faults: Faults,
) -> None:
    asked = backend.slots.enter_pin(registrations[0].id, faults.softhsm.user_pin, store=False)
    new = changed(backend, faults, library, "token serial 00000000000000aa")
    backend.slots.rebind(asked.id, library.id, new, faults.softhsm.user_pin)
    row = next(each for each in backend.slots.registered() if each.id == asked.id)
    assert row == replace(asked, token=new, slot_hint=row.slot_hint)
    assert parts.secrets.get(row.secret_name) is None

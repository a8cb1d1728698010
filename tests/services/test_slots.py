from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from app.domain.errors import (
    InvalidInput,
    NameInUse,
    NotFound,
    NotLoggedIn,
    PinIncorrect,
    PinRefusedBefore,
    Refused,
    SecretUnavailable,
    TokenAbsent,
)
from app.domain.keys import KeyAlgorithm, KeySpec, TokenIdentity
from app.domain.principals import NETWORK_SERVICE, SYSTEM, AccountName
from app.domain.secret import Secret
from app.hsm.isolated_library import IsolatedLibrary
from app.hsm.isolation import KeyIsolation
from app.services.security_library.key_access import KeyAccess
from app.services.security_library.libraries import RegisterLibrary
from app.services.security_library.slots import RegisterSlot, SlotService
from app.services.security_library.stored_pin import StoredPin
from tests.faults.module import Faults, fault_library, faults
from tests.services.support import messages

if TYPE_CHECKING:
    from app.domain.libraries import Library, SlotRegistration
    from app.domain.secrets import SecretStore
    from app.services.backend import Backend
    from app.services.wiring import Parts
    from tests.softhsm import SoftHsm

__all__ = ["fault_library", "faults"]

WRONG = Secret("a wrong pin")


class FullStore:
    """A store of secrets that has room for one."""

    description = "a test"
    is_file = False

    def __init__(self) -> None:
        self.kept: dict[str, Secret] = {}

    def place(self, name: str) -> str | None:
        return "a test" if name in self.kept else None

    def get(self, name: str) -> Secret | None:
        return self.kept.get(name)

    def set(self, name: str, secret: Secret) -> None:
        if self.kept:
            raise SecretUnavailable("The store is full.")
        self.kept[name] = secret

    def delete(self, name: str) -> None:
        self.kept.pop(name, None)


@pytest.fixture
def logins(monkeypatch: pytest.MonkeyPatch) -> list[TokenIdentity]:
    """The tokens that a PIN was verified at, in order."""
    seen: list[TokenIdentity] = []
    real = IsolatedLibrary.verify_pin

    def counted(self: IsolatedLibrary, token: TokenIdentity, pin: Secret | None) -> None:
        seen.append(token)
        real(self, token, pin)

    monkeypatch.setattr(IsolatedLibrary, "verify_pin", counted)
    return seen


def ask(library: Library, softhsm: SoftHsm, *accounts: AccountName) -> RegisterSlot:
    return RegisterSlot(
        library_id=library.id, token=softhsm.token, accounts=accounts, pin=softhsm.user_pin
    )


def test_a_slot_is_registered_for_each_account_with_one_login(
    backend: Backend,
    parts: Parts,
    library: Library,
    softhsm: SoftHsm,
    logins: list[TokenIdentity],
) -> None:
    carol = backend.directory.current_account()
    rows = backend.slots.register(
        ask(library, softhsm, carol, AccountName("nt authority", "system"), carol)
    )
    assert [row.account for row in rows] == [carol, SYSTEM]
    assert backend.slots.registered() == rows
    assert logins == [softhsm.token]
    for row in rows:
        assert parts.secrets.get(row.secret_name) == softhsm.user_pin
    pin = softhsm.user_pin.reveal()
    for path in parts.home.glob("*.db*"):
        assert pin not in path.read_bytes()
    assert f"The slot {softhsm.token.label} was registered for {SYSTEM}." in messages(backend)
    assert all(pin.decode() not in message for message in messages(backend))


def test_a_wrong_pin_stores_nothing_and_is_tried_once(
    backend: Backend,
    parts: Parts,
    library: Library,
    softhsm: SoftHsm,
    logins: list[TokenIdentity],
) -> None:
    request = replace(ask(library, softhsm, SYSTEM), pin=WRONG)
    assert "wrong" not in repr(request)
    with pytest.raises(PinIncorrect):
        backend.slots.register(request)
    assert len(logins) == 1
    assert backend.slots.registered() == ()
    assert "refused a slot password" in messages(backend)[-1]
    assert parts.secrets.get(f"slot/{softhsm.token.serial}/{SYSTEM.key}") is None


def test_what_can_be_refused_without_a_login_is(
    backend: Backend,
    library: Library,
    registrations: tuple[SlotRegistration, ...],
    softhsm: SoftHsm,
    logins: list[TokenIdentity],
) -> None:
    good = ask(library, softhsm, NETWORK_SERVICE)
    refused: list[tuple[RegisterSlot, type[Exception]]] = [
        (replace(good, accounts=()), InvalidInput),
        (replace(good, accounts=(AccountName("TEST", "nobody"),)), NotFound),
        (replace(good, accounts=(AccountName("TEST", "Domain Admins"),)), NotFound),
        (replace(good, accounts=(NETWORK_SERVICE, SYSTEM)), NameInUse),
        (replace(good, token=TokenIdentity("0", "absent")), TokenAbsent),
        (replace(good, pin=Secret("")), InvalidInput),
        (replace(good, pin=Secret("123")), InvalidInput),
        (replace(good, pin=None), InvalidInput),
    ]
    for request, error in refused:
        with pytest.raises(error):
            backend.slots.register(request)
    assert logins == []
    assert backend.slots.registered() == registrations


def test_a_store_that_fails_half_way_leaves_nothing(
    parts: Parts, backend: Backend, library: Library, softhsm: SoftHsm
) -> None:
    full = FullStore()
    slots = SlotService(
        database=parts.database,
        isolation=parts.isolation,
        access=backend.key_access,
        secrets=full,
        directory=parts.directory,
        events=backend.events,
        clock=parts.clock,
    )
    before = messages(backend)
    with pytest.raises(SecretUnavailable):
        slots.register(ask(library, softhsm, SYSTEM, NETWORK_SERVICE))
    assert full.kept == {}
    assert slots.registered() == ()
    assert messages(backend) == before


def test_a_token_is_found_by_label_or_serial(
    backend: Backend, library: Library, softhsm: SoftHsm
) -> None:
    for text in ("", softhsm.token.label.upper(), softhsm.token.serial):
        assert backend.slots.find_token(library.id, text).token == softhsm.token
    with pytest.raises(TokenAbsent) as caught:
        backend.slots.find_token(library.id, "other")
    assert softhsm.token.label in caught.value.remedy


def test_the_test_signs_with_a_session_key_and_leaves_none(
    backend: Backend, library: Library, registrations: tuple[SlotRegistration, ...]
) -> None:
    result = backend.slots.test(registrations[1].id)
    assert result.signs
    assert result.mechanisms > 10
    assert KeyAlgorithm.RSA in result.algorithms
    assert 0 < result.milliseconds < 10_000
    assert "session key" in result.note
    assert result.may_generate is True
    assert backend.keys.on_token(library.id, registrations[1].token) == ()


def test_a_key_that_is_there_signs_where_no_session_key_is_made(
    backend: Backend, faults: Faults
) -> None:
    spec = faults.spec
    library = backend.libraries.register(
        RegisterLibrary(path=spec.path, environment=spec.environment)
    )
    (row,) = backend.slots.register(ask(library, faults.softhsm, SYSTEM))
    backend.keys.generate(
        library.provider_name, None, KeySpec(KeyAlgorithm.RSA, 2048), "mine", SYSTEM
    )
    faults.set("C_GenerateKeyPair fail 0x101")
    result = backend.slots.test(row.id)
    assert result.signs
    assert "mine" in result.note
    assert result.may_generate is False


def second_process(parts: Parts, backend: Backend, isolation: KeyIsolation) -> KeyAccess:
    """A KeyAccess that shares nothing in memory with the backend's."""
    return KeyAccess(
        parts.database, isolation, parts.software, parts.secrets, backend.events, parts.clock
    )


def test_a_refused_pin_is_never_tried_again_until_another_is_entered(
    backend: Backend,
    parts: Parts,
    library: Library,
    registrations: tuple[SlotRegistration, ...],
    softhsm: SoftHsm,
) -> None:
    carol, system = registrations
    for row in registrations:
        parts.secrets.set(row.secret_name, WRONG)
    with pytest.raises(PinIncorrect):
        backend.key_access.open_provider(library.provider_name, None, SYSTEM).keys()
    assert all(row.pin_refused_at for row in backend.slots.registered()), "the same PIN twice"
    assert "It is not tried again." in messages(backend)[-1]
    assert WRONG.reveal().decode() not in " ".join(messages(backend))
    isolation = KeyIsolation()
    try:
        for access in (backend.key_access, second_process(parts, backend, isolation)):
            for account in (SYSTEM, carol.account):
                with pytest.raises(PinRefusedBefore):
                    access.open_provider(library.provider_name, None, account).keys()
    finally:
        isolation.close()
    with pytest.raises(PinIncorrect):
        backend.slots.enter_pin(system.id, Secret("wrong again"))
    with pytest.raises(PinRefusedBefore):
        backend.key_access.open_provider(library.provider_name, None, SYSTEM).keys()
    entered = backend.slots.enter_pin(system.id, softhsm.user_pin)
    assert entered.pin_refused_at is None
    assert all(row.pin_refused_at is None for row in backend.slots.registered())
    for account in (SYSTEM, carol.account):
        assert backend.key_access.open_provider(library.provider_name, None, account).keys() == ()


def test_another_accounts_different_pin_stays_trusted(
    backend: Backend,
    parts: Parts,
    library: Library,
    registrations: tuple[SlotRegistration, ...],
) -> None:
    carol, system = registrations
    parts.secrets.set(system.secret_name, WRONG)
    with pytest.raises(PinIncorrect):
        backend.key_access.open_provider(library.provider_name, None, SYSTEM).keys()
    state = {row.id: row.pin_refused_at for row in backend.slots.registered()}
    assert state[system.id] is not None
    assert state[carol.id] is None
    provider = backend.key_access.open_provider(library.provider_name, None, carol.account)
    assert provider.keys() == ()


def test_an_unregistered_slot_is_closed_to_the_account(
    backend: Backend,
    parts: Parts,
    library: Library,
    registrations: tuple[SlotRegistration, ...],
) -> None:
    carol, system = registrations
    spec = KeySpec(KeyAlgorithm.ECDSA_P256, 256)
    key = backend.keys.generate(library.provider_name, None, spec, "one", SYSTEM)
    assert backend.key_access.open(key.locator, carol.account).find(key.locator) == key
    backend.slots.unregister(carol.id)
    assert parts.secrets.get(carol.secret_name) is None
    assert parts.secrets.get(system.secret_name) is not None
    for account in (carol.account, NETWORK_SERVICE):
        with pytest.raises(Refused, match="has no registered slot") as caught:
            backend.key_access.open(key.locator, account)
        assert str(account) in caught.value.remedy
        with pytest.raises(Refused, match="has no registered slot"):
            backend.key_access.open_provider(library.provider_name, None, account)
    assert backend.key_access.open(key.locator, SYSTEM).find(key.locator) == key
    with pytest.raises(NotFound):
        backend.slots.unregister(carol.id)


def test_a_slot_unregistered_meanwhile_gives_no_pin(
    backend: Backend,
    parts: Parts,
    library: Library,
    registrations: tuple[SlotRegistration, ...],
) -> None:
    isolation = KeyIsolation()
    try:
        access = second_process(parts, backend, isolation)
        provider = access.open_provider(library.provider_name, None, SYSTEM)
        backend.slots.unregister(registrations[1].id)
        with pytest.raises(NotLoggedIn, match="unregistered"):
            provider.keys()
    finally:
        isolation.close()


def test_a_lost_password_is_asked_for(
    backend: Backend,
    parts: Parts,
    library: Library,
    registrations: tuple[SlotRegistration, ...],
    softhsm: SoftHsm,
) -> None:
    system = registrations[1]
    parts.secrets.delete(system.secret_name)
    with pytest.raises(NotLoggedIn, match="No slot password is stored"):
        backend.key_access.open_provider(library.provider_name, None, SYSTEM).keys()
    backend.slots.enter_pin(system.id, softhsm.user_pin)
    assert backend.key_access.open_provider(library.provider_name, None, SYSTEM).keys() == ()


def stored_pin(
    parts: Parts, backend: Backend, secrets: SecretStore, row: SlotRegistration
) -> StoredPin:
    return StoredPin(row.id, parts.database, secrets, backend.events, parts.clock)


def test_a_token_with_a_pin_pad_gets_no_pin(
    backend: Backend, parts: Parts, registrations: tuple[SlotRegistration, ...]
) -> None:
    parts.secrets.set(registrations[0].secret_name, Secret(b""))
    assert stored_pin(parts, backend, parts.secrets, registrations[0]).pin() is None


def test_a_refusal_is_marked_though_the_store_of_secrets_fails(
    backend: Backend, parts: Parts, registrations: tuple[SlotRegistration, ...]
) -> None:
    class Broken(FullStore):
        def get(self, name: str) -> Secret | None:
            raise SecretUnavailable(name)

    pins = stored_pin(parts, backend, Broken(), registrations[0])
    pins.refused(PinIncorrect("No.", ckr="CKR_PIN_INCORRECT", function="C_Login"))
    marked = [row.pin_refused_at is not None for row in backend.slots.registered()]
    assert marked == [True, False]


def test_a_pin_entered_meanwhile_is_not_marked(
    backend: Backend, parts: Parts, registrations: tuple[SlotRegistration, ...]
) -> None:
    pins = stored_pin(parts, backend, parts.secrets, registrations[0])
    assert pins.pin() is not None
    for row in registrations:
        parts.secrets.set(row.secret_name, Secret("another"))
    pins.refused(PinIncorrect("No.", ckr="CKR_PIN_INCORRECT", function="C_Login"))
    assert all(row.pin_refused_at is None for row in backend.slots.registered())


def test_of_threads_that_register_the_same_slot_one_does(
    backend: Backend, parts: Parts, library: Library, softhsm: SoftHsm
) -> None:
    def register(_: int) -> bool:
        try:
            backend.slots.register(ask(library, softhsm, SYSTEM))
        except NameInUse:
            return False
        return True

    with ThreadPoolExecutor(3) as pool:
        assert sorted(pool.map(register, range(3))) == [False, False, True]
    (row,) = backend.slots.registered()
    assert parts.secrets.get(row.secret_name) == softhsm.user_pin


def test_the_place_of_passwords_is_told(backend: Backend, parts: Parts) -> None:
    description, is_file = backend.slots.secret_place()
    assert description == parts.secrets.description
    assert is_file

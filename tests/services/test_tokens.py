"""A token's PINs are changed and unlocked; stored slot passwords follow, and nothing is lost."""

from __future__ import annotations

import shutil
from contextlib import ExitStack, closing, contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from app.domain.errors import (
    DeadlineExceeded,
    HomeUnusable,
    InvalidInput,
    PinIncorrect,
    PinLocked,
    PinRefusedBefore,
    Refused,
    SecretUnavailable,
    TokenAbsent,
)
from app.domain.keys import KeyAlgorithm, KeySpec, TokenIdentity
from app.domain.principals import SYSTEM
from app.domain.secret import Secret
from app.domain.token_memory import TokenMemory
from app.domain.tokens import PinState
from app.hsm.isolated_library import IsolatedLibrary
from app.hsm.isolation import KeyIsolation
from app.services.security_library import tokens
from app.services.security_library.stored_pin import login_lock
from app.services.wiring import wire
from tests.hsm.conftest import eventually
from tests.services.support import messages

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from app.domain.libraries import Library, SlotRegistration
    from app.services.backend import Backend
    from app.services.wiring import Parts
    from tests.softhsm import SoftHsm

NEW = Secret("a new PIN 1")
WRONG = Secret("not this one")
P256 = KeySpec(KeyAlgorithm.ECDSA_P256, 256)


def stored(parts: Parts, rows: tuple[SlotRegistration, ...]) -> set[Secret | None]:
    return {parts.secrets.get(row.secret_name) for row in rows}


def refused_at(backend: Backend) -> list[bool]:
    return [row.pin_refused_at is not None for row in backend.slots.registered()]


def opens(backend: Backend, library: Library, token: TokenIdentity) -> None:
    """The token signs with what is stored."""
    label = f"key {len(backend.keys.on_token(library.id, token))}"
    key = backend.keys.generate(library.provider_name, token, P256, label, SYSTEM)
    assert backend.keys.test(key.locator).signs


def test_the_user_pin_is_changed_and_all_stored_passwords_follow(
    backend: Backend,
    parts: Parts,
    library: Library,
    registrations: tuple[SlotRegistration, ...],
    softhsm: SoftHsm,
) -> None:
    opens(backend, library, softhsm.token)
    changed = backend.tokens.change_pin(library.id, softhsm.token, softhsm.user_pin, NEW)
    assert {row.account for row in changed.updated} == {row.account for row in registrations}
    assert stored(parts, registrations) == {NEW}
    assert refused_at(backend) == [False, False]
    opens(backend, library, softhsm.token)
    assert f"The user PIN of the token {softhsm.token.label} was changed." in messages(backend)
    everything = "\n".join(messages(backend))
    for pin in (NEW, softhsm.user_pin):
        assert pin.reveal().decode() not in everything
    with pytest.raises(PinIncorrect):
        backend.tokens.change_pin(library.id, softhsm.token, softhsm.user_pin, WRONG)


def test_a_wrong_old_pin_is_tried_once_and_changes_nothing(
    backend: Backend,
    parts: Parts,
    library: Library,
    registrations: tuple[SlotRegistration, ...],
    softhsm: SoftHsm,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    tries = 0
    change = IsolatedLibrary.change_pin

    def counted(self: IsolatedLibrary, *arguments: object, **named: object) -> None:
        nonlocal tries
        tries += 1
        change(self, *arguments, **named)  # type: ignore[arg-type] # passed on as they came

    monkeypatch.setattr(IsolatedLibrary, "change_pin", counted)
    with pytest.raises(PinIncorrect):
        backend.tokens.change_pin(library.id, softhsm.token, WRONG, NEW)
    assert tries == 1
    assert stored(parts, registrations) == {softhsm.user_pin}
    assert refused_at(backend) == [False, False]
    assert "refused the user PIN" in messages(backend)[-1]
    opens(backend, library, softhsm.token)


def test_lengths_are_checked_before_anything_is_tried(
    backend: Backend, library: Library, softhsm: SoftHsm, monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(*_arguments: object, **_named: object) -> None:
        raise AssertionError("the token was asked")

    monkeypatch.setattr(IsolatedLibrary, "change_pin", never)
    monkeypatch.setattr(IsolatedLibrary, "unlock_pin", never)
    token, pin, long = softhsm.token, softhsm.user_pin, Secret("x" * 256)
    for old, new in ((pin, Secret("")), (pin, Secret("123")), (pin, long), (long, NEW), (pin, pin)):
        with pytest.raises(InvalidInput):
            backend.tokens.change_pin(library.id, token, old, new)
    for so_pin, new in ((Secret(""), NEW), (long, NEW), (softhsm.so_pin, Secret("1"))):
        with pytest.raises(InvalidInput):
            backend.tokens.unlock(library.id, token, so_pin, new)
    with pytest.raises(TokenAbsent):
        backend.tokens.change_pin(library.id, TokenIdentity("0", "nowhere"), pin, NEW)


def test_the_officers_pin_is_changed_and_no_password_with_it(
    backend: Backend,
    parts: Parts,
    library: Library,
    registrations: tuple[SlotRegistration, ...],
    softhsm: SoftHsm,
) -> None:
    changed = backend.tokens.change_pin(
        library.id, softhsm.token, softhsm.so_pin, NEW, officer=True
    )
    assert changed.updated == ()
    assert stored(parts, registrations) == {softhsm.user_pin}
    other = Secret("the user's PIN now")
    backend.tokens.unlock(library.id, softhsm.token, NEW, other)
    assert stored(parts, registrations) == {other}
    with pytest.raises(PinIncorrect):
        backend.tokens.unlock(library.id, softhsm.token, softhsm.so_pin, NEW)


def test_an_unlocked_pin_replaces_every_password_and_is_trusted(
    backend: Backend,
    parts: Parts,
    library: Library,
    registrations: tuple[SlotRegistration, ...],
    softhsm: SoftHsm,
) -> None:
    parts.secrets.set(registrations[0].secret_name, WRONG)
    with backend.database.write() as tx:
        tx.registrations.mark_refused(registrations[0].id, parts.clock.now())
    changed = backend.tokens.unlock(library.id, softhsm.token, softhsm.so_pin, NEW)
    assert len(changed.updated) == 2
    assert stored(parts, registrations) == {NEW}
    assert refused_at(backend) == [False, False]
    opens(backend, library, softhsm.token)


def test_another_password_than_the_old_one_is_left_alone(
    backend: Backend,
    parts: Parts,
    library: Library,
    registrations: tuple[SlotRegistration, ...],
    softhsm: SoftHsm,
) -> None:
    other, same = registrations
    parts.secrets.set(other.secret_name, Secret("crypto_user:password"))
    changed = backend.tokens.change_pin(library.id, softhsm.token, softhsm.user_pin, NEW)
    assert [row.id for row in changed.updated] == [same.id]
    assert parts.secrets.get(other.secret_name) == Secret("crypto_user:password")


def test_a_store_that_fails_before_leaves_the_token_as_it_was(
    backend: Backend,
    parts: Parts,
    library: Library,
    registrations: tuple[SlotRegistration, ...],
    softhsm: SoftHsm,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def closed(_name: str, _secret: Secret) -> None:
        raise SecretUnavailable("The password store is read-only.")

    with monkeypatch.context() as patch:
        patch.setattr(parts.secrets, "set", closed)
        with pytest.raises(SecretUnavailable, match="read-only"):
            backend.tokens.change_pin(library.id, softhsm.token, softhsm.user_pin, NEW)
    assert stored(parts, registrations) == {softhsm.user_pin}
    assert refused_at(backend) == [False, False]
    opens(backend, library, softhsm.token)


def test_a_store_that_fails_afterwards_is_told_of_and_no_try_is_spent(
    backend: Backend,
    parts: Parts,
    library: Library,
    registrations: tuple[SlotRegistration, ...],
    softhsm: SoftHsm,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    keep = parts.secrets.set
    failing = registrations[1]

    def half(name: str, secret: Secret) -> None:
        if secret == NEW and name == failing.secret_name:
            raise SecretUnavailable("The password store is full.")
        keep(name, secret)

    with monkeypatch.context() as patch:
        patch.setattr(parts.secrets, "set", half)
        with pytest.raises(SecretUnavailable, match="has its new PIN") as caught:
            backend.tokens.change_pin(library.id, softhsm.token, softhsm.user_pin, NEW)
    assert str(failing.account) in caught.value.message
    assert str(registrations[0].account) not in caught.value.message
    assert "enter-pin" in caught.value.remedy
    assert refused_at(backend) == [False, True]
    provider = backend.key_access.of_registration(library, failing)
    with pytest.raises(PinRefusedBefore):
        provider.keys()
    backend.slots.enter_pin(failing.id, NEW)
    assert refused_at(backend) == [False, False]


def test_where_the_answer_is_lost_no_stored_password_is_tried(
    backend: Backend,
    library: Library,
    registrations: tuple[SlotRegistration, ...],
    softhsm: SoftHsm,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def hangs(*_arguments: object, **_named: object) -> None:
        raise DeadlineExceeded("It took too long.", cause="The HSM does not answer.")

    monkeypatch.setattr(IsolatedLibrary, "change_pin", hangs)
    with pytest.raises(DeadlineExceeded) as caught:
        backend.tokens.change_pin(library.id, softhsm.token, softhsm.user_pin, NEW)
    assert "not known whether" in caught.value.cause
    assert refused_at(backend) == [True] * len(registrations)


def test_a_password_that_was_only_entered_follows_too(
    backend: Backend,
    parts: Parts,
    library: Library,
    registrations: tuple[SlotRegistration, ...],
    softhsm: SoftHsm,
) -> None:
    row = registrations[0]
    parts.secrets.delete(row.secret_name)
    backend.key_access.ledger.enter(row.id, softhsm.user_pin)
    backend.tokens.change_pin(library.id, softhsm.token, softhsm.user_pin, NEW)
    assert backend.key_access.ledger.get(row.id) == NEW
    assert parts.secrets.get(row.secret_name) is None


def test_what_another_process_stored_meanwhile_is_not_overwritten(
    backend: Backend,
    parts: Parts,
    library: Library,
    registrations: tuple[SlotRegistration, ...],
    softhsm: SoftHsm,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    @contextmanager
    def second_in_the_queue(home: Path, token: TokenIdentity) -> Iterator[None]:
        parts.isolation.library(library.spec).change_pin(token, softhsm.user_pin, NEW)
        for row in registrations:
            parts.secrets.set(row.secret_name, NEW)
        with login_lock(home, token):
            yield

    monkeypatch.setattr(tokens, "login_lock", second_in_the_queue)
    with pytest.raises(PinIncorrect):
        backend.tokens.change_pin(library.id, softhsm.token, softhsm.user_pin, WRONG)
    assert stored(parts, registrations) == {NEW}
    assert refused_at(backend) == [False, False]


def test_without_a_lock_nothing_is_tried(
    backend: Backend,
    library: Library,
    registrations: tuple[SlotRegistration, ...],
    softhsm: SoftHsm,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def never(*_arguments: object, **_named: object) -> None:
        raise AssertionError("the token was asked")

    monkeypatch.setattr(IsolatedLibrary, "change_pin", never)
    locks = backend.database.path.parent / "locks"
    shutil.rmtree(locks, ignore_errors=True)
    locks.write_text("no folder")
    with pytest.raises(HomeUnusable, match="no lock can be made"):
        backend.tokens.change_pin(library.id, softhsm.token, softhsm.user_pin, NEW)
    with pytest.raises(HomeUnusable, match="no lock can be made"):
        backend.key_access.of_registration(library, registrations[0]).keys()


def test_a_locked_pin_or_a_pad_is_refused_without_a_try(
    backend: Backend, library: Library, softhsm: SoftHsm, monkeypatch: pytest.MonkeyPatch
) -> None:
    slots = IsolatedLibrary.slots

    def changed(**facts: Any) -> None:
        monkeypatch.setattr(
            IsolatedLibrary,
            "slots",
            lambda self: tuple(
                replace(slot, **facts) if slot.token == softhsm.token else slot
                for slot in slots(self)
            ),
        )

    token = softhsm.token
    changed(pin_state=PinState.LOCKED)
    with pytest.raises(PinLocked):
        backend.tokens.change_pin(library.id, token, softhsm.user_pin, NEW)
    changed(so_pin_state=PinState.LOCKED)
    with pytest.raises(PinLocked):
        backend.tokens.unlock(library.id, token, softhsm.so_pin, NEW)
    changed(protected_authentication_path=True)
    with pytest.raises(Refused, match="its own pad"):
        backend.tokens.change_pin(library.id, token, softhsm.user_pin, NEW)
    with pytest.raises(Refused, match="its own pad"):
        backend.tokens.unlock(library.id, token, softhsm.so_pin, NEW)


def test_mechanisms_and_memory_are_what_the_token_reports(
    backend: Backend, library: Library, softhsm: SoftHsm
) -> None:
    names = [row.name for row in backend.tokens.mechanisms(library.id, softhsm.token)]
    assert "CKM_ECDSA" in names
    assert names == sorted(names)
    # SoftHSM says CK_UNAVAILABLE_INFORMATION, which is no number.
    memory = backend.tokens.memory(library.id, softhsm.token)
    assert memory == TokenMemory(None, None)
    assert str(memory) == "not reported"


@pytest.mark.parametrize(
    ("memory", "words"),
    [
        (TokenMemory(4096, 812), "812 bytes free of 4.0 KiB"),
        (TokenMemory(None, 2 * 1024**2), "2.0 MiB free"),
        (TokenMemory(1024, None), "1.0 KiB; what is free is not reported"),
        (TokenMemory(1024, 0), "0 bytes free of 1.0 KiB"),
    ],
)
def test_memory_in_words(memory: TokenMemory, words: str) -> None:
    assert str(memory) == words


@pytest.fixture
def other_process(parts: Parts) -> Iterator[Backend]:
    """The same home with an isolation of its own, as in another process."""
    isolation = KeyIsolation()
    with closing(isolation), ExitStack() as stack:
        yield wire(replace(parts, isolation=isolation), stack)


def test_a_library_that_another_process_has_loaded_takes_the_new_pin(
    backend: Backend,
    other_process: Backend,
    library: Library,
    registrations: tuple[SlotRegistration, ...],
    softhsm: SoftHsm,
) -> None:
    assert registrations
    assert other_process.libraries.slots(library.id)  # loaded, and nobody logged in
    backend.tokens.change_pin(library.id, softhsm.token, softhsm.user_pin, NEW)
    opens(other_process, library, softhsm.token)
    assert refused_at(backend) == [False, False]


def test_a_pin_that_the_vendors_tools_changed_is_taken_by_every_process_once_entered(
    backend: Backend,
    parts: Parts,
    other_process: Backend,
    library: Library,
    registrations: tuple[SlotRegistration, ...],
    softhsm: SoftHsm,
) -> None:
    assert other_process.libraries.slots(library.id)
    parts.isolation.library(library.spec).change_pin(softhsm.token, softhsm.user_pin, NEW)
    for row in registrations:
        backend.slots.enter_pin(row.id, NEW)
    opens(other_process, library, softhsm.token)
    assert refused_at(backend) == [False, False]


def test_other_processes_sign_with_as_many_lanes_as_are_set(
    backend: Backend,
    other_process: Backend,
    library: Library,
    registrations: tuple[SlotRegistration, ...],
    softhsm: SoftHsm,
) -> None:
    assert registrations
    opens(other_process, library, softhsm.token)
    isolated = other_process.tokens._isolation.library(library.spec)
    channel = isolated.channel
    assert channel is not None
    backend.slots.set_lanes(library.id, softhsm.token, 7)
    assert eventually(lambda: channel.lanes[softhsm.token] == 7)

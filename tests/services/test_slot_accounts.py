"""Accounts mean something: who opens what, with which password, and what is said of it."""

from __future__ import annotations

import multiprocessing
import sys
from contextlib import ExitStack
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from app.domain.errors import (
    Cancelled,
    InvalidInput,
    LibraryUnusable,
    NotLoggedIn,
    PinIncorrect,
    PinRefusedBefore,
)
from app.domain.keys import KeyAlgorithm, KeySpec
from app.domain.principals import NETWORK_SERVICE, SYSTEM
from app.domain.secret import Secret
from app.domain.services import ServiceName
from app.hsm.credentials import credential_name
from app.hsm.secret_store import open_secret_store
from app.services.authority.authorities import CreateAuthority
from app.services.security_library.libraries import RegisterLibrary
from app.services.security_library.slot_passwords import PasswordState, credential_lines
from app.services.security_library.slots import RegisterSlot
from app.services.wiring import wire
from tests.faults.module import Faults, fault_library, faults
from tests.services.support import messages

if TYPE_CHECKING:
    from multiprocessing.synchronize import Barrier
    from pathlib import Path

    from app.domain.libraries import Library, SlotRegistration
    from app.services.backend import Backend
    from app.services.wiring import Parts
    from tests.softhsm import SoftHsm

__all__ = ["fault_library", "faults"]


@pytest.fixture
def faulty(backend: Backend, faults: Faults) -> Library:
    """The fault module, registered."""
    spec = faults.spec
    return backend.libraries.register(RegisterLibrary(path=spec.path, environment=spec.environment))


def request(library: Library, softhsm: SoftHsm) -> RegisterSlot:
    return RegisterSlot(
        library_id=library.id, token=softhsm.token, accounts=(SYSTEM,), pin=softhsm.user_pin
    )


def keys_of(backend: Backend, library: Library) -> object:
    return backend.key_access.open_provider(library.provider_name, None, SYSTEM).keys()


# --- one login --------------------------------------------------------------------------------


def test_what_was_tried_is_registered_without_another_login(
    backend: Backend, faulty: Library, faults: Faults
) -> None:
    wanted = request(faulty, faults.softhsm)
    trial = backend.slots.try_slot(faulty.id, wanted.token, wanted.pin)
    assert trial.signed
    assert faults.calls("C_Login") == 1
    backend.slots.register(replace(wanted, trial=trial))
    assert faults.calls("C_Login") == 1


def test_a_trial_proves_no_other_pin_or_token(
    backend: Backend, faulty: Library, faults: Faults
) -> None:
    wanted = request(faulty, faults.softhsm)
    trial = backend.slots.try_slot(faulty.id, wanted.token, wanted.pin)
    with pytest.raises(PinIncorrect):
        backend.slots.register(replace(wanted, trial=trial, pin=Secret("another")))
    assert faults.calls("C_Login") == 2
    made_up = replace(trial)
    backend.slots.register(replace(wanted, trial=made_up))
    assert faults.calls("C_Login") == 3, "a trial that was not made here proves nothing"


def test_a_trial_is_cancelled_through_its_progress(
    backend: Backend, faulty: Library, faults: Faults
) -> None:
    class Impatient:
        def report(self, text: str, done: int = 0, total: int = 0) -> None:
            del text, done, total
            if faults.calls("C_Login"):
                raise Cancelled("Cancelled.")

    faults.set("C_Login hang")
    with pytest.raises(Cancelled):
        backend.slots.try_slot(
            faulty.id, faults.softhsm.token, faults.softhsm.user_pin, Impatient()
        )


def test_a_role_that_may_not_generate_is_told(
    backend: Backend, faulty: Library, faults: Faults
) -> None:
    faults.set("C_GenerateKeyPair fail 0x101")
    trial = backend.slots.try_slot(faulty.id, faults.softhsm.token, faults.softhsm.user_pin)
    assert not trial.signed
    assert trial.may_generate is False
    assert trial.problem


# --- asked at each start ----------------------------------------------------------------------


@pytest.fixture
def asked(backend: Backend, library: Library, softhsm: SoftHsm) -> SlotRegistration:
    """A registration whose password is stored nowhere."""
    (row,) = backend.slots.register(replace(request(library, softhsm), ask_at_start=True))
    return row


def restarted(parts: Parts) -> Backend:
    """The services as another run of the program has them: the same home, nothing in memory."""
    return wire(parts, ExitStack())


def test_a_password_that_is_asked_is_in_memory_alone(
    backend: Backend,
    parts: Parts,
    library: Library,
    softhsm: SoftHsm,
    asked: SlotRegistration,
) -> None:
    assert parts.secrets.get(asked.secret_name) is None
    assert keys_of(backend, library) == ()
    assert repr(backend.key_access.ledger) == "LoginLedger(1 passwords)"
    parts.isolation.library(library.spec).restart()
    later = restarted(parts)
    assert later.slots.place(asked).state is PasswordState.NEEDED
    assert later.slots.waiting((SYSTEM,)) == (asked,)
    assert later.slots.waiting((NETWORK_SERVICE,)) == ()
    with pytest.raises(NotLoggedIn, match="not entered yet") as caught:
        keys_of(later, library)
    assert "serve" in caught.value.remedy
    later.slots.log_in(asked.id, softhsm.user_pin)
    assert later.slots.waiting((SYSTEM,)) == ()
    assert later.slots.place(asked).words == "asked at each start"
    assert keys_of(later, library) == ()


def test_a_terminal_is_asked_when_the_key_is_needed(
    parts: Parts, library: Library, softhsm: SoftHsm, asked: SlotRegistration
) -> None:
    parts.isolation.library(library.spec).restart()
    later = restarted(parts)
    seen: list[SlotRegistration] = []

    def prompt(row: SlotRegistration) -> Secret | None:
        seen.append(row)
        return Secret("wrong one") if len(seen) == 1 else softhsm.user_pin

    later.key_access.prompt = prompt
    with pytest.raises(PinIncorrect):
        keys_of(later, library)
    assert later.slots.registered()[0].pin_refused_at is None, "nothing is stored to be marked"
    assert keys_of(later, library) == ()
    assert seen == [asked, asked]
    assert "wrong one" not in " ".join(messages(later))


def test_storing_and_asking_change_over(
    backend: Backend, parts: Parts, softhsm: SoftHsm, asked: SlotRegistration
) -> None:
    stored = backend.slots.enter_pin(asked.id, softhsm.user_pin, store=True)
    assert not stored.ask_at_start
    assert parts.secrets.get(stored.secret_name) == softhsm.user_pin
    assert backend.slots.place(stored).words == parts.secrets.description
    again = backend.slots.enter_pin(asked.id, softhsm.user_pin, store=False)
    assert again.ask_at_start
    assert parts.secrets.get(again.secret_name) is None
    with pytest.raises(PinIncorrect):
        backend.slots.enter_pin(asked.id, Secret("wrong one"), store=True)
    assert backend.slots.registered() == (again,)


def test_a_systemd_credential_opens_a_slot_that_is_asked_for(
    parts: Parts,
    library: Library,
    softhsm: SoftHsm,
    asked: SlotRegistration,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    folder = tmp_path / "credentials"
    folder.mkdir()
    name = credential_name(asked.secret_name)
    (folder / name).write_bytes(softhsm.user_pin.reveal() + b"\n")
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(folder))
    parts.isolation.library(library.spec).restart()
    later = restarted(replace(parts, secrets=open_secret_store(parts.home)))
    assert later.slots.waiting((SYSTEM,)) == ()
    assert later.slots.place(asked).words == f"systemd credential {name}"
    assert keys_of(later, library) == ()


def test_the_lines_for_a_unit_name_the_credential(asked: SlotRegistration) -> None:
    encrypt, unit = credential_lines(asked)
    name = credential_name(asked.secret_name)
    assert f"--name={name} - " in encrypt
    assert unit.startswith(f"LoadCredentialEncrypted={name}:")


# --- what is refused --------------------------------------------------------------------------


@pytest.mark.usefixtures("registrations")
def test_a_disabled_library_opens_nothing(backend: Backend, library: Library) -> None:
    backend.libraries.disable(library.id)
    with pytest.raises(LibraryUnusable, match="is disabled"):
        backend.key_access.open_provider(library.provider_name, None, SYSTEM)
    backend.libraries.enable(library.id)
    assert keys_of(backend, library) == ()


def test_a_refused_password_is_refused_at_once(
    backend: Backend, parts: Parts, library: Library, registrations: tuple[SlotRegistration, ...]
) -> None:
    parts.secrets.set(registrations[1].secret_name, Secret("not this one"))
    with pytest.raises(PinIncorrect):
        keys_of(backend, library)
    with pytest.raises(PinRefusedBefore, match="is not tried again"):
        backend.key_access.open_provider(library.provider_name, None, SYSTEM)


@pytest.mark.skipif(sys.platform == "win32", reason="the children are forked")
def test_two_processes_spend_one_try_on_a_wrong_password(
    backend: Backend, parts: Parts, faulty: Library, faults: Faults
) -> None:
    (row,) = backend.slots.register(request(faulty, faults.softhsm))
    parts.secrets.set(row.secret_name, Secret("a wrong one"))
    before = faults.calls("C_Login")
    faults.set("C_Login delay 300")
    context = multiprocessing.get_context("spawn")
    start = context.Barrier(2)
    results = context.SimpleQueue()
    both = [
        context.Process(
            target=_open_keys, args=(str(parts.home), faulty.provider_name, start, results)
        )
        for _ in range(2)
    ]
    for each in both:
        each.start()
    told = sorted(results.get() for _ in both)
    for each in both:
        each.join()
    assert told == ["PinIncorrect", "PinRefusedBefore"]
    assert faults.calls("C_Login") - before == 1


def _open_keys(home: str, provider: str, start: Barrier, results: object) -> None:
    from pathlib import Path  # noqa: PLC0415 - in a process of its own

    from app.main import open_backend  # noqa: PLC0415

    with open_backend(Path(home)) as backend:
        start.wait()
        try:
            backend.key_access.open_provider(provider, None, SYSTEM).keys()
        except (PinIncorrect, PinRefusedBefore) as error:
            results.put(type(error).__name__)  # type: ignore[attr-defined] # a SimpleQueue
        else:
            results.put("opened")  # type: ignore[attr-defined] # likewise


# --- settings and warnings --------------------------------------------------------------------


def test_lanes_are_bounded_and_kept(
    backend: Backend, library: Library, registrations: tuple[SlotRegistration, ...]
) -> None:
    token = registrations[0].token
    for wrong in (0, 33):
        with pytest.raises(InvalidInput, match="lanes"):
            backend.slots.set_lanes(library.id, token, wrong)
    assert backend.slots.settings(library.id, token).lanes == 4
    assert backend.slots.set_lanes(library.id, token, 12).lanes == 12
    assert "12 lanes" in messages(backend)[-1]
    count = len(messages(backend))
    backend.slots.set_lanes(library.id, token, 12)
    assert len(messages(backend)) == count
    assert keys_of(backend, library) == ()


def test_policies_are_confirmed_by_whom_and_when(
    backend: Backend, library: Library, registrations: tuple[SlotRegistration, ...]
) -> None:
    settings = backend.slots.confirm_policies(library.id, registrations[0].token)
    assert settings.policies_confirmed_by == backend.directory.current_account()
    assert settings.policies_confirmed_at is not None
    assert "confirmed the policies 22 and 23" in messages(backend)[-1]


def test_the_responders_account_at_a_cas_key_is_told(
    backend: Backend, library: Library, registrations: tuple[SlotRegistration, ...]
) -> None:
    token = registrations[0].token
    assert backend.slots.exposures() == ()
    assert backend.slots.exposure_warning(library.id, token, (SYSTEM,)) == ""
    backend.authorities.create(
        CreateAuthority(
            name="Test-CA",
            provider=library.provider_name,
            spec=KeySpec(KeyAlgorithm.ECDSA_P256, 256),
        )
    )
    (found,) = backend.slots.exposures()
    assert found.registration == registrations[1]
    assert found.authorities == ("Test-CA",)
    assert "partition of its own" in backend.slots.exposure_warning(library.id, token, (SYSTEM,))
    assert backend.slots.exposure_warning(library.id, token, (NETWORK_SERVICE,)) == ""
    backend.services.set_log_on(ServiceName.ONLINE_RESPONDER, NETWORK_SERVICE)
    assert backend.slots.exposures() == ()


def test_the_sheet_invents_nothing(backend: Backend, library: Library, softhsm: SoftHsm) -> None:
    slot = backend.slots.find_token(library.id, softhsm.token.label)
    facts = {fact.name: fact for fact in backend.slots.sheet(library.id, slot)}
    assert facts["Serial number"].value == softhsm.token.serial
    assert facts["Label"].value == softhsm.token.label
    assert facts["Log-on by"].value == "password"
    for name in ("Configuration", "FIPS mode", "High availability", "Audit trail"):
        assert facts[name].value is None
        assert facts[name].source
    assert backend.slots.prerequisites(library.id, slot) == ()

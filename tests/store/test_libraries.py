"""Libraries and slot registrations."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from app.domain.errors import InUse, NameInUse, NotFound
from app.domain.ids import LibraryId, RegistrationId
from app.domain.keys import TokenIdentity
from app.domain.principals import SYSTEM, AccountName
from app.domain.tokens import LibraryInfo, LibrarySpec
from tests.store.records import ADMIN, NOW, TOKEN

if TYPE_CHECKING:
    from collections.abc import Callable

    from app.domain.libraries import Library
    from app.store.database import Database, Transaction

SPEC = LibrarySpec("/usr/lib/libsofthsm2.so", (("SOFTHSM2_CONF", "/etc/softhsm2.conf"),))
INFO = LibraryInfo("SoftHSM", "Implementation of PKCS11", "2.40", "2.6")
OTHER = TokenIdentity(TOKEN.serial, "other label")


def a_library(store: Transaction, path: str = SPEC.path) -> Library:
    return store.libraries.add(replace(SPEC, path=path), "SoftHSM", INFO, NOW)


def test_one_library_a_path(database: Database) -> None:
    with database.write() as store:
        first = a_library(store)
        with pytest.raises(NameInUse, match="libsofthsm2"):
            a_library(store)
        second = a_library(store, "/opt/luna/libCryptoki2_64.so")
    with database.read() as store:
        assert store.libraries.all() == (first, second)
        assert store.libraries.by_path(SPEC.path) == first
        assert store.libraries.by_path("/nowhere") is None


def test_a_library_in_use_stays(database: Database) -> None:
    with database.write() as store:
        library = a_library(store)
        slot = store.registrations.add(library.id, TOKEN, ADMIN, 5, NOW)
        with pytest.raises(InUse):
            store.libraries.remove(library.id)
        store.registrations.remove(slot.id)
        store.libraries.remove(library.id)
        assert store.libraries.all() == ()
        assert a_library(store).id > library.id


def test_registrations_are_found_by_token_and_account(database: Database) -> None:
    with database.write() as store:
        library = a_library(store)
        admin = store.registrations.add(library.id, TOKEN, ADMIN, 5, NOW)
        system = store.registrations.add(library.id, TOKEN, SYSTEM, 5, NOW)
        other = store.registrations.add(library.id, OTHER, ADMIN, 6, NOW)
        shouting = AccountName("local", "ADMINISTRATOR")
        with pytest.raises(NameInUse, match="registered for local"):
            store.registrations.add(library.id, TOKEN, shouting, 5, NOW)
    with database.read() as store:
        assert store.registrations.all() == (admin, system, other)
        assert store.registrations.for_library(library.id) == (admin, system, other)
        assert store.registrations.for_token(TOKEN) == (admin, system)
        found = store.registrations.find(TOKEN, AccountName("LOCAL", "administrator"))
        assert found == admin
        assert store.registrations.find(OTHER, SYSTEM) is None
        assert store.registrations.for_library(LibraryId(99)) == ()


def test_a_registration_changes(database: Database) -> None:
    with database.write() as store:
        library = a_library(store)
        slot = store.registrations.add(library.id, TOKEN, ADMIN, 5, NOW)
        store.registrations.mark_refused(slot.id, NOW)
        assert store.registrations.get(slot.id).pin_refused_at == NOW
        store.registrations.mark_refused(slot.id, None)
        store.registrations.set_slot_hint(slot.id, 2**62)
        assert store.registrations.get(slot.id) == replace(slot, slot_hint=2**62)


def test_an_unchanged_slot_hint_is_no_change(database: Database) -> None:
    with database.write() as store:
        library = a_library(store)
        slot = store.registrations.add(library.id, TOKEN, ADMIN, 5, NOW)
    with database.write() as store:
        before = store.position()
        store.registrations.set_slot_hint(slot.id, 5)
    with database.read() as store:
        assert store.position() == before


def test_what_does_not_exist_is_said_so(database: Database) -> None:
    nothing, nowhere = RegistrationId(77), LibraryId(77)
    with database.write() as store:
        lookups: list[Callable[[], object]] = [
            lambda: store.libraries.get(nowhere),
            lambda: store.libraries.remove(nowhere),
            lambda: store.registrations.add(nowhere, TOKEN, ADMIN, 5, NOW),
            lambda: store.registrations.get(nothing),
            lambda: store.registrations.mark_refused(nothing, NOW),
            lambda: store.registrations.set_slot_hint(nothing, 5),
            lambda: store.registrations.remove(nothing),
        ]
        for lookup in lookups:
            with pytest.raises(NotFound, match="77"):
                lookup()


def test_a_library_changes(database: Database) -> None:
    with database.write() as store:
        library = a_library(store)
        a_library(store, "/opt/luna/libCryptoki2_64.so")
        store.libraries.set_disabled(library.id, NOW)
        store.libraries.set_call_log(library.id, on=True)
        store.libraries.set_legacy(library.id, NOW)
        new = replace(SPEC, environment=(), initialisation="slots=2")
        info = replace(INFO, library_version="2.7")
        store.libraries.set_spec(library.id, new, info)
        expected = replace(
            library, spec=new, info=info, disabled_at=NOW, call_log=True, legacy_at=NOW
        )
        assert store.libraries.get(library.id) == expected
        store.libraries.set_disabled(library.id, None)
        store.libraries.set_call_log(library.id, on=False)
        store.libraries.set_legacy(library.id, None)
        store.libraries.set_spec(library.id, SPEC, INFO)
        assert store.libraries.get(library.id) == library
        with pytest.raises(NameInUse):
            store.libraries.set_spec(
                library.id, replace(SPEC, path="/opt/luna/libCryptoki2_64.so"), INFO
            )
    with database.write() as store:
        nowhere = LibraryId(77)
        changes: list[Callable[[], None]] = [
            lambda: store.libraries.set_disabled(nowhere, None),
            lambda: store.libraries.set_call_log(nowhere, on=True),
            lambda: store.libraries.set_legacy(nowhere, None),
            lambda: store.libraries.set_spec(nowhere, SPEC, INFO),
        ]
        for change in changes:
            with pytest.raises(NotFound, match="77"):
                change()


def test_a_registration_is_bound_anew(database: Database) -> None:
    with database.write() as store:
        library = a_library(store)
        slot = store.registrations.add(library.id, TOKEN, ADMIN, 5, NOW, ask_at_start=True)
        taken = store.registrations.add(library.id, OTHER, ADMIN, 6, NOW)
        with pytest.raises(NameInUse, match="other label"):
            store.registrations.rebind(slot.id, library.id, OTHER, 7)
        store.registrations.remove(taken.id)
        store.registrations.rebind(slot.id, library.id, OTHER, 7)
        assert store.registrations.get(slot.id) == replace(slot, token=OTHER, slot_hint=7)
        store.registrations.set_ask_at_start(slot.id, ask=False)
        assert not store.registrations.get(slot.id).ask_at_start
        with pytest.raises(NotFound, match="77"):
            store.registrations.set_ask_at_start(RegistrationId(77), ask=True)
        with pytest.raises(NotFound, match="77"):
            store.registrations.rebind(RegistrationId(77), library.id, OTHER, 7)

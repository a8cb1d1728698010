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

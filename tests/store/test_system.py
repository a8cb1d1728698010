"""Services, settings, events and leases."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from app.domain.errors import InvalidInput
from app.domain.events import EventLevel
from app.domain.principals import NETWORK_SERVICE, SYSTEM
from app.domain.services import ListenAddress, ServiceName, ServiceSettings
from tests.store.records import HOUR, NOW, SetClock

if TYPE_CHECKING:
    from app.store.database import Database


def test_services_run_as_the_system_until_set(database: Database) -> None:
    name = ServiceName.ONLINE_RESPONDER
    changed = ServiceSettings(name, NETWORK_SERVICE, False)
    with database.write() as store:
        for service in ServiceName:
            assert store.services.get(service) == ServiceSettings(service, SYSTEM, True)
        store.services.set(changed)
        assert store.services.get(name) == changed
        assert store.services.get(ServiceName.CERTIFICATION_AUTHORITY).started


def test_the_listen_address(database: Database) -> None:
    with database.write() as store:
        assert store.settings.listen_address() is None
        for address in (ListenAddress("127.0.0.1", 8080), ListenAddress("::1", 65_535)):
            store.settings.set_listen_address(address)
            assert store.settings.listen_address() == address
        for port in (0, -1, 65_536):
            with pytest.raises(InvalidInput, match=str(port)):
                store.settings.set_listen_address(ListenAddress("::1", port))


def test_events_are_paged_from_the_newest(database: Database, clock: SetClock) -> None:
    with database.write() as store:
        added = []
        for number in range(5):
            clock.moment = NOW + number * HOUR
            level = EventLevel.WARNING
            added.append(store.events.add(level, "CA", 4886, str(number), "a", subject="s"))
    assert [event.at for event in added] == [NOW + number * HOUR for number in range(5)]
    newest = tuple(reversed(added))
    with database.read() as store:
        assert store.events.page(10) == newest
        first = store.events.page(2)
        assert first == newest[:2]
        assert store.events.page(2, before_id=first[-1].id) == newest[2:4]
        assert store.events.page(2, before_id=added[0].id) == ()


def test_a_lease_has_one_holder(database: Database, clock: SetClock) -> None:
    with database.write() as store:
        assert store.leases.holder("host") is None
        assert store.leases.acquire("host", "a", HOUR)
        assert not store.leases.acquire("host", "b", HOUR)
        assert store.leases.acquire("host", "a", HOUR)
        assert store.leases.acquire("other", "b", HOUR)
        assert not store.leases.renew("host", "b", HOUR)
        clock.moment = NOW + HOUR / 2
        assert store.leases.renew("host", "a", HOUR)
        clock.moment = NOW + HOUR
        assert not store.leases.acquire("host", "b", HOUR)
        assert store.leases.holder("host") == "a"


def test_a_lease_ends(database: Database, clock: SetClock) -> None:
    with database.write() as store:
        assert store.leases.acquire("host", "a", HOUR)
        clock.moment = NOW + HOUR
        assert store.leases.holder("host") is None
        assert not store.leases.renew("host", "a", HOUR)
        assert store.leases.acquire("host", "b", HOUR)
        store.leases.release("host", "a")
        assert store.leases.holder("host") == "b"
        store.leases.release("host", "b")
        assert store.leases.acquire("host", "a", HOUR)


def test_a_heartbeat_is_no_change_that_is_told(database: Database) -> None:
    with database.write() as store:
        assert store.leases.acquire("host", "a", HOUR)
    with database.read() as store:
        assert store.position() == 0

"""The path of a request: submitted, promised a serial, issued, revoked, listed in CRLs."""

from __future__ import annotations

import signal
import subprocess
import sys
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from app.domain.errors import InvalidInput, NameInUse, NotFound, Refused
from app.domain.events import Change, Entity
from app.domain.ids import AuthorityId, RequestId
from app.domain.requests import Disposition, RevocationReason, RevokedEntry, serial_text
from app.store.database import Database, open_database
from tests.store.records import HOUR, NOW, SetClock, a_certificate, a_request, wait_until

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from app.domain.authorities import Authority
    from app.store.database import Transaction

DAY = timedelta(days=1)


def issued(store: Transaction, authority: Authority, serial: int) -> RequestId:
    row = store.requests.submit(a_request(authority.id), Disposition.ACTIVE, "")
    store.requests.reserve_serial(row, serial_text(serial), "WebServer")
    store.requests.issue(row, a_certificate(serial), NOW, "Issued")
    return row


def test_a_serial_is_given_once_by_one_ca(database: Database, authority: Authority) -> None:
    with database.write() as store:
        issued(store, authority, 5)
        row = store.requests.submit(a_request(authority.id), Disposition.ACTIVE, "")
        with pytest.raises(NameInUse, match="05"):
            store.requests.reserve_serial(row, "0005", "WebServer")
        store.requests.reserve_serial(row, "06", "WebServer")
        store.requests.reserve_serial(row, "06", "WebServer")
        with pytest.raises(Refused):
            store.requests.reserve_serial(row, "07", "WebServer")


@pytest.mark.parametrize("serial", ["", "xyz", "-5"])
def test_what_is_no_serial_is_refused(
    database: Database, authority: Authority, serial: str
) -> None:
    with database.read() as store, pytest.raises(InvalidInput):
        store.requests.by_serial(authority.id, serial)


def test_nothing_is_issued_with_a_serial_that_was_not_promised(
    database: Database, authority: Authority
) -> None:
    with database.write() as store:
        row = store.requests.submit(a_request(authority.id), Disposition.ACTIVE, "")
        with pytest.raises(Refused):
            store.requests.issue(row, a_certificate(9), NOW, "")
        with pytest.raises(NotFound):
            store.requests.raw_certificate(row)


def test_a_pending_request_becomes_active_when_a_serial_is_promised(
    database: Database, authority: Authority
) -> None:
    with database.write() as store:
        row = store.requests.submit(a_request(authority.id), Disposition.ACTIVE, "")
        store.requests.resolve(row, Disposition.PENDING, "Taken under submission", 0, None)
        assert store.requests.get(row).disposition is Disposition.PENDING
        assert store.requests.unfinished(authority.id) == ()
        store.requests.reserve_serial(row, "0a", "WebServer")
        (unfinished,) = store.requests.unfinished(authority.id)
        assert (unfinished.id, unfinished.serial_number) == (row, "0a")


def test_a_resolved_request_stays_resolved(database: Database, authority: Authority) -> None:
    with database.write() as store:
        row = store.requests.submit(a_request(authority.id), Disposition.ACTIVE, "")
        store.requests.resolve(row, Disposition.FAILED, "Failed for LOCAL\\root", 1, NOW)
        for attempt in attempts(store, row):
            with pytest.raises(Refused):
                attempt()
        with pytest.raises(ValueError, match="ISSUED"):
            store.requests.resolve(row, Disposition.ISSUED, "", 0, NOW)
        assert store.requests.get(row).disposition_message == "Failed for LOCAL\\root"


def attempts(store: Transaction, row: RequestId) -> list[Callable[[], None]]:
    reason = RevocationReason.UNSPECIFIED
    return [
        lambda: store.requests.reserve_serial(row, "0a", "WebServer"),
        lambda: store.requests.issue(row, a_certificate(10), NOW, ""),
        lambda: store.requests.resolve(row, Disposition.FAILED, "", 0, NOW),
        lambda: store.requests.revoke(row, reason, NOW, NOW, ""),
        lambda: store.requests.unrevoke(row, "", NOW),
    ]


def test_what_does_not_exist_is_said_so(database: Database, authority: Authority) -> None:
    nothing = RequestId(77)
    with database.write() as store:
        lookups: list[Callable[[], object]] = [
            *attempts(store, nothing),
            lambda: store.requests.get(nothing),
            lambda: store.requests.raw_request(nothing),
            lambda: store.requests.attributes(nothing),
            lambda: store.requests.submit(a_request(AuthorityId(99)), Disposition.ACTIVE, ""),
        ]
        for lookup in lookups:
            with pytest.raises(NotFound):
                lookup()
        assert store.requests.by_serial(authority.id, "0a") is None


def test_revoking_and_taking_back(database: Database, authority: Authority) -> None:
    hold, compromise = RevocationReason.CERTIFICATE_HOLD, RevocationReason.KEY_COMPROMISE
    with database.write() as store:
        row = issued(store, authority, 5)
        store.requests.revoke(row, hold, NOW, NOW + HOUR, "Revoked by LOCAL\\root")
        found = store.requests.get(row)
        assert found.disposition is Disposition.REVOKED
        assert (found.revoked_reason, found.revoked_when) == (hold, NOW)
        assert found.revoked_effective_when == NOW + HOUR
        store.requests.unrevoke(row, "Revoked by LOCAL\\root", NOW)
        found = store.requests.get(row)
        assert (found.disposition, found.revoked_reason) == (Disposition.ISSUED, None)
        store.requests.revoke(row, compromise, NOW, NOW, "")
        with pytest.raises(Refused):
            store.requests.unrevoke(row, "", NOW)
        store.requests.revoke(row, RevocationReason.SUPERSEDED, NOW, NOW - DAY, "")
        assert store.requests.get(row).revoked_reason is RevocationReason.SUPERSEDED


def test_a_crl_lists_what_is_revoked_in_effect_and_not_long_expired(
    database: Database, authority: Authority
) -> None:
    reason = RevocationReason.SUPERSEDED
    end = a_certificate(1).not_after
    with database.write() as store:
        first, second, third = (issued(store, authority, serial) for serial in (1, 2, 2**127))
        store.requests.revoke(first, reason, NOW, NOW, "")
        store.requests.revoke(second, reason, NOW, NOW + DAY, "")
        assert third
    with database.read() as store:
        none = timedelta(0)
        one = RevokedEntry(1, NOW, reason)
        two = RevokedEntry(2, NOW + DAY, reason)
        assert store.requests.revoked(authority.id, NOW, none) == [one]
        assert store.requests.revoked(authority.id, NOW + DAY, none) == [one, two]
        assert store.requests.revoked(authority.id, end, none) == [one, two]
        assert store.requests.revoked(authority.id, end + HOUR, none) == []
        assert store.requests.revoked(authority.id, end + HOUR, HOUR) == [one, two]
        assert store.requests.revoked(AuthorityId(authority.id + 1), NOW, none) == []


def test_the_ca_certificate_keeps_its_disposition(database: Database, authority: Authority) -> None:
    with database.write() as store:
        row = store.requests.submit(a_request(authority.id), Disposition.CA_CERTIFICATE, "")
        store.requests.reserve_serial(row, "11", "CA")
        store.requests.issue(row, a_certificate(17), NOW, "Issued")
        found = store.requests.get(row)
        assert (found.disposition, found.serial_number) == (Disposition.CA_CERTIFICATE, "11")
        assert store.requests.unfinished(authority.id) == ()
        with pytest.raises(Refused, match="already"):
            store.requests.issue(row, a_certificate(17), NOW, "Issued")


def test_changes_of_a_status_name_the_certificate(database: Database, authority: Authority) -> None:
    received: list[Change] = []
    database.feed.subscribe(received.extend)
    with database.write() as store:
        row = issued(store, authority, 0xABC)
        store.requests.revoke(row, RevocationReason.CERTIFICATE_HOLD, NOW, NOW, "")
        store.requests.unrevoke(row, "", NOW)
    status = f"{authority.id}:0abc"
    keys = [str(row), str(row), status, status, status]
    wait_until(lambda: len(received) >= len(keys))
    assert received == [Change(n, Entity.REQUEST, key) for n, key in enumerate(keys, start=2)]


DIE_AFTER_THE_PROMISE = """
import os, signal, sys
from pathlib import Path
from app.domain.clock import SystemClock
from app.domain.ids import AuthorityId
from app.domain.requests import Disposition
from app.store.database import open_database
from tests.store.records import NOW, a_certificate, a_request

database = open_database(Path(sys.argv[1]), SystemClock())
with database.write() as store:
    row = store.requests.submit(a_request(AuthorityId(1)), Disposition.ACTIVE, "")
    store.requests.reserve_serial(row, "beef", "WebServer")
with database.write() as store:
    store.requests.issue(row, a_certificate(0xBEEF), NOW, "Issued")
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL")
def test_a_killed_process_leaves_the_promise_and_nothing_more(
    home: Path, database: Database, authority: Authority
) -> None:
    command = [sys.executable, "-c", DIE_AFTER_THE_PROMISE, str(home)]
    assert subprocess.run(command, check=False).returncode == -signal.SIGKILL
    with database.write() as store:
        (row,) = store.requests.unfinished(authority.id)
        assert (row.serial_number, row.disposition) == ("beef", Disposition.ACTIVE)
        with pytest.raises(NotFound):
            store.requests.raw_certificate(row.id)
        store.requests.issue(row.id, a_certificate(0xBEEF), NOW, "Issued")
    again = open_database(home, SetClock())
    with again.read() as store:
        assert store.requests.unfinished(authority.id) == ()
        found = store.requests.by_serial(authority.id, "beef")
        assert found is not None
        assert found.disposition is Disposition.ISSUED
    again.close()

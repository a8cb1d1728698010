"""What the responder is told of a serial."""

from __future__ import annotations

import sqlite3
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from app.domain.errors import EnvironmentFault
from app.domain.ids import AuthorityId
from app.domain.requests import Disposition, RevocationReason
from app.domain.responder import CertificateStatus, RevocationSource, StatusAnswer
from app.store.engine import connect
from app.store.revocation import _STATUS, DatabaseRevocationSource
from tests.store.records import HOUR, NOW, a_certificate, a_request
from tests.store.test_requests import issued

if TYPE_CHECKING:
    from collections.abc import Iterator

    from app.domain.authorities import Authority
    from app.store.database import Database

GOOD = StatusAnswer(CertificateStatus.GOOD)
UNKNOWN = StatusAnswer(CertificateStatus.UNKNOWN)


@pytest.fixture
def source(database: Database) -> Iterator[DatabaseRevocationSource]:
    made = database.revocation_source()
    as_the_responder_sees_it: RevocationSource = made
    assert as_the_responder_sees_it.position() == 0
    yield made
    made.close()


def test_the_life_of_a_certificate(
    database: Database, source: DatabaseRevocationSource, authority: Authority
) -> None:
    reason = RevocationReason.KEY_COMPROMISE
    with database.write() as store:
        row = store.requests.submit(a_request(authority.id), Disposition.ACTIVE, "")
        store.requests.reserve_serial(row, "0abc", "WebServer")
    assert source.status(authority.id, 0xABC, NOW) == UNKNOWN
    with database.write() as store:
        store.requests.issue(row, a_certificate(0xABC), NOW, "Issued")
    assert source.status(authority.id, 0xABC, NOW) == GOOD
    assert source.status(authority.id, 0xABC, a_certificate(1).not_after + HOUR) == GOOD
    with database.write() as store:
        store.requests.revoke(row, reason, NOW, NOW + HOUR, "")
    until = StatusAnswer(CertificateStatus.GOOD, changes_at=NOW + HOUR)
    assert source.status(authority.id, 0xABC, NOW) == until
    revoked = StatusAnswer(CertificateStatus.REVOKED, NOW + HOUR, reason)
    assert source.status(authority.id, 0xABC, NOW + HOUR) == revoked


def test_serials_that_are_not_ours(
    database: Database, source: DatabaseRevocationSource, authority: Authority
) -> None:
    with database.write() as store:
        issued(store, authority, 2**159 - 1)
        failed = store.requests.submit(a_request(authority.id), Disposition.ACTIVE, "")
        store.requests.reserve_serial(failed, "07", "WebServer")
        store.requests.resolve(failed, Disposition.FAILED, "", 1, NOW)
    assert source.status(authority.id, 2**159 - 1, NOW) == GOOD
    assert source.status(AuthorityId(authority.id + 1), 2**159 - 1, NOW) == UNKNOWN
    for serial in (0, 7, -1, -(2**80), 2**4000):
        assert source.status(authority.id, serial, NOW) == UNKNOWN


def test_the_position_is_that_of_the_status(
    database: Database, source: DatabaseRevocationSource, authority: Authority
) -> None:
    with database.write() as store:
        row = issued(store, authority, 1)
        store.requests.revoke(row, RevocationReason.UNSPECIFIED, NOW, NOW, "")
    with database.read() as store:
        here = store.position()
    position, answer = source.status_and_position(authority.id, 1, NOW)
    assert (position, answer.status) == (here, CertificateStatus.REVOKED)
    assert source.position() == here


def test_many_threads_ask_while_another_writes(
    database: Database, source: DatabaseRevocationSource, authority: Authority
) -> None:
    start = threading.Barrier(5)
    with database.write() as store:
        row = issued(store, authority, 1)
        before = store.position()

    def ask() -> list[tuple[int, StatusAnswer]]:
        start.wait()
        return [source.status_and_position(authority.id, 1, NOW) for _ in range(300)]

    with ThreadPoolExecutor(4) as pool:
        asked = [pool.submit(ask) for _ in range(4)]
        start.wait()
        with database.write() as store:
            store.requests.revoke(row, RevocationReason.UNSPECIFIED, NOW, NOW, "")
            revoked_at = store.position()
        answers = [answer for future in asked for answer in future.result()]
    assert revoked_at > before
    for position, answer in answers:
        is_revoked = answer.status is CertificateStatus.REVOKED
        assert is_revoked == (position > revoked_at)


def test_the_status_is_found_by_the_unique_index(database: Database) -> None:
    with closing(connect(database.path, read_only=True)) as connection:
        plan = connection.execute(f"EXPLAIN QUERY PLAN {_STATUS}", (1, "0a")).fetchall()
    steps = " ".join(str(step[3]) for step in plan)
    assert "sqlite_autoindex_request" in steps
    assert "authority_id=? AND serial_number=?" in steps


def test_a_damaged_database_is_said_so(database: Database) -> None:
    with closing(sqlite3.connect(database.path)) as connection:
        connection.execute("DROP TABLE change_counter")
    source = database.revocation_source()
    with pytest.raises(EnvironmentFault, match="could not be used"):
        source.position()
    with pytest.raises(EnvironmentFault):
        source.status(AuthorityId(1), 1, NOW)
    source.close()
    with pytest.raises(RuntimeError), ThreadPoolExecutor(1) as pool:
        pool.submit(source.position).result()

"""Lists of a hundred thousand rows as ids and pages, and the indexes behind hot lookups."""

from __future__ import annotations

import random
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import event, insert

from app.domain.requests import Disposition, RequestQuery, RequestSort, RevocationReason
from app.store import schema
from app.store.database import Database, open_database
from app.store.requests import _NOTHING_ISSUED
from tests.store.records import HOUR, NOW, SetClock, an_authority

if TYPE_CHECKING:
    from collections.abc import Iterator

    from app.domain.authorities import Authority
    from app.domain.ids import AuthorityId

ROWS = 100_000


def many(authority_id: AuthorityId) -> Iterator[dict[str, object]]:
    randomness = random.Random(7)  # noqa: S311 - the same rows every time
    empty = {f"request_{name}": "" for name in schema.NAME_COLUMNS}
    for number in range(ROWS):
        revoked = number % 100 == 0
        yield {
            **_NOTHING_ISSUED,
            **empty,
            "authority_id": authority_id,
            "disposition": Disposition.REVOKED if revoked else Disposition.ISSUED,
            "disposition_message": "Issued",
            "status_code": 0,
            "submitted_when": NOW,
            "requester_name": f"LOCAL\\user{number % 50}",
            "caller_name": "LOCAL\\root",
            "template": "WebServer",
            "common_name": f"host{randomness.randrange(ROWS):06}",
            "serial_number": f"{randomness.getrandbits(120):030x}",
            "not_after": NOW + HOUR * randomness.randrange(10_000),
            "revoked_effective_when": NOW if revoked else None,
            "revoked_reason": RevocationReason.SUPERSEDED if revoked else None,
        }


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Database, Authority]]:
    database = open_database(tmp_path_factory.mktemp("filled"), SetClock())
    with database.write() as store:
        authority = store.authorities.add(an_authority())
    with database._writer.begin() as connection:
        connection.execute(insert(schema.request), list(many(authority.id)))
    yield database, authority
    database.close()


@pytest.mark.parametrize("sort", RequestSort)
@pytest.mark.parametrize("descending", [False, True])
def test_a_list_in_any_order(
    filled: tuple[Database, Authority], sort: RequestSort, descending: bool
) -> None:
    database, authority = filled
    query = RequestQuery(
        authority_id=authority.id,
        dispositions=frozenset({Disposition.REVOKED}),
        sort=sort,
        descending=descending,
    )
    with database.read() as store:
        ids = store.requests.ids(query)
        rows = store.requests.page(ids)
    assert [row.id for row in rows] == list(ids)
    assert len(ids) == ROWS // 100
    if sort is RequestSort.NOT_AFTER:
        keys = [(row.not_after, row.id) for row in rows if row.not_after]
    else:
        keys = [(NOW, row.id) for row in rows] if sort is RequestSort.ID else []
    assert keys == sorted(keys, reverse=descending)


def test_a_long_list_is_counted_and_paged_anywhere(filled: tuple[Database, Authority]) -> None:
    database, authority = filled
    query = RequestQuery(authority_id=authority.id, sort=RequestSort.COMMON_NAME)
    with database.read() as store:
        ids = store.requests.ids(query)
        assert store.requests.count(query) == len(ids) == ROWS
        assert (ids.typecode, len(set(ids))) == ("q", ROWS)
        page = store.requests.page([*ids[50_000:50_200], -1])
    assert [row.id for row in page] == list(ids[50_000:50_200])


def test_text_is_looked_for_in_four_columns_and_taken_literally(
    filled: tuple[Database, Authority],
) -> None:
    database, authority = filled
    with database.read() as store:
        (some,) = store.requests.page([4711])
        for text, least, most in (
            (some.serial_number[5:25].upper(), 1, 1),
            ("USER7", ROWS // 50, ROWS // 50),
            ("webserver", ROWS, ROWS),
            ("host00001", 1, 100),
            ("100%", 0, 0),
            ("us_r", 0, 0),
            ("", ROWS, ROWS),
        ):
            query = RequestQuery(authority_id=authority.id, text=text)
            assert least <= store.requests.count(query) <= most, text


def test_hot_lookups_use_indexes(filled: tuple[Database, Authority]) -> None:
    database, authority = filled
    asked: list[tuple[str, Any]] = []

    @event.listens_for(database._reader, "before_cursor_execute")
    def _note(*call: object) -> None:
        asked.append((str(call[2]), call[3]))

    issued = frozenset({Disposition.ISSUED})
    with database.read() as store:
        store.requests.by_serial(authority.id, "0a")
        store.requests.unfinished(authority.id)
        store.requests.revoked(authority.id, NOW, HOUR)
        store.crls.latest(authority.id)
        store.authorities.by_name("x")
        store.templates.get("x")
        for sort in (RequestSort.ID, RequestSort.COMMON_NAME, RequestSort.NOT_AFTER):
            query = RequestQuery(authority_id=authority.id, dispositions=issued, sort=sort)
            store.requests.ids(query)
    event.remove(database._reader, "before_cursor_execute", _note)
    queries = [(text, values) for text, values in asked if text.startswith("SELECT")]
    assert len(queries) == 9
    with closing(sqlite3.connect(database.path)) as connection:
        for text, values in queries:
            plan = connection.execute(f"EXPLAIN QUERY PLAN {text}", values).fetchall()
            steps = [str(step[3]) for step in plan]
            # What a CRL lists is few rows of many, so that sorting them is the cheaper way.
            if "not_after >=" in text:
                assert steps.pop() == "USE TEMP B-TREE FOR ORDER BY"
            assert all(step.startswith("SEARCH") for step in steps), (text, steps)

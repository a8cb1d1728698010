"""Requests and certificates of the certification authorities: what is listed."""

from __future__ import annotations

from array import array
from itertools import islice
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, or_, select

from app.domain.requests import (
    Disposition,
    NameColumns,
    RequestQuery,
    RequestRow,
    RequestSort,
    RevokedEntry,
)
from app.store.schema import NAME_COLUMNS, request

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime, timedelta

    from sqlalchemy import ColumnElement

    from app.domain.ids import AuthorityId
    from app.store.statements import Statements

_SORT_COLUMNS = {
    RequestSort.ID: request.c.id,
    RequestSort.COMMON_NAME: request.c.common_name,
    RequestSort.REQUESTER: request.c.requester_name,
    RequestSort.TEMPLATE: request.c.template,
    RequestSort.SERIAL_NUMBER: request.c.serial_number,
    RequestSort.SUBMITTED: request.c.submitted_when,
    RequestSort.RESOLVED: request.c.resolved_when,
    RequestSort.NOT_BEFORE: request.c.not_before,
    RequestSort.NOT_AFTER: request.c.not_after,
    RequestSort.REVOKED: request.c.revoked_when,
    RequestSort.REVOKED_EFFECTIVE: request.c.revoked_effective_when,
    RequestSort.REVOKED_REASON: request.c.revoked_reason,
    RequestSort.DISPOSITION: request.c.disposition,
}
_SEARCHED = (
    request.c.common_name,
    request.c.requester_name,
    request.c.serial_number,
    request.c.template,
)
# Below the number of parameters that any build of SQLite takes in one statement.
_IDS_AT_ONCE = 900


class RequestLists:
    """Reads lists as ids and pages, so that a view of a million rows loads what it shows."""

    def __init__(self, statements: Statements) -> None:
        self._statements = statements

    def ids(self, query: RequestQuery) -> array[int]:
        """The ids of all rows that a list shows, in its order."""
        column = _SORT_COLUMNS[query.sort]
        keys = (column,) if column is request.c.id else (column, request.c.id)
        order = [key.desc() if query.descending else key.asc() for key in keys]
        statement = select(request.c.id).where(*_conditions(query)).order_by(*order)
        return array("q", self._statements.run(statement).scalars())

    def count(self, query: RequestQuery) -> int:
        """How many rows a list shows."""
        statement = select(func.count()).select_from(request).where(*_conditions(query))
        return int(self._statements.run(statement).scalar_one())

    def page(self, ids: Iterable[int]) -> tuple[RequestRow, ...]:
        """The rows of these ids in their order; ids without a row are left out."""
        wanted = iter(ids)
        found: list[RequestRow] = []
        while some := list(islice(wanted, _IDS_AT_ONCE)):
            rows = self._statements.rows(select(request).where(request.c.id.in_(some)))
            by_id = {row["id"]: row for row in rows}
            found.extend(to_request_row(by_id[key]) for key in some if key in by_id)
        return tuple(found)

    def revoked(
        self, authority_id: AuthorityId, at: datetime, keep_expired: timedelta
    ) -> list[RevokedEntry]:
        """What a CRL made at that time lists, in the order of the rows.

        Args:
            authority_id: the CA.
            at: revocations that take effect later are left out.
            keep_expired: how long certificates stay listed after their end.
        """
        statement = (
            select(
                request.c.serial_number,
                request.c.revoked_effective_when,
                request.c.revoked_reason,
            )
            .where(
                request.c.authority_id == authority_id,
                request.c.disposition == Disposition.REVOKED,
                request.c.revoked_effective_when <= at,
                request.c.not_after >= at - keep_expired,
            )
            .order_by(request.c.id)
        )
        return [
            RevokedEntry(
                int(row["serial_number"], 16), row["revoked_effective_when"], row["revoked_reason"]
            )
            for row in self._statements.rows(statement)
        ]

    def unfinished(self, authority_id: AuthorityId) -> tuple[RequestRow, ...]:
        """Rows whose serial was promised and that were neither issued nor given up."""
        statement = (
            select(request)
            .where(
                request.c.authority_id == authority_id,
                request.c.disposition == Disposition.ACTIVE,
                request.c.serial_number.is_not(None),
            )
            .order_by(request.c.id)
        )
        return tuple(to_request_row(row) for row in self._statements.rows(statement))


def _conditions(query: RequestQuery) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = [request.c.authority_id == query.authority_id]
    if query.dispositions:
        conditions.append(request.c.disposition.in_(sorted(query.dispositions)))
    if query.text:
        contained = (column.contains(query.text, autoescape=True) for column in _SEARCHED)
        conditions.append(or_(*contained))
    return conditions


def to_request_row(row: Mapping[Any, Any]) -> RequestRow:
    """The record of a row of the table of requests."""
    names = {
        side: NameColumns(**{name: row[f"{side}_{name}"] for name in NAME_COLUMNS})
        for side in ("request", "issued")
    }
    plain = {name: row[name] for name in _PLAIN_COLUMNS}
    plain["serial_number"] = row["serial_number"] or ""
    return RequestRow(request_name=names["request"], issued_name=names["issued"], **plain)


_PLAIN_COLUMNS = (
    "id",
    "authority_id",
    "disposition",
    "disposition_message",
    "status_code",
    "submitted_when",
    "resolved_when",
    "requester_name",
    "caller_name",
    "template",
    "certificate_hash",
    "certificate_template",
    "not_before",
    "not_after",
    "subject_key_identifier",
    "public_key_sha256",
    "public_key_algorithm",
    "public_key_length",
    "revoked_when",
    "revoked_effective_when",
    "revoked_reason",
)

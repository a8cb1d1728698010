"""The lists of a certification authority's database: which rows, which columns, which order."""

from __future__ import annotations

from collections import OrderedDict
from enum import Enum
from typing import TYPE_CHECKING

from app.domain.ids import AuthorityId, RequestId
from app.domain.requests import Disposition, RequestQuery, RequestRow, RequestSort
from app.domain.status import LinkState
from app.gui.formats import grouped_hex, local_time
from app.gui.tables import Column, WindowTableModel

if TYPE_CHECKING:
    from array import array
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from app.services.backend import Backend

_REMEMBERED = 2000


class RequestList(Enum):
    """The nodes below a CA; the value is the end of the node's key."""

    REVOKED = "revoked"
    ISSUED = "issued"
    PENDING = "pending"
    FAILED = "failed"

    @property
    def title(self) -> str:
        """As the tree names it."""
        return _TITLES[self]

    @property
    def icon(self) -> str:
        """Name of its icon."""
        return self.value

    @property
    def dispositions(self) -> frozenset[Disposition]:
        """Rows in one of these states are listed; Failed Requests has the denied ones too."""
        return _DISPOSITIONS[self]

    @property
    def nothing(self) -> str:
        """What the empty list says."""
        return _NOTHING[self]


_TITLES = {
    RequestList.REVOKED: "Revoked Certificates",
    RequestList.ISSUED: "Issued Certificates",
    RequestList.PENDING: "Pending Requests",
    RequestList.FAILED: "Failed Requests",
}
_DISPOSITIONS = {
    RequestList.REVOKED: frozenset({Disposition.REVOKED}),
    RequestList.ISSUED: frozenset({Disposition.ISSUED}),
    RequestList.PENDING: frozenset({Disposition.PENDING}),
    RequestList.FAILED: frozenset({Disposition.FAILED, Disposition.DENIED}),
}
_NOTHING = {
    RequestList.REVOKED: "No certificate of this CA is revoked.",
    RequestList.ISSUED: "This CA has not issued a certificate yet.",
    RequestList.PENDING: "No request waits for a decision. "
    "Requests wait here when their template asks for the approval of a certificate manager.",
    RequestList.FAILED: "No request has failed or was denied.",
}


class RequestSource:
    """Pages of one list; called on worker threads."""

    def __init__(self, backend: Backend, authority_id: AuthorityId, kind: RequestList) -> None:
        self._backend = backend
        self._authority_id = authority_id
        self._kind = kind

    def ids(self, sort: str, descending: bool, search: str) -> array[int]:
        """Ids of all rows that match, in order; without a sort the newest first."""
        query = RequestQuery(
            authority_id=self._authority_id,
            dispositions=self._kind.dispositions,
            text=search,
            sort=RequestSort(sort) if sort else RequestSort.ID,
            descending=descending if sort else True,
        )
        return self._backend.enrollment.ids(query)

    def rows(self, ids: Sequence[int]) -> Mapping[int, RequestRow]:
        """The rows of these ids."""
        rows = self._backend.enrollment.page(tuple(RequestId(row_id) for row_id in ids))
        return {row.id: row for row in rows}


class RequestTableModel(WindowTableModel[RequestRow]):
    """While a page is read again after a change, its rows stay as they were last seen."""

    def __init__(self, *args: object, **options: object) -> None:
        super().__init__(*args, **options)  # type: ignore[arg-type]  # handed through
        self._seen: OrderedDict[int, RequestRow] = OrderedDict()

    def row_at(self, row: int) -> RequestRow | None:
        """The row, or what it was before, or None while it was never loaded."""
        fresh = super().row_at(row)
        row_id = self.id_at(row)
        if not isinstance(row_id, int):
            return fresh
        if fresh is None:
            return self._seen.get(row_id)
        self._seen[row_id] = fresh
        while len(self._seen) > _REMEMBERED:
            self._seen.popitem(last=False)
        return fresh


def subject(row: RequestRow) -> str:
    """The name that a row goes by: what was issued, else what was asked for."""
    for name in (row.issued_name, row.request_name):
        if name.common_name or name.distinguished_name:
            return name.common_name or name.distinguished_name
    return "No subject"


def moment(value: datetime | None) -> str:
    """A time for a column."""
    return local_time(value, zone=False) if value is not None else ""


def row_state(row: RequestRow, now: datetime) -> tuple[LinkState, str]:
    """State and word of a row."""
    if row.disposition is Disposition.ISSUED:
        if row.not_after is not None and row.not_after <= now:
            return LinkState.WARNING, "Expired"
        return LinkState.OK, "Issued"
    if row.disposition is Disposition.REVOKED:
        held = row.revoked_reason is not None and row.revoked_reason.label == "Certificate Hold"
        return (LinkState.WARNING, "On hold") if held else (LinkState.BAD, "Revoked")
    words = {
        Disposition.PENDING: (LinkState.UNCHECKED, "Pending"),
        Disposition.DENIED: (LinkState.WARNING, "Denied"),
    }
    return words.get(row.disposition, (LinkState.BAD, "Failed"))


_ID = Column[RequestRow](
    "id",
    "ID",
    lambda row: str(row.id),
    sort_key=RequestSort.ID,
    width=76,
)
_NAME = Column[RequestRow](
    "common_name",
    "Common Name",
    subject,
    sort_key=RequestSort.COMMON_NAME,
    width=132,
    stretch=True,
)
_REQUESTER = Column[RequestRow](
    "requester",
    "Requester Name",
    lambda row: row.requester_name,
    sort_key=RequestSort.REQUESTER,
    width=130,
)
_TEMPLATE = Column[RequestRow](
    "template",
    "Certificate Template",
    lambda row: row.certificate_template or row.template,
    sort_key=RequestSort.TEMPLATE,
    width=136,
)
_SERIAL = Column[RequestRow](
    "serial_number",
    "Serial Number",
    lambda row: grouped_hex(row.serial_number),
    sort_key=RequestSort.SERIAL_NUMBER,
    width=140,
    mono=True,
)
_EXPIRES = Column[RequestRow](
    "not_after",
    "Expiration Date",
    lambda row: moment(row.not_after),
    sort_key=RequestSort.NOT_AFTER,
    width=130,
)
_SUBMITTED = Column[RequestRow](
    "submitted",
    "Submission Date",
    lambda row: moment(row.submitted_when),
    sort_key=RequestSort.SUBMITTED,
    width=130,
)
_MESSAGE = Column[RequestRow](
    "message", "Disposition Message", lambda row: row.disposition_message, width=150, stretch=True
)
_REASON = Column[RequestRow](
    "reason",
    "Revocation Reason",
    lambda row: row.revoked_reason.label if row.revoked_reason is not None else "",
    sort_key=RequestSort.REVOKED_REASON,
    width=150,
)
_REVOKED = Column[RequestRow](
    "revoked",
    "Revocation Date",
    lambda row: moment(row.revoked_when),
    sort_key=RequestSort.REVOKED,
    width=130,
)
_REVOKED_FROM = Column[RequestRow](
    "revoked_effective",
    "Effective Revocation",
    lambda row: moment(row.revoked_effective_when),
    sort_key=RequestSort.REVOKED_EFFECTIVE,
    width=142,
)
COLUMNS = {
    RequestList.REVOKED: (_ID, _NAME, _SERIAL, _REASON, _REVOKED, _REVOKED_FROM),
    RequestList.ISSUED: (_ID, _NAME, _REQUESTER, _TEMPLATE, _SERIAL, _EXPIRES),
    RequestList.PENDING: (_ID, _NAME, _REQUESTER, _TEMPLATE, _SUBMITTED, _MESSAGE),
    RequestList.FAILED: (_ID, _NAME, _REQUESTER, _TEMPLATE, _SUBMITTED, _MESSAGE),
}

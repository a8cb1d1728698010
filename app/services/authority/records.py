"""The database of a certification authority as lists and dialogs read it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.domain.commands import command_line
from app.domain.errors import NotFound
from app.pki.certificates import describe_certificate
from app.pki.serials import parse_serial, serial_hex

if TYPE_CHECKING:
    from array import array

    from app.domain.certificates import CertificateFacts
    from app.domain.ids import AuthorityId, RequestId
    from app.domain.requests import RequestQuery, RequestRow
    from app.services.authority.context import AuthorityContext


class RequestRecords:
    """Requests and certificates of all CAs; call it from task threads."""

    def __init__(self, context: AuthorityContext) -> None:
        self._context = context

    def ids(self, query: RequestQuery) -> array[int]:
        """Ids of the rows that a list shows, in its order."""
        with self._context.database.read() as tx:
            return tx.requests.ids(query)

    def page(self, ids: tuple[RequestId, ...]) -> tuple[RequestRow, ...]:
        """Rows of these ids, in that order; ids that are gone are left out."""
        with self._context.database.read() as tx:
            return tx.requests.page(ids)

    def count(self, query: RequestQuery) -> int:
        """How many rows a list shows."""
        with self._context.database.read() as tx:
            return tx.requests.count(query)

    def row(self, request_id: RequestId) -> RequestRow:
        """One row.

        Raises:
            NotFound: there is none of that number.
        """
        with self._context.database.read() as tx:
            return tx.requests.get(request_id)

    def by_serial(self, authority_id: AuthorityId, serial: str) -> RequestRow:
        """The row with that serial number, as hex.

        Raises:
            InvalidInput: it is no serial number.
            NotFound: this CA did not issue it.
        """
        wanted = serial_hex(parse_serial(serial))
        with self._context.database.read() as tx:
            row = tx.requests.by_serial(authority_id, wanted)
            authority = tx.authorities.get(authority_id)
        if row is None:
            raise NotFound(
                f"{authority.name} has issued no certificate with the serial number {wanted}.",
                remedy="See the list: "
                + command_line("ca", "requests", "--ca", authority.name, "--state", "issued"),
            )
        return row

    def certificate(self, request_id: RequestId) -> bytes:
        """DER of the issued certificate.

        Raises:
            NotFound: nothing was issued for that request.
        """
        with self._context.database.read() as tx:
            return tx.requests.raw_certificate(request_id)

    def request(self, request_id: RequestId) -> bytes:
        """DER of the request.

        Raises:
            NotFound: there is none of that number.
        """
        with self._context.database.read() as tx:
            return tx.requests.raw_request(request_id)

    def facts(self, certificate: bytes) -> CertificateFacts:
        """What a certificate (DER) says, for the screen.

        Raises:
            InvalidInput: it cannot be read.
        """
        with self._context.database.read() as tx:
            names = {entry.oid: entry.display_name for entry in tx.templates.all()}
        return describe_certificate(certificate, names)

"""Requests and certificates of the certification authorities: what is written."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import insert, select

from app.domain.errors import InvalidInput, NameInUse, NotFound, Refused
from app.domain.events import Entity
from app.domain.ids import RequestId
from app.domain.requests import Disposition, RequestRow, RevocationReason, serial_text
from app.store.request_lists import RequestLists, to_request_row
from app.store.schema import NAME_COLUMNS, certificate_blob, request, request_blob
from app.store.statements import unique_or, unneeded_or

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from datetime import datetime

    from sqlalchemy.engine import RowMapping

    from app.domain.ids import AuthorityId
    from app.domain.requests import CertificateSide, NameColumns, RequestSide

_OPEN = frozenset({Disposition.ACTIVE, Disposition.PENDING})
_CERTIFIABLE = _OPEN | {Disposition.CA_CERTIFICATE, Disposition.DENIED}
_CERTIFIED = frozenset({Disposition.ISSUED, Disposition.REVOKED})


class Requests(RequestLists):
    """Rows of the CA's database.

    A certificate is issued in two transactions: `reserve_serial` before the signature, `issue`
    after it, so that no signature is ever made with a serial that the database does not know.
    """

    def submit(
        self, side: RequestSide, disposition: Disposition, message: str, status_code: int = 0
    ) -> RequestId:
        """Add a row for a request.

        Raises:
            NotFound: there is no such CA.
        """
        values = {
            "authority_id": side.authority_id,
            "disposition": disposition,
            "disposition_message": message,
            "status_code": status_code,
            "submitted_when": side.submitted_when,
            "requester_name": side.requester_name,
            "caller_name": side.caller_name,
            "template": side.template,
            "common_name": side.name.common_name,
            **_name_values("request", side.name),
            **_NOTHING_ISSUED,
        }
        with unneeded_or(NotFound(f"There is no certification authority {side.authority_id}.")):
            identity = RequestId(self._statements.insert(request, values))
        blob = {"raw_request": side.raw_request, "attributes": side.attributes}
        self._statements.run(insert(request_blob).values(request_id=identity, **blob))
        self._statements.changed(Entity.REQUEST, identity)
        return identity

    def reserve_serial(self, request_id: RequestId, serial_hex: str, template: str) -> None:
        """Promise a serial to an open request, which becomes active; done again, it is no error.

        Raises:
            NotFound: there is no such row.
            NameInUse: the CA has used the serial.
            Refused: the request is not open, or another serial was promised to it.
            InvalidInput: the serial is not hex.
        """
        serial = _normal_serial(serial_hex)
        row = self._in(request_id, _CERTIFIABLE, "certified")
        if row["serial_number"] not in (None, serial):
            raise Refused(f"Another serial was promised to request {request_id} already.")
        kept = row["disposition"] is Disposition.CA_CERTIFICATE
        values = {
            "serial_number": serial,
            "template": template,
            "disposition": row["disposition"] if kept else Disposition.ACTIVE,
        }
        with unique_or(NameInUse(f"The CA has used the serial number {serial} already.")):
            self._statements.update(request, request_id, values)
        self._statements.changed(Entity.REQUEST, request_id)

    def issue(
        self,
        request_id: RequestId,
        side: CertificateSide,
        resolved_when: datetime,
        message: str,
    ) -> None:
        """Keep the certificate of a request whose serial was reserved.

        The row becomes *issued*; that of a CA's own certificate stays what it is.

        Raises:
            NotFound: there is no such row.
            Refused: the request is not open, has a certificate, or another serial or none.
        """
        row = self._in(request_id, _CERTIFIABLE - {Disposition.PENDING}, "certified")
        if row["certificate_hash"]:
            raise Refused(f"Request {request_id} has a certificate already.")
        serial = _normal_serial(side.serial_number)
        if row["serial_number"] != serial:
            raise Refused(f"The serial number {serial} was not promised to request {request_id}.")
        kept = row["disposition"] is Disposition.CA_CERTIFICATE
        values = {
            "disposition": row["disposition"] if kept else Disposition.ISSUED,
            "disposition_message": message,
            "status_code": 0,
            "resolved_when": resolved_when,
            **_certificate_values(side),
        }
        if side.name.common_name:
            values["common_name"] = side.name.common_name
        self._statements.update(request, request_id, values)
        blob = {"request_id": request_id, "raw_certificate": side.raw_certificate}
        self._statements.run(insert(certificate_blob).values(blob))
        self._status_changed(row)

    def resolve(
        self,
        request_id: RequestId,
        disposition: Disposition,
        message: str,
        status_code: int,
        resolved_when: datetime | None,
    ) -> None:
        """Let an open request fail, be denied or wait.

        Raises:
            NotFound: there is no such row.
            Refused: the request is not open.
            ValueError: another disposition than these.
        """
        if disposition not in {Disposition.FAILED, Disposition.DENIED, Disposition.PENDING}:
            raise ValueError(f"A request is not resolved as {disposition!r}.")
        self._in(request_id, _OPEN, "resolved")
        values = {
            "disposition": disposition,
            "disposition_message": message,
            "status_code": status_code,
            "resolved_when": resolved_when,
        }
        self._statements.update(request, request_id, values)
        self._statements.changed(Entity.REQUEST, request_id)

    def revoke(
        self,
        request_id: RequestId,
        reason: RevocationReason,
        when: datetime,
        effective: datetime,
        message: str,
    ) -> None:
        """Revoke an issued certificate, or give a revoked one another reason or date.

        Raises:
            NotFound: there is no such row.
            Refused: the row has no certificate.
        """
        row = self._in(request_id, _CERTIFIED, "revoked")
        values = {
            "disposition": Disposition.REVOKED,
            "disposition_message": message,
            "revoked_when": when,
            "revoked_effective_when": effective,
            "revoked_reason": reason,
        }
        self._statements.update(request, request_id, values)
        self._status_changed(row)

    def unrevoke(self, request_id: RequestId, message: str, when: datetime) -> None:
        """Take back a revocation for *Certificate Hold*; the row is issued again.

        Raises:
            NotFound: there is no such row.
            Refused: it is not on hold.
        """
        row = self._in(request_id, frozenset({Disposition.REVOKED}), "unrevoked")
        if row["revoked_reason"] is not RevocationReason.CERTIFICATE_HOLD:
            raise Refused(
                "The certificate stays revoked.",
                cause="Only a revocation for Certificate Hold can be taken back.",
                remedy="Issue a new certificate instead.",
            )
        values = {
            "disposition": Disposition.ISSUED,
            "disposition_message": message,
            "resolved_when": when,
            "revoked_when": None,
            "revoked_effective_when": None,
            "revoked_reason": None,
        }
        self._statements.update(request, request_id, values)
        self._status_changed(row)

    def get(self, request_id: RequestId) -> RequestRow:
        """The row of that id.

        Raises:
            NotFound: there is none.
        """
        return to_request_row(self._row(request_id))

    def by_serial(self, authority_id: AuthorityId, serial_hex: str) -> RequestRow | None:
        """The row that a serial of a CA was promised to.

        Raises:
            InvalidInput: the serial is not hex.
        """
        query = select(request).where(
            request.c.authority_id == authority_id,
            request.c.serial_number == _normal_serial(serial_hex),
        )
        row = self._statements.row(query)
        return None if row is None else to_request_row(row)

    def raw_request(self, request_id: RequestId) -> bytes:
        """DER of the request, b"" where the CA made the certificate itself.

        Raises:
            NotFound: there is no such row.
        """
        return bytes(self._blob(request_id)["raw_request"])

    def attributes(self, request_id: RequestId) -> tuple[tuple[str, str], ...]:
        """The (name, value) pairs given with the request.

        Raises:
            NotFound: there is no such row.
        """
        attributes: tuple[tuple[str, str], ...] = self._blob(request_id)["attributes"]
        return attributes

    def raw_certificate(self, request_id: RequestId) -> bytes:
        """DER of the certificate.

        Raises:
            NotFound: there is no such row, or nothing was issued to it.
        """
        same = certificate_blob.c.request_id == request_id
        row = self._statements.row(select(certificate_blob.c.raw_certificate).where(same))
        if row is None:
            raise NotFound(f"There is no certificate of request {request_id}.")
        return bytes(row["raw_certificate"])

    def _blob(self, request_id: RequestId) -> RowMapping:
        same = request_blob.c.request_id == request_id
        row = self._statements.row(select(request_blob).where(same))
        if row is None:
            raise _no_request(request_id)
        return row

    def _row(self, request_id: RequestId) -> RowMapping:
        row = self._statements.row(select(request).where(request.c.id == request_id))
        if row is None:
            raise _no_request(request_id)
        return row

    def _in(
        self, request_id: RequestId, dispositions: Collection[Disposition], done: str
    ) -> RowMapping:
        row = self._row(request_id)
        if row["disposition"] not in dispositions:
            state = row["disposition"].name.replace("_", " ").lower()
            raise Refused(f"Request {request_id} cannot be {done}.", cause=f"Its state is {state}.")
        return row

    def _status_changed(self, row: RowMapping) -> None:
        """Announce the certificate, as the responder's cache knows it."""
        key = f"{row['authority_id']}:{row['serial_number']}"
        self._statements.changed(Entity.REQUEST, key)


_NOTHING_ISSUED: dict[str, Any] = {
    "certificate_hash": "",
    "certificate_template": "",
    "subject_key_identifier": "",
    "public_key_sha256": "",
    "public_key_algorithm": "",
    "public_key_length": 0,
    **{f"issued_{name}": "" for name in NAME_COLUMNS},
}


def _certificate_values(side: CertificateSide) -> Mapping[str, Any]:
    return {
        "certificate_hash": side.certificate_hash,
        "certificate_template": side.certificate_template,
        "not_before": side.not_before,
        "not_after": side.not_after,
        "subject_key_identifier": side.subject_key_identifier,
        "public_key_sha256": side.public_key_sha256,
        "public_key_algorithm": side.public_key_algorithm,
        "public_key_length": side.public_key_length,
        **_name_values("issued", side.name),
    }


def _name_values(prefix: str, name: NameColumns) -> Mapping[str, str]:
    return {f"{prefix}_{column}": getattr(name, column) for column in NAME_COLUMNS}


def _normal_serial(text: str) -> str:
    try:
        serial = int(text, 16)
    except ValueError as error:
        raise InvalidInput(
            f"“{text}” is not a serial number.", remedy="Write its hexadecimal digits."
        ) from error
    if serial < 0:
        raise InvalidInput(f"The serial number {text} is negative.")
    return serial_text(serial)


def _no_request(request_id: RequestId) -> NotFound:
    return NotFound(f"There is no request {request_id}.")

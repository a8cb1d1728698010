"""Revoking certificates and publishing CRLs."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import structlog
from cryptography import x509

from app.domain.authorities import Crl, LocationFlag, LocationList
from app.domain.errors import Refused, SealkeeperError
from app.domain.events import EventLevel
from app.domain.ids import AuthorityId, CrlId
from app.domain.principals import AuthorityRight
from app.domain.requests import Disposition, RevocationReason
from app.domain.services import ServiceName
from app.pki.crl import CrlTimes, build_crl, crl_times
from app.services.authority.access import require_authority_right
from app.services.authority.context import urls
from app.services.leases import lease_held

if TYPE_CHECKING:
    from app.domain.authorities import Authority
    from app.domain.requests import RequestRow
    from app.services.authority.context import AuthorityContext
    from app.services.authority.enrollment import EnrollmentService

log = structlog.get_logger()

SOURCE = "Certification Authority"
#: Longer than a CRL's signature may take, so that one writer stays one.
LEASE = timedelta(minutes=2)
#: Seconds to wait for another process that publishes for the same CA.
PATIENCE = 30.0


@dataclass(frozen=True, slots=True)
class RevokeCertificate:
    """A certificate to revoke; `serial` is hex, `effective` None means at once."""

    authority_id: AuthorityId
    serial: str
    reason: RevocationReason = RevocationReason.UNSPECIFIED
    effective: datetime | None = None


class RevocationService:
    """Revokes and publishes; call it from task threads."""

    def __init__(self, context: AuthorityContext, enrollment: EnrollmentService) -> None:
        self._context = context
        self._enrollment = enrollment
        self._publishing = threading.Lock()

    def revoke(self, request: RevokeCertificate) -> RequestRow:
        """Revoke a certificate; every responder on this database answers so within a second.

        A certificate that is revoked already may be revoked again with another reason or time,
        but not put on hold.

        Raises:
            NotFound: the CA did not issue it.
            Refused: its state or a permission says no.
        """
        row, authority = self._row(request.authority_id, request.serial)
        hold = request.reason is RevocationReason.CERTIFICATE_HOLD
        if row.disposition not in {Disposition.ISSUED, Disposition.REVOKED} or (
            hold and row.disposition is Disposition.REVOKED
        ):
            raise Refused(
                f"The certificate {row.serial_number} is {row.disposition.name.lower()}.",
                cause="Only an issued certificate can be put on hold."
                if hold
                else "Only an issued certificate can be revoked.",
            )
        now = self._context.clock.now()
        # OCSP and CRLs tell whole seconds: a fraction would make it effective a second late.
        effective = (request.effective or now).replace(microsecond=0)
        caller = self._context.caller()
        with self._context.database.write() as tx:
            tx.requests.revoke(row.id, request.reason, now, effective, f"Revoked by {caller}")
            tx.events.add(
                EventLevel.INFORMATION,
                SOURCE,
                4870,
                f"Certificate {row.serial_number} was revoked: {request.reason.label}.",
                str(caller),
                authority.name,
            )
        return self._enrollment.row(row.id)

    def unrevoke(self, authority_id: AuthorityId, serial: str) -> RequestRow:
        """Take a certificate off hold.

        Raises:
            NotFound: the CA did not issue it.
            Refused: it is not on hold, or a permission is missing.
        """
        row, authority = self._row(authority_id, serial)
        if row.revoked_reason is not RevocationReason.CERTIFICATE_HOLD:
            raise Refused(
                f"The certificate {row.serial_number} is not on hold.",
                cause="Only a certificate that was revoked with the reason Certificate Hold can be "
                "unrevoked.",
            )
        caller = self._context.caller()
        with self._context.database.write() as tx:
            tx.requests.unrevoke(row.id, f"Unrevoked by {caller}", self._context.clock.now())
            tx.events.add(
                EventLevel.INFORMATION,
                SOURCE,
                4870,
                f"Certificate {row.serial_number} was unrevoked.",
                str(caller),
                authority.name,
            )
        return self._enrollment.row(row.id)

    def crls(self, authority_id: AuthorityId) -> tuple[Crl, ...]:
        """All CRLs of the CA, newest first."""
        with self._context.database.read() as tx:
            return tx.crls.all(authority_id)

    def latest(self, authority_id: AuthorityId) -> Crl | None:
        """The CRL in force, or None."""
        with self._context.database.read() as tx:
            return tx.crls.latest(authority_id)

    def publish_crl(self, authority_id: AuthorityId) -> Crl:
        """Sign a new CRL now; it is served from `/CertEnroll/` at once.

        Raises:
            Refused: a permission is missing, or another process publishes for this CA right now.
            KeyStorageError: the CA's key could not sign.
        """
        with self._context.database.read() as tx:
            authority = tx.authorities.get(authority_id)
        self._require(authority, AuthorityRight.MANAGE_CA)
        return self._publish(authority)

    def publish_due(self) -> int:
        """Publish for every started CA whose next publication has come.

        One that fails does not keep the others from their turn.

        Returns:
            How many CRLs were published.

        Raises:
            SealkeeperError: why the last of those that failed did.
        """
        failure: SealkeeperError | None = None
        due = self._due()
        published = 0
        for authority in due:
            try:
                self._publish(authority)
                published += 1
            except SealkeeperError as error:
                log.warning("a CRL is late", authority=authority.name, error=error.one_line())
                failure = error
        if failure is not None:
            raise failure
        return published

    def _due(self) -> list[Authority]:
        now = self._context.clock.now()
        with self._context.database.read() as tx:
            if not tx.services.get(ServiceName.CERTIFICATION_AUTHORITY).started:
                return []
            started = [ca for ca in tx.authorities.all() if ca.started]
            latest = {ca.id: tx.crls.latest(ca.id) for ca in started}
        due = [ca for ca in started if (crl := latest[ca.id]) is None or crl.next_publish <= now]
        # The last CRL of a CA lasts until the CA ends; there is none after it.
        return [ca for ca in due if now < _end(ca)]

    def _publish(self, authority: Authority) -> Crl:
        busy = f"Another process is publishing a CRL for {authority.name}."
        lease = f"crl/{authority.id}"
        with (
            self._publishing,
            lease_held(self._context.database, lease, LEASE, PATIENCE, busy),
        ):
            return self._sign(authority)

    def _sign(self, authority: Authority) -> Crl:
        now = self._context.clock.now()
        issuer = x509.load_der_x509_certificate(authority.certificate)
        times = crl_times(
            now, authority.crl, issuer.not_valid_before_utc, issuer.not_valid_after_utc
        )
        with self._context.database.read() as tx:
            previous = tx.crls.latest(authority.id)
            number = tx.crls.next_number(authority.id)
            keep = now - previous.this_update if previous else timedelta(0)
            entries = tx.requests.revoked(authority.id, now, keep_expired=keep)
        if previous is not None and now < previous.this_update:
            raise Refused(
                f"{authority.name} does not sign a CRL older than its last one.",
                cause="The clock of this machine was set back.",
                remedy="Correct the clock.",
            )
        raw = build_crl(
            entries,
            number,
            times,
            authority.certificate,
            self._context.signing_key(authority),
            authority.hash_algorithm,
        )
        return self._record(authority, number, len(entries), times, raw)

    def _record(
        self, authority: Authority, number: int, count: int, times: CrlTimes, raw: bytes
    ) -> Crl:
        served = urls(authority, LocationList.CDP, LocationFlag.IN_CERTIFICATE_CDP_OR_AIA)
        with self._context.database.write() as tx:
            crl = tx.crls.add(
                Crl(
                    id=CrlId(0),
                    authority_id=authority.id,
                    key_index=authority.key_index,
                    number=number,
                    count=count,
                    this_update=times.this_update,
                    next_update=times.next_update,
                    next_publish=times.next_publish,
                    raw=raw,
                    publish_results=tuple((url, "served") for url in served),
                )
            )
            tx.events.add(
                EventLevel.INFORMATION,
                SOURCE,
                4872,
                f"CRL {number} was published, entries: {count}; the next is due "
                f"{times.next_publish:%Y-%m-%d %H:%M} UTC.",
                str(self._context.caller()),
                authority.name,
            )
        return crl

    def _row(self, authority_id: AuthorityId, serial: str) -> tuple[RequestRow, Authority]:
        with self._context.database.read() as tx:
            authority = tx.authorities.get(authority_id)
        self._require(authority, AuthorityRight.ISSUE_AND_MANAGE_CERTIFICATES)
        return self._enrollment.by_serial(authority_id, serial), authority

    def _require(self, authority: Authority, right: AuthorityRight) -> None:
        require_authority_right(self._context.directory, authority, self._context.caller(), right)


def _end(authority: Authority) -> datetime:
    return x509.load_der_x509_certificate(authority.certificate).not_valid_after_utc

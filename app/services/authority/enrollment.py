"""Requests: submitting, issuing, denying, and what a crash left."""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from app.domain.authorities import LocationFlag, LocationList
from app.domain.commands import command_line
from app.domain.errors import Refused, SealkeeperError, UnknownTemplate
from app.domain.events import EventLevel
from app.domain.ids import AuthorityId
from app.domain.principals import AccountName, AuthorityRight
from app.domain.requests import CertificateSide, Disposition, RequestRow, RequestSide
from app.domain.templates import SubjectSource, Template
from app.pki.certificates import build_certificate, certificate_side
from app.pki.names import name_columns
from app.pki.profile import AuthorityFacts, build_profile
from app.pki.requests import ParsedRequest, parse_request
from app.pki.serials import new_serial, serial_hex
from app.pki.subjects import BuiltSubject
from app.services.authority.access import (
    authority_rights,
    require_authority_right,
    require_enroll,
)
from app.services.authority.context import require_started, urls
from app.services.authority.records import RequestRecords

if TYPE_CHECKING:
    from app.domain.authorities import Authority
    from app.domain.ids import RequestId
    from app.pki.profile import IssuanceProfile
    from app.store.database import Transaction

SOURCE = "Certification Authority"
#: A request that has been active for this long belongs to a process that is no more.
ABANDONED_AFTER = timedelta(minutes=10)
#: HRESULTs that AD CS stores in Request.StatusCode.
CERTSRV_E_TEMPLATE_DENIED = 0x80094012
#: Received, denied, pending.
_EVENT_NUMBERS = {
    Disposition.ACTIVE: 4886,
    Disposition.DENIED: 4888,
    Disposition.PENDING: 4889,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class SubmitRequest:
    """A PKCS#10 for a CA.

    Attributes:
        request: PEM or DER.
        attributes: as certreq's -attrib gives them, such as ("CertificateTemplate", "WebServer").
        template: template name; "" takes it from the attributes, then from the request itself.
        requester: who wants the certificate; None is the caller.
    """

    authority_id: AuthorityId
    request: bytes
    attributes: tuple[tuple[str, str], ...] = ()
    template: str = ""
    requester: AccountName | None = None


@dataclass(frozen=True, slots=True)
class Submission:
    """What became of a request; `certificate` is DER, None while it is pending."""

    row: RequestRow
    certificate: bytes | None


@dataclass(frozen=True, slots=True)
class _Asked:
    """A request after its first look: what was given, and what it turned out to mean."""

    request: SubmitRequest
    parsed: ParsedRequest
    template: Template
    requester: AccountName


class EnrollmentService(RequestRecords):
    """Takes requests and issues certificates; call it from task threads."""

    def submit(self, request: SubmitRequest) -> Submission:
        """Check the request against template and permissions, and issue or put it aside.

        A request that cannot be read, or that names no template of this CA, changes nothing. One
        that is refused by permission or by a rule of the template is recorded as denied.

        Raises:
            InvalidRequest: it cannot be parsed or its signature is wrong.
            UnknownTemplate: no such template, or this CA does not issue it.
            Refused: the CA is stopped, a permission is missing, or a rule says no.
            KeyStorageError: the CA's key could not sign; the request is recorded as failed.
        """
        with self._context.database.read() as tx:
            authority = tx.authorities.get(request.authority_id)
            require_started(tx, authority)
        parsed = parse_request(request.request)
        template = self._template(authority, request, parsed)
        requester = request.requester or self._context.caller()
        asked = _Asked(request, parsed, template, requester)
        try:
            self._require_rights(authority, template, requester)
            profile = self._profile(authority, asked)
        except Refused as error:
            message = f"Denied by policy module: {error.message}"
            self._record(asked, Disposition.DENIED, message, CERTSRV_E_TEMPLATE_DENIED)
            raise
        if template.manager_approval:
            request_id = self._record(asked, Disposition.PENDING, "Taken Under Submission")
            return Submission(self.row(request_id), None)
        request_id = self._record(asked, Disposition.ACTIVE, "Being issued")
        return self._issue(authority, request_id, profile, parsed, f"Requested by {requester}")

    def require_acceptance(
        self, authority: Authority, template: Template, requester: AccountName
    ) -> None:
        """Pass when a request of that account for that template would not be turned away.

        Raises:
            UnknownTemplate: the CA does not issue it.
            Refused: the CA is stopped, or a permission is missing.
        """
        with self._context.database.read() as tx:
            require_started(tx, authority)
        _require_issued(authority, template)
        self._require_rights(authority, template, requester)

    def issue(self, request_id: RequestId) -> Submission:
        """Issue a pending or denied request.

        Raises:
            Refused: it is in another state, a permission is missing, or a rule says no.
        """
        row, authority = self._row_for_officer(request_id)
        if row.disposition not in {Disposition.PENDING, Disposition.DENIED}:
            raise Refused(
                f"Request {request_id} is {row.disposition.name.lower()}.",
                remedy="Only pending and denied requests can be issued.",
            )
        with self._context.database.read() as tx:
            require_started(tx, authority)
            template = tx.templates.get(row.template)
            raw = tx.requests.raw_request(request_id)
        if template is None:
            raise UnknownTemplate(f"There is no certificate template “{row.template}” any more.")
        requester = AccountName.parse(row.requester_name, self._context.directory.domain)
        request = SubmitRequest(authority_id=authority.id, request=raw)
        parsed = parse_request(raw)
        profile = self._profile(authority, _Asked(request, parsed, template, requester))
        caller = self._context.caller()
        return self._issue(authority, request_id, profile, parsed, f"Resubmitted by {caller}")

    def deny(self, request_id: RequestId) -> RequestRow:
        """Deny a pending request.

        Raises:
            Refused: it is not pending, or a permission is missing.
        """
        row, authority = self._row_for_officer(request_id)
        if row.disposition is not Disposition.PENDING:
            raise Refused(
                f"Request {request_id} is {row.disposition.name.lower()}.",
                remedy="Only pending requests can be denied.",
            )
        caller = self._context.caller()
        with self._context.database.write() as tx:
            tx.requests.resolve(
                request_id,
                Disposition.DENIED,
                f"Denied by {caller}",
                0,
                self._context.clock.now(),
            )
            self._event(tx, 4868, f"Request {request_id} was denied.", authority.name)
        return self.row(request_id)

    def recover(self) -> int:
        """Fail what an earlier process left between reservation and certificate.

        Its serial stays reserved for ever, so that no second certificate can bear it.

        Returns:
            How many requests were failed.
        """
        now = self._context.clock.now()
        count = 0
        with self._context.database.write() as tx:
            for authority in tx.authorities.all():
                for row in tx.requests.unfinished(authority.id):
                    if row.submitted_when > now - ABANDONED_AFTER:
                        continue
                    message = "Interrupted before the certificate was delivered"
                    tx.requests.resolve(row.id, Disposition.FAILED, message, 0, now)
                    self._event(tx, 4888, f"Request {row.id}: {message}.", authority.name)
                    count += 1
        return count

    # --- parts ----------------------------------------------------------------------------------

    def _row_for_officer(self, request_id: RequestId) -> tuple[RequestRow, Authority]:
        with self._context.database.read() as tx:
            row = tx.requests.get(request_id)
            authority = tx.authorities.get(row.authority_id)
        require_authority_right(
            self._context.directory,
            authority,
            self._context.caller(),
            AuthorityRight.ISSUE_AND_MANAGE_CERTIFICATES,
        )
        return row, authority

    def _template(
        self, authority: Authority, request: SubmitRequest, parsed: ParsedRequest
    ) -> Template:
        attributes = {name.casefold(): value for name, value in request.attributes}
        wanted = (
            request.template
            or attributes.get("certificatetemplate", "")
            or parsed.template_name
            or parsed.template_oid
        )
        issued = ", ".join(authority.templates) or "none yet"
        if not wanted:
            raise UnknownTemplate(
                "The request does not say which certificate template it is for.",
                remedy=f'Name one: --attrib "CertificateTemplate:…". {authority.name} issues: '
                f"{issued}.",
            )
        with self._context.database.read() as tx:
            by_oid = {entry.oid: entry for entry in tx.templates.all()}
            template = tx.templates.get(wanted) or by_oid.get(wanted)
        if template is None:
            raise UnknownTemplate(
                f"There is no certificate template “{wanted}”.",
                remedy=f"{authority.name} issues: {issued}.",
            )
        _require_issued(authority, template)
        return template

    def _require_rights(
        self, authority: Authority, template: Template, requester: AccountName
    ) -> None:
        rights = authority_rights(self._context.directory, authority.permissions, requester)
        if AuthorityRight.REQUEST_CERTIFICATES not in rights:
            raise Refused(
                f"{requester} may not request certificates from {authority.name}.",
                cause="The permission “Request Certificates” is missing on the CA.",
                remedy="Grant it: "
                + command_line(
                    *("ca", "permit", "--ca", authority.name),
                    *(str(requester), "+request-certificates"),
                ),
            )
        require_enroll(self._context.directory, template, requester)

    def _profile(self, authority: Authority, asked: _Asked) -> IssuanceProfile:
        built = None
        if asked.template.subject_source is SubjectSource.BUILD_FROM_DIRECTORY:
            built = self._built_subject(asked.requester)
        certificate_flag = LocationFlag.IN_CERTIFICATE_CDP_OR_AIA
        facts = AuthorityFacts(
            certificate=authority.certificate,
            maximum_validity=authority.maximum_validity,
            cdp_urls=urls(authority, LocationList.CDP, certificate_flag),
            aia_urls=urls(authority, LocationList.AIA, certificate_flag),
            ocsp_urls=urls(authority, LocationList.AIA, LocationFlag.IN_OCSP),
        )
        return build_profile(asked.template, asked.parsed, built, facts, self._context.clock.now())

    def _built_subject(self, requester: AccountName) -> BuiltSubject:
        """What the directory knows of a requester."""
        directory = self._context.directory
        if requester.name.endswith("$"):
            name = requester.name.removesuffix("$").lower()
            return BuiltSubject(common_name=name, dns_names=(name,))
        return BuiltSubject(
            common_name=requester.name,
            upns=(f"{requester.name}@{requester.domain.lower()}",),
            distinguished_name=f"CN={_escaped(requester.name)},CN=Users,"
            f"DC={directory.domain.lower()}",
        )

    def _record(
        self, asked: _Asked, disposition: Disposition, message: str, status_code: int = 0
    ) -> RequestId:
        side = RequestSide(
            authority_id=asked.request.authority_id,
            raw_request=asked.parsed.der,
            attributes=asked.request.attributes,
            template=asked.template.name,
            requester_name=str(asked.requester),
            caller_name=str(self._context.caller()),
            submitted_when=self._context.clock.now(),
            name=name_columns(asked.parsed.subject),
        )
        with self._context.database.write() as tx:
            request_id = tx.requests.submit(side, disposition, message, status_code)
            number = _EVENT_NUMBERS[disposition]
            self._event(tx, number, f"Request {request_id}: {message}.", asked.template.name)
        return request_id

    def _issue(
        self,
        authority: Authority,
        request_id: RequestId,
        profile: IssuanceProfile,
        parsed: ParsedRequest,
        message: str,
    ) -> Submission:
        """Reserve the serial durably, sign, record: what was signed is never unknown here."""
        serial = new_serial(os.urandom(16))
        with self._context.database.write() as tx:
            tx.requests.reserve_serial(request_id, serial_hex(serial), profile.template.name)
        try:
            certificate = build_certificate(
                profile,
                serial,
                authority.certificate,
                parsed.public_key,
                self._context.signing_key(authority),
                authority.hash_algorithm,
            )
        except SealkeeperError as error:
            self._fail(request_id, authority, error)
            raise
        side: CertificateSide = certificate_side(certificate, profile.template.name)
        with self._context.database.write() as tx:
            tx.requests.issue(request_id, side, self._context.clock.now(), message)
            self._event(
                tx,
                4887,
                f"Request {request_id}: certificate {side.serial_number} was issued for "
                f"{side.name.distinguished_name or 'an empty subject'}.",
                authority.name,
            )
        return Submission(self.row(request_id), certificate)

    def _fail(self, request_id: RequestId, authority: Authority, error: SealkeeperError) -> None:
        with self._context.database.write() as tx:
            tx.requests.resolve(
                request_id, Disposition.FAILED, error.message, 0, self._context.clock.now()
            )
            self._event(tx, 4888, f"Request {request_id} failed: {error.message}", authority.name)

    def _event(self, tx: Transaction, number: int, message: str, subject: str) -> None:
        tx.events.add(
            EventLevel.INFORMATION, SOURCE, number, message, str(self._context.caller()), subject
        )


def _escaped(value: str) -> str:
    """A value for a distinguished name (RFC 4514 §2.4)."""
    return "".join(f"\\{c}" if c in ',+"\\<>;=#' else c for c in value)


def _require_issued(authority: Authority, template: Template) -> None:
    if template.name not in authority.templates:
        raise UnknownTemplate(
            f"{authority.name} does not issue the template “{template.name}”.",
            remedy="Issue it: "
            + command_line("ca", "template", "add", template.name, "--ca", authority.name),
        )

"""What the pages of a certification authority show, read in one go on a task thread."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from app.domain.authorities import Authority, Crl, Location, LocationFlag, LocationList
from app.domain.certificates import CertificateFacts
from app.domain.principals import AccountName, AuthorityRight
from app.domain.requests import Disposition, RequestQuery
from app.domain.services import ServiceName
from app.domain.status import LinkState

if TYPE_CHECKING:
    from app.domain.ids import AuthorityId
    from app.services.backend import Backend

RIGHT_WORDS = {
    AuthorityRight.READ: "Read",
    AuthorityRight.ISSUE_AND_MANAGE_CERTIFICATES: "Issue and Manage Certificates",
    AuthorityRight.MANAGE_CA: "Manage CA",
    AuthorityRight.REQUEST_CERTIFICATES: "Request Certificates",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthorityFacts:
    """One CA as its page shows it.

    Attributes:
        certificate: what its certificate says.
        crl: the newest one, or None.
        locations: each with the URL that it stands for.
        issued / revoked / pending / failed: how many rows its lists have.
        log_on: the account that opens its key.
        read_at: when this was read.
    """

    authority: Authority
    certificate: CertificateFacts
    crl: Crl | None
    locations: tuple[tuple[Location, str], ...]
    issued: int
    revoked: int
    pending: int
    failed: int
    log_on: AccountName
    read_at: datetime

    @property
    def state(self) -> tuple[LinkState, str]:
        """State and word: stopped, expired, without a valid CRL, or started."""
        if self.certificate.not_after <= self.read_at:
            return LinkState.BAD, "Certificate expired"
        if not self.authority.started:
            return LinkState.WARNING, "Stopped"
        if self.crl is None or self.crl.next_update <= self.read_at:
            return LinkState.WARNING, "No valid CRL"
        return LinkState.OK, "Started"


def read_authority(backend: Backend, authority_id: AuthorityId) -> AuthorityFacts:
    """Everything about one CA.

    Raises:
        NotFound: it is gone.
    """
    authority = backend.authorities.get(authority_id)

    def count(*dispositions: Disposition) -> int:
        return backend.enrollment.count(
            RequestQuery(authority_id=authority_id, dispositions=frozenset(dispositions))
        )

    return AuthorityFacts(
        authority=authority,
        certificate=backend.enrollment.facts(authority.certificate),
        crl=backend.revocation.latest(authority_id),
        locations=backend.authorities.expanded_locations(authority_id),
        issued=count(Disposition.ISSUED),
        revoked=count(Disposition.REVOKED),
        pending=count(Disposition.PENDING),
        failed=count(Disposition.FAILED, Disposition.DENIED),
        log_on=backend.services.get(ServiceName.CERTIFICATION_AUTHORITY).log_on_as,
        read_at=backend.clock.now(),
    )


def read_authorities(backend: Backend) -> tuple[AuthorityFacts, ...]:
    """All CAs of this home, oldest first."""
    return tuple(read_authority(backend, authority.id) for authority in backend.authorities.list())


def included_in(location: Location) -> str:
    """Where a location is written, in words."""
    if location.kind is LocationList.CDP:
        words = {LocationFlag.IN_CERTIFICATE_CDP_OR_AIA: "CDP extension of certificates"}
    else:
        words = {
            LocationFlag.IN_CERTIFICATE_CDP_OR_AIA: "AIA extension of certificates",
            LocationFlag.IN_OCSP: "OCSP extension of certificates",
        }
    found = [text for flag, text in words.items() if flag in location.flags]
    return ", ".join(found) or "Nothing"


def rights_text(rights: AuthorityRight) -> str:
    """Permissions in words, in the order of the Security tab."""
    return ", ".join(text for right, text in RIGHT_WORDS.items() if right in rights)


def also_issuer(location: Location) -> bool:
    """Whether an OCSP URL is given as a place of the CA certificate too, which it is not."""
    both = LocationFlag.IN_CERTIFICATE_CDP_OR_AIA | LocationFlag.IN_OCSP
    return location.kind is LocationList.AIA and both in location.flags

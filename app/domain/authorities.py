"""Certification authorities, their locations and their CRL settings."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Flag, StrEnum

from app.domain.ids import AuthorityId, CrlId
from app.domain.keys import HashAlgorithm, KeyLocator
from app.domain.periods import Period, PeriodUnit
from app.domain.principals import AuthorityAccess


class SetupType(StrEnum):
    """Enterprise CAs issue by templates."""

    ENTERPRISE = "Enterprise CA"


class AuthorityType(StrEnum):
    """Place in the hierarchy."""

    ROOT = "Root CA"


class LocationFlag(Flag):
    """Check boxes of the Extensions tab with Microsoft's bit values."""

    NONE = 0
    PUBLISH_TO_LOCATION = 1
    IN_CERTIFICATE_CDP_OR_AIA = 2
    IN_FRESHEST_CRL = 4
    IN_CRL_FOR_MANUAL_PUBLICATION = 8
    IN_OCSP = 32
    PUBLISH_DELTA_TO_LOCATION = 64
    IN_CRL_IDP = 128


class LocationList(StrEnum):
    """The two lists of the Extensions tab."""

    CDP = "CRL Distribution Point (CDP)"
    AIA = "Authority Information Access (AIA)"


@dataclass(frozen=True, slots=True)
class Location:
    """One URL or path with its check boxes; tokens such as `<CaName>` or `%3` are allowed."""

    kind: LocationList
    template: str
    flags: LocationFlag


ONE_WEEK = Period(1, PeriodUnit.WEEKS)


@dataclass(frozen=True, slots=True)
class CrlSettings:
    """CRL publishing parameters; overlap None means computed as AD CS does."""

    period: Period = ONE_WEEK
    overlap: Period | None = None
    clock_skew: timedelta = timedelta(minutes=10)


@dataclass(frozen=True, slots=True, kw_only=True)
class Authority:
    """A certification authority.

    Attributes:
        name: common name, unique without regard to case.
        certificate: DER.
        provider: `ALG#provider` that its key lives in.
        server_dns_name: host (and port, where it is not 80) for <ServerDNSName>.
        templates: names of the templates that it issues.
        started: desired state of its service.
        maximum_validity: caps what it issues, besides its own end.
    """

    id: AuthorityId
    name: str
    setup_type: SetupType
    authority_type: AuthorityType
    distinguished_name: str
    certificate: bytes
    key: KeyLocator
    provider: str
    hash_algorithm: HashAlgorithm
    server_dns_name: str
    locations: tuple[Location, ...]
    crl: CrlSettings
    templates: tuple[str, ...]
    permissions: tuple[AuthorityAccess, ...]
    maximum_validity: Period
    started: bool
    created_at: datetime
    key_index: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Crl:
    """A signed CRL; `raw` is DER, `publish_results` one (location, result) each."""

    id: CrlId
    authority_id: AuthorityId
    key_index: int
    number: int
    count: int
    this_update: datetime
    next_update: datetime
    next_publish: datetime
    raw: bytes
    publish_results: tuple[tuple[str, str], ...] = ()

"""Certificate templates: the fields of AD CS templates that issuing obeys."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from app.domain.keys import KEY_BITS, HashAlgorithm, KeyAlgorithm
from app.domain.periods import Period, PeriodUnit
from app.domain.principals import TemplateAccess

OID_OCSP_SIGNING = "1.3.6.1.5.5.7.3.9"
OID_SERVER_AUTH = "1.3.6.1.5.5.7.3.1"
OID_CLIENT_AUTH = "1.3.6.1.5.5.7.3.2"

#: Application policies (extended key usages) by object identifier, named as AD CS names them.
APPLICATION_POLICIES = {
    OID_OCSP_SIGNING: "OCSP Signing",
    OID_SERVER_AUTH: "Server Authentication",
    OID_CLIENT_AUTH: "Client Authentication",
    "1.3.6.1.5.5.7.3.3": "Code Signing",
    "1.3.6.1.5.5.7.3.4": "Secure Email",
    "1.3.6.1.5.5.7.3.8": "Time Stamping",
    "1.3.6.1.4.1.311.10.3.4": "Encrypting File System",
    "1.3.6.1.4.1.311.20.2.2": "Smart Card Logon",
    "2.5.29.37.0": "Any Purpose",
}


def policy_name(oid: str) -> str:
    """The name of an application policy; its object identifier where it has none."""
    return APPLICATION_POLICIES.get(oid, oid)


class SubjectType(StrEnum):
    """What kind of holder a template is for."""

    USER = "user"
    COMPUTER = "computer"
    CA = "ca"


class SubjectSource(StrEnum):
    """Where the subject name comes from."""

    SUPPLY_IN_REQUEST = "supply in the request"
    BUILD_FROM_DIRECTORY = "build from directory information"


class SubjectFormat(StrEnum):
    """Subject name format when it is built."""

    NONE = "none"
    COMMON_NAME = "common name"
    DNS_NAME = "dns name"
    FULLY_DISTINGUISHED = "fully distinguished name"


class KeyUsage(StrEnum):
    """Bits of the key usage extension (RFC 5280 §4.2.1.3)."""

    DIGITAL_SIGNATURE = "digitalSignature"
    NON_REPUDIATION = "nonRepudiation"
    KEY_ENCIPHERMENT = "keyEncipherment"
    DATA_ENCIPHERMENT = "dataEncipherment"
    KEY_AGREEMENT = "keyAgreement"
    KEY_CERT_SIGN = "keyCertSign"
    CRL_SIGN = "cRLSign"


class AlternateName(StrEnum):
    """Alternate names that a built subject carries."""

    DNS = "dns"
    UPN = "upn"
    EMAIL = "email"


@dataclass(frozen=True, slots=True, kw_only=True)
class Template:
    """One certificate template; immutable, a change makes a new one with a higher minor version.

    Attributes:
        name: the template name (cn), unique without regard to case.
        oid: template OID for the template information extension.
        schema_version: 1 writes the name extension, 2 and above the information extension.
        application_policies: EKU OIDs in order; empty means no EKU extension.
        providers: bare provider names that a request must use, in order; empty means any.
        path_length: for CA templates; None means no limit.
        ocsp_no_check: add id-pkix-ocsp-nocheck; only together with OCSP signing.
        no_revocation_information: leave out CDP and OCSP.
    """

    name: str
    display_name: str
    oid: str
    schema_version: int
    major_version: int
    minor_version: int
    subject_type: SubjectType
    validity: Period
    renewal: Period
    publish_to_directory: bool = False
    algorithm: KeyAlgorithm = KeyAlgorithm.RSA
    minimum_key_size: int = 2048
    providers: tuple[str, ...] = ()
    request_hash: HashAlgorithm = HashAlgorithm.SHA256
    subject_source: SubjectSource = SubjectSource.SUPPLY_IN_REQUEST
    subject_format: SubjectFormat = SubjectFormat.NONE
    alternate_names: tuple[AlternateName, ...] = ()
    key_usage: frozenset[KeyUsage] = frozenset({KeyUsage.DIGITAL_SIGNATURE})
    application_policies: tuple[str, ...] = ()
    path_length: int | None = None
    ocsp_no_check: bool = False
    no_revocation_information: bool = False
    manager_approval: bool = False
    renew_with_same_key: bool = False
    builtin: bool = False
    permissions: tuple[TemplateAccess, ...] = ()

    @property
    def is_ca(self) -> bool:
        """Whether it is for certification authorities."""
        return self.subject_type is SubjectType.CA

    @property
    def intended_purposes(self) -> str:
        """The application policies in words; `<All>`, as AD CS says, where there are none."""
        return ", ".join(map(policy_name, self.application_policies)) or "<All>"

    @property
    def is_test_value(self) -> bool:
        """An OCSP signing template valid for under a day: a test value, as the guide says."""
        return (
            OID_OCSP_SIGNING in self.application_policies
            and self.validity.length < Period(1, PeriodUnit.DAYS).length
        )

    def problems(self) -> tuple[tuple[str, str], ...]:
        """Rules between fields that do not hold, as (field, sentence)."""
        found: list[tuple[str, str]] = []
        if self.renewal.length >= self.validity.length:
            found.append(
                ("renewal", "The renewal period must be shorter than the validity period.")
            )
        if self.ocsp_no_check and OID_OCSP_SIGNING not in self.application_policies:
            found.append(
                ("ocsp_no_check", "OCSP No Revocation Checking needs the policy OCSP Signing.")
            )
        sizes = KEY_BITS[self.algorithm]
        if len(sizes) > 1 and self.minimum_key_size not in sizes:
            *others, last = (str(bits) for bits in sizes)
            words = f"{self.algorithm} keys have {', '.join(others)} or {last} bits."
            found.append(("minimum_key_size", words))
        if not self.display_name.strip() or not self.name.strip():
            found.append(("display_name", "A template needs a name."))
        return tuple(found)


@dataclass(frozen=True, slots=True)
class TemplateVersion:
    """An earlier version of a template; `replaced_by` is the account's name, "" if not known."""

    template: Template
    replaced_at: datetime
    replaced_by: str

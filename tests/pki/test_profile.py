"""What a certificate will say: key, names, validity, revocation information, nocheck."""

from __future__ import annotations

from datetime import timedelta

import pytest
from cryptography import x509
from cryptography.x509.oid import NameOID

from app.domain.errors import Refused
from app.domain.keys import KeyAlgorithm
from app.domain.periods import Period, PeriodUnit
from app.domain.templates import (
    OID_SERVER_AUTH,
    AlternateName,
    SubjectFormat,
    SubjectSource,
    SubjectType,
    Template,
)
from app.pki import microsoft
from app.pki.names import format_name
from app.pki.parts import load_certificate
from app.pki.profile import IssuanceProfile, build_profile
from app.pki.requests import parse_request
from app.pki.subjects import BuiltSubject
from tests.pki import material
from tests.pki.material import NOW

_SAN = x509.SubjectAlternativeName([x509.DNSName("www.example.com")])
_HOST = BuiltSubject(
    common_name="HOST1",
    dns_names=("host1.example.com",),
    upns=("host1$@example.com",),
    emails=("host1@example.com",),
    distinguished_name="CN=HOST1,OU=Servers,DC=example,DC=com",
)


def _profile(
    template: Template,
    built: BuiltSubject | None = None,
    *,
    kind: str = "P-256",
    subject: str = "CN=www.example.com",
    extensions: tuple[x509.ExtensionType, ...] = (),
    **facts: object,
) -> IssuanceProfile:
    data = material.request(material.key(kind, "holder"), subject, extensions)
    return build_profile(template, parse_request(data), built, material.ca().facts(**facts), NOW)


def _from_directory(
    subject_format: SubjectFormat = SubjectFormat.COMMON_NAME, *names: AlternateName
) -> Template:
    return material.template(
        subject_source=SubjectSource.BUILD_FROM_DIRECTORY,
        subject_format=subject_format,
        alternate_names=names,
    )


def test_the_key_must_fit_the_template() -> None:
    with pytest.raises(Refused, match=r"kind ECDSA P-384.*wants ECDSA P-256"):
        _profile(material.template(), kind="P-384")
    with pytest.raises(Refused, match=r"kind ECDSA P-256.*wants RSA"):
        _profile(material.template(algorithm=KeyAlgorithm.RSA))
    long_keys = material.template(algorithm=KeyAlgorithm.RSA, minimum_key_size=3072)
    with pytest.raises(Refused, match=r"2048 bits.*at least 3072"):
        _profile(long_keys, kind="RSA")
    assert _profile(material.template(algorithm=KeyAlgorithm.RSA), kind="RSA").subject.rdns


def test_a_supplied_subject_and_its_alternative_name_are_taken() -> None:
    profile = _profile(material.template(), _HOST, extensions=(_SAN,))
    assert format_name(profile.subject) == "CN=www.example.com"
    assert profile.san == _SAN
    assert profile.dropped == ()


def test_an_empty_subject_needs_an_alternative_name() -> None:
    assert _profile(material.template(), subject="", extensions=(_SAN,)).san == _SAN
    with pytest.raises(Refused, match="no subject"):
        _profile(material.template(), subject="")
    with pytest.raises(Refused, match="needs a subject"):
        _profile(material.template(subject_type=SubjectType.CA), subject="", extensions=(_SAN,))


@pytest.mark.parametrize(
    ("subject_format", "expected"),
    [
        (SubjectFormat.COMMON_NAME, "CN=HOST1"),
        (SubjectFormat.DNS_NAME, "CN=host1.example.com"),
        (SubjectFormat.FULLY_DISTINGUISHED, "CN=HOST1,OU=Servers,DC=example,DC=com"),
        (SubjectFormat.NONE, ""),
    ],
)
def test_a_built_subject_has_the_format_of_the_template(
    subject_format: SubjectFormat, expected: str
) -> None:
    template = _from_directory(subject_format, AlternateName.DNS)
    profile = _profile(template, _HOST, extensions=(_SAN,))
    assert format_name(profile.subject) == expected
    assert profile.san is not None
    assert profile.san.get_values_for_type(x509.DNSName) == ["host1.example.com"]
    assert len(profile.dropped) == 1
    assert "alternative name" in profile.dropped[0]


def test_all_alternative_names_are_built() -> None:
    template = _from_directory(SubjectFormat.COMMON_NAME, *AlternateName)
    san = _profile(template, _HOST).san
    assert san is not None
    assert san.get_values_for_type(x509.RFC822Name) == ["host1@example.com"]
    (upn,) = (name for name in san if isinstance(name, x509.OtherName))
    assert upn.type_id.dotted_string == microsoft.OID_UPN
    assert microsoft.read_text(upn.value) == "host1$@example.com"


@pytest.mark.parametrize(
    ("template", "missing"),
    [
        (_from_directory(SubjectFormat.COMMON_NAME), "common name"),
        (_from_directory(SubjectFormat.DNS_NAME), "DNS name"),
        (_from_directory(SubjectFormat.FULLY_DISTINGUISHED), "distinguished name"),
        (_from_directory(SubjectFormat.NONE), "alternative name"),
        (_from_directory(SubjectFormat.NONE, AlternateName.DNS), "DNS name"),
        (_from_directory(SubjectFormat.NONE, AlternateName.UPN), "user principal name"),
        (_from_directory(SubjectFormat.NONE, AlternateName.EMAIL), "e-mail"),
    ],
)
def test_what_the_directory_lacks_is_named(template: Template, missing: str) -> None:
    with pytest.raises(Refused, match=missing):
        _profile(template, BuiltSubject())


def test_names_that_cannot_stand_in_a_certificate_are_refused() -> None:
    template = _from_directory(SubjectFormat.NONE, AlternateName.DNS)
    with pytest.raises(Refused, match="alternative name"):
        _profile(template, BuiltSubject(dns_names=("bücher.example",)))
    with pytest.raises(Refused, match="too long"):
        _profile(_from_directory(), BuiltSubject(common_name="x" * 65))
    with pytest.raises(Refused, match="nothing is known"):
        _profile(_from_directory(), None)


def test_validity_is_that_of_the_template_dated_back_by_the_clock_skew() -> None:
    profile = _profile(material.template())
    assert profile.not_before == NOW - timedelta(minutes=10)
    assert profile.not_after - profile.not_before == timedelta(days=365)


def test_validity_is_capped_by_the_maximum_and_by_the_end_of_the_ca() -> None:
    capped = _profile(material.template(), maximum_validity=Period(30, PeriodUnit.DAYS))
    assert capped.not_after - capped.not_before == timedelta(days=30)
    ca_end = load_certificate(material.ca().certificate).not_valid_after_utc
    long_lived = material.template(validity=Period(20, PeriodUnit.YEARS))
    profile = _profile(long_lived, maximum_validity=Period(50, PeriodUnit.YEARS))
    assert profile.not_after == ca_end


def test_validity_never_begins_before_that_of_the_ca() -> None:
    profile = _profile(material.template(), clock_skew=timedelta(days=3))
    ca_start = load_certificate(material.ca().certificate).not_valid_before_utc
    assert profile.not_before == ca_start


def test_a_ca_out_of_its_validity_does_not_issue() -> None:
    parsed = parse_request(material.request(material.key("P-256", "holder")))
    facts = material.ca().facts()
    for moment, word in ((timedelta(days=-2), "not valid yet"), (timedelta(days=2000), "expired")):
        with pytest.raises(Refused, match=word):
            build_profile(material.template(), parsed, None, facts, NOW + moment)


def test_a_certificate_that_is_expired_at_birth_is_refused() -> None:
    with pytest.raises(Refused, match="expired before"):
        _profile(material.template(validity=Period(5, PeriodUnit.MINUTES)))


def test_nocheck_leaves_out_every_place_to_ask() -> None:
    profile = _profile(material.ocsp_template())
    assert profile.no_check
    assert (profile.cdp_urls, profile.aia_urls, profile.ocsp_urls) == ((), (), ())


def test_nocheck_needs_both_the_flag_and_the_purpose() -> None:
    for template in (
        material.ocsp_template(ocsp_no_check=False),
        material.ocsp_template(application_policies=(OID_SERVER_AUTH,)),
    ):
        profile = _profile(template, extensions=(x509.OCSPNoCheck(),))
        assert not profile.no_check
        assert profile.cdp_urls
        assert profile.aia_urls
        assert profile.ocsp_urls
        assert any("No Revocation Checking" in sentence for sentence in profile.dropped)
    granted = _profile(material.ocsp_template(), extensions=(x509.OCSPNoCheck(),))
    assert granted.dropped == ()


def test_no_revocation_information_keeps_the_place_of_the_issuer() -> None:
    profile = _profile(material.template(no_revocation_information=True))
    assert (profile.cdp_urls, profile.ocsp_urls) == ((), ())
    assert profile.aia_urls


def test_nothing_else_of_a_request_is_copied() -> None:
    wanted: tuple[x509.ExtensionType, ...] = (
        x509.BasicConstraints(ca=True, path_length=None),
        x509.ExtendedKeyUsage([x509.oid.ExtendedKeyUsageOID.CODE_SIGNING]),
    )
    profile = _profile(material.template(), extensions=wanted)
    assert not profile.is_ca
    assert profile.application_policies == (OID_SERVER_AUTH,)
    assert [sentence for sentence in profile.dropped if "2.5.29.19" in sentence]
    assert [sentence for sentence in profile.dropped if "2.5.29.37" in sentence]


def test_only_ca_templates_have_a_path_length() -> None:
    assert _profile(material.template(path_length=3)).path_length is None
    profile = _profile(material.template(path_length=3, subject_type=SubjectType.CA))
    assert (profile.is_ca, profile.path_length) == (True, 3)
    assert profile.subject.get_attributes_for_oid(NameOID.COMMON_NAME)

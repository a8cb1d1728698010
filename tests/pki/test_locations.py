"""Tokens of CDP and AIA locations."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.authorities import LocationFlag, LocationList
from app.domain.errors import InvalidInput
from app.pki.locations import (
    LocationContext,
    default_locations,
    expand,
    expanded_urls,
    sanitized_name,
    truncated_name,
)

_CONTEXT = LocationContext(
    server_dns_name="ca1.example.com:8080",
    server_short_name="CA1",
    ca_name="Issuing CA 1",
    configuration_container="CN=Configuration,DC=example,DC=com",
)


def _with(**changes: object) -> LocationContext:
    values = {name: getattr(_CONTEXT, name) for name in LocationContext.__slots__}
    return LocationContext(**(values | changes))


@pytest.mark.parametrize(
    ("template", "expanded"),
    [
        (
            "http://<ServerDNSName>/CertEnroll/<CaName><CRLNameSuffix><DeltaCRLAllowed>.crl",
            "http://ca1.example.com:8080/CertEnroll/Issuing%20CA%201.crl",
        ),
        (
            "http://%1/CertEnroll/%2_%3%4.crt",
            "http://ca1.example.com:8080/CertEnroll/CA1_Issuing%20CA%201.crt",
        ),
        ("C:\\CertEnroll\\%3%8%9.crl", "C:\\CertEnroll\\Issuing CA 1.crl"),
        ("file://host/share/<caname>.crl", "file://host/share/Issuing CA 1.crl"),
        (
            "ldap:///CN=%7%8,CN=%2,CN=CDP,%6%10",
            (
                "ldap:///CN=Issuing%20CA%201,CN=CA1,CN=CDP,CN%3DConfiguration,DC%3Dexample,DC%3Dcom"
                "?certificateRevocationList?base?objectClass=cRLDistributionPoint"
            ),
        ),
        (
            "ldap:///CN=x%11",
            "ldap:///CN=x?cACertificate?base?objectClass=certificationAuthority",
        ),
        ("http://h/100%%/a b", "http://h/100%/a%20b"),
        (" http://h/x ", "http://h/x"),
        ("http://h/Zertifikate für alle.crl", "http://h/Zertifikate%20f%C3%BCr%20alle.crl"),
    ],
)
def test_tokens_are_replaced_in_both_forms(template: str, expanded: str) -> None:
    assert expand(template, _CONTEXT) == expanded


def test_suffixes_appear_with_renewed_keys_and_deltas() -> None:
    context = _with(key_index=2, certificate_index=3, delta=True)
    assert expand("/x/%3%8%9.crl", context) == "/x/Issuing CA 1(2)+.crl"
    assert expand("http://h/%3%4.crt", context) == "http://h/Issuing%20CA%201(3).crt"
    assert "deltaRevocationList" in expand("ldap:///%10", context)


def test_an_unknown_variable_is_refused() -> None:
    with pytest.raises(InvalidInput, match="<ServerName>") as caught:
        expand("http://<ServerName>/x", _CONTEXT)
    assert "<ServerDNSName>" in caught.value.remedy


def test_a_name_cannot_leave_its_folder() -> None:
    for name in ("../../etc/x", "a/b", "a\\b", "a?b#c", "Müller & Söhne", "x<CaName>%3"):
        expanded = expand("http://h/CertEnroll/<CaName>.crl", _with(ca_name=name))
        head, _, tail = expanded.rpartition("/")
        assert head == "http://h/CertEnroll"
        assert expanded.isascii()
        assert not set(tail) & set("?#\\<> ")
        assert "/" not in expand("<CaName>", _with(ca_name=name))


def test_sanitizing_follows_the_example_of_the_protocol() -> None:
    assert (
        sanitized_name("LongCAName(WithSpeci@#$%^Characters")
        == "LongCAName!0028WithSpeci@!0023$!0025!005eCharacters"
    )
    assert sanitized_name("ä😀") == "!00e4!d83d!de00"


def test_long_names_end_in_a_hash() -> None:
    assert truncated_name("x" * 51) == "x" * 51
    # One excess character: the hash is its code.
    assert truncated_name("x" * 51 + "a") == "x" * 51 + "-00097"
    # Two: 97 rotated left by one, plus 98.
    assert truncated_name("x" * 51 + "ab") == "x" * 51 + "-00292"
    # A !xxxx that would be cut in two goes to the hash as a whole.
    assert truncated_name("x" * 49 + "(").startswith("x" * 49 + "-")


@given(st.text(max_size=90))
def test_truncated_names_are_never_longer_than_57(name: str) -> None:
    assert len(truncated_name(name)) <= 57


def test_default_locations_are_served_by_this_machine() -> None:
    locations = default_locations()
    named = LocationFlag.IN_CERTIFICATE_CDP_OR_AIA
    assert expanded_urls(locations, LocationList.CDP, named, _CONTEXT) == (
        "http://ca1.example.com:8080/CertEnroll/Issuing%20CA%201.crl",
    )
    assert expanded_urls(locations, LocationList.AIA, named, _CONTEXT) == (
        "http://ca1.example.com:8080/CertEnroll/Issuing%20CA%201.crt",
    )
    assert expanded_urls(locations, LocationList.AIA, LocationFlag.IN_OCSP, _CONTEXT) == (
        "http://ca1.example.com:8080/ocsp",
    )

"""Distinguished names."""

from __future__ import annotations

import pytest
from cryptography import x509
from cryptography.x509.oid import NameOID
from hypothesis import given
from hypothesis import strategies as st

from app.domain.errors import InvalidInput
from app.domain.requests import NameColumns
from app.pki.names import common_name, format_name, name_columns, parse_distinguished_name

_VALUES = st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=1, max_size=60)


def test_the_most_specific_part_comes_first_in_text_and_last_in_the_name() -> None:
    name = parse_distinguished_name("CN=Server 1, OU=Web , O=Example\\, Inc.,c=de")
    assert [part.value for part in name] == ["DE", "Example, Inc.", "Web", "Server 1"]
    assert format_name(name) == "CN=Server 1,OU=Web,O=Example\\, Inc.,C=DE"


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("CN=Root,O=X", "Root"),
        ("CN=Root\\, Inc.,O=X", "Root, Inc."),
        ("O=X", "O=X"),
        ("no name", "no name"),
    ],
)
def test_the_common_name_is_what_a_name_is_called_by(text: str, value: str) -> None:
    assert common_name(text) == value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('CN="a, b"', "a, b"),
        ("cn = a ", "a"),
        ("CN=a\\ ", "a "),
        ("CN=a\\\\ ", "a\\"),
        ("CN=\\C3\\A4", "ä"),
        ("2.5.4.3=x", "x"),
        ("CN=a=b", "a=b"),
    ],
)
def test_values_are_read_as_administrators_write_them(text: str, value: str) -> None:
    (part,) = parse_distinguished_name(text)
    assert (part.oid, part.value) == (NameOID.COMMON_NAME, value)


def test_several_values_in_one_part_stay_together() -> None:
    name = parse_distinguished_name("CN=a+OU=b,O=c")
    assert [len(list(part)) for part in name.rdns] == [1, 2]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "  ",
        "CN",
        "CN=",
        "=a",
        "CN=a,,O=b",
        'CN="a',
        'CN="a"b',
        "CN=a\\",
        "CN=a\\q",
        "XX=a",
        "C=Germany",
        "CN=" + "a" * 65,
        "CN=a+CN=a",
        "9.9.9=x",
        "CN=\\FF",
    ],
)
def test_what_is_no_name_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput, match="not a distinguished name") as caught:
        parse_distinguished_name(text)
    assert caught.value.remedy


@given(_VALUES, _VALUES)
def test_names_read_back_as_they_are_shown(common_name: str, organization: str) -> None:
    name = x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, organization),
            x509.NameAttribute(NameOID.COMMON_NAME, common_name),
        ]
    )
    assert parse_distinguished_name(format_name(name)) == name


def test_columns_hold_what_the_name_has() -> None:
    name = parse_distinguished_name("E=a@b.example,CN=a,OU=x,OU=y,O=o,L=l,S=s,C=DE")
    assert name_columns(name) == NameColumns(
        distinguished_name="E=a@b.example,CN=a,OU=x,OU=y,O=o,L=l,ST=s,C=DE",
        common_name="a",
        organization="o",
        org_unit="y\nx",
        country="DE",
        locality="l",
        state="s",
        email="a@b.example",
    )
    assert name_columns(x509.Name([])) == NameColumns()

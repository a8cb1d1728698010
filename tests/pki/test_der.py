"""The DER writer against asn1crypto, and the reader against everything that is not DER."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from asn1crypto import core
from hypothesis import given
from hypothesis import strategies as st

from app.pki import der

_ARCS = st.lists(st.integers(0, 2**40), min_size=1, max_size=8)
_MOMENTS = st.datetimes(datetime(1, 1, 1), datetime(9999, 12, 31), timezones=st.just(UTC))  # noqa: DTZ001


@given(st.integers(-(2**200), 2**200))
def test_integers_are_written_as_asn1crypto_writes_them(value: int) -> None:
    written = der.integer(value)
    assert written == core.Integer(value).dump()
    assert der.Reader(written).integer() == value


@given(st.integers(0, 2), _ARCS)
def test_object_identifiers_are_written_as_asn1crypto_writes_them(
    first: int, arcs: list[int]
) -> None:
    if first < 2:
        arcs[0] %= 40
    dotted = ".".join(str(arc) for arc in (first, *arcs))
    written = der.object_identifier(dotted)
    assert der.Reader(written).object_identifier() == dotted
    # asn1crypto reads 2.x with x ≥ 40 wrongly.
    if arcs[0] < 40:
        assert written == core.ObjectIdentifier(dotted).dump()


@given(st.binary(max_size=70_000))
def test_lengths_are_written_in_their_shortest_form(value: bytes) -> None:
    written = der.octet_string(value)
    assert written == core.OctetString(value).dump()
    assert der.Reader(written).read(der.OCTET_STRING) == value


@given(_MOMENTS)
def test_generalized_times_come_back_in_whole_seconds(moment: datetime) -> None:
    assert der.Reader(der.generalized_time(moment)).generalized_time() == moment.replace(
        microsecond=0
    )


@pytest.mark.parametrize(("year", "tag"), [(1949, 0x18), (1950, 0x17), (2049, 0x17), (2050, 0x18)])
def test_time_changes_its_form_as_rfc_5280_says(year: int, tag: int) -> None:
    written = der.time(datetime(year, 12, 31, 23, 59, 59, tzinfo=UTC))
    assert written[0] == tag
    assert core.load(written).native.year == year


@pytest.mark.parametrize(
    "data",
    [
        "",
        "30",
        "3080",
        "308000000000",  # indefinite length
        "30810100",  # a length that fits in one byte
        "3082000100",  # a length with a leading zero
        "3085000000000100",  # five bytes of length
        "1f8101",  # a tag of several bytes
        "3003020101ff",  # left over, seen by finish
        "3005020101",  # cut off
    ],
)
def test_bad_headers_are_refused(data: str) -> None:
    def walk() -> None:
        reader = der.Reader(bytes.fromhex(data))
        reader.read_raw()
        reader.finish()

    with pytest.raises(der.DerError):
        walk()


@pytest.mark.parametrize("content", ["", "0001", "ff80", "00007f"])
def test_integers_that_are_not_shortest_are_refused(content: str) -> None:
    with pytest.raises(der.DerError):
        der.Reader(der.encode(der.INTEGER, bytes.fromhex(content))).integer()


@pytest.mark.parametrize("content", ["", "80", "2a80", "2a8001"])
def test_object_identifiers_that_are_not_der_are_refused(content: str) -> None:
    with pytest.raises(der.DerError):
        der.Reader(der.encode(der.OBJECT_IDENTIFIER, bytes.fromhex(content))).object_identifier()


@pytest.mark.parametrize(
    "text", [b"20260101000000", b"20261301000000Z", b"20260101000000.5Z", b"202601010000+00"]
)
def test_times_that_are_not_der_are_refused(text: bytes) -> None:
    with pytest.raises(der.DerError):
        der.Reader(der.encode(der.GENERALIZED_TIME, text)).generalized_time()


def test_an_extension_may_stand_only_once() -> None:
    once = der.extension("1.2.3", b"\x05\x00", critical=True)
    assert der.Reader(der.sequence(once)).extensions() == (("1.2.3", True, b"\x05\x00"),)
    with pytest.raises(der.DerError, match="twice"):
        der.Reader(der.sequence(once, once)).extensions()
    with pytest.raises(der.DerError, match="empty"):
        der.Reader(der.sequence()).extensions()

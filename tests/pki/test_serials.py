"""Serial numbers."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.errors import InvalidInput
from app.pki.serials import new_serial, parse_serial, serial_hex


@given(st.binary(min_size=16, max_size=32))
def test_new_serials_are_positive_and_of_one_length(random_bytes: bytes) -> None:
    serial = new_serial(random_bytes)
    assert serial > 0
    assert len(serial_hex(serial)) == 32
    # All bits but the two that fix sign and length come from the random bytes.
    assert serial & (2**126 - 1) == int.from_bytes(random_bytes[:16], "big") & (2**126 - 1)
    # In DER it needs no leading zero, so it is 16 octets long.
    assert serial.bit_length() == 127


def test_too_few_random_bytes_are_a_bug() -> None:
    with pytest.raises(ValueError, match="16 random bytes"):
        new_serial(b"\x01" * 15)


@given(st.integers(0, 2**159))
def test_hex_has_whole_bytes_and_reads_back(serial: int) -> None:
    text = serial_hex(serial)
    assert len(text) % 2 == 0
    assert parse_serial(text) == serial


@pytest.mark.parametrize("text", ["0x1A:2b", "1a 2B", " 1a2b\n", "0X1a2b", "01:a2b"])
def test_serials_are_read_as_people_write_them(text: str) -> None:
    assert parse_serial(text) == 0x1A2B


@pytest.mark.parametrize("text", ["", "0x", "xyz", "-5", "1g", "12 ٣", "1" * 41 + "0"])
def test_what_is_no_serial_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput, match="not a serial number"):
        parse_serial(text)

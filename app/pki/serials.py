"""Serial numbers: made from random bytes, written as hex, read as people write them."""

from __future__ import annotations

from app.domain.errors import InvalidInput

_MINIMUM_RANDOM = 16
_MAXIMUM_OCTETS = 20  # RFC 5280 §4.1.2.2


def new_serial(random_bytes: bytes) -> int:
    """A positive serial of 16 octets with 126 random bits, always 32 hex digits long.

    Args:
        random_bytes: at least 16 bytes from a cryptographic source; the first 16 are used.

    Raises:
        ValueError: fewer bytes than that.
    """
    if len(random_bytes) < _MINIMUM_RANDOM:
        raise ValueError("a serial needs 16 random bytes")
    # The sign bit is cleared and the next one set: positive, and of one length in hex and DER.
    first = random_bytes[0] & 0x7F | 0x40
    return int.from_bytes(bytes((first,)) + random_bytes[1:_MINIMUM_RANDOM], "big")


def serial_hex(serial: int) -> str:
    """Lower-case hex with an even number of digits, as the database keeps it.

    A negative number, which a foreign request may ask for, keeps its sign.
    """
    digits = f"{abs(serial):x}"
    return ("-" if serial < 0 else "") + digits.zfill(len(digits) + len(digits) % 2)


def parse_serial(text: str) -> int:
    """Read hex digits, with or without 0x, spaces and colons.

    Raises:
        InvalidInput: no hex number, or longer than 20 octets.
    """
    digits = "".join(text.replace(":", " ").split()).lower().removeprefix("0x")
    is_hex = bool(digits) and all(digit in "0123456789abcdef" for digit in digits)
    if not is_hex or (int(digits, 16).bit_length() + 7) // 8 > _MAXIMUM_OCTETS:
        raise InvalidInput(
            f"“{text}” is not a serial number.",
            remedy="Give the serial number in hex digits, as the certificate shows it.",
        )
    return int(digits, 16)

"""A small strict DER writer and reader, for structures where every byte matters."""

from __future__ import annotations

from datetime import UTC, datetime

BOOLEAN = 0x01
INTEGER = 0x02
BIT_STRING = 0x03
OCTET_STRING = 0x04
NULL = 0x05
OBJECT_IDENTIFIER = 0x06
ENUMERATED = 0x0A
UTC_TIME = 0x17
GENERALIZED_TIME = 0x18
SEQUENCE = 0x30
# Constructed context-specific tags, which are numbered anew in each structure.
CONTEXT_0, CONTEXT_1, CONTEXT_2, CONTEXT_3 = 0xA0, 0xA1, 0xA2, 0xA3

_LONG_FORM = 0x80
_MANY_BYTE_TAG = 0x1F
_LONGEST_LENGTH = 4
_TIME_SIZE = len("YYYYMMDDHHMMSSZ")

_UTC_TIME_FROM = datetime(1950, 1, 1, tzinfo=UTC)
_UTC_TIME_UNTIL = datetime(2050, 1, 1, tzinfo=UTC)


class DerError(ValueError):
    """The bytes are not DER, or not the structure that was expected."""


# --- writing --------------------------------------------------------------------------------


def encode(tag: int, content: bytes) -> bytes:
    """One element with a one-byte tag."""
    size = len(content)
    if size < _LONG_FORM:
        return bytes((tag, size)) + content
    length = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes((tag, 0x80 | len(length))) + length + content


def sequence(*parts: bytes) -> bytes:
    """SEQUENCE of elements that are encoded already."""
    return encode(SEQUENCE, b"".join(parts))


def explicit(number: int, content: bytes) -> bytes:
    """Content under a constructed context tag, explicit or implicit as the content is given."""
    return encode(CONTEXT_0 | number, content)


def integer(value: int) -> bytes:
    """INTEGER in its shortest form."""
    return encode(INTEGER, value.to_bytes(value.bit_length() // 8 + 1, "big", signed=True))


def enumerated(value: int) -> bytes:
    """ENUMERATED from 0 to 127."""
    return encode(ENUMERATED, bytes((value,)))


def octet_string(value: bytes) -> bytes:
    """OCTET STRING."""
    return encode(OCTET_STRING, value)


def bit_string(value: bytes) -> bytes:
    """BIT STRING of whole octets."""
    return encode(BIT_STRING, b"\x00" + value)


def null() -> bytes:
    """NULL."""
    return b"\x05\x00"


def object_identifier(dotted: str) -> bytes:
    """OBJECT IDENTIFIER from its dotted form."""
    first, second, *rest = (int(part) for part in dotted.split("."))
    content = bytearray()
    for arc in (first * 40 + second, *rest):
        groups = [arc & 0x7F]
        while arc := arc >> 7:
            groups.append(0x80 | (arc & 0x7F))
        content.extend(reversed(groups))
    return encode(OBJECT_IDENTIFIER, bytes(content))


def generalized_time(moment: datetime) -> bytes:
    """GeneralizedTime in UTC without fractions (RFC 5280 §4.1.2.5.2)."""
    return encode(
        GENERALIZED_TIME, f"{moment.astimezone(UTC):%Y%m%d%H%M%S}Z".rjust(15, "0").encode()
    )


def time(moment: datetime) -> bytes:
    """Time: UTCTime from 1950 through 2049, else GeneralizedTime (RFC 5280 §4.1.2.5)."""
    if not _UTC_TIME_FROM <= moment < _UTC_TIME_UNTIL:
        return generalized_time(moment)
    return encode(UTC_TIME, f"{moment.astimezone(UTC):%y%m%d%H%M%S}Z".encode())


def extension(oid: str, value: bytes, *, critical: bool = False) -> bytes:
    """Extension (RFC 5280 §4.1) around a value that is DER itself."""
    flag = b"\x01\x01\xff" if critical else b""
    return sequence(object_identifier(oid), flag, octet_string(value))


# --- reading --------------------------------------------------------------------------------


class Reader:
    """Walks over DER from front to back; everything that is not DER raises `DerError`."""

    __slots__ = ("_data", "_end", "_position")

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._position = 0
        self._end = len(data)

    @property
    def at_end(self) -> bool:
        """Whether nothing is left."""
        return self._position == self._end

    @property
    def tag(self) -> int:
        """Tag of the next element, -1 at the end."""
        return -1 if self.at_end else self._data[self._position]

    def finish(self) -> None:
        """Refuse what is left over."""
        if not self.at_end:
            raise DerError(f"{self._end - self._position} bytes are left over")

    def _header(self) -> tuple[int, int, int]:
        """Tag, start and end of the content of the next element."""
        start = self._position + 2
        if start > self._end:
            raise DerError("the data end in the middle of an element")
        tag, size = self._data[start - 2], self._data[start - 1]
        if tag & _MANY_BYTE_TAG == _MANY_BYTE_TAG:
            raise DerError("a tag of more than one byte")
        if size >= _LONG_FORM:
            count = size & 0x7F
            start += count
            if not 0 < count <= _LONGEST_LENGTH or start > self._end:
                raise DerError("a length that is indefinite, too long or cut off")
            size = int.from_bytes(self._data[start - count : start], "big")
            if size < _LONG_FORM or size.bit_length() <= 8 * (count - 1):
                raise DerError("a length that is not in its shortest form")
        if start + size > self._end:
            raise DerError("an element reaches beyond the end of the data")
        return tag, start, start + size

    def read(self, tag: int) -> bytes:
        """Content of the next element, which must have that tag."""
        found, start, end = self._header()
        if found != tag:
            raise DerError(f"tag {found:#04x} where {tag:#04x} was expected")
        self._position = end
        return self._data[start:end]

    def read_raw(self, tag: int | None = None) -> bytes:
        """The next element with its header; of that tag, when one is given."""
        found, _, end = self._header()
        if tag is not None and found != tag:
            raise DerError(f"tag {found:#04x} where {tag:#04x} was expected")
        raw = self._data[self._position : end]
        self._position = end
        return raw

    def enter(self, tag: int = SEQUENCE) -> Reader:
        """A reader for the content of the next element."""
        return Reader(self.read(tag))

    def integer(self, tag: int = INTEGER) -> int:
        """INTEGER or ENUMERATED in its shortest form."""
        content = self.read(tag)
        if not content or (
            len(content) > 1 and content[0] in (0, 0xFF) and not ((content[0] ^ content[1]) & 0x80)
        ):
            raise DerError("an integer that is not in its shortest form")
        return int.from_bytes(content, "big", signed=True)

    def boolean(self) -> bool:
        """BOOLEAN as DER allows it."""
        content = self.read(BOOLEAN)
        if content not in (b"\x00", b"\xff"):
            raise DerError("a boolean that is neither true nor false")
        return content == b"\xff"

    def bits(self) -> bytes:
        """BIT STRING of whole octets."""
        content = self.read(BIT_STRING)
        if not content or content[0]:
            raise DerError("a bit string with unused bits")
        return content[1:]

    def object_identifier(self) -> str:
        """OBJECT IDENTIFIER in its dotted form."""
        content = self.read(OBJECT_IDENTIFIER)
        if not content or content[-1] & 0x80:
            raise DerError("an object identifier that is cut off")
        arcs: list[int] = []
        value, start = 0, True
        for octet in content:
            if start and octet == _LONG_FORM:
                raise DerError("an object identifier that is not in its shortest form")
            value = value << 7 | octet & 0x7F
            start = not octet & 0x80
            if start:
                arcs.append(value)
                value = 0
        first = min(arcs[0] // 40, 2)
        return ".".join(str(arc) for arc in (first, arcs[0] - 40 * first, *arcs[1:]))

    def generalized_time(self) -> datetime:
        """GeneralizedTime as RFC 5280 writes it: UTC, with seconds, without fractions."""
        text = self.read(GENERALIZED_TIME)
        if len(text) != _TIME_SIZE or not text[:14].isdigit() or text[14:] != b"Z":
            raise DerError("a time that is not YYYYMMDDHHMMSSZ")
        digits = text.decode("ascii")
        month, day, hour, minute, second = (int(digits[at : at + 2]) for at in range(4, 14, 2))
        try:
            return datetime(int(digits[:4]), month, day, hour, minute, second, tzinfo=UTC)
        except ValueError:
            raise DerError("a time that does not exist") from None

    def extensions(self) -> tuple[tuple[str, bool, bytes], ...]:
        """Extensions as (identifier, critical, value); the next element is their SEQUENCE."""
        found: dict[str, tuple[str, bool, bytes]] = {}
        items = self.enter()
        while not items.at_end:
            item = items.enter()
            oid = item.object_identifier()
            critical = item.tag == BOOLEAN and item.boolean()
            value = item.read(OCTET_STRING)
            item.finish()
            if oid in found:
                raise DerError(f"extension {oid} twice")
            found[oid] = (oid, critical, value)
        if not found:
            raise DerError("an empty list of extensions")
        return tuple(found.values())

"""Distinguished names: read as administrators write them, shown, and split into columns."""

from __future__ import annotations

from cryptography import x509
from cryptography.x509.oid import NameOID, ObjectIdentifier

from app.domain.errors import InvalidInput
from app.domain.requests import NameColumns

_TYPES: dict[str, ObjectIdentifier] = {
    "CN": NameOID.COMMON_NAME,
    "O": NameOID.ORGANIZATION_NAME,
    "OU": NameOID.ORGANIZATIONAL_UNIT_NAME,
    "C": NameOID.COUNTRY_NAME,
    "L": NameOID.LOCALITY_NAME,
    "ST": NameOID.STATE_OR_PROVINCE_NAME,
    "S": NameOID.STATE_OR_PROVINCE_NAME,
    "STREET": NameOID.STREET_ADDRESS,
    "DC": NameOID.DOMAIN_COMPONENT,
    "UID": NameOID.USER_ID,
    "E": NameOID.EMAIL_ADDRESS,
    "EMAIL": NameOID.EMAIL_ADDRESS,
    "EMAILADDRESS": NameOID.EMAIL_ADDRESS,
    "T": NameOID.TITLE,
    "TITLE": NameOID.TITLE,
    "G": NameOID.GIVEN_NAME,
    "GN": NameOID.GIVEN_NAME,
    "SN": NameOID.SURNAME,
    "I": NameOID.INITIALS,
    "SERIALNUMBER": NameOID.SERIAL_NUMBER,
}
_SHOWN = {
    NameOID.EMAIL_ADDRESS: "E",
    NameOID.TITLE: "T",
    NameOID.GIVEN_NAME: "G",
    NameOID.SURNAME: "SN",
    NameOID.INITIALS: "I",
    NameOID.SERIAL_NUMBER: "SERIALNUMBER",
}
# RFC 5280 Appendix A.1, RFC 1034 §3.1 for a domain component.
_LONGEST = {
    NameOID.COMMON_NAME: 64,
    NameOID.ORGANIZATION_NAME: 64,
    NameOID.ORGANIZATIONAL_UNIT_NAME: 64,
    NameOID.TITLE: 64,
    NameOID.SERIAL_NUMBER: 64,
    NameOID.DOMAIN_COMPONENT: 63,
    NameOID.LOCALITY_NAME: 128,
    NameOID.STATE_OR_PROVINCE_NAME: 128,
}
_LONGEST_OF_OTHERS = 255
_ESCAPABLE = ',+"\\<>;= #'
_HEX = "0123456789abcdefABCDEF"


def format_name(name: x509.Name) -> str:
    """RFC 4514 text, the most specific part first: `CN=a,O=b,C=DE`."""
    return name.rfc4514_string(_SHOWN)


def common_name(distinguished_name: str) -> str:
    """The common name in a distinguished name; the whole text where there is none."""
    try:
        columns = name_columns(parse_distinguished_name(distinguished_name))
    except InvalidInput:  # it cannot be read back: then the whole of it says more
        return distinguished_name
    return columns.common_name.replace("\n", ", ") or distinguished_name


def name_columns(name: x509.Name) -> NameColumns:
    """The columns of a row; several values of one kind are joined by a line feed, as AD CS does."""

    def column(oid: ObjectIdentifier) -> str:
        return "\n".join(str(part.value) for part in name.get_attributes_for_oid(oid))

    return NameColumns(
        distinguished_name=format_name(name),
        common_name=column(NameOID.COMMON_NAME),
        organization=column(NameOID.ORGANIZATION_NAME),
        org_unit=column(NameOID.ORGANIZATIONAL_UNIT_NAME),
        country=column(NameOID.COUNTRY_NAME),
        locality=column(NameOID.LOCALITY_NAME),
        state=column(NameOID.STATE_OR_PROVINCE_NAME),
        email=column(NameOID.EMAIL_ADDRESS),
    )


def parse_distinguished_name(text: str) -> x509.Name:
    r"""Read `CN=a,O=b,C=DE`, the most specific part first (RFC 4514).

    Spaces around parts, any case of the types, `E`, `S` and dotted types, quoted values and
    escapes with a backslash are accepted; `+` makes a part of several values.

    Raises:
        InvalidInput: empty, no such name, or a value that its type does not allow.
    """
    try:
        parts = [
            x509.RelativeDistinguishedName([_attribute(pair) for pair in _split(part, "+")])
            for part in _split(text, ",")
        ]
    except ValueError as error:
        raise InvalidInput(
            f"“{text}” is not a distinguished name.",
            cause=str(error),
            remedy="Write it as in “CN=Server 1,O=Example,C=DE”.",
        ) from None
    return x509.Name(parts[::-1])


def _split(text: str, separator: str) -> list[str]:
    """Cut at separators that are neither quoted nor escaped; raises ValueError at an open quote."""
    pieces: list[str] = []
    start, quoted, escaped = 0, False, False
    for position, letter in enumerate(text):
        if escaped:
            escaped = False
        elif letter == "\\":
            escaped = True
        elif letter == '"':
            quoted = not quoted
        elif letter == separator and not quoted:
            pieces.append(text[start:position])
            start = position + 1
    if quoted or escaped:
        raise ValueError("A quotation mark or an escape is left open.")
    pieces.append(text[start:])
    return pieces


def _attribute(pair: str) -> x509.NameAttribute[str]:
    kind, equals, value = pair.partition("=")
    kind = kind.strip()
    if not equals or not kind:
        raise ValueError(f"“{pair.strip()}” is not a type and a value.")
    oid = _TYPES.get(kind.upper())
    if oid is None:
        if not kind.replace(".", "").isdigit():
            raise ValueError(f"“{kind}” is not a known type.")
        oid = ObjectIdentifier(kind)
    text = _unescape(value)
    if not text:
        raise ValueError(f"{kind} has no value.")
    if oid == NameOID.COUNTRY_NAME:
        text = text.upper()
    longest = _LONGEST.get(oid, _LONGEST_OF_OTHERS)
    if len(text) > longest:
        raise ValueError(f"{kind} has more than {longest} characters.")
    return x509.NameAttribute(oid, text)


def _unescape(value: str) -> str:
    """A value without quotes, escapes and the spaces around it; raises ValueError."""
    value = value.lstrip()
    if value.startswith('"'):
        value = value.rstrip()
        value = value[1:]
        if not value.endswith('"'):
            raise ValueError("A quotation mark is not at the end of its value.")
        value = value[:-1]
    else:
        trimmed = value.rstrip()
        backslashes = len(trimmed) - len(trimmed.rstrip("\\"))
        # An escaped space at the end belongs to the value.
        value = trimmed + " " if backslashes % 2 and trimmed != value else trimmed
    result = bytearray()
    position = 0
    while position < len(value):
        letter = value[position]
        position += 1
        if letter != "\\":
            result += letter.encode()
        elif value[position : position + 1] and value[position] in _ESCAPABLE:
            result += value[position].encode()
            position += 1
        elif len(value) > position + 1 and set(value[position : position + 2]) <= set(_HEX):
            result.append(int(value[position : position + 2], 16))
            position += 2
        else:
            raise ValueError("A backslash is followed by nothing that it can escape.")
    return result.decode()

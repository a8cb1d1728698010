"""The inside of a PKCS#10 request as raw DER, where `cryptography` is too strict or too lenient."""

from __future__ import annotations

from dataclasses import dataclass

from app.pki import der, microsoft

_SET = 0x31
_COMMON_NAME = "2.5.4.3"
_LENGTHS = {_COMMON_NAME: (1, 64), "2.5.4.6": (2, 2), "1.3.6.1.4.1.311.60.2.1.3": (2, 2)}
_EXTENSION_REQUESTS = frozenset({"1.2.840.113549.1.9.14", "1.3.6.1.4.1.311.2.1.14"})


@dataclass(frozen=True, slots=True)
class RequestBody:
    """Parts of a CertificationRequestInfo (RFC 2986 §4.1).

    Attributes:
        extensions: requested ones as (identifier, critical, value).
        pairs: Microsoft's enrolment attributes as (name, value).
    """

    extensions: tuple[tuple[str, bool, bytes], ...]
    pairs: tuple[tuple[str, str], ...]


def read_request_body(information: bytes) -> RequestBody:
    """Take a DER CertificationRequestInfo apart.

    `cryptography` refuses attributes with several values, which certreq writes, and only warns of
    names that are longer than X.520 allows.

    Raises:
        DerError: it is none, or its subject has a part of a length that is not allowed.
    """
    body = der.Reader(information).enter()
    body.integer()
    _check_subject(body.enter())
    body.read_raw(der.SEQUENCE)
    attributes = der.Reader(b"") if body.at_end else body.enter(der.CONTEXT_0)
    extensions: tuple[tuple[str, bool, bytes], ...] = ()
    pairs: list[tuple[str, str]] = []
    while not attributes.at_end:
        attribute = attributes.enter()
        oid = attribute.object_identifier()
        values = attribute.enter(_SET)
        if oid in _EXTENSION_REQUESTS and not extensions:
            extensions = values.extensions()
        while oid == microsoft.OID_NAME_VALUE_PAIR and not values.at_end:
            pair = microsoft.read_name_value_pair(values.read_raw())
            pairs += () if pair is None else (pair,)
    return RequestBody(extensions, tuple(pairs))


def _check_subject(name: der.Reader) -> None:
    while not name.at_end:
        part = name.enter(_SET)
        while not part.at_end:
            pair = part.enter()
            oid = pair.object_identifier()
            text = microsoft.read_text(pair.read_raw())
            shortest, longest = _LENGTHS.get(oid, (0, len(text)))
            if not shortest <= len(text) <= longest:
                kind = "common name" if oid == _COMMON_NAME else "country"
                raise der.DerError(f"a {kind} of {len(text)} characters")

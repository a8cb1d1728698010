"""OCSP requests: read strictly, with several certificates per message, and written for clients."""

from __future__ import annotations

from dataclasses import dataclass

from app.domain.errors import InvalidInput
from app.domain.keys import HashAlgorithm
from app.pki import der
from app.pki.parts import certificate_parts
from app.pki.signatures import HASH_OIDS, digest

OID_NONCE = "1.3.6.1.5.5.7.48.1.2"
# Nonce, acceptable responses, service locator, preferred signature algorithms (RFC 6960 §4.4).
_KNOWN_EXTENSIONS = frozenset(f"1.3.6.1.5.5.7.48.1.{arc}" for arc in (2, 4, 7, 8))
_Extensions = tuple[tuple[str, bool, bytes], ...]
_LONGEST_NONCE = 128
_LONGEST_SERIAL = 64
_DIGEST_SIZES = {
    HASH_OIDS[HashAlgorithm.SHA1]: 20,
    HASH_OIDS[HashAlgorithm.SHA256]: 32,
    HASH_OIDS[HashAlgorithm.SHA384]: 48,
    HASH_OIDS[HashAlgorithm.SHA512]: 64,
}


class MalformedRequest(InvalidInput):
    """The bytes are not an OCSP request that can be answered: malformedRequest."""


@dataclass(frozen=True, slots=True)
class CertId:
    """CertID (RFC 6960 §4.1.1).

    Attributes:
        hash_algorithm: OID.
        issuer_name_hash / issuer_key_hash: of the issuer's DER name and key bits.
        serial: as a number.
        der: the exact bytes of the message, which the answer repeats.
    """

    hash_algorithm: str
    issuer_name_hash: bytes
    issuer_key_hash: bytes
    serial: int
    der: bytes

    def matches(self, other: CertId) -> bool:
        """Whether both mean the same certificate by the same hash, however encoded."""
        return (
            self.hash_algorithm == other.hash_algorithm
            and self.issuer_name_hash == other.issuer_name_hash
            and self.issuer_key_hash == other.issuer_key_hash
            and self.serial == other.serial
        )


@dataclass(frozen=True, slots=True)
class OcspRequest:
    """A request as it was understood.

    Attributes:
        cert_ids: one or more, in order.
        nonce: 1 to 128 octets, None for none.
        extensions: OIDs of all extensions of the message and of its single requests.
        unsupported_critical: OIDs of those that are critical and unknown.
        signed: whether it carries a signature, which is not checked.
    """

    cert_ids: tuple[CertId, ...]
    nonce: bytes | None
    extensions: tuple[str, ...]
    unsupported_critical: tuple[str, ...]
    signed: bool


def parse_ocsp_request(data: bytes, max_requests: int = 50) -> OcspRequest:
    """Read a DER OCSPRequest (RFC 6960 §4.1.1, RFC 9654).

    Raises:
        MalformedRequest: no DER, another structure, bytes left over, a nonce of 0 or over 128
            octets, no certificate, or more than `max_requests`.
    """
    try:
        outer = der.Reader(data)
        message = outer.enter()
        outer.finish()
        body = message.enter()
        signed = message.tag == der.CONTEXT_0
        if signed:
            _skip_signature(message.enter(der.CONTEXT_0))
        message.finish()
        cert_ids, single_extensions, message_extensions = _body(body, max_requests)
        nonce = _nonce(message_extensions)
    except der.DerError as error:
        raise MalformedRequest(
            "The OCSP request cannot be read.", cause=f"In its bytes there is {error}."
        ) from None
    extensions = (*message_extensions, *single_extensions)
    return OcspRequest(
        cert_ids=cert_ids,
        nonce=nonce,
        extensions=tuple(oid for oid, _, _ in extensions),
        unsupported_critical=tuple(
            oid for oid, critical, _ in extensions if critical and oid not in _KNOWN_EXTENSIONS
        ),
        signed=signed,
    )


def _skip_signature(signature: der.Reader) -> None:
    content = signature.enter()
    signature.finish()
    content.read_raw(der.SEQUENCE)
    content.bits()
    if not content.at_end:
        content.read_raw(der.CONTEXT_0)
    content.finish()


def _body(
    body: der.Reader, max_requests: int
) -> tuple[tuple[CertId, ...], _Extensions, _Extensions]:
    """CertIDs, their own extensions and those of the message, from a TBSRequest."""
    if body.tag == der.CONTEXT_0:
        version = body.enter(der.CONTEXT_0)
        if version.integer() != 0:
            raise der.DerError("a version that is not 1")
        version.finish()
    if body.tag == der.CONTEXT_1:
        requestor = body.enter(der.CONTEXT_1)
        requestor.read_raw()
        requestor.finish()
    cert_ids: list[CertId] = []
    extensions: list[tuple[str, bool, bytes]] = []
    requests = body.enter()
    while not requests.at_end:
        if len(cert_ids) == max_requests:
            raise der.DerError(f"a list of more than {max_requests} certificates")
        single = requests.enter()
        cert_ids.append(read_cert_id(single.read_raw(der.SEQUENCE)))
        if single.tag == der.CONTEXT_0:
            extensions += _tagged_extensions(single, der.CONTEXT_0)
        single.finish()
    if not cert_ids:
        raise der.DerError("a list of no certificate")
    message_extensions = (
        _tagged_extensions(body, der.CONTEXT_2) if body.tag == der.CONTEXT_2 else ()
    )
    body.finish()
    return tuple(cert_ids), tuple(extensions), message_extensions


def _tagged_extensions(reader: der.Reader, tag: int) -> _Extensions:
    inner = reader.enter(tag)
    found = inner.extensions()
    inner.finish()
    return found


def _nonce(extensions: _Extensions) -> bytes | None:
    value = next((value for oid, _, value in extensions if oid == OID_NONCE), None)
    if value is None:
        return None
    reader = der.Reader(value)
    nonce = reader.read(der.OCTET_STRING)
    reader.finish()
    # RFC 9654 §2.1: 1 to 128 octets.
    if not 0 < len(nonce) <= _LONGEST_NONCE:
        raise der.DerError(f"a nonce of {len(nonce)} octets")
    return nonce


def read_cert_id(raw: bytes) -> CertId:
    """Read one CertID.

    Raises:
        DerError: it is none, or a hash has another length than its algorithm's.
    """
    reader = der.Reader(raw).enter()
    algorithm = reader.enter()
    oid = algorithm.object_identifier()
    if not algorithm.at_end:
        algorithm.read(der.NULL)
    algorithm.finish()
    name_hash, key_hash = reader.read(der.OCTET_STRING), reader.read(der.OCTET_STRING)
    serial = reader.integer()
    reader.finish()
    size = _DIGEST_SIZES.get(oid, len(name_hash))
    if len(name_hash) != size or len(key_hash) != size or not size:
        raise der.DerError("a hash of the wrong length")
    if serial.bit_length() > 8 * _LONGEST_SERIAL:
        raise der.DerError("a serial number that is too long")
    return CertId(oid, name_hash, key_hash, serial, raw)


def make_cert_id(serial: int, issuer: bytes, hash_algorithm: HashAlgorithm) -> CertId:
    """CertID of a serial of the CA with that DER certificate.

    Raises:
        InvalidInput: the CA's certificate cannot be read.
    """
    oid = HASH_OIDS[hash_algorithm]
    name_hash, key_hash = issuer_hashes(issuer)[oid]
    raw = der.sequence(
        der.sequence(der.object_identifier(oid), der.null()),
        der.octet_string(name_hash),
        der.octet_string(key_hash),
        der.integer(serial),
    )
    return CertId(oid, name_hash, key_hash, serial, raw)


def issuer_hashes(ca_certificate: bytes) -> dict[str, tuple[bytes, bytes]]:
    """Hash OID → (hash of the CA's name, hash of its key bits), for SHA-1, 256, 384 and 512.

    Raises:
        InvalidInput: the DER is no certificate.
    """
    parts = certificate_parts(ca_certificate)
    return {
        oid: (digest(algorithm, parts.subject), digest(algorithm, parts.key_bits))
        for algorithm, oid in HASH_OIDS.items()
    }


def encode_ocsp_request(cert_ids: tuple[CertId, ...], nonce: bytes | None = None) -> bytes:
    """DER OCSPRequest for several CertIDs, unsigned.

    Raises:
        InvalidInput: a nonce of 0 or over 128 octets.
    """
    requests = der.sequence(*(der.sequence(cert_id.der) for cert_id in cert_ids))
    return der.sequence(
        der.sequence(requests, b"" if nonce is None else der.explicit(2, nonce_extensions(nonce)))
    )


def nonce_extensions(nonce: bytes) -> bytes:
    """Extensions that hold just the nonce.

    Raises:
        InvalidInput: 0 or over 128 octets.
    """
    if not 0 < len(nonce) <= _LONGEST_NONCE:
        raise InvalidInput("A nonce has 1 to 128 octets.")
    return der.sequence(der.extension(OID_NONCE, der.octet_string(nonce)))

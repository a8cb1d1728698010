"""PKCS#10 requests: read strictly, with their key and their signature checked."""

from __future__ import annotations

from dataclasses import dataclass

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import dsa, rsa
from cryptography.hazmat.primitives.serialization import Encoding

from app.domain.errors import InvalidInput, InvalidRequest
from app.domain.keys import KeyAlgorithm
from app.pki import microsoft
from app.pki.der import SEQUENCE, DerError, Reader
from app.pki.pem import CERTIFICATE_REQUEST, to_der
from app.pki.request_body import read_request_body
from app.pki.signatures import (
    PublicKey,
    key_algorithm,
    public_key_der,
    public_key_text,
    read_algorithm_identifier,
    signature_matches,
)

_MINIMUM_RSA_BITS = 2048
_MINIMUM_DSA_BITS = 2048
_MINIMUM_SUBPRIME_BITS = 224
_MINIMUM_EXPONENT = 65_537
_LONGEST_EXPONENT = 256
_TEXT_NAMES = (x509.DNSName, x509.RFC822Name, x509.UniformResourceIdentifier)
_LABELS = (CERTIFICATE_REQUEST, "NEW CERTIFICATE REQUEST")


@dataclass(frozen=True, slots=True)
class RequestedExtension:
    """An extension that a request asks for; `value` is DER."""

    oid: str
    critical: bool
    value: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class ParsedRequest:
    """A PKCS#10 request whose signature is right and whose key is acceptable.

    Attributes:
        der: the request.
        public_key_der: DER SubjectPublicKeyInfo.
        san: subject alternative name that was asked for.
        template_name: from Microsoft's name extension or the CertificateTemplate attribute, or "".
        template_oid: from Microsoft's template information extension, or "".
        attributes: enrolment attributes inside the request (name, value).
        requested_extensions: all of them, in order, also those above.
    """

    der: bytes
    subject: x509.Name
    public_key: PublicKey
    public_key_der: bytes
    key_algorithm: KeyAlgorithm
    bits: int
    san: x509.SubjectAlternativeName | None
    template_name: str
    template_oid: str
    attributes: tuple[tuple[str, str], ...]
    requested_extensions: tuple[RequestedExtension, ...]

    @property
    def key_text(self) -> str:
        """Algorithm and size to read, for example `RSA 2048`."""
        return public_key_text(self.public_key)


def parse_request(data: bytes) -> ParsedRequest:
    """Read a request in PEM (also `NEW CERTIFICATE REQUEST`), bare base64 or DER.

    Raises:
        InvalidRequest: it cannot be read, its signature is wrong, or its key is weak or unknown.
    """
    request = _load(data)
    public_key, algorithm, bits = _key(request)
    _check_signature(request)
    try:
        body = read_request_body(request.tbs_certrequest_bytes)
        subject = request.subject
        san = _alternative_name(request.extensions)
    except DerError as error:
        raise _unreadable(f"In the request there is {error}.", error) from None
    except (ValueError, x509.DuplicateExtension, x509.UnsupportedGeneralNameType) as error:
        raise _unreadable(
            "One of its names, extensions or attributes is malformed.", error
        ) from None
    requested = tuple(RequestedExtension(*extension) for extension in body.extensions)
    name, oid = _template(requested, body.pairs)
    return ParsedRequest(
        der=request.public_bytes(Encoding.DER),
        subject=subject,
        public_key=public_key,
        public_key_der=public_key_der(public_key),
        key_algorithm=algorithm,
        bits=bits,
        san=san,
        template_name=name,
        template_oid=oid,
        attributes=body.pairs,
        requested_extensions=requested,
    )


def _load(data: bytes) -> x509.CertificateSigningRequest:
    try:
        return x509.load_der_x509_csr(to_der(data, *_LABELS))
    except InvalidInput as error:
        raise _unreadable(error.cause, error) from None
    except ValueError as error:
        raise _unreadable("The bytes are not a PKCS#10 request.", error) from None


def _unreadable(cause: str, error: Exception) -> InvalidRequest:
    return InvalidRequest(
        "The certificate request cannot be read.",
        cause=cause,
        remedy="Create the request again and choose the file that certreq or openssl req wrote.",
        detail=str(error),
    )


def _key(request: x509.CertificateSigningRequest) -> tuple[PublicKey, KeyAlgorithm, int]:
    try:
        public_key = request.public_key()
    except (ValueError, UnsupportedAlgorithm) as error:
        raise _bad_key(
            "The key in the request is malformed or of an unknown kind.", error
        ) from None
    known = key_algorithm(public_key)
    if known is None or not isinstance(public_key, PublicKey):
        kind = public_key_text(public_key)
        raise _bad_key(f"The key in the request is of the kind {kind}, which is not supported.")
    algorithm, bits = known
    if isinstance(public_key, rsa.RSAPublicKey):
        _check_rsa(public_key)
    elif isinstance(public_key, dsa.DSAPublicKey):
        _check_dsa(public_key)
    return public_key, algorithm, bits


def _check_rsa(key: rsa.RSAPublicKey) -> None:
    exponent = key.public_numbers().e
    if key.key_size < _MINIMUM_RSA_BITS:
        raise _bad_key(f"The RSA key in the request has only {key.key_size} bits.")
    # FIPS 186-5 §5.4: 2^16 < e < 2^256, odd.
    if (
        exponent < _MINIMUM_EXPONENT
        or exponent % 2 == 0
        or exponent.bit_length() > _LONGEST_EXPONENT
    ):
        raise _bad_key("The RSA key in the request has an exponent that is not allowed.")


def _check_dsa(key: dsa.DSAPublicKey) -> None:
    """FIPS 186-4 §4.2: q of 224 or 256 bits with p of 2048 bits and more; y in its subgroup."""
    numbers = key.public_numbers()
    p, q = numbers.parameter_numbers.p, numbers.parameter_numbers.q
    if key.key_size < _MINIMUM_DSA_BITS or q.bit_length() < _MINIMUM_SUBPRIME_BITS:
        raise _bad_key(f"The DSA key in the request has only {key.key_size} bits.")
    if not 1 < numbers.y < p - 1 or pow(numbers.y, q, p) != 1:
        raise _bad_key("The DSA key in the request is not in the group of its parameters.")


def _bad_key(message: str, error: Exception | None = None) -> InvalidRequest:
    return InvalidRequest(
        message,
        cause="Keys must be RSA with at least 2048 bits and an exponent of at least 65537, "
        "ECDSA on P-256, P-384 or P-521, Ed25519, or DSA with at least 2048 bits.",
        remedy="Create the request again with such a key.",
        detail="" if error is None else str(error),
    )


def _check_signature(request: x509.CertificateSigningRequest) -> None:
    try:
        valid, detail = _is_signature_valid(request), ""
    except (InvalidSignature, UnsupportedAlgorithm, ValueError) as error:
        valid, detail = False, str(error)
    if not valid:
        raise InvalidRequest(
            "The signature on the certificate request is wrong.",
            cause="The file was changed after it was signed, "
            "or it was signed with another key than the one it carries.",
            remedy="Create the request again on the machine that holds the key.",
            detail=detail,
        )


def _is_signature_valid(request: x509.CertificateSigningRequest) -> bool:
    key = request.public_key()
    if not isinstance(key, dsa.DSAPublicKey):
        return request.is_signature_valid
    # For DSA with a hash longer than q, `cryptography` says no to right signatures too.
    outer = Reader(request.public_bytes(Encoding.DER)).enter()
    outer.read_raw(SEQUENCE)
    algorithm = read_algorithm_identifier(outer.read_raw(SEQUENCE))
    return algorithm is not None and signature_matches(
        key, request.signature, request.tbs_certrequest_bytes, algorithm
    )


def _alternative_name(extensions: x509.Extensions) -> x509.SubjectAlternativeName | None:
    """The alternative name that is asked for; raises ValueError when it cannot be issued."""
    try:
        san = extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return None
    names = tuple(san)
    if not names:
        raise ValueError("the subject alternative name is empty")
    for name in names:
        text = name.value if isinstance(name, _TEXT_NAMES) else "-"
        if not text or not all("!" <= letter <= "~" for letter in text):
            raise ValueError(f"{text!r} is no alternative name")
    return san


def _template(
    requested: tuple[RequestedExtension, ...], attributes: tuple[tuple[str, str], ...]
) -> tuple[str, str]:
    """Template name and OID, the attribute before the extension, as AD CS does."""
    values = {item.oid: item.value for item in requested}
    named = [value for name, value in attributes if name.casefold() == "certificatetemplate"]
    name = named[0] if named else microsoft.read_text(values.get(microsoft.OID_TEMPLATE_NAME, b""))
    information = microsoft.read_template_information(
        values.get(microsoft.OID_TEMPLATE_INFORMATION, b"")
    )
    return name, "" if information is None else information[0]

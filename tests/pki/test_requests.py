"""PKCS#10 requests: what openssl writes, what Windows writes, and what must be refused."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from hypothesis import given
from hypothesis import strategies as st

from app.domain.errors import InvalidRequest
from app.domain.keys import HashAlgorithm, KeyAlgorithm
from app.pki import der, microsoft
from app.pki.names import format_name
from app.pki.requests import ParsedRequest, parse_request
from app.pki.signatures import algorithm_identifier, builder_hash, family, public_key_der, sign
from tests.pki import material

if TYPE_CHECKING:
    from pathlib import Path

_SAN = x509.SubjectAlternativeName([x509.DNSName("www.example.com")])


def _bmp(text: str) -> bytes:
    return der.encode(0x1E, text.encode("utf-16-be"))


def _windows_request(*attributes: bytes, subject: bytes = b"") -> bytes:
    """A request with attributes as certreq writes them, which no builder here can."""
    key = material.key("P-256", "holder")
    body = der.sequence(
        der.integer(0),
        der.sequence(subject),
        public_key_der(key.public_key()),
        der.encode(der.CONTEXT_0, b"".join(attributes)),
    )
    signature = sign(key, body, HashAlgorithm.SHA256)
    algorithm = algorithm_identifier(family(key), HashAlgorithm.SHA256)
    return der.sequence(body, algorithm, der.bit_string(signature))


def _attribute(oid: str, *values: bytes) -> bytes:
    return der.sequence(der.object_identifier(oid), der.encode(0x31, b"".join(values)))


@pytest.mark.parametrize(
    ("arguments", "algorithm", "bits"),
    [
        (("rsa:2048",), KeyAlgorithm.RSA, 2048),
        (("ec", "-pkeyopt", "ec_paramgen_curve:P-256"), KeyAlgorithm.ECDSA_P256, 256),
        (("ec", "-pkeyopt", "ec_paramgen_curve:P-384"), KeyAlgorithm.ECDSA_P384, 384),
        (("ec", "-pkeyopt", "ec_paramgen_curve:P-521"), KeyAlgorithm.ECDSA_P521, 521),
    ],
)
def test_requests_of_openssl_are_read(
    tmp_path: Path, arguments: tuple[str, ...], algorithm: KeyAlgorithm, bits: int
) -> None:
    path = tmp_path / "request.pem"
    material.openssl(
        *("req", "-new", "-nodes", "-newkey", *arguments, "-keyout", tmp_path / "key.pem"),
        *("-subj", "/C=DE/O=Example/CN=www.example.com", "-out", path),
        *("-addext", "subjectAltName=DNS:www.example.com,IP:192.0.2.1"),
    )
    parsed = parse_request(path.read_bytes())
    assert format_name(parsed.subject) == "CN=www.example.com,O=Example,C=DE"
    assert (parsed.key_algorithm, parsed.bits) == (algorithm, bits)
    assert parsed.san is not None
    assert parsed.san.get_values_for_type(x509.DNSName) == ["www.example.com"]
    assert [item.oid for item in parsed.requested_extensions] == ["2.5.29.17"]
    assert (parsed.template_name, parsed.template_oid, parsed.attributes) == ("", "", ())


def test_every_way_to_write_a_file_is_read() -> None:
    data = material.request(material.key("P-256", "holder"))
    lines = base64.encodebytes(data).decode()
    pem = f"-----BEGIN NEW CERTIFICATE REQUEST-----\n{lines}-----END NEW CERTIFICATE REQUEST-----\n"
    windows = pem.replace("\n", "\r\n")
    plain = pem.replace("NEW ", "")
    for text in (
        data,
        pem.encode(),
        plain.encode(),
        windows.encode(),
        b"\xef\xbb\xbf" + windows.encode(),
        windows.encode("utf-16"),
        f"\n \n  {plain}\n\ntrailing words".encode(),
        lines.encode(),
        lines.replace("\n", "").encode(),
    ):
        assert parse_request(text).der == data


def test_the_template_is_found_in_attributes_and_extensions() -> None:
    pair = der.sequence(_bmp("CertificateTemplate"), _bmp("WebServer"))
    other = der.sequence(_bmp("Other"), _bmp("x"))
    named = _windows_request(_attribute(microsoft.OID_NAME_VALUE_PAIR, other, pair))
    parsed = parse_request(named)
    assert parsed.template_name == "WebServer"
    assert parsed.attributes == (("Other", "x"), ("CertificateTemplate", "WebServer"))

    information = der.sequence(der.object_identifier("1.3.6.1.4.1.311.21.8.7"), der.integer(100))
    extensions = der.sequence(
        der.extension(microsoft.OID_TEMPLATE_INFORMATION, information),
        der.extension(microsoft.OID_TEMPLATE_NAME, _bmp("Machine")),
    )
    for oid in ("1.2.840.113549.1.9.14", "1.3.6.1.4.1.311.2.1.14"):
        parsed = parse_request(_windows_request(_attribute(oid, extensions)))
        assert parsed.template_name == "Machine"
        assert parsed.template_oid == "1.3.6.1.4.1.311.21.8.7"


def _refused(data: bytes) -> InvalidRequest:
    with pytest.raises(InvalidRequest) as caught:
        parse_request(data)
    error = caught.value
    assert error.message
    assert error.cause
    assert error.remedy
    return error


def test_a_changed_request_is_refused() -> None:
    data = material.request(material.key("P-256", "holder"))
    changed = data.replace(b"www.example.com", b"evil.example.co")
    assert "signature" in _refused(changed).message


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"0",
        b"not a request",
        b"-----BEGIN CERTIFICATE REQUEST-----\nMIIB\n",
        b"-----BEGIN CERTIFICATE REQUEST-----\n!!!!\n-----END CERTIFICATE REQUEST-----\n",
        b"-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n",
        b"\x30\x03\x02\x01\x00",
        b"\xff\xfe\x00",
    ],
)
def test_what_is_no_request_is_refused(data: bytes) -> None:
    assert "cannot be read" in _refused(data).message


def test_bytes_after_a_request_are_refused() -> None:
    _refused(material.request(material.key("P-256", "holder")) + b"\x00")


def _signed_by(
    key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | dsa.DSAPrivateKey,
) -> bytes:
    builder = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([]))
    return builder.sign(key, hashes.SHA256()).public_bytes(Encoding.DER)


def test_weak_and_unknown_keys_are_refused() -> None:
    short = rsa.generate_private_key(65_537, 1024)  # noqa: S505 - to be refused
    assert "1024 bits" in _refused(_signed_by(short)).message
    exponent = rsa.generate_private_key(3, 2048)
    assert "exponent" in _refused(_signed_by(exponent)).message
    curve = ec.generate_private_key(ec.SECP256K1())
    assert "not supported" in _refused(_signed_by(curve)).message
    old = dsa.generate_private_key(1024)  # noqa: S505 - to be refused
    assert "1024 bits" in _refused(_signed_by(old)).message
    larger = ed448.Ed448PrivateKey.generate()
    builder = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([]))
    data = builder.sign(larger, None).public_bytes(Encoding.DER)
    assert "not supported" in _refused(data).message


@pytest.mark.parametrize(
    ("kind", "algorithm", "bits", "text"),
    [
        ("Ed25519", KeyAlgorithm.ED25519, 256, "Ed25519"),
        ("DSA", KeyAlgorithm.DSA, 2048, "DSA 2048"),
    ],
)
def test_the_rarer_kinds_of_keys_are_read(
    kind: str, algorithm: KeyAlgorithm, bits: int, text: str
) -> None:
    for sha in (HashAlgorithm.SHA256, HashAlgorithm.SHA384, HashAlgorithm.SHA512):
        key = material.key(kind, "holder")
        builder = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([]))
        data = builder.sign(key, builder_hash(key, sha)).public_bytes(Encoding.DER)
        parsed = parse_request(data)
        wrong = data[:-1] + bytes([data[-1] ^ 1])
        assert "signature" in _refused(wrong).message
    assert (parsed.key_algorithm, parsed.bits, parsed.key_text) == (algorithm, bits, text)


def _part(oid: str, tag: int, value: bytes) -> bytes:
    return der.encode(0x31, der.sequence(der.object_identifier(oid), der.encode(tag, value)))


@pytest.mark.parametrize(
    ("subject", "cause"),
    [
        (_part("2.5.4.6", 0x13, b"DEU"), "a country of 3 characters"),
        (_part("2.5.4.3", 0x0C, b""), "a common name of 0 characters"),
        (_part("2.5.4.3", 0x0C, b"a" * 65), "a common name of 65 characters"),
        (_part("2.5.4.10", 0x0C, b"\xff"), "malformed"),
    ],
)
def test_names_that_no_certificate_may_have_are_refused(subject: bytes, cause: str) -> None:
    assert cause in _refused(_windows_request(subject=subject)).cause


@pytest.mark.parametrize(
    "name",
    [b"", der.encode(0x82, b"a\x00b"), der.encode(0x82, b""), der.encode(0xA3, b"")],
)
def test_alternative_names_that_cannot_be_issued_are_refused(name: bytes) -> None:
    extension = der.extension("2.5.29.17", der.sequence(name))
    _refused(_windows_request(_attribute("1.2.840.113549.1.9.14", der.sequence(extension))))


def test_an_extension_may_be_asked_for_once() -> None:
    one = der.extension("1.2.3", der.null())
    for extensions in (der.sequence(one, one), der.sequence(der.extension("2.5.29.15", b"\x01"))):
        _refused(_windows_request(_attribute("1.2.840.113549.1.9.14", extensions)))


@given(st.integers(0, 400), st.integers(0, 255))
def test_a_damaged_byte_is_refused_or_changes_nothing(position: int, value: int) -> None:
    data = bytearray(material.request(material.key("P-256", "holder"), extensions=(_SAN,)))
    data[position % len(data)] = value
    try:
        parsed = parse_request(bytes(data))
    except InvalidRequest:
        return
    assert isinstance(parsed, ParsedRequest)


@given(st.binary(max_size=200))
def test_any_bytes_are_refused(data: bytes) -> None:
    _refused(data)

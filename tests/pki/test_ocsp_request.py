"""OCSP requests: those of clients, and everything that is none."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.x509 import ocsp
from hypothesis import given
from hypothesis import strategies as st

from app.domain.errors import InvalidInput
from app.domain.keys import HashAlgorithm
from app.pki import der
from app.pki.ocsp_request import (
    OID_NONCE,
    MalformedRequest,
    encode_ocsp_request,
    issuer_hashes,
    make_cert_id,
    parse_ocsp_request,
)
from app.pki.parts import certificate_parts, load_certificate
from tests.pki import material

if TYPE_CHECKING:
    from pathlib import Path

_HASHES = {
    HashAlgorithm.SHA1: hashes.SHA1(),  # noqa: S303 - what CertIDs are made of
    HashAlgorithm.SHA256: hashes.SHA256(),
    HashAlgorithm.SHA384: hashes.SHA384(),
    HashAlgorithm.SHA512: hashes.SHA512(),
}


def _leaf(name: str = "leaf") -> bytes:
    return material.issue(
        material.ca(), material.template(), material.key("P-256", "holder"), name=name
    )


def _message(
    *requests: bytes, extensions: bytes = b"", version: bytes = b"", signature: bytes = b""
) -> bytes:
    return der.sequence(der.sequence(version, der.sequence(*requests), extensions), signature)


def _single(extensions: bytes = b"") -> bytes:
    cert_id = make_cert_id(5, material.ca().certificate, HashAlgorithm.SHA1)
    return der.sequence(cert_id.der, extensions)


@pytest.mark.parametrize("hash_algorithm", list(HashAlgorithm))
def test_we_write_what_cryptography_writes(hash_algorithm: HashAlgorithm) -> None:
    leaf, authority = _leaf(), material.ca()
    builder = ocsp.OCSPRequestBuilder().add_certificate(
        load_certificate(leaf),
        load_certificate(authority.certificate),
        _HASHES[hash_algorithm],
    )
    from_cryptography = ocsp.load_der_ocsp_request(
        encode_ocsp_request(
            (make_cert_id(certificate_parts(leaf).serial, authority.certificate, hash_algorithm),)
        )
    )
    expected = builder.build()
    assert from_cryptography.serial_number == expected.serial_number
    assert from_cryptography.issuer_name_hash == expected.issuer_name_hash
    assert from_cryptography.issuer_key_hash == expected.issuer_key_hash
    assert from_cryptography.hash_algorithm.name == expected.hash_algorithm.name


def test_issuer_hashes_are_those_of_name_and_key() -> None:
    parts = certificate_parts(material.ca().certificate)
    found = issuer_hashes(material.ca().certificate)
    assert found["1.3.14.3.2.26"] == (
        hashlib.sha1(parts.subject, usedforsecurity=False).digest(),
        hashlib.sha1(parts.key_bits, usedforsecurity=False).digest(),
    )
    assert [len(name) for name, _ in found.values()] == [20, 32, 48, 64]


def test_requests_of_openssl_are_read(tmp_path: Path) -> None:
    authority = material.ca()
    root = material.write_pem(tmp_path, "root.pem", authority.certificate)
    one = material.write_pem(tmp_path, "one.pem", _leaf("one"))
    two = material.write_pem(tmp_path, "two.pem", _leaf("two"))
    out = tmp_path / "request.der"
    asked = ("-issuer", root, "-cert", one, "-sha256", "-cert", two)
    material.openssl("ocsp", *asked, "-reqout", out)
    parsed = parse_ocsp_request(out.read_bytes())
    assert [cert_id.serial for cert_id in parsed.cert_ids] == [
        material.serial("one"),
        material.serial("two"),
    ]
    expected = [
        make_cert_id(material.serial("one"), authority.certificate, HashAlgorithm.SHA1),
        make_cert_id(material.serial("two"), authority.certificate, HashAlgorithm.SHA256),
    ]
    assert [
        known.matches(cert_id) for known, cert_id in zip(expected, parsed.cert_ids, strict=True)
    ]
    assert parsed.nonce is not None
    assert (parsed.extensions, parsed.unsupported_critical) == ((OID_NONCE,), ())
    assert not parsed.signed
    material.openssl("ocsp", *asked, "-no_nonce", "-reqout", out)
    parsed = parse_ocsp_request(out.read_bytes())
    assert parsed.nonce is None
    # Written anew from what was understood, it is the same request.
    assert encode_ocsp_request(parsed.cert_ids) == out.read_bytes()


def test_signed_requests_are_read_and_told(tmp_path: Path) -> None:
    key = tmp_path / "key.pem"
    key.write_bytes(material.private_pem(material.key("P-256", "holder")))
    leaf = material.write_pem(tmp_path, "leaf.pem", _leaf())
    root = material.write_pem(tmp_path, "root.pem", material.ca().certificate)
    out = tmp_path / "request.der"
    material.openssl(
        *("ocsp", "-issuer", root, "-cert", leaf, "-signer", leaf, "-signkey", key),
        *("-reqout", out),
    )
    parsed = parse_ocsp_request(out.read_bytes())
    assert parsed.signed
    assert parsed.cert_ids[0].serial == material.serial("leaf")


@given(st.binary(min_size=1, max_size=128), st.integers(0, 2**159))
def test_what_we_write_is_read_back(nonce: bytes, serial: int) -> None:
    cert_ids = tuple(
        make_cert_id(serial, material.ca().certificate, algorithm) for algorithm in HashAlgorithm
    )
    parsed = parse_ocsp_request(encode_ocsp_request(cert_ids, nonce))
    assert (parsed.cert_ids, parsed.nonce) == (cert_ids, nonce)


@pytest.mark.parametrize("size", [0, 129])
def test_nonces_have_1_to_128_octets(size: int) -> None:
    nonce = der.extension(OID_NONCE, der.octet_string(b"n" * size))
    data = _message(_single(), extensions=der.explicit(2, der.sequence(nonce)))
    with pytest.raises(MalformedRequest, match="cannot be read"):
        parse_ocsp_request(data)
    with pytest.raises(InvalidInput, match="1 to 128"):
        encode_ocsp_request((), b"n" * size)


def test_a_nonce_that_is_no_octet_string_is_refused() -> None:
    for value in (b"raw nonce", der.octet_string(b"n") + b"\x00"):
        extensions = der.sequence(der.extension(OID_NONCE, value))
        with pytest.raises(MalformedRequest):
            parse_ocsp_request(_message(_single(), extensions=der.explicit(2, extensions)))


def test_critical_extensions_that_are_unknown_are_told() -> None:
    unknown = der.extension("1.2.3", der.null(), critical=True)
    harmless = der.extension("1.2.4", der.null())
    known = der.extension("1.3.6.1.5.5.7.48.1.7", der.null(), critical=True)
    single = _single(der.explicit(0, der.sequence(unknown, known)))
    message = der.explicit(2, der.sequence(harmless))
    parsed = parse_ocsp_request(_message(single, extensions=message))
    assert parsed.unsupported_critical == ("1.2.3",)
    assert parsed.extensions == ("1.2.4", "1.2.3", "1.3.6.1.5.5.7.48.1.7")


def test_a_nonce_of_a_single_request_is_not_the_nonce_of_the_message() -> None:
    nonce = der.extension(OID_NONCE, der.octet_string(b"n"))
    parsed = parse_ocsp_request(_message(_single(der.explicit(0, der.sequence(nonce)))))
    assert parsed.nonce is None


def test_the_number_of_certificates_is_limited() -> None:
    assert len(parse_ocsp_request(_message(*[_single()] * 50)).cert_ids) == 50
    with pytest.raises(MalformedRequest) as caught:
        parse_ocsp_request(_message(*[_single()] * 51))
    assert "50" in caught.value.cause
    with pytest.raises(MalformedRequest):
        parse_ocsp_request(_message(*[_single()] * 2), max_requests=1)
    with pytest.raises(MalformedRequest):
        parse_ocsp_request(_message())


def test_version_and_requestor_are_read_over() -> None:
    version = der.explicit(0, der.integer(0))
    requestor = der.explicit(1, der.encode(0x82, b"host"))
    assert parse_ocsp_request(_message(_single(), version=version + requestor)).cert_ids
    with pytest.raises(MalformedRequest):
        parse_ocsp_request(_message(_single(), version=der.explicit(0, der.integer(1))))


def _cert_id(oid: str, size: int, serial: bytes = b"\x02\x01\x05", after: bytes = b"") -> bytes:
    algorithm = der.sequence(der.object_identifier(oid), der.null())
    value = der.octet_string(b"h" * size)
    return der.sequence(der.sequence(algorithm, value, value, serial, after))


def test_hashes_have_the_length_of_their_algorithm() -> None:
    assert parse_ocsp_request(_message(_cert_id("1.3.14.3.2.26", 20))).cert_ids
    # An algorithm that is not known here is for the responder to judge.
    assert parse_ocsp_request(_message(_cert_id("1.2.3.4", 28))).cert_ids
    for oid, size in (("1.3.14.3.2.26", 32), ("2.16.840.1.101.3.4.2.1", 20), ("1.2.3.4", 0)):
        with pytest.raises(MalformedRequest):
            parse_ocsp_request(_message(_cert_id(oid, size)))


def test_odd_serials_and_left_overs_are_refused() -> None:
    sha1 = "1.3.14.3.2.26"
    for bad in (
        _cert_id(sha1, 20, b"\x02\x00"),
        _cert_id(sha1, 20, b"\x02\x02\x00\x05"),
        _cert_id(sha1, 20, der.encode(2, b"\x01" * 65)),
        _cert_id(sha1, 20, after=der.null()),
    ):
        with pytest.raises(MalformedRequest):
            parse_ocsp_request(_message(bad))
    whole = _message(_single())
    for data in (whole + b"\x00", whole[:-1], _message(_single(), signature=der.null())):
        with pytest.raises(MalformedRequest):
            parse_ocsp_request(data)


@given(st.binary(max_size=300))
def test_any_bytes_are_read_or_malformed(data: bytes) -> None:
    with pytest.raises(MalformedRequest):
        parse_ocsp_request(data)


@given(st.data())
def test_damaged_requests_are_read_or_malformed(data: st.DataObject) -> None:
    cert_ids = tuple(
        make_cert_id(77, material.ca().certificate, algorithm)
        for algorithm in (HashAlgorithm.SHA1, HashAlgorithm.SHA256)
    )
    message = bytearray(encode_ocsp_request(cert_ids, b"nonce"))
    for _ in range(data.draw(st.integers(1, 3))):
        position = data.draw(st.integers(0, len(message) - 1))
        if data.draw(st.booleans()):
            message[position] = data.draw(st.integers(0, 255))
        else:
            del message[position]
    try:
        parsed = parse_ocsp_request(bytes(message))
    except MalformedRequest:
        return
    assert parsed.cert_ids
    for cert_id in parsed.cert_ids:
        assert cert_id.der in bytes(message)

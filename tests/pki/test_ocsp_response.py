"""OCSP responses: byte for byte those of cryptography, and judged by openssl."""

from __future__ import annotations

import functools
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp
from hypothesis import given
from hypothesis import strategies as st

from app.domain.keys import HashAlgorithm, KeyAlgorithm
from app.domain.requests import RevocationReason
from app.domain.responder import CertificateStatus, StatusAnswer
from app.pki.ocsp_request import encode_ocsp_request, make_cert_id
from app.pki.ocsp_response import (
    OcspErrorStatus,
    SingleAnswer,
    assemble,
    error_response,
    responder_id_by_key,
    responder_id_by_name,
    response_data,
)
from app.pki.parts import load_certificate
from app.pki.signatures import family, key_algorithm, sign
from tests.pki import material
from tests.pki.material import KINDS, NOW

if TYPE_CHECKING:
    from pathlib import Path

_MOMENTS = st.datetimes(datetime(1970, 1, 1), datetime(2090, 1, 1), timezones=st.just(UTC)).map(  # noqa: DTZ001
    lambda moment: moment.replace(microsecond=0)
)
_REASONS = {
    RevocationReason.UNSPECIFIED: None,
    RevocationReason.KEY_COMPROMISE: x509.ReasonFlags.key_compromise,
    RevocationReason.CA_COMPROMISE: x509.ReasonFlags.ca_compromise,
    RevocationReason.AFFILIATION_CHANGED: x509.ReasonFlags.affiliation_changed,
    RevocationReason.SUPERSEDED: x509.ReasonFlags.superseded,
    RevocationReason.CESSATION_OF_OPERATION: x509.ReasonFlags.cessation_of_operation,
    RevocationReason.CERTIFICATE_HOLD: x509.ReasonFlags.certificate_hold,
}
_CERT_ID_HASHES = {
    HashAlgorithm.SHA1: hashes.SHA1(),  # noqa: S303 - what CertIDs are made of
    HashAlgorithm.SHA256: hashes.SHA256(),
}
_STATUSES = {
    CertificateStatus.GOOD: ocsp.OCSPCertStatus.GOOD,
    CertificateStatus.REVOKED: ocsp.OCSPCertStatus.REVOKED,
    CertificateStatus.UNKNOWN: ocsp.OCSPCertStatus.UNKNOWN,
}
_ANSWERS = st.one_of(
    st.just(StatusAnswer(CertificateStatus.GOOD)),
    st.just(StatusAnswer(CertificateStatus.UNKNOWN)),
    st.builds(
        StatusAnswer,
        st.just(CertificateStatus.REVOKED),
        _MOMENTS,
        st.sampled_from(RevocationReason),
    ),
)


@functools.cache
def _signer() -> tuple[bytes, rsa.RSAPrivateKey]:
    key = material.key("RSA", "responder")
    assert isinstance(key, rsa.RSAPrivateKey)
    template = material.ocsp_template(algorithm=KeyAlgorithm.RSA)
    return material.issue(material.ca(), template, key, name="responder"), key


@given(
    serial=st.integers(1, 2**159),
    answer=_ANSWERS,
    this_update=_MOMENTS,
    lasts=st.none() | st.timedeltas(timedelta(0), timedelta(days=3650)),
    nonce=st.none() | st.binary(min_size=1, max_size=128),
    hash_algorithm=st.sampled_from(list(_CERT_ID_HASHES)),
    by_name=st.booleans(),
)
def test_the_bytes_are_those_of_cryptography(  # noqa: PLR0913
    *,
    serial: int,
    answer: StatusAnswer,
    this_update: datetime,
    lasts: timedelta | None,
    nonce: bytes | None,
    hash_algorithm: HashAlgorithm,
    by_name: bool,
) -> None:
    certificate, key = _signer()
    next_update = None if lasts is None else (this_update + lasts).replace(microsecond=0)
    cert_id = make_cert_id(serial, material.ca().certificate, hash_algorithm)
    responder_id = (responder_id_by_name if by_name else responder_id_by_key)(certificate)
    encoding = ocsp.OCSPResponderEncoding
    builder = (
        ocsp.OCSPResponseBuilder()
        .add_response_by_hash(
            issuer_name_hash=cert_id.issuer_name_hash,
            issuer_key_hash=cert_id.issuer_key_hash,
            serial_number=serial,
            algorithm=_CERT_ID_HASHES[hash_algorithm],
            cert_status=_STATUSES[answer.status],
            this_update=this_update,
            next_update=next_update,
            revocation_time=answer.revoked_at,
            revocation_reason=None if answer.reason is None else _REASONS[answer.reason],
        )
        .responder_id(encoding.NAME if by_name else encoding.HASH, load_certificate(certificate))
        .certificates([load_certificate(certificate)])
    )
    if nonce is not None:
        builder = builder.add_extension(x509.OCSPNonce(nonce), critical=False)
    theirs = builder.sign(key, hashes.SHA256())

    # Their builder takes the time of production from the machine's clock.
    single = SingleAnswer(cert_id, answer, this_update, next_update)
    data = response_data((single,), responder_id, theirs.produced_at_utc, nonce)
    assert data == theirs.tbs_response_bytes
    signature = sign(key, data, HashAlgorithm.SHA256)
    ours = assemble(data, signature, "RSA", HashAlgorithm.SHA256, certificate)
    assert ours == theirs.public_bytes(Encoding.DER)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("pss", [False, True])
@pytest.mark.parametrize("by_name", [False, True])
def test_openssl_believes_several_answers_at_once(
    tmp_path: Path, kind: str, *, pss: bool, by_name: bool
) -> None:
    authority = material.ca()
    key = material.key(kind, "responder")
    algorithm, _ = key_algorithm(key.public_key()) or (KeyAlgorithm.RSA, 0)
    signer = material.issue(authority, material.ocsp_template(algorithm=algorithm), key, name="r")
    statuses = (
        StatusAnswer(CertificateStatus.GOOD),
        StatusAnswer(CertificateStatus.REVOKED, NOW, RevocationReason.KEY_COMPROMISE),
        StatusAnswer(CertificateStatus.UNKNOWN),
    )
    cert_ids = tuple(
        make_cert_id(number, authority.certificate, HashAlgorithm.SHA1) for number in (1, 2, 3)
    )
    singles = tuple(
        SingleAnswer(cert_id, status, NOW - timedelta(minutes=1), NOW + timedelta(hours=1))
        for cert_id, status in zip(cert_ids, statuses, strict=True)
    )
    responder_id = (responder_id_by_name if by_name else responder_id_by_key)(signer)
    data = response_data(singles, responder_id, NOW, b"n" * 16)
    signature = sign(key, data, HashAlgorithm.SHA256, pss=pss)
    response = tmp_path / "response.der"
    response.write_bytes(
        assemble(data, signature, family(key, pss=pss), HashAlgorithm.SHA256, signer)
    )
    request = tmp_path / "request.der"
    request.write_bytes(encode_ocsp_request(cert_ids, b"n" * 16))
    root = material.write_pem(tmp_path, "root.pem", authority.certificate)
    judge = ("ocsp", "-respin", response, "-issuer", root, "-CAfile", root)
    with_nonce = material.openssl(*judge, "-reqin", request)
    assert "Response verify OK" in with_nonce
    assert "WARNING" not in with_nonce
    said = material.openssl(*judge, "-no_nonce", "-serial", 1, "-serial", 2, "-serial", 3)
    assert "Response verify OK" in said
    assert "1: good" in said
    assert "2: revoked" in said
    assert "Reason: keyCompromise" in said
    assert "3: unknown" in said


@pytest.mark.parametrize("status", list(OcspErrorStatus))
def test_errors_are_those_of_cryptography(status: OcspErrorStatus) -> None:
    theirs = ocsp.OCSPResponseBuilder.build_unsuccessful(ocsp.OCSPResponseStatus(status.value))
    assert error_response(status) == theirs.public_bytes(Encoding.DER)


def test_a_revoked_answer_without_a_time_is_a_bug() -> None:
    cert_id = make_cert_id(1, material.ca().certificate, HashAlgorithm.SHA1)
    single = SingleAnswer(cert_id, StatusAnswer(CertificateStatus.REVOKED), NOW)
    with pytest.raises(ValueError, match="time of the revocation"):
        response_data((single,), responder_id_by_key(material.ca().certificate), NOW)

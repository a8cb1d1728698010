"""What a client makes of a response: each check passes for a good one and fails alone."""

from __future__ import annotations

import functools
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.keys import HashAlgorithm
from app.domain.requests import RevocationReason
from app.domain.responder import CertificateStatus, StatusAnswer
from app.domain.templates import OID_SERVER_AUTH
from app.pki.ocsp_request import CertId, make_cert_id
from app.pki.ocsp_response import (
    OcspErrorStatus,
    OcspVerdict,
    SingleAnswer,
    assemble,
    error_response,
    responder_id_by_key,
    responder_id_by_name,
    response_data,
    verify_ocsp_response,
)
from app.pki.signatures import SigningKey, family, sign
from tests.pki import material
from tests.pki.material import NOW

_GOOD = StatusAnswer(CertificateStatus.GOOD)
_KEY = material.key("P-256", "responder")


def _id(serial: int = 7, hash_algorithm: HashAlgorithm = HashAlgorithm.SHA1) -> CertId:
    return make_cert_id(serial, material.ca().certificate, hash_algorithm)


@dataclass(frozen=True)
class _Case:
    """A response that can be believed, one field of which a test spoils."""

    signer: bytes
    key: SigningKey = _KEY
    answer: StatusAnswer = _GOOD
    this_update: datetime = NOW
    next_update: datetime | None = NOW + timedelta(hours=1)
    nonce: bytes | None = b"nonce"
    by_name: bool = False
    sent: bytes | None = None
    pss: bool = False

    def response(self) -> bytes:
        single = SingleAnswer(_id(), self.answer, self.this_update, self.next_update)
        responder_id = (responder_id_by_name if self.by_name else responder_id_by_key)(self.signer)
        data = response_data((single,), responder_id, NOW, self.nonce)
        signature = sign(self.key, data, HashAlgorithm.SHA256, pss=self.pss)
        kind = family(self.key, pss=self.pss)
        return assemble(data, signature, kind, HashAlgorithm.SHA256, self.sent or self.signer)

    def verdict(self, *cert_ids: CertId, nonce: bytes | None = b"nonce") -> OcspVerdict:
        return verify_ocsp_response(
            self.response(), cert_ids or (_id(),), nonce, material.ca().certificate, NOW
        )


@functools.cache
def _case() -> _Case:
    return _Case(material.issue(material.ca(), material.ocsp_template(), _KEY, name="responder"))


def _failed(verdict: OcspVerdict) -> list[str]:
    assert not verdict.passed
    assert verdict.status is None
    assert verdict.first_problem is not None
    return [check.name for check in verdict.checks if not check.passed]


@pytest.mark.parametrize("by_name", [False, True])
def test_a_good_response_passes_every_check(*, by_name: bool) -> None:
    case = replace(_case(), by_name=by_name)
    verdict = case.verdict()
    assert verdict.passed
    assert verdict.first_problem is None
    assert verdict.status is CertificateStatus.GOOD
    assert (verdict.produced_at, verdict.nonce) == (NOW, b"nonce")
    assert verdict.signing_certificate == case.signer
    assert all(check.sentence.endswith(".") for check in verdict.checks)
    names = [check.name for check in verdict.checks]
    assert len(names) == len(set(names)) == 11


def test_a_revoked_answer_brings_its_time_and_reason() -> None:
    answer = StatusAnswer(CertificateStatus.REVOKED, NOW, RevocationReason.SUPERSEDED)
    verdict = replace(_case(), answer=answer).verdict()
    assert verdict.status is CertificateStatus.REVOKED
    assert verdict.asked[0] is not None
    assert verdict.asked[0].answer == answer


@pytest.mark.parametrize("pss", [False, True])
def test_the_ca_itself_may_sign(*, pss: bool) -> None:
    authority = material.ca("RSA")
    cert_id = make_cert_id(7, authority.certificate, HashAlgorithm.SHA256)
    single = SingleAnswer(cert_id, StatusAnswer(CertificateStatus.GOOD), NOW)
    data = response_data((single,), responder_id_by_key(authority.certificate), NOW)
    signature = sign(authority.key, data, HashAlgorithm.SHA512, pss=pss)
    kind = family(authority.key, pss=pss)
    response = assemble(data, signature, kind, HashAlgorithm.SHA512, None)
    verdict = verify_ocsp_response(response, (cert_id,), None, authority.certificate, NOW)
    assert verdict.passed
    assert verdict.signing_certificate == authority.certificate


def test_a_wrong_signature_fails() -> None:
    assert _failed(replace(_case(), key=material.key("P-256", "other")).verdict()) == ["Signature"]
    assert _failed(replace(_case(), key=material.key("RSA", "other")).verdict()) == ["Signature"]


def test_a_signer_of_another_ca_fails() -> None:
    other = material.issue(
        material.ca("P-256", "Elsewhere"), material.ocsp_template(), _KEY, name="responder"
    )
    assert _failed(replace(_case(), signer=other).verdict()) == [
        "Signing certificate: issued by the CA"
    ]


def test_a_signer_without_purpose_or_nocheck_fails() -> None:
    plain = material.issue(
        material.ca(),
        material.ocsp_template(application_policies=(OID_SERVER_AUTH,)),
        _KEY,
        name="responder",
    )
    assert _failed(replace(_case(), signer=plain).verdict()) == [
        "Signing certificate: OCSP Signing",
        "Signing certificate: no revocation checking",
    ]


def test_an_expired_signer_fails() -> None:
    case = _case()
    verdict = verify_ocsp_response(
        replace(case, next_update=None).response(),
        (_id(),),
        b"nonce",
        material.ca().certificate,
        NOW + timedelta(days=30),
    )
    assert _failed(verdict) == ["Signing certificate: validity"]


def test_a_responder_id_of_nobody_fails() -> None:
    leaf = material.issue(material.ca(), material.template(), material.key("P-256", "holder"))
    assert _failed(replace(_case(), sent=leaf).verdict()) == ["Responder"]


def test_times_are_checked_with_five_minutes_of_tolerance() -> None:
    soon, later = NOW + timedelta(minutes=4), NOW + timedelta(minutes=6)
    assert replace(_case(), this_update=soon).verdict().passed
    assert _failed(replace(_case(), this_update=later).verdict()) == ["Times"]
    just, long_ago = NOW - timedelta(minutes=4), NOW - timedelta(minutes=6)
    assert replace(_case(), next_update=just).verdict().passed
    assert _failed(replace(_case(), next_update=long_ago).verdict()) == ["Times"]


def test_the_nonce_must_come_back() -> None:
    assert _failed(replace(_case(), nonce=None).verdict()) == ["Nonce"]
    assert _failed(replace(_case(), nonce=b"other").verdict()) == ["Nonce"]
    assert _case().verdict(nonce=None).passed


def test_the_answer_must_be_about_what_was_asked() -> None:
    for other in (_id(8), _id(7, HashAlgorithm.SHA256)):
        verdict = _case().verdict(_id(), other)
        assert _failed(verdict) == ["Certificate ID"]
        assert verdict.asked[1] is None


@pytest.mark.parametrize("status", list(OcspErrorStatus))
def test_an_error_is_named(status: OcspErrorStatus) -> None:
    verdict = verify_ocsp_response(
        error_response(status), (_id(),), None, material.ca().certificate, NOW
    )
    assert _failed(verdict) == ["Response"]
    assert verdict.response_status.lower() == status.name.replace("_", "").lower()


@given(st.binary(max_size=200))
def test_any_bytes_are_a_verdict(data: bytes) -> None:
    verdict = verify_ocsp_response(data, (_id(),), None, material.ca().certificate, NOW)
    assert _failed(verdict) == ["Response"]


@given(st.integers(0, 2000), st.integers(1, 255))
def test_a_damaged_response_is_never_believed_for_another_status(position: int, flip: int) -> None:
    response = bytearray(_case().response())
    response[position % len(response)] ^= flip
    verdict = verify_ocsp_response(
        bytes(response), (_id(),), b"nonce", material.ca().certificate, NOW
    )
    assert verdict.status in {None, CertificateStatus.GOOD}

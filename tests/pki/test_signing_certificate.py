"""Whether a certificate may sign OCSP answers."""

from __future__ import annotations

from datetime import timedelta

from app.domain.templates import OID_SERVER_AUTH, KeyUsage
from app.pki.signing_certificate import SignerCheck, check_signing_certificate, signer_problems
from tests.pki import material
from tests.pki.material import NOW

_KEY = material.key("P-256", "responder")


def _signer(**changes: object) -> bytes:
    return material.issue(material.ca(), material.ocsp_template(**changes), _KEY, name="responder")


def test_a_certificate_of_the_template_has_no_problem() -> None:
    assert check_signing_certificate(_signer(), material.ca().certificate, NOW) == []


def test_the_ca_needs_no_delegation() -> None:
    root = material.ca().certificate
    assert check_signing_certificate(root, root, NOW) == []


def test_each_problem_is_one_sentence() -> None:
    ca = material.ca().certificate
    other = material.ca("P-256", "Elsewhere").certificate
    same_name = material.ca("P-384").certificate
    cases = (
        (_signer(), other, NOW, {SignerCheck.ISSUER}),
        (_signer(), same_name, NOW, {SignerCheck.ISSUER}),
        (_signer(), ca, NOW - timedelta(days=1), {SignerCheck.VALIDITY}),
        (_signer(), ca, NOW + timedelta(days=15), {SignerCheck.VALIDITY}),
        (_signer(ocsp_no_check=False), ca, NOW, {SignerCheck.NO_CHECK}),
        (
            _signer(application_policies=(OID_SERVER_AUTH,)),
            ca,
            NOW,
            {SignerCheck.PURPOSE, SignerCheck.NO_CHECK},
        ),
        (
            _signer(application_policies=()),
            ca,
            NOW,
            {SignerCheck.PURPOSE, SignerCheck.NO_CHECK},
        ),
        (
            _signer(key_usage=frozenset({KeyUsage.KEY_ENCIPHERMENT})),
            ca,
            NOW,
            {SignerCheck.KEY_USAGE},
        ),
    )
    for certificate, issuer, now, expected in cases:
        problems = signer_problems(certificate, issuer, now)
        assert set(problems) == expected
        assert all(sentence.endswith(".") for sentence in problems.values())
        assert check_signing_certificate(certificate, issuer, now) == list(problems.values())


def test_expired_and_not_yet_valid_are_told_apart() -> None:
    ca = material.ca().certificate
    (early,) = check_signing_certificate(_signer(), ca, NOW - timedelta(days=1))
    (late,) = check_signing_certificate(_signer(), ca, NOW + timedelta(days=15))
    assert "not valid before" in early
    assert "expired on" in late

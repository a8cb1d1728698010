"""Enrolment and renewal of signing certificates."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID

from app.domain.errors import InvalidInput, NameInUse, Refused, SecretUnavailable
from app.domain.keys import HashAlgorithm
from app.domain.principals import AuthorityRight, TemplateRight
from app.domain.requests import RequestQuery
from app.domain.responder import SignerState
from app.pki.signatures import require_usable, signature_matches
from app.services.responder.active import configured_authorities
from app.services.responder.configurations import AddConfiguration
from app.services.responder.links import broken_key

if TYPE_CHECKING:
    from app.domain.authorities import Authority
    from app.domain.responder import RevocationConfiguration
    from app.ocsp.answers import ConfiguredAuthority
    from app.services.backend import Backend
    from tests.services.moving_clock import MovingClock

TEMPLATE = "OCSPResponseSigning"
RIGHTS = TemplateRight.READ | TemplateRight.ENROLL | TemplateRight.AUTOENROLL


def permit(backend: Backend) -> None:
    """What the guide has the administrator do on the Security tab."""
    host = backend.directory.network_identity(backend.services.list()[0].log_on_as)
    backend.templates.permit(TEMPLATE, host, add=RIGHTS)
    backend.templates.set_fields(TEMPLATE, {"validity": "4 hours", "renewal": "1 hour"})


@pytest.fixture
def configuration(backend: Backend, authority: Authority) -> RevocationConfiguration:
    permit(backend)
    added = backend.responder.add(AddConfiguration(name="Test", authority_id=authority.id))
    assert added.problem is None
    return added.configuration


def active(backend: Backend) -> ConfiguredAuthority:
    (only,) = configured_authorities(backend.authority_context)
    return only


def test_enrolls_a_delegate_with_its_own_key(
    backend: Backend, authority: Authority, configuration: RevocationConfiguration
) -> None:
    (signer,) = backend.responder.signers(configuration.id)
    certificate = x509.load_der_x509_certificate(signer.certificate)
    certificate.verify_directly_issued_by(x509.load_der_x509_certificate(authority.certificate))
    usage = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage)
    assert list(usage.value) == [ExtendedKeyUsageOID.OCSP_SIGNING]
    certificate.extensions.get_extension_for_class(x509.OCSPNoCheck)
    assert signer.key.public_key_sha256 != authority.key.public_key_sha256
    assert active(backend).signer is not None


@pytest.mark.parametrize(
    ("name", "family", "sha"),
    [
        ("Ed25519", "Ed25519", HashAlgorithm.SHA512),
        ("DSA", "DSA", HashAlgorithm.SHA256),
        ("ECDSA_P384", "ECDSA", HashAlgorithm.SHA384),
    ],
)
def test_answers_are_signed_with_the_algorithm_of_the_template(
    backend: Backend, authority: Authority, name: str, family: str, sha: HashAlgorithm
) -> None:
    permit(backend)
    backend.templates.set_fields(TEMPLATE, {"algorithm": name})
    added = backend.responder.add(AddConfiguration(name="Test", authority_id=authority.id))
    assert added.problem is None
    signer = active(backend).signer
    assert signer is not None
    assert signer.padding_and_hash == (family, sha)

    async def sign() -> bytes:
        return await signer.sign(b"to be signed")

    signature = asyncio.run(sign())
    key = require_usable(x509.load_der_x509_certificate(signer.certificate).public_key())
    assert signature_matches(key, signature, b"to be signed", (family, sha))


def test_renews_when_the_renewal_period_begins_with_a_new_key(
    backend: Backend, configuration: RevocationConfiguration, clock: MovingClock
) -> None:
    assert backend.responder.maintain() == 0
    (first,) = backend.responder.signers(configuration.id)
    clock.time = first.not_after - timedelta(hours=1)
    assert backend.responder.maintain() == 1
    assert backend.responder.maintain() == 0
    current, earlier = backend.responder.signers(configuration.id)
    assert (current.state, earlier.state) == (SignerState.CURRENT, SignerState.EARLIER)
    assert current.key.public_key_sha256 != first.key.public_key_sha256
    assert earlier.id == first.id


def test_a_missing_permission_is_named_and_leaves_no_key(
    backend: Backend, authority: Authority
) -> None:
    added = backend.responder.add(AddConfiguration(name="Test", authority_id=authority.id))
    assert isinstance(added.problem, Refused)
    assert "Enroll and Autoenroll" in added.problem.cause
    assert "template permit" in added.problem.remedy
    assert added.signer is None
    assert [key.used_by for key in backend.keys.software()] == ["CA Test CA"]
    assert active(backend).signer is None
    permit(backend)
    assert backend.responder.maintain() == 1
    assert active(backend).signer is not None


def test_bad_input_changes_nothing(backend: Backend, authority: Authority) -> None:
    with pytest.raises(InvalidInput):
        backend.responder.add(AddConfiguration(name=" ", authority_id=authority.id))
    with pytest.raises(InvalidInput):
        backend.responder.add(
            AddConfiguration(name="Test", authority_id=authority.id, template="WebServer")
        )
    assert backend.responder.list() == ()


def test_a_name_in_use_is_refused(
    backend: Backend, authority: Authority, configuration: RevocationConfiguration
) -> None:
    with pytest.raises(NameInUse):
        backend.responder.add(
            AddConfiguration(name=configuration.name.upper(), authority_id=authority.id)
        )
    assert len(backend.responder.list()) == 1


def test_an_expired_signer_is_not_used(
    backend: Backend, configuration: RevocationConfiguration, clock: MovingClock
) -> None:
    (signer,) = backend.responder.signers(configuration.id)
    clock.time = signer.not_after + timedelta(seconds=1)
    assert active(backend).signer is None
    assert "expired" in active(backend).problem


def test_a_day_of_four_hour_certificates(
    backend: Backend, configuration: RevocationConfiguration, clock: MovingClock
) -> None:
    for _ in range(24 * 2):
        clock.advance(timedelta(minutes=30))
        backend.responder.maintain()
        signer = active(backend).signer
        assert signer is not None, "there is always one to answer with"
        ends = x509.load_der_x509_certificate(signer.certificate).not_valid_after_utc
        assert ends - clock.time > timedelta(minutes=30)
    signers = backend.responder.signers(configuration.id)
    assert len(signers) == 9
    assert [signer.state for signer in signers].count(SignerState.CURRENT) == 1
    assert len({signer.key.public_key_sha256 for signer in signers}) == len(signers)


@pytest.mark.parametrize("obstacle", ["stopped", "not issued", "not permitted", "approval"])
def test_what_fails_again_and_again_leaves_one_event_and_nothing_else(
    backend: Backend, authority: Authority, obstacle: str
) -> None:
    permit(backend)
    match obstacle:
        case "stopped":
            backend.authorities.stop(authority.id)
        case "not issued":
            backend.authorities.remove_template(authority.id, TEMPLATE)
        case "not permitted":
            for entry in authority.permissions:
                backend.authorities.permit(
                    authority.id,
                    entry.account,
                    add=AuthorityRight.NONE,
                    remove=AuthorityRight.REQUEST_CERTIFICATES,
                )
        case _:
            backend.templates.set_fields(TEMPLATE, {"manager_approval": "yes"})
    backend.responder.add(AddConfiguration(name="Test", authority_id=authority.id))
    rows = RequestQuery(authority_id=authority.id)
    before = len(backend.events.page()), backend.enrollment.count(rows)
    for _ in range(5):
        assert backend.responder.maintain() == 0
    assert (len(backend.events.page()), backend.enrollment.count(rows)) == before
    assert before[1] == 0
    assert [key.used_by for key in backend.keys.software()] == ["CA Test CA"]


def test_a_secret_that_cannot_be_read_is_not_mended_by_another_registration(
    backend: Backend, configuration: RevocationConfiguration
) -> None:
    facts = backend.status._read(configuration.id)
    link = broken_key(facts, "OCSP", SecretUnavailable("The file is open to others."))
    assert (link.fix, link.fix_command) == (None, "")

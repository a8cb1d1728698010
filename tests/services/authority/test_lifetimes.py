"""Weeks and years of a CA on a moving clock."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from cryptography import x509

from app.domain.errors import Refused, SealkeeperError
from app.domain.keys import KeyAlgorithm, KeySpec
from app.domain.libraries import SOFTWARE_PROVIDER
from app.domain.periods import Period, PeriodUnit
from app.domain.services import ServiceName
from app.services.authority.authorities import CreateAuthority
from app.services.authority.enrollment import SubmitRequest
from tests.services.requests import make_request

if TYPE_CHECKING:
    from app.domain.authorities import Authority
    from app.services.backend import Backend
    from tests.services.moving_clock import MovingClock

REQUEST = CreateAuthority(
    name="Other CA",
    provider=f"ECDSA_P256#{SOFTWARE_PROVIDER}",
    spec=KeySpec(KeyAlgorithm.ECDSA_P256, 256),
    server_dns_name="127.0.0.1:8080",
)


def crl(backend: Backend, authority: Authority) -> x509.CertificateRevocationList:
    latest = backend.revocation.latest(authority.id)
    assert latest is not None
    return x509.load_der_x509_crl(latest.raw)


def test_crls_follow_one_another_without_a_gap(
    backend: Backend, authority: Authority, clock: MovingClock
) -> None:
    published = [crl(backend, authority)]
    for _ in range(60):
        clock.advance(timedelta(hours=12))
        if backend.revocation.publish_due():
            published.append(crl(backend, authority))
        ends = published[-1].next_update_utc
        assert ends is not None
        assert clock.time < ends
    numbers = [each.extensions.get_extension_for_class(x509.CRLNumber) for each in published]
    assert [each.value.crl_number for each in numbers] == [1, 2, 3, 4, 5]


def test_near_the_end_of_a_ca_nothing_outlives_it(backend: Backend, clock: MovingClock) -> None:
    short = replace(REQUEST, validity=Period(10, PeriodUnit.DAYS))
    made = backend.authorities.create(short)
    backend.authorities.add_template(made.id, "WebServer")
    end = x509.load_der_x509_certificate(made.certificate).not_valid_after_utc
    clock.time = end - timedelta(hours=1)
    assert backend.revocation.publish_due() == 1
    assert crl(backend, made).next_update_utc == end
    submission = SubmitRequest(authority_id=made.id, request=make_request(), template="WebServer")
    leaf = backend.enrollment.submit(submission).certificate
    assert leaf is not None
    assert x509.load_der_x509_certificate(leaf).not_valid_after_utc == end
    clock.time = end + timedelta(seconds=1)
    # Nothing is due any more: a schedule that failed for ever would hide the other CAs.
    assert backend.revocation.publish_due() == 0
    with pytest.raises(Refused):
        backend.enrollment.submit(submission)


@pytest.mark.parametrize("year", [2037, 2049, 2051])
def test_dates_beyond_the_turns_of_their_encodings(
    backend: Backend, clock: MovingClock, year: int
) -> None:
    clock.time = datetime(year, 12, 31, 12, tzinfo=UTC)
    made = backend.authorities.create(REQUEST)
    backend.authorities.add_template(made.id, "WebServer")
    submission = SubmitRequest(authority_id=made.id, request=make_request(), template="WebServer")
    leaf = backend.enrollment.submit(submission).certificate
    assert leaf is not None
    ends = x509.load_der_x509_certificate(leaf).not_valid_after_utc
    assert ends.year >= year + 1
    row = backend.enrollment.by_serial(
        made.id, f"{x509.load_der_x509_certificate(leaf).serial_number:x}"
    )
    assert row.not_after == ends
    assert crl(backend, made).last_update_utc.year == year
    # RFC 5280 §4.1.2.5: UTCTime through 2049, GeneralizedTime from 2050 on.
    generalized = f"{ends:%Y%m%d%H%M%SZ}".encode()
    assert (generalized in leaf) is (ends.year >= 2050)


def test_one_ca_that_cannot_publish_does_not_hold_up_the_others(
    backend: Backend, authority: Authority, clock: MovingClock
) -> None:
    other = backend.authorities.create(REQUEST)
    backend.key_access.software.delete(authority.key)
    clock.advance(timedelta(days=8))
    with pytest.raises(SealkeeperError):
        backend.revocation.publish_due()
    assert clock.time - crl(backend, other).last_update_utc < timedelta(hours=1)


def test_a_stopped_service_issues_nothing_and_publishes_nothing(
    backend: Backend, authority: Authority, clock: MovingClock
) -> None:
    backend.services.stop(ServiceName.CERTIFICATION_AUTHORITY)
    clock.advance(timedelta(days=8))
    assert backend.revocation.publish_due() == 0
    submission = SubmitRequest(
        authority_id=authority.id, request=make_request(), template="WebServer"
    )
    with pytest.raises(Refused, match="is stopped"):
        backend.enrollment.submit(submission)
    backend.authorities.start(authority.id)
    assert backend.services.get(ServiceName.CERTIFICATION_AUTHORITY).started
    assert backend.revocation.publish_due() == 1
    assert backend.enrollment.submit(submission).certificate is not None

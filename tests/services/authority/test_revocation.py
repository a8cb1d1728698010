"""Revocation and CRLs."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from cryptography import x509

from app.domain.errors import NotFound, Refused
from app.domain.requests import Disposition, RevocationReason
from app.services.authority.enrollment import SubmitRequest
from app.services.authority.published import AuthorityFiles
from app.services.authority.revocation import RevokeCertificate
from app.store.database import open_database
from tests.services.requests import make_request

if TYPE_CHECKING:
    from app.domain.authorities import Authority
    from app.services.backend import Backend
    from tests.services.moving_clock import MovingClock


@pytest.fixture
def serial(backend: Backend, authority: Authority) -> str:
    submission = backend.enrollment.submit(
        SubmitRequest(authority_id=authority.id, request=make_request(), template="WebServer")
    )
    return submission.row.serial_number


def revoked_serials(backend: Backend, authority: Authority) -> list[str]:
    crl = backend.revocation.publish_crl(authority.id)
    parsed = x509.load_der_x509_crl(crl.raw)
    return [f"{entry.serial_number:032x}" for entry in parsed]


def test_revoked_stands_in_the_next_crl(
    backend: Backend, authority: Authority, serial: str
) -> None:
    assert revoked_serials(backend, authority) == []
    row = backend.revocation.revoke(
        RevokeCertificate(authority.id, serial.upper(), RevocationReason.KEY_COMPROMISE)
    )
    assert row.disposition is Disposition.REVOKED
    assert revoked_serials(backend, authority) == [serial]


def test_only_a_hold_is_taken_back(backend: Backend, authority: Authority, serial: str) -> None:
    backend.revocation.revoke(
        RevokeCertificate(authority.id, serial, RevocationReason.CERTIFICATE_HOLD)
    )
    assert revoked_serials(backend, authority) == [serial]
    assert backend.revocation.unrevoke(authority.id, serial).disposition is Disposition.ISSUED
    assert revoked_serials(backend, authority) == []
    backend.revocation.revoke(RevokeCertificate(authority.id, serial))
    with pytest.raises(Refused, match="not on hold"):
        backend.revocation.unrevoke(authority.id, serial)
    with pytest.raises(Refused, match="revoked"):
        backend.revocation.revoke(
            RevokeCertificate(authority.id, serial, RevocationReason.CERTIFICATE_HOLD)
        )


def test_an_unknown_serial_is_named(backend: Backend, authority: Authority) -> None:
    with pytest.raises(NotFound, match="c0ffee"):
        backend.revocation.revoke(RevokeCertificate(authority.id, "c0ffee"))


def test_a_later_effective_date_waits(
    backend: Backend, authority: Authority, serial: str, clock: MovingClock
) -> None:
    backend.revocation.revoke(
        RevokeCertificate(
            authority.id,
            serial,
            RevocationReason.SUPERSEDED,
            clock.now() + timedelta(hours=1),
        )
    )
    assert revoked_serials(backend, authority) == []
    clock.advance(timedelta(hours=2))
    assert revoked_serials(backend, authority) == [serial]


def test_crls_are_numbered_and_published_when_due(
    backend: Backend, authority: Authority, clock: MovingClock
) -> None:
    first = backend.revocation.latest(authority.id)
    assert first is not None
    assert backend.revocation.publish_due() == 0
    clock.time = first.next_publish
    assert backend.revocation.publish_due() == 1
    assert backend.revocation.publish_due() == 0
    assert [crl.number for crl in backend.revocation.crls(authority.id)] == [2, 1]


def test_a_clock_that_was_set_back_signs_no_crl(
    backend: Backend, authority: Authority, clock: MovingClock
) -> None:
    clock.advance(-timedelta(days=1))
    with pytest.raises(Refused, match="older"):
        backend.revocation.publish_crl(authority.id)


def test_what_certificates_point_to_is_served(backend: Backend, authority: Authority) -> None:
    files = AuthorityFiles(backend.authority_context)
    certificate = files.read("Test CA.crt")
    assert certificate is not None
    assert certificate.content == authority.certificate
    crl = files.read("Test CA.crl")
    latest = backend.revocation.latest(authority.id)
    assert crl is not None
    assert latest is not None
    assert crl.content == latest.raw
    assert files.read("Other.crl") is None
    assert files.read("../Test CA.crl") is None


def test_a_second_publisher_waits_for_the_first(backend: Backend, authority: Authority) -> None:
    database = backend.authority_context.database
    other = open_database(backend.home, backend.clock)
    with other.write() as tx:
        assert tx.leases.acquire(f"crl/{authority.id}", other.holder, timedelta(minutes=2))
    with ThreadPoolExecutor(1) as executor:
        waiting = executor.submit(backend.revocation.publish_crl, authority.id)
        with database.read() as tx:
            assert tx.leases.holder(f"crl/{authority.id}") == other.holder
        with other.write() as tx:
            tx.leases.release(f"crl/{authority.id}", other.holder)
        assert waiting.result(10).number == 2
    other.close()

"""Requests: what is issued, refused, pended and recovered."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from cryptography import x509
from cryptography.x509.oid import AuthorityInformationAccessOID

from app.domain.errors import InvalidRequest, KeyStorageError, Refused, UnknownTemplate
from app.domain.ids import RequestId
from app.domain.principals import AccountName
from app.domain.requests import Disposition, RequestQuery
from app.services.authority.enrollment import ABANDONED_AFTER, SubmitRequest
from app.services.templates import DuplicateTemplate
from tests.services.requests import make_request

if TYPE_CHECKING:
    from app.domain.authorities import Authority
    from app.services.backend import Backend
    from tests.services.moving_clock import MovingClock

WEB = (("CertificateTemplate", "WebServer"),)


def submit(authority: Authority, **changes: object) -> SubmitRequest:
    values: dict[str, object] = {
        "authority_id": authority.id,
        "request": make_request(),
        "attributes": WEB,
        **changes,
    }
    return SubmitRequest(**values)  # type: ignore[arg-type]  # a table of changed fields


def rows(backend: Backend, authority: Authority) -> int:
    return backend.enrollment.count(RequestQuery(authority_id=authority.id))


def test_issues_with_the_urls_of_the_authority(backend: Backend, authority: Authority) -> None:
    submission = backend.enrollment.submit(submit(authority))
    assert submission.certificate is not None
    certificate = x509.load_der_x509_certificate(submission.certificate)
    issuer = x509.load_der_x509_certificate(authority.certificate)
    certificate.verify_directly_issued_by(issuer)
    access = certificate.extensions.get_extension_for_class(x509.AuthorityInformationAccess)
    found = {entry.access_method: entry.access_location.value for entry in access.value}
    assert found == {
        AuthorityInformationAccessOID.CA_ISSUERS: "http://127.0.0.1:8080/CertEnroll/Test%20CA.crt",
        AuthorityInformationAccessOID.OCSP: "http://127.0.0.1:8080/ocsp",
    }
    row = submission.row
    assert row.disposition is Disposition.ISSUED
    assert row.serial_number == f"{certificate.serial_number:032x}"
    assert backend.enrollment.certificate(row.id) == submission.certificate
    assert row.issued_name.common_name == "www.test.example"


def test_serials_have_64_random_bits_or_more(backend: Backend, authority: Authority) -> None:
    serials = {backend.enrollment.submit(submit(authority)).row.serial_number for _ in range(5)}
    assert len(serials) == 5
    assert all(len(serial) == 32 for serial in serials)


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"request": b"no request"}, InvalidRequest),
        ({"attributes": (("CertificateTemplate", "NoSuch"),)}, UnknownTemplate),
        ({"attributes": (("CertificateTemplate", "User"),)}, UnknownTemplate),
        ({"attributes": ()}, UnknownTemplate),
    ],
)
def test_bad_requests_change_nothing(
    backend: Backend,
    authority: Authority,
    changes: dict[str, object],
    error: type[Exception],
) -> None:
    with pytest.raises(error):
        backend.enrollment.submit(submit(authority, **changes))
    assert rows(backend, authority) == 0


def test_a_request_with_a_bad_signature_changes_nothing(
    backend: Backend, authority: Authority
) -> None:
    broken = bytearray(make_request())
    broken[-1] ^= 1
    with pytest.raises(InvalidRequest, match="signature"):
        backend.enrollment.submit(submit(authority, request=bytes(broken)))
    assert rows(backend, authority) == 0


def test_who_may_not_enroll_is_denied_and_recorded(backend: Backend, authority: Authority) -> None:
    outsider = AccountName("ELSEWHERE", "Mallory")
    with pytest.raises(Refused):
        backend.enrollment.submit(submit(authority, requester=outsider))
    ids = backend.enrollment.ids(RequestQuery(authority_id=authority.id))
    (row,) = backend.enrollment.page(tuple(RequestId(number) for number in ids))
    assert row.disposition is Disposition.DENIED
    assert row.requester_name == "ELSEWHERE\\Mallory"
    assert "Denied by policy module" in row.disposition_message


def test_a_stopped_authority_refuses(backend: Backend, authority: Authority) -> None:
    backend.authorities.stop(authority.id)
    with pytest.raises(Refused, match="stopped"):
        backend.enrollment.submit(submit(authority))
    backend.authorities.start(authority.id)
    assert backend.enrollment.submit(submit(authority)).certificate is not None


def test_approval_keeps_it_pending_until_it_is_issued(
    backend: Backend, authority: Authority
) -> None:
    copy = backend.templates.duplicate(
        DuplicateTemplate(source="WebServer", display_name="Copy of Web Server")
    )
    backend.templates.set_fields(copy.name, {"manager_approval": "true"})
    backend.authorities.add_template(authority.id, copy.name)
    web = (("CertificateTemplate", copy.name),)
    first = backend.enrollment.submit(submit(authority, attributes=web))
    second = backend.enrollment.submit(submit(authority, attributes=web))
    assert first.certificate is None
    assert first.row.disposition is Disposition.PENDING
    issued = backend.enrollment.issue(first.row.id)
    assert issued.certificate is not None
    assert backend.enrollment.deny(second.row.id).disposition is Disposition.DENIED
    assert backend.enrollment.issue(second.row.id).certificate is not None, "denied, resubmitted"
    with pytest.raises(Refused):
        backend.enrollment.deny(first.row.id)
    with pytest.raises(Refused):
        backend.enrollment.issue(first.row.id)


def test_a_failed_signature_is_recorded_as_failed(
    backend: Backend, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> bytes:
        raise KeyStorageError("The token went away.")

    monkeypatch.setattr("app.services.authority.enrollment.build_certificate", fail)
    with pytest.raises(KeyStorageError):
        backend.enrollment.submit(submit(authority))
    ids = backend.enrollment.ids(RequestQuery(authority_id=authority.id))
    (row,) = backend.enrollment.page(tuple(RequestId(number) for number in ids))
    assert row.disposition is Disposition.FAILED
    assert row.disposition_message == "The token went away."


def test_what_a_crash_left_is_failed_and_its_serial_never_used_again(
    backend: Backend,
    authority: Authority,
    clock: MovingClock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Killed(BaseException):
        """Stands for the end of the process: nothing of ours handles it."""

    def die(*_: object) -> bytes:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr("app.services.authority.enrollment.build_certificate", die)
        with pytest.raises(Killed):
            backend.enrollment.submit(submit(authority))
    assert backend.enrollment.recover() == 0, "it may still be running elsewhere"
    clock.advance(ABANDONED_AFTER + timedelta(seconds=1))
    assert backend.enrollment.recover() == 1
    ids = backend.enrollment.ids(RequestQuery(authority_id=authority.id))
    (row,) = backend.enrollment.page(tuple(RequestId(number) for number in ids))
    assert row.disposition is Disposition.FAILED
    assert row.serial_number

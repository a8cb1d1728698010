"""The service host: HTTP, schedules, changes, lease and desired state together."""

from __future__ import annotations

import http.client
import threading
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp
from cryptography.x509.ocsp import OCSPCertStatus, OCSPResponseStatus

from app.domain.errors import AddressInUse, EnvironmentFault
from app.domain.events import Change, Entity
from app.domain.keys import HashAlgorithm
from app.ocsp.answers import ConfiguredAuthority
from app.pki.ocsp_request import encode_ocsp_request, make_cert_id
from tests.host.support import Jobs, Setting
from tests.http.support import eventually
from tests.ocsp.support import GOOD, make_key

if TYPE_CHECKING:
    from collections.abc import Iterator

    from app.host.host import ServiceHost


@pytest.fixture
def setting() -> Iterator[Setting]:
    before = set(threading.enumerate())
    made = Setting()
    yield made
    made.close()
    assert eventually(lambda: not set(threading.enumerate()) - before)


def fetch(host: ServiceHost, method: str, path: str, body: bytes = b"") -> tuple[int, bytes]:
    assert host.address is not None
    connection = http.client.HTTPConnection("127.0.0.1", host.address.port, timeout=10)
    try:
        connection.request(method, path, body or None)
        response = connection.getresponse()
        return response.status, response.read()
    finally:
        connection.close()


def status_of(host: ServiceHost, setting: Setting, serial: int = GOOD) -> OCSPCertStatus | None:
    ca = setting.world.ca.public_bytes(Encoding.DER)
    question = encode_ocsp_request((make_cert_id(serial, ca, HashAlgorithm.SHA1),))
    code, body = fetch(host, "POST", "/ocsp", question)
    if code != 200:
        return None
    answer = ocsp.load_der_ocsp_response(body)
    if answer.response_status is not OCSPResponseStatus.SUCCESSFUL:
        return None
    return answer.certificate_status


def test_a_started_host_answers_and_counts(setting: Setting) -> None:
    host = setting.host()
    address = host.start()
    assert host.wait_loaded(5)
    assert host.address == address
    assert status_of(host, setting) is OCSPCertStatus.GOOD
    assert fetch(host, "GET", "/CertEnroll/Test.crl") == (200, b"crl")
    counters = host.counters()
    assert counters.address == f"127.0.0.1:{address.port}"
    assert counters.started_at == setting.world.clock.now()
    assert (counters.requests, counters.signed, counters.last_error) == (1, 1, "")
    assert host.http_counters().responses == 2
    host.stop(1)
    assert host.counters().started_at is None
    with pytest.raises(ConnectionRefusedError):
        fetch(host, "GET", "/")


def test_a_port_in_use_is_refused_and_leaves_nothing_behind(setting: Setting) -> None:
    port = setting.host().start().port
    second = setting.host(port)
    with pytest.raises(AddressInUse, match=f"127.0.0.1:{port} is in use"):
        second.start()
    names = [thread.name for thread in threading.enumerate()]
    assert names.count("responder") == 1


def test_a_feed_that_cannot_be_read_ends_the_start(setting: Setting) -> None:
    setting.feed.problem = EnvironmentFault("The database is locked.")
    host = setting.host()
    with pytest.raises(EnvironmentFault, match="The database is locked"):
        host.start()
    with pytest.raises(ConnectionRefusedError):
        fetch(host, "GET", "/")


def test_a_revocation_from_another_thread_is_told_at_once(setting: Setting) -> None:
    host = setting.host()
    host.start()
    assert host.wait_loaded(5)
    assert status_of(host, setting) is OCSPCertStatus.GOOD
    setting.feed.announce(setting.world.source.revoke(GOOD))
    assert eventually(lambda: status_of(host, setting) is OCSPCertStatus.REVOKED, 1.0)


def test_the_responder_follows_its_desired_state(setting: Setting) -> None:
    host = setting.host()
    host.start()
    assert host.wait_loaded(5)
    assert host.responder_running
    setting.jobs.wanted = False
    setting.feed.announce(Change(20, Entity.SERVICE, "Online Responder"))
    assert eventually(lambda: not host.responder_running)
    assert fetch(host, "POST", "/ocsp", b"x")[0] == 503
    assert fetch(host, "GET", "/CertEnroll/Test.crl")[0] == 200
    assert host.counters().started_at is None
    setting.jobs.wanted = True
    setting.feed.announce(Change(21, Entity.SERVICE, "Online Responder"))
    assert eventually(lambda: status_of(host, setting) is OCSPCertStatus.GOOD)


def test_configurations_are_loaded_again_when_something_of_theirs_changes(
    setting: Setting,
) -> None:
    host = setting.host()
    host.start()
    assert host.wait_loaded(5)
    assert status_of(host, setting) is OCSPCertStatus.GOOD
    setting.jobs.configured = ()
    setting.feed.announce(Change(20, Entity.REQUEST, "5"))
    assert status_of(host, setting) is OCSPCertStatus.GOOD
    setting.feed.announce(Change(21, Entity.CONFIGURATION, "1"))
    assert eventually(lambda: status_of(host, setting) is None)
    setting.jobs.configured = (setting.world.configured(setting.world.signer(make_key("RSA"))),)
    setting.feed.announce(Change(22, Entity.SIGNER, "1"))
    assert eventually(lambda: status_of(host, setting) is OCSPCertStatus.GOOD)


def test_a_configuration_that_cannot_be_read_does_not_harm_the_others(setting: Setting) -> None:
    broken = replace(setting.world.configuration(2), ca_certificate=b"no certificate")
    setting.jobs.configured = (
        ConfiguredAuthority(broken, None, ""),
        *setting.jobs.configured,
    )
    host = setting.host()
    host.start()
    assert host.wait_loaded(5)
    assert status_of(host, setting) is OCSPCertStatus.GOOD


def test_a_failed_load_is_shown_and_tried_again(setting: Setting) -> None:
    setting.jobs.problem = EnvironmentFault("The database is locked.")
    host = setting.host()
    host.start()
    state = {job.name: job for job in host.schedule()}

    def failed() -> bool:
        state.update({job.name: job for job in host.schedule()})
        return state["configurations"].last_error == "The database is locked."

    assert eventually(failed)
    assert state["configurations"].next_due is not None
    assert status_of(host, setting) is None
    setting.jobs.problem = None
    setting.feed.announce(Change(20, Entity.CONFIGURATION, "1"))
    assert host.wait_loaded(5)
    assert status_of(host, setting) is OCSPCertStatus.GOOD


def test_jobs_run_beside_the_loop_and_only_on_the_host_with_the_lease(setting: Setting) -> None:
    first, other = setting.host(), setting.host(jobs=Jobs(setting.world.configured()))
    first.start()
    assert eventually(lambda: setting.jobs.done.get("publish", 0) > 1)
    assert first.holds_lease
    other.start()
    assert other.wait_loaded(5)
    assert status_of(other, setting) is OCSPCertStatus.GOOD
    other_jobs = other._parts.jobs
    assert isinstance(other_jobs, Jobs)
    assert {"publish", "maintain", "probe", "retire"} <= set(setting.jobs.done)
    assert not other.holds_lease
    assert "publish" not in other_jobs.done
    first.stop(1)
    assert eventually(lambda: {"publish", "maintain", "probe", "retire"} <= set(other_jobs.done))
    assert all(name.startswith("host-job") for name in setting.jobs.threads)


def test_a_lease_that_cannot_be_renewed_is_not_held(setting: Setting) -> None:
    host = setting.host()
    host.start()
    assert eventually(lambda: host.holds_lease)
    host._parts.lease.problem = EnvironmentFault("The database is locked.")  # type: ignore[attr-defined] # the test's lease
    assert eventually(lambda: not host.holds_lease)
    host._parts.lease.problem = None  # type: ignore[attr-defined] # as above
    assert eventually(lambda: host.holds_lease)


def test_a_host_that_never_started_can_be_stopped(setting: Setting) -> None:
    setting.host().stop(0.1)

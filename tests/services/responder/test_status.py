"""The status path: each broken link is named with its reason and what mends it."""

from __future__ import annotations

import socket
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from app.domain.authorities import Location, LocationFlag, LocationList
from app.domain.services import ListenAddress, ServiceName
from app.domain.status import ConfigurationStatus, Fix, LinkName, LinkState, PathLink, StepState
from app.host.control import HostController
from app.services.responder.configurations import AddConfiguration
from tests.services.responder.test_signing import configuration, permit

if TYPE_CHECKING:
    from collections.abc import Iterator

    from app.domain.authorities import Authority
    from app.domain.responder import RevocationConfiguration
    from app.services.backend import Backend
    from tests.services.moving_clock import MovingClock

__all__ = ["configuration"]


@pytest.fixture
def host(backend: Backend) -> Iterator[HostController]:
    controller = HostController(backend)
    controller.start(ListenAddress("127.0.0.1", 0))
    assert controller.wait_loaded(10)
    yield controller
    controller.stop()


def link(status: ConfigurationStatus, name: LinkName) -> PathLink:
    return next(entry for entry in status.links if entry.name is name)


def test_all_links_are_good_while_the_responder_answers(
    backend: Backend, configuration: RevocationConfiguration, host: HostController
) -> None:
    status = backend.status.configuration(configuration.id)
    assert [entry.state for entry in status.links] == [LinkState.OK] * 5, status.links
    assert status.headline == "Working"
    assert host.state().address is not None


def test_no_permission_is_offered_to_be_granted(backend: Backend, authority: Authority) -> None:
    added = backend.responder.add(AddConfiguration(name="Test", authority_id=authority.id))
    status = backend.status.configuration(added.configuration.id)
    signing = link(status, LinkName.SIGNING_CERTIFICATE)
    assert signing.fix is Fix.PERMIT_TEMPLATE
    assert status.headline == "Bad signing certificate on Array Controller"
    permit(backend)
    backend.authorities.remove_template(authority.id, "OCSPResponseSigning")
    status = backend.status.configuration(added.configuration.id)
    assert link(status, LinkName.SIGNING_CERTIFICATE).fix is Fix.PUBLISH_TEMPLATE


def test_a_lost_key_is_red_with_the_fix(
    backend: Backend, configuration: RevocationConfiguration, host: HostController
) -> None:
    (signer,) = backend.responder.signers(configuration.id)
    backend.keys.delete(signer.key, confirm_label=signer.key.label, even_if_used=True)
    status = backend.status.configuration(configuration.id)
    key = link(status, LinkName.HSM_KEY)
    assert key.state is LinkState.BAD
    assert key.fix is Fix.ENROLL_SIGNING_CERTIFICATE
    assert key.reason
    backend.responder.enroll(configuration.id)
    status = backend.status.configuration(configuration.id)
    assert link(status, LinkName.HSM_KEY).state is LinkState.OK
    assert host.state().running


@pytest.mark.parametrize("algorithm", ["Ed25519", "DSA", "ECDSA_P521"])
def test_the_key_link_signs_with_keys_of_every_algorithm(
    backend: Backend, authority: Authority, algorithm: str
) -> None:
    permit(backend)
    backend.templates.set_fields("OCSPResponseSigning", {"algorithm": algorithm})
    added = backend.responder.add(AddConfiguration(name="Test", authority_id=authority.id))
    found = link(backend.status.configuration(added.configuration.id), LinkName.HSM_KEY)
    assert found.state is LinkState.OK, found
    assert algorithm in found.subject


def test_times_turn_links(
    backend: Backend, configuration: RevocationConfiguration, clock: MovingClock
) -> None:
    (signer,) = backend.responder.signers(configuration.id)
    clock.time = signer.not_after - timedelta(minutes=30)
    signing = link(backend.status.configuration(configuration.id), LinkName.SIGNING_CERTIFICATE)
    assert (signing.state, signing.fix) == (LinkState.WARNING, Fix.RENEW_SIGNING_CERTIFICATE)
    clock.time = signer.not_after + timedelta(days=30)
    status = backend.status.configuration(configuration.id)
    assert link(status, LinkName.SIGNING_CERTIFICATE).word == "Expired"
    crl = link(status, LinkName.REVOCATION_DATA)
    assert (crl.state, crl.fix) == (LinkState.WARNING, Fix.PUBLISH_CRL)


def test_a_stopped_service_is_offered_to_be_started(
    backend: Backend, configuration: RevocationConfiguration
) -> None:
    backend.services.stop(ServiceName.ONLINE_RESPONDER)
    endpoint = link(backend.status.configuration(configuration.id), LinkName.ENDPOINT)
    assert (endpoint.state, endpoint.fix) == (LinkState.BAD, Fix.START_RESPONDER)


def test_the_checklist_follows_the_guide(
    backend: Backend, configuration: RevocationConfiguration
) -> None:
    steps = {step.key: step for step in backend.checklist.steps()}
    assert steps["authority"].state is StepState.DONE
    assert steps["template"].state is StepState.DONE
    assert steps["configuration"].state is StepState.DONE
    assert steps["library"].state is StepState.NEXT
    assert steps["slot"].state is StepState.LATER
    assert steps["certificate"].state is StepState.LATER
    assert configuration.name in steps["configuration"].fact


def test_clients_that_are_sent_elsewhere_are_told(
    backend: Backend, configuration: RevocationConfiguration, host: HostController
) -> None:
    assert host.state().running
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{closed.getsockname()[1]}/ocsp"
        backend.authorities.add_location(
            configuration.authority_id, Location(LocationList.AIA, url, LocationFlag.IN_OCSP)
        )
        endpoint = link(backend.status.configuration(configuration.id), LinkName.ENDPOINT)
    assert endpoint.state is LinkState.WARNING
    assert url in endpoint.reason

"""Keys of certificates that are past are retired: by hand, and by themselves where chosen."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from app.domain.errors import InvalidInput, KeyAbsent, Refused
from app.domain.events import EventLevel
from app.domain.keys import KeyAlgorithm, KeySpec
from app.domain.principals import SYSTEM, TemplateRight
from app.domain.status import LinkName, LinkState
from app.host.control import BackendJobs
from app.services.authority.authorities import CreateAuthority
from app.services.responder.configurations import AddConfiguration
from app.services.security_library.key_certificates import CertificateState
from app.services.wiring import Parts, wire
from tests.services.moving_clock import MovingClock
from tests.services.support import messages

if TYPE_CHECKING:
    from app.domain.libraries import Library, SlotRegistration
    from app.domain.responder import RevocationConfiguration
    from app.services.backend import Backend
    from app.services.security_library.keys import KeyOnToken

P256 = KeySpec(KeyAlgorithm.ECDSA_P256, 256)
TEMPLATE = "OCSPResponseSigning"
RIGHTS = TemplateRight.READ | TemplateRight.ENROLL | TemplateRight.AUTOENROLL


@pytest.fixture
def clock() -> MovingClock:
    return MovingClock()


@pytest.fixture
def backend(parts: Parts, clock: MovingClock) -> Backend:
    made = wire(replace(parts, clock=clock), ExitStack())
    made.templates.install_builtin()
    return made


@pytest.fixture
def configuration(
    backend: Backend, library: Library, registrations: tuple[SlotRegistration, ...]
) -> RevocationConfiguration:
    """A CA and a configuration whose keys are on the token; certificates live for 4 hours."""
    assert {row.account for row in registrations} >= {SYSTEM}
    authority = backend.authorities.create(
        CreateAuthority(
            name="Test CA",
            provider=f"ECDSA_P256#{library.provider_name}",
            spec=P256,
            ocsp_location=True,
            server_dns_name="127.0.0.1:8080",
        )
    )
    authority = backend.authorities.add_template(authority.id, TEMPLATE)
    host = backend.directory.network_identity(backend.services.list()[0].log_on_as)
    backend.templates.permit(TEMPLATE, host, add=RIGHTS)
    backend.templates.set_fields(
        TEMPLATE,
        {
            "validity": "4 hours",
            "renewal": "1 hour",
            "providers": library.provider_name,
            "algorithm": "ECDSA_P256",
        },
    )
    added = backend.responder.add(AddConfiguration(name="Test", authority_id=authority.id))
    assert added.problem is None
    return added.configuration


def renew(backend: Backend, configuration: RevocationConfiguration, clock: MovingClock) -> None:
    """Move on to the renewal of the signing certificate, and renew it."""
    newest = backend.responder.signers(configuration.id)[0]
    clock.time = newest.not_after - timedelta(minutes=30)
    assert backend.responder.maintain() == 1


def listed(backend: Backend, row: SlotRegistration) -> dict[str, KeyOnToken]:
    """The keys on the token by what uses them."""
    return {key.used_by: key for key in backend.keys.on_token(row.library_id, row.token)}


CA, CURRENT, EARLIER = "CA Test CA", "OCSPSvc\\Test (current)", "OCSPSvc\\Test (earlier)"


def test_a_key_is_retired_by_hand_once_its_certificate_is_past(
    backend: Backend,
    configuration: RevocationConfiguration,
    registrations: tuple[SlotRegistration, ...],
    clock: MovingClock,
) -> None:
    renew(backend, configuration, clock)
    earlier = listed(backend, registrations[0])[EARLIER]
    assert earlier.certificates[0].state is CertificateState.EARLIER
    for user, word in ((CA, "current"), (CURRENT, "current"), (EARLIER, "earlier")):
        with pytest.raises(Refused) as caught:
            backend.keys.retire(listed(backend, registrations[0])[user].description.locator)
        assert f"the {word} certificate of" in caught.value.cause
    clock.advance(timedelta(hours=1))
    earlier = listed(backend, registrations[0])[EARLIER]
    assert earlier.certificates[0].state is CertificateState.EXPIRED
    assert earlier.why_not_retired == ""
    backend.keys.retire(earlier.description.locator)
    assert set(listed(backend, registrations[0])) == {CA, CURRENT}
    kept = backend.responder.signers(configuration.id)
    assert [row.key_retired_at is None for row in kept] == [True, False]
    assert "of OCSPSvc\\Test was retired; its last certificate ended" in messages(backend)[-1]
    with pytest.raises(Refused, match="cannot be retired"):
        backend.keys.retire(earlier.description.locator)


def test_the_status_stays_green_when_an_earlier_key_is_gone(
    backend: Backend,
    configuration: RevocationConfiguration,
    registrations: tuple[SlotRegistration, ...],
    clock: MovingClock,
) -> None:
    renew(backend, configuration, clock)
    clock.advance(timedelta(hours=1))
    backend.keys.retire(listed(backend, registrations[0])[EARLIER].description.locator)
    (status,) = backend.status.all()
    links = {link.name: link.state for link in status.links}
    assert links[LinkName.HSM_KEY] is LinkState.OK
    assert links[LinkName.SIGNING_CERTIFICATE] is LinkState.OK
    renew(backend, configuration, clock)
    assert len(backend.responder.signers(configuration.id)) == 3


def test_orphans_are_never_retired(
    backend: Backend, library: Library, registrations: tuple[SlotRegistration, ...]
) -> None:
    token = registrations[0].token
    key = backend.keys.generate(library.provider_name, token, P256, "left over")
    with pytest.raises(Refused) as caught:
        backend.keys.retire(key.locator)
    assert "No certificate of it is known" in caught.value.cause
    backend.keys.retire_after(library.id, token, 0)
    assert backend.keys.retire_due() == ()
    assert len(backend.keys.on_token(library.id, token)) == 1


def test_keys_retire_by_themselves_on_the_tokens_that_it_was_chosen_for(
    backend: Backend,
    library: Library,
    configuration: RevocationConfiguration,
    registrations: tuple[SlotRegistration, ...],
    clock: MovingClock,
) -> None:
    renew(backend, configuration, clock)
    renew(backend, configuration, clock)
    clock.advance(timedelta(days=2))
    assert backend.keys.retire_due() == ()
    backend.keys.retire_after(library.id, registrations[0].token, 3)
    assert backend.keys.retire_due() == ()
    clock.advance(timedelta(days=1, hours=1))
    BackendJobs(backend).retire_keys()
    assert backend.keys.retire_due() == ()
    assert set(listed(backend, registrations[0])) == {CA, CURRENT}
    retired = [text for text in messages(backend) if "was retired" in text]
    assert len(retired) == 2
    text = f"Keys on {registrations[0].token.label} retire by themselves 3 days after the end of"
    assert any(message.startswith(text) for message in messages(backend))
    backend.keys.retire_after(library.id, registrations[0].token, None)
    renew(backend, configuration, clock)
    clock.advance(timedelta(days=10))
    assert backend.keys.retire_due() == ()


def test_a_failure_is_told_of_once_a_day_and_tried_again(
    backend: Backend,
    parts: Parts,
    library: Library,
    configuration: RevocationConfiguration,
    registrations: tuple[SlotRegistration, ...],
    clock: MovingClock,
) -> None:
    renew(backend, configuration, clock)
    clock.advance(timedelta(hours=2))
    backend.keys.retire_after(library.id, registrations[0].token, 0)
    with backend.database.write() as tx:
        for row in registrations:
            tx.registrations.mark_refused(row.id, clock.now())
    parts.isolation.library(library.spec).restart()

    def told() -> list[EventLevel]:
        return [
            event.level
            for event in backend.events.page()
            if "could not be retired and is tried again tomorrow" in event.message
        ]

    assert backend.keys.retire_due() == ()
    assert backend.keys.retire_due() == ()
    assert told() == [EventLevel.WARNING]
    clock.advance(timedelta(days=1))
    assert backend.keys.retire_due() == ()
    assert told() == [EventLevel.WARNING] * 2
    with backend.database.write() as tx:
        for row in registrations:
            tx.registrations.mark_refused(row.id, None)
    assert len(backend.keys.retire_due()) == 1


def test_a_key_that_is_gone_already_is_marked_and_no_more_tried(
    backend: Backend,
    library: Library,
    configuration: RevocationConfiguration,
    registrations: tuple[SlotRegistration, ...],
    clock: MovingClock,
) -> None:
    renew(backend, configuration, clock)
    clock.advance(timedelta(hours=2))
    locator = listed(backend, registrations[0])[EARLIER].description.locator
    backend.key_access.open(locator, SYSTEM).delete(locator)
    with pytest.raises(KeyAbsent):
        backend.key_access.open(locator, SYSTEM).find(locator)
    backend.keys.retire_after(library.id, registrations[0].token, 0)
    assert backend.keys.retire_due() == (locator,)
    assert messages(backend)[-1].endswith("It was not there any more.")
    assert backend.keys.retire_due() == ()


def test_an_earlier_key_that_is_deleted_counts_as_retired(
    backend: Backend,
    configuration: RevocationConfiguration,
    registrations: tuple[SlotRegistration, ...],
    clock: MovingClock,
) -> None:
    renew(backend, configuration, clock)
    clock.advance(timedelta(hours=2))
    locator = listed(backend, registrations[0])[EARLIER].description.locator
    backend.keys.delete(locator, confirm_label=locator.label, even_if_used=True)
    assert backend.responder.signers(configuration.id)[-1].key_retired_at == clock.now()


def test_the_days_are_checked_and_kept(
    backend: Backend, library: Library, registrations: tuple[SlotRegistration, ...]
) -> None:
    token = registrations[0].token
    for days in (-1, 3651):
        with pytest.raises(InvalidInput):
            backend.keys.retire_after(library.id, token, days)
    assert backend.keys.settings(library.id, token).retire_after_days is None
    assert backend.keys.retire_after(library.id, token, 30).retire_after_days == 30
    assert backend.keys.settings(library.id, token).retire_after_days == 30
    for row in registrations:
        backend.slots.unregister(row.id)
    with pytest.raises(Refused):
        backend.keys.retire_after(library.id, token, 10)
    assert backend.keys.retire_after(library.id, token, None).retire_after_days is None


def test_a_disabled_library_is_left_alone(
    backend: Backend,
    library: Library,
    configuration: RevocationConfiguration,
    registrations: tuple[SlotRegistration, ...],
    clock: MovingClock,
) -> None:
    renew(backend, configuration, clock)
    clock.advance(timedelta(hours=2))
    backend.keys.retire_after(library.id, registrations[0].token, 0)
    with backend.database.write() as tx:
        tx.libraries.set_disabled(library.id, clock.now())
    before = messages(backend)
    assert backend.keys.retire_due() == ()
    assert messages(backend) == before

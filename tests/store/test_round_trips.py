"""Every record comes back as it was given."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.authorities import Authority, Crl
from app.domain.events import EventLevel
from app.domain.ids import AuthorityId, ConfigurationId, CrlId, SignerId
from app.domain.keys import TokenIdentity
from app.domain.libraries import SlotRegistration
from app.domain.principals import AccountName, Principal
from app.domain.requests import CertificateSide, Disposition, RequestSide, serial_text
from app.domain.responder import RevocationConfiguration, SigningCertificate
from app.domain.services import ServiceSettings
from app.domain.templates import Template
from app.domain.tokens import LibraryInfo, LibrarySpec
from app.store.columns import from_microseconds, to_microseconds
from tests.store.records import (
    NOW,
    a_configuration,
    a_request,
    an_authority,
    small,
)

if TYPE_CHECKING:
    from app.store.database import Database


@given(record=st.builds(Authority, id=st.just(AuthorityId(0)), key_index=small))
def test_authority(shared: Database, record: Authority) -> None:
    record = replace(record, name=f"{record.name}{uuid4()}")
    with shared.write() as store:
        added = store.authorities.add(record)
        store.authorities.update(replace(added, started=not added.started))
    assert added == replace(record, id=added.id)
    with shared.read() as store:
        assert store.authorities.get(added.id) == replace(added, started=not added.started)
        found = store.authorities.by_name(record.name.upper().lower())
        assert found is None or found.id == added.id


@given(
    record=st.builds(
        Template,
        schema_version=small,
        major_version=small,
        minor_version=small,
        minimum_key_size=small,
        path_length=st.none() | small,
    )
)
def test_template(shared: Database, record: Template) -> None:
    with shared.write() as store:
        store.templates.put(record)
    with shared.read() as store:
        assert store.templates.get(record.name) == record


@given(
    spec=st.builds(LibrarySpec),
    info=st.builds(LibraryInfo),
    vendor=st.text(),
    at=st.from_type(datetime),
    token=st.builds(TokenIdentity),
    account=st.from_type(AccountName),
    slot=small,
)
def test_library_and_registration(  # noqa: PLR0913, PLR0917 - one strategy a field
    shared: Database,
    spec: LibrarySpec,
    info: LibraryInfo,
    vendor: str,
    at: datetime,
    token: TokenIdentity,
    account: AccountName,
    slot: int,
) -> None:
    spec = replace(spec, path=f"{spec.path}{uuid4()}")
    with shared.write() as store:
        library = store.libraries.add(spec, vendor, info, at)
        slot_registration = store.registrations.add(library.id, token, account, slot, at)
        store.registrations.mark_refused(slot_registration.id, at)
    expected = SlotRegistration(
        slot_registration.id, library.id, token, account, slot, at, pin_refused_at=at
    )
    with shared.read() as store:
        by_path = store.libraries.by_path(spec.path)
        assert by_path == library
        assert (library.spec, library.vendor, library.info) == (spec, vendor, info)
        assert store.registrations.get(slot_registration.id) == expected


@given(record=st.builds(Principal, builtin=st.just(False)))
def test_principal(shared: Database, record: Principal) -> None:
    account = AccountName(f"{uuid4()}", record.account.name)
    record = replace(record, account=account)
    with shared.write() as store:
        store.principals.add(record)
    with shared.read() as store:
        assert record in store.principals.all()


@pytest.fixture(scope="module")
def ca(shared: Database) -> Authority:
    with shared.write() as store:
        return store.authorities.add(an_authority(f"{uuid4()}"))


@given(
    asked=st.builds(RequestSide),
    issued=st.builds(CertificateSide, public_key_length=small),
    serial=st.integers(0, 2**159),
    status_code=st.integers(-(2**31), 2**32),
)
def test_request(
    shared: Database,
    ca: Authority,
    asked: RequestSide,
    issued: CertificateSide,
    serial: int,
    status_code: int,
) -> None:
    serial_number = f"{uuid4().hex}{serial_text(serial)}".lstrip("0")
    serial_number = serial_text(int(serial_number, 16))
    asked = replace(asked, authority_id=ca.id)
    issued = replace(issued, serial_number=serial_number)
    with shared.write() as store:
        row = store.requests.submit(asked, Disposition.ACTIVE, "m", status_code)
        assert store.requests.get(row).status_code == status_code
        store.requests.reserve_serial(row, serial_number, asked.template)
        store.requests.issue(row, issued, NOW, "Issued")
    with shared.read() as store:
        found = store.requests.get(row)
        assert store.requests.page([row]) == (found,)
        assert store.requests.by_serial(ca.id, f"00{serial_number.upper()}") == found
        assert store.requests.raw_request(row) == asked.raw_request
        assert store.requests.attributes(row) == asked.attributes
        assert store.requests.raw_certificate(row) == issued.raw_certificate
    assert (found.request_name, found.issued_name) == (asked.name, issued.name)
    for name in ("template", "requester_name", "caller_name", "submitted_when"):
        assert getattr(found, name) == getattr(asked, name)
    for name in (
        "serial_number",
        "certificate_hash",
        "certificate_template",
        "not_before",
        "not_after",
        "subject_key_identifier",
        "public_key_sha256",
        "public_key_algorithm",
        "public_key_length",
    ):
        assert getattr(found, name) == getattr(issued, name)
    assert (found.disposition, found.resolved_when) == (Disposition.ISSUED, NOW)


@given(record=st.builds(Crl, id=st.just(CrlId(0)), key_index=small, count=small))
def test_crl(shared: Database, ca: Authority, record: Crl) -> None:
    with shared.write() as store:
        record = replace(record, authority_id=ca.id, number=store.crls.next_number(ca.id))
        added = store.crls.add(record)
    with shared.read() as store:
        assert store.crls.latest(ca.id, record.key_index) == added
        assert store.crls.raw(added.id) == record.raw
        assert store.crls.all(ca.id)[0] == replace(added, raw=b"")
    assert added == replace(record, id=added.id)


@given(
    record=st.builds(RevocationConfiguration, id=st.just(ConfigurationId(0))),
    signer=st.builds(SigningCertificate, id=st.just(SignerId(0))),
)
def test_configuration_and_signer(
    shared: Database, ca: Authority, record: RevocationConfiguration, signer: SigningCertificate
) -> None:
    record = replace(record, authority_id=ca.id, name=f"{record.name}{uuid4()}")
    with shared.write() as store:
        added = store.configurations.add(record)
        kept = store.signers.add(replace(signer, configuration_id=added.id))
    with shared.read() as store:
        assert store.configurations.get(added.id) == replace(record, id=added.id)
        assert store.configurations.by_name(record.name) == added
        assert store.signers.all(added.id) == (kept,)
        assert kept == replace(signer, configuration_id=added.id, id=kept.id)


@given(settings=st.builds(ServiceSettings), key=st.text(), value=st.text())
def test_services_and_settings(
    shared: Database, settings: ServiceSettings, key: str, value: str
) -> None:
    with shared.write() as store:
        store.services.set(settings)
        store.settings.set(key, value)
    with shared.read() as store:
        assert store.services.get(settings.name) == settings
        assert store.settings.get(key) == value


@given(level=st.sampled_from(EventLevel), number=small, texts=st.tuples(*[st.text()] * 4))
def test_event(
    shared: Database, level: EventLevel, number: int, texts: tuple[str, str, str, str]
) -> None:
    source, message, account, subject = texts
    with shared.write() as store:
        added = store.events.add(level, source, number, message, account, subject)
    assert (added.level, added.number, added.source) == (level, number, source)
    with shared.read() as store:
        assert store.events.page(1) == (added,)


@given(moment=st.datetimes(timezones=st.just(timezone(timedelta(hours=-9, minutes=-30)))))
def test_a_time_of_any_zone_comes_back_as_the_same_moment_in_utc(moment: datetime) -> None:
    back = from_microseconds(to_microseconds(moment))
    assert back == moment
    assert back.tzinfo is UTC


def test_a_time_without_zone_is_refused_and_nothing_is_written(
    database: Database, authority: Authority
) -> None:
    naive = NOW.replace(tzinfo=None)
    side = replace(a_request(authority.id), submitted_when=naive)

    def add_both() -> None:
        with database.write() as store:
            store.configurations.add(a_configuration(authority.id))
            store.requests.submit(side, Disposition.ACTIVE, "")

    with pytest.raises(ValueError, match="no time zone"):
        add_both()
    with database.read() as store:
        assert store.configurations.all() == ()

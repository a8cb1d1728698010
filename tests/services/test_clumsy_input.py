"""What a clumsy administrator gives: refused before anything changed, in one sentence."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from app.domain.authorities import Location, LocationFlag, LocationList
from app.domain.errors import InvalidInput, NotFound
from app.domain.ids import RequestId
from app.domain.keys import KeyAlgorithm, KeySpec
from app.domain.libraries import SOFTWARE_PROVIDER
from app.domain.periods import Period, PeriodUnit
from app.domain.principals import AccountName
from app.services.authority.authorities import CreateAuthority
from app.services.responder.configurations import AddConfiguration
from tests.services.authority.conftest import authority, backend, clock

if TYPE_CHECKING:
    from app.domain.authorities import Authority
    from app.services.backend import Backend

__all__ = ["authority", "backend", "clock"]
LONG = "x" * 10_000


@pytest.mark.parametrize(
    "url",
    [
        *("http://x/<Bad>", "http://x:99999/y", "http://[/y", "http://x/\ny", "http://x/%zz"),
        *("http://x/%", "http://u:p@x/y", "http:///x", "http://0.0.0.0/ocsp", f"http://x/{LONG}"),
    ],
)
def test_a_location_that_cannot_be_a_url_never_gets_into_the_list(
    backend: Backend, authority: Authority, url: str
) -> None:
    location = Location(LocationList.AIA, url, LocationFlag.IN_CERTIFICATE_CDP_OR_AIA)
    with pytest.raises(InvalidInput):
        backend.authorities.add_location(authority.id, location)
    assert backend.authorities.get(authority.id) == authority


@pytest.mark.parametrize("name", ["a\nb", LONG, "\x00", " "])
def test_a_configuration_is_not_added_under_such_a_name(
    backend: Backend, authority: Authority, name: str
) -> None:
    with pytest.raises(InvalidInput):
        backend.responder.add(AddConfiguration(name=name, authority_id=authority.id))
    assert backend.responder.list() == ()


def test_a_configuration_is_not_added_with_a_provider_that_is_none(
    backend: Backend, authority: Authority
) -> None:
    request = AddConfiguration(name="Test", authority_id=authority.id, provider="Nobody's")
    with pytest.raises(NotFound):
        backend.responder.add(request)
    assert backend.responder.list() == ()
    added = backend.responder.add(replace(request, provider=SOFTWARE_PROVIDER, enroll=False))
    with pytest.raises(NotFound):
        backend.responder.update(replace(added.configuration, provider="Nobody's"))
    with pytest.raises(InvalidInput):
        backend.responder.update(replace(added.configuration, name="a\nb"))
    assert backend.responder.list() == (added.configuration,)


def test_a_suffix_longer_than_names_may_be(backend: Backend) -> None:
    request = CreateAuthority(
        name="Another",
        provider=f"ECDSA_P256#{SOFTWARE_PROVIDER}",
        spec=KeySpec(KeyAlgorithm.ECDSA_P256, 256),
        distinguished_name_suffix=f"DC={LONG}",
    )
    with pytest.raises(InvalidInput, match="distinguished name"):
        backend.authorities.create(request)
    assert backend.authorities.list() == ()


@pytest.mark.parametrize("number", [0, 2**63, 10**30])
def test_a_request_number_that_no_row_can_have(backend: Backend, number: int) -> None:
    for read in (backend.enrollment.row, backend.enrollment.certificate, backend.enrollment.issue):
        with pytest.raises(NotFound):
            read(RequestId(number))


def test_no_period_ends_after_the_last_year() -> None:
    assert Period(1000, PeriodUnit.YEARS).length == timedelta(days=365_000)
    for count, unit in ((1001, PeriodUnit.YEARS), (100_000, PeriodUnit.MONTHS)):
        with pytest.raises(InvalidInput, match="not possible"):
            Period(count, unit)


@pytest.mark.parametrize("text", [f"DOMAIN\\{LONG}", "DOMAIN\\a\nb", "a\x00b"])
def test_an_account_name_that_is_none(text: str) -> None:
    with pytest.raises(InvalidInput):
        AccountName.parse(text, "DOMAIN")

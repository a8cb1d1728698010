from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from app.domain.errors import InvalidInput, NotFound
from app.domain.principals import NETWORK_SERVICE, SYSTEM, AccountName
from app.domain.services import ListenAddress, ServiceName
from tests.services.support import messages

if TYPE_CHECKING:
    from app.services.backend import Backend


def test_a_fresh_home_has_both_services(backend: Backend) -> None:
    assert [row.name for row in backend.services.list()] == list(ServiceName)
    assert backend.services.listen_address() == ListenAddress("127.0.0.1", 8080)


def test_log_on_and_desired_state_are_kept_and_logged(backend: Backend) -> None:
    control = backend.services
    control.set_log_on(ServiceName.ONLINE_RESPONDER, NETWORK_SERVICE)
    control.stop(ServiceName.ONLINE_RESPONDER)
    settings = control.get(ServiceName.ONLINE_RESPONDER)
    assert (settings.log_on_as, settings.started) == (NETWORK_SERVICE, False)
    assert control.get(ServiceName.CERTIFICATION_AUTHORITY).log_on_as == SYSTEM
    assert control.start(ServiceName.ONLINE_RESPONDER).started
    before = len(messages(backend))
    control.start(ServiceName.ONLINE_RESPONDER)
    assert len(messages(backend)) == before, "nothing changed, so nothing is logged"
    assert "The service Online Responder was stopped." in messages(backend)


def test_only_users_and_service_accounts_log_on(backend: Backend) -> None:
    admins = AccountName("TEST", "Domain Admins")
    for account in (AccountName("TEST", "nobody"), admins):
        with pytest.raises(NotFound):
            backend.services.set_log_on(ServiceName.ONLINE_RESPONDER, account)
    assert backend.services.get(ServiceName.ONLINE_RESPONDER).log_on_as == SYSTEM


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "ocsp.example.com", "0.0.0.0"])  # noqa: S104
def test_an_address_is_kept(backend: Backend, host: str) -> None:
    backend.services.set_listen_address(ListenAddress(host, 8888))
    assert backend.services.listen_address() == ListenAddress(host, 8888)


@pytest.mark.parametrize(
    ("host", "port"), [("", 80), ("two words", 80), ("-x.example", 80), ("host", 0), ("h", 65536)]
)
def test_an_impossible_address_changes_nothing(backend: Backend, host: str, port: int) -> None:
    with pytest.raises(InvalidInput):
        backend.services.set_listen_address(ListenAddress(host, port))
    assert backend.services.listen_address() == ListenAddress("127.0.0.1", 8080)

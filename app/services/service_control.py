"""Log-on account and desired state of the services, and where the responder listens."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import replace
from typing import TYPE_CHECKING

from app.domain.errors import InvalidInput
from app.domain.principals import PrincipalKind
from app.domain.services import ListenAddress, ServiceName, ServiceSettings

if TYPE_CHECKING:
    from collections.abc import Callable

    from app.domain.principals import AccountName, Directory
    from app.services.events import EventService
    from app.store.database import Database

SOURCE = "Services"
DEFAULT_ADDRESS = ListenAddress("127.0.0.1", 8080)
LAST_PORT = 65_535
_HOST_LABEL = re.compile(r"(?!-)[A-Za-z0-9-]{1,63}(?<!-)")
_LONGEST_HOST = 253
_LOG_ON_KINDS = frozenset({PrincipalKind.USER, PrincipalKind.SERVICE_ACCOUNT})


class ServiceControl:
    """Use cases of the node Services; not for the GUI thread.

    Starting and stopping sets the desired state; the host that holds the lease follows it.
    """

    def __init__(self, database: Database, directory: Directory, events: EventService) -> None:
        self._database = database
        self._directory = directory
        self._events = events

    def list(self) -> tuple[ServiceSettings, ...]:
        """The settings of all services."""
        with self._database.read() as tx:
            return tuple(tx.services.get(name) for name in ServiceName)

    def get(self, name: ServiceName) -> ServiceSettings:
        """The settings of one service."""
        with self._database.read() as tx:
            return tx.services.get(name)

    def set_log_on(self, name: ServiceName, account: AccountName) -> ServiceSettings:
        """Let a service run as another account; what it opens next, it opens as that one.

        Raises:
            NotFound: there is no such user or service account.
        """
        found = self._directory.find(str(account), _LOG_ON_KINDS).account
        return self._change(
            name,
            lambda settings: replace(settings, log_on_as=found),
            f"The service {name} logs on as {found}.",
        )

    def start(self, name: ServiceName) -> ServiceSettings:
        """Want a service started."""
        return self._change(
            name,
            lambda settings: replace(settings, started=True),
            f"The service {name} was started.",
        )

    def stop(self, name: ServiceName) -> ServiceSettings:
        """Want a service stopped."""
        return self._change(
            name,
            lambda settings: replace(settings, started=False),
            f"The service {name} was stopped.",
        )

    def listen_address(self) -> ListenAddress:
        """Where the HTTP server listens: what was set, else 127.0.0.1:8080."""
        with self._database.read() as tx:
            return tx.settings.listen_address() or DEFAULT_ADDRESS

    def set_listen_address(self, address: ListenAddress) -> ListenAddress:
        """Keep where the HTTP server listens; it stands in the certificates issued from now on.

        Raises:
            InvalidInput: no IP address or host name, or no port from 1 to 65535.
        """
        host = address.host.strip()
        if not _is_host(host):
            raise InvalidInput(
                f"“{address.host}” is not an address to listen at.",
                remedy="Give an IP address or a host name of this machine.",
            )
        if not 0 < address.port <= LAST_PORT:
            raise InvalidInput(
                f"{address.port} is not a port to listen at.",
                remedy=f"Give a port from 1 to {LAST_PORT}.",
            )
        checked = ListenAddress(host, address.port)
        with self._database.write() as tx:
            if tx.settings.listen_address() != checked:
                tx.settings.set_listen_address(checked)
                message = f"The Online Responder listens at {host}, port {address.port}."
                self._events.note(tx, SOURCE, message, str(ServiceName.ONLINE_RESPONDER))
        return checked

    def _change(
        self,
        name: ServiceName,
        change: Callable[[ServiceSettings], ServiceSettings],
        message: str,
    ) -> ServiceSettings:
        with self._database.write() as tx:
            settings = tx.services.get(name)
            changed = change(settings)
            if changed != settings:
                tx.services.set(changed)
                self._events.note(tx, SOURCE, message, str(name))
        return changed


def _is_host(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        labels = text.split(".")
        return len(text) <= _LONGEST_HOST and all(_HOST_LABEL.fullmatch(each) for each in labels)
    return True

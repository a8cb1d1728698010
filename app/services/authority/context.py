"""What the use cases of a certification authority share: its key, its account and its caller."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from app.domain.clock import Clock
from app.domain.commands import command_line
from app.domain.errors import NotFound, Refused
from app.domain.principals import Directory
from app.domain.services import ServiceName
from app.hsm.private_key import private_key
from app.pki.locations import LocationContext, expand, expanded_urls
from app.services.security_library.key_access import KeyAccess
from app.store.database import Database

if TYPE_CHECKING:
    from app.domain.authorities import Authority, Location, LocationFlag, LocationList
    from app.domain.principals import AccountName
    from app.pki.signatures import SigningKey
    from app.store.database import Transaction


@dataclass(frozen=True, slots=True)
class AuthorityContext:
    """The parts that every use case of a certification authority needs."""

    database: Database
    clock: Clock
    directory: Directory
    key_access: KeyAccess

    def service_account(self) -> AccountName:
        """The account that the Certification Authority service logs on as."""
        with self.database.read() as tx:
            return tx.services.get(ServiceName.CERTIFICATION_AUTHORITY).log_on_as

    def caller(self) -> AccountName:
        """Who calls: whoever opens the database is this process's account."""
        return self.directory.current_account()

    def signing_key(self, authority: Authority) -> SigningKey:
        """The CA's private key, opened for the service's account; signs through its provider."""
        provider = self.key_access.open(authority.key, self.service_account())
        return private_key(provider, authority.key)


def require_started(tx: Transaction, authority: Authority) -> None:
    """Pass when the CA is started, and the service that all CAs run in.

    Raises:
        Refused: one of them is stopped.
    """
    if not tx.services.get(ServiceName.CERTIFICATION_AUTHORITY).started:
        raise Refused(
            f"The service {ServiceName.CERTIFICATION_AUTHORITY} is stopped.",
            remedy="Start it: "
            + command_line("service", "start", ServiceName.CERTIFICATION_AUTHORITY),
        )
    if not authority.started:
        raise Refused(
            f"The certification authority {authority.name} is stopped.",
            remedy="Start it: " + command_line("ca", "start", "--ca", authority.name),
        )


def find_by_name(authorities: tuple[Authority, ...], name: str) -> Authority:
    """The CA of that name; "" means the only one.

    Raises:
        NotFound: none, or several and no name; the remedy lists them.
    """
    wanted = name.strip().casefold()
    found = [ca for ca in authorities if not wanted or ca.name.casefold() == wanted]
    if len(found) == 1:
        return found[0]
    if not authorities:
        raise NotFound(
            "There is no certification authority yet.",
            remedy="Set one up: " + command_line("ca", "create"),
        )
    names = ", ".join(f"“{ca.name}”" for ca in authorities)
    if found:
        raise NotFound(
            "There are several certification authorities.", remedy=f"Name one of {names}."
        )
    raise NotFound(f"There is no certification authority “{name}”.", remedy=f"There are: {names}.")


def location_context(authority: Authority) -> LocationContext:
    """What the variables of its locations stand for."""
    host = authority.server_dns_name
    return LocationContext(
        server_dns_name=host,
        server_short_name=host.partition(":")[0].partition(".")[0].upper(),
        ca_name=authority.name,
        key_index=authority.key_index,
    )


def urls(authority: Authority, kind: LocationList, flag: LocationFlag) -> tuple[str, ...]:
    """Expanded locations of one list that have the check box."""
    return expanded_urls(authority.locations, kind, flag, location_context(authority))


def expanded(authority: Authority) -> tuple[tuple[Location, str], ...]:
    """Every location with its URL."""
    context = location_context(authority)
    return tuple((location, expand(location.template, context)) for location in authority.locations)

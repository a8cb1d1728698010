"""`ca location`: the two lists of the Extensions tab."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from app.cli.arguments import flag_words
from app.cli.ca_options import ca_option
from app.cli.commands import Group, many
from app.cli.invocation import Invocation, pass_invocation
from app.domain.authorities import Location, LocationFlag, LocationList
from app.domain.errors import InvalidInput, NotFound

if TYPE_CHECKING:
    from app.cli.output import Record
    from app.domain.authorities import Authority
    from app.services.backend import Backend

LOCATION = {
    "list": "cdp or aia",
    "template": "as it was given, with its variables",
    "url": "what it stands for",
    "flags": "array of its check boxes",
}
COLUMNS = (("List", "list"), ("Location", "template"), ("URL", "url"), ("Included as", "flags"))
_WORDS = {LocationList.CDP: "cdp", LocationList.AIA: "aia"}

cdp_option = click.option("--cdp", is_flag=True, help="The CRL distribution points.")
aia_option = click.option("--aia", is_flag=True, help="The authority information access.")


def records(backend: Backend, authority: Authority) -> list[Record]:
    """The locations of a CA by their keys."""
    return [
        {
            "list": _WORDS[location.kind],
            "template": location.template,
            "url": url,
            "flags": flag_words(location.flags),
        }
        for location, url in backend.authorities.expanded_locations(authority.id)
    ]


@click.group("location", cls=Group)
def command() -> None:
    """Manage where clients find CRLs, the CA's certificate and the online responder."""


@command.command("list", shape=many(**LOCATION))
@ca_option
@pass_invocation
def list_locations(invocation: Invocation, ca_name: str) -> None:
    """List the locations of a CA."""
    backend = invocation.backend
    _print(invocation, backend.authorities.find(ca_name))


@command.command("add", shape=many(**LOCATION))
@click.argument("location")
@cdp_option
@aia_option
@click.option("--ocsp", is_flag=True, help="Include it in the OCSP extension (with --aia).")
@click.option(
    "--include",
    is_flag=True,
    help="Include it in the CDP or AIA extension; also done without --ocsp.",
)
@ca_option
@pass_invocation
def add(  # noqa: PLR0913 - one parameter per option
    invocation: Invocation,
    *,
    location: str,
    cdp: bool,
    aia: bool,
    ocsp: bool,
    include: bool,
    ca_name: str,
) -> None:
    """Add LOCATION, such as 'http://<ServerDNSName>/ocsp' with --aia --ocsp."""
    if cdp == aia:
        raise click.UsageError("Name one list: --cdp or --aia.")
    if ocsp and cdp:
        raise click.UsageError("--ocsp goes with --aia.")
    flags = LocationFlag.IN_OCSP if ocsp else LocationFlag.NONE
    if include or not ocsp:
        flags |= LocationFlag.IN_CERTIFICATE_CDP_OR_AIA
    backend = invocation.backend
    kind = LocationList.CDP if cdp else LocationList.AIA
    authority = backend.authorities.find(ca_name)
    _print(
        invocation,
        backend.authorities.add_location(authority.id, Location(kind, location, flags)),
    )


@command.command("remove", shape=many(**LOCATION))
@click.argument("location")
@cdp_option
@aia_option
@ca_option
@pass_invocation
def remove(invocation: Invocation, location: str, cdp: bool, aia: bool, ca_name: str) -> None:
    """Remove LOCATION, given as it stands in the list or as its URL."""
    if cdp and aia:
        raise click.UsageError("--cdp and --aia exclude each other.")
    backend = invocation.backend
    authority = backend.authorities.find(ca_name)
    kinds = {LocationList.CDP} if cdp else {LocationList.AIA} if aia else set(LocationList)
    found = [
        entry
        for entry, url in backend.authorities.expanded_locations(authority.id)
        if entry.kind in kinds and location in {entry.template, url}
    ]
    if not found:
        raise NotFound(
            f"{authority.name} has no location “{location}”.",
            remedy="See: sealkeeper ca location list",
        )
    if len(found) > 1:
        raise InvalidInput("It is in both lists.", remedy="Name one: --cdp or --aia.")
    _print(invocation, backend.authorities.remove_location(authority.id, found[0]))


def _print(invocation: Invocation, authority: Authority) -> None:
    invocation.output.records(
        records(invocation.backend, authority), COLUMNS, f"{authority.name} has no locations."
    )

"""`ca crl`: certificate revocation lists."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from app.cli.ca_options import binary_option, ca_option, force_option
from app.cli.commands import Group, many, one
from app.cli.files import refuse_existing, write_file
from app.cli.invocation import Invocation, pass_invocation
from app.domain.errors import NotFound
from app.pki.pem import CRL, to_pem

if TYPE_CHECKING:
    from app.cli.output import Record
    from app.domain.authorities import Crl

LIST = {
    "number": "CRL number",
    "count": "how many certificates it lists",
    "this_update": "time",
    "next_update": "time",
    "next_publish": "when the next one is due",
    "published_at": "array of locations with the result",
}


def _record(crl: Crl) -> dict[str, object]:
    return {
        "number": crl.number,
        "count": crl.count,
        "this_update": crl.this_update,
        "next_update": crl.next_update,
        "next_publish": crl.next_publish,
        "published_at": [f"{place}: {result}" for place, result in crl.publish_results],
    }


@click.group("crl", cls=Group)
def command() -> None:
    """Publish and list certificate revocation lists."""


@command.command("publish", shape=one(**LIST))
@ca_option
@pass_invocation
def publish(invocation: Invocation, ca_name: str) -> None:
    """Sign a new CRL now."""
    backend = invocation.backend
    authority = backend.authorities.find(ca_name)
    crl = backend.revocation.publish_crl(authority.id)
    invocation.output.done(
        _record(crl),
        f"Published CRL {crl.number} of {authority.name} with {crl.count} "
        f"{'entry' if crl.count == 1 else 'entries'}, valid to "
        f"{crl.next_update.astimezone():%Y-%m-%d %H:%M %Z}.",
    )


@command.command("list", shape=many(**LIST))
@ca_option
@pass_invocation
def list_crls(invocation: Invocation, ca_name: str) -> None:
    """List the CRLs of a CA, newest first."""
    backend = invocation.backend
    authority = backend.authorities.find(ca_name)
    records: list[Record] = [_record(crl) for crl in backend.revocation.crls(authority.id)]
    invocation.output.records(
        records,
        (
            ("Number", "number"),
            ("Entries", "count"),
            ("Effective", "this_update"),
            ("Valid to", "next_update"),
            ("Next publication", "next_publish"),
        ),
        f"{authority.name} has published no CRL yet.",
    )


@command.command("export", shape=one(**LIST, file="file that was written"))
@click.argument("file", type=click.Path(path_type=Path))
@ca_option
@binary_option
@force_option
@pass_invocation
def export(invocation: Invocation, file: Path, ca_name: str, binary: bool, force: bool) -> None:
    """Write the newest CRL to FILE."""
    backend = invocation.backend
    authority = backend.authorities.find(ca_name)
    refuse_existing(file, force=force)
    crl = backend.revocation.latest(authority.id)
    if crl is None:
        raise NotFound(
            f"{authority.name} has published no CRL yet.",
            remedy="Publish one: sealkeeper ca crl publish",
        )
    write_file(file, crl.raw if binary else to_pem(CRL, crl.raw), force=force)
    invocation.output.done(
        {**_record(crl), "file": str(file)}, f"Wrote CRL {crl.number} to {file}."
    )

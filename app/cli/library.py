"""`library`: security libraries."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from app.cli.commands import Group, many, one
from app.cli.invocation import Invocation, pass_invocation
from app.services.security_library.libraries import RegisterLibrary

if TYPE_CHECKING:
    from app.cli.output import Record
    from app.domain.libraries import Library
    from app.domain.tokens import LibraryInfo

INFO = {
    "manufacturer": "as the library reports it",
    "description": "as the library reports it",
    "cryptoki_version": "version of PKCS#11",
    "library_version": "the library's own version",
}
LIBRARY = {
    "id": "number of the library",
    "vendor": "vendor name",
    "provider": "name of its key storage provider",
    "path": "file",
    **INFO,
    "environment": "names of the variables that are set when it is loaded",
    "registered_at": "time",
}
COLUMNS = (
    ("Id", "id"),
    ("Vendor", "vendor"),
    ("Provider", "provider"),
    ("Version", "library_version"),
    ("Path", "path"),
)


def library_record(library: Library) -> Record:
    """A library by its keys; values of the environment stay out, they can be secret."""
    return {
        "id": library.id,
        "vendor": library.vendor,
        "provider": library.provider_name,
        "path": library.spec.path,
        **_info_record(library.info),
        "environment": [name for name, _ in library.spec.environment],
        "registered_at": library.registered_at,
    }


def _info_record(info: LibraryInfo) -> Record:
    return {
        "manufacturer": info.manufacturer,
        "description": info.description,
        "cryptoki_version": info.cryptoki_version,
        "library_version": info.library_version,
    }


@click.group("library", cls=Group)
def command() -> None:
    """Register security libraries."""


@command.command("register", shape=one(**LIBRARY))
@click.argument("path")
@click.option("--vendor", default="", metavar="NAME", help="Vendor name for the provider.")
@click.option(
    "--env",
    "environment",
    multiple=True,
    metavar="K=V",
    help="Variable to set when the library is loaded, such as SOFTHSM2_CONF; repeatable.",
)
@click.option(
    "--init-string", default="", metavar="TEXT", help="String for C_Initialize's pReserved."
)
@pass_invocation
def register(
    invocation: Invocation, path: str, vendor: str, environment: tuple[str, ...], init_string: str
) -> None:
    """Load the PKCS#11 library PATH once and register it."""
    request = RegisterLibrary(
        path=path,
        vendor=vendor,
        environment=tuple(_variable(text) for text in environment),
        initialisation=init_string,
    )
    library = invocation.backend.libraries.register(request)
    invocation.output.done(
        library_record(library),
        f"Registered {library.spec.path} as {library.vendor} ({library.info.description}, "
        f"version {library.info.library_version}).",
    )


def _variable(text: str) -> tuple[str, str]:
    name, mark, value = text.partition("=")
    if not mark or not name:
        raise click.UsageError("Give a variable as --env NAME=VALUE.")
    return name, value


@command.command("list", shape=many(**LIBRARY))
@pass_invocation
def list_libraries(invocation: Invocation) -> None:
    """List the registered libraries."""
    libraries = invocation.backend.libraries.list()
    invocation.output.records(
        [library_record(library) for library in libraries],
        COLUMNS,
        "No security library is registered.",
    )


@command.command(
    "test",
    shape=one(
        vendor="vendor name",
        path="file",
        **INFO,
        slots="number of slots",
        tokens="labels of the tokens in them",
    ),
)
@click.argument("library", default="")
@pass_invocation
def test(invocation: Invocation, library: str) -> None:
    """Load LIBRARY (vendor, number or path) in a process of its own and ask what it is."""
    libraries = invocation.backend.libraries
    found = libraries.find(library)
    info = libraries.probe(found.spec.path, found.spec.environment, found.spec.initialisation)
    slots = libraries.slots(found.id)
    tokens = [slot.token.label for slot in slots if slot.token is not None]
    invocation.output.done(
        {
            "vendor": found.vendor,
            "path": found.spec.path,
            **_info_record(info),
            "slots": len(slots),
            "tokens": tokens,
        },
        f"{found.vendor} works: {info.description}, version {info.library_version}, "
        f"slots: {len(slots)}, tokens: {', '.join(tokens) or 'none'}.",
    )


@command.command("remove", shape=one(vendor="vendor name", path="file", removed="true"))
@click.argument("library")
@pass_invocation
def remove(invocation: Invocation, library: str) -> None:
    """Forget LIBRARY (vendor, number or path); its file and tokens stay as they are."""
    found = invocation.backend.libraries.find(library)
    invocation.backend.libraries.remove(found.id)
    invocation.output.done(
        {"vendor": found.vendor, "path": found.spec.path, "removed": True},
        f"Removed {found.vendor}.",
    )

"""`library`: security libraries."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from app.cli.commands import Group, many, one
from app.cli.invocation import Invocation, pass_invocation
from app.domain.commands import command_line
from app.domain.errors import NotFound
from app.services.security_library.libraries import RegisterLibrary

if TYPE_CHECKING:
    from app.cli.output import Record
    from app.domain.libraries import Library
    from app.domain.tokens import LibraryInfo
    from app.services.backend import Backend
    from app.services.security_library.found_libraries import FoundLibrary

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
    "initialisation": "string for C_Initialize, or empty",
    "registered_at": "time",
    "disabled_at": "since when nothing loads it, or null",
    "call_log": "file that its PKCS#11 calls are written to, or null while the call log is off",
    "legacy_provider": "name of its legacy provider, or null while it is not registered",
}
COLUMNS = (
    ("Id", "id"),
    ("Vendor", "vendor"),
    ("Provider", "provider"),
    ("Version", "library_version"),
    ("Disabled", "disabled_at"),
    ("Call log", "call_log"),
    ("Path", "path"),
)
FOUND = {
    "path": "file",
    "product": "what it is by its place or its file's name",
    "registered": "whether it is registered",
    "source": "usual place, or the module file of p11-kit that names it",
    "environment": "object of the variables that are proposed for it",
    "initialisation": "string for C_Initialize that is proposed for it, or empty",
    "note": "what has to be there before it works, or empty",
    "problem": "why this program cannot load it, or empty",
}
FOUND_COLUMNS = (
    ("Product", "product"),
    ("Registered", "registered"),
    ("Found", "source"),
    ("Path", "path"),
    ("Problem", "problem"),
)
ENVIRONMENT_HELP = "Variable to set when the library is loaded, such as SOFTHSM2_CONF; repeatable."

library_argument = click.argument("library", default="")


def library_record(backend: Backend, library: Library) -> Record:
    """A library by its keys; values of the environment stay out, they can be secret."""
    log = str(backend.libraries.call_log_file(library.id)) if library.call_log else None
    return {
        "id": library.id,
        "vendor": library.vendor,
        "provider": library.provider_name,
        "path": library.spec.path,
        **_info_record(library.info),
        "environment": [name for name, _ in library.spec.environment],
        "initialisation": library.spec.initialisation,
        "registered_at": library.registered_at,
        "disabled_at": library.disabled_at,
        "call_log": log,
        "legacy_provider": library.legacy_name if library.legacy_at is not None else None,
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
    help=ENVIRONMENT_HELP,
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
        library_record(invocation.backend, library),
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
        [library_record(invocation.backend, library) for library in libraries],
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
    answer = libraries.test(libraries.find(library).id)
    tokens = [slot.token.label for slot in answer.slots if slot.token is not None]
    invocation.output.done(
        {
            "vendor": answer.library.vendor,
            "path": answer.library.spec.path,
            **_info_record(answer.info),
            "slots": len(answer.slots),
            "tokens": tokens,
        },
        f"{answer.library.vendor} works: {answer.info.description}, version "
        f"{answer.info.library_version}, slots: {len(answer.slots)}, "
        f"tokens: {', '.join(tokens) or 'none'}.",
    )


@command.command("found", shape=many(**FOUND))
@pass_invocation
def found(invocation: Invocation) -> None:
    """List the libraries that lie on this machine; none is loaded."""
    libraries = invocation.backend.libraries.found()
    records = [
        {
            "path": each.path,
            "product": each.product,
            "registered": each.registered,
            "source": each.source,
            "environment": dict(each.environment),
            "initialisation": each.initialisation,
            "note": each.note,
            "problem": each.problem,
        }
        for each in libraries
    ]
    empty = "No PKCS#11 library was found: name its file with library register."
    invocation.output.records(records, FOUND_COLUMNS, empty)
    if not invocation.output.json:
        for each in libraries:
            if not each.registered and not each.problem:
                invocation.output.note(f"{each.product}: {_how_to_register(each)}")


def _how_to_register(found: FoundLibrary) -> str:
    words = ["library", "register", found.path]
    for name, value in found.environment:
        words += ["--env", f"{name}={value}"]
    if found.initialisation:
        words += ["--init-string", found.initialisation]
    return f"{command_line(*words)}. {found.note}".strip()


@command.command("disable", shape=one(**LIBRARY))
@library_argument
@pass_invocation
def disable(invocation: Invocation, library: str) -> None:
    """Load LIBRARY (vendor, number or path) no more, in any process; registrations stay."""
    libraries = invocation.backend.libraries
    disabled = libraries.disable(libraries.find(library).id)
    invocation.output.done(
        library_record(invocation.backend, disabled),
        f"{disabled.vendor} is disabled: its keys cannot be used until it is enabled.",
    )


@command.command("enable", shape=one(**LIBRARY))
@library_argument
@pass_invocation
def enable(invocation: Invocation, library: str) -> None:
    """Take the disabled LIBRARY (vendor, number or path) into use again."""
    libraries = invocation.backend.libraries
    enabled = libraries.enable(libraries.find(library).id)
    invocation.output.done(
        library_record(invocation.backend, enabled), f"{enabled.vendor} is enabled."
    )


@command.command(
    "reload",
    shape=one(
        **LIBRARY,
        old_version="the library's own version as it was known before",
        slots="number of slots",
        tokens="labels of the tokens in them",
    ),
)
@library_argument
@pass_invocation
def reload(invocation: Invocation, library: str) -> None:
    """Load LIBRARY (vendor, number or path) anew in every process, to see its slots as they are.

    A token that was plugged in and a client that was updated may be seen only then.
    """
    libraries = invocation.backend.libraries
    done = libraries.reload(libraries.find(library).id)
    tokens = [slot.token.label for slot in done.slots if slot.token is not None]
    old, new = done.old.library_version, done.library.info.library_version
    version = f"version {new}" if old == new else f"version {new}, before {old}"
    invocation.output.done(
        {
            **library_record(invocation.backend, done.library),
            "old_version": old,
            "slots": len(done.slots),
            "tokens": tokens,
        },
        f"{done.library.vendor} was loaded anew: {version}, slots: {len(done.slots)}, "
        f"tokens: {', '.join(tokens) or 'none'}.",
    )


@command.command("change", shape=one(**LIBRARY))
@library_argument
@click.option("--env", "environment", multiple=True, metavar="K=V", help=ENVIRONMENT_HELP)
@click.option("--unset", multiple=True, metavar="K", help="Variable to set no more; repeatable.")
@click.option(
    "--init-string", metavar="TEXT", help="String for C_Initialize's pReserved; empty for none."
)
@pass_invocation
def change(
    invocation: Invocation,
    library: str,
    environment: tuple[str, ...],
    unset: tuple[str, ...],
    init_string: str | None,
) -> None:
    """Load LIBRARY (vendor, number or path) with other variables or another string from now on.

    It is tried before it is taken; what is not named stays as it is.
    """
    if not environment and not unset and init_string is None:
        raise click.UsageError("Name what to change: --env, --unset or --init-string.")
    libraries = invocation.backend.libraries
    found = libraries.find(library)
    variables = dict(found.spec.environment)
    for name in unset:
        if variables.pop(name, None) is None:
            raise NotFound(
                f"{found.vendor} has no variable {name}.",
                remedy=f"It has {', '.join(variables) or 'none'}.",
            )
    variables.update(_variable(text) for text in environment)
    initialisation = found.spec.initialisation if init_string is None else init_string
    changed = libraries.change(found.id, tuple(variables.items()), initialisation)
    invocation.output.done(
        library_record(invocation.backend, changed),
        f"{changed.vendor} answers: {changed.info.description}, "
        f"version {changed.info.library_version}.",
    )


@command.command("call-log", shape=one(**LIBRARY))
@click.argument("library")
@click.argument("state", type=click.Choice(["on", "off"]))
@pass_invocation
def call_log(invocation: Invocation, library: str, state: str) -> None:
    """Write the PKCS#11 calls of LIBRARY (vendor, number or path) to a file; PINs stay out."""
    libraries = invocation.backend.libraries
    logged = libraries.set_call_log(libraries.find(library).id, on=state == "on")
    file = libraries.call_log_file(logged.id)
    invocation.output.done(
        library_record(invocation.backend, logged),
        f"The calls of {logged.vendor} are written to {file}."
        if logged.call_log
        else f"The calls of {logged.vendor} are not written any more; {file} stays.",
    )


@command.command("dependents", shape=many(dependent="what stops working without the library"))
@library_argument
@pass_invocation
def dependents(invocation: Invocation, library: str) -> None:
    """List what depends on LIBRARY (vendor, number or path) and keeps it from being removed."""
    libraries = invocation.backend.libraries
    found = libraries.find(library)
    invocation.output.records(
        [{"dependent": text} for text in libraries.dependents(found.id)],
        (("Depends on it", "dependent"),),
        f"Nothing depends on {found.vendor}.",
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

"""`luna`: the configuration of a Luna client."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from app.cli.commands import Group, one
from app.cli.invocation import Invocation, pass_invocation
from app.cli.luna_options import (
    CHANGED,
    check_record,
    file_option,
    named_file,
    print_difference,
    task_record,
    version_option,
)
from app.cli.output import Section
from app.domain.commands import command_line
from app.domain.errors import InvalidInput, Refused
from app.domain.luna import MergeCloud, RemoveValue, SetValue, TaskName, TaskState

if TYPE_CHECKING:
    from app.cli.output import Record
    from app.domain.luna import Change, MergePlan, Written

SHOWN = {
    "file": "path",
    "syntax": "unix or ini",
    "client_version": "as the registered library or --client-version says, or empty",
    "library": "vendor of the registered library that reads this file, or empty",
    "not_writable": "why this account cannot change it, or empty",
    "settings": "array of objects with section, key, value, line and meaning",
    "tasks": "array of objects with name, title, state, reason and versions",
    "problems": "array of objects with line and sentence",
}
_DIRECT = tuple(task.value for task in TaskName if task is not TaskName.CLOUD)
_LINES = (
    ("File", "file"),
    ("Client version", "client_version"),
    ("Library", "library"),
    ("Not writable", "not_writable"),
)
dry_run = click.option("--dry-run", is_flag=True, help="Show the difference and change nothing.")


@click.group("luna", cls=Group)
def command() -> None:
    """Look at and change a Luna client's Chrystoki.conf or crystoki.ini."""


@command.command("show", shape=one(**SHOWN))
@file_option
@version_option
@pass_invocation
def show(invocation: Invocation, file: Path | None, client_version: str) -> None:
    """Show the settings, what the tasks of the guide would change, and problems."""
    luna = invocation.backend.luna
    configuration = luna.open(named_file(luna, file), client_version)
    if configuration.problem:
        raise Refused(configuration.problem)
    record: Record = {
        "file": str(configuration.path),
        "syntax": configuration.syntax,
        "client_version": configuration.version,
        "library": configuration.library,
        "not_writable": configuration.not_writable,
        "settings": [
            {
                "section": setting.section,
                "key": setting.key,
                "value": setting.value,
                "line": setting.line,
                "meaning": setting.meaning,
            }
            for setting in configuration.settings
        ],
        "tasks": [task_record(task) for task in configuration.tasks],
        "problems": [
            {"line": problem.line, "sentence": problem.sentence}
            for problem in configuration.problems
        ],
    }
    invocation.output.record(
        record,
        tuple((heading, key) for heading, key in _LINES if record[key]),
        _section("Settings", record, "settings", "section", "key", "value", "meaning"),
        _section("Tasks", record, "tasks", "name", "state", "title", "reason"),
        _section("Problems", record, "problems", "line", "sentence"),
    )


def _section(title: str, record: Record, key: str, *columns: str) -> Section:
    rows = record[key]
    if not isinstance(rows, list):
        raise TypeError(key)
    return Section(title, rows, tuple((name.capitalize(), name) for name in columns))


# --- changes --------------------------------------------------------------------------------


@command.command("set", shape=one(**CHANGED))
@click.argument("section")
@click.argument("key")
@click.argument("value")
@file_option
@dry_run
@pass_invocation
def set_value(
    invocation: Invocation, section: str, key: str, value: str, file: Path | None, dry_run: bool
) -> None:
    """Give KEY in SECTION a VALUE, on its own line or on a new one; a backup is made first.

    VALUE - is read from standard input, so that no credential stands in the list of processes.
    """
    if value == "-":
        line = sys.stdin.readline()
        if not line:
            raise InvalidInput(
                f"The value for {key} is missing on standard input.",
                remedy="Write it there as one line; an empty line empties it.",
            )
        value = line.rstrip("\r\n")
    _change(invocation, file, (SetValue(section, key, value),), dry_run=dry_run)


@command.command("unset", shape=one(**CHANGED))
@click.argument("section")
@click.argument("key")
@file_option
@dry_run
@pass_invocation
def unset(invocation: Invocation, section: str, key: str, file: Path | None, dry_run: bool) -> None:
    """Take KEY out of SECTION; a backup is made first."""
    _change(invocation, file, (RemoveValue(section, key),), dry_run=dry_run)


@command.command("apply", shape=one(**CHANGED))
@click.argument("task", type=click.Choice(_DIRECT))
@file_option
@version_option
@dry_run
@pass_invocation
def apply(
    invocation: Invocation, task: str, file: Path | None, client_version: str, dry_run: bool
) -> None:
    """Do a TASK of the guide: ped (PIN at the PED), fips (RSA remapping), ha (HAOnly)."""
    luna = invocation.backend.luna
    configuration = luna.open(named_file(luna, file), client_version)
    if configuration.problem:
        raise Refused(configuration.problem)
    wanted = next(each for each in configuration.tasks if each.name == task)
    if wanted.state is TaskState.UNDECIDED:
        raise InvalidInput(
            f"Whether the task {task} applies is not known.",
            cause=wanted.reason,
            remedy="Give the version with --client-version; lunacm shows it in its first line.",
        )
    if wanted.state is not TaskState.OPEN:
        raise Refused(f"The task {task} is {wanted.state}.", cause=wanted.reason)
    _change(invocation, configuration.path, wanted.changes, dry_run=dry_run)


def _change(
    invocation: Invocation, file: Path | None, changes: tuple[Change, ...], *, dry_run: bool
) -> None:
    luna = invocation.backend.luna
    path = named_file(luna, file)
    if dry_run:
        _done(invocation, path, luna.preview(path, changes), None)
        return
    written = luna.apply(path, changes, luna.open(path).digest)
    _done(invocation, written.path, written.difference, written)


def _done(invocation: Invocation, path: Path, difference: str, written: Written | None) -> None:
    """Print a difference and what became of it; `written` is None where nothing was."""
    print_difference(invocation, difference)
    backup = None if written is None else written.backup
    if written is None:
        words = "Nothing was changed." if difference else "Nothing would change."
    elif backup is None:
        words = f"Wrote {path}."
    else:
        undo = command_line("luna", "restore", str(backup))
        words = f"Changed {path}. To take it back: {undo}"
    record = {
        "file": str(path),
        "difference": difference,
        "backup": None if backup is None else str(backup),
    }
    invocation.output.done(record, words)
    if written is not None and not invocation.output.json:
        reload = command_line("library", "reload", "--help")
        invocation.output.note(f"Programs read it when they load the library. See: {reload}")


@command.command("restore", shape=one(**CHANGED))
@click.argument("backup", type=click.Path(path_type=Path))
@dry_run
@pass_invocation
def restore(invocation: Invocation, backup: Path, dry_run: bool) -> None:
    """Let a file be what its BACKUP holds; what it is now becomes a backup itself."""
    luna = invocation.backend.luna
    if dry_run:
        path, difference = luna.preview_restore(backup)
        _done(invocation, path, difference, None)
        return
    written = luna.restore(backup)
    _done(invocation, written.path, written.difference, written)


# --- Luna Cloud HSM -------------------------------------------------------------------------


@command.command(
    "merge-cloud",
    shape=one(
        file="the full client's file",
        hybrid="whether it has Luna Network HSMs too",
        steps="array of objects with number, what, here and needed",
        copies="array of objects with source, target and state",
        difference="lines of the difference",
        library="vendor of the library whose variable is set, or empty",
        unit_line="what the service unit needs",
        backups="array of the files' backups; empty with --dry-run",
        done="false with --dry-run",
    ),
)
@click.argument("cloud", metavar="DIR", type=click.Path(path_type=Path))
@file_option
@version_option
@click.option(
    "--certificates",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Folder cert of the full client; else the one in its own folder.",
)
@click.option(
    "--plugins",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Folder plugins of the full client; else the one in its own folder.",
)
@click.option(
    "--library",
    default="",
    metavar="NAME",
    help="Library whose ChrystokiConfigurationPath is set; else the one of this file.",
)
@click.option(
    "--replace-certificates",
    is_flag=True,
    help="Overwrite different certificates of the same name; backups are made.",
)
@dry_run
@pass_invocation
def merge_cloud(  # noqa: PLR0913, PLR0917 - the options of one command
    invocation: Invocation,
    cloud: Path,
    file: Path | None,
    client_version: str,
    certificates: Path | None,
    plugins: Path | None,
    library: str,
    replace_certificates: bool,
    dry_run: bool,
) -> None:
    """Take the Luna Cloud HSM client in DIR into the full client: steps 5 to 12 of the guide."""
    backend = invocation.backend
    found = backend.libraries.find(library).id if library else None
    plan = backend.luna.cloud.plan_merge(
        MergeCloud(
            named_file(backend.luna, file), cloud, client_version, certificates, plugins, found
        )
    )
    backups: tuple[Path, ...] = ()
    if not dry_run:
        _refuse_replacing(plan, allowed=replace_certificates)
        merged = backend.luna.cloud.merge(plan, replace_certificates=replace_certificates)
        backups = merged.backups
    _narrate(invocation, plan)
    record = _merge_record(plan, backups, done=not dry_run)
    invocation.output.done(record, *_merge_words(plan, backups, done=not dry_run))


def _narrate(invocation: Invocation, plan: MergePlan) -> None:
    """The steps, the certificates and the difference, for people."""
    if invocation.output.json:
        return
    for step in plan.steps:
        invocation.output.done({}, f"{step.number}. {step.what}. {step.here}")
    for copy in plan.copies:
        invocation.output.done({}, f"{copy.target}: {copy.state}.")
    print_difference(invocation, plan.difference)


def _refuse_replacing(plan: MergePlan, *, allowed: bool) -> None:
    if plan.replaced and not allowed:
        names = ", ".join(str(copy.target) for copy in plan.replaced)
        raise Refused(
            "Other certificates are in the way.",
            cause=f"They would replace {names}.",
            remedy="Give --replace-certificates to overwrite them; backups are made.",
        )


def _merge_record(plan: MergePlan, backups: tuple[Path, ...], *, done: bool) -> Record:
    return {
        "file": str(plan.path),
        "hybrid": plan.hybrid,
        "steps": [
            {"number": step.number, "what": step.what, "here": step.here, "needed": step.needed}
            for step in plan.steps
        ],
        "copies": [
            {"source": str(copy.source), "target": str(copy.target), "state": copy.state}
            for copy in plan.copies
        ],
        "difference": plan.difference,
        "library": plan.library,
        "unit_line": plan.unit_line,
        "backups": [str(backup) for backup in backups],
        "done": done,
    }


def _merge_words(plan: MergePlan, backups: tuple[Path, ...], *, done: bool) -> tuple[str, ...]:
    if not done:
        return ("Nothing was changed.",)
    return (
        f"The Luna Cloud HSM client is in {plan.path} now.",
        *(f"Backup: {backup}" for backup in backups),
        f"In the service unit: {plan.unit_line}",
    )


@command.command(
    "minimum",
    shape=one(
        folder="path",
        checks="array of objects with name, state and sentence",
        library="path of its library, or null",
        registered="vendor that it was registered as, or empty",
    ),
)
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.option(
    "--register",
    "registers",
    is_flag=True,
    help="Register its library, loaded with ChrystokiConfigurationPath=DIR.",
)
@click.option("--vendor", default="", metavar="NAME", help="Vendor name for the provider.")
@pass_invocation
def minimum(invocation: Invocation, folder: Path, registers: bool, vendor: str) -> None:
    """Check the Luna Cloud HSM minimum client in DIR: unpacked there, setenv ran."""
    backend = invocation.backend
    client = backend.luna.cloud.minimum_client(folder)
    registered = ""
    if registers:
        if client.registered is None:
            request = backend.luna.cloud.minimum_registration(client, vendor)
            registered = backend.libraries.register(request).vendor
        else:
            registered = backend.luna.cloud.point(client.registered, client.folder).vendor
        client = backend.luna.cloud.minimum_client(folder)
    record: Record = {
        "folder": str(client.folder),
        "checks": [check_record(check) for check in client.checks],
        "library": None if client.library is None else str(client.library),
        "registered": registered,
    }
    invocation.output.record(
        record,
        (("Folder", "folder"), ("Library", "library"), ("Registered as", "registered")),
        _section("Checks", record, "checks", "name", "state", "sentence"),
    )

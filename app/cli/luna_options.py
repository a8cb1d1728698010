"""What the commands of `luna` share: which file, which version, and how a difference is printed."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from app.domain.errors import InvalidInput, NotFound

if TYPE_CHECKING:
    from app.cli.invocation import Invocation
    from app.cli.output import Record
    from app.domain.luna import ClientCheck, ClientTask
    from app.services.luna.service import LunaService

CHANGED = {
    "file": "path",
    "difference": "lines of the difference",
    "backup": "path of the file as it was, or null",
}
file_option = click.option(
    "--file",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Chrystoki.conf or crystoki.ini, or its folder; else the one of this machine.",
)
version_option = click.option(
    "--client-version",
    default="",
    metavar="VERSION",
    help="Version of the Luna client, such as 7.3 or 10.4; else as its library says.",
)


def named_file(luna: LunaService, file: Path | None) -> Path:
    """The file that is meant: the one that is named, or the only one of this machine.

    Raises:
        NotFound: there is none.
        InvalidInput: there are several.
    """
    if file is not None:
        return file
    found = luna.find()
    if not found:
        raise NotFound(
            "No configuration of a Luna client was found.",
            cause="ChrystokiConfigurationPath is not set and the usual places have none.",
            remedy="Name the file with --file.",
        )
    if len(found) > 1:
        raise InvalidInput(
            "There are several configurations of Luna clients.",
            remedy=f"Name one with --file: {', '.join(map(str, found))}.",
        )
    return found[0]


def print_difference(invocation: Invocation, difference: str) -> None:
    """Print the lines as they are, for people; control characters never reach the terminal."""
    if not invocation.output.json:
        for line in difference.split("\n") if difference else ():
            click.echo("".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in line))


def task_record(task: ClientTask) -> Record:
    """A task by its keys."""
    return {
        "name": task.name,
        "title": task.title,
        "state": task.state,
        "reason": task.reason,
        "versions": task.versions,
    }


def check_record(check: ClientCheck) -> Record:
    """A check of a minimum client by its keys."""
    return {"name": check.name, "state": check.state, "sentence": check.sentence}

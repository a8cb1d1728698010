"""Runs commands in this process, on homes whose services stay open between commands."""

from __future__ import annotations

import contextlib
import json
import sqlite3
from contextlib import ExitStack, closing
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import click
from click.testing import CliRunner

from app.cli.certreq import SPELLINGS
from app.cli.commands import Command, Shape
from app.cli.entry import build_cli, run
from app.main import open_backend

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from app.services.backend import Backend


AUDIT = {"event", "change", "change_counter", "sqlite_sequence"}
"""Tables that an entry in the event log touches."""


@dataclass(frozen=True)
class Ended:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def error(self) -> str:
        """The one line on standard error."""
        lines = self.err.splitlines()
        assert len(lines) == 1, self.err
        return lines[0]


class Cli:
    """The command line on one home; its services are opened once and shared by all commands."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self._stack = ExitStack()
        self._opened: Backend | None = None

    @property
    def backend(self) -> Backend:
        if self._opened is None:
            self._opened = open_backend(self.home)
            self._stack.callback(self._opened.close)
        return self._opened

    def close(self) -> None:
        """Close the services; the next command opens them anew."""
        self._stack.close()
        self._opened = None

    def run(self, *arguments: str, given: str = "", expect: int | None = 0) -> Ended:
        """Run a command; `given` is its standard input, `expect` its exit code, None for any."""
        argv = ["--home", str(self.home), *arguments]
        with CliRunner().isolation(given) as (out, err, _):
            code = run(argv, self._lend, _no_console)
        ended = Ended(code, out.getvalue().decode(), err.getvalue().decode())
        assert expect in {ended.code, None}, f"{arguments}: {ended}"
        return ended

    def json(self, *arguments: str, given: str = "", expect: int = 0) -> Any:
        """What a command prints with --json; its keys are those that its help lists."""
        text = self.run(*arguments, "--json", given=given, expect=expect).out
        assert text.count("\n") == 1
        value = json.loads(text)
        shape = shape_of(*arguments)
        assert isinstance(value, list) is shape.many
        for record in value if shape.many else [value]:
            assert list(record) == list(shape.keys), arguments
        return value

    def refused(self, *arguments: str, given: str = "", audited: bool = False) -> str:
        """The one line of a command that fails and changes nothing.

        With `audited`, the event log alone may tell of the attempt.
        """
        before = rows(self.home)
        ended = self.run(*arguments, given=given, expect=1)
        after = rows(self.home)
        changed = {name for name in after if after[name] != before.get(name)}
        assert changed == (AUDIT if audited else set()), changed
        assert ended.out == "", ended
        assert ended.error.startswith("Error: "), ended
        return ended.error

    def _lend(self, home: Path) -> Backend:
        assert home == self.home
        return replace(self.backend, resources=ExitStack())


@contextlib.contextmanager
def opened(home: Path) -> Iterator[Cli]:
    """A command line whose services are closed at the end."""
    cli = Cli(home)
    with closing(cli):
        yield cli


def shape_of(*arguments: str) -> Shape:
    """The JSON shape of the command that these arguments run."""
    command: click.Command = build_cli()
    context = click.Context(command)
    for text in (each for each in arguments if not each.startswith("--")):
        if not isinstance(command, click.Group):
            break
        found = command.get_command(context, SPELLINGS.get(text.lower(), text))
        assert found is not None, text
        command = found
    assert isinstance(command, Command)
    assert command.shape is not None
    return command.shape


def rows(home: Path) -> dict[str, list[tuple[Any, ...]]]:
    """All rows of a home's database but the host's heartbeat."""
    path = home / "sealkeeper.db"
    if not path.exists():
        return {}
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as database:
        names = [
            name
            for (name,) in database.execute("select name from sqlite_master where type = 'table'")
            if name != "lease"
        ]
        return {
            name: sorted(database.execute(f'select * from "{name}"'), key=repr)  # noqa: S608
            for name in names
        }


def _no_console(home: Path) -> int:
    raise AssertionError(f"a command opened the console on {home}")

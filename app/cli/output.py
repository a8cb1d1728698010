"""What commands print: tables and sentences for people, JSON for programs."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum

import click

Record = Mapping[str, object]
"""A result by the keys that it has in JSON."""

Columns = Sequence[tuple[str, str]]
"""Headings for people, each with the key of the record that stands below it."""

_WIDE = 100_000


@dataclass(frozen=True, slots=True)
class Section:
    """A table below a record's own lines, for people only."""

    title: str
    records: Sequence[Record]
    columns: Columns


class Output:
    """Prints results to standard output in one of the two forms; `json` chooses which.

    JSON has times in ISO 8601 UTC and enumerations by their value. Tables have local times with
    their zone. Control characters never reach the terminal.
    """

    def __init__(self) -> None:
        self.json = False

    def records(self, records: Sequence[Record], columns: Columns, empty: str) -> None:
        """Print a list: a JSON array, or a table; `empty` is the sentence for an empty list."""
        if self.json:
            _print_json(list(records))
        elif records:
            _print_table(records, columns)
        else:
            click.echo(empty)

    def record(self, record: Record, lines: Columns, *sections: Section) -> None:
        """Print one thing: a JSON object, or a line per heading and a table per section."""
        if self.json:
            _print_json(record)
            return
        width = max((len(heading) for heading, _ in lines), default=0) + 2
        for heading, key in lines:
            click.echo(f"{heading + ':':<{width}}{_text(record[key])}".rstrip())
        for section in sections:
            if section.records:
                click.echo(f"\n{section.title}")
                _print_table(section.records, section.columns)

    def done(self, record: Record, *sentences: str) -> None:
        """Print what was done: a JSON object, or sentences."""
        if self.json:
            _print_json(record)
            return
        for sentence in sentences:
            click.echo(printable(sentence))

    def note(self, sentence: str) -> None:
        """Say something beside the result, on standard error."""
        click.echo(printable(sentence), err=True)

    def report(self, text: str, done: int = 0, total: int = 0) -> None:
        """Progress of a long command (see `app.domain.progress`), for people at a terminal."""
        if not self.json and sys.stderr.isatty():
            count = f" {done} of {total}" if total else ""
            click.echo(f"{printable(text)}{count}", err=True)


def printable(text: str) -> str:
    """One line without control characters, which could drive the terminal."""
    line = " ".join(text.split())
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in line)


def _print_json(value: object) -> None:
    click.echo(json.dumps(_plain(value)))


def _plain(value: object) -> object:
    """The value as JSON has it; a type that is not meant to be printed is a defect."""
    match value:
        case Enum():
            return value.value
        case None | bool() | int() | float() | str():
            return value
        case datetime():
            return f"{value.astimezone(UTC).replace(tzinfo=None).isoformat()}Z"
        case Mapping():
            return {str(key): _plain(item) for key, item in value.items()}
        case Sequence() if not isinstance(value, (bytes, bytearray)):
            return [_plain(item) for item in value]
        case _:
            raise TypeError(f"{type(value).__name__} has no form in JSON")


def _text(value: object) -> str:
    text = ""
    match value:
        case None:
            pass
        case bool():
            text = "yes" if value else "no"
        case datetime():
            text = f"{value.astimezone():%Y-%m-%d %H:%M:%S %Z}"
        case Enum():
            text = str(value.value)
        case float():
            text = f"{value:.1f}"
        case Sequence() if not isinstance(value, str):
            text = ", ".join(_text(item) for item in value)
        case _:
            text = str(value)
    return printable(text)


def _print_table(records: Sequence[Record], columns: Columns) -> None:
    from rich.console import Console  # noqa: PLC0415 - a third of the start, for tables only
    from rich.table import Table  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for heading, _ in columns:
        table.add_column(heading, overflow="fold")
    for record in records:
        table.add_row(*(Text(_text(record[key])) for _, key in columns))
    # A file or a pipe has no width: nothing is wrapped there, so that lines can be searched.
    width = None if sys.stdout.isatty() else _WIDE
    console = Console(file=sys.stdout, width=width, highlight=False)
    with console.capture() as captured:
        console.print(table)
    for line in captured.get().splitlines():
        click.echo(line.rstrip())

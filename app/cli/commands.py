"""Classes of all commands: every one that prints takes --json and documents its keys."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from app.cli.invocation import Invocation

if TYPE_CHECKING:
    from collections.abc import Iterable

# Exit codes of the command line.
DONE = 0
FAILED = 1
USAGE = 2
UNDECIDED = 3
CANCELLED = 130


@dataclass(frozen=True, slots=True)
class Shape:
    """What a command prints with --json: one object, or an array of them, with these keys."""

    keys: Mapping[str, str]
    many: bool

    @property
    def title(self) -> str:
        """Heading of the keys in the help."""
        return (
            "With --json, an array of objects with" if self.many else "With --json, an object with"
        )


def one(**keys: str) -> Shape:
    """One object; each key with its meaning."""
    return Shape(keys, many=False)


def many(**keys: str) -> Shape:
    """An array of objects; each key with its meaning."""
    return Shape(keys, many=True)


class Command(click.Command):
    """A command; with a `shape` it prints and takes --json."""

    def __init__(
        self,
        name: str | None,
        shape: Shape | None = None,
        params: Iterable[click.Parameter] | None = None,
        **settings: Any,
    ) -> None:
        """Take what `click.Command` takes; `shape` is None for a command that prints nothing."""
        options = [verbose_option()] if shape is None else [json_option(), verbose_option()]
        super().__init__(name, params=[*(params or ()), *options], **settings)
        self.shape = shape

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the keys of the JSON form below the options."""
        super().format_epilog(ctx, formatter)
        if self.shape is not None:
            with formatter.section(self.shape.title):
                formatter.write_dl(list(self.shape.keys.items()))


class Group(click.Group):
    """A group whose commands are `Command`s and whose groups are `Group`s."""

    command_class = Command
    group_class = type

    def __init__(
        self,
        name: str | None,
        params: Iterable[click.Parameter] | None = None,
        **settings: Any,
    ) -> None:
        """Take what `click.Group` takes; --json and --verbose may stand before the command too."""
        own = [json_option(), verbose_option()]
        super().__init__(name, params=[*(params or ()), *own], **settings)


def json_option() -> click.Option:
    """--json, for the program and for each command that prints."""
    return click.Option(
        ["--json"],
        is_flag=True,
        expose_value=False,
        is_eager=True,
        callback=_use_json,
        help="Print JSON instead of text.",
    )


def verbose_option() -> click.Option:
    """--verbose, for the program and for each command."""
    return click.Option(
        ["--verbose"],
        is_flag=True,
        expose_value=False,
        is_eager=True,
        callback=_be_verbose,
        help="Add technical details to errors.",
    )


def _use_json(ctx: click.Context, _param: click.Parameter, value: bool) -> None:
    if value:
        _invocation(ctx).output.json = True


def _be_verbose(ctx: click.Context, _param: click.Parameter, value: bool) -> None:
    if value:
        _invocation(ctx).verbose = True


def _invocation(ctx: click.Context) -> Invocation:
    found = ctx.find_object(Invocation)
    if found is None:
        raise LookupError("the command line was started without an invocation")
    return found

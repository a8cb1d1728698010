"""Writes the generated part of docs/command-line.md: `python -m tests.cli.reference`."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING

import click

from app.cli.commands import Command
from app.cli.entry import build_cli
from tests.softhsm import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator

DOCUMENT = ROOT / "docs" / "command-line.md"
MARK = "<!-- From here on made by `python -m tests.cli.reference`. -->\n"


def leaves(group: click.Command, path: str = "") -> Iterator[tuple[str, click.Command]]:
    """Every command below a group, by its words."""
    if not isinstance(group, click.Group):
        yield path, group
        return
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        yield from leaves(command, f"{path} {name}".strip())


def rendered() -> str:
    """The reference of all commands in Markdown."""
    return "".join(_section(path, command) for path, command in leaves(build_cli()))


def _section(path: str, command: click.Command) -> str:
    blocks = [f"\n## {path}", f"    {_usage(path, command)}", _prose(command)]
    own = [
        f"* `{_words(option)}`: {_plain(option)}"
        for option in command.params
        if isinstance(option, click.Option) and not {"--json", "--verbose"} & set(option.opts)
    ]
    if own:
        blocks.append("\n".join(own))
    if isinstance(command, Command) and command.shape is not None:
        what = "array of objects" if command.shape.many else "object"
        keys = [f"* `{key}`: {text}" for key, text in command.shape.keys.items()]
        blocks += [f"JSON: {what} with", "\n".join(keys)]
    return "\n\n".join(blocks) + "\n"


def _usage(path: str, command: click.Command) -> str:
    context = click.Context(command, info_name=f"sealkeeper {path}")
    return " ".join([context.command_path, *command.collect_usage_pieces(context)])


def _prose(command: click.Command) -> str:
    texts = [command.help or "", command.epilog or ""]
    return "\n\n".join(inspect.cleandoc(text) for text in texts if text)


def _words(option: click.Option) -> str:
    metavar = "" if option.is_flag else f" {option.make_metavar(click.Context(click.Command('x')))}"
    return f"{', '.join(option.opts)}{metavar}"


def _plain(option: click.Option) -> str:
    default = f" Default: {option.default}." if option.show_default else ""
    return f"{option.help}{default}"


if __name__ == "__main__":
    head = DOCUMENT.read_text(encoding="utf-8").partition(MARK)[0]
    DOCUMENT.write_text(head + MARK + rendered(), encoding="utf-8")

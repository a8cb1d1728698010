"""Every command of the tree: help, options, --json with its keys, and no heavy imports."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import click
import pytest

from app.cli.commands import Command
from app.cli.entry import COMMANDS, build_cli
from tests.cli.reference import DOCUMENT, MARK, leaves, rendered

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.harness import Cli

LEAVES = dict(leaves(build_cli()))
SILENT = {"console"}


@pytest.mark.parametrize("path", LEAVES)
def test_every_command_has_help_options_with_help_and_documented_keys(path: str) -> None:
    command = LEAVES[path]
    assert isinstance(command, Command)
    assert command.help
    options = [param for param in command.params if isinstance(param, click.Option)]
    assert all(option.help for option in options)
    assert not any(len(name) == 2 for option in options for name in option.opts)
    names = {name for option in options for name in option.opts}
    assert "--verbose" in names
    assert ("--json" in names) is (path not in SILENT)
    if path not in SILENT:
        assert command.shape is not None
        assert all(command.shape.keys.values())


def test_the_summaries_of_the_root_are_those_of_the_commands() -> None:
    root = build_cli()
    context = click.Context(root)
    for name, (_, summary) in COMMANDS.items():
        command = root.get_command(context, name)
        assert command is not None
        assert (command.help or "").split("\n\n")[0].replace("\n", " ") == summary
    assert root.get_command(context, "absent") is None


@pytest.mark.parametrize("path", ["", *LEAVES])
def test_help_is_printed_without_opening_a_home(path: str, cli: Cli) -> None:
    text = cli.run(*path.split(), "--help").out
    assert text.startswith("Usage: sealkeeper")
    assert not cli.home.exists()


def test_the_document_lists_every_command_as_it_is() -> None:
    text = DOCUMENT.read_text(encoding="utf-8")
    assert text.partition(MARK)[2] == rendered(), "run: python -m tests.cli.reference"


def test_the_program_starts_without_what_only_some_commands_need() -> None:
    code = (
        "import sys, app.cli.entry as e;"
        "e.run(['--help'], None, None);"
        "heavy = {'PySide6', 'sqlalchemy', 'rich', 'cryptography', 'structlog'};"
        "sys.exit(str(heavy & set(sys.modules)) if heavy & set(sys.modules) else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_no_command_imports_qt() -> None:
    code = (
        "import sys, importlib, app.cli.entry as e;"
        "[importlib.import_module(module) for module, _ in e.COMMANDS.values()];"
        "sys.exit('PySide6' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize(
    "arguments",
    [
        ("absent",),
        ("ca",),
        ("ca", "create", "X"),
        ("ca", "revoke", "01", "--reason", "boredom"),
        ("ca", "revoke", "01", "--effective", "soon"),
        ("ca", "requests", "--state", "lost"),
        ("ca", "issue", "0"),
        ("ca", "location", "add", "http://x/y"),
        ("ca", "location", "add", "http://x/y", "--cdp", "--ocsp"),
        ("ca", "permit", "SYSTEM", "request-certificates"),
        ("template", "permit", "User", "SYSTEM", "+fly"),
        ("template", "set", "User", "validity"),
        ("template", "set", "User", "validity=1 day", "VALIDITY=2 days"),
        ("responder", "add"),
        ("certreq", "submit", "x.req", "--attrib", "WebServer"),
        ("slot", "register", "--token", "x"),
        ("slot", "register", "--user", "x", "--password-stdin", "--no-password"),
        ("library", "register", "x", "--env", "NAME"),
        ("key", "list", "--software", "--token", "x"),
        ("event", "list", "--limit", "0"),
        ("serve", "--port", "70000"),
        ("principal", "add", "x", "--kind", "robot"),
    ],
    ids=" ".join,
)
def test_wrong_usage_ends_with_2_and_makes_no_home(arguments: tuple[str, ...], cli: Cli) -> None:
    ended = cli.run(*arguments, expect=2)
    assert ended.out == "" or arguments == ("ca",)
    assert "Error: " in ended.err or arguments == ("ca",)
    assert not any(path.suffix == ".db" for path in _files(cli.home))


def _files(home: Path) -> list[Path]:
    return list(home.iterdir()) if home.exists() else []

"""The program's root command, and how a run of it ends: exit codes and the one line of an error."""

from __future__ import annotations

import importlib
import io
import sys
import traceback
from typing import TYPE_CHECKING

import click

from app import __version__
from app.cli.commands import CANCELLED, DONE, FAILED, json_option, verbose_option
from app.cli.defects import keep_defect
from app.cli.invocation import Invocation
from app.cli.output import printable
from app.domain.errors import Cancelled, SealkeeperError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from app.cli.invocation import ConsoleRunner, Opener

COMMANDS = {
    "console": ("app.cli.console", "Open the console; this is also done without a command."),
    "quickstart": (
        "app.cli.quickstart.command",
        "Go through the whole guide on a token, narrated, and verify it with openssl.",
    ),
    "serve": ("app.cli.serve", "Run the online responder and the schedules without a window."),
    "status": ("app.cli.status", "Say whether every revocation configuration is Working."),
    "library": ("app.cli.library", "Register security libraries."),
    "slot": ("app.cli.slot", "Register HSM slots for the accounts that use them."),
    "token": ("app.cli.token", "Initialise tokens, change their PINs and look at them."),
    "provider": ("app.cli.provider", "List key storage providers."),
    "luna": ("app.cli.luna", "Look at and change a Luna client's Chrystoki.conf or crystoki.ini."),
    "key": ("app.cli.key", "Make, list, test, rename, retire and delete keys."),
    "template": ("app.cli.template", "Manage certificate templates."),
    "ca": ("app.cli.ca", "Manage certification authorities."),
    "certreq": ("app.cli.certreq", "Submit certificate requests and retrieve certificates."),
    "principal": ("app.cli.principal", "Manage users, computers, service accounts and groups."),
    "responder": ("app.cli.responder", "Manage the online responder's revocation configurations."),
    "ocsp": ("app.cli.ocsp", "Ask an online responder as a client does."),
    "service": ("app.cli.service", "Manage the services' log-on accounts and desired states."),
    "event": ("app.cli.event", "Read the event log."),
}
"""Module and summary of each command; a module is imported when its command is used."""


class Root(click.Group):
    """The root command: knows its commands by name and imports only the one that runs."""

    def __init__(self) -> None:
        super().__init__(
            "sealkeeper",
            callback=_start,
            params=[_home_option(), json_option(), verbose_option()],
            help="Take a hardware security module from a bare slot to a working OCSP service.",
            epilog="Exit codes: 0 done, 1 refused or failed, 2 wrong usage, 3 pending or "
            "undecidable, 130 cancelled. Passwords come from a prompt or standard input.",
            invoke_without_command=True,
            context_settings={"max_content_width": 100},
        )
        self.params.append(_version_option())

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names in the order of the work."""
        del ctx
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command, imported now."""
        del ctx
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = importlib.import_module(COMMANDS[cmd_name][0]).command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write names and summaries without importing a command."""
        del ctx
        with formatter.section("Commands"):
            formatter.write_dl([(name, summary) for name, (_, summary) in COMMANDS.items()])


def build_cli() -> click.Group:
    """The root command; it runs with an `Invocation` as its object (see `run`)."""
    return Root()


def run(argv: Sequence[str], open_backend: Opener, run_console: ConsoleRunner) -> int:
    """Run the command line and return its exit code; nothing is raised.

    Args:
        argv: the arguments, without the program's name.
        open_backend: opens a home.
        run_console: opens the console.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # A terminal that lacks a character shows another one; that is no reason to fail.
            stream.reconfigure(errors="replace")
    invocation = Invocation(open_backend, run_console)
    try:
        try:
            result = build_cli().main(
                list(argv), prog_name="sealkeeper", standalone_mode=False, obj=invocation
            )
        finally:
            invocation.close()
    except click.UsageError as error:
        error.show()
        return error.exit_code
    except (Cancelled, KeyboardInterrupt, click.Abort):
        click.echo("Cancelled.", err=True)
        return CANCELLED
    except SealkeeperError as error:
        return _explain(error, verbose=invocation.verbose)
    except SystemExit as ending:
        # click ends so when whoever reads the output has closed it.
        return ending.code if isinstance(ending.code, int) else FAILED
    except Exception as error:  # noqa: BLE001 - the edge of the process; its traceback is kept
        return _confess(error, invocation)
    return result if isinstance(result, int) else DONE


def _explain(error: SealkeeperError, *, verbose: bool) -> int:
    click.echo(f"Error: {printable(error.one_line())}", err=True)
    if verbose and error.detail:
        click.echo("\n".join(printable(line) for line in error.detail.splitlines()), err=True)
    return FAILED


def _confess(error: Exception, invocation: Invocation) -> int:
    path = keep_defect(invocation.home, error)
    place = (
        f"Its traceback was added to {path}."
        if path is not None
        else "Its traceback could not be kept; run the command again with --verbose."
    )
    click.echo(
        printable(f"Error: This is a defect of Sealkeeper ({type(error).__name__}). {place}"),
        err=True,
    )
    if invocation.verbose:
        click.echo("".join(traceback.format_exception(error)), err=True)
    return FAILED


def _home_option() -> click.Option:
    def choose(ctx: click.Context, _param: click.Parameter, value: str | None) -> None:
        found = ctx.find_object(Invocation)
        if value and found is not None:
            found.chosen_home = value

    return click.Option(
        ["--home"],
        metavar="DIR",
        expose_value=False,
        is_eager=True,
        callback=choose,
        help="Home folder; else SEALKEEPER_HOME, else the user's data folder.",
    )


def _version_option() -> click.Option:
    def show(ctx: click.Context, _param: click.Parameter, value: bool) -> None:
        if value and not ctx.resilient_parsing:
            click.echo(f"sealkeeper {__version__}")
            ctx.exit()

    return click.Option(
        ["--version"],
        is_flag=True,
        expose_value=False,
        is_eager=True,
        callback=show,
        help="Print the version.",
    )


@click.pass_context
def _start(ctx: click.Context) -> int | None:
    """Open the console when no command is named."""
    if ctx.invoked_subcommand is not None:
        return None
    invocation = ctx.find_object(Invocation)
    return None if invocation is None else invocation.open_console()

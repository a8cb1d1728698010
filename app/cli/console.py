"""`console`: the desktop console."""

from __future__ import annotations

import click

from app.cli.commands import Command
from app.cli.invocation import Invocation, pass_invocation


@click.command("console", cls=Command)
@pass_invocation
def command(invocation: Invocation) -> int:
    """Open the console; this is also done without a command."""
    return invocation.open_console()

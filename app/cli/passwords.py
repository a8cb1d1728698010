"""Passwords come from standard input or from a prompt without echo, never from an argument."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click
from click.termui import prompt

from app.domain.errors import InvalidInput
from app.domain.secret import Secret

if TYPE_CHECKING:
    from app.domain.libraries import SlotRegistration
    from app.services.security_library.ledger import Prompt

password_stdin = click.option(
    "--password-stdin",
    is_flag=True,
    help="Read the password from standard input, one line.",
)


def read_password(name: str, *, from_stdin: bool, confirm: bool = False) -> Secret:
    """The password that a person types or that stands in the next line of standard input.

    Args:
        name: what it is, for the prompt and for errors.
        from_stdin: --password-stdin was given.
        confirm: ask twice at the prompt, for a password that is being set.

    Raises:
        click.UsageError: there is neither a terminal nor --password-stdin.
        InvalidInput: the line is missing or empty.
    """
    if from_stdin:
        return _next_line(name)
    if not sys.stdin.isatty():
        raise click.UsageError(
            f"There is no terminal to ask for the {name.lower()} at: give it on standard input "
            "with --password-stdin."
        )
    # click asks again until the answer is not empty.
    answer = prompt(name, hide_input=True, confirmation_prompt=confirm, err=True)
    return Secret(answer)


def prompt_at_terminal() -> Prompt | None:
    """Asks at the terminal for a slot password that is stored nowhere; None without a terminal."""
    if not sys.stdin.isatty():
        return None

    def ask(registration: SlotRegistration) -> Secret | None:
        words = f"Slot password of {registration.token.label} for {registration.account}"
        return read_password(words, from_stdin=False)

    return ask


def _next_line(name: str) -> Secret:
    line = sys.stdin.buffer.readline().rstrip(b"\r\n")
    if not line:
        raise InvalidInput(
            f"The {name.lower()} is missing on standard input.",
            remedy="Write it there as one line.",
        )
    return Secret(line)

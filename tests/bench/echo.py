"""A child process that sends back what it gets: the least that any isolation by a pipe costs."""

from __future__ import annotations

import multiprocessing
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from contextlib import ExitStack
    from multiprocessing.connection import Connection

PATIENCE_SECONDS = 10


def _echo(connection: Connection) -> None:
    while message := connection.recv_bytes():
        connection.send_bytes(message)


def start_echo(stack: ExitStack) -> Connection:
    """The near end of a pipe to such a child, which ends with the stack."""
    context = multiprocessing.get_context("spawn")
    near, far = context.Pipe()
    child = context.Process(target=_echo, args=(far,), daemon=True)
    child.start()
    far.close()

    def end() -> None:
        near.send_bytes(b"")
        child.join(PATIENCE_SECONDS)

    stack.callback(end)
    return near

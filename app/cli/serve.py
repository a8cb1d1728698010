"""`serve`: the service host without a window."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from app.cli.commands import Command, one
from app.cli.ending import Ending
from app.cli.invocation import Invocation, pass_invocation
from app.cli.passwords import password_stdin, read_password
from app.domain.services import ListenAddress
from app.host.control import HostController
from app.services.security_library.stored_pin import not_entered

if TYPE_CHECKING:
    from app.services.backend import Backend


@click.command(
    "serve",
    cls=Command,
    shape=one(
        home="home folder",
        address="host and port that it listens at",
        ocsp_url="where the online responder answers",
        cert_enroll_url="where CA certificates and CRLs are served",
    ),
)
@click.option("--host", metavar="ADDRESS", help="Listen here and keep it; else as stored.")
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    metavar="N",
    help="Listen at this port and keep it; else as stored; 0 takes a free one.",
)
@password_stdin
@pass_invocation
def command(
    invocation: Invocation, *, host: str | None, port: int | None, password_stdin: bool
) -> None:
    """Run the online responder and the schedules without a window.

    Slot passwords that are asked at each start are read first: at the terminal, or with
    --password-stdin one line each in the order of `slot registered`. Its result is printed as soon
    as it listens; Ctrl+C or SIGTERM end it.
    """
    _log_in(invocation, from_stdin=password_stdin)
    controller = HostController(invocation.backend)
    ending = Ending()
    try:
        state = controller.start(_address(invocation.backend, host, port))
        if state.address is not None:
            _announce(invocation, state.address)
        ending.wait()
    finally:
        controller.stop()


def _log_in(invocation: Invocation, *, from_stdin: bool) -> None:
    """Take the passwords that the services' accounts need, each tried once."""
    backend = invocation.backend
    # Asked here, or not at all: nobody may sit at the terminal when a key is needed later.
    backend.key_access.prompt = None
    accounts = tuple(each.log_on_as for each in backend.services.list())
    for row in backend.slots.waiting(accounts):
        name = f"Slot password of {row.token.label} for {row.account}"
        if from_stdin or sys.stdin.isatty():
            backend.slots.log_in(row.id, read_password(name, from_stdin=from_stdin))
        else:
            error = not_entered(row)
            invocation.output.note(f"{error.message} {error.cause}")


def _address(backend: Backend, host: str | None, port: int | None) -> ListenAddress | None:
    if host is None and port is None:
        return None
    stored = backend.services.listen_address()
    return ListenAddress(host or stored.host, stored.port if port is None else port)


def _announce(invocation: Invocation, address: ListenAddress) -> None:
    base = f"http://{address.authority}"
    invocation.output.done(
        {
            "home": str(invocation.home),
            "address": f"{address.host}:{address.port}",
            "ocsp_url": f"{base}/ocsp",
            "cert_enroll_url": f"{base}/CertEnroll/",
        },
        f"The online responder listens at {base}/ocsp; Ctrl+C ends it.",
    )

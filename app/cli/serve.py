"""`serve`: the service host without a window."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from app.cli.commands import Command, one
from app.cli.ending import Ending
from app.cli.invocation import Invocation, pass_invocation
from app.domain.services import ListenAddress
from app.host.control import HostController

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
@pass_invocation
def command(invocation: Invocation, host: str | None, port: int | None) -> None:
    """Run the online responder and the schedules without a window.

    Its result is printed as soon as it listens; Ctrl+C or SIGTERM end it.
    """
    controller = HostController(invocation.backend)
    ending = Ending()
    try:
        state = controller.start(_address(invocation.backend, host, port))
        if state.address is not None:
            _announce(invocation, state.address)
        ending.wait()
    finally:
        controller.stop()


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

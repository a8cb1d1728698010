"""The command `quickstart`."""

from __future__ import annotations

import dataclasses
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from app.cli.commands import DONE, Command, one
from app.cli.ending import Ending
from app.cli.invocation import Invocation, pass_invocation
from app.cli.passwords import password_stdin, read_password

if TYPE_CHECKING:
    from app.domain.secret import Secret


@click.command(
    "quickstart",
    cls=Command,
    shape=one(
        home="home folder",
        ca_certificate="PEM file of the root",
        issuer_certificate="PEM file of the CA that issued the leaves; the same where there is one",
        signing_certificate="PEM file of the responder's signing certificate",
        good_certificate="PEM file of a certificate that is good",
        good_key="PEM file of its key",
        revoked_certificate="PEM file of a certificate that is revoked",
        revoked_key="PEM file of its key",
        ocsp_url="where the online responder answers",
        crl="DER file of the CRL",
        library="security library, or null with the software provider",
        token="label of the token, or null",  # noqa: S106 - a description
        pin_file="file with the PIN of the token that was made here, or null",
        softhsm2_conf="SoftHSM's configuration file, or null",
        verified="true: openssl agreed",
    ),
)
@click.option(
    "--library",
    type=click.Path(path_type=Path),
    help="Use this security library, with --token; else SoftHSM on a token of its own.",
)
@click.option("--token", metavar="LABEL", default="", help="Label of the token in --library.")
@password_stdin
@click.option("--host", metavar="ADDRESS", default="127.0.0.1", help="Listen here (127.0.0.1).")
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    help="Listen at this port; else as stored (8080); 0 takes a free one and stores it.",
)
@click.option("--keep-serving", is_flag=True, help="Serve on until Ctrl+C or SIGTERM.")
@pass_invocation
def command(  # noqa: PLR0913 - one parameter an option
    invocation: Invocation,
    library: Path | None,
    token: str,
    host: str,
    port: int | None,
    *,
    password_stdin: bool,
    keep_serving: bool,
) -> int:
    """Go through the whole guide on a token, narrated, and verify it with openssl.

    A second run on the same home reuses what is there.
    """
    # Imported here, so that the help of all commands does not pay for it.
    from app.cli.quickstart.run import Quickstart, QuickstartRequest  # noqa: PLC0415
    from app.host.control import HostController  # noqa: PLC0415

    output = invocation.output

    def say(sentence: str) -> None:
        click.echo(f"• {sentence}", err=output.json)

    def pin() -> Secret:
        return read_password("Slot password", from_stdin=password_stdin)

    ending = Ending() if keep_serving else None
    controller = HostController(invocation.backend)
    try:
        result = Quickstart(invocation.backend, controller, say).run(
            QuickstartRequest(
                library=str(library) if library else "", token=token, host=host, port=port, pin=pin
            )
        )
        output.done(
            dataclasses.asdict(result),
            "Everything works: openssl agrees with the responder and with the CRL.",
            f"Ask it yourself: openssl ocsp -issuer {result.issuer_certificate} "
            f"-cert {result.good_certificate} -url {result.ocsp_url}"
            + ("" if keep_serving else " (while it serves: --keep-serving, or sealkeeper serve)"),
        )
        sys.stdout.flush()
        if ending is not None:
            output.note("Serving until Ctrl+C.")
            ending.wait()
    finally:
        controller.stop()
    return DONE

"""`certreq`: submit requests and retrieve certificates, in its own spelling too."""

from __future__ import annotations

from pathlib import Path

import click

from app.cli.ca_options import (
    REQUEST,
    binary_option,
    ca_option,
    force_option,
    request_record,
)
from app.cli.commands import DONE, UNDECIDED, Group, one
from app.cli.files import read_file, refuse_existing, write_file
from app.cli.invocation import Invocation, pass_invocation
from app.domain.errors import Refused
from app.domain.ids import RequestId
from app.domain.requests import Disposition
from app.pki.pem import CERTIFICATE, to_pem
from app.services.authority.enrollment import SubmitRequest

ANSWER = {
    **REQUEST,
    "certificate": "the certificate in PEM, null while there is none",
    "file": "file that was written, or null",
}
SPELLINGS = {
    "-submit": "submit",
    "-retrieve": "retrieve",
    "-attrib": "--attrib",
    "-config": "--ca",
    "-binary": "--binary",
    "-f": "--force",
}
"""Words of the tool that administrators know, and ours."""


class CertreqGroup(Group):
    """Takes `certreq -submit -attrib …` as well, without regard to case."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Translate the words of the other spelling, then parse as always."""
        translated = [SPELLINGS.get(text.lower(), text) for text in args]
        verb = next((text for text in translated if text in self.commands), "")
        if args and args[0].startswith("-") and verb:
            # Its verb may stand anywhere; ours comes first.
            translated.remove(verb)
            translated.insert(0, verb)
        return super().parse_args(ctx, translated)


@click.group("certreq", cls=CertreqGroup)
def command() -> None:
    """Submit certificate requests and retrieve certificates.

    `certreq -submit -attrib "CertificateTemplate:WebServer" REQ` is understood too.
    """


@command.command("submit", shape=one(**ANSWER))
@click.argument("request", metavar="REQ", type=click.Path(path_type=Path))
@click.argument("certificate", metavar="[CERT]", type=click.Path(path_type=Path), required=False)
@click.option(
    "--attrib",
    "attributes",
    multiple=True,
    metavar="'NAME:VALUE'",
    help=r"Attribute such as CertificateTemplate:WebServer; several are separated by \n.",
)
@click.option("--template", default="", metavar="NAME", help="Template; goes before --attrib.")
@ca_option
@binary_option
@force_option
@pass_invocation
def submit(  # noqa: PLR0913 - one parameter per option
    invocation: Invocation,
    *,
    request: Path,
    certificate: Path | None,
    attributes: tuple[str, ...],
    template: str,
    ca_name: str,
    binary: bool,
    force: bool,
) -> int:
    """Submit the PKCS#10 file REQ to a CA and write the certificate to CERT.

    Exit code 3: the request is pending; retrieve the certificate when it is issued.
    """
    pairs = _attributes(attributes)
    refuse_existing(certificate, force=force)
    data = read_file(request)
    backend = invocation.backend
    submission = backend.enrollment.submit(
        SubmitRequest(
            authority_id=backend.authorities.find(ca_name).id,
            request=data,
            attributes=pairs,
            template=template,
        )
    )
    return _deliver(
        invocation, submission.row.id, submission.certificate, certificate, binary, force
    )


@command.command("retrieve", shape=one(**ANSWER))
@click.argument("request_id", metavar="ID", type=click.IntRange(1))
@click.argument("certificate", metavar="[CERT]", type=click.Path(path_type=Path), required=False)
@binary_option
@force_option
@pass_invocation
def retrieve(
    invocation: Invocation, request_id: int, certificate: Path | None, binary: bool, force: bool
) -> int:
    """Write the certificate of request ID to CERT.

    Exit code 3: the request is still pending.
    """
    refuse_existing(certificate, force=force)
    enrollment = invocation.backend.enrollment
    row = enrollment.row(RequestId(request_id))
    if row.disposition in {Disposition.DENIED, Disposition.FAILED}:
        raise Refused(
            f"Request {row.id} was {row.disposition.name.lower()}.",
            cause=f"{row.disposition_message.rstrip('.')}.",
        )
    pending = row.disposition in {Disposition.PENDING, Disposition.ACTIVE}
    der = None if pending else enrollment.certificate(row.id)
    return _deliver(invocation, row.id, der, certificate, binary, force)


def _deliver(
    invocation: Invocation,
    request_id: RequestId,
    der: bytes | None,
    file: Path | None,
    binary: bool,
    force: bool,
) -> int:
    row = invocation.backend.enrollment.row(request_id)
    pem = to_pem(CERTIFICATE, der) if der is not None else None
    if der is not None and pem is not None and file is not None:
        write_file(file, der if binary else pem, force=force)
    record = {
        **request_record(row),
        "certificate": pem.decode("ascii") if pem is not None else None,
        "file": str(file) if pem is not None and file is not None else None,
    }
    number = f"RequestId: {row.id}"
    if pem is None:
        invocation.output.done(
            record,
            number,
            f"Certificate request is pending: {row.disposition_message}",
            f"When it is issued: sealkeeper certreq retrieve {row.id} CERT",
        )
        return UNDECIDED
    place = f"Saved as {file}" if file else f"Save it: sealkeeper certreq retrieve {row.id} CERT"
    invocation.output.done(
        record, number, "Certificate Successfully Generated", f"Serial: {row.serial_number}", place
    )
    return DONE


def _attributes(texts: tuple[str, ...]) -> tuple[tuple[str, str], ...]:
    pairs = []
    for text in texts:
        # certreq separates attributes by the two characters backslash and n.
        for part in text.replace("\\n", "\n").splitlines():
            name, mark, value = (piece.strip() for piece in part.partition(":"))
            if not mark or not name or not value:
                raise click.UsageError(f"“{part}” is not NAME:VALUE.")
            pairs.append((name, value))
    return tuple(pairs)

"""`ocsp`: ask an online responder as a client does."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from app.cli.commands import DONE, FAILED, UNDECIDED, Group, one
from app.cli.files import read_file
from app.cli.invocation import Invocation, pass_invocation
from app.cli.output import Section
from app.domain.keys import HashAlgorithm
from app.domain.responder import CertificateStatus
from app.services.responder.ocsp_client import AskOcsp

if TYPE_CHECKING:
    from app.cli.output import Output, Record
    from app.pki.ocsp_verdict import OcspVerdict
    from app.services.responder.ocsp_client import OcspReport

SUCCESSFUL = "successful"


@click.group("ocsp", cls=Group)
def command() -> None:
    """Ask an online responder as a client does."""


@command.command(
    "ask",
    shape=one(
        url="where the question was sent",
        serial_number="of the certificate, hex",
        status="good, revoked or unknown; null when the answer cannot be believed",
        response_status="successful, or why the responder gives no answer",
        passed="whether every check passed",
        revoked_at="time, or null",
        reason="revocation reason, or null",
        this_update="time, or null",
        next_update="time, or null",
        produced_at="time, or null",
        milliseconds="duration",
        checks="array: name, passed, sentence",
    ),
)
@click.argument("certificate", metavar="CERT", type=click.Path(path_type=Path))
@click.option(
    "--issuer",
    type=click.Path(path_type=Path),
    help="Issuer's certificate; else a CA of this home.",
)
@click.option("--url", default="", metavar="URL", help="Responder; else as the certificate says.")
@click.option("--no-nonce", is_flag=True, help="Ask without a nonce.")
@click.option(
    "--hash",
    "hash_name",
    type=click.Choice(["SHA1", "SHA256"], case_sensitive=False),
    default="SHA1",
    show_default=True,
    help="Hash of the certificate identifier.",
)
@pass_invocation
def ask(
    invocation: Invocation,
    certificate: Path,
    issuer: Path | None,
    url: str,
    no_nonce: bool,
    hash_name: str,
) -> int:
    """Ask for the status of the certificate in the file CERT and check the answer.

    Exit code 0: good; 1: revoked, or a check failed; 3: unknown, or no answer was given.
    """
    request = AskOcsp(
        certificate=read_file(certificate),
        issuer=read_file(issuer) if issuer is not None else None,
        url=url,
        nonce=not no_nonce,
        hash_algorithm=HashAlgorithm(hash_name.upper()),
    )
    report = invocation.backend.ocsp_client.ask(request)
    record, checks = _record(report)
    invocation.output.record(
        record,
        (
            ("Certificate", "serial_number"),
            ("Responder", "url"),
            ("Status", "status"),
            ("Revoked", "revoked_at"),
            ("Reason", "reason"),
            ("This update", "this_update"),
            ("Next update", "next_update"),
            ("Milliseconds", "milliseconds"),
        ),
        Section("Checks", checks, (("Check", "name"), ("Passed", "passed"), ("", "sentence"))),
    )
    return _conclude(report.verdict, invocation.output)


def _record(report: OcspReport) -> tuple[Record, list[Record]]:
    verdict = report.verdict
    answer = verdict.asked[0] if verdict.asked else None
    revoked = answer.answer if answer and verdict.status is CertificateStatus.REVOKED else None
    checks: list[Record] = [
        {"name": check.name, "passed": check.passed, "sentence": check.sentence}
        for check in verdict.checks
    ]
    record = {
        "url": report.url,
        "serial_number": report.serial_number,
        "status": verdict.status,
        "response_status": verdict.response_status,
        "passed": verdict.passed,
        "revoked_at": revoked.revoked_at if revoked else None,
        "reason": revoked.reason.label if revoked and revoked.reason is not None else None,
        "this_update": answer.this_update if answer else None,
        "next_update": answer.next_update if answer else None,
        "produced_at": verdict.produced_at,
        "milliseconds": round(report.milliseconds, 3),
        "checks": checks,
    }
    return record, checks


def _conclude(verdict: OcspVerdict, output: Output) -> int:
    if verdict.response_status not in {SUCCESSFUL, ""}:
        output.note(f"Error: The responder gives no answer: {verdict.response_status}.")
        return UNDECIDED
    problem = verdict.first_problem
    if problem is not None:
        output.note(f"Error: The answer cannot be believed. {problem.sentence}")
        return FAILED
    if verdict.status is CertificateStatus.GOOD:
        return DONE
    if verdict.status is CertificateStatus.REVOKED:
        output.note("Error: The certificate is revoked.")
        return FAILED
    output.note("The responder does not know the certificate.")
    return UNDECIDED

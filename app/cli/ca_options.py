"""What the commands of `ca` and `certreq` share: which CA is meant, and how its rows are told."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from app.cli.output import Record
    from app.domain.requests import RequestRow

REQUEST = {
    "request_id": "number of the request",
    "disposition": "active, pending, ca_certificate, issued, revoked, failed or denied",
    "message": "disposition message",
    "serial_number": "hex, empty before it is reserved",
    "subject": "distinguished name of the certificate, else of the request",
    "common_name": "common name of the same",
    "template": "name of the template",
    "requester": "account that wants the certificate",
    "caller": "account that submitted it",
    "submitted": "time",
    "resolved": "time, or null",
    "not_before": "time, or null",
    "not_after": "time, or null",
    "sha1": "SHA-1 of the certificate in hex, or empty",
    "revoked": "time, or null",
    "revoked_effective": "time, or null",
    "revoked_reason": "name of the reason, or null",
}

ca_option = click.option(
    "--ca", "ca_name", default="", metavar="NAME", help="CA, where there are several."
)
binary_option = click.option("--binary", is_flag=True, help="Write DER instead of PEM.")
force_option = click.option("--force", is_flag=True, help="Overwrite the file if it exists.")


def request_record(row: RequestRow) -> Record:
    """A row of a CA's database by its keys."""
    name = row.issued_name if row.not_before is not None else row.request_name
    reason = row.revoked_reason
    return {
        "request_id": row.id,
        "disposition": row.disposition.name.lower(),
        "message": row.disposition_message,
        "serial_number": row.serial_number,
        "subject": name.distinguished_name,
        "common_name": name.common_name,
        "template": row.certificate_template or row.template,
        "requester": row.requester_name,
        "caller": row.caller_name,
        "submitted": row.submitted_when,
        "resolved": row.resolved_when,
        "not_before": row.not_before,
        "not_after": row.not_after,
        "sha1": row.certificate_hash,
        "revoked": row.revoked_when,
        "revoked_effective": row.revoked_effective_when,
        "revoked_reason": reason.label if reason is not None else None,
    }

"""All that is known of one row of a certification authority's database, as facts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.gui.formats import grouped_hex, local_time
from app.gui.widgets.key_values import Fact

if TYPE_CHECKING:
    from datetime import datetime

    from app.domain.requests import RequestRow

_SUCCESS = 0


def details(row: RequestRow) -> tuple[Fact, ...]:
    """The facts of the detail pane; what a row does not have is left out."""
    name = row.issued_name.distinguished_name or row.request_name.distinguished_name
    wanted = (
        Fact("Subject", name or "Empty"),
        Fact("Request ID", str(row.id)),
        Fact("Certificate template", row.certificate_template or row.template),
        Fact("Requester name", row.requester_name),
        Fact("Serial number", grouped_hex(row.serial_number), mono=True),
        Fact("Caller name", row.caller_name if row.caller_name != row.requester_name else ""),
        Fact("Valid from", _time(row.not_before)),
        Fact("Valid to", _time(row.not_after)),
        Fact("Public key", _key(row)),
        Fact("SHA-1", grouped_hex(row.certificate_hash), mono=True),
        Fact("Revocation reason", _reason(row)),
        Fact("Revocation date", _time(row.revoked_when)),
        Fact("Effective revocation", _time(row.revoked_effective_when)),
        Fact("Submitted", _time(row.submitted_when)),
        Fact("Resolved", _time(row.resolved_when)),
        Fact("Disposition message", row.disposition_message),
        Fact("Status code", _code(row.status_code)),
    )
    return tuple(fact for fact in wanted if fact.value)


def _time(moment: datetime | None) -> str:
    return local_time(moment) if moment is not None else ""


def _reason(row: RequestRow) -> str:
    """Unspecified is a reason too, and is zero."""
    return row.revoked_reason.label if row.revoked_reason is not None else ""


def _key(row: RequestRow) -> str:
    if not row.public_key_algorithm:
        return ""
    return f"{row.public_key_algorithm}, {row.public_key_length} bits"


def _code(code: int) -> str:
    return f"0x{code & 0xFFFFFFFF:08X}" if code != _SUCCESS else ""

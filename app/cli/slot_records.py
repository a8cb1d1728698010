"""A registered slot as the command line prints it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from app.cli.output import Record
    from app.domain.libraries import SlotRegistration
    from app.services.backend import Backend

REGISTRATION = {
    "id": "number of the registration",
    "library": "vendor name of the library",
    "token": "label of the token",
    "serial": "serial of the token",
    "account": "account that may open it",
    "registered_at": "time",
    "pin_refused_at": "when the token refused the stored password, or null",
    "ask_at_start": "whether the password is entered at each start instead of stored",
    "stored_in": "where the password is",
    "password_state": "ready, needed (at each start), refused, lost or unreadable",
    "lanes": "signatures that run side by side",
}
REGISTRATION_COLUMNS = (
    ("Library", "library"),
    ("Token", "token"),
    ("Serial", "serial"),
    ("Account", "account"),
    ("Stored in", "stored_in"),
    ("Password", "password_state"),
    ("Lanes", "lanes"),
)


def registration_records(backend: Backend, rows: Iterable[SlotRegistration]) -> list[Record]:
    """The registrations by their keys."""
    vendors = {library.id: library.vendor for library in backend.libraries.list()}
    return [_record(backend, row, vendors.get(row.library_id, "")) for row in rows]


def _record(backend: Backend, row: SlotRegistration, vendor: str) -> Record:
    place = backend.slots.place(row)
    return {
        "id": row.id,
        "library": vendor,
        "token": row.token.label,
        "serial": row.token.serial,
        "account": str(row.account),
        "registered_at": row.registered_at,
        "pin_refused_at": row.pin_refused_at,
        "ask_at_start": row.ask_at_start,
        "stored_in": place.words,
        "password_state": "refused" if row.pin_refused_at is not None else place.state,
        "lanes": backend.slots.settings(row.library_id, row.token).lanes,
    }

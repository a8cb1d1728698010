"""What the page of the security libraries says of one; knows nothing of Qt."""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.domain.status import LinkState
from app.gui.formats import local_time
from app.gui.tables import Align, Column

if TYPE_CHECKING:
    from collections.abc import Sequence

    from app.domain.tokens import SlotFacts
    from app.gui.panels.security_library.facts import LibraryRow
    from app.services.backend import Backend
    from app.services.security_library.library_records import Reloaded


def library_state(row: LibraryRow) -> tuple[LinkState, str]:
    """State of a library in a word."""
    if row.library.disabled_at is not None:
        return LinkState.UNCHECKED, "Disabled"
    if row.problem:
        return LinkState.BAD, "Does not answer"
    return LinkState.OK, "Answers"


LIBRARY_COLUMNS: tuple[Column[LibraryRow], ...] = (
    Column("vendor", "Vendor", lambda r: r.library.vendor, icon=lambda _r: "library", width=120),
    Column(
        "state",
        "State",
        lambda r: library_state(r)[1],
        state=lambda r: library_state(r)[0],
        width=152,
    ),
    Column("version", "Version", lambda r: r.library.info.library_version, width=72),
    Column(
        "slots",
        "Registrations",
        lambda r: str(r.registrations),
        order=lambda r: r.registrations,
        width=108,
        align=Align.RIGHT,
    ),
    Column("path", "Library file", lambda r: r.library.spec.path, width=150, stretch=True),
)


WIDE_FACTS = frozenset({"Environment", "Initialisation", "Call log", "Problem"})


def library_facts(row: LibraryRow, backend: Backend) -> tuple[tuple[str, str], ...]:
    """Everything that is known of a library, as (name, value); what there is not is left out."""
    library = row.library
    info = library.info
    variables = "\n".join(f"{name}={value}" for name, value in library.spec.environment)
    log = str(backend.libraries.call_log_file(library.id))
    legacy = library.legacy_name if library.legacy_at is not None else ""
    disabled = local_time(library.disabled_at) if library.disabled_at is not None else ""
    pairs = (
        ("Provider", library.provider_name),
        ("Registered", local_time(library.registered_at)),
        ("Description", ", ".join(filter(None, (info.description, info.manufacturer)))),
        ("Cryptoki", f"{info.cryptoki_version}, library version {info.library_version}"),
        ("Legacy provider", legacy),
        ("Disabled since", disabled),
        ("Problem", row.problem if library.disabled_at is None else ""),
        ("Environment", variables),
        ("Initialisation", library.spec.initialisation),
        ("Call log", log if library.call_log else ""),
    )
    return tuple((name, value) for name, value in pairs if value)


def reload_words(done: Reloaded) -> tuple[str, str]:
    """Two sentences about what loading a library anew changed."""
    old, new = done.old.library_version, done.library.info.library_version
    version = f"It is version {new}" + (f", before {old}. " if old != new else ", as before. ")
    after = _labels(done.slots)
    if done.slots_before is None or _labels(done.slots_before) == after:
        slots = f"Slots: {len(done.slots)}; tokens: {_joined(after)}."
    else:
        before = _labels(done.slots_before)
        slots = (
            f"Slots: {len(done.slots)}, before {len(done.slots_before)}; "
            f"tokens: {_joined(after)}; before: {_joined(before)}."
        )
    return f"{done.library.vendor} was loaded anew.", version + slots


def _labels(slots: Sequence[SlotFacts]) -> list[str]:
    return sorted(slot.token.label for slot in slots if slot.token is not None)


def _joined(labels: Sequence[str]) -> str:
    return ", ".join(labels) or "none"

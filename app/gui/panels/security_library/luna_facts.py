"""What the Luna Client page shows, loaded in a task thread, and its words."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from app.domain.errors import Refused
from app.domain.luna import (
    LunaConfiguration,
    Syntax,
    TaskName,
    TaskState,
)
from app.domain.status import LinkState
from app.gui.tables import Column
from app.gui.widgets.key_values import Fact

if TYPE_CHECKING:
    from collections.abc import Sequence

    from app.domain.luna import (
        Change,
        ClientTask,
        FileProblem,
        HaGroup,
        LunaEvidence,
        Setting,
    )
    from app.services.backend import Backend
    from app.services.luna.service import LunaService

COLUMNS: tuple[Column[Setting], ...] = (
    Column("section", "Section", lambda row: row.section, width=116),
    Column("key", "Key", lambda row: row.key, width=190),
    Column("value", "Value", lambda row: row.value, width=160),
    Column("meaning", "Meaning", lambda row: row.meaning, width=130, stretch=True),
)
_WORDS = {
    TaskState.DONE: "Done",
    TaskState.OPEN: "Not done",
    TaskState.NOT_APPLICABLE: "Not applicable",
    TaskState.UNDECIDED: "Version needed",
}


@dataclass(frozen=True, slots=True)
class LunaPage:
    """The page's content; `configuration` is None where there is no file."""

    found: tuple[Path, ...]
    configuration: LunaConfiguration | None


def load_page(backend: Backend, path: Path | None, version: str) -> LunaPage:
    """The named file, or the most likely one of this machine; for a task thread."""
    found = backend.luna.find()
    wanted = path or (found[0] if found else None)
    return LunaPage(found, backend.luna.open(wanted, version) if wanted is not None else None)


def needed_difference(luna: LunaService, path: Path, changes: Sequence[Change]) -> str:
    """The difference that changes make; for a task thread.

    Raises:
        Refused: they change nothing.
    """
    difference = luna.preview(path, changes)
    if not difference:
        raise Refused("Nothing would change.", cause="The file says this already.")
    return difference


def setting_identity(row: Setting) -> object:
    """By which a row is known across reloads."""
    return row.section, row.key, row.line


def setting_text(row: Setting) -> str:
    """A setting in full: its place, its value and what it means."""
    words = f"{row.section}, line {row.line}: {row.key} = {row.value}."
    return f"{words} {row.meaning}." if row.meaning else words


def task_word(task: ClientTask) -> str:
    """The badge's word."""
    return _WORDS[task.state]


def task_mark(task: ClientTask) -> LinkState:
    """The badge's colour: an HA group that does not fail over is worth a warning."""
    if task.state is TaskState.DONE:
        return LinkState.OK
    if task.state is TaskState.OPEN and task.name is TaskName.HA:
        return LinkState.WARNING
    return LinkState.UNCHECKED


def problem_text(problem: FileProblem) -> str:
    """A problem with its line."""
    return f"Line {problem.line}: {problem.sentence}" if problem.line else problem.sentence


def file_facts(configuration: LunaConfiguration) -> list[Fact]:
    """What the first card tells."""
    form = "Unix" if configuration.syntax is Syntax.UNIX else "Windows"
    facts = [
        Fact("Form", form),
        Fact("Client version", configuration.version or "not known"),
        Fact("Library", configuration.library or "no registered library reads this file"),
    ]
    if configuration.evidence is not None:
        facts += _evidence_facts(configuration.evidence)
    if configuration.not_writable:
        facts.append(Fact("Not writable", configuration.not_writable))
    return facts


def _evidence_facts(evidence: LunaEvidence) -> list[Fact]:
    servers = [f"{server.name}:{server.port or '1792'}" for server in evidence.servers]
    return [
        Fact("Network HSMs", ", ".join(servers) or "none"),
        Fact("HA groups", ", ".join(map(_group, evidence.ha_groups)) or "none"),
        Fact("Luna Cloud HSM", "sections XTC and REST" if evidence.cloud else "none"),
    ]


def _group(group: HaGroup) -> str:
    count = len(group.members)
    return f"{group.label or group.serial} ({count} member{'' if count == 1 else 's'})"

"""Shows the results and keeps them in a file."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import TYPE_CHECKING

from rich.table import Table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console

    from tests.bench.rounds import Outcome, Verdict

RESULTS = Path(__file__).with_name("results.json")


def show(outcome: Outcome, console: Console) -> None:
    """One table: medians of the ratios within the rounds, with the least and the greatest."""
    table = Table(title=f"{outcome.name}: {outcome.title}", title_justify="left")
    table.add_column("contender")
    for heading in ("ratio", "least", "greatest", "verified"):
        table.add_column(heading, justify="right")
    for line in outcome.lines:
        ratios = (f"{value:.2f}" for value in (line.median, line.lowest, line.highest))
        table.add_row(line.contender, *ratios, str(line.verified))
    console.print(table)
    console.print(f"{outcome.unit}, {outcome.rounds} rounds; ratios to the first line")
    for verdict in outcome.verdicts:
        console.print(_sentence(verdict))
    console.print()


def _sentence(verdict: Verdict) -> str:
    word = "[green]pass[/]" if verdict.met else "[bold red]MISSED[/]"
    spread = f"({verdict.lowest:.2f}-{verdict.highest:.2f})"
    sign = "at most" if verdict.at_most else "at least"
    return f"{word}: {verdict.title}: {verdict.median:.2f} {spread}, {sign} {verdict.limit:g}"


def keep(outcomes: Sequence[Outcome], path: Path = RESULTS) -> None:
    """Write all results, rates included, as JSON."""
    content = [dataclasses.asdict(outcome) for outcome in outcomes]
    path.write_text(json.dumps(content, indent=2) + "\n")

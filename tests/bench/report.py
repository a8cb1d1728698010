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

    from tests.bench.rounds import Outcome

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
    console.print(f"{outcome.unit}, {outcome.rounds} rounds; ratios to the first line\n")


def keep(outcomes: Sequence[Outcome], path: Path = RESULTS) -> None:
    """Write all results, rates included, as JSON."""
    content = [dataclasses.asdict(outcome) for outcome in outcomes]
    path.write_text(json.dumps(content, indent=2) + "\n")

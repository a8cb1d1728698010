"""A benchmark's bounds: met, missed, and wide enough for a quick run."""

from __future__ import annotations

import io
import sys
from typing import TYPE_CHECKING

import pytest
from rich.console import Console

from tests.bench import __main__ as command
from tests.bench import report
from tests.bench.rounds import Benchmark, Bound, Contender, Tally, measure

if TYPE_CHECKING:
    from contextlib import ExitStack
    from pathlib import Path


def steady(rate: int) -> Contender:
    return Contender(str(rate), lambda seconds: Tally(int(rate * seconds * 100), seconds * 100, 1))


def benchmark(limit: float, *, at_most: bool = False) -> Benchmark:
    """Two contenders, the second twice as fast."""
    bound = Bound("twice", lambda rates: rates["200"] / rates["100"], limit, at_most=at_most)
    return Benchmark("made up", "made up", "turns", 0.1, (steady(100), steady(200)), (bound,))


@pytest.mark.parametrize(
    ("limit", "at_most", "slack", "met"),
    [
        (2, False, 0, True),
        (2.1, False, 0, False),
        (2.1, False, 0.1, True),
        (2, True, 0, True),
        (1.9, True, 0, False),
        (1.9, True, 0.1, True),
    ],
)
def test_a_bound_is_met_or_missed(limit: float, at_most: bool, slack: float, met: bool) -> None:
    outcome = measure(benchmark(limit, at_most=at_most), 3, lambda _: None, slack=slack)
    (verdict,) = outcome.verdicts
    assert verdict.median == pytest.approx(2)
    assert verdict.met is met
    shown = io.StringIO()
    report.show(outcome, Console(file=shown, width=100))
    assert ("pass: twice" in shown.getvalue()) is met
    assert ("MISSED: twice" in shown.getvalue()) is not met


@pytest.mark.parametrize(("limit", "code"), [(1.5, 0), (3, 1)])
def test_a_missed_bound_is_the_exit_code(
    limit: float, code: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def made_up(_folder: Path, _stack: ExitStack, _quick: bool) -> Benchmark:
        return benchmark(limit)

    kept = tmp_path / "results.json"
    monkeypatch.setattr(command, "BENCHMARKS", {"made-up": made_up})
    monkeypatch.setattr(command, "keep", lambda outcomes: report.keep(outcomes, kept))
    monkeypatch.setattr(sys, "argv", ["bench", "made-up"])
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "keyring.backends.fail.Keyring")
    assert command.main() == code
    assert f'"met": {str(not code).lower()}' in kept.read_text()

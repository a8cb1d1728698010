"""Runs contenders in turns and compares them within each round."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

WARM_UP_SECONDS = 0.2


class WrongAnswerError(Exception):
    """A contender did something fast, but not the right thing."""


@dataclass(frozen=True, slots=True)
class Tally:
    """What one turn did: operations, the seconds they took, and how many were verified."""

    operations: int
    seconds: float
    verified: int

    @property
    def rate(self) -> float:
        """Operations per second."""
        return self.operations / self.seconds


@dataclass(frozen=True, slots=True)
class Contender:
    """One way to do the work.

    `turn` works for about so many seconds, verifies a sample of what it got, and raises
    `WrongAnswerError` when something is wrong.
    """

    name: str
    turn: Callable[[float], Tally]


@dataclass(frozen=True, slots=True)
class Benchmark:
    """Contenders for the same work; the first is what the others are compared with.

    Attributes:
        unit: what is counted, per second.
        seconds: of one turn.
    """

    name: str
    title: str
    unit: str
    seconds: float
    contenders: tuple[Contender, ...]


@dataclass(frozen=True, slots=True)
class Line:
    """One contender's result: ratios of its rate to the first contender's in the same round."""

    contender: str
    median: float
    lowest: float
    highest: float
    rates: tuple[float, ...]
    verified: int


@dataclass(frozen=True, slots=True)
class Outcome:
    """The results of one benchmark."""

    name: str
    title: str
    unit: str
    rounds: int
    lines: tuple[Line, ...]


def measure(benchmark: Benchmark, rounds: int, tell: Callable[[str], None]) -> Outcome:
    """All rounds of one benchmark; each begins with another contender.

    Raises:
        WrongAnswerError: the names of benchmark and contender stand in it.
    """
    contenders = benchmark.contenders
    verified = [0] * len(contenders)
    rates: list[list[float]] = [[] for _ in contenders]

    def turn(place: int, seconds: float) -> Tally:
        contender = contenders[place]
        try:
            tally = contender.turn(seconds)
        except WrongAnswerError as error:
            raise WrongAnswerError(f"{benchmark.name}, {contender.name}: {error}") from error
        if not tally.operations or not tally.verified:
            raise WrongAnswerError(f"{benchmark.name}, {contender.name}: nothing to verify")
        verified[place] += tally.verified
        return tally

    for place in range(len(contenders)):
        turn(place, min(WARM_UP_SECONDS, benchmark.seconds))
    for number in range(rounds):
        tell(f"{benchmark.name}: round {number + 1} of {rounds}")
        for step in range(len(contenders)):
            place = (step + number) % len(contenders)
            rates[place].append(turn(place, benchmark.seconds).rate)
    lines = tuple(
        _line(contender.name, rates[place], rates[0], verified[place])
        for place, contender in enumerate(contenders)
    )
    return Outcome(benchmark.name, benchmark.title, benchmark.unit, rounds, lines)


def _line(name: str, rates: Sequence[float], reference: Sequence[float], verified: int) -> Line:
    ratios = [rate / other for rate, other in zip(rates, reference, strict=True)]
    return Line(
        contender=name,
        median=statistics.median(ratios),
        lowest=min(ratios),
        highest=max(ratios),
        rates=tuple(rates),
        verified=verified,
    )

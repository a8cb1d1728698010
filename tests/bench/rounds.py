"""Runs contenders in turns and compares them within each round."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping
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
class Bound:
    """What must hold between contenders.

    Attributes:
        title: what is bounded, in words.
        figure: of one round, from the rates of the contenders by name.
        limit: which the median over the rounds must not pass.
        at_most: whether the figure may not be above the limit; otherwise not below.
    """

    title: str
    figure: Callable[[Mapping[str, float]], float]
    limit: float
    at_most: bool = False


@dataclass(frozen=True, slots=True)
class Benchmark:
    """Contenders for the same work; the first is what the others are compared with.

    Attributes:
        unit: what is counted, per second.
        seconds: of one turn.
        bounds: what must hold between them.
    """

    name: str
    title: str
    unit: str
    seconds: float
    contenders: tuple[Contender, ...]
    bounds: tuple[Bound, ...] = ()


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
class Verdict:
    """How one bound was met: the figure's median, least and greatest over the rounds.

    Attributes:
        limit: as it was applied, see `measure`.
    """

    title: str
    median: float
    lowest: float
    highest: float
    limit: float
    at_most: bool
    met: bool


@dataclass(frozen=True, slots=True)
class Outcome:
    """The results of one benchmark."""

    name: str
    title: str
    unit: str
    rounds: int
    lines: tuple[Line, ...]
    verdicts: tuple[Verdict, ...] = ()


def measure(
    benchmark: Benchmark, rounds: int, tell: Callable[[str], None], *, slack: float = 0
) -> Outcome:
    """All rounds of one benchmark; each begins with another contender.

    Args:
        benchmark: what to measure.
        rounds: how many.
        tell: told what is being done.
        slack: share by which the limits of the bounds are relaxed.

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
    names = [contender.name for contender in contenders]
    by_round = [dict(zip(names, one, strict=True)) for one in zip(*rates, strict=True)]
    verdicts = tuple(_judge(bound, by_round, slack) for bound in benchmark.bounds)
    return Outcome(benchmark.name, benchmark.title, benchmark.unit, rounds, lines, verdicts)


def _judge(bound: Bound, by_round: Sequence[Mapping[str, float]], slack: float) -> Verdict:
    figures = [bound.figure(rates) for rates in by_round]
    median = statistics.median(figures)
    limit = bound.limit * (1 + slack if bound.at_most else 1 - slack)
    met = median <= limit if bound.at_most else median >= limit
    return Verdict(bound.title, median, min(figures), max(figures), limit, bound.at_most, met)


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

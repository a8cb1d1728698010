"""Periods as administrators write them: a number and a unit."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from app.domain.errors import InvalidInput


class PeriodUnit(StrEnum):
    """Units of a period; a month has 30 days and a year 365, as in AD CS templates."""

    MINUTES = "minutes"
    HOURS = "hours"
    DAYS = "days"
    WEEKS = "weeks"
    MONTHS = "months"
    YEARS = "years"


LONGEST = 100_000
#: A certificate's dates end with the year 9999; this leaves room before and after any of them.
LONGEST_TIME = timedelta(days=365 * 1000)

_LENGTH = {
    PeriodUnit.MINUTES: timedelta(minutes=1),
    PeriodUnit.HOURS: timedelta(hours=1),
    PeriodUnit.DAYS: timedelta(days=1),
    PeriodUnit.WEEKS: timedelta(weeks=1),
    PeriodUnit.MONTHS: timedelta(days=30),
    PeriodUnit.YEARS: timedelta(days=365),
}


@dataclass(frozen=True, slots=True, order=False)
class Period:
    """A positive length of time; prints as `2 weeks`."""

    count: int
    unit: PeriodUnit

    def __post_init__(self) -> None:
        if not 0 < self.count <= LONGEST:
            raise InvalidInput(
                f"A period of {self.count} {self.unit} is not possible.",
                remedy="Give a whole number above zero.",
            )
        if self.length > LONGEST_TIME:
            raise InvalidInput(
                f"A period of {self.count} {self.unit} is not possible.",
                remedy="Give 1000 years at the most.",
            )

    @property
    def length(self) -> timedelta:
        """The length in time."""
        return self.count * _LENGTH[self.unit]

    def __str__(self) -> str:
        unit = self.unit.value.removesuffix("s") if self.count == 1 else self.unit.value
        return f"{self.count} {unit}"

    @classmethod
    def parse(cls, text: str) -> Period:
        """Read `4 hours`, `1 week` or `2 Years`.

        Raises:
            InvalidInput: the text is not a number and a unit.
        """
        words = text.strip().lower().split()
        match words:
            case [count, unit] if count.isdecimal():
                plural = unit if unit.endswith("s") else unit + "s"
                if plural in set(PeriodUnit):
                    return cls(int(count), PeriodUnit(plural))
            case _:
                pass
        raise InvalidInput(
            f"“{text}” is not a period.",
            remedy="Write a number and a unit, for example “4 hours” or “2 weeks”.",
        )

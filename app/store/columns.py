"""Column types: how values of the records are written into the database and read from it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import msgspec
from sqlalchemy import BigInteger, Dialect, Integer, Text
from sqlalchemy.exc import DontWrapMixin
from sqlalchemy.types import TypeDecorator

from app.domain.periods import Period
from app.domain.principals import AccountName

if TYPE_CHECKING:
    from enum import Enum

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


class NaiveTime(ValueError, DontWrapMixin):
    """A time without a zone was to be stored; it is a bug of the caller."""


def to_microseconds(moment: datetime) -> int:
    """Microseconds since 1970, exact.

    Raises:
        NaiveTime: the time has no zone.
    """
    if moment.tzinfo is None:
        raise NaiveTime(f"{moment} has no time zone.")
    return (moment - _EPOCH) // _MICROSECOND


def from_microseconds(value: int) -> datetime:
    """The aware UTC time of `to_microseconds`."""
    return _EPOCH + value * _MICROSECOND


class Utc(TypeDecorator[datetime]):
    """An aware time as whole microseconds since 1970."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:
        del dialect
        return None if value is None else to_microseconds(value)

    def process_result_value(self, value: Any | None, dialect: Dialect) -> datetime | None:
        del dialect
        return None if value is None else from_microseconds(value)


class Choice(TypeDecorator[Any]):
    """A member of an enumeration whose values are whole numbers (also flags)."""

    impl = Integer
    cache_ok = True

    def __init__(self, kind: type[Enum]) -> None:
        super().__init__()
        self.kind = kind

    def process_bind_param(self, value: Any | None, dialect: Dialect) -> int | None:
        del dialect
        return None if value is None else int(self.kind(value).value)

    def process_result_value(self, value: Any | None, dialect: Dialect) -> Enum | None:
        del dialect
        return None if value is None else self.kind(value)


class Word(TypeDecorator[Any]):
    """A member of an enumeration whose values are texts."""

    impl = Text
    cache_ok = True

    def __init__(self, kind: type[Enum]) -> None:
        super().__init__()
        self.kind = kind

    def process_bind_param(self, value: Any | None, dialect: Dialect) -> str | None:
        del dialect
        return None if value is None else str(self.kind(value).value)

    def process_result_value(self, value: Any | None, dialect: Dialect) -> Enum | None:
        del dialect
        return None if value is None else self.kind(value)


class Document(TypeDecorator[Any]):
    """A frozen record, or a tuple of them, as JSON; sets are written in a fixed order."""

    impl = Text
    cache_ok = True

    def __init__(self, kind: Any) -> None:
        super().__init__()
        self.kind = kind

    def process_bind_param(self, value: Any | None, dialect: Dialect) -> str | None:
        del dialect
        return None if value is None else encode_document(value)

    def process_result_value(self, value: Any | None, dialect: Dialect) -> Any | None:
        del dialect
        return None if value is None else msgspec.json.decode(value, type=self.kind)


class PeriodText(TypeDecorator[Period]):
    """A period as administrators write it: `2 weeks`."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Period | None, dialect: Dialect) -> str | None:
        del dialect
        return None if value is None else str(value)

    def process_result_value(self, value: Any | None, dialect: Dialect) -> Period | None:
        del dialect
        return None if value is None else Period.parse(value)


class AccountText(TypeDecorator[AccountName]):
    r"""An account as `DOMAIN\name`, in the case it was given."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: AccountName | None, dialect: Dialect) -> str | None:
        del dialect
        return None if value is None else str(value)

    def process_result_value(self, value: Any | None, dialect: Dialect) -> AccountName | None:
        del dialect
        return None if value is None else AccountName(*str(value).split("\\", 1))


def encode_document(value: object) -> str:
    """JSON of a record, the same text for equal records."""
    return msgspec.json.encode(value, order="deterministic").decode()

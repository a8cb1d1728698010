"""Times and numbers as people read them: local time, with the zone where it matters."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

_UNITS = (("y", 365 * 86400), ("d", 86400), ("h", 3600), ("min", 60), ("s", 1))
_SPAN_PARTS = 2
_JUST_NOW = 2


def local_time(moment: datetime, *, zone: bool = True, seconds: bool = False) -> str:
    """`2026-11-22 14:07 CET`: the moment in this machine's zone."""
    local = moment.astimezone()
    text = local.strftime("%Y-%m-%d %H:%M:%S" if seconds else "%Y-%m-%d %H:%M")
    return f"{text} {local.tzname()}" if zone else text


def span(length: timedelta) -> str:
    """A length of time in its two largest units: `4 h 12 min`, `364 d`, `12 s`."""
    rest = max(0, int(length.total_seconds()))
    parts: list[str] = []
    for name, size in _UNITS:
        count, rest = divmod(rest, size)
        if count:
            parts.append(f"{count} {name}")
        elif parts:
            break
        if len(parts) == _SPAN_PARTS:
            break
    return " ".join(parts) or "0 s"


def ago(moment: datetime, now: datetime | None = None) -> str:
    """`just now`, `12 s ago`, `3 min ago`, `2 h ago`."""
    passed = int(((now or datetime.now(UTC)) - moment).total_seconds())
    if passed < _JUST_NOW:
        return "just now"
    name, size = next(unit for unit in _UNITS if passed >= unit[1])
    return f"{passed // size} {name} ago"


def grouped_hex(value: str, group: int = 4) -> str:
    """Hex digits in groups, for serials and thumbprints: `6112 62e4 0000 0003`."""
    return " ".join(value[i : i + group] for i in range(0, len(value), group))


def count_text(count: int) -> str:
    """A count with thin separators: `1 000 000`."""
    return f"{count:,}".replace(",", "\u202f")

"""Finds sections and keys in the text of a configuration file, in either of its two forms."""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass

from app.domain.errors import InvalidInput
from app.domain.luna import Syntax


@dataclass(frozen=True, slots=True)
class Entry:
    """A key and its value; places are offsets in the text.

    `start` to `end` is the whole of it, with the semicolon of the Unix form.
    """

    section: str
    key: str
    value: str
    start: int
    value_start: int
    value_end: int
    end: int


@dataclass(frozen=True, slots=True)
class Section:
    """A section; `start` to `end` is all of it, `inner` to `close` what stands between its ends."""

    name: str
    start: int
    inner: int
    close: int
    end: int
    entries: tuple[Entry, ...]


_BLANK = re.compile(r"[ \t\r\n\f\v]+")
_REST_OF_LINE = re.compile(r"[^\r\n]*")
_LINE = re.compile(r"([^\r\n]*)(\r\n|\r|\n|\Z)")
_UNIX_SECTION = re.compile(r"([^={};#\s](?:[^={};\r\n]*[^={};\s])?)\s*=\s*\{")
_UNIX_ENTRY = re.compile(r"([^={};#\s](?:[^={};\r\n]*[^={};\s])?)[ \t]*=[ \t]*([^;{}\r\n]*);")
_INI_SECTION = re.compile(r"[ \t]*\[([^\]\r\n]+)\][ \t]*(?:[;#].*)?\Z")
_INI_ENTRY = re.compile(r"[ \t]*([^=\[\];#\s](?:[^=]*[^=\s])?)[ \t]*=[ \t]*(.*)\Z")


class Lines:
    """Tells the line, counted from 1, in which an offset of a text stands."""

    def __init__(self, text: str) -> None:
        self._starts = [match.end() for match in re.finditer(r"\r\n|\r|\n", text)]

    def at(self, offset: int) -> int:
        """The line of an offset."""
        return bisect_right(self._starts, offset) + 1


def syntax_of(text: str, name: str) -> Syntax:
    """The form of a text; of one without sections, what a file of that name has."""
    for line in re.split(r"\r\n|\r|\n", text.removeprefix("\ufeff")):
        words = line.strip()
        if words.startswith("["):
            return Syntax.INI
        if "{" in words and not words.startswith(("#", ";")):
            return Syntax.UNIX
    return Syntax.INI if name.casefold().endswith(".ini") else Syntax.UNIX


def scan(text: str, syntax: Syntax) -> tuple[Section, ...]:
    """The sections in their order.

    Raises:
        InvalidInput: a line is neither; the cause tells its number.
    """
    return _scan_unix(text) if syntax is Syntax.UNIX else _scan_ini(text)


def _not_understood(text: str, offset: int, cause: str) -> InvalidInput:
    line = Lines(text).at(offset)
    return InvalidInput(
        f"Line {line} of the configuration file cannot be understood.",
        cause=cause,
        remedy=f"Correct line {line} with a text editor.",
    )


# --- the Unix form --------------------------------------------------------------------------


def _scan_unix(text: str) -> tuple[Section, ...]:
    place = 1 if text.startswith("\ufeff") else 0
    found: list[Section] = []
    while (place := _past_blanks(text, place)) < len(text):
        match = _UNIX_SECTION.match(text, place)
        if match is None:
            raise _not_understood(text, place, "A section as “Name = {” is expected there.")
        section = _unix_section(text, match)
        found.append(section)
        place = section.end
    return tuple(found)


def _unix_section(text: str, opening: re.Match[str]) -> Section:
    entries: list[Entry] = []
    place = opening.end()
    while True:
        place = _past_blanks(text, place)
        if place >= len(text):
            raise _not_understood(
                text, opening.start(), f"The section “{opening[1]}” has no closing brace."
            )
        if text[place] == "}":
            break
        match = _UNIX_ENTRY.match(text, place)
        if match is None:
            raise _not_understood(
                text, place, "A setting as “Key = value;” or a closing brace is expected there."
            )
        value = match[2].rstrip()
        entries.append(
            Entry(
                opening[1],
                match[1],
                value,
                match.start(),
                match.start(2),
                match.start(2) + len(value),
                match.end(),
            )
        )
        place = match.end()
    return Section(opening[1], opening.start(), opening.end(), place, place + 1, tuple(entries))


def _past_blanks(text: str, place: int) -> int:
    """Behind blanks, comments and semicolons that end nothing."""
    while place < len(text):
        if text[place] == "#":
            place = _end(_REST_OF_LINE, text, place)
        elif text[place] == ";":
            place += 1
        elif (match := _BLANK.match(text, place)) is not None:
            place = match.end()
        else:
            break
    return place


def _end(pattern: re.Pattern[str], text: str, place: int) -> int:
    match = pattern.match(text, place)
    return place if match is None else match.end()


# --- the Windows form -----------------------------------------------------------------------


@dataclass(slots=True)
class _Open:
    """A section of which more lines may come."""

    name: str
    start: int
    inner: int
    entries: list[Entry]

    def closed(self, at: int) -> Section:
        return Section(self.name, self.start, self.inner, at, at, tuple(self.entries))


def _scan_ini(text: str) -> tuple[Section, ...]:
    found: list[Section] = []
    current: _Open | None = None
    place = 1 if text.startswith("\ufeff") else 0
    while place < len(text):
        line = _LINE.match(text, place)
        if line is None or line.end() == place:
            break
        if (heading := _INI_SECTION.match(line[1])) is not None:
            if current is not None:
                found.append(current.closed(place))
            current = _Open(heading[1].strip(), place, line.end(), [])
        elif line[1].strip() and not line[1].lstrip().startswith((";", "#")):
            entry = _ini_entry(text, place, line[1], current)
            if current is not None:
                current.entries.append(entry)
        place = line.end()
    if current is not None:
        found.append(current.closed(len(text)))
    return tuple(found)


def _ini_entry(text: str, place: int, line: str, section: _Open | None) -> Entry:
    match = _INI_ENTRY.match(line)
    if match is None:
        raise _not_understood(text, place, "“[Section]” or “Key=value” is expected there.")
    if section is None:
        raise _not_understood(text, place, f"“{match[1]}” stands before the first section.")
    value = match[2].rstrip()
    start = place + match.start(2)
    return Entry(
        section.name,
        match[1],
        value,
        place + match.start(1),
        start,
        start + len(value),
        place + len(line),
    )

"""A configuration file as text that is edited in place: what is not changed stays as it was."""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from app.domain.errors import InvalidInput
from app.domain.luna import Change, FileProblem, RemoveValue, ReplaceSection, SetValue, Syntax
from app.hsm.chrystoki.scanning import Entry, Lines, Section, scan, syntax_of

if TYPE_CHECKING:
    from collections.abc import Iterable

LARGEST = 1024 * 1024
"""Bytes of the largest file that is read; real ones have a few thousand."""

_UTF16 = {codecs.BOM_UTF16_LE: "utf-16-le", codecs.BOM_UTF16_BE: "utf-16-be"}
_DEFAULT_INDENT = "   "
_SEVERAL = 2
_NOT_IN_NAME = {Syntax.UNIX: "={};#\t", Syntax.INI: "=[];#\t"}
_NOT_IN_SECTION = {Syntax.UNIX: "={}[];#\t", Syntax.INI: "[]\t"}
_NOT_IN_VALUE = {Syntax.UNIX: ";{}\t", Syntax.INI: "\t"}


@dataclass(frozen=True, slots=True)
class Document:
    """A parsed file; every change makes a new one.

    Names of sections and keys are found whatever their case, as Windows does and as spares a
    second section `MISC`. A section that stands there twice is one to whoever asks.
    """

    text: str
    syntax: Syntax
    encoding: str
    sections: tuple[Section, ...]

    # --- reading ----------------------------------------------------------------------------

    def to_bytes(self) -> bytes:
        """The file's content; byte for byte what was parsed when nothing was changed."""
        return self.text.encode(self.encoding)

    def entries(self) -> tuple[Entry, ...]:
        """All keys in their order."""
        return tuple(entry for section in self.sections for entry in section.entries)

    def get(self, section: str, key: str) -> str | None:
        """The value of a key, of the first where it stands there more than once."""
        found = self._find(section, key)
        return found[0].value if found else None

    def values(self, section: str) -> tuple[tuple[str, str], ...]:
        """Keys and values of a section in their order."""
        return tuple(
            (entry.key, entry.value) for part in self._parts(section) for entry in part.entries
        )

    def has_section(self, section: str) -> bool:
        """Whether there is such a section, if an empty one."""
        return bool(self._parts(section))

    def numbered(self) -> tuple[tuple[int, Entry], ...]:
        """All keys with their lines, counted from 1."""
        lines = Lines(self.text)
        return tuple((lines.at(entry.start), entry) for entry in self.entries())

    def problems(self) -> tuple[FileProblem, ...]:
        """TABs, and keys and sections that stand there more than once."""
        lines = re.split(r"\r\n|\r|\n", self.text)
        found = [
            FileProblem(
                "There is a TAB character, which the client's documentation forbids.", number
            )
            for number, line in enumerate(lines, 1)
            if "\t" in line
        ]
        places = Lines(self.text)
        seen: dict[str, int] = {}
        for section in self.sections:
            number = places.at(section.start)
            first = seen.setdefault(section.name.casefold(), number)
            if first != number:
                found.append(
                    FileProblem(
                        f"The section {section.name} stands on line {first} already.", number
                    )
                )
        keys: dict[tuple[str, str], int] = {}
        for number, entry in self.numbered():
            first = keys.setdefault((entry.section.casefold(), entry.key.casefold()), number)
            if first != number:
                found.append(
                    FileProblem(
                        f"{entry.key} in {entry.section} stands on line {first} already; which of "
                        "the two counts is not documented.",
                        number,
                    )
                )
        return tuple(found)

    # --- changing ---------------------------------------------------------------------------

    def changed(self, changes: Iterable[Change]) -> Document:
        """The file after these changes, in their order.

        Raises:
            InvalidInput: a name or a value cannot stand in this file.
        """
        document = self
        for change in changes:
            match change:
                case SetValue(section, key, value):
                    document = document.set(section, key, value)
                case RemoveValue(section, key):
                    document = document.remove(section, key)
                case ReplaceSection(section, values):
                    document = document.replace(section, values)
        return document

    def set(self, section: str, key: str, value: str) -> Document:
        """Give a key a value, on its own line or lines, or on a new line of its section.

        Raises:
            InvalidInput: a name or the value cannot stand in this file.
        """
        value = value.strip(" ")
        self._check(section, key, value)
        found = self._find(section, key)
        if found:
            text = self.text
            for entry in reversed(found):
                text = text[: entry.value_start] + value + text[entry.value_end :]
            return self._again(text)
        parts = self._parts(section)
        if parts:
            return self._again(self._with_entry(parts[-1], key, value))
        return self._again(self._with_section(section, ((key, value),)))

    def remove(self, section: str, key: str) -> Document:
        """Take a key out, with its line where nothing else stands there.

        Raises:
            InvalidInput: there is no such key.
        """
        found = self._find(section, key)
        if not found:
            raise InvalidInput(f"There is no {key} in the section {section}.")
        text = self.text
        for entry in reversed(found):
            start, end = self._own_line(entry)
            text = text[:start] + text[end:]
        return self._again(text)

    def replace(self, section: str, values: tuple[tuple[str, str], ...]) -> Document:
        """Let a section hold exactly these keys; nothing changes when it does already.

        Raises:
            InvalidInput: a name or a value cannot stand in this file.
        """
        values = tuple((key, value.strip(" ")) for key, value in values)
        for key, value in values:
            self._check(section, key, value)
        if self.has_section(section) and self.values(section) == values:
            return self
        parts = self._parts(section)
        if not parts:
            return self._again(self._with_section(section, values))
        text = self.text
        for part in reversed(parts[1:]):
            end = self._last_end(part)
            rest = self.text[end : self._past_line(end)]
            text = text[: part.start] + text[end if rest.strip() else self._past_line(end) :]
        first = parts[0]
        inner = self._section_text(first.name, values)
        return self._again(text[: first.start] + inner + text[self._last_end(first) :])

    # --- places -----------------------------------------------------------------------------

    def _parts(self, section: str) -> tuple[Section, ...]:
        wanted = section.strip().casefold()
        return tuple(part for part in self.sections if part.name.casefold() == wanted)

    def _find(self, section: str, key: str) -> tuple[Entry, ...]:
        wanted = key.strip().casefold()
        return tuple(
            entry
            for part in self._parts(section)
            for entry in part.entries
            if entry.key.casefold() == wanted
        )

    def _line_start(self, offset: int) -> int:
        return max(self.text.rfind("\n", 0, offset), self.text.rfind("\r", 0, offset)) + 1

    def _line_end(self, offset: int) -> int:
        match = re.compile(r"[^\r\n]*").match(self.text, offset)
        return offset if match is None else match.end()

    def _past_line(self, offset: int) -> int:
        match = re.compile(r"[^\r\n]*(?:\r\n|\r|\n)?").match(self.text, offset)
        return offset if match is None else match.end()

    def _own_line(self, entry: Entry) -> tuple[int, int]:
        """From where to where an entry is cut out."""
        start, end = self._line_start(entry.start), self._line_end(entry.end)
        before, behind = self.text[start : entry.start], self.text[entry.end : end]
        if not before.strip() and not behind.strip():
            return start, self._past_line(entry.end)
        blanks = len(before) - len(before.rstrip(" \t"))
        return entry.start - blanks, entry.end

    def _last_end(self, section: Section) -> int:
        """Its closing brace, or its last line: comments below that belong to what follows."""
        if self.syntax is Syntax.UNIX:
            return section.end
        last = section.entries[-1].end if section.entries else section.start
        return self._line_end(last)

    # --- new text ---------------------------------------------------------------------------

    def _newline(self) -> str:
        match = re.search(r"\r\n|\r|\n", self.text)
        if match is not None:
            return match[0]
        return "\r\n" if self.syntax is Syntax.INI else "\n"

    def _style(self, near: Section | None) -> tuple[str, str]:
        """Indentation, and what stands between key and value, as the neighbours have it."""
        neighbours = near.entries if near is not None and near.entries else self.entries()
        if not neighbours:
            return ("", "=") if self.syntax is Syntax.INI else (_DEFAULT_INDENT, " = ")
        last = neighbours[-1]
        indent = self.text[self._line_start(last.start) : last.start]
        if indent.strip():  # the section stands on one line
            indent = ""
        between = self.text[last.start + len(last.key) : last.value_start]
        indent = indent.replace("\t", _DEFAULT_INDENT)
        between = re.sub(r"\s+", " ", between)
        if not last.value and between == " =":
            between = " = "
        return indent, between

    def _entry_text(self, key: str, value: str, between: str) -> str:
        return f"{key}{between}{value}" + (";" if self.syntax is Syntax.UNIX else "")

    def _with_entry(self, section: Section, key: str, value: str) -> str:
        """The text with one key more at the end of a section."""
        indent, between = self._style(section)
        entry = self._entry_text(key, value, between)
        last = section.entries[-1].end if section.entries else section.inner
        if self.syntax is Syntax.INI and not section.entries:
            last = self._line_end(section.start)
        if self.syntax is Syntax.UNIX and self._line_end(last) >= section.close:
            joint = self.text[:last] + f" {entry}"
            rest = self.text[last:]
            return joint + (rest if rest.startswith((" ", "\t")) else f" {rest}")
        place = self._line_end(last)
        return self.text[:place] + self._newline() + indent + entry + self.text[place:]

    def _section_text(self, name: str, values: tuple[tuple[str, str], ...]) -> str:
        newline = self._newline()
        indent, between = self._style(None)
        if self.syntax is Syntax.UNIX and not indent:
            indent = _DEFAULT_INDENT
        lines = [indent + self._entry_text(key, value, between) for key, value in values]
        if self.syntax is Syntax.UNIX:
            return newline.join((f"{name} = {{", *lines, "}"))
        return newline.join((f"[{name}]", *lines))

    def _with_section(self, name: str, values: tuple[tuple[str, str], ...]) -> str:
        """The text with one section more at its end."""
        newline, text = self._newline(), self.text
        body = text.removeprefix("\ufeff")
        if body and not body.endswith(("\n", "\r")):
            text += newline
        if body.strip() and self._blank_between():
            text += newline
        return text + self._section_text(name, values) + newline

    def _blank_between(self) -> bool:
        """Whether the file has blank lines between its sections."""
        if self.syntax is Syntax.UNIX or len(self.sections) < _SEVERAL:
            return self.syntax is Syntax.UNIX
        before = self.text[: self.sections[-1].start].removesuffix(self._newline())
        return before.endswith(("\n", "\r"))

    def _check(self, section: str, key: str, value: str) -> None:
        """Refuse what could not be read back."""
        _check_name(section, _NOT_IN_SECTION[self.syntax], "section")
        _check_name(key, _NOT_IN_NAME[self.syntax], "key")
        wrong = set(value) & set(_NOT_IN_VALUE[self.syntax])
        if wrong or not value.isprintable() or value != value.strip():
            raise InvalidInput(
                f"The value for {key} cannot stand in the configuration file.",
                cause=_cause(wrong),
                remedy="Give a value on one line without such characters.",
            )
        try:
            f"{section}{key}{value}".encode(self.encoding)
        except UnicodeEncodeError as error:
            raise InvalidInput(
                f"The value for {key} cannot stand in the configuration file.",
                cause=f"The file is in {self.encoding}, which has no “{value[error.start :][:1]}”.",
                remedy="Use plain letters.",
            ) from error

    def _again(self, text: str) -> Document:
        return Document(text, self.syntax, self.encoding, scan(text, self.syntax))


def _check_name(name: str, forbidden: str, what: str) -> None:
    if (
        not name.strip()
        or name != name.strip()
        or not name.isprintable()
        or set(name) & set(forbidden)
    ):
        raise InvalidInput(
            f"“{name}” is not the name of a {what}.",
            remedy="Write it as the client's documentation does.",
        )


def _cause(wrong: set[str]) -> str:
    if "\t" in wrong:
        return "It has a TAB character, which the client's documentation forbids."
    if wrong:
        return f"It has {' and '.join(sorted(wrong))}, which end a setting or a section."
    return "It has characters that cannot be printed."


def parse(data: bytes, name: str) -> Document:
    """Read a file's content; `name` decides its form where the content does not.

    Raises:
        InvalidInput: it is no text, too large, or a line cannot be understood.
    """
    if len(data) > LARGEST:
        raise InvalidInput(
            f"The file {name} is too large for a client's configuration.",
            remedy="Name the right file.",
        )
    text, encoding = _decoded(data, name)
    syntax = syntax_of(text, name)
    return Document(text, syntax, encoding, scan(text, syntax))


def _decoded(data: bytes, name: str) -> tuple[str, str]:
    encoding = next((found for mark, found in _UTF16.items() if data.startswith(mark)), "")
    try:
        text = data.decode(encoding or "utf-8")
    except UnicodeDecodeError:
        # What Windows' code page wrote; Latin-1 gives every byte back as it was.
        encoding, text = "latin-1", data.decode("latin-1")
    if "\0" in text:
        raise InvalidInput(
            f"The file {name} is not a text file.",
            remedy="Name Chrystoki.conf, crystoki.ini, or a copy of it.",
        )
    return text, encoding or "utf-8"

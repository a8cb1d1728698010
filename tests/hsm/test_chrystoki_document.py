"""Configuration files of Luna clients: what is not changed stays as it was, to the byte."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.errors import InvalidInput
from app.domain.luna import RemoveValue, ReplaceSection, SetValue, Syntax
from app.hsm.chrystoki.document import LARGEST, Document, parse
from tests.hsm.luna_samples import SAMPLES, sample

if TYPE_CHECKING:
    from pathlib import Path

SYNTAX_NAMES = {Syntax.UNIX: "Chrystoki.conf", Syntax.INI: "crystoki.ini"}


def lines(document: Document) -> list[str]:
    return re.split(r"(?<=\n)", document.text)


def changed_lines(old: Document, new: Document) -> tuple[list[str], list[str]]:
    """Lines that are only in the one, and only in the other; the rest keeps its order."""
    first, second = lines(old), lines(new)
    start = 0
    while start < min(len(first), len(second)) and first[start] == second[start]:
        start += 1
    end = 0
    while end < min(len(first), len(second)) - start and first[-1 - end] == second[-1 - end]:
        end += 1
    return first[start : len(first) - end], second[start : len(second) - end]


# --- the samples ------------------------------------------------------------------------------


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.name)
def test_a_sample_comes_back_byte_for_byte(path: Path) -> None:
    data = sample(path.name)
    document = parse(data, path.name)
    assert document.to_bytes() == data
    assert document.changed(()).to_bytes() == data
    assert document.syntax is (Syntax.INI if path.suffix == ".ini" else Syntax.UNIX)
    assert document.problems() == ()


def test_the_samples_are_read_as_they_are_meant() -> None:
    unix = parse(sample("full_unix.conf"), "Chrystoki.conf")
    assert unix.get("LunaSA Client", "ServerName00") == "hsm1.test"
    assert [section.name for section in unix.sections] == [
        "Chrystoki2",
        "Luna",
        "CardReader",
        "Misc",
        "LunaSA Client",
        "Secure Trusted Channel",
    ]
    assert unix.values("CardReader") == (("LunaG5Slots", "0"), ("RemoteCommand", "1"))
    windows = parse(sample("full_windows.ini"), "crystoki.ini")
    library = "C:\\Program Files\\SafeNet\\LunaClient\\cryptoki.dll"
    assert windows.get("chrystoki2", "libnt") == library
    cloud = parse(sample("cloud_minimum.conf"), "Chrystoki.conf")
    assert cloud.get("LunaSA Client", "ServerHtl00") == ""
    assert cloud.get("REST", "PartitionData00") == "1334054153000, cloud.test, 443"
    assert cloud.get("REST", "Nothing") is None
    assert cloud.get("Nowhere", "Nothing") is None


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.name)
def test_each_value_of_a_sample_is_changed_on_its_line_alone(path: Path) -> None:
    document = parse(sample(path.name), path.name)
    for entry in document.entries():
        new = document.set(entry.section, entry.key, "other")
        before, after = changed_lines(document, new)
        assert len(before) == len(after) == 1
        assert entry.key in before[0]
        assert after[0] == before[0].replace(
            f"={entry.value}" if path.suffix == ".ini" else f" = {entry.value};",
            "=other" if path.suffix == ".ini" else " = other;",
        )


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.name)
def test_a_key_that_is_added_and_removed_again_leaves_nothing_behind(path: Path) -> None:
    document = parse(sample(path.name), path.name)
    for section in document.sections:
        more = document.set(section.name, "AddedKey", "1")
        gone, added = changed_lines(document, more)
        assert gone == []
        assert len(added) == 1
        assert more.remove(section.name, "addedkey").text == document.text


def test_a_new_key_looks_like_its_neighbours() -> None:
    unix = parse(sample("full_unix.conf"), "Chrystoki.conf")
    assert "\n  RSAKeyGenMechRemap = 1;\n}" in unix.set("Misc", "RSAKeyGenMechRemap", "1").text
    assert "\n   ServerName01 = a;\n}" in unix.set("LunaSA Client", "ServerName01", "a").text
    windows = parse(sample("full_windows.ini"), "crystoki.ini")
    text = windows.set("Misc", "RSAKeyGenMechRemap", "1").text
    assert "partition_policy_templates\r\nRSAKeyGenMechRemap=1\r\n\r\n[LunaSA Client]" in text


def test_a_new_section_stands_at_the_end() -> None:
    unix = parse(sample("full_unix.conf"), "Chrystoki.conf")
    assert unix.set("HAConfiguration", "HAOnly", "1").text == unix.text + (
        "\nHAConfiguration = {\n   HAOnly = 1;\n}\n"
    )
    windows = parse(sample("full_windows.ini"), "crystoki.ini")
    assert windows.set("HAConfiguration", "HAOnly", "1").text == windows.text + (
        "\r\n[HAConfiguration]\r\nHAOnly=1\r\n"
    )
    dense = parse(sample("hybrid.ini"), "crystoki.ini")
    assert dense.set("Luna", "A", "1").text == dense.text + "[Luna]\r\nA=1\r\n"


# --- forms that occur -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("Misc = { A = 1; }\n", "Misc = { A = 1; B = 2; }\n"),
        ("Misc = {A = 1;}\n", "Misc = {A = 1; B = 2; }\n"),
        ("Misc = {}\n", "Misc = { B = 2; }\n"),
        ("Misc = {\n}\n", "Misc = {\n   B = 2;\n}\n"),
        ("Misc={\nA=1; # why\n# end\n}", "Misc={\nA=1; # why\nB=2;\n# end\n}"),
        ("Misc =\n{\n\tA\t=\t1;\n}\n", "Misc =\n{\n\tA\t=\t1;\n   B = 2;\n}\n"),
        ("Misc = {\r\n  A = ;\r\n}\r\n", "Misc = {\r\n  A = ;\r\n  B = 2;\r\n}\r\n"),
        ("", "Misc = {\n   B = 2;\n}\n"),
        ("# nothing yet", "# nothing yet\n\nMisc = {\n   B = 2;\n}\n"),
    ],
)
def test_a_key_is_added_to_every_form_of_a_unix_section(before: str, after: str) -> None:
    document = parse(before.encode(), "Chrystoki.conf").set("Misc", "B", "2")
    assert document.text == after
    assert document.get("Misc", "B") == "2"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("[Misc]", "[Misc]\r\nB=2"),
        ("[Misc]\n\n; next\n[Luna]\n", "[Misc]\nB=2\n\n; next\n[Luna]\n"),
        ("[MISC]\nA = 1\n\n", "[MISC]\nA = 1\nB = 2\n\n"),
        ("", "[Misc]\r\nB=2\r\n"),
    ],
)
def test_a_key_is_added_to_every_form_of_an_ini_section(before: str, after: str) -> None:
    document = parse(before.encode(), "crystoki.ini").set("Misc", "B", "2")
    assert document.text == after


def test_a_key_is_removed_with_its_line_or_from_within_it() -> None:
    document = parse(b"Misc = {\n  A = 1;\n  B = 2; # kept\n}\nX = { C = 3; D = 4; }\n", "c.conf")
    document = document.remove("Misc", "A").remove("Misc", "B").remove("X", "C")
    assert document.text == "Misc = {\n # kept\n}\nX = { D = 4; }\n"
    with pytest.raises(InvalidInput, match="There is no A in the section Misc"):
        document.remove("Misc", "A")


def test_what_stands_there_twice_is_told_and_changed_in_both_places() -> None:
    document = parse(b"[Misc]\nA=1\n[Luna]\nX=1\n[misc]\na=2\n", "crystoki.ini")
    assert [problem.line for problem in document.problems()] == [5, 6]
    assert document.get("Misc", "A") == "1"
    assert document.set("Misc", "A", "9").text == "[Misc]\nA=9\n[Luna]\nX=1\n[misc]\na=9\n"
    assert document.remove("Misc", "A").text == "[Misc]\n[Luna]\nX=1\n[misc]\n"
    replaced = document.replace("Misc", (("B", "1"),))
    assert replaced.text == "[Misc]\nB=1\n[Luna]\nX=1\n"


def test_tabs_are_told_with_their_lines() -> None:
    document = parse(b"Misc = {\n\tA = 1;\n}\n", "Chrystoki.conf")
    (problem,) = document.problems()
    assert problem.line == 2
    assert "TAB" in problem.sentence


def test_a_section_is_replaced_in_its_place() -> None:
    document = parse(sample("cloud_minimum.conf"), "Chrystoki.conf")
    new = document.replace("XTC", (("Enabled", "0"),))
    assert "\nXTC = {\n  Enabled = 0;\n}\n\nREST = {" in new.text
    assert new.replace("XTC", (("Enabled", "0"),)) is new


def test_encodings_survive() -> None:
    latin = "[Misc]\r\nToolsDir=C:\\Prüfung\r\n".encode("cp1252")
    assert parse(latin, "crystoki.ini").to_bytes() == latin
    marked = b"\xef\xbb\xbf[Misc]\r\nA=1\r\n"
    document = parse(marked, "crystoki.ini")
    assert document.set("Misc", "A", "2").to_bytes() == b"\xef\xbb\xbf[Misc]\r\nA=2\r\n"
    wide = "\ufeff[Misc]\r\nA=1\r\n".encode("utf-16-le")
    document = parse(wide, "crystoki.ini")
    assert document.to_bytes() == wide
    assert document.set("Misc", "A", "2").to_bytes() == wide.replace(b"1", b"2")
    with pytest.raises(InvalidInput, match="cannot stand"):
        parse(latin, "crystoki.ini").set("Misc", "A", "日")


# --- refusals ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "line", "why"),
    [
        ("Misc = {\n  A = 1\n}\n", 2, "Key = value;"),
        ("Misc = {\n  A = 1;\n", 1, "no closing brace"),
        ("# ok\n\nMisc\n", 3, "Name = {"),
        ("Misc = {\n  A = 1;\n}\n}\n", 4, "Name = {"),
        ("[Misc]\nA=1\nnonsense\n", 3, "Key=value"),
        ("[Misc\nA=1\n", 1, "Section"),
        ("; ok\nA=1\n[Misc]\n", 2, "before the first section"),
    ],
)
def test_a_line_that_cannot_be_understood_is_named(text: str, line: int, why: str) -> None:
    with pytest.raises(InvalidInput, match=f"Line {line} ") as caught:
        parse(text.encode(), "file")
    assert why in caught.value.cause


def test_a_key_before_the_first_section_of_an_ini_file_is_named() -> None:
    with pytest.raises(InvalidInput, match="Line 2 "):
        parse(b"[A]\n=1\n", "crystoki.ini")


@pytest.mark.parametrize("data", [b"\x00\x01\x02", b"\x7fELF\x00\x00", b"a" * (LARGEST + 1)])
def test_what_is_no_configuration_is_refused(data: bytes) -> None:
    with pytest.raises(InvalidInput):
        parse(data, "libCryptoki2_64.so")


@pytest.mark.parametrize(
    ("section", "key", "value"),
    [
        ("Misc", "A", "a\tb"),
        ("Misc", "A", "\t1"),
        ("Misc", "A", "1; B = 2"),
        ("Misc", "A", "1\n}"),
        ("Misc", "A", "\x1b[31m"),
        ("Misc", "A b = c", "1"),
        ("Misc", "", "1"),
        ("", "A", "1"),
        ("Mi}sc", "A", "1"),
        ("Misc", "#A", "1"),
        ("Misc", "A\t", "1"),
    ],
)
def test_what_could_not_be_read_back_is_refused(section: str, key: str, value: str) -> None:
    document = parse(sample("full_unix.conf"), "Chrystoki.conf")
    with pytest.raises(InvalidInput):
        document.set(section, key, value)
    with pytest.raises(InvalidInput):
        document.replace(section, ((key, value),))


# --- any file ---------------------------------------------------------------------------------

WORDS = st.text("ABCabc019 _./-äß", min_size=1, max_size=12).map(str.strip).filter(bool)
KEYS = WORDS.filter(lambda word: not word.startswith("."))
VALUES = st.text("ABCabc019 _./-ä,:@", max_size=16).map(str.strip)
BLANKS = st.sampled_from(["", " ", "   ", "\t", " \t "])
BREAKS = st.sampled_from(["\n", "\r\n"])


@st.composite
def unix_files(draw: st.DrawFn) -> str:
    """Files of the Unix form, in whatever layout."""
    end = draw(BREAKS)
    noise = st.sampled_from(["", "# comment = { ; }", "   ", ";"])
    parts = []
    for name in draw(st.lists(KEYS, max_size=4)):
        parts.append(f"{draw(noise)}{end}{name}{draw(BLANKS)}={draw(BLANKS)}{{{draw(BLANKS)}")
        for key, value in draw(st.lists(st.tuples(KEYS, VALUES), max_size=4)):
            parts.append(draw(st.sampled_from([end, " ", f"{end}# x{end}"])))
            parts.append(f"{draw(BLANKS)}{key}{draw(BLANKS)}={draw(BLANKS)}{value};")
        parts.append(draw(st.sampled_from([end, " ", f"{end}{end}"])) + "}" + end)
    return "".join(parts)


@st.composite
def ini_files(draw: st.DrawFn) -> str:
    """Files of the Windows form, in whatever layout."""
    end = draw(BREAKS)
    noise = st.sampled_from(["", "; comment", "# [x]", "  "])
    parts = []
    for name in draw(st.lists(KEYS, min_size=1, max_size=4)):
        parts.append(f"{draw(noise)}{end}[{name}]{draw(BLANKS)}{end}")
        for key, value in draw(st.lists(st.tuples(KEYS, VALUES), max_size=4)):
            parts.append(f"{draw(BLANKS)}{key}{draw(BLANKS)}={draw(BLANKS)}{value}{end}")
            parts.append(draw(st.sampled_from(["", end, f"; y{end}"])))
    return "".join(parts)


FILES = st.one_of(
    st.tuples(unix_files(), st.just(Syntax.UNIX)), st.tuples(ini_files(), st.just(Syntax.INI))
)


def opened(file: tuple[str, Syntax]) -> Document:
    text, syntax = file
    document = parse(text.encode(), SYNTAX_NAMES[syntax])
    assert document.syntax is syntax
    return document


@given(FILES)
def test_any_file_comes_back_byte_for_byte(file: tuple[str, Syntax]) -> None:
    assert opened(file).to_bytes() == file[0].encode()


@given(FILES, KEYS, KEYS, VALUES)
def test_what_was_set_is_read_back_and_nothing_else_changes(
    file: tuple[str, Syntax], section: str, key: str, value: str
) -> None:
    document = opened(file)
    new = document.changed([SetValue(section, key, value)])
    assert new.get(section, key) == value
    again = parse(new.to_bytes(), SYNTAX_NAMES[document.syntax])
    assert again == new

    def others(which: Document) -> list[tuple[str, str, str]]:
        return [
            (entry.section, entry.key, entry.value)
            for entry in which.entries()
            if (entry.section.casefold(), entry.key.casefold())
            != (section.casefold(), key.casefold())
        ]

    assert others(new) == others(document)
    assert new.text.count("\t") <= document.text.count("\t")
    kept = [line for line in lines(document) if line.strip().startswith(("#", "; "))]
    assert [line for line in lines(new) if line.strip().startswith(("#", "; "))] == kept


@given(FILES, st.data())
def test_a_change_of_one_key_leaves_every_other_line_alone(
    file: tuple[str, Syntax], data: st.DataObject
) -> None:
    document = opened(file)
    unique = [
        entry
        for entry in document.entries()
        if [
            other.key.casefold()
            for other in document.entries()
            if other.section.casefold() == entry.section.casefold()
        ].count(entry.key.casefold())
        == 1
    ]
    if not unique:
        return
    entry = data.draw(st.sampled_from(unique))
    new = document.set(entry.section, entry.key, "changed value")
    before, after = changed_lines(document, new)
    assert len(before) == len(after) == 1
    removed = document.changed([RemoveValue(entry.section, entry.key)])
    assert removed.get(entry.section, entry.key) is None
    assert len(removed.entries()) == len(document.entries()) - 1


@given(FILES, KEYS, st.lists(st.tuples(KEYS, VALUES), max_size=4))
def test_a_replaced_section_holds_what_it_was_given(
    file: tuple[str, Syntax], section: str, values: list[tuple[str, str]]
) -> None:
    document = opened(file)
    new = document.changed([ReplaceSection(section, tuple(values))])
    assert new.values(section) == tuple(values)
    others = [e for e in document.entries() if e.section.casefold() != section.casefold()]
    assert [(e.section, e.key, e.value) for e in others] == [
        (e.section, e.key, e.value)
        for e in new.entries()
        if e.section.casefold() != section.casefold()
    ]


@given(st.text(max_size=200))
def test_any_text_is_read_or_refused_with_a_line(text: str) -> None:
    data = text.encode("utf-8", "surrogatepass")
    error: InvalidInput | None = None
    try:
        assert parse(data, "Chrystoki.conf").to_bytes() == data
    except InvalidInput as refused:
        error = refused
    if error is not None:
        assert "text file" in error.message or re.match(r"Line \d+ ", error.message)

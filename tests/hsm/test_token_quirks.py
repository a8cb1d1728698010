"""The catalogue of token quirks: docs/token-quirks.md and the tests that it names.

The tests stand beside this file by topic: slots, objects, logins, generation and calls. All run
through the real isolation process. Every row can be provoked, with these limits:

- Row 28 takes the right to read all files from the process when root runs the tests.
- Row 29 makes files with headers of other architectures. Headers for Windows are told from those
  for this system; which of two Windows architectures it is can only be seen there.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[2] / "docs" / "token-quirks.md"
ROW = re.compile(r"^\| (\d+) \| (.+?) \| (.+?) \| (.+?) \| (.+?) \|$", re.MULTILINE)


def rows() -> list[tuple[str, ...]]:
    return ROW.findall(PAGE.read_text())


def written_tests() -> list[str]:
    files = Path(__file__).parent.glob("test_token_quirks_*.py")
    return [
        name
        for file in files
        for name in re.findall(r"^def (test_quirk_\w+)\(", file.read_text(), re.MULTILINE)
    ]


def test_the_page_has_thirty_rows() -> None:
    assert [int(row[0]) for row in rows()] == list(range(1, 31))


@pytest.mark.parametrize("number", range(1, 31))
def test_a_row_of_the_page_names_its_tests(number: int) -> None:
    named = re.findall(r"`(\w+)`", rows()[number - 1][4])
    own = [name for name in written_tests() if name.startswith(f"test_quirk_{number:02}_")]
    assert own
    assert sorted(named) == sorted(own)

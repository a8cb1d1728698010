"""The difference of two states of a configuration file, in lines, without credentials."""

from __future__ import annotations

import difflib
import re

from app.hsm.chrystoki.meanings import HIDDEN

# Comments too: a credential that was commented out is one.
_SECRET = re.compile(
    r"(?im)^([^\r\n=]*(?:secret|password|passphrase)[^\r\n=]*=[ \t]*)([^;\r\n]*[^;\s])"
)


def difference(old: str, new: str, name: str) -> str:
    """A unified difference; "" when nothing changes."""
    if old == new:
        return ""
    known = {match[2] for match in _SECRET.finditer(old)}
    lines = difflib.unified_diff(
        _lines(_SECRET.sub(lambda match: match[1] + HIDDEN, old)),
        _lines(_SECRET.sub(lambda match: match[1] + _dots(match[2], known), new)),
        name,
        f"{name} (new)",
        lineterm="",
    )
    return "\n".join(lines)


def _dots(value: str, known: set[str]) -> str:
    return HIDDEN if value in known else f"{HIDDEN} (new)"


def _lines(text: str) -> list[str]:
    lines = re.split(r"\r\n|\r|\n", text.removeprefix("\ufeff"))
    return lines if lines[-1] else lines[:-1]

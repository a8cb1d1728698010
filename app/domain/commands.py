"""Commands of this program as a shell takes them, for sentences that say what to type."""

from __future__ import annotations

import shlex
import sys


def command_line(*words: str) -> str:
    """The command with these words; those that need it are in the quotes of this system's shell."""
    if sys.platform == "win32":
        return " ".join(("sealkeeper", *map(_windows_quoted, words)))
    return shlex.join(("sealkeeper", *words))


def _windows_quoted(word: str) -> str:
    """A word for PowerShell and cmd; names of ours hold no quotation marks."""
    plain = word and all(character.isalnum() or character in "-_./:\\=+" for character in word)
    return word if plain else f'"{word}"'

"""Environment variables as they are typed: one NAME=VALUE a line."""

from __future__ import annotations

from app.domain.errors import InvalidInput


def parse_environment(text: str) -> tuple[tuple[str, str], ...]:
    """Lines of NAME=VALUE; empty lines are passed over.

    Raises:
        InvalidInput: a line that is none, or a name that is given twice.
    """
    found: dict[str, str] = {}
    for line in filter(None, map(str.strip, text.splitlines())):
        name, separator, value = line.partition("=")
        name = name.strip()
        if not separator or not name or any(letter.isspace() for letter in name):
            raise InvalidInput(
                f"“{line}” is not an environment variable.", remedy="Write NAME=VALUE."
            )
        if name in found:
            raise InvalidInput(f"{name} is given twice.", remedy="Give it once.")
        found[name] = value.strip()
    return tuple(found.items())

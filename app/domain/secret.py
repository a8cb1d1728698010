"""A value that must not be printed: PINs, passwords and passphrases."""

from __future__ import annotations

from typing import NoReturn, final


@final
class Secret:
    """Holds a secret as UTF-8 bytes; shows itself as dots and refuses to be pickled.

    `reveal()` is the only way to the value, so that its uses can be searched for.
    """

    __slots__ = ("_value",)

    def __init__(self, value: str | bytes) -> None:
        self._value = value.encode() if isinstance(value, str) else bytes(value)

    def reveal(self) -> bytes:
        """The secret itself, as bytes (UTF-8 when it was given as text)."""
        return self._value

    def __bool__(self) -> bool:
        return bool(self._value)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._value == self._value

    def __hash__(self) -> int:
        return hash((Secret, self._value))

    def __repr__(self) -> str:
        return "Secret(•••)"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a secret is not pickled")

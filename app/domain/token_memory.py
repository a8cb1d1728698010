"""How much room a token has for keys, and what to do when there is none left."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from app.domain.errors import TokenError

if TYPE_CHECKING:
    from app.domain.tokens import SlotFacts

KIBIBYTE = 1024
OUT_OF_MEMORY = "CKR_DEVICE_MEMORY"


@dataclass(frozen=True, slots=True)
class TokenMemory:
    """Bytes for private objects as the token reports them; None where it does not."""

    total: int | None
    free: int | None

    @property
    def reported(self) -> bool:
        """Whether both figures are known."""
        return self.total is not None and self.free is not None

    def __str__(self) -> str:
        if self.total is None and self.free is None:
            return "not reported"
        if self.total is None:
            return f"{size_words(self.free or 0)} free"
        if self.free is None:
            return f"{size_words(self.total)}; what is free is not reported"
        return f"{size_words(self.free)} free of {size_words(self.total)}"


UNKNOWN = TokenMemory(None, None)


def memory_of(slot: SlotFacts) -> TokenMemory:
    """The memory of the token in a slot."""
    return TokenMemory(slot.total_memory, slot.free_memory)


def size_words(size: int) -> str:
    """`812 bytes`, `12.5 KiB`, `4.0 MiB`."""
    if size < KIBIBYTE:
        return f"{size} bytes"
    if size < KIBIBYTE**2:
        return f"{size / KIBIBYTE:.1f} KiB"
    return f"{size / KIBIBYTE**2:.1f} MiB"


def is_full(error: Exception) -> bool:
    """Whether a token refused because it has no memory left."""
    return isinstance(error, TokenError) and error.ckr == OUT_OF_MEMORY


def explained(error: TokenError, label: str, memory: TokenMemory) -> TokenError:
    """`CKR_DEVICE_MEMORY` with the figures of the token and with what makes room."""
    figures = f" It reports {memory}." if memory != UNKNOWN else ""
    return TokenError(
        f"The token {label} has no memory left for the key.",
        ckr=error.ckr,
        function=error.function,
        library=error.library,
        library_version=error.library_version,
        cause=f"Too many keys are stored on it.{figures}",
        remedy="Retire the keys of certificates that are past, delete orphans, or use another "
        "slot.",
    )

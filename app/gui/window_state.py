"""What the window remembers between runs: one small file in the home."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import structlog

from app.gui.theme import ThemeMode

if TYPE_CHECKING:
    from pathlib import Path

_log = structlog.get_logger("gui.window")


class WindowState(msgspec.Struct, forbid_unknown_fields=False):
    """Geometry in device-independent pixels, theme, the node shown last, widths of columns."""

    theme: ThemeMode = ThemeMode.SYSTEM
    width: int = 1440
    height: int = 860
    maximized: bool = False
    tree_width: int = 272
    actions_width: int = 288
    node: str = ""
    columns: dict[str, dict[str, int]] = msgspec.field(default_factory=dict)


def load_window_state(path: Path) -> WindowState:
    """The stored state; the defaults where there is none or it cannot be read."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=WindowState)
    except FileNotFoundError:
        return WindowState()
    except (OSError, msgspec.MsgspecError) as error:
        _log.warning("window state unreadable", path=str(path), error=str(error))
        return WindowState()


def save_window_state(path: Path, state: WindowState) -> None:
    """Write the state; a failure is logged, since it must not hinder closing."""
    try:
        path.write_bytes(msgspec.json.encode(state))
    except OSError as error:
        _log.warning("window state not written", path=str(path), error=str(error))

"""Keeps the traceback of an unexpected exception where an administrator can send it from."""

from __future__ import annotations

import os
import platform
import traceback
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from app import __version__

if TYPE_CHECKING:
    from pathlib import Path

DEFECTS_FILE = "defects.log"


def keep_defect(home: Path, error: BaseException) -> Path | None:
    """Append the traceback to a file in the home that only this account can read.

    Returns:
        The file, or None when the home takes no file.
    """
    path = home / DEFECTS_FILE
    where = f"Sealkeeper {__version__}, Python {platform.python_version()}, {platform.platform()}"
    text = "".join(traceback.format_exception(error))
    entry = f"--- {datetime.now(UTC).isoformat(timespec='seconds')} · {where}\n{text}\n"
    try:
        handle = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        with os.fdopen(handle, "a", encoding="utf-8") as file:
            file.write(entry)
    except OSError:
        return None
    return path

"""The home folder and the database file in it: made with narrow permissions, or refused."""

from __future__ import annotations

import os
import stat
import sys
from typing import TYPE_CHECKING

from app.domain.errors import HomeUnusable

if TYPE_CHECKING:
    from pathlib import Path

DATABASE_NAME = "sealkeeper.db"
BACKUP_FOLDER = "backups"
_FOLDER_MODE = 0o700
_FILE_MODE = 0o600
_BINARY = getattr(os, "O_BINARY", 0)


def prepare_home(home: Path) -> Path:
    """Make the home folder (0700) and an empty database file (0600) where they are missing.

    Returns:
        The path of the database file, which can be read and written.

    Raises:
        HomeUnusable: they cannot be made, read or written.
    """
    path = home / DATABASE_NAME
    try:
        make_private_folder(home)
        # The folder has to take files too: the journal and the lock live beside the database.
        with os.scandir(home):
            pass
        _refuse_shared(home)
        make_private_file(path)
    except OSError as error:
        raise HomeUnusable(
            f"The home folder {home} cannot be used.",
            cause=f"{error.strerror or error} ({error.filename or path}).",
            remedy="Choose another folder with --home, or mend its permissions.",
            detail=repr(error),
        ) from error
    if not _writable(home):
        raise HomeUnusable(
            f"The home folder {home} cannot be used.",
            cause="This account may not create files in it.",
            remedy="Choose another folder with --home, or mend its permissions.",
        )
    return path


def _refuse_shared(home: Path) -> None:
    """Everybody who may write in the folder could put another database in this one's place."""
    mode = home.stat().st_mode
    if sys.platform != "win32" and mode & stat.S_IWOTH and not mode & stat.S_ISVTX:
        raise HomeUnusable(
            f"The home folder {home} is not used, since every user of this machine can write in "
            "it.",
            cause=f"Its mode is {stat.S_IMODE(mode):o}.",
            remedy=f"Run chmod 700 {home}, or choose another folder with --home.",
        )


def make_private_folder(folder: Path) -> None:
    """Make a folder for this account alone; one that exists keeps its permissions.

    Raises:
        OSError: it cannot be made.
    """
    folder.mkdir(mode=_FOLDER_MODE, parents=True, exist_ok=True)


def make_private_file(path: Path) -> None:
    """Make an empty file for this account alone, or see that the one there can be written.

    Raises:
        OSError: it cannot be made, read or written.
    """
    os.close(os.open(path, os.O_RDWR | os.O_CREAT | _BINARY, _FILE_MODE))


def _writable(folder: Path) -> bool:
    effective = os.access in os.supports_effective_ids
    return os.access(folder, os.W_OK | os.X_OK, effective_ids=effective)

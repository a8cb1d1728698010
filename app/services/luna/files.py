"""Writes files of a Luna client: a backup first, whole or not at all, owner and mode kept."""

from __future__ import annotations

import hashlib
import os
import re
import secrets
import stat
import sys
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote

from app.domain.errors import EnvironmentFault, InvalidInput, Refused
from app.hsm.durable import make_private_folder, sync_folder

if TYPE_CHECKING:
    from contextlib import ExitStack
    from datetime import datetime

    from app.hsm.chrystoki.document import Document

SOURCE = "Luna Client"
"""Of the events of these changes."""

_BACKUP = re.compile(r"(.+)\.\d{8}T\d{6}Z(?:-\d+)?\.bak\Z", re.DOTALL)
_BINARY = getattr(os, "O_BINARY", 0)
_NEW_FILE = 0o644


def digest_of(data: bytes) -> str:
    """By which a file's content is known again."""
    return hashlib.sha256(data).hexdigest()


def checked(document: Document, changed: Document) -> bytes:
    """The bytes to write; a TAB more than before would be ours."""
    if changed.text == document.text:
        raise Refused("Nothing would change.", cause="The file says this already.")
    if changed.text.count("\t") > document.text.count("\t"):
        raise RuntimeError("a change of the configuration would write a TAB")
    return changed.to_bytes()


def why_not_writable(path: Path) -> str:
    """A sentence when this account may not change the file, else ""."""
    place = Path(os.path.realpath(path))
    if not place.exists():
        return (
            "" if os.access(place.parent, os.W_OK) else f"The folder {place.parent} is read-only."
        )
    if os.access(place, os.W_OK):
        return ""
    owner = f", which belongs to {_owner(place)}" if _owner(place) else ""
    return f"This account may not write to {path}{owner}."


def _owner(path: Path) -> str:
    if sys.platform == "win32":
        return ""
    try:
        return path.owner()
    except (KeyError, OSError):
        return ""


class BackedWriter:
    """Replaces files one after the other; each can be taken back until `kept`.

    Not for the GUI thread. A file is replaced by a rename where its folder may be written and its
    owner kept; else it is written in place, its backup on the disk already.
    """

    def __init__(self, backups: Path, now: datetime, undo: ExitStack) -> None:
        """`backups` takes the backups of files whose folder may not be written."""
        self._backups = backups
        self._now = now
        self._undo = undo
        self.made: list[Path] = []

    def replace(self, path: Path, data: bytes) -> Path | None:
        """Write `data`; the backup of what stood there, None where nothing did.

        Raises:
            EnvironmentFault: it cannot be written; then it is unchanged.
        """
        place = Path(os.path.realpath(path))
        try:
            if not place.exists():
                self._undo.callback(place.unlink, missing_ok=True)
                _put(place, data, None)
                return None
            old = place.read_bytes()
            backup = self._back_up(place, old)
            self._undo.callback(_put, place, old, place.stat())
            _put(place, data, place.stat())
        except OSError as error:
            raise EnvironmentFault(
                f"The file {path} cannot be written.",
                cause=f"{error.strerror or error}.",
                remedy="Run this as the administrator or root, or give this account the right to "
                "write to it.",
                detail=repr(error),
            ) from error
        self.made.append(backup)
        return backup

    def _back_up(self, place: Path, content: bytes) -> Path:
        """A copy beside the file, or in the home where that folder may not be written."""
        time = f"{self._now:%Y%m%dT%H%M%SZ}"
        folder, name = place.parent, place.name
        if not os.access(folder, os.W_OK):
            make_private_folder(self._backups)
            folder, name = self._backups, quote(str(place), safe="")
        number = 1
        while True:
            more = "" if number == 1 else f"-{number}"
            backup = folder / f"{name}.{time}{more}.bak"
            try:
                handle = os.open(backup, os.O_WRONLY | os.O_CREAT | os.O_EXCL | _BINARY, 0o600)
            except FileExistsError:
                number += 1
                continue
            break
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        _keep_rights(backup, place.stat())
        sync_folder(folder)
        return backup


def original_of(backup: Path, backups: Path) -> Path:
    """The file that a backup was made of.

    Raises:
        InvalidInput: it has no backup's name, or is not there.
    """
    match = _BACKUP.match(backup.name)
    if match is None or not backup.is_file():
        raise InvalidInput(
            f"{backup} is not a backup of a configuration file.",
            remedy="Name a file that ends in .bak, as it was told when it was made.",
        )
    place = Path(os.path.abspath(backup))  # noqa: PTH100 - a link's own place counts
    if place.parent == Path(os.path.abspath(backups)):  # noqa: PTH100
        return Path(unquote(match[1]))
    return place.with_name(match[1])


def _put(place: Path, data: bytes, before: os.stat_result | None) -> None:
    if not os.access(place.parent, os.W_OK):
        _write_in_place(place, data)
        return
    draft = place.with_name(f".{place.name}.{secrets.token_hex(4)}")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | _BINARY, 0o600)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        if not _keep_rights(draft, before):
            draft.unlink()
            _write_in_place(place, data)
            return
        draft.replace(place)
    except OSError:
        draft.unlink(missing_ok=True)
        raise
    sync_folder(place.parent)


def _write_in_place(place: Path, data: bytes) -> None:
    with place.open("r+b") as file:
        file.write(data)
        file.truncate()
        file.flush()
        os.fsync(file.fileno())


def _keep_rights(path: Path, before: os.stat_result | None) -> bool:
    """Give a new file owner and mode of the old one; False where the owner cannot be kept."""
    if sys.platform == "win32":
        return True
    if before is None:
        path.chmod(_NEW_FILE)
        return True
    now = path.stat()
    if (now.st_uid, now.st_gid) != (before.st_uid, before.st_gid):
        try:
            os.chown(path, before.st_uid, before.st_gid)
        except PermissionError:
            return False
    path.chmod(stat.S_IMODE(before.st_mode))
    return True

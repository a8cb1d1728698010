"""Files that commands read and write: read with one clear sentence, written whole or not at all."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING

from app.domain.errors import EnvironmentFault, InvalidInput, NameInUse

if TYPE_CHECKING:
    from pathlib import Path

LARGEST_INPUT = 16 * 1024 * 1024
_BINARY = getattr(os, "O_BINARY", 0)


def read_file(path: Path) -> bytes:
    """The whole file.

    Raises:
        InvalidInput: it cannot be read, is empty or is far too large for what is expected.
    """
    try:
        with path.open("rb") as file:
            data = file.read(LARGEST_INPUT + 1)
    except OSError as error:
        raise InvalidInput(
            f"The file {path} cannot be read.",
            cause=f"{error.strerror or error}.",
            detail=repr(error),
        ) from error
    if not data or len(data) > LARGEST_INPUT:
        raise InvalidInput(
            f"The file {path} is {'too large' if data else 'empty'}.",
            remedy="Name the right file.",
        )
    return data


def refuse_existing(path: Path | None, *, force: bool) -> None:
    """Pass when the file may be written; called before anything is changed.

    Raises:
        NameInUse: it exists and `force` is not given.
        EnvironmentFault: its folder is missing or cannot be written.
    """
    if path is None:
        return
    if path.is_dir():
        raise EnvironmentFault(f"{path} is a folder.", remedy="Name a file.")
    if path.exists() and not force:
        raise _exists(path)
    if not os.access(path.parent, os.W_OK | os.X_OK):
        raise EnvironmentFault(
            f"The file {path} cannot be written.",
            cause=f"The folder {path.parent} is missing or not writable.",
        )


def write_file(path: Path, data: bytes, *, force: bool) -> None:
    """Write a file; a reader sees all of it or nothing.

    Raises:
        NameInUse: it exists and `force` is not given.
        EnvironmentFault: it cannot be written.
    """
    draft = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        try:
            handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | _BINARY, 0o666)
            with os.fdopen(handle, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            _install(draft, path, force=force)
        finally:
            draft.unlink(missing_ok=True)
    except FileExistsError as error:
        raise _exists(path) from error
    except OSError as error:
        raise EnvironmentFault(
            f"The file {path} cannot be written.",
            cause=f"{error.strerror or error}.",
            detail=repr(error),
        ) from error


def _install(draft: Path, path: Path, *, force: bool) -> None:
    if not force:
        # A hard link fails where the name exists, which a rename does not.
        with suppress(NotImplementedError, PermissionError):
            os.link(draft, path)
            return
        if path.exists():
            raise FileExistsError
    draft.replace(path)


def _exists(path: Path) -> NameInUse:
    return NameInUse(f"The file {path} exists.", remedy="Use --force to overwrite it.")

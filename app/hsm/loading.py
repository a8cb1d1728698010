"""Why a library does not come up, or does not show a token, as far as this machine tells."""

from __future__ import annotations

import os
import re
import stat
import sys
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from app.domain.errors import LibraryUnusable, SealkeeperError, TokenError
from app.hsm import codes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from app.domain.errors import DeadlineExceeded
    from app.domain.tokens import LibrarySpec

#: Variables by which libraries find their configuration, when the spec does not set them.
_KNOWN_VARIABLES = ("SOFTHSM2_CONF", "ChrystokiConfigurationPath")
#: Where SoftHSM looks without SOFTHSM2_CONF.
_SOFTHSM_PLACES = (
    "~/.config/softhsm2/softhsm2.conf",
    "/etc/softhsm/softhsm2.conf",
    "/etc/softhsm2.conf",
)
_LUNA_FILES = ("Chrystoki.conf", "crystoki.ini")
_LARGEST_CONFIGURATION = 100_000
_MOST_TOKENS = 200
_SETTING = re.compile(r"^\s*([\w.]+)\s*=\s*([^;#\r\n]+)", re.MULTILINE)
_TOLD = 3

_INSTALL = "Install the vendor's client software completely."
#: What the loaders of Linux, macOS and Windows say, why that is, and what to do.
_LOADER_WORDS: tuple[tuple[re.Pattern[str], str, str], ...] = (
    (
        re.compile(r"(?:^|\s)([^\s:/]+): cannot open shared object file: No such file"),
        "It needs the library {0}, which is not installed.",
        "Install it, or the vendor's client software completely.",
    ),
    (
        re.compile(r"Library not loaded: (\S+)"),
        "It needs the library {0}, which is not installed.",
        "Install it, or the vendor's client software completely.",
    ),
    (
        re.compile(r"or one of its dependencies"),
        "A library that it needs is not installed.",
        _INSTALL,
    ),
    (
        re.compile(r"version `([^']+)' not found"),
        "It needs {0}, so it was made for a newer system.",
        "Install the client software that the vendor offers for this system's version.",
    ),
    (
        re.compile(r"undefined symbol: (\S+?),?(?:\s|$)"),
        "It needs the function {0}, which no library here has.",
        "Install all parts of the vendor's client software in the same version.",
    ),
    (
        re.compile(r"cannot dynamically load position-independent executable"),
        "It is a program, not a library.",
        "Choose the vendor's PKCS#11 library; its documentation names the file.",
    ),
    (
        re.compile(r"invalid ELF header|file too short|cannot read file data|not a valid Win32"),
        "The file is damaged.",
        "Install it again.",
    ),
    (
        re.compile(r"[Pp]ermission denied|[Oo]peration not permitted"),
        "This account, or a rule of the system, does not allow the file to be run as code.",
        "Allow it, or move the client software to a place where programs may be.",
    ),
)

E = TypeVar("E", bound=SealkeeperError)


def crashes_while_loading(path: str) -> LibraryUnusable:
    """Its process ended before it answered."""
    return LibraryUnusable(
        f"The library {path} crashes while it is being loaded.",
        cause="It is damaged, or its configuration is missing.",
        remedy="Test it with the vendor's tools.",
        detail=path,
    )


def hangs_while_loading(path: str, error: DeadlineExceeded) -> LibraryUnusable:
    """It did not answer within the deadline."""
    return LibraryUnusable(
        f"The library {path} hangs while it is being loaded.",
        cause="The HSM or its network connection does not answer.",
        remedy="Check that the HSM can be reached, then try again.",
        detail=error.detail,
    )


def not_loaded(words: str, library: str) -> LibraryUnusable:
    """The system's loader refused a file that has the right format; `words` are its own."""
    cause, remedy = next(
        (
            (cause.format(*(part.strip() for part in found.groups())), remedy)
            for pattern, cause, remedy in _LOADER_WORDS
            if (found := pattern.search(words)) is not None
        ),
        ("A library that it needs is missing, or this account may not read it.", _INSTALL),
    )
    return LibraryUnusable(
        f"The system cannot load the library {library}.",
        cause=cause,
        remedy=remedy,
        detail=words,
    )


def explained(error: E, spec: LibrarySpec) -> E:
    """The same error, with the file that this account may not read when there is one.

    Libraries say no more than “general error” then, or show no token. An error of a call that
    says why is left as it is.
    """
    if isinstance(error, TokenError) and error.ckr not in codes.UNEXPLAINED:
        return error
    if isinstance(error, LibraryUnusable) and not any(
        answer in error.detail for answer in codes.UNEXPLAINED
    ):
        return error
    closed = list(dict.fromkeys(closed_paths(spec)))
    if not closed:
        return error
    whose = "; ".join(f"{path}, which belongs to {_owner(path)}" for path in closed[:_TOLD])
    account = _own_account()
    error.cause = f"{account[0].upper()}{account[1:]} cannot read {whose}."
    error.remedy = f"Give {account} the right to read it, with all that is in it."
    error.detail = "\n".join([error.detail, *(f"not readable: {path}" for path in closed)]).strip()
    return error


def closed_paths(spec: LibrarySpec) -> Iterator[Path]:
    """What the library's configuration names and this account may not read."""
    for path in _configured(spec):
        closed = _closed(path)
        if closed is not None:
            yield closed
        else:
            for named in _named_files(path):
                yield from _closed_within(named)


def _configured(spec: LibrarySpec) -> Iterator[Path]:
    """Files and folders that the library's environment names."""
    values = dict(spec.environment)
    for name in _KNOWN_VARIABLES:
        values.setdefault(name, os.environ.get(name, ""))
    for value in values.values():
        if Path(value).is_absolute():
            yield Path(value)
    if "softhsm" in Path(spec.path).name and not values["SOFTHSM2_CONF"]:
        yield from (Path(place).expanduser() for place in _SOFTHSM_PLACES)


def _named_files(path: Path) -> Iterator[tuple[str, Path]]:
    """Settings of a configuration file that are paths; a Luna's folder stands for its file."""
    files = [path] if path.is_file() else [path / name for name in _LUNA_FILES]
    for file in files:
        if not file.is_file():
            continue
        closed = _closed(file)
        if closed is not None:
            yield "", file
        elif file.stat().st_size <= _LARGEST_CONFIGURATION:
            for name, value in _SETTING.findall(file.read_text("utf-8", "replace")):
                if Path(value.strip()).is_absolute():
                    yield name, Path(value.strip())


def _closed_within(named: tuple[str, Path]) -> Iterator[Path]:
    name, path = named
    closed = _closed(path)
    if closed is not None:
        yield closed
    elif name == "directories.tokendir":
        # Every token is a folder of files, often made by whoever initialised it.
        for inner in islice(path.glob("*"), _MOST_TOKENS):
            files = [inner, *islice(inner.glob("*"), _MOST_TOKENS)]
            yield from (found for file in files if (found := _closed(file)) is not None)


def _closed(path: Path) -> Path | None:
    """The path, or the first folder above it, that exists and is not readable; else None."""
    for step in (*reversed(path.parents), path):
        try:
            is_folder = stat.S_ISDIR(step.stat().st_mode)
        except OSError:
            return None  # it does not exist; a closed folder above was found before
        wanted = os.R_OK | os.X_OK if step == path and is_folder else os.R_OK
        if is_folder and step != path:
            wanted = os.X_OK
        if not _readable(step, wanted):
            return step
    return None


def _readable(path: Path, mode: int) -> bool:
    return os.access(path, mode, effective_ids=os.access in os.supports_effective_ids)


def _owner(path: Path) -> str:
    return _name_of(path.stat().st_uid) if sys.platform != "win32" else "another account"


def _own_account() -> str:
    return f"the account {_name_of(os.geteuid())}" if sys.platform != "win32" else "this account"


def _name_of(number: int) -> str:
    """The name of a user, or the number where it has none."""
    import pwd  # noqa: PLC0415 - there is none on Windows

    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return f"user {number}"

"""What was called in the security library: the last calls always, all of them on demand.

A call is known by its function, the number of its slot or session, its mechanism, the answer and
the time it took. Data and PINs are never kept.
"""

from __future__ import annotations

import contextlib
import os
import stat
import sys
import threading
from collections import deque
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from threading import get_ident
from time import perf_counter
from typing import Any

from app.hsm import codes
from app.hsm.child.names import ckm_name, ckr_name

KEPT = 128  # more than are told, so that a mechanism is known although many threads sign
TOLD = 20
LARGEST = 10_000_000
_WITH_MECHANISM = frozenset({"C_SignInit", "C_GenerateKeyPair"})
_WITH_SECOND = _WITH_MECHANISM | {"C_Login"}
_OF_SLOT = frozenset({"C_OpenSession", "C_InitToken"})
_USERS = {0: "security officer", 1: "user", 2: "context-specific"}

_Entry = tuple[int, str, object, object, int, float]


class CallLog:
    """The calls of one process; methods may be called from any thread.

    Attributes:
        writing: whether calls are written, so that `begin` has to be told of them.
    """

    def __init__(self) -> None:
        self.writing = False
        self._ring: deque[_Entry] = deque(maxlen=KEPT)
        self._keep = self._ring.append
        self._file: _LogFile | None = None
        self._switch = threading.Lock()

    def begin(self, function: str, arguments: tuple[Any, ...]) -> None:
        """Write that a call begins, should it crash or never come back."""
        first = arguments[0] if arguments else None
        second = arguments[1] if function in _WITH_SECOND else None
        self._write(f"{_called((get_ident(), function, first, second, codes.OK, 0.0))} ...")

    def _write(self, line: str) -> None:
        file = self._file
        if file is not None:
            file.write(line)

    def note(self, function: str, arguments: tuple[Any, ...], code: int, started: float) -> None:
        """Keep a call that has returned; `started` is by `perf_counter`.

        It runs after each call to the library, so texts are made only when somebody reads them.
        """
        entry = (
            get_ident(),
            function,
            arguments[0] if arguments else None,
            # Nothing else of the arguments is kept: they are data and PINs.
            arguments[1] if function in _WITH_SECOND else None,
            code,
            perf_counter() - started,
        )
        self._keep(entry)
        if self.writing:
            self._write(_line(entry))

    def keep(self, function: str, session: int, second: object, code: int, seconds: float) -> None:
        """Keep a call of a signature while nothing is written."""
        mechanism = second if function in _WITH_MECHANISM else None
        self._keep((get_ident(), function, session, mechanism, code, seconds))

    def write_to(self, path: str) -> None:
        """Write all calls to a file from now on; "" for none.

        Raises:
            OSError: it cannot be opened.
        """
        with self._switch:
            fresh = _LogFile(Path(path)) if path else None
            former, self._file = self._file, fresh
            self.writing = fresh is not None
        if former is not None:
            former.close()

    def last(self) -> tuple[str, ...]:
        """The last calls, oldest first."""
        entries = list(self._ring)
        return tuple(_line(entry) for entry in islice(entries, max(0, len(entries) - TOLD), None))

    def last_mechanism(self) -> str:
        """The mechanism of this thread's last call that had one; "" for none."""
        own = get_ident()
        mechanisms = (_mechanism(entry) for entry in reversed(list(self._ring)) if entry[0] == own)
        return next((name for name in mechanisms if name), "")


def _mechanism(entry: _Entry) -> str:
    if entry[1] not in _WITH_MECHANISM:
        return ""
    structure = getattr(entry[3], "_obj", entry[3])  # it was passed by reference
    number = getattr(structure, "mechanism", None)
    return ckm_name(number) if isinstance(number, int) else ""


def _line(entry: _Entry) -> str:
    return f"{_called(entry)} {ckr_name(entry[4])} {entry[5] * 1000:.3f} ms"


def _called(entry: _Entry) -> str:
    _, function, number, second, *_ = entry
    known = []
    if isinstance(number, int):
        known.append(f"{'slot' if function in _OF_SLOT else 'session'} {number}")
    if function == "C_Login" and isinstance(second, int):
        known.append(_USERS.get(second, f"user type {second}"))
    mechanism = _mechanism(entry)
    if mechanism:
        known.append(mechanism)
    return f"{function}({', '.join(known)})"


class _LogFile:
    """A file that only its owner reads; at `LARGEST` bytes it is put aside as `….1`.

    Several processes may append to the same file.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._descriptor = self._open()

    def _open(self) -> int:
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | getattr(os, "O_NOFOLLOW", 0)
        # A pipe without a reader must not hold the calls up.
        descriptor = os.open(self._path, flags | getattr(os, "O_NONBLOCK", 0), 0o600)
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            os.close(descriptor)
            raise OSError(f"{self._path} is no regular file")
        return descriptor

    def write(self, line: str) -> None:
        """Append one line; when that fails, say so once on standard error and stop."""
        time = datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
        thread = threading.current_thread().name
        text = f"{time} {os.getpid()} {thread} {line}\n"
        with self._lock:
            if self._descriptor < 0:
                return
            try:
                self._turn_over()
                os.write(self._descriptor, text.encode())
            except OSError as error:
                self._shut()
                sys.stderr.write(f"{self._path}: PKCS#11 calls are not written any more: {error}\n")

    def _turn_over(self) -> None:
        own = os.fstat(self._descriptor)
        if own.st_size < LARGEST:
            return
        aside = self._path.with_name(self._path.name + ".1")
        # Another process may have done so already; then its new file is the one to write to.
        with contextlib.suppress(FileNotFoundError):
            if self._path.stat().st_ino == own.st_ino:
                self._path.replace(aside)
        self._shut()
        self._descriptor = self._open()

    def close(self) -> None:
        """Write nothing more."""
        with self._lock:
            self._shut()

    def _shut(self) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)
        self._descriptor = -1


def explains_nothing(code: int) -> bool:
    """Whether an answer does not say why, so that the calls before it are needed."""
    name = ckr_name(code)
    return name in codes.UNEXPLAINED or name.startswith("0x")

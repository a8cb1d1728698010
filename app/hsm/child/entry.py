"""Where a key isolation process begins: binds its life to its parent's, then serves."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from app.hsm.link import ChildEnd

PR_SET_PDEATHSIG = 1


def run(end: ChildEnd, parent: int) -> None:
    """Serve the link until it closes, or until the process `parent` ends.

    The kernel ends this process with its parent on Linux, whatever it hangs in; elsewhere the end
    of the link does, and in calls that hold the global lock the patience given with `Load`.
    """
    die_with_parent(parent)
    leave_no_core()
    # What a library prints must not end up in the output of a command that prints JSON.
    os.dup2(2, 1)
    # A Ctrl+C on the terminal is the parent's to handle.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # Imported here, so that the parent, which names this function, does not load PKCS#11.
    from app.hsm.child.server import Server  # noqa: PLC0415

    Server(end).serve()


def die_with_parent(parent: int) -> None:
    """Ask the kernel for SIGKILL when the parent ends."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    # It may have ended before the kernel was asked.
    if sys.platform != "win32" and os.getppid() != parent:
        os._exit(0)


def leave_no_core() -> None:
    """Have a crash write no core file: the process holds PINs."""
    if sys.platform != "win32":
        import resource  # noqa: PLC0415 - not on Windows

        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))

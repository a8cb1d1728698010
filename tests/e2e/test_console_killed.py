"""Nothing is left behind when the console is killed, also while a call to the token hangs."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import psutil
import pytest

from tests.e2e.running import SECONDS, wait_until
from tests.faults.module import fault_library, faults
from tests.softhsm import softhsm

if TYPE_CHECKING:
    from pathlib import Path

    from tests.faults.module import Faults

__all__ = ["fault_library", "faults", "softhsm"]


def children(process: psutil.Process) -> list[psutil.Process]:
    """Everything that the console started."""
    try:
        return process.children(recursive=True)
    except psutil.NoSuchProcess:
        return []


def isolating(process: psutil.Process) -> list[psutil.Process]:
    """Its key isolation processes."""
    return [child for child in children(process) if "spawn_main" in " ".join(child.cmdline())]


def gone(process: psutil.Process) -> bool:
    return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE


@pytest.mark.parametrize("hanging", [False, True], ids=["idle", "in a hung call"])
def test_no_process_is_left_when_the_console_is_killed(
    faults: Faults,
    tmp_path: Path,
    hanging: bool,
) -> None:
    environment = {**os.environ, **dict(faults.spec.environment), "QT_QPA_PLATFORM": "offscreen"}
    home = ["--home", str(tmp_path / "home")]
    token = ["--library", faults.spec.path, "--token", faults.softhsm.token.label]
    made = subprocess.run(
        [
            sys.executable,
            "-m",
            "app",
            *home,
            "quickstart",
            "--port",
            "0",
            "--password-stdin",
            *token,
        ],
        env=environment,
        input=faults.softhsm.user_pin.reveal(),
        capture_output=True,
        timeout=SECONDS,
        check=False,
    )
    assert made.returncode == 0, made.stderr
    if hanging:
        faults.set("C_Sign hang")
    before = faults.calls("C_Sign")
    console = subprocess.Popen(
        [sys.executable, "-m", "app", *home, "console"],
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        process = psutil.Process(console.pid)
        # The status of the configuration is looked at by itself, with a test signature.
        assert wait_until(lambda: bool(isolating(process)), SECONDS)
        assert wait_until(lambda: faults.calls("C_Sign") > before, SECONDS)
        started = children(process)
    finally:
        console.kill()
        console.wait(10)
    assert wait_until(lambda: all(gone(child) for child in started), 10), started

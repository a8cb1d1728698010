"""Runs the real program in processes of its own, and other people's clients as judges."""

from __future__ import annotations

import json
import os
import random
import re
import shutil
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SECONDS = 60


def sealkeeper(
    home: Path, *arguments: str, given: str | None = None, expect: int = 0
) -> subprocess.CompletedProcess[str]:
    """Run one command to its end; its exit code must be the expected one."""
    done = subprocess.run(
        [sys.executable, "-m", "app", "--home", str(home), *arguments],
        input=given,
        stdin=subprocess.DEVNULL if given is None else None,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert done.returncode == expect, f"{arguments}\n{done.stdout}\n{done.stderr}"
    return done


def printed(home: Path, *arguments: str) -> Any:
    """What a command prints with --json."""
    return json.loads(sealkeeper(home, "--json", *arguments).stdout)


@contextmanager
def serving(home: Path, *command: str) -> Iterator[tuple[dict[str, Any], subprocess.Popen[str]]]:
    """A command that serves, from its one line of JSON on to its end by SIGTERM."""
    process = subprocess.Popen(
        [sys.executable, "-m", "app", "--home", str(home), "--json", *command],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    try:
        line = process.stdout.readline()
        if not line:
            pytest.fail(f"{command} ended: {process.communicate()[1]}")
        yield json.loads(line), process
    finally:
        process.terminate()
        try:
            process.communicate(timeout=20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            raise


def tool(*command: str, environment: dict[str, str] | None = None) -> str:
    """Output and errors of somebody else's program, whatever its exit code."""
    if shutil.which(command[0]) is None:
        pytest.fail(f"{command[0]} is not installed; make setup installs it")
    done = subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
        env={**os.environ, **(environment or {})},
    )
    return f"{done.stdout}\n{done.stderr}"


def openssl_status(facts: dict[str, Any], certificate: str, *, nonce: bool = True) -> str:
    """What `openssl ocsp` is told; it must have verified the answer."""
    output = tool(
        *("openssl", "ocsp", "-issuer", facts["issuer_certificate"], "-cert", certificate),
        *("-url", facts["ocsp_url"], "-CAfile", facts["ca_certificate"]),
        *(() if nonce else ("-no_nonce",)),
    )
    assert "Response verify OK" in output, output
    found = re.search(rf"{re.escape(certificate)}: (\w+)", output)
    assert found is not None, output
    return found[1]


def gnutls_status(facts: dict[str, Any], certificate: str) -> str:
    """What GnuTLS's `ocsptool --ask` is told; it must have verified the answer."""
    output = tool(
        *("ocsptool", f"--ask={facts['ocsp_url']}", "--load-cert", certificate),
        *("--load-issuer", facts["issuer_certificate"], "--load-trust", facts["ca_certificate"]),
        "--nonce",
    )
    assert "Verifying OCSP Response: Success" in output, output
    found = re.search(r"Certificate Status: (\w+)", output)
    assert found is not None, output
    return found[1]


def wait_until(question: Any, seconds: float) -> bool:
    """Ask until it says yes; False when it did not in time."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if question():
            return True
        time.sleep(0.02)
    return bool(question())


def free_port() -> int:
    """A port that nothing listens at, outside the range that the system hands out by itself."""
    while True:
        port = random.randrange(20_000, 32_000)  # noqa: S311 - no secret
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        return port

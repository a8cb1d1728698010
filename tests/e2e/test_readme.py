"""The README's ten lines, run as they are printed."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from app.domain.clock import SystemClock
from app.domain.services import ListenAddress
from app.store.database import open_database
from tests.e2e.running import SECONDS, free_port, tool, wait_until
from tests.softhsm import softhsm  # noqa: F401 - a fixture

if TYPE_CHECKING:
    from tests.softhsm import SoftHsm

ROOT = Path(__file__).resolve().parents[2]


def ten_lines() -> list[str]:
    """The commands below the heading, each on its line."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    block = text.partition("## The guide in ten lines")[2].partition("```sh\n")[2]
    return block.partition("```")[0].splitlines()


@pytest.mark.skipif(shutil.which("bash") is None, reason="the lines are for a shell")
def test_the_ten_lines_work(softhsm: SoftHsm, tmp_path: Path) -> None:  # noqa: F811 - pytest's way
    home, bin_folder = tmp_path / "home", Path(sys.executable).parent
    database = open_database(home, SystemClock())
    with database.write() as tx:
        # The default port may be taken on this machine.
        tx.settings.set_listen_address(ListenAddress("127.0.0.1", free_port()))
    database.close()
    tool(
        *("openssl", "req", "-new", "-nodes", "-newkey", "rsa:2048", "-subj", "/CN=test"),
        *("-keyout", str(tmp_path / "test.key"), "-out", str(tmp_path / "test.req")),
    )
    lines = ten_lines()
    assert len(lines) == 10
    environment = {
        **os.environ,
        "SOFTHSM2_CONF": str(softhsm.conf),
        "SEALKEEPER_HOME": str(home),
        "LIBRARY": str(softhsm.library),
        "PATH": f"{bin_folder}:{os.environ['PATH']}",
    }

    def run(line: str, given: bytes | None = None) -> str:
        done = subprocess.run(
            ["bash", "-ec", line],
            cwd=tmp_path,
            env=environment,
            input=given or b"",
            capture_output=True,
            timeout=SECONDS,
            check=False,
        )
        assert done.returncode == 0, f"{line}\n{done.stdout!r}\n{done.stderr!r}"
        return done.stdout.decode()

    label = softhsm.token.label
    for line in lines[:7]:
        # No terminal: the password comes on standard input.
        asks = "slot register" in line
        command = line.replace("--token OCSP", f"--token '{label}'")
        run(command + " --password-stdin" * asks, softhsm.user_pin.reveal() * asks)
    assert lines[7] == "sealkeeper serve &"
    told = (tmp_path / "serve.txt").open("w+")
    serving = subprocess.Popen(
        ["sealkeeper", "serve"],
        cwd=tmp_path,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=told,
        stderr=told,
    )
    try:
        assert wait_until(lambda: sealkeeper_works(home, environment), SECONDS), (
            f"the responder did not come up: {(tmp_path / 'serve.txt').read_text()}"
        )
        assert "Certificate Successfully Generated" in run(lines[8])
        assert "good" in run(lines[9])
    finally:
        serving.terminate()
        serving.wait(20)
        told.close()


def sealkeeper_works(home: Path, environment: dict[str, str]) -> bool:
    done = subprocess.run(
        ["sealkeeper", "--home", str(home), "status"],
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=SECONDS,
        check=False,
    )
    return done.returncode == 0

"""The program in a process of its own: exit codes, one line of error, prompts, ports, homes."""

from __future__ import annotations

import socket
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.cli.harness import opened, rows
from tests.e2e.running import printed, sealkeeper, serving
from tests.softhsm import SoftHsm, softhsm

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["softhsm"]

IN_A_TERMINAL = "import os, pty, sys; sys.exit(os.waitstatus_to_exitcode(pty.spawn(sys.argv[1:])))"


def test_a_command_that_is_done_and_one_that_is_undecided(tmp_path: Path) -> None:
    home = tmp_path / "home"
    assert printed(home, "library", "list") == []
    ended = sealkeeper(home, "status", expect=3)
    assert ended.stderr == "There is no revocation configuration yet.\n"


def test_a_home_that_cannot_be_used(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("no folder")
    ended = sealkeeper(file, "ca", "list", expect=1)
    assert ended.stdout == ""
    assert ended.stderr.startswith(f"Error: The home folder {file} cannot be used.")
    assert ended.stderr.count("\n") == 1
    assert file.read_text() == "no folder"


def test_a_home_whose_database_is_none(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    (home / "sealkeeper.db").write_bytes(b"no database at all" * 100)
    ended = sealkeeper(home, "ca", "list", expect=1)
    assert ended.stderr.startswith("Error: ")
    assert ended.stderr.count("\n") == 1
    assert "defect" not in ended.stderr


def test_a_port_that_is_in_use(tmp_path: Path) -> None:
    home = tmp_path / "home"
    sealkeeper(home, "service", "list")
    before = rows(home)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        ended = sealkeeper(home, "serve", "--host", "127.0.0.1", "--port", str(port), expect=1)
    assert ended.stderr.startswith("Error: ")
    assert str(port) in ended.stderr
    assert ended.stderr.count("\n") == 1
    assert rows(home) == before


def test_serving_says_where_and_keeps_the_port(tmp_path: Path) -> None:
    home = tmp_path / "home"
    with serving(home, "serve", "--port", "0") as (said, process):
        assert said["ocsp_url"] == f"http://{said['address']}/ocsp"
        process.terminate()
        assert process.wait(20) == 0
    assert printed_status(home)["listens_at"] == said["address"]


def printed_status(home: Path) -> dict[str, object]:
    with opened(home) as cli:
        found: dict[str, object] = cli.json("status", expect=3)
        return found


def test_verbose_adds_the_detail_and_nothing_else_does(tmp_path: Path) -> None:
    home = tmp_path / "home"
    absent = str(tmp_path / "absent.req")
    plain = sealkeeper(home, "ocsp", "ask", absent, expect=1)
    more = sealkeeper(home, "ocsp", "ask", absent, "--verbose", expect=1)
    assert more.stderr.startswith(plain.stderr)
    assert "FileNotFoundError" in more.stderr.removeprefix(plain.stderr)


def test_a_closed_reader_is_no_defect(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "app", "--home", str(tmp_path / "home"), "template", "list"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        errors = process.stderr.read()
    assert "defect" not in errors
    assert "Traceback" not in errors


@pytest.mark.skipif(sys.platform == "win32", reason="a POSIX shell is needed")
@pytest.mark.parametrize("closed", ["<&-", ">&-", "<&- >&- 2>&-"])
def test_closed_streams_are_no_defect(tmp_path: Path, closed: str) -> None:
    home = tmp_path / "home"
    command = [sys.executable, "-m", "app", "--home", str(home), "library", "list"]
    ended = subprocess.run(
        ["/bin/sh", "-c", f'exec "$@" {closed}', "sh", *command],
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended
    assert ended.stderr == ""
    assert not (home / "defects.log").exists()


@pytest.mark.skipif(sys.platform == "win32", reason="a pseudo-terminal is needed")
def test_a_password_is_asked_for_without_echo(tmp_path: Path, softhsm: SoftHsm) -> None:
    home = tmp_path / "home"
    pin = softhsm.user_pin.reveal().decode()
    with opened(home) as cli:
        variable = f"SOFTHSM2_CONF={softhsm.conf}"
        cli.json("library", "register", str(softhsm.library), "--env", variable)
    command = [sys.executable, "-m", "app", "--home", str(home), "slot", "register"]
    with subprocess.Popen(
        [sys.executable, "-c", IN_A_TERMINAL, *command, "--user", "SYSTEM"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        start_new_session=True,
        bufsize=0,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        shown = b""
        while b"Slot password: " not in shown:
            piece = process.stdout.read(1)
            assert piece, shown
            shown += piece
        process.stdin.write(f"{pin}\n".encode())
        shown += process.stdout.read()
        assert process.wait(30) == 0
    assert pin.encode() not in shown
    with opened(home) as cli:
        assert len(cli.json("slot", "registered")) == 1

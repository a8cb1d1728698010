"""`make run` opens the console where there is a display and the quickstart where there is none."""

import os
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def python(tmp_path: Path) -> Path:
    """A folder with a `python` that tells what it was asked to run, and with which home."""
    tool = tmp_path / "python"
    tool.write_text('#!/bin/sh\necho "$@ in $SEALKEEPER_HOME"\n')
    tool.chmod(0o755)
    return tmp_path


def make_run(python: Path, *arguments: str, **environment: str) -> tuple[str, str]:
    """Run `make run` with that python and nothing to install; return its two outputs."""
    command = ["make", "--no-print-directory", "run", "PYTHON=true", f"BIN={python}", *arguments]
    # Without the variables of a make that runs these tests.
    own = {"PATH": os.environ["PATH"], **environment}
    result = subprocess.run(command, cwd=ROOT, env=own, capture_output=True, text=True, check=True)
    return result.stdout, result.stderr


def test_without_a_display_the_quickstart_runs_and_says_so(python: Path) -> None:
    output, messages = make_run(python, "ARGS=--port 0 --json")

    assert output == f"-m app quickstart --port 0 --json in {ROOT / '.home'}\n"
    assert messages == "There is no display, so the quickstart runs instead of the console.\n"


@pytest.mark.parametrize("variable", ["DISPLAY", "WAYLAND_DISPLAY"])
def test_with_a_display_the_console_opens(python: Path, variable: str) -> None:
    output, messages = make_run(python, **{variable: ":0"})

    assert output.startswith("-m app console")
    assert messages == ""


def test_another_home_can_be_named(python: Path, tmp_path: Path) -> None:
    output, _ = make_run(python, SEALKEEPER_HOME=str(tmp_path))

    assert output.endswith(f" in {tmp_path}\n")


def test_help_lists_targets_that_make_knows() -> None:
    def make(*arguments: str) -> str:
        environment = {"PATH": os.environ["PATH"]}
        return subprocess.check_output(["make", *arguments], cwd=ROOT, env=environment, text=True)

    listed = [line.split()[1] for line in make("help").splitlines()]

    assert {"setup", "run", "test", "lint", "bounds", "screenshots"} <= set(listed)
    for target in listed:
        assert make("--dry-run", target), target

"""The locks are complete, the wheel carries what runs, and the Qt that is locked is sound."""

import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LOCKS = [ROOT / "packaging" / "requirements.lock", ROOT / "packaging" / "requirements-dev.lock"]

EMIT_OFTEN = """
from PySide6.QtCore import QObject, Signal

class Source(QObject):
    fired = Signal(object)

seen = []
source = Source()
source.fired.connect(seen.append)
for number in range(5000):
    source.fired.emit(number)
assert seen == list(range(5000))
"""
SHOW_INSTALLED = """
import app
from app.resources_path import resource

print(app.__version__)
print(resource("README.md"))
"""


def requirements(lock: Path) -> list[str]:
    """Return the requirements of a lock, each with the hashes that follow it."""
    return re.split(r"\n(?=\S)", lock.read_text().strip())


@pytest.mark.parametrize("lock", LOCKS, ids=lambda path: path.name)
def test_every_requirement_is_exact_and_hashed(lock: Path) -> None:
    for requirement in requirements(lock):
        assert re.match(r"[a-z0-9.-]+==\S+ ", requirement), requirement
        assert "--hash=sha256:" in requirement


@pytest.mark.parametrize("lock", LOCKS, ids=lambda path: path.name)
def test_no_lock_names_an_index(lock: Path) -> None:
    assert "://" not in lock.read_text()
    assert "index-url" not in lock.read_text()


def test_the_development_lock_includes_the_other() -> None:
    run, dev = (set(requirements(lock)) for lock in LOCKS)

    assert run < dev


def test_every_direct_dependency_is_locked() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    locked = {requirement.split("==")[0] for requirement in requirements(LOCKS[0])}

    for dependency in project["dependencies"]:
        name = re.match(r"[\w-]+", dependency)
        assert name is not None
        assert name[0].lower() in locked


def test_the_wheel_runs_outside_the_checkout(tmp_path: Path) -> None:
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("sealkeeper-*.whl")
    site = tmp_path / "site"
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site)

    answer = subprocess.run(
        [sys.executable, "-c", SHOW_INSTALLED],
        cwd=tmp_path,
        env={"PYTHONPATH": str(site)},
        check=True,
        capture_output=True,
        text=True,
    ).stdout.split("\n")

    assert answer[0] in wheel.name
    assert answer[1] == str(site / "app" / "_resources" / "README.md")
    (metadata,) = site.glob("sealkeeper-*.dist-info")
    entry_points = (metadata / "entry_points.txt").read_text()
    assert "sealkeeper = app.main:main" in entry_points
    assert "sealkeeper-console = app.main:console" in entry_points
    assert (metadata / "licenses" / "LICENSE").read_text() == (ROOT / "LICENSE").read_text()


def test_the_locked_qt_survives_thousands_of_signals() -> None:
    """PySide6 6.12.0 on Python 3.11 aborts after some 550 of them."""
    result = subprocess.run(
        [sys.executable, "-c", EMIT_OFTEN], capture_output=True, text=True, check=False
    )

    assert result.returncode == 0, result.stderr

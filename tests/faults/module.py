"""Builds the fault module and gives it to tests as a fixture."""

from __future__ import annotations

import re
import subprocess
import time
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from PyKCS11 import CKR

from app.domain.tokens import LibrarySpec
from tests.softhsm import SoftHsm

SOURCES = sorted(Path(__file__).parent.glob("*.c"))


def build(folder: Path) -> Path:
    """Compile the module."""
    library = folder / "libfaults.so"
    strict = ["-Wall", "-Wextra", "-Werror"]
    command = ["gcc", "-shared", "-fPIC", "-O1", "-fvisibility=hidden", *strict, "-o", str(library)]
    libraries = ["-ldl", "-lpthread"]
    subprocess.run(
        [*command, *map(str, SOURCES), *libraries], check=True, capture_output=True, text=True
    )
    return library


def _number(name: re.Match[str]) -> str:
    return hex(int(CKR[name[0]]))


@dataclass(frozen=True)
class Faults:
    """The fault module in front of a SoftHSM.

    Attributes:
        softhsm: whose `spec` loads the fault module instead.
        control: the file that the module looks at before every call; see faults.c.
    """

    softhsm: SoftHsm
    control: Path

    @property
    def spec(self) -> LibrarySpec:
        return self.softhsm.spec

    def set(self, *lines: str) -> None:
        """What goes wrong from now on; nothing without lines.

        Return values may be given by name. What happens once happens once more after each `set`.
        """
        numbered = [re.sub(r"\bCKR_\w+", _number, line) for line in lines]
        fresh = self.control.with_suffix(".new")
        lines = (f"generation {time.monotonic_ns()}", *numbered)
        fresh.write_text("".join(f"{line}\n" for line in lines))
        fresh.replace(self.control)

    def _log(self) -> Counter[str]:
        log = Path(f"{self.control}.log")
        return Counter(log.read_text().split() if log.exists() else ())

    def calls(self, function: str) -> int:
        """How often a function was called so far."""
        return self._log()[function]

    def overlaps(self) -> dict[str, int]:
        """How often functions were called while another was, with `module single-threaded`."""
        start = "two-threads-in-"
        return {
            name.removeprefix(start): count
            for name, count in self._log().items()
            if name.startswith(start)
        }


def put_before(softhsm: SoftHsm, library: Path, control: Path) -> Faults:
    """The compiled module in front of a SoftHSM; it does no harm yet."""
    environment = (
        *softhsm.spec.environment,
        ("FAULT_TARGET", str(softhsm.library)),
        ("FAULT_CONTROL", str(control)),
    )
    spec = LibrarySpec(path=str(library), environment=environment)
    made = Faults(softhsm=replace(softhsm, spec=spec), control=control)
    made.set()
    return made


@pytest.fixture(scope="session")
def fault_library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The compiled module."""
    return build(tmp_path_factory.mktemp("faults"))


@pytest.fixture
def faults(softhsm: SoftHsm, fault_library: Path, tmp_path: Path) -> Faults:
    """A SoftHSM behind the fault module, which does no harm yet."""
    return put_before(softhsm, fault_library, tmp_path / "control")

"""Builds the fault module and gives it to tests as a fixture."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from app.domain.tokens import LibrarySpec
from tests.softhsm import SoftHsm

SOURCE = Path(__file__).with_name("faults.c")


def build(folder: Path) -> Path:
    """Compile the module."""
    library = folder / "libfaults.so"
    command = ["gcc", "-shared", "-fPIC", "-O1", "-Wall", "-Werror", "-o", str(library)]
    subprocess.run([*command, str(SOURCE), "-ldl"], check=True, capture_output=True, text=True)
    return library


@dataclass(frozen=True)
class Faults:
    """The fault module in front of a SoftHSM.

    Attributes:
        softhsm: whose `spec` loads the fault module instead.
        control: the file that the module reads at every call.
    """

    softhsm: SoftHsm
    control: Path

    @property
    def spec(self) -> LibrarySpec:
        return self.softhsm.spec

    def set(self, *lines: str) -> None:
        """What goes wrong from now on; nothing without lines."""
        fresh = self.control.with_suffix(".new")
        fresh.write_text("".join(f"{line}\n" for line in lines))
        fresh.replace(self.control)

    def calls(self, function: str) -> int:
        """How often a function was called so far."""
        log = Path(f"{self.control}.log")
        return log.read_text().split().count(function) if log.exists() else 0


@pytest.fixture(scope="session")
def fault_library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The compiled module."""
    return build(tmp_path_factory.mktemp("faults"))


@pytest.fixture
def faults(softhsm: SoftHsm, fault_library: Path, tmp_path: Path) -> Faults:
    """A SoftHSM behind the fault module, which does no harm yet."""
    control = tmp_path / "control"
    control.write_text("")
    environment = (
        *softhsm.spec.environment,
        ("FAULT_TARGET", str(softhsm.library)),
        ("FAULT_CONTROL", str(control)),
    )
    spec = LibrarySpec(path=str(fault_library), environment=environment)
    return Faults(softhsm=replace(softhsm, spec=spec), control=control)

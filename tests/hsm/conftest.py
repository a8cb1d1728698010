"""Fixtures: a soft token, the fault module, and a key isolation that leaves nothing behind."""

from __future__ import annotations

import os
import time
from contextlib import nullcontext
from typing import TYPE_CHECKING

import psutil
import pytest

from app.hsm.isolation import Deadlines, IsolatedLibrary, KeyIsolation, TokenKeyProvider
from tests.faults.module import Faults, fault_library, faults
from tests.softhsm import SoftHsm, softhsm

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from app.domain.errors import SealkeeperError
    from app.domain.secret import Secret

__all__ = ["fault_library", "faults", "softhsm"]

# Short, so that tests of hanging libraries are quick; long enough for a busy machine.
DEADLINES = Deadlines(load=8, enumerate=3, login=3, generate=60, sign=3, initialise=20, manage=5)


class Pins:
    """A PIN source that remembers what it was told."""

    def __init__(self, pin: Secret | None) -> None:
        self.value = pin
        self.asked = 0
        self.refusals: list[SealkeeperError] = []

    def pin(self) -> Secret | None:
        self.asked += 1
        return self.value

    def attempt(self) -> nullcontext[None]:
        return nullcontext()

    def refused(self, error: SealkeeperError) -> None:
        self.refusals.append(error)


def eventually(condition: Callable[[], bool], seconds: float = 10) -> bool:
    """Poll until the condition holds, up to a limit."""
    until = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > until:
            return False
        time.sleep(0.01)
    return True


def gone(pid: int) -> bool:
    """Whether a process has ended; one that nobody has reaped yet counts as ended."""
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


@pytest.fixture
def isolation() -> Iterator[KeyIsolation]:
    """A key isolation whose children have all ended after the test."""
    made = KeyIsolation(deadlines=DEADLINES)
    yield made
    made.close()
    children = psutil.Process(os.getpid()).children()
    left = [
        child.pid for child in children if not gone(child.pid) and "spawn_main" in cmdline(child)
    ]
    assert left == []


def cmdline(process: psutil.Process) -> str:
    """The command line, "" for a process that has just ended."""
    try:
        return " ".join(process.cmdline())
    except psutil.Error:
        return ""


@pytest.fixture
def pins(softhsm: SoftHsm) -> Pins:
    """The right PIN."""
    return Pins(softhsm.user_pin)


@pytest.fixture
def library(isolation: KeyIsolation, softhsm: SoftHsm) -> IsolatedLibrary:
    """SoftHSM in its child."""
    return isolation.library(softhsm.spec)


@pytest.fixture
def provider(library: IsolatedLibrary, softhsm: SoftHsm, pins: Pins) -> TokenKeyProvider:
    """The provider of SoftHSM's token."""
    return library.provider(softhsm.token, "SoftHSM Key Storage Provider", pins)


@pytest.fixture
def faulty(isolation: KeyIsolation, faults: Faults) -> IsolatedLibrary:
    """The fault module in its child."""
    return isolation.library(faults.spec)


@pytest.fixture
def faulty_provider(faulty: IsolatedLibrary, faults: Faults, pins: Pins) -> TokenKeyProvider:
    """The provider of the token behind the fault module."""
    return faulty.provider(faults.softhsm.token, "Faulty Key Storage Provider", pins)

"""Real PKCS#11 modules with one token each, ready for tests; what is missing says why."""

from __future__ import annotations

import grp
import os
import pwd
import re
import shutil
import subprocess
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

from app.domain.keys import KeyAlgorithm, TokenIdentity
from app.domain.secret import Secret
from app.domain.tokens import LibrarySpec
from tests.softhsm import make_softhsm

if TYPE_CHECKING:
    from collections.abc import Iterator

ELLIPTIC = frozenset({KeyAlgorithm.ECDSA_P256, KeyAlgorithm.ECDSA_P384, KeyAlgorithm.ECDSA_P521})
LABEL = "Sealkeeper Test"
# opencryptoki takes PINs of four to eight characters; 87654321 is what its tokens begin with.
FIRST_SO_PIN, SO_PIN, FIRST_PIN, PIN = "87654321", "so-pin-1", "user-p-0", "user-p-1"
NSS_LABEL = "NSS Certificate DB"


class ModuleMissingError(Exception):
    """The module cannot be tested here; the text is the reason that is printed."""


@dataclass(frozen=True)
class Module:
    """One maker's module.

    Attributes:
        name: for people.
        must: algorithms that it is known to offer; a run in which one is missing fails.
        changes_pins: whether a token's user may change the PIN by PKCS#11.
    """

    name: str
    spec: LibrarySpec
    token: TokenIdentity
    pin: Secret
    so_pin: Secret | None
    must: frozenset[KeyAlgorithm]
    changes_pins: bool = True


def _first(*patterns: str) -> Path:
    for pattern in patterns:
        for path in sorted(Path("/").glob(pattern)):
            return path
    raise ModuleMissingError(f"it is not installed: {' or '.join(patterns)}")


@contextmanager
def softhsm(folder: Path) -> Iterator[Module]:
    """SoftHSM 2."""
    made = make_softhsm(folder)
    yield Module(
        name="SoftHSM",
        spec=made.spec,
        token=made.token,
        pin=made.user_pin,
        so_pin=made.so_pin,
        must=ELLIPTIC | {KeyAlgorithm.RSA, KeyAlgorithm.ED25519},
    )


@contextmanager
def nss(folder: Path) -> Iterator[Module]:
    """NSS softokn on a database of its own; certutil of NSS makes it."""
    library = _first("usr/lib/*/libsoftokn3.so", "usr/lib64/libsoftokn3.so")
    certutil = shutil.which("certutil")
    if certutil is None:
        raise ModuleMissingError("certutil of NSS is not installed")
    database = folder / "nss"
    database.mkdir(parents=True)
    password = folder / "password"
    password.write_text(f"{PIN}\n")
    subprocess.run(
        [certutil, "-N", "-d", f"sql:{database}", "-f", str(password)],
        check=True,
        capture_output=True,
    )
    parameters = f"configdir='sql:{database}' certPrefix='' keyPrefix='' secmod='secmod.db' flags="
    yield Module(
        name="NSS softokn",
        spec=LibrarySpec(str(library), (), parameters),
        token=TokenIdentity("0000000000000000", NSS_LABEL),
        pin=Secret(PIN),
        so_pin=None,
        must=ELLIPTIC | {KeyAlgorithm.RSA},
    )


@contextmanager
def opencryptoki(folder: Path) -> Iterator[Module]:
    """The soft token of opencryptoki behind its slot daemon.

    There is one for the whole machine, so only a blank one is taken, or the one of an earlier run.
    """
    del folder
    library = _first("usr/lib/*/libopencryptoki.so.0", "usr/lib64/opencryptoki/libopencryptoki.so")
    daemon, tool = shutil.which("pkcsslotd"), shutil.which("pkcsconf")
    if daemon is None or tool is None:
        raise ModuleMissingError("pkcsslotd or pkcsconf is not installed")
    user = pwd.getpwuid(os.geteuid()).pw_name
    if os.geteuid() != 0 and user not in grp.getgrnam("pkcs11").gr_mem:
        raise ModuleMissingError("only root and the group pkcs11 may use it")
    with _slot_daemon(daemon):
        slot = _soft_slot(tool)
        _prepare(tool, slot)
        yield Module(
            name="opencryptoki soft token",
            spec=LibrarySpec(str(library)),
            token=TokenIdentity("123", LABEL),
            pin=Secret(PIN),
            so_pin=Secret(SO_PIN),
            must=frozenset({KeyAlgorithm.RSA}),
        )


@contextmanager
def _slot_daemon(daemon: str) -> Iterator[None]:
    if _pids():
        yield
        return
    if os.geteuid() != 0:
        raise ModuleMissingError("pkcsslotd does not run, and only root may start it")
    for folder in ("/run/opencryptoki", "/var/lock/opencryptoki"):
        Path(folder).mkdir(exist_ok=True)
    started = subprocess.run([daemon], check=False, capture_output=True, text=True, timeout=20)
    if started.returncode != 0:
        raise ModuleMissingError(f"pkcsslotd does not start: {started.stderr.strip()}")
    until = time.monotonic() + 10
    pids: list[int] = []
    while not pids and time.monotonic() < until:
        pids = _pids()
    try:
        yield
    finally:
        for pid in pids:
            os.kill(pid, 15)


def _pids() -> list[int]:
    return [
        process.pid
        for process in psutil.process_iter(["name"])
        if process.info["name"] == "pkcsslotd"
    ]


def _pkcsconf(tool: str, *arguments: str, text: str = "") -> str:
    done = subprocess.run(
        [tool, *arguments], input=text, capture_output=True, text=True, timeout=60, check=False
    )
    return done.stdout + done.stderr


def _soft_slot(tool: str) -> str:
    """Number of the slot of the soft token; the daemon needs a moment before it tells."""
    until = time.monotonic() + 10
    while time.monotonic() < until:
        for block in _pkcsconf(tool, "-t").split("Token #")[1:]:
            if "SoftTok" in block:
                return block.split(maxsplit=1)[0]
    raise ModuleMissingError("pkcsconf shows no soft token")


def _prepare(tool: str, slot: str) -> None:
    """Initialise a blank token, with PINs that need not be changed any more."""
    described = _pkcsconf(tool, "-t", "-c", slot)
    label = re.search(r"Label:\s*(.*?)\s*\n", described)
    blank = "TOKEN_INITIALIZED" not in described
    if not blank and (label is None or label[1] not in {LABEL, FIRST_SO_PIN}):
        raise ModuleMissingError("its token is in use on this machine")
    if "|USER_PIN_INITIALIZED" in described and "USER_PIN_TO_BE_CHANGED" not in described:
        return
    _pkcsconf(tool, "-I", "-c", slot, "-S", FIRST_SO_PIN, text=f"{LABEL}\n")
    _pkcsconf(tool, "-P", "-c", slot, "-S", FIRST_SO_PIN, "-n", SO_PIN)
    _pkcsconf(tool, "-u", "-c", slot, "-S", SO_PIN, "-n", FIRST_PIN)
    _pkcsconf(tool, "-p", "-c", slot, "-U", FIRST_PIN, "-n", PIN)


MODULES = {"softhsm": softhsm, "nss": nss, "opencryptoki": opencryptoki}

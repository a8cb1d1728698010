"""Isolation processes that are killed at random: every signature arrives, or one clear error."""

from __future__ import annotations

import hashlib
import os
import random
import signal
import subprocess
import sys
import threading
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import pytest
from cryptography.exceptions import InvalidSignature

from app.domain.errors import SealkeeperError
from app.hsm import public_keys
from tests.hsm.conftest import Pins, eventually, gone
from tests.hsm.support import ECDSA, P256
from tests.softhsm import make_softhsm

if TYPE_CHECKING:
    from app.domain.keys import KeyDescription
    from app.hsm.isolation import KeyIsolation, TokenKeyProvider
    from tests.faults.module import Faults
    from tests.softhsm import SoftHsm

THREADS = 6
ROOT = Path(__file__).parents[2]


class Signers:
    """Threads that sign numbered messages with several keys, and judge what they get.

    Args:
        keys: providers with a key each.
        total: how many signatures.
        seed: of who signs which.
    """

    def __init__(
        self, keys: list[tuple[TokenKeyProvider, KeyDescription]], total: int, seed: int
    ) -> None:
        self._keys, self._total = keys, total
        self._random = random.Random(seed)  # noqa: S311 - a choice that can be repeated
        self._lock = threading.Lock()
        self._next = 0
        self._pause = threading.Event()
        self.verdicts: Counter[str] = Counter()
        self.errors: Counter[str] = Counter()
        self._threads = [threading.Thread(target=self._work) for _ in range(THREADS)]

    @property
    def judged(self) -> int:
        """How many have been answered."""
        return self.verdicts.total()

    def start(self) -> None:
        """Begin."""
        for thread in self._threads:
            thread.start()

    def finish(self) -> None:
        """Wait for all."""
        for thread in self._threads:
            thread.join()

    def _take(self) -> tuple[int, TokenKeyProvider, KeyDescription] | None:
        with self._lock:
            if self._next == self._total:
                return None
            self._next += 1
            return (self._next, *self._random.choice(self._keys))

    def _work(self) -> None:
        while (order := self._take()) is not None:
            verdict, error = self._sign(*order)
            with self._lock:
                self.verdicts[verdict] += 1
                if error:
                    self.errors[error] += 1
            if error:
                # Whoever is told of an error tries again a little later.
                self._pause.wait(0.1)

    def _sign(
        self, number: int, provider: TokenKeyProvider, pair: KeyDescription
    ) -> tuple[str, str]:
        digest = hashlib.sha256(str(number).encode()).digest()
        try:
            signature = provider.sign(pair.locator, ECDSA, digest).result(60)
            key = public_keys.load_public_key(pair.locator.public_key)
            public_keys.verify(key, ECDSA, digest, signature)
        except SealkeeperError as error:
            return "error", f"{type(error).__name__}: {error.message}"
        except InvalidSignature:
            return "wrong", "a wrong signature"
        except TimeoutError:
            return "missing", "no answer"
        return "valid", ""


class TokenFiles:
    """The files of soft tokens, which rewrite theirs at each login and not in one step.

    A kill in that moment leaves the file cut off and the token lost, as no HSM would be.
    """

    def __init__(self, homes: tuple[SoftHsm, ...]) -> None:
        files = [path for home in homes for path in home.conf.parent.rglob("token.object")]
        self._contents = {path: path.read_bytes() for path in files}

    def mend(self) -> None:
        """Put back what was cut off; nobody may use the token meanwhile."""
        for path, content in self._contents.items():
            if len(path.read_bytes()) < len(content):
                path.write_bytes(content)


def _wait_for_end(pid: int) -> None:
    assert eventually(lambda: gone(pid))


def kill_at_random(
    isolation: KeyIsolation, signers: Signers, files: TokenFiles, kills: int, total: int
) -> int:
    """Kill isolation processes of this process while they sign; how many were killed.

    One after every so many signatures that were made, wherever a process stands then.
    """
    chance = random.Random(kills)  # noqa: S311 - a choice that can be repeated
    killed = 0
    while killed < kills and signers.judged < total:
        threading.Event().wait(chance.uniform(0, 0.02))
        running = isolation.process_ids()
        if not running or signers.verdicts["valid"] * kills < killed * total * 0.9:
            continue
        try:
            victim = psutil.Process(chance.choice(running))
            if victim.ppid() == os.getpid() and victim.status() != psutil.STATUS_ZOMBIE:
                victim.send_signal(signal.SIGKILL)
                killed += 1
                # The process that takes its place has a way to go until it sees the files.
                _wait_for_end(victim.pid)
                files.mend()
        except psutil.NoSuchProcess:
            continue
    return killed


@pytest.mark.parametrize(
    ("total", "kills"),
    [(300, 20), pytest.param(2000, 200, marks=[pytest.mark.slow, pytest.mark.timeout(600)])],
)
def test_random_kills(
    isolation: KeyIsolation, softhsm: SoftHsm, tmp_path: Path, total: int, kills: int
) -> None:
    second = make_softhsm(tmp_path / "second")
    providers = [
        isolation.library(home.spec).provider(token, token.label, Pins(home.user_pin))
        for home, token in (
            (softhsm, softhsm.token),
            (softhsm, softhsm.new_token("Beside")),
            (second, second.token),
        )
    ]
    keys = [(provider, provider.generate(P256, "signs")) for provider in providers]
    files = TokenFiles((softhsm, second))
    signers = Signers(keys, total, seed=kills)
    signers.start()
    killed = kill_at_random(isolation, signers, files, kills, total)
    signers.finish()
    assert killed == kills
    assert signers.verdicts.total() == total
    assert set(signers.verdicts) <= {"valid", "error"}, signers.errors
    assert signers.verdicts["valid"] > total * 0.8, signers.errors
    for provider, pair in keys:
        provider._library.restart()
        signature = provider.sign(pair.locator, ECDSA, bytes(32)).result(20)
        key = public_keys.load_public_key(pair.locator.public_key)
        public_keys.verify(key, ECDSA, bytes(32), signature)
    children = isolation.process_ids()
    isolation.close()
    assert all(gone(pid) for pid in children)


OWNER = """
import contextlib
import sys
from app.domain.keys import *
from app.domain.secret import Secret
from app.domain.tokens import LibrarySpec
from app.hsm.isolation import KeyIsolation

class Pins:
    def attempt(self):
        return contextlib.nullcontext()
    def pin(self):
        return Secret(sys.stdin.readline().strip())
    def refused(self, error):
        raise AssertionError("the PIN is right")

path, serial, label, *environment = sys.argv[1:]
spec = LibrarySpec(path, tuple(tuple(item.split("=", 1)) for item in environment))
library = KeyIsolation().library(spec)
provider = library.provider(TokenIdentity(serial, label), "Owner", Pins())
provider.generate(KeySpec(KeyAlgorithm.ECDSA_P256, 256), "owned")
raise AssertionError("a call should hang")
"""


@pytest.mark.parametrize(
    "function", ["C_Initialize", "C_Login", "C_GenerateKeyPair", "C_FindObjects", "C_Sign"]
)
def test_no_process_is_left_when_the_parent_is_killed_during_a_hung_call(
    faults: Faults, tmp_path: Path, function: str
) -> None:
    softhsm = faults.softhsm
    script = tmp_path / "owner.py"
    script.write_text(OWNER)
    faults.set(f"{function} hang")
    environment = [f"{name}={value}" for name, value in faults.spec.environment]
    token = [softhsm.token.serial, softhsm.token.label]
    with subprocess.Popen(
        [sys.executable, str(script), faults.spec.path, *token, *environment],
        stdin=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    ) as owner:
        assert owner.stdin is not None
        owner.stdin.write(softhsm.user_pin.reveal().decode() + "\n")
        owner.stdin.flush()
        assert eventually(lambda: faults.calls(function) > 0)
        family = {process.pid for process in psutil.Process(owner.pid).children(recursive=True)}
        assert family
        owner.kill()
    assert eventually(lambda: all(gone(pid) for pid in family)), family

"""A home on which the whole job was done by commands, and empty homes."""

from __future__ import annotations

import logging
import sys
import time
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import structlog

from app.domain.services import ListenAddress
from app.host.control import HostController
from tests.cli.harness import Cli, opened
from tests.services.requests import make_request
from tests.softhsm import SoftHsm, make_softhsm

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PATIENCE_SECONDS = 10.0


@dataclass(frozen=True)
class Job:
    """The job, done: its command line, its token, its files, and what each command printed."""

    cli: Cli
    softhsm: SoftHsm
    folder: Path
    address: ListenAddress
    printed: dict[str, Any]

    def file(self, name: str) -> str:
        return str(self.folder / name)

    def ask_until(self, status: str, name: str) -> dict[str, Any]:
        """Ask for a certificate until the responder says so; it follows within a second."""
        code = {"good": 0, "revoked": 1}[status]
        report: dict[str, Any] = {}

        def asked() -> bool:
            nonlocal report
            ended = self.cli.run("ocsp", "ask", self.file(name), expect=None)
            return ended.code == code

        until(asked)
        report = self.cli.json("ocsp", "ask", self.file(name), expect=code)
        assert report["status"] == status
        return report


def until(condition: Callable[[], bool]) -> None:
    """Wait for a condition, not for ever."""
    end = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < end, "it did not become true in time"
        time.sleep(0.05)


@pytest.fixture(scope="package", autouse=True)
def _log_apart() -> Iterator[None]:
    """Keep the log out of what commands print, as the program's entry point does."""
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING),
        logger_factory=structlog.PrintLoggerFactory(sys.__stderr__),
    )
    yield
    structlog.reset_defaults()


@pytest.fixture
def cli(tmp_path: Path) -> Iterator[Cli]:
    """The command line on an empty home."""
    with opened(tmp_path / "home") as made:
        yield made


@pytest.fixture(scope="package")
def job(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Job]:
    """The whole job on a home of its own, with the service host running in this process."""
    folder = tmp_path_factory.mktemp("job")
    softhsm = make_softhsm(folder / "softhsm", "partition one")
    with closing(Cli(folder / "home")) as made:
        controller = HostController(made.backend)
        state = controller.start(ListenAddress("127.0.0.1", 0))
        assert state.address is not None
        try:
            done = Job(made, softhsm, folder, state.address, {})
            _do(done)
            yield done
        finally:
            controller.stop()


def _do(job: Job) -> None:
    def step(name: str, *arguments: str, given: str = "") -> None:
        job.printed[name] = job.cli.json(*arguments, given=given)

    pin = f"{job.softhsm.user_pin.reveal().decode()}\n"
    host = job.cli.backend.directory.host
    (job.folder / "good.req").write_bytes(make_request("good.test.example"))
    (job.folder / "bad.req").write_bytes(make_request("bad.test.example"))
    step(
        "library",
        *("library", "register", str(job.softhsm.library)),
        *("--env", f"SOFTHSM2_CONF={job.softhsm.conf}"),
    )
    step(
        "registrations",
        *("slot", "register", "--token", "partition one", "--password-stdin"),
        *("--user", "ADMINISTRATOR", "--account", r"NT_AUTHORITY\SYSTEM"),
        given=pin,
    )
    step("providers", "provider", "list")
    step(
        "ca",
        *("ca", "create", "Test-CA", "--provider", "RSA#SoftHSM Key Storage Provider"),
        *("--token", "partition one", "--suffix", "DC=test,DC=example"),
    )
    ocsp = "http://<ServerDNSName>/ocsp"
    step("locations", "ca", "location", "add", "--aia", "--ocsp", ocsp)
    step("duplicate", "template", "duplicate", "OCSPResponseSigning", "--display-name", "OCSP HSM")
    step(
        "template",
        *("template", "set", "OCSP HSM", "validity=4 hours", "renewal=1 hour"),
        *("publish-to-directory=true", "providers=SoftHSM Key Storage Provider"),
    )
    step("permitted", "template", "permit", "OCSPHSM", host, "+read,enroll", "+autoenroll")
    step("issues", "ca", "template", "add", "OCSPHSM", "WebServer")
    step("ca permitted", "ca", "permit", host, "+request-certificates")
    step("added", "responder", "add", "Test", "--template", "OCSPHSM")
    for name in ("good", "bad"):
        step(
            name,
            *("certreq", "-submit", "-attrib", "CertificateTemplate:WebServer"),
            *(job.file(f"{name}.req"), job.file(f"{name}.cer")),
        )

"""What is refused gets one line on standard error and exit code 1, and changes nothing."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.faults.module import Faults, fault_library, faults
from tests.services.requests import make_request
from tests.softhsm import softhsm

if TYPE_CHECKING:
    from tests.cli.conftest import Job
    from tests.cli.harness import Cli

__all__ = ["fault_library", "faults", "softhsm"]


def test_a_text_file_is_no_library(cli: Cli, tmp_path: Path) -> None:
    assert cli.json("library", "list") == []
    path = tmp_path / "library.so"
    path.write_text("no library\n")
    assert str(path) in cli.refused("library", "register", str(path))


def test_a_library_that_is_no_pkcs11_module(cli: Cli) -> None:
    cli.run("library", "list")
    (found, *_) = [*Path("/usr").glob("lib*/libm.so.6"), *Path("/usr").glob("lib/*/libm.so.6")]
    line = cli.refused("library", "register", str(found))
    assert "PKCS#11" in line


def test_a_library_that_is_not_there(cli: Cli, tmp_path: Path) -> None:
    cli.run("library", "list")
    assert "no-library.so" in cli.refused("library", "register", str(tmp_path / "no-library.so"))


def test_a_library_that_is_registered_already(job: Job) -> None:
    assert "already" in job.cli.refused("library", "register", str(job.softhsm.library))
    assert "is still used" in job.cli.refused("library", "remove", "softhsm")


def _register(faults: Faults, cli: Cli) -> tuple[str, ...]:
    variables = [f"--env={name}={value}" for name, value in faults.spec.environment]
    cli.json("library", "register", faults.spec.path, "--vendor", "Faulty", *variables)
    return ("slot", "register", "--token", faults.softhsm.token.label, "--user", "SYSTEM")


def test_a_wrong_pin_is_tried_once_and_the_tries_left_are_told_until_it_is_locked(
    cli: Cli, faults: Faults
) -> None:
    faults.set("C_Login pin-tries 3")
    register = (*_register(faults, cli), "--password-stdin")
    lines = []
    for count in (1, 2, 3):
        lines.append(cli.refused(*register, given="wrong-pin\n", audited=True))
        assert faults.calls("C_Login") == count
    assert "few tries" in lines[0]
    assert "wrong-pin" not in "".join(lines)
    locked = cli.refused(*register, given="wrong-pin\n")
    assert "locked" in locked
    assert faults.calls("C_Login") == 3
    assert cli.json("slot", "registered") == []


def test_a_stored_pin_that_is_refused_is_not_tried_again_until_another_is_entered(
    cli: Cli, faults: Faults
) -> None:
    pin = f"{faults.softhsm.user_pin.reveal().decode()}\n"
    cli.json(*_register(faults, cli), "--password-stdin", given=pin)
    cli.close()
    before = faults.calls("C_Login")
    faults.set("C_Login fail 0xA0")
    assert "refused" in cli.run("slot", "test", expect=1).error
    assert "is not tried again" in cli.run("slot", "test", expect=1).error
    assert faults.calls("C_Login") == before + 1
    assert cli.json("slot", "registered")[0]["pin_refused_at"] is not None
    faults.set()
    entered = cli.json("slot", "enter-pin", "--password-stdin", given=pin)
    assert entered["pin_refused_at"] is None
    assert cli.json("slot", "test")["signs"] is True


def test_a_missing_password(job: Job) -> None:
    arguments = ("slot", "enter-pin", "--user", "SYSTEM")
    assert "missing on standard input" in job.cli.refused(*arguments, "--password-stdin")
    ended = job.cli.run(*arguments, expect=2)
    assert "--password-stdin" in ended.err


def test_a_request_with_a_bad_signature(job: Job) -> None:
    spoiled = bytearray(make_request("spoiled.test.example"))
    spoiled[-1] ^= 1
    (job.folder / "spoiled.req").write_bytes(spoiled)
    line = job.cli.refused("certreq", "submit", "--template", "WebServer", job.file("spoiled.req"))
    assert "signature" in line


@pytest.mark.parametrize("content", [b"", b"no request", b"0\x82\xff\xff", b"\x00" * 100])
def test_a_file_that_is_no_request(content: bytes, job: Job) -> None:
    (job.folder / "odd.req").write_bytes(content)
    job.cli.refused("certreq", "submit", "--template", "WebServer", job.file("odd.req"))


def test_files_that_cannot_be_read_or_written(job: Job) -> None:
    submit = ("certreq", "submit", "--template", "WebServer")
    assert "cannot be read" in job.cli.refused(*submit, job.file("absent.req"))
    assert "cannot be read" in job.cli.refused(*submit, str(job.folder))
    for target in (str(job.folder), job.file("absent/new.cer")):
        job.cli.refused(*submit, job.file("good.req"), target)
    assert "exists" in job.cli.refused("ca", "export", job.file("good.cer"))
    assert "exists" in job.cli.refused("ca", "crl", "export", job.file("good.cer"))


@pytest.mark.parametrize(
    ("template", "part"),
    [
        ("NoSuchTemplate", "There is no certificate template “NoSuchTemplate”."),
        ("User", "does not issue the template"),
        ("", "does not say which certificate template"),
    ],
)
def test_a_request_for_an_unknown_template(template: str, part: str, job: Job) -> None:
    arguments = ("certreq", "submit", "--template", template, job.file("good.req"))
    assert part in job.cli.refused(*arguments)


def test_names_that_are_in_use(job: Job) -> None:
    provider = "RSA#SoftHSM Key Storage Provider"
    keys = len(job.cli.json("key", "list"))
    assert "test-ca" in job.cli.refused("ca", "create", "test-ca", "--provider", provider)
    assert len(job.cli.json("key", "list")) == keys
    assert "already" in job.cli.refused("responder", "add", "TEST", "--template", "OCSPHSM")
    assert "exists already" in job.cli.refused("principal", "add", "SYSTEM", "--kind", "user")
    assert "already" in job.cli.refused(
        "slot", "register", "--user", "SYSTEM", "--password-stdin", given="whatever\n"
    )


@pytest.mark.parametrize(
    "arguments",
    [
        ("ca", "create", "New", "--provider", "DSA#SoftHSM Key Storage Provider"),
        ("ca", "create", "New", "--provider", "RSA#Other Key Storage Provider"),
        ("ca", "create", "New", "--provider", "SoftHSM Key Storage Provider", "--token", "other"),
        ("ca", "create", "New", "--provider", "Software Key Storage Provider", "--key-length", "9"),
        ("ca", "create", "New", "--provider", "Software Key Storage Provider", "--validity", "x"),
        ("ca", "show", "--ca", "Other"),
        ("ca", "permit", "Nobody", "+read"),
        ("ca", "revoke", "ff"),
        ("ca", "revoke", "not hex"),
        ("ca", "issue", "999999"),
        ("ca", "issue", "1"),
        ("ca", "location", "add", "--cdp", "ldap:///x"),
        ("ca", "location", "remove", "http://absent.example/x"),
        ("ca", "template", "add", "WebServer", "NoSuchTemplate"),
        ("ca", "template", "remove", "WebServer", "User"),
        ("certreq", "retrieve", "999999"),
        ("key", "delete", "--label", "absent", "--confirm", "absent"),
        ("library", "remove", "other"),
        ("principal", "remove", "SYSTEM"),
        ("principal", "remove", "Nobody"),
        ("responder", "add", "Other", "--template", "WebServer"),
        ("responder", "set", "Test", "answer-validity=soon"),
        ("responder", "set", "Test", "template=WebServer"),
        ("responder", "status", "Other"),
        ("service", "set", "ca", "--log-on-as", "Nobody"),
        ("service", "start", "mail"),
        ("slot", "test", "--token", "other"),
        ("slot", "register", "--user", "Nobody", "--password-stdin"),
        ("template", "set", "OCSPHSM", "validity=1 hour"),
        ("template", "set", "OCSPHSM", "colour=red"),
        ("template", "set", "WebServer", "validity=1 year"),
        ("template", "delete", "WebServer"),
        ("token", "mechanisms", "--token", "other"),
    ],
    ids=" ".join,
)
def test_other_things_that_are_refused(arguments: tuple[str, ...], job: Job) -> None:
    command = job.cli.refused(*arguments).partition("sealkeeper ")[2]
    assert not {"“", "”"} & set(command)

"""Every command that a sentence tells the administrator to type is one that the program takes."""

from __future__ import annotations

import ast
import shlex
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import click
import pytest

from app.cli.entry import build_cli
from app.domain.commands import command_line
from app.domain.errors import KeyAbsent, NotLoggedIn, Refused, SealkeeperError, TokenAbsent
from app.domain.keys import KeyAlgorithm, KeySpec
from app.domain.principals import NETWORK_SERVICE
from app.domain.services import ServiceName
from app.services.authority.authorities import CreateAuthority
from app.services.authority.enrollment import SubmitRequest
from app.services.responder.configurations import AddConfiguration
from app.services.responder.links import broken_key
from tests.services.authority.conftest import authority, backend, clock
from tests.services.requests import make_request
from tests.services.responder.test_signing import permit

if TYPE_CHECKING:
    from app.domain.authorities import Authority
    from app.services.backend import Backend
    from tests.services.moving_clock import MovingClock

__all__ = ["authority", "backend", "clock"]
SERVICES = Path(__file__).resolve().parents[2] / "app" / "services"
AWKWARD = "Bob's “odd” $(CA) & co"


def taken(line: str) -> list[str]:
    """The words of a line that a shell reads and the program's commands take."""
    program, *words = shlex.split(line)
    assert program == "sealkeeper"
    command: click.Command = build_cli()
    context = click.Context(command)
    rest = list(words)
    while isinstance(command, click.Group):
        found = command.get_command(context, rest[0])
        assert found is not None, line
        command, _ = found, rest.pop(0)
        context = click.Context(command, parent=context)
    command.parse_args(context, rest)  # raises UsageError
    return words


def told(error: SealkeeperError) -> list[str]:
    _, name, command = error.remedy.partition("sealkeeper ")
    assert name, error.remedy
    return taken(name + command)


def fixes(backend: Backend) -> list[list[str]]:
    """The fix commands of the one configuration's status."""
    (status,) = backend.status.all()
    return [taken(link.fix_command) for link in status.links if link.fix_command]


def test_no_service_writes_a_command_by_hand() -> None:
    for path in sorted(SERVICES.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                assert "sealkeeper " not in node.value, f"{path}: {node.value}"


def test_words_reach_the_program_as_they_are() -> None:
    line = command_line("ca", "start", "--ca", AWKWARD)
    assert taken(line) == ["ca", "start", "--ca", AWKWARD]


def test_the_commands_of_the_checklist(backend: Backend) -> None:
    for step in backend.checklist.steps():
        taken(step.command)


def test_the_commands_of_the_status_path(
    backend: Backend, authority: Authority, clock: MovingClock
) -> None:
    backend.authorities.remove_template(authority.id, "OCSPResponseSigning")
    backend.responder.add(AddConfiguration(name=AWKWARD, authority_id=authority.id))
    ca = ["--ca", authority.name]
    assert ["ca", "template", "add", "OCSPResponseSigning", *ca] in fixes(backend)
    backend.authorities.add_template(authority.id, "OCSPResponseSigning")
    assert next(words[:2] for words in fixes(backend)) == ["template", "permit"]
    permit(backend)
    assert ["responder", "renew-signer", AWKWARD] in fixes(backend)
    backend.authorities.stop(authority.id)
    assert fixes(backend)[:2] == [["ca", "start", *ca]] * 2
    backend.authorities.start(authority.id)
    backend.services.stop(ServiceName.CERTIFICATION_AUTHORITY)
    assert ["service", "start", "Certification Authority"] in fixes(backend)
    backend.services.start(ServiceName.CERTIFICATION_AUTHORITY)
    backend.responder.maintain()
    clock.advance(timedelta(days=30))
    assert ["ca", "crl", "publish", *ca] in fixes(backend)
    assert ["responder", "renew-signer", AWKWARD] in fixes(backend)
    backend.services.stop(ServiceName.ONLINE_RESPONDER)
    assert ["service", "start", "Online Responder"] in fixes(backend)


def test_the_commands_of_a_broken_key(backend: Backend, authority: Authority) -> None:
    permit(backend)
    added = backend.responder.add(AddConfiguration(name="Test", authority_id=authority.id))
    assert added.signer is not None
    facts = replace(backend.status._read(added.configuration.id), account=NETWORK_SERVICE)
    account = r"NT AUTHORITY\NETWORK SERVICE"
    for error, words in (
        (Refused("no slot"), ["slot", "register"]),
        (NotLoggedIn("no password"), ["slot", "enter-pin"]),
        (KeyAbsent("gone"), ["responder", "renew-signer"]),
    ):
        link = broken_key(facts, "OCSP", error)
        found = taken(link.fix_command)
        assert found[:2] == words
        assert words[0] != "slot" or account in found
    away = broken_key(facts, "OCSP", TokenAbsent("No slot holds the token."))
    assert taken(away.fix_command)[:2] == ["slot", "candidates"]


def test_the_commands_of_refusals(backend: Backend, authority: Authority) -> None:
    request = SubmitRequest(authority_id=authority.id, request=make_request(), template="WebServer")
    stranger = replace(request, requester=NETWORK_SERVICE)
    with pytest.raises(Refused) as refused:
        backend.enrollment.submit(stranger)
    assert told(refused.value)[1] == "permit"
    with pytest.raises(SealkeeperError) as not_issued:
        backend.enrollment.submit(replace(request, template="User"))
    assert told(not_issued.value) == ["ca", "template", "add", "User", "--ca", authority.name]
    with pytest.raises(SealkeeperError) as unknown:
        backend.enrollment.by_serial(authority.id, "abc")
    assert told(unknown.value)[:2] == ["ca", "requests"]
    backend.services.stop(ServiceName.CERTIFICATION_AUTHORITY)
    with pytest.raises(Refused, match="Certification Authority is stopped") as stopped:
        backend.enrollment.submit(request)
    assert told(stopped.value) == ["service", "start", "Certification Authority"]
    backend.authorities.start(authority.id)
    backend.authorities.stop(authority.id)
    with pytest.raises(Refused) as halted:
        backend.enrollment.submit(request)
    assert told(halted.value) == ["ca", "start", "--ca", authority.name]


def test_the_server_name_of_a_new_ca(backend: Backend) -> None:
    request = CreateAuthority(
        name="Another", provider="Software Key Storage Provider",
        spec=KeySpec(KeyAlgorithm.ECDSA_P256, 256),
    )  # fmt: skip
    for wrong in (
        "a b",
        "x/y",
        "0.0.0.0:80",
        "[::]:80",
        "h:99999",
        "h:0",
        "<b>",
        "ü.example",
        "h:",
    ):
        with pytest.raises(SealkeeperError, match="no server name"):
            backend.authorities.create(replace(request, server_dns_name=wrong))
    backend.services.set_listen_address(
        replace(backend.services.listen_address(), host="0.0.0.0")  # noqa: S104 - not listened at
    )
    host = backend.directory.host.lower()
    assert backend.authorities.create(request).server_dns_name == f"{host}:8080"

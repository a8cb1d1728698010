"""`responder`: the online responder's revocation configurations."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import click

from app.cli.arguments import fields, word, yes_or_no
from app.cli.ca_options import ca_option
from app.cli.commands import DONE, FAILED, Group, many, one
from app.cli.invocation import Invocation, pass_invocation
from app.cli.output import Section
from app.cli.status import LINK_COLUMNS, LINK_KEYS, status_record, verdict
from app.domain.periods import Period
from app.domain.responder import SigningFlag
from app.services.responder.configurations import AddConfiguration

if TYPE_CHECKING:
    from collections.abc import Sequence

    from app.cli.output import Record
    from app.domain.responder import RevocationConfiguration, SigningCertificate
    from app.services.backend import Backend
    from app.services.responder.configurations import AddedConfiguration

CONFIGURATION = {
    "name": "name",
    "ca": "name of the CA that it answers for",
    "template": "template of its signing certificate",
    "provider": "provider of the signing key, empty for the template's or the CA's",
    "hash_algorithm": "hash of its signatures",
    "answer_validity": "how long an answer holds",
    "nonce": "whether nonces are accepted",
    "responder_id": "key-hash or name",
    "auto_enroll": "whether its signing certificate is enrolled by itself",
    "signing_serial": "serial of the signing certificate in hex, or null",
    "signing_not_after": "end of the signing certificate, or null",
}
SIGNER = {
    "serial_number": "hex",
    "state": "current or earlier",
    "not_before": "time",
    "not_after": "time",
    "enrolled_at": "time",
    "token": "label of the token that holds its key, null for a software key",
    "key_label": "label of its key",
    "sha256": "SHA-256 of the certificate in hex",
}
SHOWN = {**CONFIGURATION, "signers": f"array of signing certificates: {', '.join(SIGNER)}"}
LINES = (
    ("Name", "name"),
    ("CA", "ca"),
    ("Template", "template"),
    ("Provider", "provider"),
    ("Hash", "hash_algorithm"),
    ("Answers hold", "answer_validity"),
    ("Nonces accepted", "nonce"),
    ("Responder identifier", "responder_id"),
    ("Auto-enroll", "auto_enroll"),
)
SIGNER_COLUMNS = (
    ("Serial number", "serial_number"),
    ("State", "state"),
    ("Valid from", "not_before"),
    ("Valid to", "not_after"),
    ("Key", "key_label"),
    ("Token", "token"),
)
STATUS = {
    "name": "name",
    "headline": "Working, or what is wrong",
    "working": "whether clients get right answers",
    "state": "ok, warning, bad or unchecked: the worst of the links",
    "checked_at": "time",
    "links": f"array: {LINK_KEYS}",
}


@click.group("responder", cls=Group)
def command() -> None:
    """Manage the online responder's revocation configurations."""


@command.command("add", shape=one(**CONFIGURATION, problem="why nothing was enrolled, or null"))
@click.argument("name")
@click.option(
    "--template",
    default="OCSPResponseSigning",
    show_default=True,
    metavar="NAME",
    help="Template of the signing certificate.",
)
@click.option(
    "--provider",
    default="",
    metavar="NAME",
    help="Provider of the signing key; else the template's.",
)
@click.option("--no-enroll", is_flag=True, help="Do not enroll the signing certificate now.")
@click.option(
    "--ocsp-location", is_flag=True, help="Put the responder's URL into what the CA issues."
)
@ca_option
@pass_invocation
def add(  # noqa: PLR0913 - one parameter per option
    invocation: Invocation,
    *,
    name: str,
    template: str,
    provider: str,
    no_enroll: bool,
    ocsp_location: bool,
    ca_name: str,
) -> int:
    """Add the revocation configuration NAME and enroll its signing certificate.

    When the enrolment fails the configuration stays, and `responder status` says what to do.
    """
    backend = invocation.backend
    added = backend.responder.add(
        AddConfiguration(
            name=name,
            authority_id=backend.authorities.find(ca_name).id,
            template=backend.templates.get(template).name,
            provider=provider.rpartition("#")[2],
            enroll=not no_enroll,
            add_ocsp_location=ocsp_location,
        ),
        invocation.output,
    )
    return _tell_added(invocation, added)


def _tell_added(invocation: Invocation, added: AddedConfiguration) -> int:
    problem = added.problem.one_line() if added.problem else None
    signed = (
        f"Enrolled its signing certificate, valid to "
        f"{added.signer.not_after.astimezone():%Y-%m-%d %H:%M %Z}."
        if added.signer
        else "It has no signing certificate yet."
    )
    invocation.output.done(
        {**_record(invocation.backend, added.configuration), "problem": problem},
        f"Added the revocation configuration {added.configuration.name}.",
        signed,
    )
    if problem:
        invocation.output.note(f"Error: {problem}")
    return FAILED if problem else DONE


@command.command("list", shape=many(**CONFIGURATION))
@pass_invocation
def list_configurations(invocation: Invocation) -> None:
    """List the revocation configurations."""
    backend = invocation.backend
    invocation.output.records(
        [_record(backend, configuration) for configuration in backend.responder.list()],
        (
            ("Name", "name"),
            ("CA", "ca"),
            ("Template", "template"),
            ("Signing certificate valid to", "signing_not_after"),
        ),
        "There is no revocation configuration yet.",
    )


@command.command("show", shape=one(**SHOWN))
@click.argument("name", default="")
@pass_invocation
def show(invocation: Invocation, name: str) -> None:
    """Show a revocation configuration and its signing certificates."""
    backend = invocation.backend
    configuration = backend.responder.find(name)
    signers = [_signer(backend, signer) for signer in backend.responder.signers(configuration.id)]
    invocation.output.record(
        {**_record(backend, configuration), "signers": signers},
        LINES,
        Section("Signing certificates", signers, SIGNER_COLUMNS),
    )


@command.command("status", shape=many(**STATUS))
@click.argument("name", default="")
@pass_invocation
def status(invocation: Invocation, name: str) -> int:
    """Say link by link whether a configuration (else each) works, why not, and what mends it.

    Exit code 0: Working; 1: not; 3: there is no configuration yet.
    """
    backend = invocation.backend
    statuses = (
        (backend.status.configuration(backend.responder.find(name).id),)
        if name
        else backend.status.all()
    )
    output = invocation.output
    records = [status_record(each) for each in statuses]
    if output.json:
        output.records(records, (), "")
    for each, record in zip(statuses, records, strict=True):
        if not output.json:
            links: list[Record] = [
                {"name": link.name, "state": link.state, "word": link.word,
                 "subject": link.subject, "reason": link.reason}
                for link in each.links
            ]  # fmt: skip
            lines = (("Configuration", "name"), ("Status", "headline"))
            output.record(record, lines, Section("Path", links, LINK_COLUMNS))
            _advise(invocation, [link.fix_command for link in each.links if link.fix_command])
    return verdict(statuses, output)


def _advise(invocation: Invocation, commands: Sequence[str]) -> None:
    for text in dict.fromkeys(commands):
        invocation.output.done({}, f"Mend it: {text}")


@command.command("set", shape=one(**CONFIGURATION))
@click.argument("name")
@click.argument("changes", metavar="FIELD=VALUE...", nargs=-1, required=True)
@pass_invocation
def set_fields(invocation: Invocation, name: str, changes: tuple[str, ...]) -> None:
    """Change a configuration.

    Fields: nonce=yes|no, responder-id=key-hash|name, answer-validity=PERIOD, template=NAME,
    provider=NAME.
    """
    backend = invocation.backend
    configuration = backend.responder.find(name)
    for field, text in fields(changes).items():
        configuration = _changed(backend, configuration, field, text)
    configuration = backend.responder.update(configuration)
    invocation.output.done(_record(backend, configuration), f"Changed {configuration.name}.")


@command.command("renew-signer", shape=one(**SIGNER))
@click.argument("name", default="")
@pass_invocation
def renew_signer(invocation: Invocation, name: str) -> None:
    """Enroll a signing certificate with a new key now."""
    backend = invocation.backend
    configuration = backend.responder.find(name)
    signer = backend.responder.enroll(configuration.id, invocation.output)
    invocation.output.done(
        _signer(backend, signer),
        f"Enrolled a signing certificate for {configuration.name}, valid to "
        f"{signer.not_after.astimezone():%Y-%m-%d %H:%M %Z}.",
    )


@command.command("remove", shape=one(**CONFIGURATION))
@click.argument("name")
@pass_invocation
def remove(invocation: Invocation, name: str) -> None:
    """Stop answering for a configuration; its signing keys stay on their token."""
    backend = invocation.backend
    configuration = backend.responder.find(name)
    record = _record(backend, configuration)
    backend.responder.remove(configuration.id)
    invocation.output.done(record, f"Removed {configuration.name}.")


def _record(backend: Backend, configuration: RevocationConfiguration) -> dict[str, object]:
    signers = backend.responder.signers(configuration.id)
    current = next((signer for signer in signers if signer.state == "current"), None)
    flags = configuration.signing_flags
    return {
        "name": configuration.name,
        "ca": backend.authorities.get(configuration.authority_id).name,
        "template": configuration.template,
        "provider": configuration.provider,
        "hash_algorithm": configuration.hash_algorithm,
        "answer_validity": str(configuration.answer_validity),
        "nonce": SigningFlag.ALLOW_NONCE in flags,
        "responder_id": "name" if SigningFlag.RESPONDER_ID_NAME in flags else "key-hash",
        "auto_enroll": SigningFlag.AUTO_ENROLL in flags,
        "signing_serial": backend.enrollment.facts(current.certificate).serial if current else None,
        "signing_not_after": current.not_after if current else None,
    }


def _signer(backend: Backend, signer: SigningCertificate) -> Record:
    facts = backend.enrollment.facts(signer.certificate)
    token = signer.key.token
    return {
        "serial_number": facts.serial,
        "state": signer.state,
        "not_before": signer.not_before,
        "not_after": signer.not_after,
        "enrolled_at": signer.enrolled_at,
        "token": token.label if token is not None else None,
        "key_label": signer.key.label,
        "sha256": facts.sha256,
    }


def _changed(
    backend: Backend, configuration: RevocationConfiguration, field: str, text: str
) -> RevocationConfiguration:
    match field:
        case "nonce":
            wanted = SigningFlag.ALLOW_NONCE if yes_or_no("nonce", text) else SigningFlag.NONE
            return _with_flag(configuration, SigningFlag.ALLOW_NONCE, wanted)
        case "responder_id":
            both = SigningFlag.RESPONDER_ID_KEY_HASH | SigningFlag.RESPONDER_ID_NAME
            choices = {
                "keyhash": SigningFlag.RESPONDER_ID_KEY_HASH,
                "name": SigningFlag.RESPONDER_ID_NAME,
            }
            if word(text) not in choices:
                raise click.UsageError(f"responder-id is key-hash or name, not “{text}”.")
            return _with_flag(configuration, both, choices[word(text)])
        case "answer_validity":
            return replace(configuration, answer_validity=Period.parse(text))
        case "template":
            return replace(configuration, template=backend.templates.get(text).name)
        case "provider":
            return replace(configuration, provider=text.rpartition("#")[2])
        case _:
            raise click.UsageError(
                f"A configuration has no field “{field}”: there are nonce, responder-id, "
                "answer-validity, template and provider."
            )


def _with_flag(
    configuration: RevocationConfiguration, among: SigningFlag, wanted: SigningFlag
) -> RevocationConfiguration:
    return replace(configuration, signing_flags=(configuration.signing_flags & ~among) | wanted)

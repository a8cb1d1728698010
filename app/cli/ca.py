"""`ca`: certification authorities."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from app.cli import ca_crl, ca_locations, ca_requests, ca_templates
from app.cli.arguments import account, choose_token, fields, flag_words, rights
from app.cli.ca_options import binary_option, ca_option, force_option
from app.cli.commands import Group, many, one
from app.cli.files import refuse_existing, write_file
from app.cli.invocation import Invocation, pass_invocation
from app.cli.output import Section
from app.domain.errors import InvalidInput
from app.domain.keys import (
    ED25519_SCHEME,
    KEY_BITS,
    HashAlgorithm,
    KeyAlgorithm,
    KeySpec,
    current_first,
)
from app.domain.periods import Period
from app.domain.principals import AuthorityRight
from app.domain.services import ServiceName
from app.pki.pem import CERTIFICATE, to_pem
from app.services.authority.authorities import CreateAuthority

if TYPE_CHECKING:
    from app.cli.output import Record
    from app.domain.authorities import Authority
    from app.services.backend import Backend

SUMMARY = {
    "name": "name",
    "distinguished_name": "subject",
    "started": "whether it takes requests",
    "provider": "ALGORITHM#PROVIDER of its key",
    "key": "algorithm and size",
    "token": "label of the token that holds the key, null for a software key",
    "serial_number": "of its certificate, hex",
    "not_before": "time",
    "not_after": "time",
    "templates": "array of the templates that it issues",
}
AUTHORITY = {
    **SUMMARY,
    "hash_algorithm": "hash of its signatures",
    "server_dns_name": "host and port in its URLs",
    "key_label": "label of its key",
    "sha1": "SHA-1 of its certificate in hex",
    "sha256": "SHA-256 of its certificate in hex",
    "maximum_validity": "longest validity of what it issues",
    "crl_period": "CRL publication interval",
    "crl_number": "number of its newest CRL, or null",
    "crl_next_update": "time, or null",
    "locations": "array: list (cdp or aia), template, url, flags (array)",
    "permissions": "array: account, allow (array of read, issue-and-manage-certificates, "
    "manage-ca, request-certificates)",
}
_SPELLINGS = (("Crl", "CRL"), ("crl", "CRL"), ("Sha", "SHA-"), ("dns", "DNS"))


def _heading(key: str) -> str:
    text = key.replace("_", " ").capitalize()
    for plain, usual in _SPELLINGS:
        text = text.replace(plain, usual)
    return text


LINES = tuple((_heading(key), key) for key in AUTHORITY if key not in {"locations", "permissions"})


def _summary(backend: Backend, authority: Authority) -> dict[str, object]:
    facts = backend.enrollment.facts(authority.certificate)
    token = authority.key.token
    return {
        "name": authority.name,
        "distinguished_name": authority.distinguished_name,
        "started": authority.started,
        "provider": authority.provider,
        "key": str(authority.key.spec),
        "token": token.label if token is not None else None,
        "serial_number": facts.serial,
        "not_before": facts.not_before,
        "not_after": facts.not_after,
        "templates": list(authority.templates),
    }


def authority_record(backend: Backend, authority: Authority) -> dict[str, object]:
    """A CA with its properties by their keys."""
    facts = backend.enrollment.facts(authority.certificate)
    crl = backend.revocation.latest(authority.id)
    return {
        **_summary(backend, authority),
        "hash_algorithm": authority.hash_algorithm,
        "server_dns_name": authority.server_dns_name,
        "key_label": authority.key.label,
        "sha1": facts.sha1,
        "sha256": facts.sha256,
        "maximum_validity": str(authority.maximum_validity),
        "crl_period": str(authority.crl.period),
        "crl_number": crl.number if crl is not None else None,
        "crl_next_update": crl.next_update if crl is not None else None,
        "locations": ca_locations.records(backend, authority),
        "permissions": _permissions(authority),
    }


def _permissions(authority: Authority) -> list[Record]:
    return [
        {"account": str(entry.account), "allow": flag_words(entry.allow)}
        for entry in authority.permissions
    ]


@click.group("ca", cls=Group)
def command() -> None:
    """Manage certification authorities."""


@command.command("create", shape=one(**AUTHORITY))
@click.argument("name", default="")
@click.option(
    "--provider",
    required=True,
    metavar="'RSA#… Key Storage Provider'",
    help="Provider for its key, as `provider list` shows it.",
)
@click.option(
    "--token", default="", metavar="LABEL", help="Label or serial, where several are registered."
)
@click.option("--key-length", type=int, metavar="N", help="Bits; else 2048 for RSA and DSA.")
@click.option(
    "--hash",
    "hash_name",
    type=click.Choice(["SHA256", "SHA384", "SHA512"], case_sensitive=False),
    default="SHA256",
    show_default=True,
    help="Hash of its signatures; Ed25519 has its own.",
)
@click.option(
    "--validity", default="5 years", show_default=True, metavar="PERIOD", help="Of its certificate."
)
@click.option("--suffix", default="", metavar="DN", help="Suffix of its name, such as DC=example.")
@click.option(
    "--ocsp-location", is_flag=True, help="Put the online responder's URL into what it issues."
)
@click.option(
    "--server-name",
    default="",
    metavar="HOST[:PORT]",
    help="Host in its URLs; else as listened at.",
)
@pass_invocation
def create(  # noqa: PLR0913 - one parameter per option
    invocation: Invocation,
    *,
    name: str,
    provider: str,
    token: str,
    key_length: int | None,
    hash_name: str,
    validity: str,
    suffix: str,
    ocsp_location: bool,
    server_name: str,
) -> None:
    """Set up the enterprise root CA NAME (else DOMAIN-HOST-CA): key, certificate and first CRL."""
    backend = invocation.backend
    spec = _spec(provider, key_length)
    log_on = backend.services.get(ServiceName.CERTIFICATION_AUTHORITY).log_on_as
    authority = backend.authorities.create(
        CreateAuthority(
            name=name or backend.authorities.proposed_name(),
            provider=provider,
            token=choose_token(backend.providers.tokens(provider, log_on), token)
            if token
            else None,
            spec=spec,
            hash_algorithm=_hash(spec, hash_name),
            validity=Period.parse(validity),
            distinguished_name_suffix=suffix,
            ocsp_location=ocsp_location,
            server_dns_name=server_name,
        ),
        invocation.output,
    )
    invocation.output.done(
        authority_record(backend, authority),
        f"Set up the certification authority {authority.name}; its {spec} key is in "
        f"{authority.provider}.",
    )


def _hash(spec: KeySpec, name: str) -> HashAlgorithm:
    """The hash that was chosen; Ed25519 has its own, whatever was."""
    return ED25519_SCHEME.hash if spec.algorithm is KeyAlgorithm.ED25519 else HashAlgorithm(name)


def _spec(provider: str, bits: int | None) -> KeySpec:
    name, mark, _ = provider.partition("#")
    if not mark:
        return KeySpec(KeyAlgorithm.RSA, bits or 2048)
    try:
        algorithm = KeyAlgorithm(name)
    except ValueError:
        known = ", ".join(each.text for each in current_first(KeyAlgorithm))
        raise InvalidInput(
            f"“{name}” is not an algorithm of a provider.", remedy=f"Choose one of {known}."
        ) from None
    return KeySpec(algorithm, bits or KEY_BITS[algorithm][0])


@command.command("list", shape=many(**SUMMARY))
@pass_invocation
def list_authorities(invocation: Invocation) -> None:
    """List the certification authorities."""
    backend = invocation.backend
    invocation.output.records(
        [_summary(backend, authority) for authority in backend.authorities.list()],
        (
            ("Name", "name"),
            ("Started", "started"),
            ("Key", "key"),
            ("Provider", "provider"),
            ("Valid to", "not_after"),
            ("Templates", "templates"),
        ),
        "There is no certification authority yet.",
    )


@command.command("show", shape=one(**AUTHORITY))
@ca_option
@pass_invocation
def show(invocation: Invocation, ca_name: str) -> None:
    """Show the properties of a CA."""
    backend = invocation.backend
    authority = backend.authorities.find(ca_name)
    invocation.output.record(
        authority_record(backend, authority),
        LINES,
        Section("Locations", ca_locations.records(backend, authority), ca_locations.COLUMNS),
        Section(
            "Permissions", _permissions(authority), (("Account", "account"), ("Allow", "allow"))
        ),
    )


@command.command(
    "permit", shape=one(**AUTHORITY), context_settings={"ignore_unknown_options": True}
)
@click.argument("principal")
@click.argument("changes", metavar="±RIGHT,...", nargs=-1, required=True)
@ca_option
@pass_invocation
def permit(invocation: Invocation, principal: str, changes: tuple[str, ...], ca_name: str) -> None:
    """Give PRINCIPAL permissions on the CA with +request-certificates or take them with -read.

    There are read, issue-and-manage-certificates, manage-ca and request-certificates.
    """
    add, remove = rights(changes, AuthorityRight)
    backend = invocation.backend
    who = account(backend, principal)
    authority = backend.authorities.permit(
        backend.authorities.find(ca_name).id, who, add=add, remove=remove
    )
    allowed = next((e.allow for e in authority.permissions if e.account.key == who.key), None)
    words = ", ".join(flag_words(allowed)) if allowed else "nothing"
    invocation.output.done(
        authority_record(backend, authority), f"{who} may on {authority.name}: {words}."
    )


@command.command("set", shape=one(**AUTHORITY))
@click.argument("changes", metavar="FIELD=VALUE...", nargs=-1, required=True)
@ca_option
@pass_invocation
def set_fields(invocation: Invocation, changes: tuple[str, ...], ca_name: str) -> None:
    """Change a CA.

    Fields: crl-period=PERIOD, the CRL publication interval; it holds from the next CRL on.
    """
    wanted = fields(changes)
    for field in wanted.keys() - {"crl_period"}:
        raise click.UsageError(f"A CA has no field “{field}” to change: there is crl-period.")
    backend = invocation.backend
    authority = backend.authorities.find(ca_name)
    settings = replace(authority.crl, period=Period.parse(wanted["crl_period"]))
    authority = backend.authorities.set_crl_settings(authority.id, settings)
    invocation.output.done(authority_record(backend, authority), f"Changed {authority.name}.")


@command.command("start", shape=one(**AUTHORITY))
@ca_option
@pass_invocation
def start(invocation: Invocation, ca_name: str) -> None:
    """Let a CA take requests again."""
    backend = invocation.backend
    authority = backend.authorities.start(backend.authorities.find(ca_name).id)
    invocation.output.done(authority_record(backend, authority), f"Started {authority.name}.")


@command.command("stop", shape=one(**AUTHORITY))
@ca_option
@pass_invocation
def stop(invocation: Invocation, ca_name: str) -> None:
    """Let a CA refuse requests; what it signed stays answered for."""
    backend = invocation.backend
    authority = backend.authorities.stop(backend.authorities.find(ca_name).id)
    invocation.output.done(authority_record(backend, authority), f"Stopped {authority.name}.")


@command.command(
    "export", shape=one(name="name of the CA", file="file that was written", sha256="hex")
)
@click.argument("file", type=click.Path(path_type=Path))
@ca_option
@binary_option
@force_option
@pass_invocation
def export(invocation: Invocation, file: Path, ca_name: str, binary: bool, force: bool) -> None:
    """Write the CA's certificate to FILE."""
    backend = invocation.backend
    authority = backend.authorities.find(ca_name)
    refuse_existing(file, force=force)
    certificate = authority.certificate
    write_file(file, certificate if binary else to_pem(CERTIFICATE, certificate), force=force)
    invocation.output.done(
        {
            "name": authority.name,
            "file": str(file),
            "sha256": backend.enrollment.facts(certificate).sha256,
        },
        f"Wrote the certificate of {authority.name} to {file}.",
    )


command.add_command(ca_locations.command)
command.add_command(ca_templates.command)
command.add_command(ca_crl.command)
for _command in ca_requests.COMMANDS:
    command.add_command(_command)

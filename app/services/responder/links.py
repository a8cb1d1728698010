"""Links of the status path that follow from records and answers alone."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from cryptography import x509

from app.domain.authorities import Authority, Crl
from app.domain.commands import command_line
from app.domain.errors import (
    KeyAbsent,
    KeyStorageError,
    NotLoggedIn,
    PinIncorrect,
    PinLocked,
    PinRefusedBefore,
    Refused,
    SealkeeperError,
    TokenAbsent,
)
from app.domain.principals import AccountName
from app.domain.responder import RevocationConfiguration, SigningCertificate
from app.domain.services import ListenAddress, ServiceName
from app.domain.status import Fix, LinkName, LinkState, PathLink
from app.domain.templates import Template

WORKING = "Working"
BAD_SIGNING_CERTIFICATE = "Bad signing certificate on Array Controller"


@dataclass(frozen=True, slots=True)
class StatusFacts:
    """All records that one look at a configuration needs, read in one snapshot."""

    configuration: RevocationConfiguration
    authority: Authority
    template: Template | None
    signer: SigningCertificate | None
    crl: Crl | None
    account: AccountName
    authority_service_started: bool
    responder_started: bool
    address: ListenAddress
    now: datetime


def ca_link(facts: StatusFacts) -> PathLink:
    """Whether the CA certificate is valid and the CA runs."""
    name = LinkName.CA_CERTIFICATE
    ca = x509.load_der_x509_certificate(facts.authority.certificate)
    if not ca.not_valid_before_utc <= facts.now <= ca.not_valid_after_utc:
        return PathLink(
            name,
            LinkState.BAD,
            facts.authority.name,
            "Expired" if facts.now > ca.not_valid_after_utc else "Not yet valid",
            reason=f"The certificate of {facts.authority.name} is not valid now.",
            likely_cause=f"It is valid from {ca.not_valid_before_utc:%Y-%m-%d %H:%M} to "
            f"{ca.not_valid_after_utc:%Y-%m-%d %H:%M} UTC.",
        )
    if not facts.authority_service_started:
        return PathLink(
            name,
            LinkState.WARNING,
            facts.authority.name,
            "Service stopped",
            reason=f"The service {ServiceName.CERTIFICATION_AUTHORITY} is stopped: it renews "
            "neither CRL nor signing certificate.",
            fix=Fix.START_AUTHORITY,
            fix_command=command_line("service", "start", ServiceName.CERTIFICATION_AUTHORITY),
        )
    if not facts.authority.started:
        return PathLink(
            name,
            LinkState.WARNING,
            facts.authority.name,
            "CA stopped",
            reason=f"{facts.authority.name} is stopped: it renews neither CRL nor signing "
            "certificate.",
            fix=Fix.START_AUTHORITY,
            fix_command=command_line("ca", "start", "--ca", facts.authority.name),
        )
    return PathLink(name, LinkState.OK, facts.authority.name, "Valid")


def revocation_link(facts: StatusFacts) -> PathLink:
    """Whether the CRL is fresh; answers themselves come live from the database."""
    name = LinkName.REVOCATION_DATA
    command = command_line("ca", "crl", "publish", "--ca", facts.authority.name)
    if facts.crl is None or facts.crl.next_update <= facts.now:
        missing = facts.crl is None
        return PathLink(
            name,
            LinkState.WARNING,
            "CA database",
            "No CRL" if missing else "CRL expired",
            reason=f"{facts.authority.name} has published no CRL."
            if missing
            else f"The CRL of {facts.authority.name} has expired.",
            likely_cause="OCSP answers come live from the CA database, but clients that use the "
            "CRL fail.",
            fix=Fix.PUBLISH_CRL,
            fix_command=command,
        )
    return PathLink(
        name,
        LinkState.OK,
        f"CA database · CRL {facts.crl.number}",
        "Live",
    )


_KEY_FIXES: tuple[tuple[type[SealkeeperError], str, Fix], ...] = (
    (KeyAbsent, "Not found", Fix.ENROLL_SIGNING_CERTIFICATE),
    (PinRefusedBefore, "Password refused", Fix.CHANGE_PIN),
    (PinLocked, "Password locked", Fix.CHANGE_PIN),
    (PinIncorrect, "Password refused", Fix.CHANGE_PIN),
    (NotLoggedIn, "No password", Fix.CHANGE_PIN),
)


def broken_key(facts: StatusFacts, holder: str, error: SealkeeperError) -> PathLink:
    """The link of a key that could not be opened or used, with what mends it."""
    word: str
    fix: Fix | None
    word, fix = "Cannot be opened", Fix.REGISTER_SLOT if isinstance(error, Refused) else None
    for kind, text, mend in _KEY_FIXES:
        if isinstance(error, kind):
            word, fix = text, mend
            break
    else:
        if isinstance(error, TokenAbsent):
            word, fix = "Token absent", None
        elif isinstance(error, KeyStorageError):
            word, fix = "Cannot sign", None
    token = facts.signer.key.token if facts.signer else None
    serial = token.serial if token else holder
    library = facts.signer.key.library_path if facts.signer else ""
    of_account = ("--token", serial, "--user", str(facts.account))
    commands = {
        Fix.ENROLL_SIGNING_CERTIFICATE: command_line(
            "responder", "renew-signer", facts.configuration.name
        ),
        Fix.REGISTER_SLOT: command_line("slot", "register", *of_account, "--library", library),
        Fix.CHANGE_PIN: command_line("slot", "enter-pin", *of_account),
    }
    command = commands.get(fix, "") if fix else ""
    if isinstance(error, TokenAbsent):  # it may be there under another serial or label
        command = command_line("slot", "candidates", "--token", serial)
    return PathLink(
        LinkName.HSM_KEY,
        LinkState.BAD,
        holder if holder == "software" else f"slot {holder}",
        word,
        reason=error.message,
        likely_cause=" ".join(part for part in (error.cause, error.remedy) if part),
        detail=error.detail,
        fix=fix,
        fix_command=command,
    )


def headline(links: tuple[PathLink, ...]) -> str:
    """The status text of the tool that administrators know."""
    bad = {link.name for link in links if link.state is LinkState.BAD}
    if not bad:
        return WORKING
    if bad & {LinkName.SIGNING_CERTIFICATE, LinkName.HSM_KEY}:
        return BAD_SIGNING_CERTIFICATE
    if LinkName.CA_CERTIFICATE in bad:
        return "Bad CA certificate"
    return "The online responder does not answer"


def validity_state(now: datetime, end: datetime, renew: datetime | None) -> LinkState:
    """State of a bar of the timeline."""
    if now >= end:
        return LinkState.BAD
    if renew is not None and now >= renew:
        return LinkState.WARNING
    return LinkState.OK


def local_time(moment: datetime, now: datetime) -> str:
    """A time of this machine's zone: of today the hour alone, of this year without the year."""
    local, today = moment.astimezone(), now.astimezone()
    if local.date() == today.date():
        return f"{local:%H:%M}"
    if local.year == today.year:
        return f"{local.day} {local:%b %H:%M}"
    return f"{local:%Y-%m-%d %H:%M}"


def milliseconds(value: float) -> str:
    """A duration, short."""
    return f"{value:.1f} ms" if value < 100 else f"{value:.0f} ms"  # noqa: PLR2004 - digits

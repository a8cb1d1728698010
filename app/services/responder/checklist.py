"""The integration guide as a live checklist: what is set up and what comes next."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from app.domain.authorities import Authority, LocationFlag, LocationList
from app.domain.commands import command_line
from app.domain.libraries import Library, SlotRegistration
from app.domain.principals import AccountName, TemplateRight
from app.domain.requests import Disposition, RequestQuery
from app.domain.responder import RevocationConfiguration, SigningCertificate
from app.domain.services import ServiceName
from app.domain.status import ChecklistStep, StepState
from app.domain.templates import OID_OCSP_SIGNING, Template
from app.services.authority.access import template_rights
from app.services.authority.context import urls

if TYPE_CHECKING:
    from app.services.authority.context import AuthorityContext


@dataclass(frozen=True, slots=True)
class _Home:
    """What one look at the database found; `enrolled`: signing certificates, earlier ones too."""

    libraries: tuple[Library, ...]
    registrations: tuple[SlotRegistration, ...]
    authorities: tuple[Authority, ...]
    templates: tuple[Template, ...]
    configurations: tuple[RevocationConfiguration, ...]
    signers: tuple[SigningCertificate, ...]
    enrolled: int
    service_accounts: frozenset[AccountName]
    responder_account: AccountName
    responder_started: bool
    issued: int


@dataclass(frozen=True, slots=True)
class _Step:
    key: str
    title: str
    done: bool
    fact: str
    action: str
    command: str


class ChecklistService:
    """Reads only the database; quick, yet called from task threads as everything else."""

    def __init__(self, context: AuthorityContext) -> None:
        self._context = context

    def steps(self) -> tuple[ChecklistStep, ...]:
        """The steps in the guide's order; the first that is not done is the next one."""
        home = self._read()
        steps = (
            _library(home),
            _slots(home),
            _authority(home),
            self._template(home),
            _issued_templates(home),
            _location(home),
            _configuration(home),
            _responder(home),
            _certificate(home),
        )
        found_next = False
        result = []
        for step in steps:
            state = StepState.DONE
            if not step.done:
                state = StepState.LATER if found_next else StepState.NEXT
                found_next = True
            result.append(
                ChecklistStep(step.key, step.title, state, step.fact, step.action, step.command)
            )
        return tuple(result)

    def _read(self) -> _Home:
        with self._context.database.read() as tx:
            authorities = tx.authorities.all()
            configurations = tx.configurations.all()
            current = (tx.signers.current(c.id) for c in configurations)
            responder = tx.services.get(ServiceName.ONLINE_RESPONDER)
            authority_service = tx.services.get(ServiceName.CERTIFICATION_AUTHORITY)
            issued = sum(
                tx.requests.count(
                    RequestQuery(
                        authority_id=ca.id,
                        dispositions=frozenset({Disposition.ISSUED, Disposition.REVOKED}),
                    )
                )
                for ca in authorities
            )
            return _Home(
                libraries=tx.libraries.all(),
                registrations=tx.registrations.all(),
                authorities=authorities,
                templates=tx.templates.all(),
                configurations=configurations,
                signers=tuple(signer for signer in current if signer is not None),
                enrolled=sum(len(tx.signers.all(c.id)) for c in configurations),
                service_accounts=frozenset({responder.log_on_as, authority_service.log_on_as}),
                responder_account=responder.log_on_as,
                responder_started=responder.started,
                issued=issued,
            )

    def _template(self, home: _Home) -> _Step:
        identity = self._context.directory.network_identity(home.responder_account)
        needed = TemplateRight.ENROLL | TemplateRight.AUTOENROLL
        ready = [
            template
            for template in home.templates
            if OID_OCSP_SIGNING in template.application_policies
            and needed in template_rights(self._context.directory, template.permissions, identity)
        ]
        fact = (
            f"{ready[0].display_name} · {identity} may enroll automatically"
            if ready
            else f"{identity} may not enroll for OCSP Response Signing yet"
        )
        return _Step(
            "template",
            "Configure the OCSP Response Signing template",
            bool(ready),
            fact,
            "template.permit_responder",
            command_line(
                "template",
                "permit",
                "OCSPResponseSigning",
                str(identity),
                "+read,enroll,autoenroll",
            ),
        )


def _library(home: _Home) -> _Step:
    vendors = ", ".join(library.vendor for library in home.libraries)
    return _Step(
        "library",
        "Register the security library",
        bool(home.libraries),
        vendors or "No PKCS#11 library is registered",
        "library.register",
        command_line("library", "register", "PATH"),
    )


def _slots(home: _Home) -> _Step:
    accounts = {registration.account for registration in home.registrations}
    missing = sorted(str(account) for account in home.service_accounts - accounts)
    tokens = list(dict.fromkeys(entry.token.label for entry in home.registrations))
    labels = ", ".join(tokens)
    users = [word for account in missing for word in ("--user", account)]
    if not home.registrations:
        fact = "No slot is registered"
    elif missing:
        fact = f"{labels} · not yet registered for {', '.join(missing)}"
    else:
        fact = f"{labels} · registered for the service accounts"
    return _Step(
        "slot",
        "Register the HSM slot for the administrator and the service account",
        bool(home.registrations) and not missing,
        fact,
        "slot.register",
        command_line("slot", "register", *users, "--token", *(tokens[:1] or ["LABEL"])),
    )


def _authority(home: _Home) -> _Step:
    names = ", ".join(authority.name for authority in home.authorities)
    return _Step(
        "authority",
        "Set up an enterprise root certification authority",
        bool(home.authorities),
        names or "No certification authority is set up",
        "authority.create",
        command_line("ca", "create", "NAME", "--provider", "RSA#… Key Storage Provider"),
    )


def _issued_templates(home: _Home) -> _Step:
    signing = {
        template.name
        for template in home.templates
        if OID_OCSP_SIGNING in template.application_policies
    }
    issued = (name for authority in home.authorities for name in authority.templates)
    names = list(dict.fromkeys(issued))
    return _Step(
        "issue_template",
        "Let the CA issue the template",
        any(name in signing for name in names),
        f"Issues {', '.join(names)}" if names else "The CA issues no template yet",
        "authority.issue_template",
        command_line("ca", "template", "add", "OCSPResponseSigning", "WebServer"),
    )


def _location(home: _Home) -> _Step:
    locations = [
        url
        for authority in home.authorities
        for url in urls(authority, LocationList.AIA, LocationFlag.IN_OCSP)
    ]
    return _Step(
        "location",
        "Put the responder's URL into issued certificates",
        bool(locations),
        locations[0] if locations else "Issued certificates name no online responder",
        "authority.add_ocsp_location",
        command_line("ca", "location", "add", "--aia", "--ocsp", "http://<ServerDNSName>/ocsp"),
    )


def _configuration(home: _Home) -> _Step:
    names = ", ".join(configuration.name for configuration in home.configurations)
    without = len(home.configurations) - len(home.signers)
    if not home.configurations:
        fact = "The online responder answers for no CA yet"
    elif without:
        fact = f"{names} · {without} without a signing certificate"
    else:
        fact = f"{names} · signing certificate enrolled"
    return _Step(
        "configuration",
        "Create a revocation configuration",
        bool(home.configurations) and not without,
        fact,
        "responder.add",
        command_line("responder", "add", "NAME"),
    )


def _responder(home: _Home) -> _Step:
    return _Step(
        "responder",
        "Start the online responder",
        home.responder_started and bool(home.signers),
        "The service is started" if home.responder_started else "The service is stopped",
        "responder.start",
        command_line("service", "start", ServiceName.ONLINE_RESPONDER),
    )


def _certificate(home: _Home) -> _Step:
    others = max(home.issued - home.enrolled, 0)  # not counting what the responder enrolled
    return _Step(
        "certificate",
        "Issue a certificate and ask the responder about it",
        others > 0,
        f"{others} issued" if others else "No certificate has been issued to a client yet",
        "request.submit",
        command_line(
            *("certreq", "submit", "--attrib", "CertificateTemplate:WebServer"),
            *("REQUEST", "CERTIFICATE"),
        ),
    )

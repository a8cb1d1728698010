"""Status of a revocation configuration, link by link, from what can be tried right now."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

from cryptography import x509

from app.domain.commands import command_line
from app.domain.errors import SealkeeperError
from app.domain.keys import SignaturePadding
from app.domain.principals import TemplateRight
from app.domain.services import ServiceName
from app.domain.status import (
    ConfigurationStatus,
    Fix,
    LinkName,
    LinkState,
    PathLink,
    TimelineRow,
)
from app.hsm.private_key import private_key
from app.pki.signatures import sign
from app.pki.signing_certificate import check_signing_certificate
from app.services.authority.access import template_rights
from app.services.responder.endpoint import endpoint_link
from app.services.responder.links import (
    StatusFacts,
    broken_key,
    ca_link,
    headline,
    local_time,
    revocation_link,
    validity_state,
)
from app.services.responder.links import milliseconds as as_milliseconds
from app.services.responder.signing import renewal_time

if TYPE_CHECKING:
    from app.domain.ids import ConfigurationId
    from app.domain.principals import AccountName
    from app.services.authority.context import AuthorityContext
    from app.services.responder.ocsp_client import OcspClientService
    from app.services.service_control import ServiceControl


class StatusService:
    """Looks at everything a revocation configuration needs; call it from task threads."""

    def __init__(
        self,
        context: AuthorityContext,
        services: ServiceControl,
        client: OcspClientService,
    ) -> None:
        self._context = context
        self._services = services
        self._client = client

    def configuration(self, configuration_id: ConfigurationId) -> ConfigurationStatus:
        """Check each link now: reads, one test signature by the key, one real OCSP request.

        Raises:
            NotFound: the configuration is gone.
        """
        facts = self._read(configuration_id)
        links = (
            ca_link(facts),
            self._signing_link(facts),
            self._key_link(facts),
            revocation_link(facts),
            endpoint_link(facts, self._client),
        )
        return ConfigurationStatus(
            configuration_id, facts.configuration.name, facts.now, headline(links), links
        )

    def all(self) -> tuple[ConfigurationStatus, ...]:
        """Status of every configuration."""
        with self._context.database.read() as tx:
            ids = [configuration.id for configuration in tx.configurations.all()]
        return tuple(self.configuration(configuration_id) for configuration_id in ids)

    def timeline(self, configuration_id: ConfigurationId) -> tuple[TimelineRow, ...]:
        """Validity of the CA certificate, the signing certificate and the CRL."""
        facts = self._read(configuration_id)
        ca = x509.load_der_x509_certificate(facts.authority.certificate)
        rows = [
            TimelineRow(
                "CA certificate",
                ca.not_valid_before_utc,
                ca.not_valid_after_utc,
                None,
                validity_state(facts.now, ca.not_valid_after_utc, None),
            )
        ]
        if facts.signer is not None:
            renew = renewal_time(facts.signer, facts.template)
            rows.append(
                TimelineRow(
                    "Signing certificate",
                    facts.signer.not_before,
                    facts.signer.not_after,
                    renew,
                    validity_state(facts.now, facts.signer.not_after, renew),
                )
            )
        if facts.crl is not None:
            rows.append(
                TimelineRow(
                    f"CRL {facts.crl.number}",
                    facts.crl.this_update,
                    facts.crl.next_update,
                    facts.crl.next_publish,
                    validity_state(facts.now, facts.crl.next_update, facts.crl.next_publish),
                )
            )
        return tuple(rows)

    def _read(self, configuration_id: ConfigurationId) -> StatusFacts:
        address = self._services.listen_address()
        with self._context.database.read() as tx:
            configuration = tx.configurations.get(configuration_id)
            service = tx.services.get(ServiceName.ONLINE_RESPONDER)
            return StatusFacts(
                configuration=configuration,
                authority=tx.authorities.get(configuration.authority_id),
                template=tx.templates.get(configuration.template),
                signer=tx.signers.current(configuration_id),
                crl=tx.crls.latest(configuration.authority_id),
                account=service.log_on_as,
                authority_service_started=tx.services.get(
                    ServiceName.CERTIFICATION_AUTHORITY
                ).started,
                responder_started=service.started,
                address=address,
                now=self._context.clock.now(),
            )

    # --- the links ------------------------------------------------------------------------------

    def _signing_link(self, facts: StatusFacts) -> PathLink:
        name = LinkName.SIGNING_CERTIFICATE
        if facts.signer is None:
            return self._why_not_enrolled(facts)
        problems = check_signing_certificate(
            facts.signer.certificate, facts.authority.certificate, facts.now
        )
        ends = f"expires {local_time(facts.signer.not_after, facts.now)}"
        command = command_line("responder", "renew-signer", facts.configuration.name)
        if problems:
            return PathLink(
                name,
                LinkState.BAD,
                ends,
                "Expired" if facts.signer.not_after < facts.now else "Not usable",
                reason=problems[0],
                likely_cause=" ".join(problems[1:]),
                fix=Fix.RENEW_SIGNING_CERTIFICATE,
                fix_command=command,
            )
        renew = renewal_time(facts.signer, facts.template)
        if renew is not None and facts.now >= renew:
            return PathLink(
                name,
                LinkState.WARNING,
                ends,
                "Renewal due",
                reason="The renewal period of the signing certificate has begun.",
                likely_cause="It renews itself while the online responder runs.",
                fix=Fix.RENEW_SIGNING_CERTIFICATE,
                fix_command=command,
            )
        subject = ends if renew is None else f"renews {local_time(renew, facts.now)}"
        return PathLink(name, LinkState.OK, subject, "Valid")

    def _why_not_enrolled(self, facts: StatusFacts) -> PathLink:
        template = facts.template
        fix, command, reason = (
            Fix.ENROLL_SIGNING_CERTIFICATE,
            command_line("responder", "renew-signer", facts.configuration.name),
            "No signing certificate has been enrolled.",
        )
        identity = self._context.directory.network_identity(facts.account)
        if template is None:
            return PathLink(
                LinkName.SIGNING_CERTIFICATE,
                LinkState.BAD,
                facts.configuration.template,
                "Not found",
                reason=f"The template {facts.configuration.template} does not exist any more.",
            )
        needed = TemplateRight.ENROLL | TemplateRight.AUTOENROLL
        rights = template_rights(self._context.directory, template.permissions, identity)
        if template.name not in facts.authority.templates:
            fix, command, reason = (
                Fix.PUBLISH_TEMPLATE,
                command_line("ca", "template", "add", template.name, "--ca", facts.authority.name),
                f"{facts.authority.name} does not issue the template {template.display_name}.",
            )
        elif needed not in rights:
            fix, command, reason = (
                Fix.PERMIT_TEMPLATE,
                _permit(template.name, identity),
                f"{identity} may not enroll automatically for {template.display_name}.",
            )
        elif not (facts.authority.started and facts.authority_service_started):
            fix, command, reason = (
                Fix.START_AUTHORITY,
                command_line("ca", "start", "--ca", facts.authority.name),
                f"{facts.authority.name} is stopped and issues no signing certificate.",
            )
        return PathLink(
            LinkName.SIGNING_CERTIFICATE,
            LinkState.BAD,
            template.display_name,
            "Not found",
            reason=reason,
            likely_cause=self._last_enrolment_error(facts),
            fix=fix,
            fix_command=command,
        )

    def _last_enrolment_error(self, facts: StatusFacts) -> str:
        with self._context.database.read() as tx:
            events = tx.events.page(50, None)
        return next(
            (
                event.message
                for event in events
                if event.number == 34 and event.subject == facts.configuration.name  # noqa: PLR2004 - Microsoft's event id
            ),
            "",
        )

    def _key_link(self, facts: StatusFacts) -> PathLink:
        if facts.signer is None:
            return PathLink(LinkName.HSM_KEY, LinkState.UNCHECKED, "no key yet", "Waiting")
        locator = facts.signer.key
        holder = locator.token.label if locator.token else "software"
        size = str(locator.spec)
        subject = f"{holder} · {size}"
        try:
            provider = self._context.key_access.open(locator, facts.account)
            provider.find(locator)
            key = private_key(provider, locator)
            scheme = provider.scheme(locator.algorithm)
            message = os.urandom(32)
            began = time.perf_counter()
            sign(key, message, scheme.hash, pss=scheme.padding is SignaturePadding.PSS)
            milliseconds = (time.perf_counter() - began) * 1000
        except SealkeeperError as error:
            return broken_key(facts, holder, error)
        return PathLink(
            LinkName.HSM_KEY, LinkState.OK, subject, f"Signs in {as_milliseconds(milliseconds)}"
        )


def _permit(template: str, identity: AccountName) -> str:
    return command_line("template", "permit", template, str(identity), "+read,enroll,autoenroll")

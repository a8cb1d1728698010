"""The last link of the status path: a real OCSP request, as clients make it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.domain.authorities import LocationFlag, LocationList
from app.domain.commands import command_line
from app.domain.errors import SealkeeperError
from app.domain.responder import CertificateStatus, SigningFlag
from app.domain.services import ServiceName
from app.domain.status import Fix, LinkName, LinkState, PathLink
from app.services.authority.context import urls
from app.services.responder.links import milliseconds
from app.services.responder.ocsp_client import AskOcsp

if TYPE_CHECKING:
    from app.domain.responder import SigningCertificate
    from app.services.responder.links import StatusFacts
    from app.services.responder.ocsp_client import OcspClientService, OcspReport

NAME = LinkName.ENDPOINT


def endpoint_link(facts: StatusFacts, client: OcspClientService) -> PathLink:
    """Ask about the signing certificate where the responder listens and where clients ask.

    Blocks for the network; call it from task threads.
    """
    url = f"http://{facts.address.local_authority}/ocsp"
    if not facts.responder_started:
        return PathLink(
            NAME,
            LinkState.BAD,
            url,
            "Stopped",
            reason="The Online Responder service is stopped.",
            fix=Fix.START_RESPONDER,
            fix_command=command_line("service", "start", ServiceName.ONLINE_RESPONDER),
        )
    if facts.signer is None:
        return PathLink(NAME, LinkState.UNCHECKED, url, "Waiting")
    try:
        report = _ask(facts, facts.signer, client, url)
    except SealkeeperError as error:
        return PathLink(
            NAME,
            LinkState.BAD,
            url,
            "No answer",
            reason=error.message,
            likely_cause=error.cause,
            detail=error.detail,
            fix=Fix.START_RESPONDER,
            fix_command=command_line("serve"),
        )
    if report.verdict.status is not CertificateStatus.GOOD:
        return _wrong_answer(report)
    return _elsewhere(facts, facts.signer, client, url) or PathLink(
        NAME, LinkState.OK, url, f"Answers in {milliseconds(report.milliseconds)}"
    )


def _ask(
    facts: StatusFacts, signer: SigningCertificate, client: OcspClientService, url: str
) -> OcspReport:
    return client.ask(
        AskOcsp(
            certificate=signer.certificate,
            issuer=facts.authority.certificate,
            url=url,
            nonce=SigningFlag.ALLOW_NONCE in facts.configuration.signing_flags,
        )
    )


def _wrong_answer(report: OcspReport) -> PathLink:
    verdict = report.verdict
    problem = verdict.first_problem
    answered = verdict.response_status in {"", "SUCCESSFUL"}
    return PathLink(
        NAME,
        LinkState.BAD,
        report.url,
        "Wrong answer" if answered else "Refuses to answer",
        reason=problem.sentence if problem else f"The answer is {verdict.status}.",
        likely_cause="The signing key cannot be used right now." if problem else "",
        detail="\n".join(check.sentence for check in verdict.checks),
    )


def _elsewhere(
    facts: StatusFacts, signer: SigningCertificate, client: OcspClientService, local: str
) -> PathLink | None:
    """A warning when clients are sent to a URL that does not answer as this responder does."""
    for url in urls(facts.authority, LocationList.AIA, LocationFlag.IN_OCSP):
        if url == local:
            continue
        try:
            if _ask(facts, signer, client, url).verdict.status is CertificateStatus.GOOD:
                continue
            reason = f"Certificates send clients to {url}, which gives another answer."
        except SealkeeperError:
            reason = f"Certificates send clients to {url}, where nothing answers."
        return PathLink(
            NAME,
            LinkState.WARNING,
            url,
            "Clients go elsewhere",
            reason=reason,
            likely_cause=f"The responder itself answers at {local}: its address was changed, or a "
            "name or a proxy in between is not set up.",
        )
    return None

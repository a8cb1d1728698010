"""What the responder answers with: every configuration and its signer, as they are now."""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.domain.errors import SealkeeperError
from app.domain.services import ServiceName
from app.ocsp.answers import ConfiguredAuthority
from app.ocsp.signer import KeySigner
from app.pki.signing_certificate import check_signing_certificate
from app.services.responder.signing import signature_hash

if TYPE_CHECKING:
    from app.domain.principals import AccountName
    from app.domain.responder import RevocationConfiguration, SigningCertificate
    from app.services.authority.context import AuthorityContext


def configured_authorities(context: AuthorityContext) -> tuple[ConfiguredAuthority, ...]:
    """All configurations; one without a usable signer carries the reason and answers nothing.

    Blocks for the database only: keys are opened when the first answer is signed. A signer that
    does not fit is refused here, never replaced by another key.
    """
    with context.database.read() as tx:
        account = tx.services.get(ServiceName.ONLINE_RESPONDER).log_on_as
        found = [(entry, tx.signers.current(entry.id)) for entry in tx.configurations.all()]
    return tuple(_configured(context, account, entry, signer) for entry, signer in found)


def _configured(
    context: AuthorityContext,
    account: AccountName,
    configuration: RevocationConfiguration,
    signer: SigningCertificate | None,
) -> ConfiguredAuthority:
    if signer is None:
        return ConfiguredAuthority(configuration, None, "No signing certificate is enrolled.")
    problems = check_signing_certificate(
        signer.certificate, configuration.ca_certificate, context.clock.now()
    )
    if problems:
        return ConfiguredAuthority(configuration, None, " ".join(problems))
    try:
        provider = context.key_access.open(signer.key, account)
        key = KeySigner(
            provider, signer.key, signer.certificate, signature_hash(configuration, signer)
        )
    except SealkeeperError as error:
        return ConfiguredAuthority(configuration, None, error.one_line())
    return ConfiguredAuthority(configuration, key, "")

"""One enrolment of a signing certificate: a new key, a request to the CA, and the proof."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

import structlog
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from app.domain.authorities import Authority
from app.domain.commands import command_line
from app.domain.errors import KeyStorageError, Refused
from app.domain.events import EventLevel
from app.domain.ids import SignerId
from app.domain.keys import KEY_BITS, KeySpec, SignaturePadding
from app.domain.libraries import SOFTWARE_PROVIDER
from app.domain.principals import AccountName, TemplateRight
from app.domain.responder import RevocationConfiguration, SignerState, SigningCertificate
from app.domain.templates import Template
from app.hsm.private_key import private_key
from app.pki.signatures import SigningKey, builder_hash, hash_of
from app.pki.signing_certificate import check_signing_certificate
from app.services.authority.access import template_rights
from app.services.authority.enrollment import SubmitRequest

if TYPE_CHECKING:
    from app.domain.keys import KeyDescription, KeyProvider, SignatureScheme, TokenIdentity
    from app.domain.progress import Progress
    from app.services.authority.context import AuthorityContext
    from app.services.authority.enrollment import EnrollmentService

log = structlog.get_logger()

SOURCE = "Online Responder"


@dataclass(frozen=True, slots=True)
class SignerPlan:
    """The records that one enrolment is made from."""

    configuration: RevocationConfiguration
    authority: Authority
    template: Template
    account: AccountName
    current: SigningCertificate | None


class SignerEnrolment:
    """Enrolls signing certificates one at a time; call it from task threads."""

    def __init__(self, context: AuthorityContext, enrollment: EnrollmentService) -> None:
        self._context = context
        self._enrollment = enrollment

    def enroll(self, plan: SignerPlan, progress: Progress) -> SigningCertificate:
        """Make the key, get and prove the certificate, record it as the current one.

        A key without a certificate is deleted again.

        Raises:
            Refused: a permission, the issuing of the template or a fitting provider is missing.
            KeyStorageError: the token could not make or use the key.
        """
        # Before a key is made: the schedule tries again and again.
        self._require_autoenroll(plan)
        self._require_issuing(plan)
        provider = self._provider(plan)
        spec = _spec(plan.template, provider)
        now = self._context.clock.now()
        label = f"OCSPSvc\\{plan.configuration.name} {now:%Y-%m-%d %H:%M:%S}"
        progress.report(f"Generating the {spec} key in {provider.name}…")
        pair = provider.generate(spec, f"{label} {os.urandom(2).hex()}")
        recorded = False
        try:
            certificate = self._certificate(plan, provider, pair, progress)
            signer = self._record(plan, pair, certificate)
            recorded = True
        finally:
            if not recorded:
                _discard(provider, pair)
        return signer

    def _require_autoenroll(self, plan: SignerPlan) -> None:
        """Auto-enrolment needs the permission Autoenroll besides Enroll, as on Windows."""
        identity = self._identity(plan.account)
        rights = template_rights(self._context.directory, plan.template.permissions, identity)
        missing = [
            word
            for word, right in (
                ("enroll", TemplateRight.ENROLL),
                ("autoenroll", TemplateRight.AUTOENROLL),
            )
            if right not in rights
        ]
        if missing:
            words = " and ".join(word.capitalize() for word in missing)
            raise Refused(
                f"{identity} may not enroll automatically for the template "
                f"{plan.template.display_name}.",
                cause=f"The permission {words} is missing.",
                remedy="Grant it: "
                + command_line(
                    *("template", "permit", plan.template.name),
                    *(str(identity), "+read,enroll,autoenroll"),
                ),
            )

    def _require_issuing(self, plan: SignerPlan) -> None:
        """The CA takes the request and needs nobody's approval for it."""
        self._enrollment.require_acceptance(
            plan.authority, plan.template, self._identity(plan.account)
        )
        if plan.template.manager_approval:
            raise Refused(
                "Requests for the signing certificate would be pending.",
                cause=f"The template {plan.template.display_name} asks for the approval of a "
                "CA certificate manager.",
                remedy="Clear “CA certificate manager approval” in the template: a responder "
                "that renews itself cannot wait.",
            )

    def _identity(self, account: AccountName) -> AccountName:
        return self._context.directory.network_identity(account)

    def _provider(self, plan: SignerPlan) -> KeyProvider:
        bare = (
            plan.configuration.provider
            or next(iter(plan.template.providers), "")
            or plan.authority.provider.rpartition("#")[2]
        )
        allowed = plan.template.providers
        if allowed and bare not in allowed:
            raise Refused(
                f"The template {plan.template.display_name} does not allow keys in {bare}.",
                cause=f"It allows {', '.join(allowed)}.",
                remedy="Choose one of these in the configuration, or change the template.",
            )
        return self._context.key_access.open_provider(bare, self._token(plan, bare), plan.account)

    def _token(self, plan: SignerPlan, bare: str) -> TokenIdentity | None:
        """The token of the current key, else the CA's, where the account may open it."""
        if bare == SOFTWARE_PROVIDER:
            return None
        locators = [plan.current.key] if plan.current else []
        locators.append(plan.authority.key)
        with self._context.database.read() as tx:
            for locator in locators:
                if locator.token and tx.registrations.find(locator.token, plan.account):
                    return locator.token
        return None

    def _certificate(
        self,
        plan: SignerPlan,
        provider: KeyProvider,
        pair: KeyDescription,
        progress: Progress,
    ) -> bytes:
        progress.report("Requesting the signing certificate…")
        key = private_key(provider, pair.locator)
        name = x509.Name(
            [x509.NameAttribute(NameOID.COMMON_NAME, self._context.directory.host.lower())]
        )
        submission = self._enrollment.submit(
            SubmitRequest(
                authority_id=plan.authority.id,
                request=_request(
                    name, key, provider.scheme(pair.locator.algorithm, plan.template.request_hash)
                ),
                attributes=(("CertificateTemplate", plan.template.name),),
                requester=self._identity(plan.account),
            )
        )
        if submission.certificate is None:  # the template was changed meanwhile
            raise Refused(
                f"The request {submission.row.id} for the signing certificate waits.",
                remedy="Deny it, clear “CA certificate manager approval” and try again.",
            )
        progress.report("Proving the new signing certificate…")
        problems = check_signing_certificate(
            submission.certificate,
            plan.authority.certificate,
            self._context.clock.now(),
        )
        if problems:
            raise Refused(
                "The certificate that was issued cannot sign OCSP answers.",
                cause=" ".join(problems),
                remedy="Correct the template.",
            )
        return submission.certificate

    def _record(
        self, plan: SignerPlan, pair: KeyDescription, certificate: bytes
    ) -> SigningCertificate:
        parsed = x509.load_der_x509_certificate(certificate)
        name = plan.configuration.name
        with self._context.database.write() as tx:
            signer = tx.signers.add(
                SigningCertificate(
                    id=SignerId(0),
                    configuration_id=plan.configuration.id,
                    certificate=certificate,
                    key=pair.locator,
                    state=SignerState.EARLIER,
                    enrolled_at=self._context.clock.now(),
                    not_before=parsed.not_valid_before_utc,
                    not_after=parsed.not_valid_after_utc,
                )
            )
            tx.signers.make_current(signer.id)
            tx.events.add(
                EventLevel.INFORMATION,
                SOURCE,
                5126,
                f"The signing certificate of {name} was enrolled; it is valid until "
                f"{signer.not_after:%Y-%m-%d %H:%M} UTC.",
                str(plan.account),
                name,
            )
            current = tx.signers.current(plan.configuration.id)
        if current is None:
            raise Refused(f"The configuration {name} was removed meanwhile.")
        return current


def _request(name: x509.Name, key: SigningKey, scheme: SignatureScheme) -> bytes:
    """A PKCS#10 for the key, DER."""
    builder = x509.CertificateSigningRequestBuilder().subject_name(name)
    pss = None
    if scheme.padding is SignaturePadding.PSS:
        mask = padding.MGF1(hash_of(scheme.hash))
        pss = padding.PSS(mask, padding.PSS.DIGEST_LENGTH)
    strong_hash = builder_hash(key, scheme.hash)
    return builder.sign(key, strong_hash, rsa_padding=pss).public_bytes(Encoding.DER)


def _spec(template: Template, provider: KeyProvider) -> KeySpec:
    """The key that a template asks for.

    Raises:
        Refused: the provider cannot make it.
    """
    sizes = KEY_BITS[template.algorithm]
    bits = template.minimum_key_size if len(sizes) > 1 else sizes[0]
    if template.algorithm not in provider.algorithms():
        raise Refused(
            f"{provider.name} cannot make the {template.algorithm} keys that the template "
            f"{template.display_name} asks for.",
            remedy="Choose another algorithm in the template.",
        )
    return KeySpec(template.algorithm, bits)


def _discard(provider: KeyProvider, pair: KeyDescription) -> None:
    try:
        provider.delete(pair.locator)
    except KeyStorageError as error:
        log.warning("the key of a failed enrolment stays", label=pair.locator.label, error=error)

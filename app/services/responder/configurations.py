"""Revocation configurations of the online responder."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from app.domain.authorities import LocationFlag
from app.domain.commands import command_line
from app.domain.errors import InvalidInput, NameInUse, NotFound, SealkeeperError
from app.domain.events import EventLevel
from app.domain.ids import AuthorityId, ConfigurationId
from app.domain.libraries import SOFTWARE_PROVIDER
from app.domain.responder import (
    DEFAULT_SIGNING_FLAGS,
    RevocationConfiguration,
    SigningCertificate,
    SigningFlag,
)
from app.domain.templates import OID_OCSP_SIGNING
from app.pki.locations import default_locations
from app.services.security_library.key_access import bare_name, library_of_provider

if TYPE_CHECKING:
    from app.domain.progress import Progress
    from app.domain.templates import Template
    from app.services.authority.authorities import AuthorityService
    from app.services.authority.context import AuthorityContext
    from app.services.responder.signing import SigningCertificateService
    from app.store.database import Transaction

SOURCE = "Online Responder"
LONGEST_NAME = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class AddConfiguration:
    """A new revocation configuration for a CA of this console.

    Attributes:
        template: the template that its signing certificate is enrolled from.
        provider: bare provider name for the signing key; "" takes the template's first, then
            the CA's.
        enroll: enroll the signing certificate at once.
        add_ocsp_location: also put this responder's URL into what the CA issues.
    """

    name: str
    authority_id: AuthorityId
    template: str = "OCSPResponseSigning"
    provider: str = ""
    enroll: bool = True
    add_ocsp_location: bool = False


@dataclass(frozen=True, slots=True)
class AddedConfiguration:
    """What became of it: `problem` says why no signing certificate could be enrolled."""

    configuration: RevocationConfiguration
    signer: SigningCertificate | None
    problem: SealkeeperError | None


class ResponderService:
    """Revocation configurations; call it from task threads."""

    def __init__(
        self,
        context: AuthorityContext,
        authorities: AuthorityService,
        signing: SigningCertificateService,
    ) -> None:
        self._context = context
        self._authorities = authorities
        self._signing = signing

    def add(
        self, request: AddConfiguration, progress: Progress | None = None
    ) -> AddedConfiguration:
        """Add a configuration and enroll its signing certificate.

        A failed enrolment leaves the configuration: its status says what is missing, and the
        enrolment is repeated by the schedule or by `enroll`.

        Raises:
            InvalidInput, NameInUse, NotFound: refused before anything changed.
        """
        name = request.name.strip()
        _check_name(name)
        authority = self._authorities.get(request.authority_id)
        template = self._signing_template(request.template)
        self._check_provider(request.provider, template)
        with self._context.database.write() as tx:
            if tx.configurations.by_name(name) is not None:
                raise NameInUse(
                    f"There is already a revocation configuration “{name}”.",
                    remedy="Choose another name.",
                )
            configuration = tx.configurations.add(
                RevocationConfiguration(
                    id=ConfigurationId(0),
                    name=name,
                    authority_id=authority.id,
                    ca_certificate=authority.certificate,
                    signing_flags=DEFAULT_SIGNING_FLAGS,
                    template=template.name,
                    provider=request.provider,
                )
            )
            self._event(tx, 5122, f"The revocation configuration {name} was added.", name)
        if request.add_ocsp_location:
            self._include_location(authority.id)
        if not request.enroll:
            return AddedConfiguration(configuration, None, None)
        try:
            signer = self._signing.enroll_if_due(configuration.id, progress)
        except SealkeeperError as error:
            return AddedConfiguration(configuration, None, error)
        return AddedConfiguration(configuration, signer, None)

    def list(self) -> tuple[RevocationConfiguration, ...]:
        """All configurations, oldest first."""
        with self._context.database.read() as tx:
            return tx.configurations.all()

    def get(self, configuration_id: ConfigurationId) -> RevocationConfiguration:
        """One configuration.

        Raises:
            NotFound: there is none.
        """
        with self._context.database.read() as tx:
            return tx.configurations.get(configuration_id)

    def find(self, name: str = "") -> RevocationConfiguration:
        """The configuration of that name; "" means the only one.

        Raises:
            NotFound: none, or several and no name; the remedy lists them.
        """
        configurations = self.list()
        wanted = name.strip().casefold()
        found = [c for c in configurations if not wanted or c.name.casefold() == wanted]
        if len(found) == 1:
            return found[0]
        if not configurations:
            raise NotFound(
                "There is no revocation configuration yet.",
                remedy="Add one: " + command_line("responder", "add", "NAME"),
            )
        names = ", ".join(f"“{c.name}”" for c in configurations)
        message = (
            "There are several revocation configurations."
            if found
            else f"There is no revocation configuration “{name}”."
        )
        raise NotFound(message, remedy=f"There are: {names}.")

    def update(self, configuration: RevocationConfiguration) -> RevocationConfiguration:
        """Replace the settings of a configuration; the responder follows within a second.

        Raises:
            NotFound: it is gone, or its template is.
            NameInUse: another one has the name.
            InvalidInput: a rule between settings does not hold.
        """
        _check_name(configuration.name)
        template = self._signing_template(configuration.template)
        self._check_provider(configuration.provider, template)
        identifiers = SigningFlag.RESPONDER_ID_KEY_HASH | SigningFlag.RESPONDER_ID_NAME
        if (configuration.signing_flags & identifiers) in {identifiers, SigningFlag.NONE}:
            raise InvalidInput("Exactly one Online Responder identifier must be chosen.")
        with self._context.database.write() as tx:
            tx.configurations.get(configuration.id)
            other = tx.configurations.by_name(configuration.name)
            if other is not None and other.id != configuration.id:
                raise NameInUse(
                    f"There is already a revocation configuration “{configuration.name}”."
                )
            tx.configurations.update(configuration)
            self._event(
                tx,
                5122,
                f"The revocation configuration {configuration.name} was changed "
                f"(template {template.name}).",
                configuration.name,
            )
        return configuration

    def remove(self, configuration_id: ConfigurationId) -> None:
        """Stop answering for it; its signing keys stay on the token until they are deleted.

        Raises:
            NotFound: it is gone.
        """
        with self._context.database.write() as tx:
            name = tx.configurations.get(configuration_id).name
            tx.configurations.remove(configuration_id)
            self._event(tx, 5122, f"The revocation configuration {name} was removed.", name)

    def enroll(
        self, configuration_id: ConfigurationId, progress: Progress | None = None
    ) -> SigningCertificate:
        """Enroll a signing certificate with a new key; see `SigningCertificateService.enroll`."""
        return self._signing.enroll(configuration_id, progress)

    def signers(self, configuration_id: ConfigurationId) -> tuple[SigningCertificate, ...]:
        """Signing certificates of a configuration, the current one first."""
        with self._context.database.read() as tx:
            return tx.signers.all(configuration_id)

    def maintain(self) -> int:
        """Enroll and renew what is due; see `SigningCertificateService.maintain`."""
        return self._signing.maintain()

    def _signing_template(self, name: str) -> Template:
        with self._context.database.read() as tx:
            template = tx.templates.get(name)
        if template is None:
            raise NotFound(
                f"There is no certificate template “{name}”.",
                remedy="See the list: " + command_line("template", "list"),
            )
        if OID_OCSP_SIGNING not in template.application_policies or not template.ocsp_no_check:
            raise InvalidInput(
                f"Certificates of the template {template.display_name} cannot sign OCSP answers.",
                cause="It lacks the policy OCSP Signing or OCSP No Revocation Checking.",
                remedy="Choose OCSP Response Signing or a duplicate of it.",
            )
        return template

    def _check_provider(self, provider: str, template: Template) -> None:
        if not provider:
            return
        bare = bare_name(provider)
        if template.providers and bare not in template.providers:
            raise InvalidInput(
                f"The template {template.display_name} does not allow keys in {bare}.",
                cause=f"It allows {', '.join(template.providers)}.",
                remedy="Choose one of these, or change the template.",
            )
        if bare != SOFTWARE_PROVIDER:
            with self._context.database.read() as tx:
                library_of_provider(tx, bare)

    def _include_location(self, authority_id: AuthorityId) -> None:
        authority = self._authorities.get(authority_id)
        if any(LocationFlag.IN_OCSP in entry.flags for entry in authority.locations):
            return
        for location in default_locations():
            if LocationFlag.IN_OCSP in location.flags:
                self._authorities.add_location(authority_id, location)

    def _event(self, tx: Transaction, number: int, message: str, subject: str) -> None:
        caller = str(self._context.caller())
        tx.events.add(EventLevel.INFORMATION, SOURCE, number, message, caller, subject)


def _check_name(name: str) -> None:
    if not name.strip() or len(name) > LONGEST_NAME or not name.isprintable():
        raise InvalidInput(
            "A revocation configuration needs a name.",
            remedy=f"Give 1 to {LONGEST_NAME} characters.",
        )

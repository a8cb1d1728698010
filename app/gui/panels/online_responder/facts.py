"""What the responder's pages show, read from the services; Qt-free, for task threads."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from app.domain.authorities import Authority, LocationFlag
from app.domain.libraries import SOFTWARE_PROVIDER
from app.domain.responder import RevocationConfiguration, SignerState, SigningCertificate
from app.domain.services import ListenAddress, ServiceName, ServiceSettings
from app.domain.status import ConfigurationStatus, TimelineRow
from app.domain.templates import OID_OCSP_SIGNING, Template

if TYPE_CHECKING:
    from app.domain.ids import ConfigurationId
    from app.domain.keys import KeyLocator
    from app.services.backend import Backend


@dataclass(frozen=True, slots=True)
class ConfigurationRow:
    """One line of the list of configurations."""

    configuration: RevocationConfiguration
    authority: str
    status: ConfigurationStatus
    signer: SigningCertificate | None
    provider: str

    @property
    def problem(self) -> str:
        """Why it does not simply work, one sentence, or ""."""
        link = self.status.first_problem
        return link.reason if link is not None else ""


@dataclass(frozen=True, slots=True)
class ConfigurationFacts:
    """One configuration with all that its page shows.

    `signers` are the current signing certificate and the earlier ones, `provider` holds the
    current one's key.
    """

    configuration: RevocationConfiguration
    authority: Authority
    template: Template | None
    provider: str
    status: ConfigurationStatus
    timeline: tuple[TimelineRow, ...]
    signers: tuple[SigningCertificate, ...]
    read_at: datetime

    @property
    def current(self) -> SigningCertificate | None:
        """The signing certificate in use."""
        return next((each for each in self.signers if each.state is SignerState.CURRENT), None)


@dataclass(frozen=True, slots=True)
class ResponderFacts:
    """The responder and all its configurations."""

    settings: ServiceSettings
    address: ListenAddress
    rows: tuple[ConfigurationRow, ...]


@dataclass(frozen=True, slots=True)
class Choices:
    """What a configuration can be made of."""

    authorities: tuple[Authority, ...]
    templates: tuple[Template, ...]
    providers: tuple[str, ...]
    names: tuple[str, ...]
    with_location: frozenset[int]


def configuration_rows(backend: Backend) -> tuple[ConfigurationRow, ...]:
    """All configurations, each looked at now."""
    authorities = {authority.id: authority.name for authority in backend.authorities.list()}
    names = _provider_names(backend)
    rows = []
    for configuration in backend.responder.list():
        signers = backend.responder.signers(configuration.id)
        current = next((each for each in signers if each.state is SignerState.CURRENT), None)
        rows.append(
            ConfigurationRow(
                configuration,
                authorities.get(configuration.authority_id, ""),
                backend.status.configuration(configuration.id),
                current,
                _provider(current.key, names) if current else configuration.provider,
            )
        )
    return tuple(rows)


def configuration_facts(backend: Backend, configuration_id: ConfigurationId) -> ConfigurationFacts:
    """One configuration, looked at now.

    Raises:
        NotFound: it was removed.
    """
    configuration = backend.responder.get(configuration_id)
    signers = backend.responder.signers(configuration_id)
    current = next((each for each in signers if each.state is SignerState.CURRENT), None)
    templates = {each.name: each for each in backend.templates.list()}
    return ConfigurationFacts(
        configuration=configuration,
        authority=backend.authorities.get(configuration.authority_id),
        template=templates.get(configuration.template),
        provider=_provider(current.key, _provider_names(backend))
        if current
        else configuration.provider,
        status=backend.status.configuration(configuration_id),
        timeline=backend.status.timeline(configuration_id),
        signers=signers,
        read_at=backend.clock.now(),
    )


def responder_facts(backend: Backend) -> ResponderFacts:
    """The responder's settings and configurations."""
    return ResponderFacts(
        backend.services.get(ServiceName.ONLINE_RESPONDER),
        backend.services.listen_address(),
        configuration_rows(backend),
    )


def choices(backend: Backend) -> Choices:
    """What a new configuration can be made of."""
    authorities = backend.authorities.list()
    return Choices(
        authorities=authorities,
        templates=signing_templates(backend),
        providers=backend.providers.names(),
        names=tuple(each.name for each in backend.responder.list()),
        with_location=frozenset(a.id for a in authorities if names_a_responder(a)),
    )


def names_a_responder(authority: Authority) -> bool:
    """Whether what the CA issues says which online responder answers for it."""
    return any(LocationFlag.IN_OCSP in location.flags for location in authority.locations)


def signing_templates(backend: Backend) -> tuple[Template, ...]:
    """Templates whose certificates can sign OCSP answers."""
    return tuple(
        template
        for template in backend.templates.list()
        if OID_OCSP_SIGNING in template.application_policies and template.ocsp_no_check
    )


def _provider_names(backend: Backend) -> dict[str, str]:
    return {library.spec.path: library.provider_name for library in backend.libraries.list()}


def _provider(key: KeyLocator, names: dict[str, str]) -> str:
    return SOFTWARE_PROVIDER if key.token is None else names.get(key.library_path, "")

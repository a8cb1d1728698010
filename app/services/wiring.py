"""Puts the services of one home together."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from app.domain.clock import Clock
from app.domain.principals import Directory
from app.domain.secrets import SecretStore
from app.hsm.isolation import KeyIsolation
from app.hsm.software import SoftwareKeyProvider
from app.services.authority.authorities import AuthorityService
from app.services.authority.context import AuthorityContext
from app.services.authority.enrollment import EnrollmentService
from app.services.authority.revocation import RevocationService
from app.services.backend import Backend
from app.services.events import EventService
from app.services.luna.service import LunaService
from app.services.principals import PrincipalService
from app.services.responder.checklist import ChecklistService
from app.services.responder.configurations import ResponderService
from app.services.responder.ocsp_client import OcspClientService
from app.services.responder.signing import SigningCertificateService
from app.services.responder.status import StatusService
from app.services.security_library.key_access import KeyAccess
from app.services.security_library.keys import KeyService
from app.services.security_library.legacy import LegacyProviders
from app.services.security_library.libraries import LibraryService
from app.services.security_library.loading import LibraryLoading
from app.services.security_library.providers import ProviderService
from app.services.security_library.slots import SlotService
from app.services.security_library.tokens import TokenService
from app.services.service_control import ServiceControl
from app.services.templates import TemplateService
from app.store.database import Database

if TYPE_CHECKING:
    from contextlib import ExitStack


@dataclass(frozen=True, slots=True)
class Parts:
    """What the services are built on; opened and closed by whoever wires them."""

    home: Path
    clock: Clock
    database: Database
    directory: Directory
    isolation: KeyIsolation
    secrets: SecretStore
    software: SoftwareKeyProvider


def wire(parts: Parts, resources: ExitStack) -> Backend:
    """All services over these parts; `resources` closes the parts with the backend."""
    database, directory, clock = parts.database, parts.directory, parts.clock
    events = EventService(database, directory)
    access = KeyAccess(database, parts.isolation, parts.software, parts.secrets, events, clock)
    loading = LibraryLoading(database, parts.isolation, parts.home)
    parts.isolation.prepare_with(loading.prepare)
    luna = LunaService(database, parts.isolation, events, clock, parts.home)
    services = ServiceControl(database, directory, events)
    legacy = LegacyProviders(database, parts.isolation, services, events, clock)
    context = AuthorityContext(database, clock, directory, access)
    enrollment = EnrollmentService(context)
    revocation = RevocationService(context, enrollment)
    authorities = AuthorityService(context, revocation, services, events)
    signing = SigningCertificateService(context, enrollment)
    client = OcspClientService(database, clock)
    return Backend(
        home=parts.home,
        clock=clock,
        database=database,
        directory=directory,
        feed=database.feed,
        libraries=LibraryService(database, parts.isolation, loading, events, clock),
        slots=SlotService(
            database=database,
            isolation=parts.isolation,
            access=access,
            secrets=parts.secrets,
            directory=directory,
            events=events,
            clock=clock,
            evidence=luna.evidence,
        ),
        providers=ProviderService(database, access, legacy),
        luna=luna,
        keys=KeyService(
            database=database,
            access=access,
            directory=directory,
            events=events,
            clock=clock,
        ),
        tokens=TokenService(
            database=database,
            isolation=parts.isolation,
            secrets=parts.secrets,
            ledger=access.ledger,
            events=events,
            clock=clock,
        ),
        key_access=access,
        templates=TemplateService(database, directory, events),
        principals=PrincipalService(database, directory, events),
        services=services,
        authority_context=context,
        authorities=authorities,
        enrollment=enrollment,
        revocation=revocation,
        responder=ResponderService(context, authorities, signing),
        status=StatusService(context, services, client),
        checklist=ChecklistService(context),
        ocsp_client=client,
        events=events,
        resources=resources,
    )

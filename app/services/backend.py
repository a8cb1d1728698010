"""The typed container of everything that the console, the command line and the host call."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Self

from app.domain.clock import Clock
from app.domain.events import ChangeFeed
from app.domain.principals import Directory
from app.services.authority.authorities import AuthorityService
from app.services.authority.context import AuthorityContext
from app.services.authority.enrollment import EnrollmentService
from app.services.authority.revocation import RevocationService
from app.services.events import EventService
from app.services.luna.service import LunaService
from app.services.principals import PrincipalService
from app.services.responder.checklist import ChecklistService
from app.services.responder.configurations import ResponderService
from app.services.responder.ocsp_client import OcspClientService
from app.services.responder.status import StatusService
from app.services.security_library.key_access import KeyAccess
from app.services.security_library.keys import KeyService
from app.services.security_library.libraries import LibraryService
from app.services.security_library.providers import ProviderService
from app.services.security_library.slots import SlotService
from app.services.security_library.tokens import TokenService
from app.services.service_control import ServiceControl
from app.services.templates import TemplateService
from app.store.database import Database

if TYPE_CHECKING:
    from types import TracebackType


@dataclass(frozen=True, slots=True, kw_only=True)
class Backend:
    """The services of one home folder; made by the composition root, closed by whoever opened it.

    Every service is thread-safe and blocks: none of them is for the GUI thread.

    Attributes:
        resources: what has to be closed at the end, in the reverse order of its opening.
    """

    home: Path
    clock: Clock
    database: Database
    directory: Directory
    feed: ChangeFeed
    libraries: LibraryService
    slots: SlotService
    providers: ProviderService
    luna: LunaService
    keys: KeyService
    tokens: TokenService
    key_access: KeyAccess
    templates: TemplateService
    principals: PrincipalService
    services: ServiceControl
    authority_context: AuthorityContext
    authorities: AuthorityService
    enrollment: EnrollmentService
    revocation: RevocationService
    responder: ResponderService
    status: StatusService
    checklist: ChecklistService
    ocsp_client: OcspClientService
    events: EventService
    resources: ExitStack = field(repr=False)

    def close(self) -> None:
        """End the processes of the libraries and close the database; once is enough."""
        self.resources.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

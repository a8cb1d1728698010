"""Setting up certification authorities and changing their properties."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import structlog

from app.domain.authorities import (
    Authority,
    AuthorityType,
    CrlSettings,
    Location,
    LocationFlag,
    SetupType,
)
from app.domain.commands import command_line
from app.domain.errors import InvalidInput, KeyStorageError, NameInUse, NotFound, Refused
from app.domain.events import EventLevel
from app.domain.ids import AuthorityId
from app.domain.keys import HashAlgorithm, KeySpec, SignaturePadding, TokenIdentity
from app.domain.periods import Period, PeriodUnit
from app.domain.principals import AuthorityAccess, AuthorityRight
from app.domain.progress import Silent
from app.domain.services import ServiceName
from app.hsm.private_key import private_key
from app.pki.certificates import RootRequest, build_root
from app.pki.locations import default_locations
from app.pki.names import parse_distinguished_name
from app.pki.serials import new_serial
from app.services.authority.access import default_permissions, require_authority_right
from app.services.authority.context import expanded, find_by_name
from app.services.authority.location_rules import check_location, check_server_name
from app.services.authority.naming import LONGEST_NAME, check_name, subject_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from app.domain.keys import KeyDescription, KeyProvider
    from app.domain.principals import AccountName
    from app.domain.progress import Progress
    from app.services.authority.context import AuthorityContext
    from app.services.authority.revocation import RevocationService
    from app.services.events import EventService
    from app.services.service_control import ServiceControl
    from app.store.database import Transaction

    _Change = Callable[[Authority], Authority]

log = structlog.get_logger()

SOURCE = "Certification Authority"
FIVE_YEARS = Period(5, PeriodUnit.YEARS)
TWO_YEARS = Period(2, PeriodUnit.YEARS)


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateAuthority:
    """A new enterprise root CA.

    Attributes:
        provider: `ALG#provider`, as the provider list shows it.
        token: where several are registered; None for the only one and for the software provider.
        ocsp_location: also include the Online Responder's URL in what it issues.
        server_dns_name: host[:port] for its URLs; "" takes the listening address.
    """

    name: str
    provider: str
    spec: KeySpec
    token: TokenIdentity | None = None
    hash_algorithm: HashAlgorithm = HashAlgorithm.SHA256
    validity: Period = FIVE_YEARS
    distinguished_name_suffix: str = ""
    ocsp_location: bool = False
    server_dns_name: str = ""


class AuthorityService:
    """Certification authorities of this home; call it from task threads."""

    def __init__(
        self,
        context: AuthorityContext,
        revocation: RevocationService,
        services: ServiceControl,
        events: EventService,
    ) -> None:
        self._context = context
        self._revocation = revocation
        self._services = services
        self._events = events

    def proposed_name(self) -> str:
        """The name that the set-up wizard proposes: DOMAIN-HOST-CA."""
        directory = self._context.directory
        return f"{directory.domain}-{directory.host}-CA"[:LONGEST_NAME]

    def list(self) -> tuple[Authority, ...]:
        """All CAs, oldest first."""
        with self._context.database.read() as tx:
            return tx.authorities.all()

    def get(self, authority_id: AuthorityId) -> Authority:
        """The CA of that id.

        Raises:
            NotFound: there is none.
        """
        with self._context.database.read() as tx:
            return tx.authorities.get(authority_id)

    def find(self, name: str = "") -> Authority:
        """The CA of that name; "" means the only one.

        Raises:
            NotFound: none, or several and no name.
        """
        return find_by_name(self.list(), name)

    def check_name(self, name: str, suffix: str = "") -> str:
        """The distinguished name of a new CA, when it can be set up by that name.

        Raises:
            InvalidInput: the name, or the suffix of the distinguished name, cannot be used.
            NameInUse: there is such a CA.
        """
        check_name(name)
        subject = subject_of(name, suffix)
        with self._context.database.read() as tx:
            _refuse_taken(tx, name)
        return subject

    def create(self, request: CreateAuthority, progress: Progress | None = None) -> Authority:
        """Make the key in its provider, the self-signed certificate and the first CRL.

        Nothing is left when it fails before the CA is recorded. A failure of the first CRL leaves
        a CA whose status says so; publishing can be repeated.

        Raises:
            InvalidInput, NameInUse: refused before anything changed.
            KeyStorageError: the key could not be made or used.
        """
        progress = progress or Silent()
        subject = self._check(request)
        account = self._context.service_account()
        _, _, bare = request.provider.rpartition("#")
        provider = self._context.key_access.open_provider(bare, request.token, account)
        _require_algorithm(provider, request)
        request = replace(request, provider=f"{request.spec.algorithm}#{provider.name}")
        progress.report(f"Generating the {request.spec} key…")
        pair = provider.generate(request.spec, request.name)
        recorded = False
        try:
            progress.report("Signing the certificate…")
            certificate = self._self_signed(request, subject, provider, pair)
            authority = self._record(request, subject, pair, certificate)
            recorded = True
        finally:
            if not recorded:
                _discard(provider, pair)
        progress.report("Publishing the first CRL…")
        self._revocation.publish_crl(authority.id)
        return self.get(authority.id)

    def _check(self, request: CreateAuthority) -> str:
        check_server_name(request.server_dns_name)
        if request.hash_algorithm is HashAlgorithm.SHA1:
            raise InvalidInput("SHA1 is out of date.", remedy="Choose SHA256 or longer.")
        return self.check_name(request.name, request.distinguished_name_suffix)

    def _self_signed(
        self,
        request: CreateAuthority,
        subject: str,
        provider: KeyProvider,
        pair: KeyDescription,
    ) -> bytes:
        root = RootRequest(
            subject=parse_distinguished_name(subject),
            validity=request.validity,
            now=self._context.clock.now(),
            serial=new_serial(os.urandom(16)),
        )
        scheme = provider.scheme(request.spec.algorithm, request.hash_algorithm)
        return build_root(
            root,
            private_key(provider, pair.locator),
            request.hash_algorithm,
            pss=scheme.padding is SignaturePadding.PSS,
        )

    def _record(
        self, request: CreateAuthority, subject: str, pair: KeyDescription, certificate: bytes
    ) -> Authority:
        locations = tuple(
            location
            for location in default_locations()
            if request.ocsp_location or LocationFlag.IN_OCSP not in location.flags
        )
        host = request.server_dns_name or self._services.listen_address().public_authority(
            self._context.directory.host.lower()
        )
        authority = Authority(
            id=AuthorityId(0),
            name=request.name,
            setup_type=SetupType.ENTERPRISE,
            authority_type=AuthorityType.ROOT,
            distinguished_name=subject,
            certificate=certificate,
            key=pair.locator,
            provider=request.provider,
            hash_algorithm=request.hash_algorithm,
            server_dns_name=host,
            locations=locations,
            crl=CrlSettings(),
            templates=(),
            permissions=default_permissions(self._context.directory.domain),
            maximum_validity=TWO_YEARS,
            started=True,
            created_at=self._context.clock.now(),
        )
        with self._context.database.write() as tx:
            _refuse_taken(tx, request.name)
            authority = tx.authorities.add(authority)
            self._event(tx, 4880, f"{authority.name} was set up and started.", authority)
        return authority

    # --- properties ---------------------------------------------------------------------------

    def expanded_locations(self, authority_id: AuthorityId) -> tuple[tuple[Location, str], ...]:
        """Each location with the URL that it stands for."""
        return expanded(self.get(authority_id))

    def add_location(self, authority_id: AuthorityId, location: Location) -> Authority:
        """Add a location; what is issued from now on carries it.

        Raises:
            InvalidInput: no http URL with a path, or a check box that its list does not have.
            NameInUse: it is there already.
        """

        def change(authority: Authority) -> Authority:
            check_location(authority, location)
            known = {(entry.kind, entry.template.casefold()) for entry in authority.locations}
            if (location.kind, location.template.casefold()) in known:
                raise NameInUse(f"{location.template} is in the list already.")
            return replace(authority, locations=(*authority.locations, location))

        return self._update(authority_id, change, f"Location {location.template} was added.")

    def remove_location(self, authority_id: AuthorityId, location: Location) -> Authority:
        """Remove a location from its list.

        Raises:
            NotFound: it is not there.
        """

        def change(authority: Authority) -> Authority:
            kept = tuple(
                entry
                for entry in authority.locations
                if (entry.kind, entry.template) != (location.kind, location.template)
            )
            if len(kept) == len(authority.locations):
                raise NotFound(f"{location.template} is not in the list.")
            return replace(authority, locations=kept)

        return self._update(authority_id, change, f"Location {location.template} was removed.")

    def add_template(self, authority_id: AuthorityId, *names: str) -> Authority:
        """Issue these templates from now on; naming one that is issued already does nothing.

        Raises:
            NotFound: a template does not exist.
        """
        with self._context.database.read() as tx:
            found = [(name, tx.templates.get(name)) for name in names]
        for name, template in found:
            if template is None:
                raise NotFound(
                    f"There is no certificate template “{name}”.",
                    remedy="See the list: " + command_line("template", "list"),
                )
        wanted = [template.name for _, template in found if template is not None]

        def change(authority: Authority) -> Authority:
            new = [name for name in wanted if name not in authority.templates]
            return replace(authority, templates=(*authority.templates, *new))

        return self._update(authority_id, change, f"Issues {', '.join(wanted)}.", number=4898)

    def remove_template(self, authority_id: AuthorityId, name: str) -> Authority:
        """Stop issuing a template; the template itself stays.

        Raises:
            NotFound: the CA does not issue it.
        """

        def change(authority: Authority) -> Authority:
            kept = tuple(t for t in authority.templates if t.casefold() != name.casefold())
            if len(kept) == len(authority.templates):
                raise NotFound(f"{authority.name} does not issue the template “{name}”.")
            return replace(authority, templates=kept)

        return self._update(authority_id, change, f"Does not issue {name} any more.")

    def permit(
        self,
        authority_id: AuthorityId,
        account: AccountName,
        *,
        add: AuthorityRight,
        remove: AuthorityRight = AuthorityRight.NONE,
    ) -> Authority:
        """Change what a principal may do with the CA.

        Raises:
            Refused: nobody would be left with Manage CA.
        """

        def change(authority: Authority) -> Authority:
            entries = {entry.account.key: entry for entry in authority.permissions}
            old = entries.get(account.key, AuthorityAccess(account, AuthorityRight.NONE))
            entries[account.key] = AuthorityAccess(account, (old.allow | add) & ~remove)
            kept = tuple(entry for entry in entries.values() if entry.allow)
            if not any(AuthorityRight.MANAGE_CA in entry.allow for entry in kept):
                raise Refused(
                    "Somebody must keep the permission Manage CA.",
                    remedy="Give it to another principal first.",
                )
            return replace(authority, permissions=kept)

        return self._update(authority_id, change, f"Permissions of {account} changed.", number=4882)

    def set_crl_settings(self, authority_id: AuthorityId, settings: CrlSettings) -> Authority:
        """Change the CRL publishing parameters; they hold from the next CRL on."""
        return self._update(
            authority_id,
            lambda authority: replace(authority, crl=settings),
            f"The CRL publication interval is {settings.period}.",
        )

    def start(self, authority_id: AuthorityId) -> Authority:
        """Let it issue again; the service that all CAs run in starts with it."""
        started = self._update(
            authority_id, lambda ca: replace(ca, started=True), "Started.", number=4880
        )
        self._services.start(ServiceName.CERTIFICATION_AUTHORITY)
        return started

    def stop(self, authority_id: AuthorityId) -> Authority:
        """Refuse requests until it is started; what it signed stays answered for."""
        return self._update(
            authority_id, lambda ca: replace(ca, started=False), "Stopped.", number=4881
        )

    def _update(
        self,
        authority_id: AuthorityId,
        change: _Change,
        message: str,
        number: int = 4891,
    ) -> Authority:
        with self._context.database.write() as tx:
            before = tx.authorities.get(authority_id)
            require_authority_right(
                self._context.directory, before, self._context.caller(), AuthorityRight.MANAGE_CA
            )
            after = change(before)
            tx.authorities.update(after)
            self._event(tx, number, message, after)
            return after

    def _event(self, tx: Transaction, number: int, message: str, authority: Authority) -> None:
        self._events.within(
            tx, EventLevel.INFORMATION, SOURCE, number, message, subject=authority.name
        )


def _refuse_taken(tx: Transaction, name: str) -> None:
    if tx.authorities.by_name(name) is not None:
        raise NameInUse(
            f"There is already a certification authority “{name}”.", remedy="Choose another name."
        )


def _require_algorithm(provider: KeyProvider, request: CreateAuthority) -> None:
    wanted, separator, _ = request.provider.partition("#")
    if separator and wanted.strip().casefold() != request.spec.algorithm.casefold():
        raise InvalidInput(
            f"{request.provider} does not make {request.spec} keys.",
            remedy=f"Choose the provider {request.spec.algorithm}#{provider.name}.",
        )
    if request.spec.algorithm not in provider.algorithms():
        offered = ", ".join(provider.algorithms())
        raise InvalidInput(
            f"The token of {provider.name} does not make {request.spec.algorithm} keys.",
            remedy=f"It offers {offered}.",
        )


def _discard(provider: KeyProvider, pair: KeyDescription) -> None:
    """Undo a key generation after a failure; a failure of this is told in the log, not raised."""
    try:
        provider.delete(pair.locator)
    except KeyStorageError as error:
        log.warning("the key of a failed set-up stays", label=pair.locator.label, error=str(error))

"""Starting and stopping the services: the desired state, and the host of this process.

Everything here is Qt-free and blocks: for task threads.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from app.domain.errors import AddressInUse
from app.domain.libraries import SlotRegistration
from app.domain.principals import SYSTEM, AccountName, Principal, PrincipalKind
from app.domain.services import ServiceName, ServiceSettings
from app.domain.status import LinkState

if TYPE_CHECKING:
    from app.domain.authorities import Authority
    from app.domain.services import HostControl, HostState
    from app.domain.status import ResponderCounters
    from app.services.backend import Backend

LOG_ON_KINDS = frozenset({PrincipalKind.USER, PrincipalKind.SERVICE_ACCOUNT})


@dataclass(frozen=True, slots=True)
class ServiceRow:
    """One service as the list shows it.

    Attributes:
        state / word: of the service itself.
        why: one sentence where it is not simply running.
        registrations: all registered slots, of whatever account.
    """

    settings: ServiceSettings
    state: LinkState
    word: str
    why: str
    started: bool
    can_start: bool
    registrations: tuple[SlotRegistration, ...]

    @property
    def account_words(self) -> str:
        """The log-on account as Windows' list of services words it."""
        account = self.settings.log_on_as
        return "Local System" if account.key == SYSTEM.key else str(account)

    @property
    def own_slots(self) -> tuple[SlotRegistration, ...]:
        """The slots that the log-on account has."""
        return slots_of(self.settings.log_on_as, self.registrations)


def slots_of(
    account: AccountName, registrations: tuple[SlotRegistration, ...]
) -> tuple[SlotRegistration, ...]:
    """The registrations of one account."""
    return tuple(row for row in registrations if row.account.key == account.key)


def service_rows(backend: Backend, host: HostControl) -> tuple[ServiceRow, ...]:
    """Both services."""
    registrations = backend.slots.registered()
    authorities = backend.authorities.list()
    rows = []
    for settings in backend.services.list():
        if settings.name is ServiceName.ONLINE_RESPONDER:
            state, word, why = responder_state(host.state(), host.counters(), settings)
            started, can_start = settings.started and host_serves(host.state()), True
        else:
            state, word, why = authority_state(authorities)
            started = any(authority.started for authority in authorities)
            can_start = bool(authorities)
        rows.append(ServiceRow(settings, state, word, why, started, can_start, registrations))
    return tuple(rows)


def host_serves(state: HostState) -> bool:
    """Whether this process, or another of this home, listens."""
    return state.running or bool(state.elsewhere)


def responder_state(
    state: HostState, counters: ResponderCounters, settings: ServiceSettings | None
) -> tuple[LinkState, str, str]:
    """State, word and reason of the online responder; cheap."""
    if state.elsewhere:
        return LinkState.OK, "Served elsewhere", f"Another process serves: {state.elsewhere}."
    if not state.running:
        why = state.problem or "The service host of this console does not run."
        return LinkState.BAD, "Not listening", why
    if settings is not None and not settings.started:
        return LinkState.BAD, "Stopped", "The Online Responder service is stopped."
    if counters.started_at is None:
        return LinkState.UNCHECKED, "Starting", "The service is about to start."
    return LinkState.OK, "Running", ""


def authority_state(authorities: tuple[Authority, ...]) -> tuple[LinkState, str, str]:
    """State, word and reason of the CA service."""
    started = [authority for authority in authorities if authority.started]
    if not authorities:
        return LinkState.UNCHECKED, "Not set up", "There is no certification authority yet."
    if len(started) == len(authorities):
        return LinkState.OK, "Running", ""
    stopped = ", ".join(authority.name for authority in authorities if not authority.started)
    if started:
        word = f"{len(started)} of {len(authorities)} running"
        return LinkState.WARNING, word, f"Stopped: {stopped}."
    return LinkState.BAD, "Stopped", f"{stopped} issues no certificates and no CRLs."


# --- doing ----------------------------------------------------------------------------------------


def start_service(backend: Backend, host: HostControl, name: ServiceName) -> None:
    """Start a service; for the responder also this process's host, unless another one serves.

    Raises:
        AddressInUse: something that is not of this home listens at the responder's address.
        Refused: a permission on a CA is missing.
    """
    backend.services.start(name)
    if name is ServiceName.ONLINE_RESPONDER:
        _start_host(host)
        return
    for authority in backend.authorities.list():
        if not authority.started:
            backend.authorities.start(authority.id)


def stop_service(backend: Backend, name: ServiceName) -> None:
    """Stop a service; the host goes on serving CA certificates and CRLs."""
    backend.services.stop(name)
    if name is ServiceName.CERTIFICATION_AUTHORITY:
        for authority in backend.authorities.list():
            if authority.started:
                backend.authorities.stop(authority.id)


def restart_service(backend: Backend, host: HostControl, name: ServiceName) -> None:
    """Stop and start a service; the responder's host listens anew and opens its keys again.

    Raises:
        AddressInUse, Refused: as `start_service`.
    """
    stop_service(backend, name)
    if name is ServiceName.ONLINE_RESPONDER and host.state().running:
        host.stop()
    start_service(backend, host, name)


def _start_host(host: HostControl) -> None:
    if host.state().running:
        return
    try:
        host.start()
    except AddressInUse:
        # Another process of this home serves: that is what was asked for.
        if not host.state().elsewhere:
            raise


def log_on_accounts(backend: Backend) -> tuple[Principal, ...]:
    """The accounts that a service can log on as."""
    return tuple(each for each in backend.principals.list() if each.kind in LOG_ON_KINDS)


def set_log_on(backend: Backend, name: ServiceName, account: str) -> ServiceSettings:
    """Find the account and let the service log on as it.

    Raises:
        NotFound: there is no such user or service account.
        InvalidInput: the text is no account name.
    """
    found = backend.principals.find(account, LOG_ON_KINDS)
    return backend.services.set_log_on(name, found.account)

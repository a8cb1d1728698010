"""What the slot registration wizard reads before it opens, and between its pages; without Qt."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from app.domain.keys import KeyAlgorithm
from app.domain.libraries import Library, SlotRegistration
from app.domain.principals import AccountName, Principal
from app.domain.services import ServiceName
from app.domain.tokens import SlotTrial
from app.gui.panels.security_library.facts import SlotRow
from app.services.security_library.prerequisites import Prerequisite
from app.services.security_library.slot_trials import algorithms_of

if TYPE_CHECKING:
    from app.domain.ids import LibraryId
    from app.domain.keys import TokenIdentity
    from app.domain.progress import Progress
    from app.domain.secret import Secret
    from app.services.backend import Backend


@dataclass(frozen=True, slots=True, kw_only=True)
class SlotWizardStart:
    """What the wizard needs before its first page.

    Attributes:
        place: as `SlotService.secret_place` gives it.
        services: accounts that the services log on as, the responder's first.
    """

    libraries: tuple[Library, ...]
    registrations: tuple[SlotRegistration, ...]
    principals: tuple[Principal, ...]
    current: AccountName
    host: str
    domain: str
    place: tuple[str, bool]
    services: tuple[AccountName, ...]


@dataclass(frozen=True, slots=True)
class SlotChecks:
    """What is known of a chosen slot beyond its facts.

    Attributes:
        prerequisites: of a Luna client's slot; empty for others.
        exposure: what to say if the responder's account is chosen; "" when there is nothing.
    """

    prerequisites: tuple[Prerequisite, ...]
    exposure: str


@dataclass(frozen=True, slots=True)
class TriedSlot:
    """What the test of a slot found before it is registered."""

    trial: SlotTrial
    algorithms: tuple[KeyAlgorithm, ...]


def wizard_start(backend: Backend) -> SlotWizardStart:
    """Read what the wizard starts from; for a task thread."""
    services = {each.name: each.log_on_as for each in backend.services.list()}
    responder = services[ServiceName.ONLINE_RESPONDER]
    accounts = {account.key: account for account in (responder, *services.values())}
    return SlotWizardStart(
        libraries=tuple(each for each in backend.libraries.list() if each.disabled_at is None),
        registrations=backend.slots.registered(),
        principals=backend.principals.list(),
        current=backend.directory.current_account(),
        host=backend.directory.host,
        domain=backend.directory.domain,
        place=backend.slots.secret_place(),
        services=tuple(accounts.values()),
    )


def slots_of(backend: Backend, library: Library) -> tuple[SlotRow, ...]:
    """The slots of a library as it reports them now, and for whom they are registered."""
    registrations = [row for row in backend.slots.registered() if row.library_id == library.id]
    found: list[SlotRow] = []
    for slot in backend.libraries.slots(library.id):
        accounts = tuple(str(row.account) for row in registrations if row.token == slot.token)
        row = SlotRow(library, slot, None, accounts)
        found.append(replace(row, sheet=backend.slots.sheet(library.id, slot)))
    return tuple(found)


def slot_checks(backend: Backend, row: SlotRow, responder: AccountName) -> SlotChecks:
    """Look at a chosen slot; for a task thread."""
    if row.slot is None or row.token is None:
        return SlotChecks((), "")
    return SlotChecks(
        backend.slots.prerequisites(row.library.id, row.slot),
        backend.slots.exposure_warning(row.library.id, row.token, (responder,)),
    )


def try_slot(
    backend: Backend,
    library_id: LibraryId,
    token: TokenIdentity,
    pin: Secret | None,
    *,
    progress: Progress,
) -> TriedSlot:
    """Log in once and have the token sign; for a task thread.

    Raises:
        SealkeeperError: as `SlotService.try_slot`.
    """
    trial = backend.slots.try_slot(library_id, token, pin, progress)
    return TriedSlot(trial, algorithms_of(trial))

"""The guide's prerequisites of a Luna client's slot, each with what proves it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from app.domain.status import LinkState

if TYPE_CHECKING:
    from app.domain.libraries import TokenSettings
    from app.domain.luna import LunaEvidence
    from app.domain.tokens import SlotFacts, SlotTrial


@dataclass(frozen=True, slots=True)
class Prerequisite:
    """One prerequisite.

    Attributes:
        name: as the guide calls it.
        state: whether it is met; UNCHECKED where nothing tells.
        word: the state in one or two words.
        evidence: what was found and where, one or two sentences.
        confirmable: nothing can read it, so a person may confirm it.
    """

    name: str
    state: LinkState
    word: str
    evidence: str
    confirmable: bool = False


def prerequisites(
    slot: SlotFacts,
    evidence: LunaEvidence,
    settings: TokenSettings,
    trial: SlotTrial | None = None,
) -> tuple[Prerequisite, ...]:
    """The checklist of one slot; empty for what is no Luna client."""
    if not evidence.applies:
        return ()
    return (
        _connection(evidence),
        _partition(slot),
        _role(trial),
        _high_availability(evidence),
        _ped(slot, evidence),
        *_policies(settings, needed=slot.protected_authentication_path or bool(evidence.ped)),
    )


def _connection(evidence: LunaEvidence) -> Prerequisite:
    name = "NTLS connection"
    if evidence.path is None:
        why = evidence.problem or "No Chrystoki.conf or crystoki.ini was found."
        return Prerequisite(name, LinkState.UNCHECKED, "not known", why)
    missing = [file.path for file in evidence.files if file.exists is False]
    if missing:
        sentence = f"{evidence.path} names files that are not there: {', '.join(missing)}."
        return Prerequisite(name, LinkState.BAD, "files missing", sentence)
    servers = ", ".join(
        server.name + (f":{server.port}" if server.port else "") for server in evidence.servers
    )
    if servers:
        sentence = f"{evidence.path} names {servers}."
        return Prerequisite(name, LinkState.OK, "configured", sentence)
    if evidence.cloud:
        sentence = f"{evidence.path} has the sections XTC and REST of a Luna Cloud HSM."
        return Prerequisite(name, LinkState.OK, "cloud", sentence)
    sentence = f"{evidence.path} names no server in the section LunaSA Client."
    return Prerequisite(name, LinkState.WARNING, "no server", sentence)


def _partition(slot: SlotFacts) -> Prerequisite:
    name = "Partition"
    if slot.token is not None and slot.initialised:
        sentence = f"The partition {slot.token.label} is visible and initialised."
        return Prerequisite(name, LinkState.OK, "initialised", sentence)
    sentence = "The partition is visible, but not initialised yet."
    return Prerequisite(name, LinkState.BAD, "not initialised", sentence)


def _role(trial: SlotTrial | None) -> Prerequisite:
    name = "Role"
    if trial is None:
        sentence = "The test tells: a Crypto Officer generates keys, a Crypto User only signs."
        return Prerequisite(name, LinkState.UNCHECKED, "not tested", sentence)
    if trial.may_generate is False:
        sentence = (
            "This role signs, but may not generate keys, as a Crypto User. Signing certificates "
            "cannot be renewed with new keys."
        )
        return Prerequisite(name, LinkState.WARNING, "may not generate", sentence)
    if trial.may_generate is None:
        return Prerequisite(name, LinkState.UNCHECKED, "not known", trial.problem)
    sentence = "This role may generate keys, as the Crypto Officer."
    return Prerequisite(name, LinkState.OK, "may generate", sentence)


def _high_availability(evidence: LunaEvidence) -> Prerequisite:
    name = "High availability"
    if evidence.path is None:
        return Prerequisite(name, LinkState.UNCHECKED, "not known", "There is no file to read.")
    if not evidence.ha_groups:
        sentence = f"{evidence.path} has no HA group, so HAOnly is not needed."
        return Prerequisite(name, LinkState.OK, "no group", sentence)
    groups = ", ".join(group.label for group in evidence.ha_groups)
    if evidence.ha_only:
        sentence = f"HAOnly is on for {groups}, so calls go on when a member fails."
        return Prerequisite(name, LinkState.OK, "HAOnly", sentence)
    sentence = f"{evidence.path} has {groups}, but HAOnly is not on. Switch it on for failover."
    return Prerequisite(name, LinkState.WARNING, "HAOnly is off", sentence)


def _ped(slot: SlotFacts, evidence: LunaEvidence) -> Prerequisite:
    name = "PED"
    token, file = slot.protected_authentication_path, evidence.ped
    if token and file is False:
        sentence = "The token asks on the PED, yet ProtectedAuthenticationPathFlagStatus is off."
        return Prerequisite(name, LinkState.WARNING, "they differ", sentence)
    if not token and file:
        sentence = "ProtectedAuthenticationPathFlagStatus is on, yet the token takes a password."
        return Prerequisite(name, LinkState.WARNING, "they differ", sentence)
    sentence = "The token asks on the PED." if token else "The token takes a password."
    return Prerequisite(name, LinkState.OK, "PED" if token else "password", sentence)


def _policies(settings: TokenSettings, *, needed: bool) -> tuple[Prerequisite, ...]:
    """Policies 22 and 23 matter for PED partitions alone, and PKCS#11 does not tell them."""
    if not needed:
        return ()
    by, at = settings.policies_confirmed_by, settings.policies_confirmed_at
    name = "Policies 22 and 23"
    if by is not None and at is not None:
        sentence = f"Confirmed by {by} at {at:%Y-%m-%d %H:%M} UTC; PKCS#11 does not tell them."
        return (Prerequisite(name, LinkState.OK, "confirmed", sentence, confirmable=True),)
    sentence = (
        "Activation and auto-activation let services open the partition without a person at the "
        "PED. PKCS#11 does not tell them, so only a person can confirm that they are on."
    )
    return (Prerequisite(name, LinkState.WARNING, "not confirmed", sentence, confirmable=True),)

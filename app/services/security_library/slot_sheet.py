"""All that is known of a slot, fact by fact with its source; what nobody tells stays untold."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from app.domain.luna import LunaEvidence
    from app.domain.tokens import PinState, SlotFacts

SLOT_INFO = "C_GetSlotInfo"
TOKEN_INFO = "C_GetTokenInfo"  # noqa: S105 - a function's name
UNTOLD = "PKCS#11 does not tell"
_UNLIMITED = "no limit"


@dataclass(frozen=True, slots=True)
class SlotFact:
    """One fact of a slot.

    Attributes:
        name: as the vendor's tools call it.
        value: None when nothing reports it.
        source: the Cryptoki function or the file that tells it, or why nothing does.
    """

    name: str
    value: str | None
    source: str


def sheet_of(slot: SlotFacts, evidence: LunaEvidence) -> tuple[SlotFact, ...]:
    """The seven facts of the vendor's slot list first, then what decides how the slot is used."""
    token = slot.token
    return (
        SlotFact("Slot id", str(slot.slot_id), "C_GetSlotList"),
        SlotFact("Label", token.label if token is not None else None, TOKEN_INFO),
        SlotFact("Serial number", token.serial if token is not None else None, TOKEN_INFO),
        SlotFact("Model", slot.model, TOKEN_INFO),
        SlotFact("Firmware version", slot.firmware, TOKEN_INFO),
        SlotFact("Configuration", None, UNTOLD),
        SlotFact("Slot description", slot.description or None, SLOT_INFO),
        SlotFact("Manufacturer", slot.token_manufacturer or slot.manufacturer or None, TOKEN_INFO),
        SlotFact("FIPS mode", None, UNTOLD),
        _high_availability(slot, evidence),
        SlotFact("Log-on by", _log_on(slot), f"{TOKEN_INFO}, CKF_PROTECTED_AUTHENTICATION_PATH"),
        SlotFact("PIN", _pin(slot.pin_state), f"{TOKEN_INFO}, CKF_USER_PIN_*"),
        SlotFact("Security officer's PIN", _pin(slot.so_pin_state), f"{TOKEN_INFO}, CKF_SO_PIN_*"),
        SlotFact("Audit trail", None, UNTOLD),
        SlotFact("Memory", _memory(slot), TOKEN_INFO),
        SlotFact("Sessions", _sessions(slot), TOKEN_INFO),
    )


def _log_on(slot: SlotFacts) -> str | None:
    if slot.token is None:
        return None
    return "PED or PIN pad" if slot.protected_authentication_path else "password"


def _pin(state: PinState | None) -> str | None:
    """In the words of the page of slots."""
    if state is None:
        return None
    words = {"count low": "few tries left", "final try": "one try left"}
    return words.get(state.value, state.value)


def _high_availability(slot: SlotFacts, evidence: LunaEvidence) -> SlotFact:
    if evidence.path is None or slot.token is None:
        return SlotFact("High availability", None, UNTOLD)
    source = f"{evidence.path}, VirtualToken"
    serial = slot.token.serial
    for group in evidence.ha_groups:
        if group.serial.lstrip("0") == serial.lstrip("0"):
            members = ", ".join(group.members)
            return SlotFact("High availability", f"group {group.label}, members {members}", source)
    for group in evidence.ha_groups:
        if serial in group.members:
            return SlotFact("High availability", f"member of the group {group.label}", source)
    return SlotFact("High availability", "in no group of this client", source)


def _memory(slot: SlotFacts) -> str | None:
    total, free = slot.total_memory, slot.free_memory
    if total is None or free is None:
        return f"{free} bytes free" if free is not None else None
    return f"{free} of {total} bytes free"


def _sessions(slot: SlotFacts) -> str | None:
    most, now = slot.max_sessions, slot.sessions
    if most is None and now is None:
        return None
    at_most = _UNLIMITED if most == 0 else f"at most {most}"
    if most is None:
        return f"{now} open"
    return f"{now} open, {at_most}" if now is not None else at_most

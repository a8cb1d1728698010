"""What is checked before a token is initialised, since that cannot be undone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.domain.errors import InvalidInput, Refused, TokenAbsent

if TYPE_CHECKING:
    from app.domain.tokens import SlotFacts

LABEL_BYTES = 32


def fresh_slot(slot_id: int, slots: tuple[SlotFacts, ...]) -> SlotFacts:
    """The slot, which has to hold a token that is not initialised.

    Raises:
        TokenAbsent: no such slot, or no token in it.
        Refused: the token is initialised.
    """
    slot = next((slot for slot in slots if slot.slot_id == slot_id), None)
    if slot is None or not slot.token_present:
        raise TokenAbsent(
            f"Slot {slot_id} holds no token.", remedy="Choose a slot that shows a token."
        )
    if slot.initialised:
        raise Refused(
            f"The token of slot {slot.slot_id} is initialised already.",
            cause="Initialising it again would destroy all its keys.",
            remedy="Choose a slot whose token is not initialised.",
        )
    return slot


def check_new_label(label: str, slots: tuple[SlotFacts, ...]) -> None:
    """Raise InvalidInput for a label that is too long, not printable or in use."""
    if not label.strip() or len(label.encode()) > LABEL_BYTES:
        raise InvalidInput(f"A token's label has 1 to {LABEL_BYTES} bytes.")
    if not label.isprintable():
        raise InvalidInput(
            "The label has characters that cannot be shown.",
            remedy="Use letters, digits, blanks and signs.",
        )
    if any(slot.token is not None and slot.token.label == label for slot in slots):
        raise InvalidInput(
            f"A token of the label {label} is there already.", remedy="Choose another label."
        )

"""What can be said against a PIN before a try is spent on it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.domain.errors import InvalidInput, PinLocked
from app.domain.tokens import PinState

if TYPE_CHECKING:
    from app.domain.libraries import Library
    from app.domain.secret import Secret
    from app.domain.tokens import SlotFacts


def check_pin_length(name: str, pin: Secret, slot: SlotFacts) -> None:
    """Refuse a PIN that the token would refuse for its length.

    Raises:
        InvalidInput: empty, or shorter or longer than the token says.
    """
    size = len(pin.reveal())
    shortest, longest = max(slot.min_pin or 1, 1), slot.max_pin or 0
    if size >= shortest and (not longest or size <= longest):
        return
    if not size:
        raise InvalidInput(f"The {name} is empty.", remedy="Enter it.")
    bounds = f"{shortest} to {longest}" if longest else f"at least {shortest}"
    raise InvalidInput(
        f"The {name} has a length that the token does not take.",
        remedy=f"Enter {bounds} characters.",
    )


def check_password(name: str, library: Library, slot: SlotFacts, pin: Secret | None) -> None:
    """Refuse what the token would refuse of a user's password; None is the token's own PIN pad.

    Raises:
        PinLocked: the token says that the user PIN is locked.
        InvalidInput: the password is missing, or has a length that the token does not take.
    """
    refuse_locked(library, slot)
    if pin is None and not slot.protected_authentication_path:
        raise InvalidInput(f"The {name} is missing.", remedy=f"Enter the {name}.")
    if pin is not None:
        check_pin_length(name, pin, slot)


def refuse_locked(library: Library, slot: SlotFacts, *, officer: bool = False) -> None:
    """Refuse to try a PIN that the token says is locked.

    Raises:
        PinLocked: it is the user PIN, or with `officer` that of the security officer.
    """
    state = slot.so_pin_state if officer else slot.pin_state
    if state is not PinState.LOCKED:
        return
    whose = "security officer's PIN" if officer else "user PIN"
    raise PinLocked(
        f"The {whose} of the token {slot.token.label if slot.token else ''} is locked.",
        ckr="CKF_SO_PIN_LOCKED" if officer else "CKF_USER_PIN_LOCKED",
        function="C_GetTokenInfo",
        library=library.spec.path,
        library_version=library.info.library_version,
        cause="It was entered wrongly too often.",
        remedy="The token has to be initialised anew, with the tools of its vendor."
        if officer
        else "Have the token's security officer unlock it.",
    )

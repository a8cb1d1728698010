"""What a failure in a key isolation process means, as errors that administrators can read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.domain.errors import (
    KeyAbsent,
    KeyStorageError,
    LibraryUnusable,
    NameInUse,
    NotLoggedIn,
    PinIncorrect,
    PinLocked,
    PinRefusedBefore,
    Refused,
    SealkeeperError,
    TokenAbsent,
    TokenError,
)
from app.hsm import codes, messages
from app.hsm.loading import not_loaded
from app.hsm.sentences import (
    ASK_VENDOR,
    NEW_PIN_REFUSED,
    NO_GENERATION,
    OFFICERS_PIN_LOCKED,
    OFFICERS_PIN_REFUSED,
    SENTENCES,
    Sentences,
)

if TYPE_CHECKING:
    from collections.abc import Callable


def failure_error(
    request: messages.Request, failure: messages.Failure, library: str, version: str
) -> SealkeeperError:
    """The error of the domain that a failed request stands for.

    Args:
        request: what was asked.
        failure: the answer.
        library: path of the library.
        version: the library's own version, "" when not known.
    """
    if failure.kind == "answer":
        if isinstance(request, messages.Load):
            return _refused_loading(failure, library)
        return token_error(request, failure, library, version)
    return _BUILDERS[failure.kind](failure, library)


def token_error(
    request: messages.Request, failure: messages.Failure, library: str, version: str
) -> TokenError:
    """The error for a return value other than CKR_OK."""
    refused = _refuses_pin(failure)
    locked = failure.ckr == "CKR_PIN_LOCKED" or bool(failure.pin_flags & codes.USER_PIN_LOCKED)
    message, cause, remedy = _sentences(request, failure, locked=refused and locked)
    kind: type[TokenError] = TokenError
    tries_left: int | None = None
    if refused and locked:
        kind = PinLocked
    elif refused:
        kind = PinIncorrect
        if failure.pin_flags & codes.USER_PIN_FINAL_TRY:
            tries_left = 1
            message += " One try is left before the PIN is locked."
        elif failure.pin_flags & codes.USER_PIN_COUNT_LOW:
            message += " Only a few tries are left before the PIN is locked."
    error = kind(
        message,
        ckr=failure.ckr,
        function=failure.function,
        library=library,
        library_version=version,
        cause=cause,
        remedy=remedy,
    )
    if failure.text:
        error.detail = f"{error.detail}\n{failure.text}"
    error.detail += _calls(failure)
    if isinstance(error, PinIncorrect):
        error.tries_left = tries_left
    return error


def _refuses_pin(failure: messages.Failure) -> bool:
    """Whether the token refused a PIN that it knows, and not a new one."""
    if failure.function == "C_Login":
        return failure.ckr in codes.PIN_REFUSALS
    return failure.function == "C_SetPIN" and failure.ckr in codes.OLD_PIN_REFUSALS


def _sentences(request: messages.Request, failure: messages.Failure, *, locked: bool) -> Sentences:
    officer = (
        isinstance(request, messages.UnlockPin)
        or (isinstance(request, messages.ChangePin) and request.officer)
        or (isinstance(request, messages.Generate) and request.so_pin is not None)
    )
    if _refuses_pin(failure) and officer and locked:
        return OFFICERS_PIN_LOCKED
    if failure.ckr == "CKR_PIN_INCORRECT" and officer:
        return OFFICERS_PIN_REFUSED
    if locked:
        return SENTENCES["CKR_PIN_LOCKED"]
    if failure.function in ("C_SetPIN", "C_InitPIN") and failure.ckr in codes.NEW_PIN_REFUSALS:
        return NEW_PIN_REFUSED
    if failure.function == "C_GenerateKeyPair" and failure.ckr in codes.ROLE_REFUSALS:
        return NO_GENERATION
    unknown = f"The security library answered {failure.ckr} to {failure.function}."
    return SENTENCES.get(failure.ckr, (unknown, "", ASK_VENDOR))


def _calls(failure: messages.Failure) -> str:
    """What was called before an answer that does not say why."""
    lines = [f"Last mechanism: {failure.mechanism}"] if failure.mechanism else []
    if failure.calls:
        lines += ["Last calls:", *failure.calls]
    return "".join(f"\n{line}" for line in lines)


def _refused_loading(failure: messages.Failure, library: str) -> LibraryUnusable:
    message, cause, remedy = SENTENCES.get(failure.ckr, ("", "", ""))
    return LibraryUnusable(
        f"The library {library} was loaded, but refused to start.",
        cause=cause or message,
        remedy=remedy or ASK_VENDOR,
        detail=f"{failure.function} returned {failure.ckr}\n{library}{_calls(failure)}",
    )


def _not_loaded(failure: messages.Failure, library: str) -> SealkeeperError:
    return not_loaded(failure.text, library)


def _no_module(_failure: messages.Failure, library: str) -> SealkeeperError:
    return LibraryUnusable(
        f"{library} is a library, but no PKCS#11 module.",
        cause="It has no function C_GetFunctionList, or that function gives no list.",
        remedy="Choose the vendor's PKCS#11 library; its documentation names the file.",
        detail=library,
    )


def _not_written(failure: messages.Failure, library: str) -> SealkeeperError:
    return KeyStorageError(
        "The PKCS#11 calls cannot be written to a file.",
        cause="The folder does not exist, or this account may not write the file.",
        remedy="Choose another file, or give this account the right to write it.",
        detail=f"{failure.text}\n{library}",
    )


def _token_absent(_failure: messages.Failure, library: str) -> SealkeeperError:
    return TokenAbsent(
        "No slot holds the token.",
        cause="It was removed or initialised anew, or the HSM cannot be reached.",
        remedy="Connect the token, then try again; re-bind the slot if another took its place.",
        detail=library,
    )


def _token_initialised(_failure: messages.Failure, library: str) -> SealkeeperError:
    return Refused(
        "The slot's token is initialised already.",
        cause="Initialising it again would destroy all its keys.",
        remedy="Choose a slot whose token is not initialised.",
        detail=library,
    )


def _key_absent(_failure: messages.Failure, library: str) -> SealkeeperError:
    return KeyAbsent(
        "The key is not on the token.",
        cause="It was deleted, or the token was replaced.",
        remedy="Restore the key from the HSM's backup, or make a new key and certificate.",
        detail=library,
    )


def _name_in_use(_failure: messages.Failure, library: str) -> SealkeeperError:
    return NameInUse(
        "The token holds a key of that name already.",
        remedy="Choose another name for the key.",
        detail=library,
    )


def _login_needed(_failure: messages.Failure, library: str) -> SealkeeperError:
    return NotLoggedIn(
        "Nobody is logged in to the token.", remedy="Log in to the slot.", detail=library
    )


def _pin_refused_before(_failure: messages.Failure, library: str) -> SealkeeperError:
    return PinRefusedBefore(
        "The PIN was refused earlier and was not tried again.",
        remedy="Enter the right PIN.",
        detail=library,
    )


def _bug(failure: messages.Failure, library: str) -> SealkeeperError:
    return KeyStorageError(
        "The key isolation process met an unexpected error.",
        remedy="Try again; if it stays, report it with the technical detail.",
        detail=f"{failure.text}\n{library}",
    )


_BUILDERS: dict[str, Callable[[messages.Failure, str], SealkeeperError]] = {
    "not loaded": _not_loaded,
    "no module": _no_module,
    "not written": _not_written,
    "token absent": _token_absent,
    "token initialised": _token_initialised,
    "key absent": _key_absent,
    "name in use": _name_in_use,
    "login needed": _login_needed,
    "pin refused before": _pin_refused_before,
    "bug": _bug,
}

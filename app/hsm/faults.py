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

if TYPE_CHECKING:
    from collections.abc import Callable

_CHECK_DEVICE = "Check the HSM and its connection, then try again."
_ASK_VENDOR = "Read the library's own log, and check its configuration with the vendor's tools."

# CKR name: what happened, why it probably did, what to do.
_SENTENCES: dict[str, tuple[str, str, str]] = {
    "CKR_PIN_INCORRECT": (
        "The token refused the PIN.",
        "The PIN is wrong; it will not be tried again by itself.",
        "Enter the PIN anew.",
    ),
    "CKR_PIN_INVALID": (
        "The token refused the PIN as malformed.",
        "It holds characters that the token does not accept.",
        "Enter the PIN anew.",
    ),
    "CKR_PIN_LEN_RANGE": (
        "The PIN is too short or too long for the token.",
        "",
        "Enter a PIN of the length that the token accepts.",
    ),
    "CKR_PIN_EXPIRED": (
        "The PIN has expired.",
        "The token wants a new PIN before it is used again.",
        "Change the PIN with the vendor's tool, then enter it.",
    ),
    "CKR_PIN_LOCKED": (
        "The PIN is locked.",
        "A wrong PIN was entered too often.",
        "The security officer of the token has to unlock it.",
    ),
    "CKR_USER_PIN_NOT_INITIALIZED": (
        "The token has no user PIN yet.",
        "It was initialised by the security officer only.",
        "Set the user PIN with the vendor's tool.",
    ),
    "CKR_USER_NOT_LOGGED_IN": (
        "The token says that nobody is logged in.",
        "The session was closed by the HSM, or the key asks for its PIN at each use.",
        "Try again; if it stays, log in to the slot anew.",
    ),
    "CKR_USER_ANOTHER_ALREADY_LOGGED_IN": (
        "Another user is logged in to the token.",
        "The security officer is logged in through the same library.",
        "Start Sealkeeper again.",
    ),
    "CKR_USER_TOO_MANY_TYPES": (
        "The token cannot have another kind of user logged in.",
        "The security officer is logged in.",
        "Start Sealkeeper again.",
    ),
    "CKR_DEVICE_ERROR": (
        "The HSM reported an error of the device.",
        "Its network connection or the HSM itself has a problem.",
        _CHECK_DEVICE,
    ),
    "CKR_DEVICE_MEMORY": (
        "The token has no memory left.",
        "Too many keys are stored on it.",
        "Delete keys that are not needed, or use another slot.",
    ),
    "CKR_DEVICE_REMOVED": (
        "The token was removed.",
        "It was pulled out, or the connection to the HSM was lost.",
        _CHECK_DEVICE,
    ),
    "CKR_TOKEN_NOT_PRESENT": (
        "There is no token in the slot.",
        "It was removed, or the connection to the HSM was lost.",
        _CHECK_DEVICE,
    ),
    "CKR_TOKEN_NOT_RECOGNIZED": (
        "The library does not recognise the token.",
        "The token is of another make, or is not initialised.",
        "Use the library of the token's vendor.",
    ),
    "CKR_TOKEN_WRITE_PROTECTED": (
        "The token is write-protected.",
        "",
        "Remove the write protection with the vendor's tool.",
    ),
    "CKR_SESSION_READ_ONLY": (
        "The token does not accept changes in this session.",
        "The token is write-protected or the user may only read.",
        "Check the rights of the user on the HSM.",
    ),
    "CKR_SESSION_COUNT": (
        "The token does not allow another session.",
        "Too many programs use it.",
        "End other programs that use the token, then try again.",
    ),
    "CKR_SESSION_HANDLE_INVALID": (
        "The HSM closed the session.",
        "It was idle for too long, or the HSM was restarted.",
        _CHECK_DEVICE,
    ),
    "CKR_SESSION_CLOSED": (
        "The HSM closed the session.",
        "It was idle for too long, or the HSM was restarted.",
        _CHECK_DEVICE,
    ),
    "CKR_SLOT_ID_INVALID": (
        "The slot does not exist any more.",
        "Slots were added or removed since they were listed.",
        "List the slots again, and choose anew.",
    ),
    "CKR_MECHANISM_INVALID": (
        "The token cannot do this kind of key or signature.",
        "It does not offer the mechanism, or a policy such as FIPS mode forbids it.",
        "Choose another algorithm; the slot's mechanism list shows what it can do.",
    ),
    "CKR_MECHANISM_PARAM_INVALID": (
        "The token refused the parameters of the signature.",
        "It supports the mechanism only with other hashes or salt lengths.",
        "Choose another hash algorithm.",
    ),
    "CKR_KEY_SIZE_RANGE": (
        "The token does not offer keys of this size.",
        "",
        "Choose another size; the slot's mechanism list shows the limits.",
    ),
    "CKR_KEY_FUNCTION_NOT_PERMITTED": (
        "The token does not let this key sign.",
        "The key was made for another purpose.",
        "Use a key that was generated for signing.",
    ),
    "CKR_KEY_TYPE_INCONSISTENT": (
        "The key is of another type than the signature needs.",
        "",
        "Use a key of the right algorithm.",
    ),
    "CKR_TEMPLATE_INCONSISTENT": (
        "The token refused the attributes of the new key.",
        "Its policy demands others.",
        _ASK_VENDOR,
    ),
    "CKR_TEMPLATE_INCOMPLETE": (
        "The token asks for more attributes of the new key.",
        "Its policy demands them.",
        _ASK_VENDOR,
    ),
    "CKR_ATTRIBUTE_VALUE_INVALID": (
        "The token refused an attribute of the new key.",
        "It does not support the curve or the size.",
        "Choose another algorithm or size.",
    ),
    "CKR_CURVE_NOT_SUPPORTED": (
        "The token does not support the curve.",
        "",
        "Choose another algorithm.",
    ),
    "CKR_HOST_MEMORY": (
        "The library ran out of memory.",
        "This machine has too little memory free.",
        "Close other programs, then try again.",
    ),
    "CKR_FUNCTION_NOT_SUPPORTED": (
        "The library does not offer this function.",
        "",
        "Use the vendor's tool for this step.",
    ),
    "CKR_FUNCTION_FAILED": (
        "The library could not do it and does not say why.",
        "Often the HSM cannot be reached or the library's configuration is wrong.",
        _ASK_VENDOR,
    ),
    "CKR_GENERAL_ERROR": (
        "The library reported a general error and does not say why.",
        "Often its configuration is missing or wrong, or its data are closed to this account.",
        _ASK_VENDOR,
    ),
    "CKR_CRYPTOKI_NOT_INITIALIZED": (
        "The library says that it is not initialised.",
        "It lost its connection to the HSM.",
        "Check the HSM and its connection, then start Sealkeeper again.",
    ),
    "CKR_ARGUMENTS_BAD": (
        "The library refused how it was called.",
        "The initialisation string may be wrong.",
        "Check how the library was registered.",
    ),
}


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
        return token_error(failure, library, version)
    return _BUILDERS[failure.kind](failure, library)


def token_error(failure: messages.Failure, library: str, version: str) -> TokenError:
    """The error for a return value other than CKR_OK."""
    message, cause, remedy = _SENTENCES.get(
        failure.ckr,
        (f"The security library answered {failure.ckr} to {failure.function}.", "", _ASK_VENDOR),
    )
    refused = failure.function == "C_Login" and failure.ckr in codes.PIN_REFUSALS
    locked = failure.ckr == "CKR_PIN_LOCKED" or bool(failure.pin_flags & codes.USER_PIN_LOCKED)
    kind: type[TokenError] = TokenError
    tries_left: int | None = None
    if refused and locked:
        kind = PinLocked
        message, cause, remedy = _SENTENCES["CKR_PIN_LOCKED"]
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
    if isinstance(error, PinIncorrect):
        error.tries_left = tries_left
    return error


def _refused_loading(failure: messages.Failure, library: str) -> LibraryUnusable:
    message, cause, remedy = _SENTENCES.get(failure.ckr, ("", "", ""))
    return LibraryUnusable(
        f"The library {library} was loaded, but refused to start.",
        cause=cause or message,
        remedy=remedy or _ASK_VENDOR,
        detail=f"{failure.function} returned {failure.ckr}\n{library}",
    )


def _not_loaded(failure: messages.Failure, library: str) -> SealkeeperError:
    return LibraryUnusable(
        f"The system cannot load the library {library}.",
        cause="A library that it needs is missing, or this account may not read it.",
        remedy="Install the vendor's client software completely.",
        detail=failure.text,
    )


def _no_module(_failure: messages.Failure, library: str) -> SealkeeperError:
    return LibraryUnusable(
        f"{library} is a library, but no PKCS#11 module.",
        cause="It has no function C_GetFunctionList.",
        remedy="Choose the vendor's PKCS#11 library; its documentation names the file.",
        detail=library,
    )


def _token_absent(_failure: messages.Failure, library: str) -> SealkeeperError:
    return TokenAbsent(
        "No slot holds the token.",
        cause="It was removed or initialised anew, or the HSM cannot be reached.",
        remedy="Connect the token, then try again; register the slot of a new token anew.",
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
    "token absent": _token_absent,
    "token initialised": _token_initialised,
    "key absent": _key_absent,
    "name in use": _name_in_use,
    "login needed": _login_needed,
    "pin refused before": _pin_refused_before,
    "bug": _bug,
}

"""The tree of errors that administrators see: what happened, why it probably did, what to do."""

from __future__ import annotations


class SealkeeperError(Exception):
    """An error that is known and can be explained; everything else is a bug.

    Args:
        message: what happened, one sentence.
        cause: why it probably did, one sentence, or "".
        remedy: what to do, one sentence, or "".
        detail: technical lines to copy (function, CKR name, library path and version), or "".
    """

    def __init__(
        self, message: str, *, cause: str = "", remedy: str = "", detail: str = ""
    ) -> None:
        super().__init__(message)
        self.message = message
        self.cause = cause
        self.remedy = remedy
        self.detail = detail

    def one_line(self) -> str:
        """Message, cause and remedy as one line for a terminal."""
        return " ".join(part for part in (self.message, self.cause, self.remedy) if part)


# --- what the caller gave -------------------------------------------------------------------


class InvalidInput(SealkeeperError):
    """A value was refused before anything changed."""


class NotFound(SealkeeperError):
    """What was named does not exist."""


class NameInUse(SealkeeperError):
    """The name is taken."""


class InUse(SealkeeperError):
    """What should be removed is still needed by something."""


class Refused(SealkeeperError):
    """A rule or a permission says no (policy, state, access)."""


class InvalidRequest(SealkeeperError):
    """A certificate request cannot be read or its signature is wrong."""


class UnknownTemplate(NotFound):
    """A request names a template that does not exist or is not issued by this CA."""


class Cancelled(SealkeeperError):
    """The user cancelled."""


# --- the surroundings -----------------------------------------------------------------------


class EnvironmentFault(SealkeeperError):
    """Something outside the program is not as needed (disk, network, service)."""


class HomeUnusable(EnvironmentFault):
    """The home folder cannot be read or written, or holds a newer database."""


class AddressInUse(EnvironmentFault):
    """The responder's address and port are taken."""


class SecretUnavailable(EnvironmentFault):
    """A stored password cannot be read."""


# --- libraries, tokens and keys -------------------------------------------------------------


class KeyStorageError(SealkeeperError):
    """Anything that a security library, a token or a key answers."""


class LibraryUnusable(KeyStorageError):
    """The file is missing, no library, no PKCS#11 module, of another architecture, or crashes."""


class TokenError(KeyStorageError):
    """A PKCS#11 function answered something other than CKR_OK.

    Attributes:
        ckr: name of the return value, for example `CKR_DEVICE_ERROR`.
        function: the Cryptoki function, for example `C_Sign`.
        library: path of the library.
        library_version: the library's own version as it reports it.
    """

    def __init__(  # noqa: PLR0913 - the facts of one answer, all named
        self,
        message: str,
        *,
        ckr: str,
        function: str,
        library: str = "",
        library_version: str = "",
        cause: str = "",
        remedy: str = "",
    ) -> None:
        version = f" {library_version}" if library_version else ""
        detail = f"{function} returned {ckr}" + (f"\n{library}{version}" if library else "")
        super().__init__(message, cause=cause, remedy=remedy, detail=detail)
        self.ckr = ckr
        self.function = function
        self.library = library
        self.library_version = library_version


class PinIncorrect(TokenError):
    """The token refused the PIN; it is not tried again until a person gives another.

    Attributes:
        tries_left: as far as the token's flags tell: 1 for the final try, None when not told.
    """

    tries_left: int | None = None


class PinLocked(TokenError):
    """The PIN is locked after too many wrong tries."""


class PinRefusedBefore(KeyStorageError):
    """The stored PIN was refused earlier, so it was not tried again."""


class NotLoggedIn(KeyStorageError):
    """No PIN is known for the account that asks."""


class TokenAbsent(KeyStorageError):
    """No slot holds the token that was asked for."""


class KeyAbsent(KeyStorageError):
    """The key is not on the token (any more)."""


class DeadlineExceeded(KeyStorageError):
    """A call to the library took longer than its deadline; the library was restarted."""


class LibraryCrashed(KeyStorageError):
    """The isolation process of the library died in the middle of a call."""


class TokenBusy(KeyStorageError):
    """Too many calls wait for the token."""

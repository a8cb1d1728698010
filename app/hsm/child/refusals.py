"""Why a request to a token could not be tried at all; the parent has a sentence for each."""

from __future__ import annotations


class TokenAbsentError(Exception):
    """No slot holds the token."""


class KeyAbsentError(Exception):
    """The token does not hold the key."""


class NameInUseError(Exception):
    """The token holds a key of that label."""


class PinRefusedBeforeError(Exception):
    """The token refused this PIN earlier, so it was not tried."""


class LoginNeededError(Exception):
    """Nobody has given this process the PIN."""


class TokenInitialisedError(Exception):
    """The slot's token is initialised already."""

"""Secrets as base64, the form in which the keyring and the file keep them."""

from __future__ import annotations

import base64
import binascii

from app.domain.errors import SecretUnavailable
from app.domain.secret import Secret


def encoded(secret: Secret) -> str:
    """A secret as text."""
    return base64.b64encode(secret.reveal()).decode()


def decoded(value: str) -> Secret:
    """The secret of such a text.

    Raises:
        SecretUnavailable: it is none.
    """
    try:
        return Secret(base64.b64decode(value, validate=True))
    except (binascii.Error, ValueError):
        # Without the error itself: its text may hold what stands there.
        raise SecretUnavailable(
            "A stored secret is damaged.", remedy="Enter the PIN again."
        ) from None

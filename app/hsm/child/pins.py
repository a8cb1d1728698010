"""Changes the PINs of a token, in a process in which nobody is logged in to it."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from app.hsm import codes
from app.hsm.child.cryptoki import CkrError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from app.hsm.child.cryptoki import Cryptoki


def set_user_pin(cryptoki: Cryptoki, slot: int, so_pin: bytes, user_pin: bytes) -> None:
    """C_InitPIN by the security officer: a first user PIN, or another one for a locked one."""
    with (
        _session(cryptoki, slot) as session,
        _logged_in(cryptoki, session, codes.SECURITY_OFFICER, so_pin),
    ):
        cryptoki.init_pin(session, user_pin)


def change_officers_pin(cryptoki: Cryptoki, slot: int, old_pin: bytes, new_pin: bytes) -> None:
    """C_SetPIN by the security officer; the old PIN is tried once."""
    with (
        _session(cryptoki, slot) as session,
        _logged_in(cryptoki, session, codes.SECURITY_OFFICER, old_pin),
    ):
        cryptoki.set_pin(session, old_pin, new_pin)


def change_user_pin(cryptoki: Cryptoki, slot: int, old_pin: bytes, new_pin: bytes) -> None:
    """C_SetPIN of the user; the old PIN is tried once."""
    with _session(cryptoki, slot) as session:
        try:
            # PKCS#11 2.40 §5.5: without a login it is the user's PIN. So one that has expired,
            # with which nobody can log in any more, can be changed too.
            cryptoki.set_pin(session, old_pin, new_pin)
        except CkrError as error:
            if error.code != codes.USER_NOT_LOGGED_IN:
                raise
            # It wants a login first and has not looked at the PIN.
            with _logged_in(cryptoki, session, codes.USER, old_pin):
                cryptoki.set_pin(session, old_pin, new_pin)


@contextlib.contextmanager
def _session(cryptoki: Cryptoki, slot: int) -> Iterator[int]:
    session = cryptoki.open_session(slot)
    try:
        yield session
    finally:
        with contextlib.suppress(CkrError):
            cryptoki.close_session(session)


@contextlib.contextmanager
def _logged_in(cryptoki: Cryptoki, session: int, user: int, pin: bytes) -> Iterator[None]:
    try:
        cryptoki.login(session, user, pin)
    except CkrError as error:
        # PKCS#11 2.40 §5.6: C_SetPIN is what such a login may do.
        if error.code != codes.PIN_EXPIRED:
            raise
    try:
        yield
    finally:
        with contextlib.suppress(CkrError):
            cryptoki.logout(session)

"""Recognises a private key by what it signs, where nothing that the token shows tells it."""

from __future__ import annotations

import itertools
import os
from typing import TYPE_CHECKING

from app.hsm import codes
from app.hsm.child.cryptoki import CkrError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from app.hsm.child.cryptoki import Cryptoki
    from app.hsm.child.objects import Objects
    from app.hsm.child.token import Token
    from app.hsm.messages import KeyObject, KeyQuery

#: How many private keys are tried at most: each signs once, and signatures of an HSM are counted.
MOST_TRIALS = 16

_DATA_BYTES = 32


class Recognition:
    """A token's private keys whose public halves are nowhere, told apart by a signature each.

    A restored token may have given them other CKA_IDs. What was found is remembered by CKA_ID and
    label, so that it outlives handles, and so is what was tried in vain.
    """

    def __init__(self, token: Token, objects: Objects, cryptoki: Cryptoki) -> None:
        self._token = token
        self._objects = objects
        self._cryptoki = cryptoki
        self._found: dict[bytes, tuple[bytes, str]] = {}
        self._in_vain: dict[bytes, frozenset[tuple[bytes, str]]] = {}

    def recognise(
        self, session: int, query: KeyQuery, candidates: Iterable[KeyObject]
    ) -> int | None:
        """The handle of the candidate whose signature verifies with the key that is wanted."""
        if not query.public_key:
            return None
        tried = tuple(itertools.islice(candidates, MOST_TRIALS))
        names = frozenset((half.cka_id, half.label) for half in tried)
        if not tried or self._in_vain.get(query.public_key) == names:
            return None
        known = self._found.get(query.public_key)
        same = [half for half in tried if (half.cka_id, half.label) == known]
        if len(same) == 1:
            return same[0].handle
        for half in tried:
            if self._signs_as(session, half.handle, query):
                self._found[query.public_key] = (half.cka_id, half.label)
                return half.handle
        self._in_vain[query.public_key] = names
        return None

    def _signs_as(self, session: int, handle: int, query: KeyQuery) -> bool:
        """One signature over something random, verified with the public key that is wanted."""
        # Only here, since loading it would slow down the start of every child.
        from app.hsm import public_keys  # noqa: PLC0415

        key = public_keys.load_public_key(query.public_key)
        scheme = public_keys.trial_scheme(key)
        data = os.urandom(_DATA_BYTES)
        mechanism, pss, wanted = public_keys.mechanism_of(scheme, data, query.kind)
        try:
            value = self._sign(session, handle, mechanism, pss, wanted)
        except CkrError as error:
            if error.code in _NOT_THIS_KEY:
                return False
            raise
        return public_keys.is_signature(key, scheme, data, value)

    def _sign(
        self,
        session: int,
        handle: int,
        mechanism: int,
        pss: tuple[int, int, int] | None,
        data: bytes,
    ) -> bytes:
        shown = self._objects.attributes(session, handle, (codes.ALWAYS_AUTHENTICATE,))
        self._cryptoki.sign_init(session, handle, mechanism, pss)
        if shown[codes.ALWAYS_AUTHENTICATE] not in (None, b"\0"):
            self._cryptoki.login(session, codes.CONTEXT_SPECIFIC, self._token.pin)
        return self._cryptoki.sign(session, data)


# Answers of C_SignInit that say something of the one key only.
_NOT_THIS_KEY = frozenset(
    {
        codes.KEY_FUNCTION_NOT_PERMITTED,
        codes.KEY_HANDLE_INVALID,
        codes.KEY_SIZE_RANGE,
        codes.KEY_TYPE_INCONSISTENT,
        codes.MECHANISM_INVALID,
    }
)

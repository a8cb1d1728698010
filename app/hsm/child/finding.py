"""Finds, lists, labels and deletes the key pairs of one token."""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.hsm import codes
from app.hsm.child.cryptoki import CkrError
from app.hsm.child.recognition import Recognition
from app.hsm.child.refusals import NameInUseError
from app.hsm.child.templates import TEMPLATE_REFUSALS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from app.hsm.child.crews import Lane
    from app.hsm.child.cryptoki import Cryptoki
    from app.hsm.child.objects import Objects
    from app.hsm.child.token import Token
    from app.hsm.messages import KeyObject, KeyQuery

SHORT_FORM = 0x7F  # the longest length that DER writes in one byte
#: A CKA_ID as long as this is random and not a token's own numbering.
UNIQUE_ID_BYTES = 16


class Finding:
    """The objects of one token, in sessions that are logged in."""

    def __init__(self, token: Token, objects: Objects, cryptoki: Cryptoki) -> None:
        self._token = token
        self._objects = objects
        self._recognition = Recognition(token, objects, cryptoki)

    # --- one key ------------------------------------------------------------------------------

    def private_handle(self, session: int, query: KeyQuery) -> int | None:
        """By public key where the token shows it, then by CKA_ID and label, then by trial."""
        base: dict[int, object] = {
            codes.CLASS: codes.PRIVATE_KEY,
            codes.KEY_TYPE: codes.KEY_TYPES[query.kind],
        }
        found = self._by_value(session, base, query)
        if found:
            return found[0]
        for public in self._public_handles(session, query):
            identifier = self._objects.attributes(session, public, (codes.ID,))[codes.ID]
            found = self._by_id(session, base, identifier, query)
            if len(found) == 1:
                return found[0]
        found = self._by_id(session, base, query.cka_id, query)
        if len(found) == 1 and self._sure(session, found[0], query):
            return found[0]
        return self._recognition.recognise(session, query, self._candidates(session, base, query))

    def _by_value(self, session: int, base: dict[int, object], query: KeyQuery) -> list[int]:
        """Private keys that show the public value; CKA_VALUE of a DSA key would be its secret."""
        values = () if query.kind == "DSA" else _public_values(query)
        found = self._matching(session, base, values)
        if query.kind == "RSA":
            return found
        # No private EC key has to show its point, so a token may answer with others too.
        found = [handle for handle in found if self._fits(session, handle, query)]
        return found if len(found) == 1 else []

    def _by_id(
        self, session: int, base: dict[int, object], cka_id: bytes | None, query: KeyQuery
    ) -> list[int]:
        """Private keys of a CKA_ID that show no other public value; several: those of the label."""
        if not cka_id:
            return []
        found = self._objects.find(session, {**base, codes.ID: cka_id})
        if len(found) > 1:
            found = self._objects.find(
                session, {**base, codes.ID: cka_id, codes.LABEL: query.label}
            )
        return [handle for handle in found if self._fits(session, handle, query)]

    def _fits(self, session: int, handle: int, query: KeyQuery) -> bool:
        """Whether a key found by a hint shows no other public value."""
        half = self._objects.key(session, handle)
        if half is None or half.modulus not in (None, query.modulus or None):
            return False
        points = [value for number, value in _public_values(query) if number == codes.EC_POINT]
        if points and half.ec_point is not None and half.ec_point not in points:
            return False
        return half.public_key_info in (None, query.public_key) or not query.public_key

    def _sure(self, session: int, handle: int, query: KeyQuery) -> bool:
        """Whether the hints alone leave no doubt: some tokens number their keys from 1."""
        half = self._objects.key(session, handle)
        if half is None:
            return False
        return half.label == query.label or len(query.cka_id) >= UNIQUE_ID_BYTES

    def _candidates(
        self, session: int, base: dict[int, object], query: KeyQuery
    ) -> Iterable[KeyObject]:
        halves = self._read(session, self._objects.find(session, base))
        fitting = [half for half in halves if self._fits(session, half.handle, query)]
        # The hints may still be right, so the keys that have one of them come first.
        return sorted(
            fitting, key=lambda half: (half.cka_id != query.cka_id, half.label != query.label)
        )

    def _public_handles(self, session: int, query: KeyQuery) -> list[int]:
        base: dict[int, object] = {
            codes.CLASS: codes.PUBLIC_KEY,
            codes.KEY_TYPE: codes.KEY_TYPES[query.kind],
        }
        return self._matching(session, base, _public_values(query))

    def _matching(
        self, session: int, base: dict[int, object], values: tuple[tuple[int, bytes], ...]
    ) -> list[int]:
        """The objects with the first of these values that any has."""
        for number, value in values:
            try:
                found = self._objects.find(session, {**base, number: value})
            except CkrError as error:
                # Not every token lets objects be searched by every attribute.
                if error.code not in TEMPLATE_REFUSALS:
                    raise
                continue
            if found:
                return found
        return []

    # --- for the parent -----------------------------------------------------------------------

    def find(self, lane: Lane, query: KeyQuery) -> tuple[KeyObject, ...]:
        """Both halves of a pair, or what there is of it."""

        def look(session: int) -> tuple[KeyObject, ...]:
            self._token.check_login(session)
            private = self.private_handle(session, query)
            if private is None:
                self._token.signing.forget_handles()
            handles = [*self._public_handles(session, query)]
            if private is not None:
                handles.append(private)
            return self._read(session, handles)

        return tuple(self._token.with_session(lane, look))

    def keys(self, lane: Lane, cka_id: bytes | None) -> tuple[KeyObject, ...]:
        """All halves of pairs, or those with one CKA_ID."""
        extra: dict[int, object] = {} if cka_id is None else {codes.ID: cka_id}

        def look(session: int) -> tuple[KeyObject, ...]:
            self._token.check_login(session)
            handles = [
                handle
                for which in (codes.PRIVATE_KEY, codes.PUBLIC_KEY)
                for handle in self._objects.find(session, {codes.CLASS: which, **extra})
            ]
            return self._read(session, handles)

        return tuple(self._token.with_session(lane, look))

    def _read(self, session: int, handles: list[int]) -> tuple[KeyObject, ...]:
        found = (self._objects.key(session, handle) for handle in handles)
        return tuple(half for half in found if half is not None)

    def set_label(self, lane: Lane, handles: tuple[int, ...], label: str) -> None:
        """C_SetAttributeValue of CKA_LABEL for each.

        Raises:
            NameInUseError: another key has that label.
        """

        def change(session: int) -> None:
            for which in (codes.PRIVATE_KEY, codes.PUBLIC_KEY):
                found = self._objects.find(session, {codes.CLASS: which, codes.LABEL: label})
                if set(found) - set(handles):
                    raise NameInUseError
            for handle in handles:
                self._objects.set_label(session, handle, label)

        # The handles would mean nothing after a new login.
        self._token.with_session(lane, change, lost=frozenset())

    def destroy(self, lane: Lane, handles: tuple[int, ...]) -> None:
        """C_DestroyObject for each."""

        def remove(session: int) -> None:
            for handle in handles:
                self._objects.destroy(session, handle)

        # The handles would mean nothing after a new login.
        self._token.with_session(lane, remove, lost=frozenset())
        self._token.signing.forget_handles()


def _public_values(query: KeyQuery) -> tuple[tuple[int, bytes], ...]:
    """The attributes by which a token may show the public key, the usual way first."""
    if query.kind == "RSA":
        return ((codes.MODULUS, query.modulus),)
    if query.kind == "DSA":
        return ((codes.VALUE, query.value),)
    # Most tokens wrap the point in an OCTET STRING, as the standard says; some do not. Of Edwards
    # points PKCS#11 3.0 said BIT STRING, and 3.1 says raw.
    wrapped = _wrapped(0x04, query.point)
    forms = [wrapped, query.point]
    if query.kind == "EDWARDS":
        forms.append(_wrapped(0x03, b"\0" + query.point))
    forms.append(_wrapped(0x04, wrapped))  # once too often, as some libraries do
    return tuple((codes.EC_POINT, value) for value in forms)


def _wrapped(tag: int, content: bytes) -> bytes:
    """DER of up to 255 bytes, as long as a point of P-521 needs."""
    length = bytes([len(content)]) if len(content) <= SHORT_FORM else bytes([0x81, len(content)])
    return bytes([tag]) + length + content

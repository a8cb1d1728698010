"""Key generation in one token."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from app.hsm import codes
from app.hsm.child.cryptoki import CkrError
from app.hsm.child.refusals import NameInUseError
from app.hsm.child.templates import (
    CURVE_REFUSALS,
    TEMPLATE_REFUSALS,
    attribute_names,
    curve_names,
    templates,
)

if TYPE_CHECKING:
    from app.hsm.child.crews import Lane
    from app.hsm.child.cryptoki import Cryptoki
    from app.hsm.child.management import Management
    from app.hsm.child.objects import Objects
    from app.hsm.child.token import Token
    from app.hsm.messages import Generate, KeyObject

# Answers to the user that mean: perhaps the security officer may.
_NOT_AS_USER = frozenset(
    {
        codes.ACTION_PROHIBITED,
        codes.FUNCTION_REJECTED,
        codes.KEY_FUNCTION_NOT_PERMITTED,
        codes.USER_NOT_LOGGED_IN,
        codes.USER_TYPE_INVALID,
    }
)


class Generation:
    """Makes key pairs with the mechanisms that the token offers."""

    def __init__(
        self, token: Token, cryptoki: Cryptoki, management: Management, objects: Objects
    ) -> None:
        self._token = token
        self._cryptoki = cryptoki
        self._management = management
        self._objects = objects

    def generate(self, lane: Lane, request: Generate) -> tuple[KeyObject, ...]:
        """C_GenerateKeyPair and both halves as they are on the token.

        With the PIN of a security officer it is he who generates, once the user has been refused;
        signatures wait for as long as he is logged in.

        Raises:
            NameInUseError: a key of that label is there.
            CkrError: with a note of the attributes where the token refused all templates.
        """
        base: dict[int, object] = {codes.LABEL: request.label}

        def check(session: int) -> None:
            self._token.check_login(session)
            find = self._objects.find
            if any(
                find(session, {codes.CLASS: which, **base})
                for which in (codes.PRIVATE_KEY, codes.PUBLIC_KEY)
            ):
                raise NameInUseError

        self._token.with_session(lane, check)
        try:
            handles = self._token.with_session(
                lane, lambda session: self._generate(session, request)
            )
        except CkrError as error:
            if request.so_pin is None or not _may_depend_on_role(error.code):
                raise
            with self._token.as_officer(request.so_pin) as session:
                self._generate(session, request)
            return self._token.finding.keys(lane, request.cka_id)
        return self._read(lane, request, handles)

    def _read(
        self, lane: Lane, request: Generate, handles: tuple[int, int]
    ) -> tuple[KeyObject, ...]:
        """The new pair by its handles, since some tokens give keys a CKA_ID of their own."""

        def look(session: int) -> tuple[KeyObject, ...]:
            halves = (self._objects.key(session, handle) for handle in handles)
            return tuple(half for half in halves if half is not None)

        try:
            halves: tuple[KeyObject, ...] = self._token.with_session(lane, look, lost=frozenset())
        except CkrError:
            halves = ()  # the session was lost, and the handles with it
        return halves or self._token.finding.keys(lane, request.cka_id)

    def _generate(self, session: int, request: Generate) -> tuple[int, int]:
        """Try the mechanisms, each with the ways to name the curve and the templates."""
        for mechanism in self._mechanisms(request):
            try:
                return self._generate_by(session, mechanism, request)
            except CkrError as error:
                refusal = error
                # In FIPS mode a mechanism may be listed and refused all the same.
                if error.code != codes.MECHANISM_INVALID:
                    raise
        raise refusal

    def _generate_by(self, session: int, mechanism: int, request: Generate) -> tuple[int, int]:
        names = curve_names(request.curve)
        for number, curve in enumerate(names, start=1):
            wanted = msgspec.structs.replace(request, curve=curve)
            try:
                return self._generate_from_templates(session, mechanism, wanted)
            except CkrError as error:
                refusal = error
                last = number == len(names)
                if last or error.code not in TEMPLATE_REFUSALS | CURVE_REFUSALS:
                    raise
        raise refusal

    def _generate_from_templates(
        self, session: int, mechanism: int, request: Generate
    ) -> tuple[int, int]:
        for public, private in templates(request):
            try:
                return self._cryptoki.generate_key_pair(session, mechanism, public, private)
            except CkrError as error:
                refusal = error
                if error.code not in TEMPLATE_REFUSALS:
                    raise
                refusal.add_note(attribute_names(public, private))
        raise refusal

    def _mechanisms(self, request: Generate) -> tuple[int, ...]:
        """Those that the token offers; where it lists none, the ordinary one gets its answer."""
        known = codes.GENERATION[request.kind]
        offered = self._management.mechanism_codes(self._token.slot())
        return tuple(code for code in known if code in offered) or known[:1]


def _may_depend_on_role(code: int) -> bool:
    """Whether the answer may mean that the user's role may not generate keys."""
    return code in _NOT_AS_USER or code >= codes.VENDOR_DEFINED

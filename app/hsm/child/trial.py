"""A signature by a key that lives no longer than its session: proof that a slot can be used."""

from __future__ import annotations

import contextlib
import secrets
from time import perf_counter
from typing import TYPE_CHECKING

from app.hsm import codes, messages
from app.hsm.child.cryptoki import CkrError
from app.hsm.child.refusals import LoginNeededError
from app.hsm.child.templates import CURVE_REFUSALS, TEMPLATE_REFUSALS, templates

if TYPE_CHECKING:
    from app.domain.keys import TokenIdentity
    from app.hsm.child.cryptoki import Cryptoki
    from app.hsm.child.management import Management
    from app.hsm.child.objects import Objects
    from app.hsm.child.token import Token

P256 = bytes.fromhex("06082a8648ce3d030107")
ED25519 = bytes.fromhex("06032b6570")
RSA_BITS = 2048
DIGEST = 32
# RFC 8017 §9.2 note 1: DER of DigestInfo of SHA-256 up to the digest.
DIGEST_INFO = bytes.fromhex("3031300d060960864801650304020105000420")
SHA256_PSS = (*codes.HASHES["SHA256"], DIGEST)

# Kinds of keys in the order in which they are tried, and how they sign.
_KINDS: tuple[tuple[messages.KeyKind, bytes, tuple[int, ...]], ...] = (
    ("EC", P256, (codes.ECDSA,)),
    ("RSA", b"", (codes.RSA_PKCS, codes.RSA_PKCS_PSS)),
    ("EDWARDS", ED25519, (codes.EDDSA,)),
)
# Answers after which another kind of key may do.
_NEXT_KIND = TEMPLATE_REFUSALS | CURVE_REFUSALS | {codes.MECHANISM_INVALID, codes.KEY_SIZE_RANGE}


class Trial:
    """Tries one token that is logged in."""

    def __init__(
        self, token: Token, cryptoki: Cryptoki, management: Management, objects: Objects
    ) -> None:
        self._token = token
        self._cryptoki = cryptoki
        self._management = management
        self._objects = objects

    def run(self, identity: TokenIdentity) -> messages.Tried:
        """Generate a session key, sign with it, and close the session, which deletes the key.

        Raises:
            LoginNeededError: nobody is logged in.
            CkrError: what the token answered to the kind of key that it should know best.
        """
        if not self._token.logged_in:
            raise LoginNeededError
        slot = self._token.slot()
        offered = frozenset(self._management.mechanism_codes(slot))
        refusal = CkrError("C_GenerateKeyPair", codes.MECHANISM_INVALID)
        for number, (kind, curve, signing) in enumerate(_usable(offered)):
            request = messages.Generate(
                identity, kind, RSA_BITS, curve, "Test", secrets.token_bytes(8)
            )
            session = self._cryptoki.open_session(slot)
            try:
                return self._try(session, request, signing, offered)
            except CkrError as error:
                if error.code not in _NEXT_KIND:
                    raise
                refusal = refusal if number else error
            finally:
                with contextlib.suppress(CkrError):
                    self._cryptoki.close_session(session)
        raise refusal

    def _try(
        self, session: int, request: messages.Generate, signing: int, offered: frozenset[int]
    ) -> messages.Tried:
        generation = next(code for code in codes.GENERATION[request.kind] if code in offered)
        public, private = self._generate(session, generation, request)
        digest = secrets.token_bytes(DIGEST)
        data = DIGEST_INFO + digest if signing == codes.RSA_PKCS else digest
        started = perf_counter()
        pss = SHA256_PSS if signing == codes.RSA_PKCS_PSS else None
        self._cryptoki.sign_init(session, private, signing, pss)
        value = self._cryptoki.sign(session, data)
        milliseconds = (perf_counter() - started) * 1000
        half = self._objects.key(session, public)
        if half is None:
            raise CkrError("C_GetAttributeValue", codes.OBJECT_HANDLE_INVALID)
        return messages.Tried(half, signing, data, value, milliseconds)

    def _generate(
        self, session: int, mechanism: int, request: messages.Generate
    ) -> tuple[int, int]:
        """The handles of a pair that is no token object, by the first template that is taken."""
        refusal: CkrError | None = None
        for public, private in templates(request):
            public[codes.TOKEN] = private[codes.TOKEN] = False
            try:
                return self._cryptoki.generate_key_pair(session, mechanism, public, private)
            except CkrError as error:
                if error.code not in TEMPLATE_REFUSALS:
                    raise
                refusal = refusal or error
        assert refusal is not None  # noqa: S101 - there are templates, for the type checker
        raise refusal


def _usable(offered: frozenset[int]) -> list[tuple[messages.KeyKind, bytes, int]]:
    """The kinds that the token can both generate and sign with."""
    return [
        (kind, curve, next(code for code in signing if code in offered))
        for kind, curve, signing in _KINDS
        if any(code in offered for code in codes.GENERATION[kind])
        and any(code in offered for code in signing)
    ]

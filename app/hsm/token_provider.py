"""The key provider of one token opened with one PIN."""

from __future__ import annotations

import secrets
from concurrent.futures import Future
from dataclasses import replace
from typing import TYPE_CHECKING

from cryptography.exceptions import InvalidSignature

from app.domain.errors import (
    DeadlineExceeded,
    InvalidInput,
    KeyAbsent,
    KeyStorageError,
    LibraryCrashed,
    SealkeeperError,
    TokenError,
)
from app.domain.keys import (
    EC_BITS,
    HashAlgorithm,
    KeyAlgorithm,
    KeyDescription,
    KeyLocator,
    KeySpec,
    SignaturePadding,
    SignatureScheme,
    TokenIdentity,
)
from app.hsm import codes, messages, public_keys

if TYPE_CHECKING:
    from app.domain.secrets import PinSource
    from app.hsm.isolated_library import IsolatedLibrary

CKA_ID_BYTES = 20
LABEL_CHARACTERS = 100
#: What a library answers when it does not know why.
UNEXPLAINED = frozenset({"CKR_GENERAL_ERROR", "CKR_FUNCTION_FAILED"})


class TokenKeyProvider:
    """Implements `KeyProvider` for one token; logs in when it is first needed.

    Args:
        library: that holds the token.
        token: by identity, in whatever slot.
        name: of the provider, without algorithm.
        pins: asked for the PIN at each login, also again after a restart of the library.
    """

    def __init__(
        self, library: IsolatedLibrary, token: TokenIdentity, name: str, pins: PinSource
    ) -> None:
        self._library = library
        self._token = token
        self._name = name
        self._pins = pins
        self._queries: dict[str, messages.KeyQuery] = {}

    def __repr__(self) -> str:
        return f"TokenKeyProvider({self._name!r}, {self._token!r})"

    @property
    def name(self) -> str:
        """Provider name without algorithm."""
        return self._name

    def algorithms(self) -> tuple[KeyAlgorithm, ...]:
        """Algorithms that the token can both generate and sign with."""
        offered = {mechanism.code: mechanism for mechanism in self._library.mechanisms(self._token)}
        found: list[KeyAlgorithm] = []
        if any(code in offered for code in codes.RSA_GENERATION) and (
            codes.RSA_PKCS in offered or codes.RSA_PKCS_PSS in offered
        ):
            found.append(KeyAlgorithm.RSA)
        curves = offered.get(codes.EC_KEY_PAIR_GEN)
        if curves is not None and codes.ECDSA in offered:
            found += [
                algorithm
                for algorithm, bits in EC_BITS.items()
                if curves.min_size <= bits and (bits <= curves.max_size or not curves.max_size)
            ]
        return tuple(found)

    # --- finding ------------------------------------------------------------------------------

    def keys(self) -> tuple[KeyDescription, ...]:
        """All RSA and P-256/384/521 pairs and single halves of the token."""
        return self._describe(self._keys(messages.ListKeys(self._token)))

    def find(self, locator: KeyLocator) -> KeyDescription:
        """The pair, by public key first.

        Raises:
            KeyAbsent: neither half is there.
        """
        halves = self._keys(messages.FindKey(self._token, self._query(locator)))
        found = [
            pair
            for pair in self._describe(halves)
            if pair.locator.public_key in (locator.public_key, b"")
        ]
        if not found:
            raise self._absent(locator)
        pair = next((pair for pair in found if pair.has_private), found[0])
        # A half that does not show its public key is known by the locator that found it.
        return pair if pair.locator.public_key else replace(pair, locator=locator)

    def _keys(
        self, request: messages.ListKeys | messages.FindKey
    ) -> tuple[messages.KeyObject, ...]:
        answer = self._library.ask_logged_in(
            request, self._library.deadlines.manage, self._pins, again=True
        )
        return messages.expect(messages.Keys, answer).objects

    def _describe(self, halves: tuple[messages.KeyObject, ...]) -> tuple[KeyDescription, ...]:
        return public_keys.describe(self._library.spec.path, self._token, halves)

    def _query(self, locator: KeyLocator) -> messages.KeyQuery:
        query = self._queries.get(locator.public_key_sha256)
        if query is None:
            query = public_keys.query_of(locator)
            self._queries[locator.public_key_sha256] = query
        return query

    def _absent(self, locator: KeyLocator) -> KeyAbsent:
        return KeyAbsent(
            f"The key {locator.label} is not on the token {self._token.label}.",
            cause="It was deleted, or the token was replaced.",
            remedy="Restore the key from the HSM's backup, or make a new key and certificate.",
            detail=f"SHA-256 of the public key: {locator.public_key_sha256}",
        )

    # --- changing -----------------------------------------------------------------------------

    def generate(self, spec: KeySpec, label: str) -> KeyDescription:
        """Generate a pair, read it back and try it once.

        Raises:
            InvalidInput: the label is empty or too long.
            NameInUse: a key of that label is on the token.
            TokenError: the token refused; nothing is left on it.
        """
        if not label.strip() or len(label) > LABEL_CHARACTERS:
            raise InvalidInput(f"The name of a key has 1 to {LABEL_CHARACTERS} characters.")
        cka_id = secrets.token_bytes(CKA_ID_BYTES)
        is_rsa = spec.algorithm is KeyAlgorithm.RSA
        request = messages.Generate(
            token=self._token,
            kind="RSA" if is_rsa else "EC",
            bits=spec.bits,
            curve=b"" if is_rsa else public_keys.EC_PARAMETERS[spec.algorithm],
            label=label,
            cka_id=cka_id,
        )
        halves, lost = self._generate(request)
        pair = next((p for p in self._describe(halves) if p.has_private and p.has_public), None)
        if pair is None:
            self._destroy(halves)
            raise lost or KeyStorageError(
                "The token does not show the key that it has generated.",
                cause="The token or its library is faulty.",
                remedy="Try again; test the token with the vendor's tools.",
            )
        self._try(pair, halves)
        return pair

    def _generate(
        self, request: messages.Generate, *, more_tries: int = 2
    ) -> tuple[tuple[messages.KeyObject, ...], SealkeeperError | None]:
        """The halves of the new pair, and why the answer was lost where it was."""
        deadline = self._library.deadlines.generate
        try:
            answer = self._library.ask_logged_in(request, deadline, self._pins)
            return messages.expect(messages.Keys, answer).objects, None
        except (LibraryCrashed, DeadlineExceeded) as error:
            # The token may have made the pair all the same: it is looked for, never made again.
            return self._keys(messages.ListKeys(self._token, request.cka_id)), error
        except TokenError as error:
            if not more_tries or error.ckr not in UNEXPLAINED:
                raise
            # A soft token answers so when another session reads its objects just then. It was a
            # refusal: no pair exists, though a half may, so another try is safe.
            self._destroy(self._keys(messages.ListKeys(self._token, request.cka_id)))
            return self._generate(request, more_tries=more_tries - 1)

    def _try(self, pair: KeyDescription, halves: tuple[messages.KeyObject, ...]) -> None:
        """One signature, verified here; a pair that fails is deleted."""
        ecdsa = pair.locator.algorithm is not KeyAlgorithm.RSA
        padding = SignaturePadding.ECDSA if ecdsa else SignaturePadding.PKCS1
        if padding is SignaturePadding.PKCS1 and not self._can(codes.RSA_PKCS):
            padding = SignaturePadding.PSS
        scheme = SignatureScheme(padding, HashAlgorithm.SHA256)
        digest = secrets.token_bytes(32)
        key = public_keys.load_public_key(pair.locator.public_key)
        try:
            signature = self.sign(pair.locator, scheme, digest).result()
            public_keys.verify(key, scheme, digest, signature)
        except (SealkeeperError, InvalidSignature) as error:
            self._destroy(halves)
            if isinstance(error, SealkeeperError):
                raise
            raise KeyStorageError(
                "The new key's first signature was wrong, so the key was deleted again.",
                cause="The token or its library is faulty.",
                remedy="Test the token with the vendor's tools.",
            ) from error

    def _can(self, mechanism: int) -> bool:
        return any(found.code == mechanism for found in self._library.mechanisms(self._token))

    def delete(self, locator: KeyLocator) -> None:
        """Delete both halves.

        Raises:
            KeyAbsent: neither is there.
        """
        halves = self._keys(messages.FindKey(self._token, self._query(locator)))
        if not halves:
            raise self._absent(locator)
        self._destroy(halves)

    def _destroy(self, halves: tuple[messages.KeyObject, ...]) -> None:
        if halves:
            handles = tuple(half.handle for half in halves)
            request = messages.Destroy(self._token, handles)
            self._library.ask_logged_in(request, self._library.deadlines.manage, self._pins)

    # --- signing ------------------------------------------------------------------------------

    def sign(self, locator: KeyLocator, scheme: SignatureScheme, digest: bytes) -> Future[bytes]:
        """Sign a digest; does not block, so an event loop's thread may call it too.

        The future's callbacks run in a thread of the key isolation and must be short.
        """
        result: Future[bytes] = Future()
        result.set_running_or_notify_cancel()
        try:
            query = self._query(locator)
            mechanism, pss, data = public_keys.mechanism_of(scheme, digest, query.kind)
        except SealkeeperError as error:
            result.set_exception(error)
            return result
        request = messages.Sign(
            token=self._token,
            key=bytes.fromhex(locator.public_key_sha256),
            query=query,
            mechanism=mechanism,
            pss=pss,
            data=data,
        )

        def finish(call: Future[bytes]) -> None:
            try:
                value = call.result()
                signature = public_keys.finish_signature(value, locator.algorithm, locator.bits)
            except Exception as error:  # noqa: BLE001 - a callback's edge; the future carries it
                result.set_exception(error)
            else:
                result.set_result(signature)

        self._library.sign(request, self._pins).add_done_callback(finish)
        return result

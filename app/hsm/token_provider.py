"""The key provider of one token opened with one PIN."""

from __future__ import annotations

import secrets
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import structlog
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import dsa

from app.domain.errors import (
    DeadlineExceeded,
    KeyAbsent,
    KeyStorageError,
    LibraryCrashed,
    PinIncorrect,
    PinLocked,
    SealkeeperError,
    TokenError,
)
from app.domain.keys import (
    HashAlgorithm,
    KeyAlgorithm,
    KeyDescription,
    KeyLocator,
    KeySpec,
    SignaturePadding,
    SignatureScheme,
    TokenIdentity,
    check_key_label,
    scheme_for,
)
from app.domain.token_memory import UNKNOWN, TokenMemory, explained, is_full, memory_of
from app.hsm import codes, messages, offers, pairs, public_keys
from app.hsm.channel import KeyUse

if TYPE_CHECKING:
    from app.domain.secret import Secret
    from app.domain.secrets import PinSource
    from app.hsm.isolated_library import IsolatedLibrary

log = structlog.get_logger(__name__)

CKA_ID_BYTES = 20
#: What a library answers when it does not know why.
UNEXPLAINED = frozenset({"CKR_GENERAL_ERROR", "CKR_FUNCTION_FAILED"})


@dataclass(frozen=True, slots=True)
class _Plan:
    """How a key signs by one scheme.

    Attributes:
        use: key and mechanism.
        prefix: of the digest, for C_Sign.
        size: of the digest, -1 where that is not all.
    """

    use: KeyUse
    prefix: bytes
    size: int


@dataclass(frozen=True, slots=True)
class _Known:
    """How a key is found, the length of its q where it is a DSA key, and how it signed."""

    query: messages.KeyQuery
    subprime: int
    plans: dict[SignatureScheme, _Plan] = field(default_factory=dict)


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
        self._known: dict[str, _Known] = {}

    def __repr__(self) -> str:
        return f"TokenKeyProvider({self._name!r}, {self._token!r})"

    @property
    def name(self) -> str:
        """Provider name without algorithm."""
        return self._name

    def algorithms(self) -> tuple[KeyAlgorithm, ...]:
        """Algorithms that the token can both generate and sign with, out of date ones last."""
        return tuple(offers.offered_bits(self._library.mechanisms(self._token)))

    def scheme(
        self, algorithm: KeyAlgorithm, hash_algorithm: HashAlgorithm = HashAlgorithm.SHA256
    ) -> SignatureScheme:
        """How keys of an algorithm sign here: RSA with PSS where the token has nothing else."""
        pss = algorithm is KeyAlgorithm.RSA and not self._can(codes.RSA_PKCS)
        return scheme_for(algorithm, hash_algorithm, pss=pss)

    # --- finding ------------------------------------------------------------------------------

    def keys(self) -> tuple[KeyDescription, ...]:
        """All pairs and single halves of the token whose algorithm is offered here."""
        return self._describe(self._keys(messages.ListKeys(self._token)))

    def find(self, locator: KeyLocator) -> KeyDescription:
        """The pair, by public key first.

        Raises:
            KeyAbsent: neither half is there.
        """
        return self._pair(locator, self._halves(locator))

    def _halves(self, locator: KeyLocator) -> tuple[messages.KeyObject, ...]:
        """Both halves, or the one that is there; raises KeyAbsent."""
        query = self._query(locator).query
        halves = self._keys(messages.FindKey(self._token, query))
        if not halves:
            raise self._absent(locator)
        return halves

    def _pair(self, locator: KeyLocator, halves: tuple[messages.KeyObject, ...]) -> KeyDescription:
        """The halves that were found for a locator, as one pair."""
        # They belong together whatever their CKA_IDs are, which a restore may have changed.
        pair = pairs.describe_pair(
            self._library.spec.path,
            self._token,
            next((half for half in halves if half.private), None),
            next((half for half in halves if not half.private), None),
        )
        if pair is None:  # a DSA key that shows no prime
            return pairs.known_pair(locator, halves)
        if pair.locator.public_key not in (locator.public_key, b""):
            raise self._absent(locator)
        # A half that does not show its public key is known by the locator that found it.
        if pair.locator.public_key:
            return pair
        known = replace(locator, cka_id=pair.locator.cka_id, label=pair.locator.label)
        return replace(pair, locator=known)

    def _keys(
        self, request: messages.ListKeys | messages.FindKey
    ) -> tuple[messages.KeyObject, ...]:
        answer = self._library.ask_logged_in(
            request, self._library.deadlines.manage, self._pins, again=True
        )
        return messages.expect(messages.Keys, answer).objects

    def _describe(self, halves: tuple[messages.KeyObject, ...]) -> tuple[KeyDescription, ...]:
        return pairs.describe(self._library.spec.path, self._token, halves)

    def _query(self, locator: KeyLocator) -> _Known:
        known = self._known.get(locator.public_key_sha256)
        if known is None:
            key = public_keys.load_public_key(locator.public_key)
            known = _Known(public_keys.query_of(locator), public_keys.subprime_bytes(key))
            self._known[locator.public_key_sha256] = known
        return known

    def _absent(self, locator: KeyLocator) -> KeyAbsent:
        return KeyAbsent(
            f"The key {locator.label} is not on the token {self._token.label}.",
            cause="It was deleted, or the token was replaced.",
            remedy="Restore the key from the HSM's backup, or make a new key and certificate.",
            detail=f"SHA-256 of the public key: {locator.public_key_sha256}",
        )

    # --- changing -----------------------------------------------------------------------------

    def generate(
        self, spec: KeySpec, label: str, *, so_pin: Secret | None = None
    ) -> KeyDescription:
        """Generate a pair, read it back and try it once.

        Args:
            spec: algorithm and size.
            label: of both halves; no other key may have it.
            so_pin: where only the security officer may generate keys: his PIN. It is tried once,
                and only if the user has been refused.

        Raises:
            InvalidInput: the label is empty or too long.
            NameInUse: a key of that label is on the token.
            PinIncorrect: the token refused the security officer's PIN.
            TokenError: the token refused; what it made all the same was deleted again, unless it
                refused that too.
        """
        check_key_label(label)
        kind = public_keys.kind_of(spec.algorithm)
        request = messages.Generate(
            token=self._token,
            kind=kind,
            bits=spec.bits,
            curve=public_keys.EC_PARAMETERS.get(spec.algorithm, b""),
            label=label,
            cka_id=secrets.token_bytes(CKA_ID_BYTES),
            parameters=_domain_parameters(spec.bits) if kind == "DSA" else None,
            so_pin=so_pin.reveal() if so_pin is not None else None,
        )
        halves, lost = self._generate(request)
        pair = next((p for p in self._describe(halves) if p.has_private and p.has_public), None)
        # Some tokens take no word about it in the template, so what came of it is looked at.
        if pair is not None and (pair.extractable or pair.sensitive is False):
            self._destroy(halves)
            raise KeyStorageError(
                "The new private key could be read from the token, so it was deleted again.",
                cause="The token takes no template that forbids it, or its policy allows it.",
                remedy="Change the token's policy so that private keys stay inside it.",
            )
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
            if isinstance(error, PinIncorrect | PinLocked):
                raise
            # Whatever the token says, it may have made a half, or even the pair.
            cleared = self._cleared(request.cka_id)
            if is_full(error):
                raise explained(error, self._token.label, self._memory()) from error
            # A soft token answers so when another session reads its objects just then.
            if not (cleared and more_tries and error.ckr in UNEXPLAINED):
                raise
            return self._generate(request, more_tries=more_tries - 1)

    def _memory(self) -> TokenMemory:
        try:
            slots = self._library.slots()
        except KeyStorageError:  # the figures are a help, the refusal is what happened
            slots = ()
        return next((memory_of(slot) for slot in slots if slot.token == self._token), UNKNOWN)

    def _cleared(self, cka_id: bytes) -> bool:
        """Delete what has a CKA_ID; False where the token did not let that be done."""
        try:
            self._destroy(self._keys(messages.ListKeys(self._token, cka_id)))
        except KeyStorageError as error:  # whoever asked is told of the refusal itself
            log.warning("a token was not cleared of a key that failed", error=error.one_line())
            return False
        return True

    def _try(self, pair: KeyDescription, halves: tuple[messages.KeyObject, ...]) -> None:
        """One signature, verified here; a pair that fails is deleted."""
        scheme = self.scheme(pair.locator.algorithm)
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
        self._destroy(self._halves(locator))

    def rename(self, locator: KeyLocator, label: str) -> KeyDescription:
        """Give both halves another label; the pair as it is found from then on.

        Raises:
            InvalidInput: the label is empty or too long.
            NameInUse: another key on the token has that label.
            KeyAbsent: neither half is there.
            TokenError: the token does not let labels be changed.
        """
        check_key_label(label)
        handles = tuple(half.handle for half in self._halves(locator))
        request = messages.SetLabel(self._token, handles, label)
        self._library.ask_logged_in(request, self._library.deadlines.manage, self._pins)
        self._known.pop(locator.public_key_sha256, None)
        return self.find(replace(locator, label=label))

    def _destroy(self, halves: tuple[messages.KeyObject, ...]) -> None:
        if halves:
            handles = tuple(half.handle for half in halves)
            request = messages.Destroy(self._token, handles)
            self._library.ask_logged_in(request, self._library.deadlines.manage, self._pins)

    # --- signing ------------------------------------------------------------------------------

    def sign(self, locator: KeyLocator, scheme: SignatureScheme, digest: bytes) -> Future[bytes]:
        """Sign a digest, or with `EDDSA` a message.

        It does not block, so an event loop's thread may call it too. The future's callbacks run in
        a thread of the key isolation and must be short.
        """
        known = self._known.get(locator.public_key_sha256)
        plan = known.plans.get(scheme) if known is not None else None
        if plan is not None and len(digest) == plan.size:
            data = plan.prefix + digest
        else:
            try:
                plan, data = self._plan(locator, scheme, digest)
            except SealkeeperError as error:
                refused: Future[bytes] = Future()
                refused.set_exception(error)
                return refused
        return self._library.sign(plan.use, data, self._pins, _Finishing(locator, scheme))

    def _plan(
        self, locator: KeyLocator, scheme: SignatureScheme, digest: bytes
    ) -> tuple[_Plan, bytes]:
        """How a key signs by a scheme, kept for the next digest, and what C_Sign gets for this one.

        Raises:
            InvalidInput: key, scheme and digest do not fit together.
        """
        known = self._query(locator)
        mechanism, pss, data = public_keys.mechanism_of(
            scheme, digest, known.query.kind, known.subprime
        )
        key = bytes.fromhex(locator.public_key_sha256)
        earlier = known.plans.get(scheme)
        use = earlier.use if earlier is not None else None
        if use is None:
            use = KeyUse(self._token, key, known.query, mechanism, pss)
        # Of a message, and of a digest that is cut, nothing is known beforehand.
        whole = scheme.padding is not SignaturePadding.EDDSA and data.endswith(digest)
        size = len(digest) if whole else -1
        plan = known.plans[scheme] = _Plan(use, data[: len(data) - len(digest)], size)
        return plan, data


def _domain_parameters(bits: int) -> tuple[bytes, bytes, bytes]:
    """Fresh p, q and g for a DSA key (FIPS 186-4 §4.2); takes seconds."""
    numbers = dsa.generate_parameters(bits).parameter_numbers()
    p, q, g = (
        n.to_bytes((n.bit_length() + 7) // 8, "big") for n in (numbers.p, numbers.q, numbers.g)
    )
    return p, q, g


class _Finishing:
    """Makes of what C_Sign returned what X.509 wants."""

    __slots__ = ("_locator", "_scheme")

    def __init__(self, locator: KeyLocator, scheme: SignatureScheme) -> None:
        self._locator = locator
        self._scheme = scheme

    def finish(self, value: bytes) -> bytes:
        return public_keys.finish_signature(value, self._locator.algorithm, self._locator.bits)

    def explain(self, error: Exception) -> Exception:
        return _without_pkcs1(error, self._scheme) if isinstance(error, TokenError) else error


def _without_pkcs1(error: TokenError, scheme: SignatureScheme) -> TokenError:
    """The error, with the way out where a token in FIPS mode knows nothing but PSS."""
    if scheme.padding is not SignaturePadding.PKCS1 or error.ckr != "CKR_MECHANISM_INVALID":
        return error
    return TokenError(
        "The token does not sign with PKCS #1 v1.5.",
        ckr=error.ckr,
        function=error.function,
        library=error.library,
        library_version=error.library_version,
        cause="It does not offer CKM_RSA_PKCS, or its FIPS mode forbids it.",
        remedy="Use RSASSA-PSS with this key, or a key of another algorithm.",
    )

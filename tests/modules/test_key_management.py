"""One suite of key management, run on every module; `-rs` prints what is left out where.

Kept apart from the tests of the isolation: here the modules are judged, not the fault paths.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import signal
from contextlib import nullcontext
from typing import TYPE_CHECKING

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from app.domain.errors import KeyAbsent, NameInUse, PinIncorrect, SealkeeperError
from app.domain.keys import (
    ED25519_SCHEME,
    KEY_BITS,
    HashAlgorithm,
    KeyAlgorithm,
    KeySpec,
    SignaturePadding,
    SignatureScheme,
)
from app.domain.secret import Secret
from app.hsm import public_keys
from app.hsm.isolation import Deadlines, KeyIsolation
from app.hsm.private_key import private_key
from tests.modules.modules import MODULES, Module, ModuleMissingError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from app.domain.keys import KeyDescription
    from app.hsm.isolation import IsolatedLibrary, TokenKeyProvider

WRONG = "wrong-p1"
PADDINGS = {
    KeyAlgorithm.RSA: SignaturePadding.PKCS1,
    KeyAlgorithm.DSA: SignaturePadding.DSA,
}


class Pins:
    """A PIN source that remembers what it was told."""

    def __init__(self, pin: Secret) -> None:
        self.value = pin
        self.refusals: list[SealkeeperError] = []

    def attempt(self) -> nullcontext[None]:
        return nullcontext()

    def pin(self) -> Secret:
        return self.value

    def refused(self, error: SealkeeperError) -> None:
        self.refusals.append(error)


@pytest.fixture(scope="module", params=list(MODULES))
def module(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Module]:
    name: str = request.param
    try:
        with MODULES[name](tmp_path_factory.mktemp(name)) as found:
            yield found
    except ModuleMissingError as reason:
        pytest.skip(f"{name}: {reason}")


@pytest.fixture
def isolation() -> Iterator[KeyIsolation]:
    made = KeyIsolation(deadlines=Deadlines(generate=120))
    yield made
    made.close()


@pytest.fixture
def library(isolation: KeyIsolation, module: Module) -> IsolatedLibrary:
    return isolation.library(module.spec)


@pytest.fixture
def provider(library: IsolatedLibrary, module: Module) -> Iterator[TokenKeyProvider]:
    """The token's provider; keys of a test are gone after it."""
    made = library.provider(module.token, f"{module.name} Key Storage Provider", Pins(module.pin))
    yield made
    for key in tuple(made.keys()):
        made.delete(key.locator)


@pytest.fixture(params=list(KeyAlgorithm))
def algorithm(
    request: pytest.FixtureRequest, provider: TokenKeyProvider, module: Module
) -> KeyAlgorithm:
    """Each algorithm that the module offers; the others are skipped with the reason."""
    wanted: KeyAlgorithm = request.param
    offered = provider.algorithms()
    assert module.must <= set(offered)
    if wanted not in offered:
        pytest.skip(f"{module.name} does not offer {wanted}")
    return wanted


def spec_of(algorithm: KeyAlgorithm) -> KeySpec:
    return KeySpec(algorithm, KEY_BITS[algorithm][0])


def signed(
    provider: TokenKeyProvider, key: KeyDescription, padding_kind: SignaturePadding | None = None
) -> None:
    """Sign something random and verify it here.

    Raises:
        cryptography.exceptions.InvalidSignature: the signature is wrong.
    """
    algorithm = key.locator.algorithm
    if algorithm is KeyAlgorithm.ED25519:
        scheme = ED25519_SCHEME
        data = secrets.token_bytes(100)
    else:
        kind = padding_kind or PADDINGS.get(algorithm, SignaturePadding.ECDSA)
        scheme = SignatureScheme(kind, HashAlgorithm.SHA256)
        data = hashlib.sha256(secrets.token_bytes(32)).digest()
    signature = provider.sign(key.locator, scheme, data).result(60)
    public_keys.verify(public_keys.load_public_key(key.locator.public_key), scheme, data, signature)


def test_the_token_is_there_and_tells_of_itself(library: IsolatedLibrary, module: Module) -> None:
    (slot,) = [slot for slot in library.slots() if slot.token == module.token]
    assert slot.token_present
    assert slot.initialised
    assert slot.model
    assert not slot.problem
    # What a token does not report is None and not a number that stands for it.
    for amount in (slot.total_memory, slot.free_memory, slot.sessions, slot.max_sessions):
        assert amount is None or 0 <= amount < 2**48
    assert len(library.mechanisms(module.token)) > 10


def test_a_pair_is_made_found_used_and_deleted(
    provider: TokenKeyProvider, algorithm: KeyAlgorithm
) -> None:
    key = provider.generate(spec_of(algorithm), f"suite {algorithm}")
    assert key.has_private
    assert key.has_public
    assert key.extractable is False
    assert key.sensitive is True
    assert [found.locator for found in tuple(provider.keys())] == [key.locator]
    assert provider.find(key.locator) == key
    for _ in range(3):
        signed(provider, key)
    provider.delete(key.locator)
    assert provider.keys() == ()
    with pytest.raises(KeyAbsent):
        provider.find(key.locator)


def test_a_pair_is_found_again_by_another_process(
    isolation: KeyIsolation, provider: TokenKeyProvider, module: Module, algorithm: KeyAlgorithm
) -> None:
    key = provider.generate(spec_of(algorithm), "kept")
    other = KeyIsolation()
    try:
        again = other.library(module.spec).provider(module.token, "Other", Pins(module.pin))
        assert again.find(key.locator).locator == key.locator
        signed(again, key)
    finally:
        other.close()
    del isolation


def test_a_label_is_unique_and_can_be_changed(provider: TokenKeyProvider) -> None:
    key = provider.generate(spec_of(KeyAlgorithm.RSA), "first name")
    with pytest.raises(NameInUse):
        provider.generate(spec_of(KeyAlgorithm.RSA), "first name")
    renamed = provider.rename(key.locator, "second name")
    assert renamed.locator.label == "second name"
    assert [found.locator.label for found in tuple(provider.keys())] == ["second name"]
    # The locator that was stored before the change still leads to the key.
    assert provider.find(key.locator).locator.public_key == key.locator.public_key
    signed(provider, key)


def test_pss(provider: TokenKeyProvider, library: IsolatedLibrary, module: Module) -> None:
    names = {mechanism.name for mechanism in library.mechanisms(module.token)}
    if "CKM_RSA_PKCS_PSS" not in names:
        pytest.skip(f"{module.name} does not offer CKM_RSA_PKCS_PSS")
    signed(provider, provider.generate(spec_of(KeyAlgorithm.RSA), "pss"), SignaturePadding.PSS)


def test_the_key_object_serves_cryptography(provider: TokenKeyProvider) -> None:
    pair = provider.generate(spec_of(KeyAlgorithm.RSA), "as an object")
    key = private_key(provider, pair.locator)
    assert isinstance(key, rsa.RSAPrivateKey)
    signature = key.sign(b"to be signed", padding.PKCS1v15(), hashes.SHA384())
    key.public_key().verify(signature, b"to be signed", padding.PKCS1v15(), hashes.SHA384())


def test_many_signatures_side_by_side(provider: TokenKeyProvider) -> None:
    pair = provider.generate(spec_of(KeyAlgorithm.RSA), "many")
    scheme = SignatureScheme(SignaturePadding.PKCS1, HashAlgorithm.SHA256)
    digests = [hashlib.sha256(bytes([number])).digest() for number in range(60)]
    flying = [provider.sign(pair.locator, scheme, digest) for digest in digests]
    key = public_keys.load_public_key(pair.locator.public_key)
    for digest, future in zip(digests, flying, strict=True):
        public_keys.verify(key, scheme, digest, future.result(60))


def test_a_wrong_pin_is_tried_once_and_a_right_one_after_it_works(
    library: IsolatedLibrary, module: Module
) -> None:
    pins = Pins(Secret(WRONG))
    provider = library.provider(module.token, "Wrong", pins)
    for _ in range(2):
        with pytest.raises(SealkeeperError):
            provider.keys()
    (refusal,) = pins.refusals
    assert isinstance(refusal, PinIncorrect)
    # The right one ends the count of wrong ones that some tokens keep.
    library.verify_pin(module.token, module.pin)


def test_a_trial_signs_with_a_session_key(library: IsolatedLibrary, module: Module) -> None:
    trial = library.try_slot(module.token, module.pin)
    assert trial.signed, trial.problem
    assert len(trial.mechanisms) > 10
    provider = library.provider(module.token, "After", Pins(module.pin))
    assert provider.keys() == (), "the session key stayed on the token"


def test_the_user_changes_the_pin(library: IsolatedLibrary, module: Module) -> None:
    fresh = Secret("other-p1")
    library.change_pin(module.token, module.pin, fresh)
    try:
        library.verify_pin(module.token, fresh)
    finally:
        library.change_pin(module.token, fresh, module.pin)
    library.verify_pin(module.token, module.pin)


def test_the_security_officer_sets_the_pin_anew(library: IsolatedLibrary, module: Module) -> None:
    if module.so_pin is None:
        pytest.skip(f"{module.name} has no security officer")
    library.unlock_pin(module.token, module.so_pin, module.pin)
    library.verify_pin(module.token, module.pin)


def test_a_lost_process_is_replaced_and_the_key_found_again(
    provider: TokenKeyProvider, library: IsolatedLibrary
) -> None:
    pair = provider.generate(spec_of(KeyAlgorithm.RSA), "survives")
    pid = library.process_id
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    signed(provider, pair)
    assert library.process_id not in (None, pid)

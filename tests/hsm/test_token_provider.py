"""Keys of a real soft token through the isolation process."""

from __future__ import annotations

import hashlib
import subprocess
from typing import TYPE_CHECKING

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from app.domain.errors import InvalidInput, KeyAbsent, NameInUse, TokenAbsent, TokenError
from app.domain.keys import (
    HashAlgorithm,
    KeyAlgorithm,
    KeyLocator,
    KeySpec,
    SignaturePadding,
    SignatureScheme,
    TokenIdentity,
)
from app.hsm import public_keys
from tests.hsm.conftest import Pins
from tests.hsm.support import P256

if TYPE_CHECKING:
    from app.hsm.isolation import IsolatedLibrary, KeyIsolation, TokenKeyProvider
    from tests.faults.module import Faults
    from tests.softhsm import SoftHsm

SPECS = [
    KeySpec(KeyAlgorithm.RSA, 2048),
    KeySpec(KeyAlgorithm.RSA, 3072),
    KeySpec(KeyAlgorithm.ECDSA_P256, 256),
    KeySpec(KeyAlgorithm.ECDSA_P384, 384),
    KeySpec(KeyAlgorithm.ECDSA_P521, 521),
]
MESSAGE = b"What is signed here"


def check(provider: TokenKeyProvider, locator: KeyLocator, scheme: SignatureScheme) -> None:
    digest = hashlib.new(scheme.hash.value, MESSAGE).digest()
    signature = provider.sign(locator, scheme, digest).result(30)
    key = public_keys.load_public_key(locator.public_key)
    algorithm = public_keys.HASHES[scheme.hash]
    # The judge verifies the message itself, not our digest.
    if isinstance(key, rsa.RSAPublicKey):
        key.verify(signature, MESSAGE, public_keys.rsa_padding(scheme), algorithm)
    else:
        assert isinstance(key, ec.EllipticCurvePublicKey)
        key.verify(signature, MESSAGE, ec.ECDSA(algorithm))


@pytest.mark.parametrize("spec", SPECS, ids=str)
def test_a_generated_key_signs_with_every_scheme(provider: TokenKeyProvider, spec: KeySpec) -> None:
    pair = provider.generate(spec, f"key {spec}")
    assert pair.has_private
    assert pair.has_public
    assert (pair.extractable, pair.sensitive, pair.local) == (False, True, True)
    assert (pair.locator.algorithm, pair.locator.bits) == (spec.algorithm, spec.bits)
    assert len(bytes.fromhex(pair.locator.cka_id)) == 20
    rsa_key = spec.algorithm is KeyAlgorithm.RSA
    paddings = [SignaturePadding.PKCS1, SignaturePadding.PSS] if rsa_key else ["ECDSA"]
    for padding in paddings:
        for hash_ in HashAlgorithm:
            check(provider, pair.locator, SignatureScheme(SignaturePadding(padding), hash_))


def test_the_algorithms_are_those_of_the_mechanism_list(provider: TokenKeyProvider) -> None:
    # SoftHSM says that its DSA keys end at 1024 bits, which is not offered any more.
    assert set(provider.algorithms()) == set(KeyAlgorithm) - {KeyAlgorithm.DSA}


def test_keys_are_found_by_public_key_and_not_by_name(provider: TokenKeyProvider) -> None:
    first = provider.generate(KeySpec(KeyAlgorithm.ECDSA_P256, 256), "first")
    second = provider.generate(KeySpec(KeyAlgorithm.ECDSA_P256, 256), "second")
    assert provider.find(first.locator) == first
    found = provider.keys()
    assert {pair.locator.label for pair in found} == {"first", "second"}
    misnamed = KeyLocator(
        library_path=first.locator.library_path,
        token=first.locator.token,
        public_key=first.locator.public_key,
        public_key_sha256=first.locator.public_key_sha256,
        cka_id=second.locator.cka_id,
        label=second.locator.label,
        algorithm=first.locator.algorithm,
        bits=first.locator.bits,
    )
    assert provider.find(misnamed) == first


def test_a_deleted_key_is_absent_for_every_use(provider: TokenKeyProvider) -> None:
    pair = provider.generate(KeySpec(KeyAlgorithm.ECDSA_P256, 256), "short-lived")
    check(provider, pair.locator, SignatureScheme(SignaturePadding.ECDSA, HashAlgorithm.SHA256))
    provider.delete(pair.locator)
    assert provider.keys() == ()
    with pytest.raises(KeyAbsent):
        provider.find(pair.locator)
    with pytest.raises(KeyAbsent):
        provider.delete(pair.locator)
    scheme = SignatureScheme(SignaturePadding.ECDSA, HashAlgorithm.SHA256)
    with pytest.raises(KeyAbsent):
        provider.sign(pair.locator, scheme, bytes(32)).result(10)


def test_a_key_deleted_by_another_program_is_absent(
    provider: TokenKeyProvider, softhsm: SoftHsm
) -> None:
    pair = provider.generate(KeySpec(KeyAlgorithm.RSA, 2048), "deleted elsewhere")
    scheme = SignatureScheme(SignaturePadding.PKCS1, HashAlgorithm.SHA256)
    check(provider, pair.locator, scheme)
    for kind in ("privkey", "pubkey"):
        judge(softhsm, "--delete-object", "--type", kind, "--id", pair.locator.cka_id)
    with pytest.raises(KeyAbsent):
        provider.find(pair.locator)
    with pytest.raises(KeyAbsent):
        provider.sign(pair.locator, scheme, bytes(32)).result(10)


@pytest.mark.parametrize("spec", [SPECS[0], SPECS[2]], ids=str)
def test_a_pair_without_its_public_object_is_found_and_signs(
    provider: TokenKeyProvider, softhsm: SoftHsm, spec: KeySpec
) -> None:
    pair = provider.generate(spec, "half a pair")
    judge(softhsm, "--delete-object", "--type", "pubkey", "--id", pair.locator.cka_id)
    found = provider.find(pair.locator)
    assert (found.has_private, found.has_public) == (True, False)
    assert found.locator == pair.locator
    padding = "PKCS1" if spec.algorithm is KeyAlgorithm.RSA else "ECDSA"
    check(provider, pair.locator, SignatureScheme(SignaturePadding(padding), HashAlgorithm.SHA256))
    provider.delete(pair.locator)
    assert provider.keys() == ()


def test_a_key_whose_id_was_changed_is_found(provider: TokenKeyProvider, softhsm: SoftHsm) -> None:
    pair = provider.generate(KeySpec(KeyAlgorithm.ECDSA_P256, 256), "restored")
    for kind in ("privkey", "pubkey"):
        changed = ("--set-id", "01", "--type", kind, "--id", pair.locator.cka_id)
        judge(softhsm, *changed)
    assert provider.find(pair.locator).locator.cka_id == "01"
    check(provider, pair.locator, SignatureScheme(SignaturePadding.ECDSA, HashAlgorithm.SHA256))


def test_a_key_that_asks_for_the_pin_at_each_use_signs(
    provider: TokenKeyProvider, softhsm: SoftHsm
) -> None:
    made = ("--keypairgen", "--key-type", "EC:prime256v1", "--label", "asks", "--id", "07")
    judge(softhsm, *made, "--always-auth", "--usage-sign")
    (pair,) = provider.keys()
    for _ in range(3):
        check(provider, pair.locator, SignatureScheme(SignaturePadding.ECDSA, HashAlgorithm.SHA256))


def test_a_name_in_use_is_refused_and_nothing_is_made(provider: TokenKeyProvider) -> None:
    provider.generate(KeySpec(KeyAlgorithm.ECDSA_P256, 256), "taken")
    with pytest.raises(NameInUse):
        provider.generate(KeySpec(KeyAlgorithm.RSA, 2048), "taken")
    assert len(provider.keys()) == 1


@pytest.mark.parametrize("label", ["", "   ", "x" * 101])
def test_an_unfit_name_is_refused(provider: TokenKeyProvider, label: str) -> None:
    with pytest.raises(InvalidInput):
        provider.generate(KeySpec(KeyAlgorithm.ECDSA_P256, 256), label)


def test_scheme_and_digest_have_to_fit(provider: TokenKeyProvider) -> None:
    pair = provider.generate(KeySpec(KeyAlgorithm.ECDSA_P256, 256), "fits")
    rsa_scheme = SignatureScheme(SignaturePadding.PKCS1, HashAlgorithm.SHA256)
    with pytest.raises(InvalidInput):
        provider.sign(pair.locator, rsa_scheme, bytes(32)).result(10)
    scheme = SignatureScheme(SignaturePadding.ECDSA, HashAlgorithm.SHA256)
    with pytest.raises(InvalidInput):
        provider.sign(pair.locator, scheme, bytes(31)).result(10)


def test_another_program_sees_the_pairs_as_never_extractable(
    provider: TokenKeyProvider, softhsm: SoftHsm
) -> None:
    provider.generate(KeySpec(KeyAlgorithm.RSA, 2048), "judged RSA")
    provider.generate(KeySpec(KeyAlgorithm.ECDSA_P256, 256), "judged EC")
    seen = judge(softhsm, "--list-objects")
    private = seen.split("Private Key Object")[1:]
    assert len(private) == 2
    for part in private:
        access = next(line for line in part.splitlines() if "Access:" in line)
        assert {"sensitive", "always sensitive", "never extractable"} <= {
            word.strip() for word in access.split(":")[1].split(",")
        }
        usage = next(line for line in part.splitlines() if "Usage:" in line)
        assert usage.split(":")[1].strip().startswith("sign")
    assert seen.count("Public Key Object") == 2


def judge(softhsm: SoftHsm, *arguments: str) -> str:
    pin = softhsm.user_pin.reveal().decode()
    command = ["pkcs11-tool", "--module", str(softhsm.library), "--token-label"]
    command += [softhsm.token.label, "--login", "--pin", pin, *arguments]
    done = subprocess.run(
        command, env=softhsm.environment, capture_output=True, text=True, check=True, timeout=60
    )
    return done.stdout


# --- the library and its slots ----------------------------------------------------------------


def test_slots_show_tokens_without_padding(library: IsolatedLibrary, softhsm: SoftHsm) -> None:
    tokens = [slot for slot in library.slots() if slot.token is not None]
    assert [slot.token for slot in tokens] == [softhsm.token]
    assert tokens[0].model == "SoftHSM v2"
    assert tokens[0].manufacturer == "SoftHSM project"
    empty = [slot for slot in library.slots() if not slot.initialised]
    assert [(slot.token, slot.token_present) for slot in empty] == [(None, True)]


def test_mechanisms_are_exactly_those_of_the_token(
    library: IsolatedLibrary, softhsm: SoftHsm
) -> None:
    mechanisms = {mechanism.name: mechanism for mechanism in library.mechanisms(softhsm.token)}
    assert mechanisms["CKM_RSA_PKCS_KEY_PAIR_GEN"].flags == {"generate_key_pair"}
    assert "sign" in mechanisms["CKM_ECDSA"].flags
    listed = judge(softhsm, "--list-mechanisms")
    assert len(mechanisms) == sum(", " in line or "keySize" in line for line in listed.splitlines())


def test_a_token_is_initialised_and_used_at_once(
    library: IsolatedLibrary, softhsm: SoftHsm
) -> None:
    slot = next(slot for slot in library.slots() if not slot.initialised)
    made = library.initialise_token(slot.slot_id, "Brand New", softhsm.so_pin, softhsm.user_pin)
    assert made.token is not None
    assert made.token.label == "Brand New"
    provider = library.provider(made.token, "New", Pins(softhsm.user_pin))
    pair = provider.generate(KeySpec(KeyAlgorithm.ECDSA_P256, 256), "on the new token")
    library.restart()
    # SoftHSM gives the slot another number when it is loaded again.
    assert provider.find(pair.locator) == pair
    check(provider, pair.locator, SignatureScheme(SignaturePadding.ECDSA, HashAlgorithm.SHA256))


def test_an_absent_token_is_named(library: IsolatedLibrary, pins: Pins) -> None:
    provider = library.provider(TokenIdentity("0000", "Nowhere"), "Nowhere", pins)
    with pytest.raises(TokenAbsent):
        provider.keys()
    with pytest.raises(TokenAbsent):
        provider.algorithms()


def test_a_token_added_later_is_there_after_a_restart(
    library: IsolatedLibrary, softhsm: SoftHsm
) -> None:
    library.slots()
    added = softhsm.new_token("Added")
    library.restart()
    assert added in [slot.token for slot in library.slots()]


def test_the_same_spec_is_the_same_child(isolation: KeyIsolation, softhsm: SoftHsm) -> None:
    assert isolation.process_ids() == ()
    first = isolation.library(softhsm.spec)
    assert isolation.library(softhsm.spec) is first
    assert first.info().manufacturer == "SoftHSM"
    assert len(isolation.process_ids()) == 1


@pytest.mark.parametrize(("ckr", "tries"), [(0x05, 3), (0x31, 1)], ids=["unexplained", "memory"])
def test_a_generation_is_tried_again_only_where_the_library_does_not_know_why(
    faulty_provider: TokenKeyProvider, faults: Faults, ckr: int, tries: int
) -> None:
    faults.set(f"C_GenerateKeyPair fail {ckr}")
    with pytest.raises(TokenError):
        faulty_provider.generate(KeySpec(KeyAlgorithm.ECDSA_P256, 256), "never made")
    assert faults.calls("C_GenerateKeyPair") == tries
    faults.set()
    assert faulty_provider.keys() == ()


@pytest.mark.parametrize("answer", ["CKR_DEVICE_ERROR", "CKR_FUNCTION_FAILED"])
def test_a_refusal_that_made_the_pair_all_the_same_leaves_nothing(
    faulty_provider: TokenKeyProvider, faults: Faults, answer: str
) -> None:
    faults.set(f"C_GenerateKeyPair answer {answer}")
    with pytest.raises(TokenError) as caught:
        faulty_provider.generate(P256, "left over")
    assert caught.value.ckr == answer
    faults.set()
    assert faulty_provider.keys() == ()


def test_a_private_rsa_key_that_shows_no_modulus_is_listed(
    faulty_provider: TokenKeyProvider, faults: Faults
) -> None:
    pair = faulty_provider.generate(KeySpec(KeyAlgorithm.RSA, 2048), "silent")
    faults.set("objects no-public-key", "objects no-public-values")
    (found,) = faulty_provider.keys()
    assert (found.locator.label, found.locator.algorithm) == ("silent", KeyAlgorithm.RSA)
    assert (found.locator.bits, found.has_public) == (0, False)
    assert faulty_provider.find(pair.locator).locator.public_key == pair.locator.public_key

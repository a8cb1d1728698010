"""Every algorithm on a real soft token: generated, signed with, and judged by other software."""

from __future__ import annotations

import hashlib
import subprocess
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import load_der_public_key

from app.domain.errors import (
    InvalidInput,
    KeyAbsent,
    KeyStorageError,
    NameInUse,
    PinIncorrect,
    SealkeeperError,
    TokenError,
)
from app.domain.keys import (
    HashAlgorithm,
    KeyAlgorithm,
    KeySpec,
    SignaturePadding,
    SignatureScheme,
    scheme_for,
)
from app.domain.secret import Secret
from app.hsm import public_keys
from app.hsm.isolation import TokenKeyProvider
from app.pki.pem import to_pem

if TYPE_CHECKING:
    from pathlib import Path

    from app.domain.keys import KeyDescription
    from app.hsm.isolation import IsolatedLibrary, TokenKeyProvider
    from tests.faults.module import Faults
    from tests.softhsm import SoftHsm

MESSAGE = b"What is signed here"
OFFERED = [
    KeySpec(KeyAlgorithm.RSA, 2048),
    KeySpec(KeyAlgorithm.ECDSA_P256, 256),
    KeySpec(KeyAlgorithm.ECDSA_P384, 384),
    KeySpec(KeyAlgorithm.ECDSA_P521, 521),
    KeySpec(KeyAlgorithm.ED25519, 256),
]
# SoftHSM says that it stops at 1024 bits, so it is not offered; it takes longer ones all the same.
DSA = KeySpec(KeyAlgorithm.DSA, 2048)


def schemes(algorithm: KeyAlgorithm) -> list[SignatureScheme]:
    """All ways in which keys of an algorithm sign here."""
    if algorithm is KeyAlgorithm.ED25519:
        return [scheme_for(algorithm)]
    found = [scheme_for(algorithm, hash_algorithm) for hash_algorithm in HashAlgorithm]
    if algorithm is KeyAlgorithm.RSA:
        found += [scheme_for(algorithm, each, pss=True) for each in HashAlgorithm]
    return found


def signed(provider: TokenKeyProvider, pair: KeyDescription, scheme: SignatureScheme) -> bytes:
    data = MESSAGE
    if scheme.padding is not SignaturePadding.EDDSA:
        data = hashlib.new(scheme.hash.value, MESSAGE).digest()
    return provider.sign(pair.locator, scheme, data).result(30)


def judge(pair: KeyDescription, scheme: SignatureScheme, signature: bytes) -> None:
    """`cryptography` verifies the message itself, with the key as X.509 would carry it."""
    key = load_der_public_key(pair.locator.public_key)
    algorithm = public_keys.HASHES[scheme.hash]
    if isinstance(key, rsa.RSAPublicKey):
        key.verify(signature, MESSAGE, public_keys.rsa_padding(scheme), algorithm)
    elif isinstance(key, ec.EllipticCurvePublicKey):
        key.verify(signature, MESSAGE, ec.ECDSA(algorithm))
    elif isinstance(key, dsa.DSAPublicKey):
        key.verify(signature, MESSAGE, algorithm)
    else:
        assert isinstance(key, ed25519.Ed25519PublicKey)
        key.verify(signature, MESSAGE)


def judge_with_openssl(
    folder: Path, pair: KeyDescription, scheme: SignatureScheme, signature: bytes
) -> None:
    """`openssl` verifies the same."""
    files = {"key.pem": to_pem("PUBLIC KEY", pair.locator.public_key)}
    files |= {"message": MESSAGE, "signature": signature}
    for name, content in files.items():
        (folder / name).write_bytes(content)
    command = ["openssl", "pkeyutl", "-verify", "-pubin", "-inkey", "key.pem", "-rawin"]
    command += ["-in", "message", "-sigfile", "signature"]
    if scheme.padding is not SignaturePadding.EDDSA:
        command += ["-digest", scheme.hash.value.lower()]
    if scheme.padding is SignaturePadding.PSS:
        command += ["-pkeyopt", "rsa_padding_mode:pss", "-pkeyopt", "rsa_pss_saltlen:digest"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("spec", [*OFFERED, DSA], ids=str)
def test_an_algorithm_generates_signs_and_is_found_again(
    provider: TokenKeyProvider, library: IsolatedLibrary, tmp_path: Path, spec: KeySpec
) -> None:
    pair = provider.generate(spec, f"key {spec}")
    assert (pair.has_private, pair.has_public) == (True, True)
    assert (pair.extractable, pair.sensitive, pair.local) == (False, True, True)
    assert pair.locator.spec == spec
    for scheme in schemes(spec.algorithm):
        signature = signed(provider, pair, scheme)
        judge(pair, scheme, signature)
    judge_with_openssl(tmp_path, pair, scheme, signature)
    assert provider.keys() == (pair,)
    library.restart()
    assert provider.find(pair.locator) == pair
    judge(pair, scheme, signed(provider, pair, scheme))


def labels(provider: TokenKeyProvider) -> set[str]:
    """The labels of all keys on the token."""
    return {pair.locator.label for pair in tuple(provider.keys())}


def pkcs11_tool(softhsm: SoftHsm, *arguments: str) -> None:
    """Change the token by other software, which must not be loaded at the same time."""
    pin = softhsm.user_pin.reveal().decode()
    command = ["pkcs11-tool", "--module", str(softhsm.library), "--login", "--pin", pin]
    done = subprocess.run(
        [*command, "--token-label", softhsm.token.label, *arguments],
        env=softhsm.environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def restored(
    softhsm: SoftHsm, library: IsolatedLibrary, pair: KeyDescription, new_id: str = ""
) -> None:
    """The key without its public half, and with another CKA_ID where one is given."""
    label = ("--label", pair.locator.label)
    pkcs11_tool(softhsm, "--delete-object", "--type", "pubkey", *label)
    if new_id:
        pkcs11_tool(softhsm, "--set-id", new_id, "--type", "privkey", *label)
    library.restart()


@pytest.mark.parametrize("spec", [*OFFERED, DSA], ids=str)
def test_a_key_without_its_public_half_signs_all_the_same(
    provider: TokenKeyProvider, softhsm: SoftHsm, library: IsolatedLibrary, spec: KeySpec
) -> None:
    pair = provider.generate(spec, "key")
    restored(softhsm, library, pair)
    found = provider.find(pair.locator)
    assert (found.has_private, found.has_public) == (True, False)
    assert found.locator == pair.locator
    (listed,) = provider.keys()
    assert (listed.has_private, listed.has_public) == (True, False)
    assert (listed.locator.algorithm, listed.locator.bits) == (spec.algorithm, spec.bits)
    scheme = scheme_for(spec.algorithm)
    judge(pair, scheme, signed(provider, pair, scheme))


@pytest.mark.parametrize("spec", [*OFFERED[:2], OFFERED[-1], DSA], ids=str)
def test_a_key_is_recognised_by_what_it_signs_when_its_id_has_changed_too(
    provider: TokenKeyProvider, softhsm: SoftHsm, library: IsolatedLibrary, spec: KeySpec
) -> None:
    others = [provider.generate(spec, f"other {number}") for number in range(2)]
    pair = provider.generate(spec, "key")
    restored(softhsm, library, pair, "01")
    for other in others:
        restored(softhsm, library, other, "01")
    scheme = scheme_for(spec.algorithm)
    for wanted in (pair, *others):
        judge(wanted, scheme, signed(provider, wanted, scheme))
        found = provider.find(wanted.locator)
        assert (found.locator.cka_id, found.locator.label) == ("01", wanted.locator.label)
        assert found.locator.public_key == wanted.locator.public_key
    provider.delete(pair.locator)
    with pytest.raises(KeyAbsent):
        provider.find(pair.locator)
    with pytest.raises(KeyAbsent):
        signed(provider, pair, scheme)
    assert labels(provider) == {"other 0", "other 1"}


def test_another_key_that_has_got_the_id_is_not_taken_for_it(
    provider: TokenKeyProvider, softhsm: SoftHsm, library: IsolatedLibrary
) -> None:
    gone, there = (provider.generate(OFFERED[1], name) for name in ("gone", "there"))
    for kind in ("pubkey", "privkey"):
        pkcs11_tool(softhsm, "--delete-object", "--type", kind, "--label", "gone")
    short = replace(gone.locator, cka_id="07")  # as tokens number their keys
    restored(softhsm, library, there, "07")
    with pytest.raises(KeyAbsent):
        provider.find(short)


def test_keys_of_one_label_are_told_apart(
    provider: TokenKeyProvider, softhsm: SoftHsm, library: IsolatedLibrary
) -> None:
    # Made by other software, which does not mind; here one label means one key.
    for identifier in ("01", "02"):
        named = ("--label", "twin", "--id", identifier)
        pkcs11_tool(softhsm, "--keypairgen", "--key-type", "EC:prime256v1", *named)
    first, second = sorted(provider.keys(), key=lambda pair: pair.locator.cka_id)
    assert labels(provider) == {"twin"}
    scheme = scheme_for(KeyAlgorithm.ECDSA_P256)
    for pair in (first, second):
        assert provider.find(pair.locator) == pair
        judge(pair, scheme, signed(provider, pair, scheme))
    with pytest.raises(NameInUse):
        provider.generate(OFFERED[1], "twin")
    renamed = provider.rename(second.locator, "other")
    assert (renamed.locator.cka_id, renamed.locator.label) == ("02", "other")
    assert provider.find(first.locator) == first
    with pytest.raises(NameInUse):
        provider.rename(second.locator, "twin")
    library.restart()
    assert labels(provider) == {"twin", "other"}


def test_a_new_label_holds_for_both_halves(
    provider: TokenKeyProvider, library: IsolatedLibrary
) -> None:
    pair = provider.generate(OFFERED[1], "before")
    renamed = provider.rename(pair.locator, "danach é")
    assert renamed.locator.label == "danach é"
    assert (renamed.has_private, renamed.has_public) == (True, True)
    library.restart()
    assert provider.keys() == (renamed,)
    assert provider.find(pair.locator) == renamed
    provider.generate(OFFERED[1], "before")
    for bad in ("", "   ", "x" * 101):
        with pytest.raises(InvalidInput):
            provider.rename(pair.locator, bad)
    provider.delete(pair.locator)
    with pytest.raises(KeyAbsent):
        provider.rename(pair.locator, "gone")


# --- policies of tokens -----------------------------------------------------------------------


def test_in_fips_mode_rsa_keys_are_made_by_the_approved_mechanism(
    faults: Faults, faulty_provider: TokenKeyProvider
) -> None:
    faults.set("token fips", "token no-pkcs1")
    assert KeyAlgorithm.RSA in faulty_provider.algorithms()
    pair = faulty_provider.generate(OFFERED[0], "approved")
    scheme = faulty_provider.scheme(KeyAlgorithm.RSA)
    assert scheme.padding is SignaturePadding.PSS
    judge(pair, scheme, signed(faulty_provider, pair, scheme))


def test_without_pkcs1_the_way_out_is_told(
    faults: Faults, faulty_provider: TokenKeyProvider
) -> None:
    pair = faulty_provider.generate(OFFERED[0], "key")
    faults.set("C_SignInit fail CKR_MECHANISM_INVALID")
    with pytest.raises(TokenError, match=r"does not sign with PKCS #1") as caught:
        signed(faulty_provider, pair, scheme_for(KeyAlgorithm.RSA))
    assert "RSASSA-PSS" in caught.value.remedy
    with pytest.raises(TokenError) as other:
        signed(faulty_provider, pair, scheme_for(KeyAlgorithm.RSA, pss=True))
    assert "RSASSA-PSS" not in other.value.remedy


@pytest.mark.parametrize("attribute", ["0x105", "0x162", "0x02"])
def test_an_attribute_that_is_refused_is_left_out(
    faults: Faults, faulty_provider: TokenKeyProvider, attribute: str
) -> None:
    faults.set(f"C_GenerateKeyPair refuse-attribute {attribute}")
    pair = faulty_provider.generate(OFFERED[1], "key")
    assert (pair.extractable, pair.sensitive) == (False, True)


def test_a_template_that_is_refused_is_shown(
    faults: Faults, faulty_provider: TokenKeyProvider
) -> None:
    faults.set("C_GenerateKeyPair refuse-attribute 0x108")  # CKA_SIGN: nothing goes without it
    with pytest.raises(TokenError) as caught:
        faulty_provider.generate(OFFERED[1], "key")
    assert "CKA_SIGN" in caught.value.detail
    assert "CKA_EC_PARAMS" in caught.value.detail
    assert 1 < faults.calls("C_GenerateKeyPair") <= 6
    faults.set()
    assert faulty_provider.keys() == ()


def test_a_key_that_may_leave_the_token_is_deleted_again(
    faults: Faults, faulty_provider: TokenKeyProvider
) -> None:
    # SoftHSM lets the values of keys be read unless it is told not to.
    faults.set("C_GenerateKeyPair refuse-attribute 0x103")
    with pytest.raises(KeyStorageError, match="could be read"):
        faulty_provider.generate(OFFERED[1], "key")
    assert not faulty_provider.keys()


def test_the_security_officer_generates_where_the_user_may_not(
    faults: Faults, faulty_provider: TokenKeyProvider
) -> None:
    early = faulty_provider.generate(OFFERED[1], "early")
    user, officer = (
        pin.reveal().decode() for pin in (faults.softhsm.user_pin, faults.softhsm.so_pin)
    )
    faults.set(f"C_GenerateKeyPair officer-only {user} {officer}")
    with pytest.raises(SealkeeperError):
        faulty_provider.generate(OFFERED[1], "as user")
    with pytest.raises(PinIncorrect):
        faulty_provider.generate(OFFERED[1], "wrong", so_pin=Secret("not the PIN"))
    scheme = scheme_for(KeyAlgorithm.ECDSA_P256)
    judge(early, scheme, signed(faulty_provider, early, scheme))
    late = faulty_provider.generate(OFFERED[1], "late", so_pin=faults.softhsm.so_pin)
    for pair in (early, late):
        judge(pair, scheme, signed(faulty_provider, pair, scheme))
    assert labels(faulty_provider) == {"early", "late"}

"""Quirks of objects: hidden, half missing, shown in other forms, found by other names."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from app.domain.errors import NameInUse
from app.domain.keys import KeyAlgorithm, KeyDescription, KeySpec
from tests.hsm.support import P256, RSA, put_key, sign

if TYPE_CHECKING:
    from pathlib import Path

    from app.hsm.isolation import IsolatedLibrary, TokenKeyProvider
    from tests.faults.module import Faults

# Their raw public points, of 65 and 32 bytes, begin with 04 3F and 04 1E: each reads as an OCTET
# STRING of just its length.
LOOK_LIKE_DER: dict[str, ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey] = {
    "P-256": ec.derive_private_key(0x6F, ec.SECP256R1()),
    "Ed25519": ed25519.Ed25519PrivateKey.from_private_bytes((11538).to_bytes(32, "big")),
}


@pytest.fixture
def pair(faulty_provider: TokenKeyProvider) -> KeyDescription:
    """A key behind the fault module."""
    return faulty_provider.generate(P256, "tested")


def test_quirk_01_objects_hidden_until_login(
    faulty_provider: TokenKeyProvider, pair: KeyDescription, faults: Faults
) -> None:
    faults.set("objects hidden", "login lose")
    assert faulty_provider.keys() == (pair,)
    faults.set("objects hidden", "login lose")
    assert faulty_provider.find(pair.locator) == pair
    faults.set("objects hidden", "login lose")
    sign(faulty_provider, pair, times=6)
    faults.set("objects hidden", "login lose")
    with pytest.raises(NameInUse):
        faulty_provider.generate(P256, "tested")


def test_quirk_02_private_key_visible_but_unusable_without_login(
    faulty_provider: TokenKeyProvider, faults: Faults
) -> None:
    faults.set("objects private-visible")
    pair = faulty_provider.generate(P256, "visible")
    logins = faults.calls("C_Login")
    faults.set("objects private-visible", "login lose")
    sign(faulty_provider, pair, times=6)
    assert faults.calls("C_Login") > logins


@pytest.mark.parametrize("spec", [P256, RSA], ids=["P-256", "RSA"])
def test_quirk_06_cka_id_altered_by_a_restore(
    faulty: IsolatedLibrary, faulty_provider: TokenKeyProvider, faults: Faults, spec: KeySpec
) -> None:
    pair = faulty_provider.generate(spec, "restored")
    other = faulty_provider.generate(spec, "another")
    faults.set("objects other-id")
    faulty.restart()
    found = faulty_provider.find(pair.locator)
    assert found.locator.cka_id != pair.locator.cka_id
    assert (found.has_private, found.has_public) == (True, True)
    sign(faulty_provider, pair)
    sign(faulty_provider, other)
    assert len(faulty_provider.keys()) == 2


def test_quirk_06_cka_id_given_by_the_token(
    faulty: IsolatedLibrary, faulty_provider: TokenKeyProvider, faults: Faults
) -> None:
    faults.set("objects fixed-id")
    first = faulty_provider.generate(P256, "first")
    second = faulty_provider.generate(P256, "second")
    assert first.locator.cka_id == second.locator.cka_id == "02"
    listed = faulty_provider.keys()
    assert {key.locator for key in listed} == {first.locator, second.locator}
    faulty.restart()
    sign(faulty_provider, first)
    sign(faulty_provider, second)


@pytest.mark.parametrize("spec", [P256, RSA], ids=["P-256", "RSA"])
def test_quirk_07_no_public_key_object(
    faulty: IsolatedLibrary, faulty_provider: TokenKeyProvider, faults: Faults, spec: KeySpec
) -> None:
    pair = faulty_provider.generate(spec, "private only")
    faults.set("objects no-public-key", "objects no-public-values")
    faulty.restart()
    found = faulty_provider.find(pair.locator)
    assert (found.has_private, found.has_public) == (True, False)
    assert found.locator.public_key == pair.locator.public_key
    sign(faulty_provider, pair)


@pytest.mark.parametrize(
    "spec", [P256, KeySpec(KeyAlgorithm.ECDSA_P521, 521)], ids=["P-256", "P-521"]
)
def test_quirk_08_point_without_its_octet_string(
    faulty: IsolatedLibrary, faulty_provider: TokenKeyProvider, faults: Faults, spec: KeySpec
) -> None:
    faults.set("objects raw-points")
    pair = faulty_provider.generate(spec, "raw")
    assert faulty_provider.keys() == (pair,)
    faulty.restart()
    assert faulty_provider.find(pair.locator) == pair
    if spec == P256:
        sign(faulty_provider, pair)
    faults.set()
    faulty.restart()
    assert faulty_provider.find(pair.locator) == pair


@pytest.mark.parametrize("name", LOOK_LIKE_DER)
def test_quirk_09_raw_point_that_looks_like_der(
    faulty: IsolatedLibrary,
    faulty_provider: TokenKeyProvider,
    faults: Faults,
    tmp_path: Path,
    name: str,
) -> None:
    key = LOOK_LIKE_DER[name]
    public = key.public_key()
    if isinstance(public, ec.EllipticCurvePublicKey):
        point = public.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    else:
        point = public.public_bytes_raw()
    assert point[:2] == bytes([4, len(point) - 2])
    put_key(faults.softhsm, tmp_path, "deceptive", key)
    if name == "P-256":  # the soft token's own tool leaves the other raw
        faults.set("objects raw-points")
    (pair,) = faulty_provider.keys()
    der = public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    assert pair.locator.public_key == der
    sign(faulty_provider, pair)
    faulty.restart()
    assert faulty_provider.find(pair.locator) == pair


def test_quirk_10_point_wrapped_once_too_often(
    faulty: IsolatedLibrary, faulty_provider: TokenKeyProvider, pair: KeyDescription, faults: Faults
) -> None:
    faults.set("objects wrapped-twice")
    assert faulty_provider.keys() == (pair,)
    faulty.restart()
    assert faulty_provider.find(pair.locator) == pair
    sign(faulty_provider, pair)


def test_quirk_21_handles_die_with_the_login(
    faulty_provider: TokenKeyProvider, pair: KeyDescription, faults: Faults
) -> None:
    sign(faulty_provider, pair, times=6)
    searches = faults.calls("C_FindObjectsInit")
    sign(faulty_provider, pair, times=6)
    assert faults.calls("C_FindObjectsInit") == searches
    for fault in ("login lose", "sessions lose", "login lose"):
        faults.set(fault)
        sign(faulty_provider, pair, times=6)
    assert faults.calls("C_FindObjectsInit") > searches


def test_quirk_30_several_keys_of_one_label(
    faulty_provider: TokenKeyProvider, faults: Faults, tmp_path: Path
) -> None:
    for _ in range(2):
        put_key(faults.softhsm, tmp_path, "the same")
    keys = faulty_provider.keys()
    assert [key.locator.label for key in keys] == ["the same", "the same"]
    assert len({key.locator.public_key for key in keys}) == 2
    for key in keys:
        sign(faulty_provider, key)
        assert faulty_provider.find(key.locator) == key
    with pytest.raises(NameInUse):
        faulty_provider.generate(P256, "the same")
    faulty_provider.delete(keys[0].locator)
    assert faulty_provider.keys() == keys[1:]

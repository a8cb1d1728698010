"""Public keys as tokens show them, in all the ways that tokens do."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from app.domain.errors import KeyStorageError
from app.domain.keys import KeyAlgorithm, TokenIdentity
from app.hsm import public_keys
from app.hsm.messages import KeyObject

TOKEN = TokenIdentity("1", "token")
EC_KEYS = {
    algorithm: ec.generate_private_key(curve).public_key()
    for algorithm, curve in public_keys.CURVES.items()
}
RSA_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048).public_key()


def point(algorithm: KeyAlgorithm, form: PublicFormat = PublicFormat.UncompressedPoint) -> bytes:
    return EC_KEYS[algorithm].public_bytes(Encoding.X962, form)


def wrapped(value: bytes) -> bytes:
    length = bytes([len(value)]) if len(value) < 128 else bytes([0x81, len(value)])
    return b"\x04" + length + value


@pytest.mark.parametrize("algorithm", list(EC_KEYS))
@pytest.mark.parametrize("form", [PublicFormat.UncompressedPoint, PublicFormat.CompressedPoint])
def test_points_are_read_raw_and_wrapped(algorithm: KeyAlgorithm, form: PublicFormat) -> None:
    curve, raw = public_keys.CURVES[algorithm], point(algorithm, form)
    assert public_keys.decode_point(raw, curve) == EC_KEYS[algorithm]
    assert public_keys.decode_point(wrapped(raw), curve) == EC_KEYS[algorithm]


@given(st.binary(max_size=150))
def test_no_bytes_do_more_than_be_refused(value: bytes) -> None:
    for curve in public_keys.CURVES.values():
        try:
            public_keys.decode_point(value, curve)
        except KeyStorageError:
            continue


def half(*, private: bool, cka_id: bytes = b"\1", **values: object) -> KeyObject:
    kind = "RSA" if "modulus" in values else "EC"
    return KeyObject(
        handle=1,
        private=private,
        kind=kind,  # type: ignore[arg-type] # one of the two
        cka_id=cka_id,
        label="key",
        **values,  # type: ignore[arg-type] # attributes of the class
    )


def ec_half(algorithm: KeyAlgorithm, *, private: bool, cka_id: bytes = b"\1") -> KeyObject:
    shown = None if private else wrapped(point(algorithm))
    parameters = public_keys.EC_PARAMETERS[algorithm]
    return half(private=private, cka_id=cka_id, ec_params=parameters, ec_point=shown)


def rsa_half(*, private: bool, cka_id: bytes = b"\1") -> KeyObject:
    numbers = RSA_KEY.public_numbers()
    return half(
        private=private,
        cka_id=cka_id,
        modulus=numbers.n.to_bytes(256, "big"),
        exponent=b"\1\0\1",
    )


def test_rsa_halves_belong_together_by_modulus_whatever_their_ids() -> None:
    halves = [rsa_half(private=True, cka_id=b"\1"), rsa_half(private=False, cka_id=b"\2")]
    (pair,) = public_keys.describe("lib", TOKEN, halves)
    assert (pair.has_private, pair.has_public) == (True, True)
    assert pair.locator.public_key == public_keys.spki(RSA_KEY)
    assert (pair.locator.cka_id, pair.locator.bits) == ("01", 2048)


def test_halves_with_one_id_and_two_types_are_two_pairs() -> None:
    halves = [
        rsa_half(private=True),
        ec_half(KeyAlgorithm.ECDSA_P256, private=True),
        ec_half(KeyAlgorithm.ECDSA_P256, private=False),
        rsa_half(private=False),
    ]
    pairs = public_keys.describe("lib", TOKEN, halves)
    assert {pair.locator.algorithm for pair in pairs} == {"RSA", "ECDSA_P256"}
    assert all(pair.has_private and pair.has_public for pair in pairs)


def test_single_halves_are_told_as_such() -> None:
    (public,) = public_keys.describe("lib", TOKEN, [rsa_half(private=False)])
    assert (public.has_private, public.has_public) == (False, True)
    (private,) = public_keys.describe(
        "lib", TOKEN, [ec_half(KeyAlgorithm.ECDSA_P384, private=True)]
    )
    assert (private.has_private, private.has_public) == (True, False)
    assert (private.locator.public_key, private.locator.bits) == (b"", 384)


def test_keys_that_are_not_offered_are_left_out() -> None:
    parameters = bytes.fromhex("06052b8104000a")  # secp256k1
    shown = half(private=False, ec_params=parameters, ec_point=wrapped(bytes(65)))
    assert public_keys.describe("lib", TOKEN, [shown]) == ()


def test_the_query_of_a_locator_leads_back_to_the_key() -> None:
    keys: list[public_keys.PublicKey] = [RSA_KEY, *EC_KEYS.values()]
    for key in keys:
        algorithm = public_keys.algorithm_of(key)
        assert algorithm is not None
        shown = (
            rsa_half(private=False)
            if isinstance(key, rsa.RSAPublicKey)
            else ec_half(algorithm, private=False)
        )
        (pair,) = public_keys.describe("lib", TOKEN, [shown])
        query = public_keys.query_of(pair.locator)
        assert query.modulus == (shown.modulus or b"")
        assert wrapped(query.point) == shown.ec_point or query.kind == "RSA"
        assert query.cka_id == b"\1"

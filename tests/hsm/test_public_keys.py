"""Public keys as tokens show them, in all the ways that tokens do."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from app.domain.errors import KeyStorageError
from app.domain.keys import KeyAlgorithm, TokenIdentity
from app.domain.tokens import Mechanism
from app.hsm import codes, offers, pairs, public_keys
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


ED25519_KEYS = st.binary(min_size=32, max_size=32)


@given(ED25519_KEYS)
def test_edwards_points_are_read_in_all_three_forms(raw: bytes) -> None:
    for form in (raw, b"\x04\x20" + raw, b"\x03\x21\x00" + raw):
        assert public_keys.decode_edwards(form).public_bytes_raw() == raw


def test_a_raw_edwards_point_that_looks_like_der_is_taken_as_it_is() -> None:
    for header in (b"\x04\x1e", b"\x04\x20", b"\x03\x1e\x00"):
        raw = header + bytes(range(32 - len(header)))
        assert public_keys.decode_edwards(raw).public_bytes_raw() == raw


@given(st.binary(max_size=80))
def test_no_other_bytes_are_an_edwards_point(value: bytes) -> None:
    try:
        raw = public_keys.decode_edwards(value).public_bytes_raw()
    except KeyStorageError:
        assert len(value) != 32
    else:
        assert len(raw) == 32
        assert value.endswith(raw)


@given(st.sampled_from(list(EC_KEYS)), st.booleans())
def test_a_point_is_the_same_in_every_form(algorithm: KeyAlgorithm, compressed: bool) -> None:
    form = PublicFormat.CompressedPoint if compressed else PublicFormat.UncompressedPoint
    raw, curve = point(algorithm, form), public_keys.CURVES[algorithm]
    assert public_keys.decode_point(raw, curve) == public_keys.decode_point(wrapped(raw), curve)


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
    (pair,) = pairs.describe("lib", TOKEN, halves)
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
    found = pairs.describe("lib", TOKEN, halves)
    assert {pair.locator.algorithm for pair in found} == {"RSA", "ECDSA_P256"}
    assert all(pair.has_private and pair.has_public for pair in found)


def test_single_halves_are_told_as_such() -> None:
    (public,) = pairs.describe("lib", TOKEN, [rsa_half(private=False)])
    assert (public.has_private, public.has_public) == (False, True)
    (private,) = pairs.describe("lib", TOKEN, [ec_half(KeyAlgorithm.ECDSA_P384, private=True)])
    assert (private.has_private, private.has_public) == (True, False)
    assert (private.locator.public_key, private.locator.bits) == (b"", 384)


def test_keys_that_are_not_offered_are_left_out() -> None:
    parameters = bytes.fromhex("06052b8104000a")  # secp256k1
    shown = half(private=False, ec_params=parameters, ec_point=wrapped(bytes(65)))
    assert pairs.describe("lib", TOKEN, [shown]) == ()


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
        (pair,) = pairs.describe("lib", TOKEN, [shown])
        query = public_keys.query_of(pair.locator)
        assert query.modulus == (shown.modulus or b"")
        assert wrapped(query.point) == shown.ec_point or query.kind == "RSA"
        assert query.cka_id == b"\1"


DSA_KEY = dsa.generate_private_key(2048).public_key()
ED25519_KEY = ed25519.Ed25519PrivateKey.generate().public_key()


def big_endian(number: int) -> bytes:
    return number.to_bytes((number.bit_length() + 7) // 8, "big")


def dsa_half(*, private: bool) -> KeyObject:
    numbers = DSA_KEY.public_numbers()
    domain = numbers.parameter_numbers
    return KeyObject(
        handle=1,
        private=private,
        kind="DSA",
        cka_id=b"\1",
        label="key",
        prime=big_endian(domain.p),
        subprime=big_endian(domain.q),
        base=big_endian(domain.g),
        value=None if private else big_endian(numbers.y),
    )


def edwards_half(parameters: bytes, *, private: bool = False) -> KeyObject:
    raw = None if private else ED25519_KEY.public_bytes_raw()
    return KeyObject(1, private, "EDWARDS", b"\1", "key", ec_params=parameters, ec_point=raw)


def test_dsa_halves_are_a_pair_and_the_private_one_alone_tells_its_size() -> None:
    (pair,) = pairs.describe("lib", TOKEN, [dsa_half(private=True), dsa_half(private=False)])
    assert (pair.has_private, pair.has_public) == (True, True)
    assert pair.locator.public_key == public_keys.spki(DSA_KEY)
    assert public_keys.query_of(pair.locator).value == dsa_half(private=False).value
    (alone,) = pairs.describe("lib", TOKEN, [dsa_half(private=True)])
    assert (alone.locator.public_key, str(alone.locator.spec)) == (b"", "DSA 2048")


@pytest.mark.parametrize(
    "parameters", ["06032b6570", "130c656477617264733235353139", "06092b06010401da470f01"]
)
def test_ed25519_goes_by_several_names(parameters: str) -> None:
    shown = bytes.fromhex(parameters)
    (pair,) = pairs.describe("lib", TOKEN, [edwards_half(shown)])
    assert pair.locator.public_key == public_keys.spki(ED25519_KEY)
    assert public_keys.query_of(pair.locator).point == ED25519_KEY.public_bytes_raw()
    (alone,) = pairs.describe("lib", TOKEN, [edwards_half(shown, private=True)])
    assert (alone.locator.public_key, alone.locator.algorithm) == (b"", KeyAlgorithm.ED25519)
    ed448 = bytes.fromhex("06032b6571")
    assert pairs.describe("lib", TOKEN, [edwards_half(ed448)]) == ()


# --- what tokens offer ------------------------------------------------------------------------


def test_sizes_are_those_of_the_mechanisms() -> None:
    def offered(*mechanisms: Mechanism) -> dict[KeyAlgorithm, tuple[int, ...]]:
        return offers.offered_bits(mechanisms)

    dsa_up_to = [
        (Mechanism("CKM_DSA", codes.DSA, 512, most), Mechanism("G", 0x10, 512, most))
        for most in (1024, 2048, 3072, 0)
    ]
    sizes = [offered(*pair).get(KeyAlgorithm.DSA, ()) for pair in dsa_up_to]
    assert sizes == [(), (2048,), (2048, 3072), (2048, 3072)]
    assert offered(Mechanism("CKM_DSA", codes.DSA, 512, 3072)) == {}
    pss = Mechanism("CKM_RSA_PKCS_PSS", codes.RSA_PKCS_PSS, 512, 4096)
    approved = Mechanism("FIPS", codes.LUNA_RSA_FIPS_186_3_PRIME, 2048, 3072)
    assert offered(pss, approved) == {KeyAlgorithm.RSA: (2048, 3072)}
    in_bytes = Mechanism("CKM_RSA_PKCS_KEY_PAIR_GEN", 0, 64, 512)
    assert offered(pss, in_bytes) == {KeyAlgorithm.RSA: (2048, 3072, 4096)}
    edwards = (Mechanism("G", 0x1055, 255, 255), Mechanism("CKM_EDDSA", 0x1057, 255, 255))
    assert offered(*edwards, *dsa_up_to[-1], pss, approved) == {
        KeyAlgorithm.RSA: (2048, 3072),
        KeyAlgorithm.ED25519: (256,),
        KeyAlgorithm.DSA: (2048, 3072),
    }
    assert list(offered(*dsa_up_to[-1], *edwards)) == [KeyAlgorithm.ED25519, KeyAlgorithm.DSA]

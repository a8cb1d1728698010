"""Public keys and signatures between what tokens speak and what X.509 speaks."""

from __future__ import annotations

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed25519, padding, rsa, utils
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_der_public_key,
)

from app.domain.errors import InvalidInput, KeyStorageError
from app.domain.keys import (
    HashAlgorithm,
    KeyAlgorithm,
    KeyLocator,
    SignaturePadding,
    SignatureScheme,
    scheme_for,
)
from app.hsm import codes, messages

PublicKey = (
    rsa.RSAPublicKey | ec.EllipticCurvePublicKey | dsa.DSAPublicKey | ed25519.Ed25519PublicKey
)

CURVES: dict[KeyAlgorithm, ec.EllipticCurve] = {
    KeyAlgorithm.ECDSA_P256: ec.SECP256R1(),
    KeyAlgorithm.ECDSA_P384: ec.SECP384R1(),
    KeyAlgorithm.ECDSA_P521: ec.SECP521R1(),
}
# DER of the curves' object identifiers, as CKA_EC_PARAMS carries them (RFC 5480 §2.1.1.1).
EC_PARAMETERS = {
    KeyAlgorithm.ECDSA_P256: bytes.fromhex("06082a8648ce3d030107"),
    KeyAlgorithm.ECDSA_P384: bytes.fromhex("06052b81040022"),
    KeyAlgorithm.ECDSA_P521: bytes.fromhex("06052b81040023"),
    KeyAlgorithm.ED25519: bytes.fromhex("06032b6570"),
}
# Edwards curves go by several names: the OID of RFC 8410, the PrintableString of PKCS#11 3.0, and
# the OID that was in use before.
_EDWARDS_25519 = frozenset(
    {
        EC_PARAMETERS[KeyAlgorithm.ED25519],
        b"\x13\x0cedwards25519",
        bytes.fromhex("06092b06010401da470f01"),
    }
)
HASHES: dict[HashAlgorithm, hashes.HashAlgorithm] = {
    HashAlgorithm.SHA1: hashes.SHA1(),  # noqa: S303 - CertIDs and old clients still ask for it
    HashAlgorithm.SHA256: hashes.SHA256(),
    HashAlgorithm.SHA384: hashes.SHA384(),
    HashAlgorithm.SHA512: hashes.SHA512(),
}
# RFC 8017 §9.2 note 1: DER of DigestInfo up to the digest.
_DIGEST_INFO = {
    HashAlgorithm.SHA1: bytes.fromhex("3021300906052b0e03021a05000414"),
    HashAlgorithm.SHA256: bytes.fromhex("3031300d060960864801650304020105000420"),
    HashAlgorithm.SHA384: bytes.fromhex("3041300d060960864801650304020205000430"),
    HashAlgorithm.SHA512: bytes.fromhex("3051300d060960864801650304020305000440"),
}
_KINDS: dict[KeyAlgorithm, messages.KeyKind] = {
    KeyAlgorithm.RSA: "RSA",
    KeyAlgorithm.DSA: "DSA",
    KeyAlgorithm.ED25519: "EDWARDS",
    **dict.fromkeys(CURVES, "EC"),
}
# The padding that a kind of key signs with; RSA has two.
_PADDINGS: dict[messages.KeyKind, frozenset[SignaturePadding]] = {
    "RSA": frozenset({SignaturePadding.PKCS1, SignaturePadding.PSS}),
    "DSA": frozenset({SignaturePadding.DSA}),
    "EC": frozenset({SignaturePadding.ECDSA}),
    "EDWARDS": frozenset({SignaturePadding.EDDSA}),
}
_DSA_LENGTHS = frozenset({40, 56, 64})  # r and s, each as long as q (FIPS 186-4 §4.2)
_ED25519_BYTES = 32
_OCTET_STRING = 0x04
_BIT_STRING = 0x03
_SHORT_FORM = 0x7F  # the longest length that DER writes in one byte


def spki(key: PublicKey) -> bytes:
    """DER SubjectPublicKeyInfo."""
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def load_public_key(der: bytes) -> PublicKey:
    """The key of a DER SubjectPublicKeyInfo.

    Raises:
        InvalidInput: it is of another kind, or cannot be read.
    """
    try:
        key = load_der_public_key(der)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise InvalidInput("The public key cannot be read.", detail=str(error)) from error
    if not isinstance(key, PublicKey):
        raise InvalidInput("Only RSA, DSA, EC and Ed25519 keys are supported.")
    return key


def algorithm_of(key: PublicKey) -> KeyAlgorithm | None:
    """The algorithm, or None for a curve that is not offered."""
    if isinstance(key, rsa.RSAPublicKey):
        return KeyAlgorithm.RSA
    if isinstance(key, dsa.DSAPublicKey):
        return KeyAlgorithm.DSA
    if isinstance(key, ed25519.Ed25519PublicKey):
        return KeyAlgorithm.ED25519
    return next((name for name, curve in CURVES.items() if curve.name == key.curve.name), None)


def bits_of(key: PublicKey) -> int:
    """Size of the modulus, of DSA's p, or of the curve's field."""
    return 256 if isinstance(key, ed25519.Ed25519PublicKey) else key.key_size


def kind_of(algorithm: KeyAlgorithm) -> messages.KeyKind:
    """The kind of key as PKCS#11 has it."""
    return _KINDS[algorithm]


def subprime_bytes(key: PublicKey) -> int:
    """Length of DSA's q, which is as much of a digest as is signed; 0 for other keys."""
    if not isinstance(key, dsa.DSAPublicKey):
        return 0
    return (key.parameters().parameter_numbers().q.bit_length() + 7) // 8


# --- attributes -------------------------------------------------------------------------------


def query_of(locator: KeyLocator) -> messages.KeyQuery:
    """How the key isolation process looks for a pair."""
    key = load_public_key(locator.public_key)
    values: dict[str, bytes] = dict.fromkeys(("modulus", "exponent", "point"), b"")
    if isinstance(key, rsa.RSAPublicKey):
        numbers = key.public_numbers()
        values |= {"modulus": _big_endian(numbers.n), "exponent": _big_endian(numbers.e)}
    elif isinstance(key, dsa.DSAPublicKey):
        values["value"] = _big_endian(key.public_numbers().y)
    elif isinstance(key, ed25519.Ed25519PublicKey):
        values["point"] = key.public_bytes_raw()
    else:
        values["point"] = key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    return messages.KeyQuery(
        kind=_KINDS[locator.algorithm],
        cka_id=bytes.fromhex(locator.cka_id),
        label=locator.label,
        public_key=locator.public_key,
        **values,
    )


def _big_endian(number: int) -> bytes:
    return number.to_bytes((number.bit_length() + 7) // 8, "big")


def public_key_of(half: messages.KeyObject) -> PublicKey | None:
    """The public key that one half shows; None when it does not, or one that is not offered.

    Raises:
        KeyStorageError: its point is on no curve.
    """
    if half.public_key_info:
        key = load_public_key(half.public_key_info)
        return key if algorithm_of(key) else None
    if half.kind == "RSA":
        return _rsa_key(half)
    if half.kind == "DSA":
        return _dsa_key(half)
    return _curve_key(half)


def _rsa_key(half: messages.KeyObject) -> rsa.RSAPublicKey | None:
    if not half.modulus or not half.exponent:
        return None
    exponent, modulus = (int.from_bytes(n, "big") for n in (half.exponent, half.modulus))
    return rsa.RSAPublicNumbers(exponent, modulus).public_key()


def _curve_key(
    half: messages.KeyObject,
) -> ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey | None:
    algorithm = curve_algorithm(half)
    if algorithm is None or not half.ec_point:
        return None
    if algorithm is KeyAlgorithm.ED25519:
        return decode_edwards(half.ec_point)
    return decode_point(half.ec_point, CURVES[algorithm])


def _dsa_key(half: messages.KeyObject) -> dsa.DSAPublicKey | None:
    shown = (half.prime, half.subprime, half.base, half.value)
    if not all(shown):
        return None
    p, q, g, y = (int.from_bytes(number or b"", "big") for number in shown)
    try:
        return dsa.DSAPublicNumbers(y, dsa.DSAParameterNumbers(p, q, g)).public_key()
    except ValueError:
        return None  # a size that nobody uses


def curve_algorithm(half: messages.KeyObject) -> KeyAlgorithm | None:
    """The algorithm of an EC or Edwards half; None for a curve that is not offered."""
    shown = {half.ec_params, _octets(half.ec_params or b"")}  # some libraries wrap it
    if half.kind == "EDWARDS":
        return KeyAlgorithm.ED25519 if shown & _EDWARDS_25519 else None
    return next((name for name in CURVES if EC_PARAMETERS[name] in shown), None)


def _octets(value: bytes) -> bytes | None:
    """Content of a DER OCTET STRING of up to 255 bytes; None for anything else."""
    header = 2 if len(value) > 1 and value[1] <= _SHORT_FORM else 3
    content = value[header:]
    length = bytes([len(content)]) if header == 2 else bytes([0x81, len(content) & 0xFF])  # noqa: PLR2004
    return content if value[:header] == bytes([_OCTET_STRING]) + length else None


def decode_edwards(value: bytes) -> ed25519.Ed25519PublicKey:
    """CKA_EC_POINT of an Ed25519 key: raw as PKCS#11 3.1 says, or wrapped as others do.

    The length decides, the raw one first: a raw point can look like DER.

    Raises:
        KeyStorageError: it is none of the three.
    """
    wrapped = {
        2 + _ED25519_BYTES: bytes([_OCTET_STRING, _ED25519_BYTES]),
        3 + _ED25519_BYTES: bytes([_BIT_STRING, _ED25519_BYTES + 1, 0]),
    }
    header = wrapped.get(len(value), b"")
    if len(value) != len(header) + _ED25519_BYTES or not value.startswith(header):
        raise KeyStorageError("The token shows a public key that cannot be read.")
    return ed25519.Ed25519PublicKey.from_public_bytes(value[len(header) :])


def decode_point(value: bytes, curve: ec.EllipticCurve) -> ec.EllipticCurvePublicKey:
    """CKA_EC_POINT, which should be a DER OCTET STRING and on some tokens is the raw point.

    The length decides, the raw one first: a raw point can look like DER.

    Raises:
        KeyStorageError: it is neither.
    """
    size = (curve.key_size + 7) // 8
    raw = (2 * size + 1, size + 1)
    point: bytes | None = value
    # Some libraries wrap it once more than the standard says.
    for _ in range(2):
        if point is not None and len(point) not in raw:
            point = _octets(point)
    if point is None or len(point) not in raw:
        raise KeyStorageError("The token shows a public key that cannot be read.")
    try:
        return ec.EllipticCurvePublicKey.from_encoded_point(curve, point)
    except ValueError as error:
        raise KeyStorageError(
            "The token shows a public key that is not on its curve.", detail=str(error)
        ) from error


# --- signatures -------------------------------------------------------------------------------


def mechanism_of(
    scheme: SignatureScheme, digest: bytes, kind: messages.KeyKind, subprime: int = 0
) -> tuple[int, tuple[int, int, int] | None, bytes]:
    """Mechanism, PSS parameters and the bytes for C_Sign.

    Args:
        scheme: padding and hash.
        digest: of what is signed; with `EDDSA`, the message itself.
        kind: of the key.
        subprime: length of q in bytes for DSA, which signs no more of a digest (FIPS 186-4 §4.6).

    Raises:
        InvalidInput: scheme and key do not fit, or the digest has another length than its hash.
    """
    check_scheme(scheme, digest, kind)
    if scheme.padding is SignaturePadding.ECDSA:
        return codes.ECDSA, None, digest
    if scheme.padding is SignaturePadding.EDDSA:
        return codes.EDDSA, None, digest
    if scheme.padding is SignaturePadding.DSA:
        return codes.DSA, None, digest[: subprime or None]
    if scheme.padding is SignaturePadding.PSS:
        mechanism, mgf = codes.HASHES[scheme.hash.value]
        return codes.RSA_PKCS_PSS, (mechanism, mgf, len(digest)), digest
    return codes.RSA_PKCS, None, _DIGEST_INFO[scheme.hash] + digest


def check_scheme(scheme: SignatureScheme, digest: bytes, kind: messages.KeyKind) -> None:
    """Raise InvalidInput when scheme, digest and kind of key do not fit together."""
    if scheme.padding not in _PADDINGS[kind]:
        raise InvalidInput(f"{scheme.padding} signatures are not made by keys of the kind {kind}.")
    if scheme.padding is SignaturePadding.EDDSA:
        return
    if len(digest) != HASHES[scheme.hash].digest_size:
        raise InvalidInput(f"A {scheme.hash} digest has {HASHES[scheme.hash].digest_size} bytes.")


def finish_signature(value: bytes, algorithm: KeyAlgorithm, bits: int) -> bytes:
    """What a token returned, as X.509 wants it.

    Raises:
        KeyStorageError: it has a wrong length.
    """
    size = (bits + 7) // 8
    wanted = size if algorithm is KeyAlgorithm.RSA else 2 * size
    fits = len(value) in _DSA_LENGTHS if algorithm is KeyAlgorithm.DSA else len(value) == wanted
    if not fits:
        raise KeyStorageError(
            "The token returned a signature of a wrong length.",
            cause="The token or its library is faulty.",
            remedy="Test the key; do not use it until it signs correctly.",
            detail=f"{len(value)} bytes for {algorithm} {bits}",
        )
    if algorithm in (KeyAlgorithm.RSA, KeyAlgorithm.ED25519):
        return value
    half = len(value) // 2
    r, s = int.from_bytes(value[:half], "big"), int.from_bytes(value[half:], "big")
    return utils.encode_dss_signature(r, s)


def verify(key: PublicKey, scheme: SignatureScheme, digest: bytes, signature: bytes) -> None:
    """Verify a signature over a digest, or with Ed25519 over the message.

    Raises:
        cryptography.exceptions.InvalidSignature: it is wrong.
    """
    hashed = utils.Prehashed(HASHES[scheme.hash])
    if isinstance(key, ed25519.Ed25519PublicKey):
        key.verify(signature, digest)
    elif isinstance(key, ec.EllipticCurvePublicKey):
        key.verify(signature, digest, ec.ECDSA(hashed))
    elif isinstance(key, dsa.DSAPublicKey):
        key.verify(signature, digest, hashed)
    else:
        key.verify(signature, digest, rsa_padding(scheme), hashed)


def trial_scheme(key: PublicKey) -> SignatureScheme:
    """The scheme for trying what a key signs: with SHA-256, whose digests have 32 bytes."""
    return scheme_for(algorithm_of(key) or KeyAlgorithm.RSA)


def is_signature(key: PublicKey, scheme: SignatureScheme, digest: bytes, value: bytes) -> bool:
    """Whether what a token returned is a signature by that key."""
    algorithm = algorithm_of(key)
    if algorithm is None:
        return False
    try:
        verify(key, scheme, digest, finish_signature(value, algorithm, bits_of(key)))
    except (InvalidSignature, KeyStorageError):
        return False
    return True


def rsa_padding(scheme: SignatureScheme) -> padding.AsymmetricPadding:
    """The padding object of a scheme for RSA; the salt of PSS is as long as the hash."""
    if scheme.padding is SignaturePadding.PKCS1:
        return padding.PKCS1v15()
    algorithm = HASHES[scheme.hash]
    return padding.PSS(padding.MGF1(algorithm), algorithm.digest_size)

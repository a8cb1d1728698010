"""Public keys and signatures between what tokens speak and what X.509 speaks."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Literal

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa, utils
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_der_public_key,
)

from app.domain.errors import InvalidInput, KeyStorageError
from app.domain.keys import (
    EC_BITS,
    HashAlgorithm,
    KeyAlgorithm,
    KeyDescription,
    KeyLocator,
    SignaturePadding,
    SignatureScheme,
    TokenIdentity,
)
from app.hsm import codes, messages

if TYPE_CHECKING:
    from collections.abc import Iterable

PublicKey = rsa.RSAPublicKey | ec.EllipticCurvePublicKey

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
}
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
_OCTET_STRING = 0x04
_SHORT_FORM = 0x7F  # the longest length that DER writes in one byte


def spki(key: PublicKey) -> bytes:
    """DER SubjectPublicKeyInfo."""
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def load_public_key(der: bytes) -> PublicKey:
    """The key of a DER SubjectPublicKeyInfo.

    Raises:
        InvalidInput: it is no RSA or EC key, or cannot be read.
    """
    try:
        key = load_der_public_key(der)
    except ValueError as error:
        raise InvalidInput("The public key cannot be read.", detail=str(error)) from error
    if not isinstance(key, rsa.RSAPublicKey | ec.EllipticCurvePublicKey):
        raise InvalidInput("Only RSA and EC keys are supported.")
    return key


def algorithm_of(key: PublicKey) -> KeyAlgorithm | None:
    """The algorithm, or None for a curve that is not offered."""
    if isinstance(key, rsa.RSAPublicKey):
        return KeyAlgorithm.RSA
    return next((name for name, curve in CURVES.items() if curve.name == key.curve.name), None)


# --- attributes -------------------------------------------------------------------------------


def query_of(locator: KeyLocator) -> messages.KeyQuery:
    """How the key isolation process looks for a pair."""
    key = load_public_key(locator.public_key)
    cka_id = bytes.fromhex(locator.cka_id)
    if isinstance(key, rsa.RSAPublicKey):
        numbers = key.public_numbers()
        return messages.KeyQuery(
            "RSA", _big_endian(numbers.n), _big_endian(numbers.e), b"", cka_id, locator.label
        )
    point = key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    return messages.KeyQuery("EC", b"", b"", point, cka_id, locator.label)


def _big_endian(number: int) -> bytes:
    return number.to_bytes((number.bit_length() + 7) // 8, "big")


def public_key_of(half: messages.KeyObject) -> PublicKey | None:
    """The public key that one half shows; None when it does not, or on a curve not offered."""
    if half.public_key_info:
        key = load_public_key(half.public_key_info)
        return key if algorithm_of(key) else None
    if half.kind == "RSA":
        if not half.modulus or not half.exponent:
            return None
        exponent, modulus = (int.from_bytes(n, "big") for n in (half.exponent, half.modulus))
        return rsa.RSAPublicNumbers(exponent, modulus).public_key()
    algorithm = next((name for name, der in EC_PARAMETERS.items() if der == half.ec_params), None)
    if algorithm is None or not half.ec_point:
        return None
    return decode_point(half.ec_point, CURVES[algorithm])


def decode_point(value: bytes, curve: ec.EllipticCurve) -> ec.EllipticCurvePublicKey:
    """CKA_EC_POINT, which should be a DER OCTET STRING and on some tokens is the raw point.

    The length decides, the raw one first: a raw point can look like DER.

    Raises:
        KeyStorageError: it is neither.
    """
    size = (curve.key_size + 7) // 8
    raw = (2 * size + 1, size + 1)
    point = value
    if len(value) not in raw:
        header = 2 if len(value) > 1 and value[1] <= _SHORT_FORM else 3
        point = value[header:]
        if value[:1] != bytes([_OCTET_STRING]) or len(point) not in raw:
            raise KeyStorageError("The token shows a public key that cannot be read.")
    try:
        return ec.EllipticCurvePublicKey.from_encoded_point(curve, point)
    except ValueError as error:
        raise KeyStorageError(
            "The token shows a public key that is not on its curve.", detail=str(error)
        ) from error


def describe(
    library: str, token: TokenIdentity, halves: Iterable[messages.KeyObject]
) -> tuple[KeyDescription, ...]:
    """Pairs out of halves; those of algorithms that are not offered are left out.

    Halves belong together by public key where both show it, else by type and CKA_ID. A private
    half whose public key is shown nowhere has an empty public key in its locator.
    """
    publics = [half for half in halves if not half.private]
    pairs: list[tuple[messages.KeyObject | None, messages.KeyObject | None]] = []
    for private in (half for half in halves if half.private):
        partner = _partner(private, publics)
        if partner is not None:
            publics.remove(partner)
        pairs.append((private, partner))
    pairs += [(None, public) for public in publics]
    described = (_describe(library, token, private, public) for private, public in pairs)
    return tuple(pair for pair in described if pair is not None)


def _partner(
    private: messages.KeyObject, publics: list[messages.KeyObject]
) -> messages.KeyObject | None:
    same = [half for half in publics if half.kind == private.kind]
    if private.modulus:
        return next((half for half in same if half.modulus == private.modulus), None)
    same = [half for half in same if half.cka_id == private.cka_id]
    by_label = [half for half in same if half.label == private.label]
    return next(iter(by_label or same), None)


def _describe(
    library: str,
    token: TokenIdentity,
    private: messages.KeyObject | None,
    public: messages.KeyObject | None,
) -> KeyDescription | None:
    shown = [half for half in (public, private) if half is not None]
    key = next((key for half in shown if (key := public_key_of(half)) is not None), None)
    if key is None and shown[0].kind == "RSA":
        return None
    algorithm = algorithm_of(key) if key is not None else _curve_of(shown)
    if algorithm is None:
        return None
    first = private or shown[0]
    der = spki(key) if key is not None else b""
    locator = KeyLocator(
        library_path=library,
        token=token,
        public_key=der,
        public_key_sha256=hashlib.sha256(der).hexdigest() if der else "",
        cka_id=first.cka_id.hex(),
        label=first.label,
        algorithm=algorithm,
        bits=key.key_size if key is not None else EC_BITS[algorithm],
    )
    return KeyDescription(
        locator=locator,
        has_private=private is not None,
        has_public=public is not None,
        extractable=private.extractable if private else None,
        sensitive=private.sensitive if private else None,
        local=private.local if private else None,
    )


def _curve_of(halves: list[messages.KeyObject]) -> KeyAlgorithm | None:
    parameters = {half.ec_params for half in halves}
    return next((name for name, der in EC_PARAMETERS.items() if der in parameters), None)


# --- signatures -------------------------------------------------------------------------------


def mechanism_of(
    scheme: SignatureScheme, digest: bytes, kind: Literal["RSA", "EC"]
) -> tuple[int, tuple[int, int, int] | None, bytes]:
    """Mechanism, PSS parameters and the bytes for C_Sign.

    Raises:
        InvalidInput: scheme and key do not fit, or the digest has another length than its hash.
    """
    check_scheme(scheme, digest, kind)
    if scheme.padding is SignaturePadding.ECDSA:
        return codes.ECDSA, None, digest
    if scheme.padding is SignaturePadding.PSS:
        mechanism, mgf = codes.HASHES[scheme.hash.value]
        return codes.RSA_PKCS_PSS, (mechanism, mgf, len(digest)), digest
    return codes.RSA_PKCS, None, _DIGEST_INFO[scheme.hash] + digest


def check_scheme(scheme: SignatureScheme, digest: bytes, kind: Literal["RSA", "EC"]) -> None:
    """Raise InvalidInput when scheme, digest and kind of key do not fit together."""
    if (scheme.padding is SignaturePadding.ECDSA) != (kind == "EC"):
        raise InvalidInput(f"A signature with {scheme.padding} cannot be made by an {kind} key.")
    if len(digest) != HASHES[scheme.hash].digest_size:
        raise InvalidInput(f"A {scheme.hash} digest has {HASHES[scheme.hash].digest_size} bytes.")


def finish_signature(value: bytes, algorithm: KeyAlgorithm, bits: int) -> bytes:
    """What a token returned, as X.509 wants it.

    Raises:
        KeyStorageError: it has a wrong length.
    """
    size = (bits + 7) // 8
    if len(value) != (size if algorithm is KeyAlgorithm.RSA else 2 * size):
        raise KeyStorageError(
            "The token returned a signature of a wrong length.",
            cause="The token or its library is faulty.",
            remedy="Test the key; do not use it until it signs correctly.",
            detail=f"{len(value)} bytes for {algorithm} {bits}",
        )
    if algorithm is KeyAlgorithm.RSA:
        return value
    r, s = int.from_bytes(value[:size], "big"), int.from_bytes(value[size:], "big")
    return utils.encode_dss_signature(r, s)


def verify(key: PublicKey, scheme: SignatureScheme, digest: bytes, signature: bytes) -> None:
    """Verify a signature over a digest.

    Raises:
        cryptography.exceptions.InvalidSignature: it is wrong.
    """
    algorithm = HASHES[scheme.hash]
    hashed = utils.Prehashed(algorithm)
    if isinstance(key, ec.EllipticCurvePublicKey):
        key.verify(signature, digest, ec.ECDSA(hashed))
    else:
        key.verify(signature, digest, rsa_padding(scheme), hashed)


def rsa_padding(scheme: SignatureScheme) -> padding.AsymmetricPadding:
    """The padding object of a scheme for RSA; the salt of PSS is as long as the hash."""
    if scheme.padding is SignaturePadding.PKCS1:
        return padding.PKCS1v15()
    algorithm = HASHES[scheme.hash]
    return padding.PSS(padding.MGF1(algorithm), algorithm.digest_size)

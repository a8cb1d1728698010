"""Public keys, signature algorithms, and signatures that are checked before anybody sees them."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from app.domain.errors import InvalidInput, KeyStorageError
from app.domain.keys import EC_BITS, KEY_BITS, HashAlgorithm, KeyAlgorithm
from app.pki import der

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes

SigningKey = (
    rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | dsa.DSAPrivateKey | ed25519.Ed25519PrivateKey
)
PublicKey = (
    rsa.RSAPublicKey | ec.EllipticCurvePublicKey | dsa.DSAPublicKey | ed25519.Ed25519PublicKey
)

RSA = "RSA"
RSA_PSS = "RSA-PSS"
ECDSA = "ECDSA"
DSA = "DSA"
ED25519 = "Ed25519"

_StrongHash = hashes.SHA256 | hashes.SHA384 | hashes.SHA512
_STRONG_HASHES: dict[HashAlgorithm, _StrongHash] = {
    HashAlgorithm.SHA256: hashes.SHA256(),
    HashAlgorithm.SHA384: hashes.SHA384(),
    HashAlgorithm.SHA512: hashes.SHA512(),
}
HASH_OIDS = {
    HashAlgorithm.SHA1: "1.3.14.3.2.26",
    HashAlgorithm.SHA256: "2.16.840.1.101.3.4.2.1",
    HashAlgorithm.SHA384: "2.16.840.1.101.3.4.2.2",
    HashAlgorithm.SHA512: "2.16.840.1.101.3.4.2.3",
}
_SIGNATURE_OIDS = {
    (RSA, HashAlgorithm.SHA1): "1.2.840.113549.1.1.5",
    (RSA, HashAlgorithm.SHA256): "1.2.840.113549.1.1.11",
    (RSA, HashAlgorithm.SHA384): "1.2.840.113549.1.1.12",
    (RSA, HashAlgorithm.SHA512): "1.2.840.113549.1.1.13",
    (ECDSA, HashAlgorithm.SHA1): "1.2.840.10045.4.1",
    (ECDSA, HashAlgorithm.SHA256): "1.2.840.10045.4.3.2",
    (ECDSA, HashAlgorithm.SHA384): "1.2.840.10045.4.3.3",
    (ECDSA, HashAlgorithm.SHA512): "1.2.840.10045.4.3.4",
    # RFC 3279 §2.2.2, RFC 5758 §3.1 and NIST's register for the longer hashes.
    (DSA, HashAlgorithm.SHA1): "1.2.840.10040.4.3",
    (DSA, HashAlgorithm.SHA256): "2.16.840.1.101.3.4.3.2",
    (DSA, HashAlgorithm.SHA384): "2.16.840.1.101.3.4.3.3",
    (DSA, HashAlgorithm.SHA512): "2.16.840.1.101.3.4.3.4",
}
# RFC 8410 §3; the hash is a part of the algorithm (RFC 8032 §5.1).
_ED25519_OID = "1.3.101.112"
_ED25519_ALGORITHM = (ED25519, HashAlgorithm.SHA512)
_PSS_OID = "1.2.840.113549.1.1.10"
_CURVES = {
    "secp256r1": KeyAlgorithm.ECDSA_P256,
    "secp384r1": KeyAlgorithm.ECDSA_P384,
    "secp521r1": KeyAlgorithm.ECDSA_P521,
}


_SIGNATURE_NAMES = {_PSS_OID: "RSASSA-PSS", _ED25519_OID: "Ed25519"} | {
    oid: f"{algorithm.value.lower()}{family}"
    for (family, algorithm), oid in _SIGNATURE_OIDS.items()
}


def signature_name(oid: str) -> str:
    """A signature algorithm as Windows names it, such as `sha256RSA`; else its identifier."""
    return _SIGNATURE_NAMES.get(oid, oid)


def digest(algorithm: HashAlgorithm, data: bytes) -> bytes:
    """Digest of the data; SHA-1 names things here (RFC 5280 §4.2.1.2), it protects nothing."""
    return hashlib.new(algorithm.value.lower(), data, usedforsecurity=False).digest()


def hash_of(algorithm: HashAlgorithm) -> hashes.HashAlgorithm:
    """The hash as `cryptography` wants it."""
    return _STRONG_HASHES.get(algorithm) or hashes.SHA1()  # noqa: S303 - read, not made


def signing_hash(algorithm: HashAlgorithm) -> _StrongHash:
    """The hash for a signature on a certificate or a CRL.

    Raises:
        InvalidInput: SHA-1.
    """
    if algorithm in _STRONG_HASHES:
        return _STRONG_HASHES[algorithm]
    raise InvalidInput(
        "Certificates and CRLs are not signed with SHA-1.",
        cause="Signatures with SHA-1 can be forged.",
        remedy="Choose SHA256, SHA384 or SHA512.",
    )


def builder_hash(key: SigningKey, algorithm: HashAlgorithm) -> _StrongHash | None:
    """The hash that `cryptography`'s builders want; None for a key whose algorithm has its own.

    Raises:
        InvalidInput: SHA-1.
    """
    wanted = signing_hash(algorithm)
    return None if isinstance(key, ed25519.Ed25519PrivateKey) else wanted


def key_algorithm(public_key: object) -> tuple[KeyAlgorithm, int] | None:
    """Algorithm and size of a public key; None when it is of a kind that is not used here."""
    if isinstance(public_key, rsa.RSAPublicKey):
        return KeyAlgorithm.RSA, public_key.key_size
    if isinstance(public_key, ec.EllipticCurvePublicKey):
        algorithm = _CURVES.get(public_key.curve.name)
        return None if algorithm is None else (algorithm, EC_BITS[algorithm])
    if isinstance(public_key, dsa.DSAPublicKey):
        return KeyAlgorithm.DSA, public_key.key_size
    if isinstance(public_key, ed25519.Ed25519PublicKey):
        return KeyAlgorithm.ED25519, KEY_BITS[KeyAlgorithm.ED25519][0]
    return None


def public_key_text(public_key: object) -> str:
    """Algorithm and size to read: `RSA 2048`, `ECDSA P-256`, `Ed25519`."""
    known = key_algorithm(public_key)
    if known is None:
        return type(public_key).__name__.removesuffix("PublicKey")
    algorithm, bits = known
    if algorithm in EC_BITS:
        return f"ECDSA P-{bits}"
    return f"{algorithm} {bits}" if len(KEY_BITS[algorithm]) > 1 else algorithm.value


def public_key_der(public_key: PublicKeyTypes) -> bytes:
    """DER SubjectPublicKeyInfo."""
    return public_key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def require_usable(public_key: object) -> PublicKey:
    """The key, when signatures with it can be checked here.

    Raises:
        InvalidInput: it is of another kind, or on another curve.
    """
    if isinstance(public_key, PublicKey) and key_algorithm(public_key) is not None:
        return public_key
    raise InvalidInput(
        f"A key of the kind {public_key_text(public_key)} is not supported.",
        remedy="Use RSA, ECDSA on P-256, P-384 or P-521, or Ed25519.",
    )


def family(key: SigningKey | PublicKey, *, pss: bool = False) -> str:
    """Family of signature algorithms: `RSA`, `RSA-PSS`, `ECDSA`, `DSA` or `Ed25519`."""
    if isinstance(key, ec.EllipticCurvePrivateKey | ec.EllipticCurvePublicKey):
        return ECDSA
    if isinstance(key, dsa.DSAPrivateKey | dsa.DSAPublicKey):
        return DSA
    if isinstance(key, ed25519.Ed25519PrivateKey | ed25519.Ed25519PublicKey):
        return ED25519
    return RSA_PSS if pss else RSA


def family_of(algorithm: KeyAlgorithm, *, pss: bool = False) -> str:
    """The same of keys of an algorithm."""
    if algorithm is KeyAlgorithm.RSA:
        return RSA_PSS if pss else RSA
    return ECDSA if algorithm in EC_BITS else algorithm.value


def algorithm_identifier(algorithm_family: str, hash_algorithm: HashAlgorithm) -> bytes:
    """DER AlgorithmIdentifier of a signature (RFC 4055 §5 and §3.1, RFC 5758 §3, RFC 8410 §3).

    Args:
        algorithm_family: as `family` gives it.
        hash_algorithm: also of the mask; the salt is as long as the hash. Ed25519 has its own.
    """
    if algorithm_family == ED25519:
        return der.sequence(der.object_identifier(_ED25519_OID))
    if algorithm_family == RSA_PSS:
        return _pss_identifier(hash_algorithm)
    oid = der.object_identifier(_SIGNATURE_OIDS[algorithm_family, hash_algorithm])
    return der.sequence(oid, der.null() if algorithm_family == RSA else b"")


def _pss_identifier(hash_algorithm: HashAlgorithm) -> bytes:
    inner = der.sequence(der.object_identifier(HASH_OIDS[hash_algorithm]), der.null())
    mask = der.sequence(der.object_identifier("1.2.840.113549.1.1.8"), inner)
    salt = der.integer(hash_of(hash_algorithm).digest_size)
    parameters = (der.explicit(0, inner), der.explicit(1, mask), der.explicit(2, salt))
    return der.sequence(der.object_identifier(_PSS_OID), der.sequence(*parameters))


def read_algorithm_identifier(raw: bytes) -> tuple[str, HashAlgorithm] | None:
    """Family and hash that a DER AlgorithmIdentifier names; None when it is none of ours.

    Raises:
        DerError: the bytes are no AlgorithmIdentifier.
    """
    for hash_algorithm in HashAlgorithm:
        if raw == _pss_identifier(hash_algorithm):
            return RSA_PSS, hash_algorithm
    oid = der.Reader(raw).enter().object_identifier()
    if oid == _ED25519_OID:
        return _ED25519_ALGORITHM
    return next((known for known, value in _SIGNATURE_OIDS.items() if value == oid), None)


def sign(
    key: SigningKey, to_be_signed: bytes, hash_algorithm: HashAlgorithm, *, pss: bool = False
) -> bytes:
    """Sign with a key object, which may live in a token; blocks as long as that takes.

    Raises:
        KeyStorageError: what the key's holder answers.
    """
    if isinstance(key, ec.EllipticCurvePrivateKey):
        return key.sign(to_be_signed, ec.ECDSA(hash_of(hash_algorithm)))
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return key.sign(to_be_signed)
    if isinstance(key, dsa.DSAPrivateKey):
        return key.sign(to_be_signed, hash_of(hash_algorithm))
    return key.sign(to_be_signed, _padding(hash_algorithm, pss=pss), hash_of(hash_algorithm))


def _padding(hash_algorithm: HashAlgorithm, *, pss: bool) -> padding.PKCS1v15 | padding.PSS:
    if not pss:
        return padding.PKCS1v15()
    return padding.PSS(padding.MGF1(hash_of(hash_algorithm)), padding.PSS.DIGEST_LENGTH)


def signature_matches(
    public_key: PublicKey,
    signature: bytes,
    signed: bytes,
    algorithm: tuple[str, HashAlgorithm],
) -> bool:
    """Whether a signature of that (family, hash) over those bytes is by that key."""
    algorithm_family, hash_algorithm = algorithm
    if algorithm_family != family(public_key, pss=algorithm_family == RSA_PSS):
        return False
    try:
        _verify(public_key, signature, signed, hash_algorithm, pss=algorithm_family == RSA_PSS)
    except InvalidSignature:
        return False
    return True


def _verify(
    key: PublicKey, signature: bytes, signed: bytes, hash_algorithm: HashAlgorithm, *, pss: bool
) -> None:
    """Raise InvalidSignature unless it is one by that key in its own family."""
    if isinstance(key, rsa.RSAPublicKey):
        scheme = _padding(hash_algorithm, pss=pss)
        key.verify(signature, signed, scheme, hash_of(hash_algorithm))
    elif isinstance(key, ec.EllipticCurvePublicKey):
        key.verify(signature, signed, ec.ECDSA(hash_of(hash_algorithm)))
    elif isinstance(key, dsa.DSAPublicKey):
        key.verify(signature, signed, hash_of(hash_algorithm))
    else:
        key.verify(signature, signed)


def wrong_signature(what: str) -> KeyStorageError:
    """The error for a freshly made signature that does not verify; nothing may leave with it."""
    return KeyStorageError(
        f"The signature on {what} is wrong, so it was thrown away.",
        cause="The key that signed is not the key of the certification authority's certificate, "
        "or the token made a faulty signature.",
        remedy="Check that the right key is on the token, then try again.",
    )

"""Token keys in `cryptography`'s own builders."""

from __future__ import annotations

import copy
import datetime as dt
import hashlib
from typing import TYPE_CHECKING

import pytest
from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa, utils
from cryptography.x509.oid import NameOID

from app.domain.errors import KeyStorageError
from app.domain.keys import HashAlgorithm, KeyAlgorithm, KeyLocator, KeySpec, SignatureScheme
from app.hsm.private_key import private_key
from app.pki.requests import parse_request
from app.pki.signatures import SigningKey, builder_hash
from tests.hsm.conftest import eventually

if TYPE_CHECKING:
    from concurrent.futures import Future

    from app.hsm.isolation import TokenKeyProvider
    from tests.faults.module import Faults

RSA = KeySpec(KeyAlgorithm.RSA, 2048)
P256 = KeySpec(KeyAlgorithm.ECDSA_P256, 256)
ED25519 = KeySpec(KeyAlgorithm.ED25519, 256)
DSA = KeySpec(KeyAlgorithm.DSA, 2048)
MESSAGE = b"a message that is signed"


def make(provider: TokenKeyProvider, spec: KeySpec) -> SigningKey:
    return private_key(provider, provider.generate(spec, f"key {spec}").locator)


@pytest.mark.parametrize("spec", [RSA, P256, ED25519, DSA], ids=str)
def test_certificates_requests_and_crls_are_made_with_token_keys(
    provider: TokenKeyProvider, spec: KeySpec
) -> None:
    key = make(provider, spec)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Token CA")])
    start = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
    end = start + dt.timedelta(days=30)
    certificate = (x509.CertificateBuilder(name, name, key.public_key(), 4711, start, end)).sign(
        key, builder_hash(key, HashAlgorithm.SHA256)
    )
    certificate.verify_directly_issued_by(certificate)
    request = x509.CertificateSigningRequestBuilder(name).sign(
        key, builder_hash(key, HashAlgorithm.SHA384)
    )
    parsed = parse_request(request.public_bytes(serialization.Encoding.DER))
    assert parsed.public_key == key.public_key()
    crl = x509.CertificateRevocationListBuilder(name, start, end).sign(
        key, builder_hash(key, HashAlgorithm.SHA256)
    )
    assert crl.is_signature_valid(key.public_key())


def test_pss_signs_with_a_salt_as_long_as_the_hash(provider: TokenKeyProvider) -> None:
    key = make(provider, RSA)
    assert isinstance(key, rsa.RSAPrivateKey)
    for algorithm in (hashes.SHA256(), hashes.SHA384(), hashes.SHA512()):
        for salt in (algorithm.digest_size, padding.PSS.DIGEST_LENGTH):
            scheme = padding.PSS(padding.MGF1(algorithm), salt)
            signature = key.sign(MESSAGE, scheme, algorithm)
            judge = padding.PSS(padding.MGF1(algorithm), algorithm.digest_size)
            key.public_key().verify(signature, MESSAGE, judge, algorithm)


@pytest.mark.parametrize(
    "scheme",
    [
        padding.PSS(padding.MGF1(hashes.SHA256()), padding.PSS.MAX_LENGTH),
        padding.PSS(padding.MGF1(hashes.SHA256()), 0),
        padding.PSS(padding.MGF1(hashes.SHA384()), 32),
        padding.OAEP(padding.MGF1(hashes.SHA256()), hashes.SHA256(), None),
    ],
)
def test_what_cannot_be_signed_is_refused(
    provider: TokenKeyProvider, scheme: padding.AsymmetricPadding
) -> None:
    key = make(provider, RSA)
    assert isinstance(key, rsa.RSAPrivateKey)
    with pytest.raises(UnsupportedAlgorithm):
        key.sign(MESSAGE, scheme, hashes.SHA256())
    with pytest.raises(UnsupportedAlgorithm):
        key.sign(MESSAGE, padding.PKCS1v15(), hashes.SHA3_256())
    with pytest.raises(UnsupportedAlgorithm):
        key.sign(hashlib.sha256(MESSAGE).digest(), padding.PKCS1v15(), utils.NoDigestInfo())


def test_digests_made_elsewhere_are_signed(provider: TokenKeyProvider) -> None:
    key = make(provider, P256)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    prehashed = ec.ECDSA(utils.Prehashed(hashes.SHA256()))
    signature = key.sign(hashlib.sha256(MESSAGE).digest(), prehashed)
    key.public_key().verify(signature, MESSAGE, ec.ECDSA(hashes.SHA256()))
    with pytest.raises(ValueError, match="length"):
        key.sign(b"short", prehashed)


@pytest.mark.parametrize("spec", [RSA, P256, ED25519, DSA], ids=str)
def test_nothing_of_the_key_comes_out(provider: TokenKeyProvider, spec: KeySpec) -> None:
    key = make(provider, spec)
    inside = "private_numbers"
    if isinstance(key, ed25519.Ed25519PrivateKey):
        inside = "private_bytes_raw"
    with pytest.raises(UnsupportedAlgorithm):
        getattr(key, inside)()
    with pytest.raises(UnsupportedAlgorithm):
        key.private_bytes(
            serialization.Encoding.DER,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    if isinstance(key, rsa.RSAPrivateKey):
        with pytest.raises(UnsupportedAlgorithm):
            key.decrypt(bytes(256), padding.PKCS1v15())
    elif isinstance(key, ec.EllipticCurvePrivateKey):
        with pytest.raises(UnsupportedAlgorithm):
            key.exchange(ec.ECDH(), key.public_key())
    assert copy.deepcopy(key) is copy.copy(key) is key


def test_a_wrong_signature_never_gets_out(
    faulty_provider: TokenKeyProvider, faults: Faults
) -> None:
    key = make(faulty_provider, P256)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    faults.set("C_Sign wrong")
    with pytest.raises(KeyStorageError, match="wrong"):
        key.sign(MESSAGE, ec.ECDSA(hashes.SHA256()))
    faults.set()
    key.sign(MESSAGE, ec.ECDSA(hashes.SHA256()))


def test_the_message_is_hashed_here_and_only_the_digest_travels(
    provider: TokenKeyProvider,
) -> None:
    pair = provider.generate(P256, "large message")
    seen: list[bytes] = []

    class Recorder:
        def sign(
            self, locator: KeyLocator, scheme: SignatureScheme, digest: bytes
        ) -> Future[bytes]:
            seen.append(digest)
            return provider.sign(locator, scheme, digest)

    key = private_key(Recorder(), pair.locator)  # type: ignore[arg-type] # only `sign` is used
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    large = bytes(5_000_000)
    signature = key.sign(large, ec.ECDSA(hashes.SHA256()))
    key.public_key().verify(signature, large, ec.ECDSA(hashes.SHA256()))
    assert eventually(lambda: seen == [hashlib.sha256(large).digest()])

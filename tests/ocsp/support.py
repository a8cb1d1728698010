"""A small world for the responder: a CA of software keys, statuses in memory, a clock by hand."""

from __future__ import annotations

import hashlib
import threading
from concurrent.futures import Future
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from app.domain.errors import KeyAbsent, TokenError
from app.domain.events import Change, Entity
from app.domain.ids import AuthorityId, ConfigurationId
from app.domain.keys import (
    HashAlgorithm,
    KeyAlgorithm,
    KeyDescription,
    KeyLocator,
    KeySpec,
    SignaturePadding,
    SignatureScheme,
)
from app.domain.periods import Period, PeriodUnit
from app.domain.responder import (
    DEFAULT_SIGNING_FLAGS,
    CertificateStatus,
    RevocationConfiguration,
    SigningFlag,
    StatusAnswer,
)
from app.hsm.public_keys import rsa_padding
from app.ocsp.answers import ConfiguredAuthority
from app.ocsp.signer import KeySigner
from app.pki.signatures import key_algorithm

if TYPE_CHECKING:
    from pathlib import Path

    from app.domain.secret import Secret

PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey
AUTHORITY = AuthorityId(7)
GOOD, REVOKED, UNKNOWN = 0x1001, 0x1002, 0x1003


class HandClock:
    """Stands still until it is moved; starts at the present, for the judges."""

    def __init__(self) -> None:
        self.at = datetime.now(UTC).replace(microsecond=0)

    def now(self) -> datetime:
        return self.at

    def advance(self, **how: float) -> None:
        self.at += timedelta(**how)


class MemorySource:
    """Statuses by serial, and a position that moves with each change."""

    def __init__(self) -> None:
        self.revoked_at = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
        self.statuses = {
            GOOD: StatusAnswer(CertificateStatus.GOOD),
            REVOKED: StatusAnswer(CertificateStatus.REVOKED, self.revoked_at),
        }
        self.number = 10
        self.reads = 0

    def status(self, authority_id: AuthorityId, serial: int, at: datetime) -> StatusAnswer:
        assert authority_id == AUTHORITY
        assert at.tzinfo is UTC
        self.reads += 1
        return self.statuses.get(serial, StatusAnswer(CertificateStatus.UNKNOWN))

    def position(self) -> int:
        return self.number

    def revoke(self, serial: int) -> Change:
        """Commit a revocation; the change is still to be applied."""
        self.statuses[serial] = StatusAnswer(CertificateStatus.REVOKED, self.revoked_at)
        self.number += 1
        return Change(self.number, Entity.REQUEST, f"{AUTHORITY}:{serial:04x}")


class SoftwareKeys:
    """A `KeyProvider` of keys in memory whose signatures can be held back, break and lie."""

    name = "Test Key Storage Provider"

    def __init__(self) -> None:
        self._keys: dict[str, PrivateKey] = {}
        self.signed = 0
        self.problem: Exception | None = None
        self.lie = False
        self.only_pss = False  # as a token in FIPS mode
        self._free = threading.Event()
        self._free.set()

    def hold(self) -> None:
        self._free.clear()

    def release(self) -> None:
        self._free.set()

    def add(self, key: PrivateKey, label: str) -> KeyLocator:
        spki = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        digest = hashlib.sha256(spki).hexdigest()
        self._keys[digest] = key
        known = key_algorithm(key.public_key())
        assert known is not None
        return KeyLocator("", None, spki, digest, digest[:8], label, *known)

    def sign(self, locator: KeyLocator, scheme: SignatureScheme, digest: bytes) -> Future[bytes]:
        future: Future[bytes] = Future()
        future.set_running_or_notify_cancel()
        self.signed += 1
        if self._free.is_set():
            self._sign(future, locator, scheme, digest)
        else:
            threading.Thread(
                target=self._later, args=(future, locator, scheme, digest), name="held-signature"
            ).start()
        return future

    def _later(
        self, future: Future[bytes], locator: KeyLocator, scheme: SignatureScheme, digest: bytes
    ) -> None:
        self._free.wait(30)
        self._sign(future, locator, scheme, digest)

    def _sign(
        self, future: Future[bytes], locator: KeyLocator, scheme: SignatureScheme, digest: bytes
    ) -> None:
        if self.problem is not None:
            future.set_exception(self.problem)
            return
        key = self._keys[locator.public_key_sha256]
        if self.only_pss and scheme.padding is SignaturePadding.PKCS1:
            invalid = TokenError("Not that.", ckr="CKR_MECHANISM_INVALID", function="C_SignInit")
            future.set_exception(invalid)
            return
        algorithm = Prehashed(getattr(hashes, scheme.hash.value)())
        if self.lie:
            digest = bytes(len(digest))
        if isinstance(key, rsa.RSAPrivateKey):
            future.set_result(key.sign(digest, rsa_padding(scheme), algorithm))
        elif isinstance(key, ed25519.Ed25519PrivateKey):
            future.set_result(key.sign(digest))
        else:
            future.set_result(key.sign(digest, ec.ECDSA(algorithm)))

    # The rest of the interface: the responder never calls it.

    def algorithms(self) -> tuple[KeyAlgorithm, ...]:
        raise AssertionError

    def scheme(
        self, algorithm: KeyAlgorithm, hash_algorithm: HashAlgorithm = HashAlgorithm.SHA256
    ) -> SignatureScheme:
        raise AssertionError(algorithm, hash_algorithm)

    def rename(self, locator: KeyLocator, label: str) -> KeyDescription:
        raise AssertionError(locator, label)

    def generate(
        self, spec: KeySpec, label: str, *, so_pin: Secret | None = None
    ) -> KeyDescription:
        raise AssertionError(spec, label, so_pin)

    def keys(self) -> tuple[KeyDescription, ...]:
        raise AssertionError

    def find(self, locator: KeyLocator) -> KeyDescription:
        raise AssertionError(locator)

    def delete(self, locator: KeyLocator) -> None:
        raise AssertionError(locator)


def make_key(kind: str) -> PrivateKey:
    if kind in {"RSA", "RSA-PSS"}:
        return rsa.generate_private_key(public_exponent=65537, key_size=2048)
    if kind == "Ed25519":
        return ed25519.Ed25519PrivateKey.generate()
    return ec.generate_private_key(ec.SECP256R1())


def key_absent() -> KeyAbsent:
    return KeyAbsent("The signing key is not on the token.", remedy="Renew the certificate.")


class World:
    """A CA, its delegated signer and what they issued."""

    def __init__(self, kind: str = "ECDSA") -> None:
        self.keys = SoftwareKeys()
        self.keys.only_pss = kind == "RSA-PSS"
        self.source = MemorySource()
        self.clock = HandClock()
        self.ca_key = make_key(kind)
        self.ca = self._certificate(1, f"Test CA {kind}", self.ca_key, ca=True)
        self.signer_key = make_key(kind)
        self.leaf_key = make_key("ECDSA")

    def signer_certificate(self, key: PrivateKey, days: float = 14) -> x509.Certificate:
        return self._certificate(2, "Test Responder", key, ocsp=True, days=days)

    def leaf(self, serial: int) -> x509.Certificate:
        return self._certificate(serial, f"leaf {serial:x}", self.leaf_key)

    def signer(
        self, key: PrivateKey | None = None, *, days: float = 14, sha: str = "SHA256"
    ) -> KeySigner:
        key = key or self.signer_key
        locator = self.keys.add(key, "responder")
        certificate = self.signer_certificate(key, days).public_bytes(Encoding.DER)
        return KeySigner(self.keys, locator, certificate, HashAlgorithm(sha))

    def configuration(
        self, number: int = 1, flags: SigningFlag = DEFAULT_SIGNING_FLAGS
    ) -> RevocationConfiguration:
        return RevocationConfiguration(
            id=ConfigurationId(number),
            name=f"Configuration {number}",
            authority_id=AUTHORITY,
            ca_certificate=self.ca.public_bytes(Encoding.DER),
            signing_flags=flags,
            template="OCSPResponseSigning",
            answer_validity=Period(1, PeriodUnit.HOURS),
        )

    def configured(self, signer: KeySigner | None = None) -> ConfiguredAuthority:
        return ConfiguredAuthority(self.configuration(), signer or self.signer())

    def files(self, folder: Path) -> dict[str, Path]:
        """The CA's and the leaves' certificates as PEM files for the judges."""
        written = {}
        for name, certificate in (
            ("ca", self.ca),
            ("good", self.leaf(GOOD)),
            ("revoked", self.leaf(REVOKED)),
            ("unknown", self.leaf(UNKNOWN)),
        ):
            written[name] = folder / f"{name}.pem"
            written[name].write_bytes(certificate.public_bytes(Encoding.PEM))
        return written

    def _certificate(
        self,
        serial: int,
        name: str,
        key: PrivateKey,
        *,
        ca: bool = False,
        ocsp: bool = False,
        days: float = 30,
    ) -> x509.Certificate:
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        start = self.clock.now() - timedelta(hours=1)
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(subject if ca else self.ca.subject)
            .public_key(key.public_key())
            .serial_number(serial)
            .not_valid_before(start)
            .not_valid_after(self.clock.now() + timedelta(days=days))
            .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
        )
        if ocsp:
            usage = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.OCSP_SIGNING])
            builder = builder.add_extension(usage, critical=False)
            builder = builder.add_extension(x509.OCSPNoCheck(), critical=False)
        edwards = isinstance(self.ca_key, ed25519.Ed25519PrivateKey)
        return builder.sign(self.ca_key, None if edwards else hashes.SHA256())

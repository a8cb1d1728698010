"""The software key provider: keys in files, encrypted with a passphrase of the secret store."""

from __future__ import annotations

import hashlib
import re
import secrets
import threading
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed25519, rsa, utils
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)
from filelock import FileLock

from app.domain.errors import InvalidInput, KeyAbsent, KeyStorageError, NameInUse, SecretUnavailable
from app.domain.keys import (
    HashAlgorithm,
    KeyAlgorithm,
    KeyDescription,
    KeyLocator,
    KeySpec,
    SignatureScheme,
    check_key_label,
    current_first,
    scheme_for,
)
from app.domain.secret import Secret
from app.hsm import public_keys
from app.hsm.durable import make_private_folder, sync_folder, write_private

if TYPE_CHECKING:
    from app.domain.secrets import SecretStore

NAME = "Software Key Storage Provider"
PASSPHRASE = "software-keys"  # noqa: S105 - the name under which it is kept
SUFFIX = ".key"
SIGNERS = 2
_FILE = re.compile(
    rb"Label: (?P<label>[0-9a-f]*)\n(?P<public>-----BEGIN PUBLIC KEY-----.*?"
    rb"-----END PUBLIC KEY-----\n)(?P<private>-----BEGIN ENCRYPTED PRIVATE KEY-----.*)",
    re.DOTALL,
)

PrivateKey = (
    rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | dsa.DSAPrivateKey | ed25519.Ed25519PrivateKey
)


@dataclass(frozen=True, slots=True)
class _KeyFile:
    """One key's file without its private part."""

    path: Path
    label: str
    public_key: public_keys.PublicKey
    digest: str


class SoftwareKeyProvider:
    """Implements `KeyProvider` without an HSM.

    Each key is one file: its label in hexadecimal, its public key, and the private key as
    encrypted PKCS #8. The passphrase is random and kept by the secret store. Decrypted keys stay
    in memory until the process ends.

    Args:
        folder: of the files; made with mode 0700.
        secrets: keeps the passphrase.
        name: of the provider, without algorithm.
    """

    def __init__(self, folder: Path, secrets: SecretStore, name: str = NAME) -> None:
        self._folder = folder
        self._secrets = secrets
        self._name = name
        self._lock = threading.Lock()
        self._opened: dict[str, tuple[Path, PrivateKey]] = {}
        self._signers = ThreadPoolExecutor(SIGNERS, thread_name_prefix="software-keys")

    @property
    def name(self) -> str:
        """Provider name without algorithm."""
        return self._name

    def algorithms(self) -> tuple[KeyAlgorithm, ...]:
        """All, those that are out of date last."""
        return current_first(KeyAlgorithm)

    def scheme(
        self, algorithm: KeyAlgorithm, hash_algorithm: HashAlgorithm = HashAlgorithm.SHA256
    ) -> SignatureScheme:
        """How keys of an algorithm sign here: RSA with PKCS #1 v1.5."""
        return scheme_for(algorithm, hash_algorithm)

    # --- finding ------------------------------------------------------------------------------

    def keys(self) -> tuple[KeyDescription, ...]:
        """All keys."""
        return tuple(_describe(file) for file in self._files())

    def find(self, locator: KeyLocator) -> KeyDescription:
        """The key of that public key.

        Raises:
            KeyAbsent: it is not there.
        """
        return _describe(self._file(locator))

    def _files(self) -> list[_KeyFile]:
        return [_read(path)[0] for path in sorted(self._folder.glob(f"*{SUFFIX}"))]

    def _file(self, locator: KeyLocator) -> _KeyFile:
        for file in self._files():
            if file.digest == locator.public_key_sha256:
                return file
        raise KeyAbsent(
            f"The software key {locator.label} is not there.",
            cause="Its file was deleted, or another home folder is in use.",
            remedy="Restore the file from a backup, or make a new key and certificate.",
            detail=f"{self._folder}\nSHA-256 of the public key: {locator.public_key_sha256}",
        )

    # --- changing -----------------------------------------------------------------------------

    def generate(
        self, spec: KeySpec, label: str, *, so_pin: Secret | None = None
    ) -> KeyDescription:
        """Generate a key, durable on return.

        Raises:
            InvalidInput: the label is empty or too long, or the PIN of a security officer is given.
            NameInUse: a key of that label is there.
            SecretUnavailable: the passphrase is gone while keys are there, or cannot be kept.
            KeyStorageError: the file cannot be written.
        """
        check_key_label(label)
        if so_pin is not None:
            raise InvalidInput(
                f"The {self.name} has no security officer.", remedy="Leave his PIN out."
            )
        key = _generate(spec)
        path = self._folder / (secrets.token_hex(20) + SUFFIX)
        try:
            make_private_folder(self._folder)
            with self._lock, FileLock(self._folder / ".lock"):
                files = self._files()
                _refuse_taken(label, files)
                passphrase = self._passphrase(create=not files)
                write_private(path, _content(key, label, passphrase))
        except OSError as error:
            raise self._not_written(error) from error
        return _describe(_read(path)[0])

    def rename(self, locator: KeyLocator, label: str) -> KeyDescription:
        """Give the key another label, durable on return.

        Raises:
            InvalidInput: the label is empty or too long.
            NameInUse: another key has that label.
            KeyAbsent: it is not there.
            KeyStorageError: the file cannot be written.
        """
        check_key_label(label)
        self._file(locator)
        try:
            with self._lock, FileLock(self._folder / ".lock"):
                file = self._file(locator)
                _refuse_taken(label, [other for other in self._files() if other.path != file.path])
                write_private(file.path, _labelled(file.path, label))
        except OSError as error:
            raise self._not_written(error) from error
        return self.find(locator)

    def _not_written(self, error: OSError) -> KeyStorageError:
        return KeyStorageError(
            f"The key cannot be written to {self._folder}.",
            cause="The disk is full, or this account has no right to write there.",
            remedy="Check the folder's owner and the free space.",
            detail=str(error),
        )

    def delete(self, locator: KeyLocator) -> None:
        """Delete the key's file.

        Raises:
            KeyAbsent: it is not there.
        """
        file = self._file(locator)
        with self._lock:
            self._opened.pop(file.digest, None)
            file.path.unlink(missing_ok=True)
            sync_folder(self._folder)

    def _passphrase(self, *, create: bool = False) -> Secret:
        found = self._secrets.get(PASSPHRASE)
        if found is not None:
            return found
        if not create:
            raise SecretUnavailable(
                "The passphrase of the software keys is not in the secret store.",
                cause="The keys were made with another account or another keyring.",
                remedy="Log in as the account that made the keys, or restore its secrets.",
                detail=f"{self._folder}\n{self._secrets.description}",
            )
        made = Secret(secrets.token_urlsafe(32))
        self._secrets.set(PASSPHRASE, made)
        return made

    # --- signing ------------------------------------------------------------------------------

    def sign(self, locator: KeyLocator, scheme: SignatureScheme, digest: bytes) -> Future[bytes]:
        """Sign in a thread of the provider; does not block."""
        return self._signers.submit(self._sign, locator, scheme, digest)

    def _sign(self, locator: KeyLocator, scheme: SignatureScheme, digest: bytes) -> bytes:
        public_keys.check_scheme(scheme, digest, public_keys.kind_of(locator.algorithm))
        key = self._open(locator)
        hashed = utils.Prehashed(public_keys.HASHES[scheme.hash])
        if isinstance(key, rsa.RSAPrivateKey):
            return key.sign(digest, public_keys.rsa_padding(scheme), hashed)
        if isinstance(key, ed25519.Ed25519PrivateKey):
            return key.sign(digest)
        if isinstance(key, dsa.DSAPrivateKey):
            return key.sign(digest, hashed)
        return key.sign(digest, ec.ECDSA(hashed))

    def _open(self, locator: KeyLocator) -> PrivateKey:
        opened = self._opened.get(locator.public_key_sha256)
        # Another process may have deleted the key since.
        if opened is not None and opened[0].exists():
            return opened[1]
        file = self._file(locator)
        passphrase = self._passphrase()
        try:
            key = load_pem_private_key(_read(file.path)[1], passphrase.reveal())
        except ValueError:
            raise SecretUnavailable(
                f"The software key {file.label} cannot be decrypted.",
                cause="The passphrase in the secret store belongs to other keys.",
                remedy="Restore the secrets that belong to this home folder.",
                detail=str(file.path),
            ) from None
        if not isinstance(key, PrivateKey):
            raise _damaged(file.path)
        with self._lock:
            self._opened[file.digest] = (file.path, key)
        return key

    def close(self) -> None:
        """End the signing threads and forget the decrypted keys."""
        self._signers.shutdown()
        self._opened.clear()


def _generate(spec: KeySpec) -> PrivateKey:
    if spec.algorithm is KeyAlgorithm.RSA:
        return rsa.generate_private_key(public_exponent=65537, key_size=spec.bits)
    if spec.algorithm is KeyAlgorithm.DSA:
        return dsa.generate_private_key(spec.bits)
    if spec.algorithm is KeyAlgorithm.ED25519:
        return ed25519.Ed25519PrivateKey.generate()
    return ec.generate_private_key(public_keys.CURVES[spec.algorithm])


def _refuse_taken(label: str, files: list[_KeyFile]) -> None:
    if any(file.label == label for file in files):
        raise NameInUse(
            f"A software key of the name {label} is there already.",
            remedy="Choose another name for the key.",
        )


def _content(key: PrivateKey, label: str, passphrase: Secret) -> bytes:
    public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    encryption = BestAvailableEncryption(passphrase.reveal())
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption)
    return _label_line(label) + public + private


def _label_line(label: str) -> bytes:
    return b"Label: " + label.encode().hex().encode() + b"\n"


def _labelled(path: Path, label: str) -> bytes:
    """The content of a key's file with another label."""
    parts = _FILE.fullmatch(path.read_bytes())
    if parts is None:
        raise _damaged(path)
    return _label_line(label) + parts["public"] + parts["private"]


def _read(path: Path) -> tuple[_KeyFile, bytes]:
    """A key's file and its encrypted private part."""
    try:
        parts = _FILE.fullmatch(path.read_bytes())
    except OSError as error:
        raise KeyStorageError(
            f"The key file {path} cannot be read.",
            cause="It belongs to another account.",
            remedy="Run this program with the account that owns the home folder.",
            detail=str(error),
        ) from error
    if parts is None:
        raise _damaged(path)
    try:
        label = bytes.fromhex(parts["label"].decode()).decode()
        key = load_pem_public_key(parts["public"])
    except ValueError:
        raise _damaged(path) from None
    if not isinstance(key, public_keys.PublicKey):
        raise _damaged(path)
    digest = hashlib.sha256(public_keys.spki(key)).hexdigest()
    return _KeyFile(path, label, key, digest), parts["private"]


def _damaged(path: Path) -> KeyStorageError:
    return KeyStorageError(
        f"The key file {path} is damaged.", remedy="Restore it from a backup, or remove it."
    )


def _describe(file: _KeyFile) -> KeyDescription:
    algorithm = public_keys.algorithm_of(file.public_key)
    if algorithm is None:
        raise _damaged(file.path)
    locator = KeyLocator(
        library_path="",
        token=None,
        public_key=public_keys.spki(file.public_key),
        public_key_sha256=file.digest,
        cka_id=file.path.stem,
        label=file.label,
        algorithm=algorithm,
        bits=public_keys.bits_of(file.public_key),
    )
    return KeyDescription(
        locator=locator,
        has_private=True,
        has_public=True,
        extractable=True,
        sensitive=False,
        local=None,
    )

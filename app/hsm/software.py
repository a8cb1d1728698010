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

from cryptography.hazmat.primitives.asymmetric import ec, rsa, utils
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
    EC_BITS,
    KeyAlgorithm,
    KeyDescription,
    KeyLocator,
    KeySpec,
    SignatureScheme,
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
LABEL_CHARACTERS = 100
_FILE = re.compile(
    rb"Label: (?P<label>[0-9a-f]*)\n(?P<public>-----BEGIN PUBLIC KEY-----.*?"
    rb"-----END PUBLIC KEY-----\n)(?P<private>-----BEGIN ENCRYPTED PRIVATE KEY-----.*)",
    re.DOTALL,
)

PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey


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
        """All."""
        return tuple(KeyAlgorithm)

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

    def generate(self, spec: KeySpec, label: str) -> KeyDescription:
        """Generate a key, durable on return.

        Raises:
            InvalidInput: the label is empty or too long.
            NameInUse: a key of that label is there.
            SecretUnavailable: the passphrase is gone while keys are there, or cannot be kept.
            KeyStorageError: the file cannot be written.
        """
        if not label.strip() or len(label) > LABEL_CHARACTERS:
            raise InvalidInput(f"The name of a key has 1 to {LABEL_CHARACTERS} characters.")
        key = _generate(spec)
        path = self._folder / (secrets.token_hex(20) + SUFFIX)
        try:
            make_private_folder(self._folder)
            with self._lock, FileLock(self._folder / ".lock"):
                files = self._files()
                if any(file.label == label for file in files):
                    raise NameInUse(
                        f"A software key of the name {label} is there already.",
                        remedy="Choose another name for the key.",
                    )
                passphrase = self._passphrase(create=not files)
                write_private(path, _content(key, label, passphrase))
        except OSError as error:
            raise KeyStorageError(
                f"The new key cannot be written to {self._folder}.",
                cause="The disk is full, or this account has no right to write there.",
                remedy="Check the folder's owner and the free space.",
                detail=str(error),
            ) from error
        return _describe(_read(path)[0])

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
        kind = "RSA" if locator.algorithm is KeyAlgorithm.RSA else "EC"
        public_keys.check_scheme(scheme, digest, "RSA" if kind == "RSA" else "EC")
        key = self._open(locator)
        hashed = utils.Prehashed(public_keys.HASHES[scheme.hash])
        if isinstance(key, rsa.RSAPrivateKey):
            return key.sign(digest, public_keys.rsa_padding(scheme), hashed)
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
        if not isinstance(key, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey):
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
    return ec.generate_private_key(public_keys.CURVES[spec.algorithm])


def _content(key: PrivateKey, label: str, passphrase: Secret) -> bytes:
    public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    encryption = BestAvailableEncryption(passphrase.reveal())
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption)
    return b"Label: " + label.encode().hex().encode() + b"\n" + public + private


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
    if not isinstance(key, rsa.RSAPublicKey | ec.EllipticCurvePublicKey):
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
    bits = EC_BITS.get(algorithm, file.public_key.key_size)
    locator = KeyLocator(
        library_path="",
        token=None,
        public_key=public_keys.spki(file.public_key),
        public_key_sha256=file.digest,
        cka_id=file.path.stem,
        label=file.label,
        algorithm=algorithm,
        bits=bits,
    )
    return KeyDescription(
        locator=locator,
        has_private=True,
        has_public=True,
        extractable=True,
        sensitive=False,
        local=None,
    )

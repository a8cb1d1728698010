"""Software keys: encrypted at rest, durable, and the same interface as a token's."""

from __future__ import annotations

import hashlib
import stat
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from app.domain.errors import InvalidInput, KeyAbsent, KeyStorageError, NameInUse, SecretUnavailable
from app.domain.keys import (
    HashAlgorithm,
    KeyAlgorithm,
    KeySpec,
    SignaturePadding,
    SignatureScheme,
    scheme_for,
)
from app.domain.secret import Secret
from app.hsm import public_keys
from app.hsm.private_key import private_key
from app.hsm.secret_store import FileSecretStore
from app.hsm.software import PASSPHRASE, SoftwareKeyProvider

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

P256 = KeySpec(KeyAlgorithm.ECDSA_P256, 256)
ECDSA = SignatureScheme(SignaturePadding.ECDSA, HashAlgorithm.SHA256)
DIGEST = hashlib.sha256(b"message").digest()
SPECS = [
    KeySpec(KeyAlgorithm.RSA, 2048),
    P256,
    KeySpec(KeyAlgorithm.ECDSA_P384, 384),
    KeySpec(KeyAlgorithm.ECDSA_P521, 521),
    KeySpec(KeyAlgorithm.ED25519, 256),
    KeySpec(KeyAlgorithm.DSA, 2048),
]


@pytest.fixture
def secrets(tmp_path: Path) -> FileSecretStore:
    """A secret store of the test's own."""
    return FileSecretStore(tmp_path / "secrets")


@pytest.fixture
def software(tmp_path: Path, secrets: FileSecretStore) -> Iterator[SoftwareKeyProvider]:
    """A provider without keys."""
    made = SoftwareKeyProvider(tmp_path / "keys", secrets)
    yield made
    made.close()


@pytest.mark.parametrize("spec", SPECS, ids=str)
def test_a_key_signs_with_every_scheme(software: SoftwareKeyProvider, spec: KeySpec) -> None:
    pair = software.generate(spec, "key")
    key = public_keys.load_public_key(pair.locator.public_key)
    for hash_ in HashAlgorithm:
        for pss in (False, True):
            scheme = scheme_for(spec.algorithm, hash_, pss=pss)
            digest = hashlib.new(hash_.value, b"message").digest()
            signature = software.sign(pair.locator, scheme, digest).result(10)
            public_keys.verify(key, scheme, digest, signature)
    refused = {SignaturePadding.PKCS1, SignaturePadding.ECDSA} - {
        scheme_for(spec.algorithm).padding
    }
    with pytest.raises(InvalidInput):
        software.sign(
            pair.locator, SignatureScheme(refused.pop(), HashAlgorithm.SHA256), DIGEST
        ).result()
    assert private_key(software, pair.locator).public_key() == key


def test_keys_survive_the_process(
    software: SoftwareKeyProvider, secrets: FileSecretStore, tmp_path: Path
) -> None:
    pair = software.generate(P256, "Ein Schlüssel")
    again = SoftwareKeyProvider(tmp_path / "keys", secrets)
    assert again.keys() == (pair,)
    assert again.find(pair.locator) == pair
    signature = again.sign(pair.locator, ECDSA, DIGEST).result(10)
    key = public_keys.load_public_key(pair.locator.public_key)
    public_keys.verify(key, ECDSA, DIGEST, signature)
    again.close()


@pytest.mark.skipif(sys.platform == "win32", reason="file modes")
def test_files_are_private_and_encrypted(software: SoftwareKeyProvider, tmp_path: Path) -> None:
    pair = software.generate(P256, "private")
    folder = tmp_path / "keys"
    (path,) = folder.glob("*.key")
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert path.stem == pair.locator.cka_id
    content = path.read_bytes()
    assert b"BEGIN ENCRYPTED PRIVATE KEY" in content
    # The judge cannot open it without the passphrase, and can with it.
    command = ["openssl", "pkey", "-in", str(path), "-noout", "-passin", "stdin"]
    assert subprocess.run(command, input=b"guess\n", capture_output=True, check=False).returncode
    passphrase = FileSecretStore(tmp_path / "secrets").get(PASSPHRASE)
    assert passphrase is not None
    subprocess.run(command, input=passphrase.reveal() + b"\n", capture_output=True, check=True)
    assert passphrase.reveal() not in content


def test_a_lost_passphrase_is_never_replaced(
    software: SoftwareKeyProvider, secrets: FileSecretStore, tmp_path: Path
) -> None:
    pair = software.generate(P256, "first")
    kept = secrets.get(PASSPHRASE)
    assert kept is not None
    secrets.delete(PASSPHRASE)
    with pytest.raises(SecretUnavailable):
        software.generate(P256, "second")
    assert secrets.get(PASSPHRASE) is None
    fresh = SoftwareKeyProvider(tmp_path / "keys", secrets)
    with pytest.raises(SecretUnavailable):
        fresh.sign(pair.locator, ECDSA, DIGEST).result(10)
    secrets.set(PASSPHRASE, Secret("another one"))
    with pytest.raises(SecretUnavailable):
        fresh.sign(pair.locator, ECDSA, DIGEST).result(10)
    secrets.set(PASSPHRASE, kept)
    assert fresh.sign(pair.locator, ECDSA, DIGEST).result(10)
    fresh.close()


def test_names_are_unique_and_deleted_keys_are_absent(software: SoftwareKeyProvider) -> None:
    pair = software.generate(P256, "only one")
    with pytest.raises(NameInUse):
        software.generate(P256, "only one")
    with pytest.raises(InvalidInput):
        software.generate(P256, " ")
    software.sign(pair.locator, ECDSA, DIGEST).result(10)
    software.delete(pair.locator)
    assert software.keys() == ()
    for use in (software.find, software.delete):
        with pytest.raises(KeyAbsent):
            use(pair.locator)
    with pytest.raises(KeyAbsent):
        software.sign(pair.locator, ECDSA, DIGEST).result(10)


def test_a_key_deleted_by_another_process_signs_no_more(
    software: SoftwareKeyProvider, tmp_path: Path
) -> None:
    pair = software.generate(P256, "deleted elsewhere")
    software.sign(pair.locator, ECDSA, DIGEST).result(10)
    for path in (tmp_path / "keys").glob("*.key"):
        path.unlink()
    with pytest.raises(KeyAbsent):
        software.sign(pair.locator, ECDSA, DIGEST).result(10)


def test_a_damaged_file_is_named(software: SoftwareKeyProvider, tmp_path: Path) -> None:
    software.generate(P256, "damaged")
    (path,) = (tmp_path / "keys").glob("*.key")
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(KeyStorageError, match=path.name):
        software.keys()


def test_a_folder_that_cannot_be_written_is_named(secrets: FileSecretStore, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    blocked = SoftwareKeyProvider(tmp_path / "file" / "keys", secrets)
    with pytest.raises(KeyStorageError, match="cannot be written"):
        blocked.generate(P256, "nowhere")
    blocked.close()


def test_a_new_label_is_durable_and_unique(
    software: SoftwareKeyProvider, secrets: FileSecretStore, tmp_path: Path
) -> None:
    pair, other = (software.generate(P256, name) for name in ("before", "other"))
    renamed = software.rename(pair.locator, "danach é")
    assert renamed.locator.label == "danach é"
    assert renamed.locator.public_key == pair.locator.public_key
    with pytest.raises(NameInUse):
        software.rename(pair.locator, "other")
    with pytest.raises(InvalidInput):
        software.rename(pair.locator, "  ")
    again = SoftwareKeyProvider(tmp_path / "keys", secrets)
    assert {key.locator.label for key in tuple(again.keys())} == {"danach é", "other"}
    again.sign(pair.locator, ECDSA, DIGEST).result(10)
    again.delete(other.locator)
    with pytest.raises(KeyAbsent):
        again.rename(other.locator, "gone")
    again.close()

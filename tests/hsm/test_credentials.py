"""Secrets that systemd hands to a service, and the chain of places that secrets are read from."""

from __future__ import annotations

import re
import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

from app.domain.errors import SecretUnavailable
from app.domain.secret import Secret
from app.hsm.credentials import CredentialStore, credential_name
from app.hsm.secret_store import FileSecretStore, SecretStoreChain, open_secret_store

if TYPE_CHECKING:
    from pathlib import Path

NAME = r"slot/8a31f0/nt authority\system"


class MemoryStore:
    """A keyring that answers, or not."""

    description = "a keyring"
    is_file = False

    def __init__(self) -> None:
        self.kept: dict[str, Secret] = {}
        self.locked = False

    def place(self, name: str) -> str | None:
        return self.description if self.get(name) is not None else None

    def get(self, name: str) -> Secret | None:
        if self.locked:
            raise SecretUnavailable("The keyring is locked.")
        return self.kept.get(name)

    def set(self, name: str, secret: Secret) -> None:
        self.kept[name] = secret

    def delete(self, name: str) -> None:
        self.kept.pop(name, None)


def test_a_name_becomes_one_that_systemd_takes() -> None:
    assert credential_name(NAME) == "sealkeeper.slot.8a31f0.nt_20authority_5csystem"
    several = {credential_name(text) for text in ("a/b", "a.b", "a_2eb", "A/b", "a/b ", "ä/b")}
    assert len(several) == 6
    long = {credential_name("slot/" + "x" * size) for size in (300, 301)}
    assert len(long) == 2
    for name in several | long:
        assert re.fullmatch(r"[a-z0-9._-]{1,200}", name)


@pytest.mark.parametrize("end", [b"", b"\n", b"\r\n"])
def test_a_credential_is_read_without_the_end_of_its_line(tmp_path: Path, end: bytes) -> None:
    (tmp_path / credential_name(NAME)).write_bytes(b"geheim \xc3\xbc" + end)
    store = CredentialStore(tmp_path)
    assert store.get(NAME) == Secret("geheim ü")
    assert store.place(NAME) == f"systemd credential {credential_name(NAME)}"
    assert store.get("slot/other/one") is None
    assert store.place("slot/other/one") is None


def test_a_credential_that_cannot_be_read_is_said(tmp_path: Path) -> None:
    (tmp_path / credential_name(NAME)).mkdir()
    with pytest.raises(SecretUnavailable, match="cannot be read"):
        CredentialStore(tmp_path).get(NAME)


def test_a_home_reads_credentials_and_writes_elsewhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "credentials"
    folder.mkdir()
    (folder / credential_name(NAME)).write_bytes(b"handed over")
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(folder))
    store = open_secret_store(tmp_path / "home")
    assert store.get(NAME) == Secret("handed over")
    assert "systemd credential" in (store.place(NAME) or "")
    store.set("slot/8a31f0/carol", Secret("typed"))
    assert store.place("slot/8a31f0/carol") == store.description
    with pytest.raises(SecretUnavailable, match="holds another password"):
        store.set(NAME, Secret("changed"))
    store.set(NAME, Secret("handed over"))
    assert [each.name for each in folder.iterdir()] == [credential_name(NAME)]


def test_the_order_is_keyring_credential_file(tmp_path: Path) -> None:
    keyring, file = MemoryStore(), FileSecretStore(tmp_path / "secrets")
    (tmp_path / credential_name("b")).write_bytes(b"credential")
    for name in ("a", "b", "c"):
        file.set(name, Secret("file"))
    keyring.set("a", Secret("keyring"))
    chain = SecretStoreChain((keyring, CredentialStore(tmp_path), file), keyring, (file,))
    assert [chain.get(name) for name in "abcd"] == [
        Secret("keyring"),
        Secret("credential"),
        Secret("file"),
        None,
    ]
    assert chain.place("c") == file.description
    chain.set("c", Secret("new"))
    assert keyring.get("c") == Secret("new")
    assert file.get("c") is None, "a secret is in one place"
    chain.delete("c")
    assert chain.get("c") is None


def test_a_locked_keyring_hides_only_what_it_holds(tmp_path: Path) -> None:
    keyring, file = MemoryStore(), FileSecretStore(tmp_path / "secrets")
    file.set("a", Secret("file"))
    keyring.locked = True
    chain = SecretStoreChain((keyring, file), keyring, (file,))
    assert chain.get("a") == Secret("file")
    with pytest.raises(SecretUnavailable, match="locked"):
        chain.get("b")


@pytest.mark.skipif(shutil.which("systemd-creds") is None, reason="systemd is not here")
def test_what_systemd_encrypts_under_our_name_is_what_is_read(tmp_path: Path) -> None:
    name = credential_name(NAME)
    encrypted, folder = tmp_path / "encrypted", tmp_path / "credentials"
    folder.mkdir()

    def creds(*arguments: str, given: bytes = b"") -> bytes | None:
        command = ["systemd-creds", *arguments]
        done = subprocess.run(command, input=given, capture_output=True, check=False)
        return None if done.returncode else done.stdout

    def encrypt(key: str) -> bytes | None:
        how = ("encrypt", f"--with-key={key}", f"--name={name}", "-", str(encrypted))
        return creds(*how, given=b"1234-ab")

    # The key of no machine, by its later and its earlier name: that of the host is root's.
    if encrypt("null") is None:
        assert encrypt("tpm2-absent") is not None
    decrypt = (f"--name={name}", str(encrypted), "-")
    plain = creds("decrypt", "--allow-null", *decrypt) or creds("decrypt", *decrypt)
    assert plain is not None
    (folder / name).write_bytes(plain)
    assert CredentialStore(folder).get(NAME) == Secret("1234-ab")

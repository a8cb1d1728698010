"""Where secrets are kept: which keyrings are taken, and the private file without one."""

from __future__ import annotations

import os
import stat
import sys
from typing import TYPE_CHECKING, Any

import keyring
import keyring.backend
import keyring.backends.fail
import keyring.errors
import pytest
from keyring.backends import SecretService
from keyring.backends.chainer import ChainerBackend

from app.domain.errors import SecretUnavailable
from app.domain.secret import Secret
from app.hsm.secret_store import (
    FileSecretStore,
    KeyringSecretStore,
    allowed_backend,
    open_secret_store,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


class PlainFile(keyring.backend.KeyringBackend):
    """Stands for a backend that somebody else installed."""

    priority = 9

    def get_password(self, service: str, username: str) -> str | None:  # noqa: ARG002
        raise AssertionError("never asked")

    def set_password(self, service: str, username: str, password: str) -> None:  # noqa: ARG002
        raise AssertionError("never asked")


def new(backend: Callable[..., Any]) -> Any:
    """An instance of a class without annotations."""
    return backend()


@pytest.mark.skipif(sys.platform == "win32", reason="file modes")
def test_the_file_keeps_secrets_privately(tmp_path: Path) -> None:
    store = FileSecretStore(tmp_path / "secrets")
    assert store.get("pin") is None
    store.set("pin", Secret("12-34-ü"))
    store.set("binary", Secret(b"\xff\x00"))
    assert store.get("pin") == Secret("12-34-ü")
    assert FileSecretStore(tmp_path / "secrets").get("binary") == Secret(b"\xff\x00")
    assert stat.S_IMODE((tmp_path / "secrets").stat().st_mode) == 0o700
    assert stat.S_IMODE(store.path.stat().st_mode) == 0o600
    store.delete("pin")
    store.delete("never there")
    assert store.get("pin") is None
    assert store.is_file
    assert str(store.path) in store.description
    leftovers = {path.name for path in (tmp_path / "secrets").iterdir()}
    assert leftovers <= {"secrets.json", ".lock"}


@pytest.mark.skipif(sys.platform == "win32", reason="file modes")
@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660])
def test_a_file_that_others_can_read_is_not_used(tmp_path: Path, mode: int) -> None:
    store = FileSecretStore(tmp_path / "secrets")
    store.set("pin", Secret("1234"))
    store.path.chmod(mode)
    with pytest.raises(SecretUnavailable) as caught:
        store.get("pin")
    assert "chmod 600" in caught.value.remedy
    with pytest.raises(SecretUnavailable):
        store.set("other", Secret("5678"))
    store.path.chmod(0o600)
    assert store.get("pin") == Secret("1234")


@pytest.mark.parametrize("content", [b"", b"{", b'{"secrets": 3}', b'{"secrets": {"pin": "%%"}}'])
def test_a_damaged_file_is_said_and_left_alone(tmp_path: Path, content: bytes) -> None:
    store = FileSecretStore(tmp_path / "secrets")
    store.set("pin", Secret("1234"))
    store.path.write_bytes(content)
    with pytest.raises(SecretUnavailable):
        store.get("pin")
    assert store.path.read_bytes() == content


def test_two_stores_on_one_file_lose_nothing(tmp_path: Path) -> None:
    one, two = FileSecretStore(tmp_path / "secrets"), FileSecretStore(tmp_path / "secrets")
    for number in range(5):
        one.set(f"one {number}", Secret(str(number)))
        two.set(f"two {number}", Secret(str(number)))
    for number in range(5):
        assert two.get(f"one {number}") == one.get(f"two {number}") == Secret(str(number))


# --- which store ------------------------------------------------------------------------------


def test_without_a_keyring_the_file_is_taken(tmp_path: Path) -> None:
    assert open_secret_store(tmp_path).is_file


def test_only_the_systems_own_keyrings_are_allowed() -> None:
    class Derived(SecretService.Keyring):
        """Derived from an allowed class, and another for that."""

    assert allowed_backend(new(PlainFile)) is None
    assert allowed_backend(new(keyring.backends.fail.Keyring)) is None
    assert allowed_backend(new(Derived)) is None
    service = new(SecretService.Keyring)
    assert allowed_backend(service) is service


def test_a_chain_is_taken_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    service = new(SecretService.Keyring)
    chain = new(ChainerBackend)
    monkeypatch.setattr(ChainerBackend, "backends", [new(PlainFile), service])
    assert allowed_backend(chain) is service
    monkeypatch.setattr(ChainerBackend, "backends", [new(PlainFile)])
    assert allowed_backend(chain) is None


def test_a_keyring_that_is_not_allowed_is_never_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keyring, "get_keyring", PlainFile)
    assert open_secret_store(tmp_path).is_file


def test_a_keyring_that_does_not_answer_is_replaced_by_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # There is no session bus in a test, so the real backend fails as on a server.
    monkeypatch.setattr(keyring, "get_keyring", SecretService.Keyring)
    monkeypatch.setenv("DBUS_SESSION_BUS_ADDRESS", f"unix:path={tmp_path}/no-bus")
    assert open_secret_store(tmp_path).is_file
    with pytest.raises(SecretUnavailable):
        KeyringSecretStore(new(SecretService.Keyring), tmp_path).get("pin")


def test_a_keyring_keeps_secrets_under_the_home(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept: dict[tuple[str, str], str] = {}

    def get_password(_self: object, service: str, username: str) -> str | None:
        return kept.get((service, username))

    def set_password(_self: object, service: str, username: str, password: str) -> None:
        kept[service, username] = password

    def delete_password(_self: object, service: str, username: str) -> None:
        if (service, username) not in kept:
            raise keyring.errors.PasswordDeleteError("none")
        del kept[service, username]

    monkeypatch.setattr(keyring, "get_keyring", SecretService.Keyring)
    monkeypatch.setattr(SecretService.Keyring, "get_password", get_password)
    monkeypatch.setattr(SecretService.Keyring, "set_password", set_password)
    monkeypatch.setattr(SecretService.Keyring, "delete_password", delete_password)
    store = open_secret_store(tmp_path)
    assert not store.is_file
    assert store.description == "Secret Service keyring"
    store.set("pin", Secret("1234"))
    assert store.get("pin") == Secret("1234")
    assert list(kept) == [(f"sealkeeper:{tmp_path}", "pin")]
    store.delete("pin")
    store.delete("pin")
    assert store.get("pin") is None
    # A home that has begun with the file stays with it, and so does one that is told to.
    monkeypatch.setenv("SEALKEEPER_SECRETS", "file")
    assert open_secret_store(tmp_path).is_file
    monkeypatch.delenv("SEALKEEPER_SECRETS")
    FileSecretStore(tmp_path / "secrets").set("pin", Secret("5678"))
    assert open_secret_store(tmp_path).is_file
    assert os.environ.get("SEALKEEPER_SECRETS") is None

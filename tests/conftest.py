"""Settings of every test: no window on a screen, no keyring and no home but its own."""

import os

# Before anything imports Qt; `make screenshots` names a real platform.
os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
# Before anything imports keyring: secrets of a test never reach a real keyring.
os.environ["PYTHON_KEYRING_BACKEND"] = "keyring.backends.fail.Keyring"

from pathlib import Path

import pytest
from hypothesis import settings

# A busy machine is no failure, and a failure on one machine is the same on the next.
settings.register_profile("sealkeeper", deadline=None, derandomize=True, max_examples=50)
settings.load_profile("sealkeeper")


@pytest.fixture(autouse=True)
def _private_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep what a test leaves to its defaults away from the state of the person who runs it."""
    monkeypatch.setenv("SEALKEEPER_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.delenv("DBUS_SESSION_BUS_ADDRESS", raising=False)

"""The bootstrap installs what is missing, once, and says what it cannot install."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

SCRIPT = Path(__file__).resolve().parents[2] / "packaging" / "bootstrap.py"


@pytest.fixture
def bootstrap() -> ModuleType:
    """The script, imported anew for each test."""
    specification = importlib.util.spec_from_file_location("bootstrap", SCRIPT)
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    sys.modules["bootstrap"] = module
    specification.loader.exec_module(module)
    del sys.modules["bootstrap"]
    return module


@pytest.fixture
def checkout(bootstrap: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout with nothing but what the stamp depends on, made the script's own."""
    for name in ("packaging", "app", ".venv"):
        (tmp_path / name).mkdir()
    for name in ("packaging/requirements.lock", "packaging/requirements-dev.lock"):
        (tmp_path / name).write_text(name)
    (tmp_path / "pyproject.toml").write_text("")
    (tmp_path / "app" / "__init__.py").write_text("")
    monkeypatch.setattr(bootstrap, "ROOT", tmp_path)
    monkeypatch.setattr(bootstrap, "VENV", tmp_path / ".venv")
    return tmp_path


def install_tool(folder: Path, name: str, script: str) -> None:
    """Put an executable shell script of that name into a folder."""
    folder.mkdir(exist_ok=True)
    tool = folder / name
    tool.write_text(f"#!/bin/sh\n{script}\n")
    tool.chmod(0o755)


def test_only_packages_that_are_not_installed_are_missing(
    bootstrap: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    states = [f"installed:{name}" for name in bootstrap.APT.run if name != "softhsm2"]
    states.remove("installed:libglib2.0-0")
    states += ["installed:libglib2.0-0t64", "config-files:softhsm2"]
    install_tool(tmp_path / "bin", "dpkg-query", f"printf '%s\\n' {' '.join(states)}; exit 1")
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")

    assert bootstrap.APT.missing("run") == ["softhsm2"]
    assert bootstrap.APT.missing("dev") == ["softhsm2", *bootstrap.APT.dev]


def test_a_level_is_current_until_its_lock_changes(bootstrap: ModuleType, checkout: Path) -> None:
    assert not bootstrap.is_current("run")
    bootstrap.stamp_file("run").write_text(bootstrap.stamp("run"))
    assert bootstrap.is_current("run")
    assert not bootstrap.is_current("dev")

    (checkout / "packaging" / "requirements.lock").write_text("something newer")

    assert not bootstrap.is_current("run")


def test_development_includes_what_runs(bootstrap: ModuleType, checkout: Path) -> None:
    assert checkout.is_dir()
    bootstrap.stamp_file("dev").write_text(bootstrap.stamp("dev"))

    assert bootstrap.is_current("run")


def test_a_moved_checkout_gets_a_new_environment(
    bootstrap: ModuleType, checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bootstrap.stamp_file("run").write_text(bootstrap.stamp("run"))
    moved = checkout / "moved"
    (checkout / ".venv").rename(moved)
    monkeypatch.setattr(bootstrap, "VENV", moved)

    assert bootstrap.stamp_file("run").exists()
    assert not bootstrap.is_current("run")


def test_without_root_the_missing_packages_are_named_once(
    bootstrap: ModuleType,
    checkout: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    tools = checkout / "bin"
    install_tool(tools, "dpkg-query", "exit 1")
    install_tool(tools, "apt-get", 'test "$2" = download && touch libsofthsm2_1_amd64.deb')
    unpack = 'mkdir -p "$3/usr/lib/softhsm" && touch "$3/usr/lib/softhsm/libsofthsm2.so"'
    install_tool(tools, "dpkg", f'test "$1" = -x && {unpack}')
    for name in ("sh", "mkdir", "touch"):
        (tools / name).symlink_to(Path("/usr/bin") / name)
    monkeypatch.setenv("PATH", str(tools))
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setattr(bootstrap, "LOCAL", checkout / ".local")
    token = checkout / ".local" / "usr" / "lib" / "softhsm" / "libsofthsm2.so"
    monkeypatch.setattr(bootstrap, "SOFT_TOKEN", token)

    bootstrap.set_up_system("run")

    assert token.exists()
    messages = capfd.readouterr().err.splitlines()
    assert len(messages) == 2
    assert messages[0].startswith("setup: these system packages are missing")
    assert "softhsm2" in messages[0]


def test_a_failed_command_is_named(bootstrap: ModuleType) -> None:
    with pytest.raises(bootstrap.SetupError, match=r"`false` failed with exit status 1"):
        bootstrap.execute("false")


def test_a_wrong_level_is_a_usage_error() -> None:
    result = subprocess.run(
        [sys.executable, SCRIPT, "everything"], capture_output=True, text=True, check=False
    )

    assert result.returncode == 2
    assert "usage" in result.stderr

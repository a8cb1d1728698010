"""The import contracts hold, and each of them refuses what it is there to refuse."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LINT = Path(sys.executable).parent / "lint-imports"


def lint(folder: Path, contract: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [LINT, "--no-cache", "--contract", contract],
        cwd=folder,
        env={"PYTHONPATH": str(folder), "PATH": "/usr/bin:/bin", "COLUMNS": "200"},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy of the checkout's code and contracts that a test may spoil."""
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "app", tmp_path / "app", ignore=ignored)
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("contract", "module", "imports"),
    [
        ("layers", "domain", "app.pki"),
        ("layers", "services", "app.host"),
        ("layers", "store", "app.services"),
        ("layers", "host", "app.gui"),
        ("layers", "cli", "app.gui"),
        ("row", "hsm", "app.store"),
        ("row", "pki", "app.ocsp"),
        ("row", "http", "app.ocsp"),
        ("qt", "services", "PySide6.QtCore"),
        ("sql", "services", "sqlalchemy"),
        ("sql", "host", "sqlite3"),
        ("pkcs11", "services", "PyKCS11"),
        ("pkcs11", "hsm", "PyKCS11"),
        ("pure", "pki", "socket"),
        ("pure", "pki", "time"),
        ("pure", "pki", "pathlib"),
        ("domain", "domain", "socket"),
    ],
)
def test_a_forbidden_import_breaks_its_contract(
    copy: Path, contract: str, module: str, imports: str
) -> None:
    (copy / "app" / module / "intruder.py").write_text(f"import {imports}\n")

    result = lint(copy, contract)

    assert result.returncode == 1, result.stdout + result.stderr
    assert f"app.{module}.intruder" in result.stdout


def test_a_package_without_a_layer_is_refused(copy: Path) -> None:
    (copy / "app" / "helpers.py").write_text("")

    result = lint(copy, "layers")

    assert result.returncode == 1
    assert "app.helpers" in result.stdout


def test_the_responder_may_use_pki(copy: Path) -> None:
    (copy / "app" / "ocsp" / "intruder.py").write_text("import app.pki\n")

    result = lint(copy, "row")

    assert result.returncode == 0, result.stdout + result.stderr

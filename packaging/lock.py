"""Write the locks of the direct and indirect dependencies: exact versions with hashes.

The locks hold for every platform and every Python that the project supports, and name no index.
The tool that resolves them lives in an environment of its own below `.local`.
"""

from __future__ import annotations

import subprocess
import sys
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TOOL = ROOT / ".local" / "lock"
GROUPS = {"requirements.lock": "build", "requirements-dev.lock": "dev"}
OPTIONS = (
    "--quiet",
    "--universal",
    "--python-version=3.11",
    "--upgrade",
    "--generate-hashes",
    "--no-emit-index-url",
    "--no-annotate",
    "--no-header",
    "--no-cache",
)


def main() -> None:
    """Resolve both locks anew with the newest versions that pyproject.toml allows."""
    if not (TOOL / "bin" / "uv").exists():
        venv.create(TOOL, with_pip=True)
        pip = ["-m", "pip", "install", "-qq", "--no-cache-dir", "uv"]
        subprocess.run([TOOL / "bin" / "python", *pip], check=True, cwd=ROOT)
    for name, group in GROUPS.items():
        selection = ["pyproject.toml", f"--group={group}", f"--output-file=packaging/{name}"]
        compile_lock = ["pip", "compile", *OPTIONS, *selection]
        subprocess.run([TOOL / "bin" / "uv", *compile_lock], check=True, cwd=ROOT)
        print(f"packaging/{name} is written", file=sys.stderr)


if __name__ == "__main__":
    main()

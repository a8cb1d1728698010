"""Configuration files of Luna clients, written after the published documentation."""

from __future__ import annotations

from pathlib import Path

FOLDER = Path(__file__).parent
SAMPLES = tuple(sorted(path for path in FOLDER.iterdir() if path.suffix in {".conf", ".ini"}))


def sample(name: str) -> bytes:
    """A sample's content; the Windows ones with Windows' line ends."""
    data = (FOLDER / name).read_bytes().replace(b"\r\n", b"\n")
    return data.replace(b"\n", b"\r\n") if name.endswith(".ini") else data

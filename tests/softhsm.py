"""A SoftHSM token in a folder of its own, for every test that needs a real PKCS#11 token."""

from __future__ import annotations

import os
import re
import secrets
import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from app.domain.keys import TokenIdentity
from app.domain.secret import Secret
from app.domain.tokens import LibrarySpec

ROOT = Path(__file__).resolve().parent.parent
LIBRARY_PLACES = (
    ("/usr/lib/softhsm", "libsofthsm2.so"),
    ("/usr/lib", "*/softhsm/libsofthsm2.so"),
    ("/usr/lib64", "softhsm/libsofthsm2.so"),
    ("/usr/local/lib", "softhsm/libsofthsm2.so"),
    ("/opt/homebrew/lib", "softhsm/libsofthsm2.so"),
    (str(ROOT / ".local"), "**/libsofthsm2.so"),
)
CONFIGURATION = """\
directories.tokendir = {folder}
objectstore.backend = file
log.level = ERROR
slots.removable = false
"""


def find_library() -> Path | None:
    """The first SoftHSM library of the places where packages put it."""
    for folder, pattern in LIBRARY_PLACES:
        for path in sorted(Path(folder).glob(pattern)):
            return path
    return None


def find_tool() -> str | None:
    """`softhsm2-util`, from the system or unpacked below `.local`."""
    found = shutil.which("softhsm2-util")
    if found:
        return found
    for path in sorted((ROOT / ".local").glob("**/softhsm2-util")):
        return str(path)
    return None


@dataclass(frozen=True)
class SoftHsm:
    """One SoftHSM installation with one initialised token.

    Attributes:
        spec: how to load it; carries its own SOFTHSM2_CONF.
        library: the library's file.
        conf: its configuration file.
        token: the token that was initialised at first.
        user_pin / so_pin: of all its tokens.
    """

    spec: LibrarySpec
    library: Path
    conf: Path
    token: TokenIdentity
    user_pin: Secret
    so_pin: Secret
    tool: str = field(repr=False)

    @property
    def environment(self) -> dict[str, str]:
        """This process's environment with SOFTHSM2_CONF, for judges such as pkcs11-tool."""
        return {**os.environ, "SOFTHSM2_CONF": str(self.conf)}

    def new_token(self, label: str) -> TokenIdentity:
        """Initialise one more token; a library that is loaded already sees it after a restart."""
        return _initialise(self.tool, self.conf, label, self.so_pin, self.user_pin)


def _initialise(
    tool: str, conf: Path, label: str, so_pin: Secret, user_pin: Secret
) -> TokenIdentity:
    environment = {**os.environ, "SOFTHSM2_CONF": str(conf)}

    def run(*arguments: str) -> str:
        done = subprocess.run(
            [tool, *arguments], env=environment, capture_output=True, text=True, check=True
        )
        return done.stdout

    pins = ("--so-pin", so_pin.reveal().decode(), "--pin", user_pin.reveal().decode())
    run("--init-token", "--free", "--label", label, *pins)
    slots = run("--show-slots")
    found = re.findall(
        r"Serial number:\s*(\S+)(?:(?!Serial number:).)*?Label:\s*(.*?)\s*$",
        slots,
        re.DOTALL | re.MULTILINE,
    )
    serial = next(serial for serial, name in found if name == label)
    return TokenIdentity(serial=serial, label=label)


def make_softhsm(folder: Path, label: str = "Sealkeeper Test") -> SoftHsm:
    """A new SoftHSM home below `folder` with one token.

    Raises:
        pytest.fail.Exception: SoftHSM is not installed; no test is silently left out.
    """
    library, tool = find_library(), find_tool()
    if library is None or tool is None:
        pytest.fail("SoftHSM is not installed: run `make setup`")
    tokens = folder / "tokens"
    tokens.mkdir(parents=True)
    conf = folder / "softhsm2.conf"
    conf.write_text(CONFIGURATION.format(folder=tokens))
    user_pin = Secret(f"user-{secrets.token_hex(6)}")
    so_pin = Secret(f"so-{secrets.token_hex(6)}")
    return SoftHsm(
        spec=LibrarySpec(path=str(library), environment=(("SOFTHSM2_CONF", str(conf)),)),
        library=library,
        conf=conf,
        token=_initialise(tool, conf, label, so_pin, user_pin),
        user_pin=user_pin,
        so_pin=so_pin,
        tool=tool,
    )


@pytest.fixture
def softhsm(tmp_path: Path) -> SoftHsm:
    """A SoftHSM with one token, new for the test."""
    return make_softhsm(tmp_path / "softhsm")

"""Install what the checkout needs and lacks: `bootstrap.py run` or `bootstrap.py dev`.

Standard library only, since it runs before anything is installed. Changes system packages,
`.venv` and `.local`, and nothing else; says nothing when there is nothing to do. All messages go
to standard error, so that the command that follows has standard output for itself.
"""

from __future__ import annotations

import fcntl
import hashlib
import importlib.util
import os
import shlex
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
LOCAL = ROOT / ".local"
OLDEST_PYTHON = (3, 11)
LOCKS = {"run": "requirements.lock", "dev": "requirements-dev.lock"}
SOFT_TOKEN = LOCAL / "usr" / "lib" / "softhsm" / "libsofthsm2.so"


class SetupError(Exception):
    """Setting up cannot go on; the message is one sentence for the person who waits."""


@dataclass(frozen=True)
class System:
    """How one family of systems names, lists and installs its packages."""

    run: tuple[str, ...]
    dev: tuple[str, ...]
    venv: str
    query: tuple[str, ...]
    refresh: tuple[str, ...]
    install: tuple[str, ...]

    def missing(self, level: str) -> list[str]:
        """Return the packages that a level needs and that are not installed."""
        wanted = [*self.run, *(self.dev if level == "dev" else ())]
        if importlib.util.find_spec("ensurepip") is None:
            wanted.insert(0, self.venv)
        # Debian 13 and Ubuntu 24.04 renamed some libraries: the old name with t64 at its end.
        names = [*wanted, *(f"{name}t64" for name in wanted)]
        query = [*self.query, *names]
        answer = subprocess.run(query, capture_output=True, text=True, check=False)
        installed = set(answer.stdout.split())
        return [
            name for name in wanted if not {f"installed:{name}", f"installed:{name}t64"} & installed
        ]


APT = System(
    run=(
        "ca-certificates",
        "fonts-dejavu-core",
        "libdbus-1-3",
        "libegl1",
        "libfontconfig1",
        "libgl1",
        "libglib2.0-0",
        "libxcb-cursor0",
        "libxcb-icccm4",
        "libxcb-image0",
        "libxcb-keysyms1",
        "libxcb-randr0",
        "libxcb-render-util0",
        "libxcb-shape0",
        "libxcb-sync1",
        "libxcb-xfixes0",
        "libxcb-xkb1",
        "libxkbcommon-x11-0",
        "openssl",
        "softhsm2",
    ),
    dev=(
        "gcc",
        "gnutls-bin",
        "libc6-dev",
        "libnss3",
        "libnss3-tools",
        "opencryptoki",
        "opensc",
        "xauth",
        "xvfb",
    ),
    venv="python3-venv",
    query=("dpkg-query", "-W", "-f", "${db:Status-Status}:${Package}\n"),
    refresh=("apt-get", "-qq", "update"),
    install=(
        "env",
        "DEBIAN_FRONTEND=noninteractive",
        "apt-get",
        "-qq",
        "-o=Dpkg::Use-Pty=0",
        "install",
        "--yes",
        "--no-install-recommends",
    ),
)
DNF = System(
    run=(
        "ca-certificates",
        "dbus-libs",
        "dejavu-sans-fonts",
        "fontconfig",
        "glib2",
        "libxcb",
        "libxkbcommon-x11",
        "mesa-libEGL",
        "mesa-libGL",
        "openssl",
        "softhsm",
        "xcb-util-cursor",
        "xcb-util-image",
        "xcb-util-keysyms",
        "xcb-util-renderutil",
        "xcb-util-wm",
    ),
    dev=(
        "gcc",
        "glibc-devel",
        "gnutls-utils",
        "nss",
        "nss-tools",
        "opencryptoki",
        "opensc",
        "xorg-x11-server-Xvfb",
        "xorg-x11-xauth",
    ),
    venv="python3-libs",
    query=("rpm", "-q", "--queryformat", "installed:%{NAME}\n"),
    refresh=("dnf", "-q", "makecache"),
    install=("dnf", "-q", "install", "-y", "--setopt=install_weak_deps=False"),
)


def say(message: str) -> None:
    """Print one line for the person who waits."""
    print(f"setup: {message}", file=sys.stderr, flush=True)


def execute(*command: str | Path, folder: Path = ROOT) -> None:
    """Run a command with all its output on standard error.

    Raises:
        SetupError: it failed; what it printed stands above the message.
    """
    words = [str(word) for word in command]
    status = subprocess.run(words, check=False, cwd=folder, stdout=sys.stderr).returncode
    if status != 0:
        raise SetupError(f"`{shlex.join(words)}` failed with exit status {status}.")


def this_system() -> System | None:
    """Return how packages are installed here, or None where only the user can do it."""
    if shutil.which("apt-get") and shutil.which("dpkg-query"):
        return APT
    if shutil.which("dnf") and shutil.which("rpm"):
        return DNF
    return None


def elevation() -> list[str] | None:
    """Return what runs a command as root: nothing for root, sudo where it may be used, or None."""
    if os.geteuid() == 0:
        return []
    if shutil.which("sudo") is None:
        return None
    silent = subprocess.run(["sudo", "-n", "true"], capture_output=True, check=False)
    return ["sudo"] if silent.returncode == 0 or sys.stdin.isatty() else None


def unpack_soft_token() -> None:
    """Unpack the soft token's package below `.local`, where it cannot be installed.

    Raises:
        SetupError: the package cannot be fetched or unpacked.
    """
    if SOFT_TOKEN.exists():
        return
    say("unpacking the soft token below .local")
    downloads = LOCAL / "packages"
    downloads.mkdir(parents=True, exist_ok=True)
    execute("apt-get", "-qq", "download", "libsofthsm2", folder=downloads)
    for package in downloads.glob("libsofthsm2_*.deb"):
        execute("dpkg", "-x", package, LOCAL)


def set_up_system(level: str) -> None:
    """Install the missing system packages, or say in one sentence which ones are missing.

    Raises:
        SetupError: the package manager failed.
    """
    system = this_system()
    if system is None:
        return
    names = system.missing(level)
    if not names:
        return
    prefix = elevation()
    if prefix is not None:
        say(f"installing system packages: {' '.join(names)}")
        execute(*prefix, *system.refresh)
        execute(*prefix, *system.install, *names)
        return
    say(f"these system packages are missing, and only root can install them: {' '.join(names)}.")
    if "softhsm2" in names:
        try:
            unpack_soft_token()
        except SetupError as error:
            say(f"there will be no soft token: {error}")


def environment_id() -> str:
    """Return what a virtual environment is bound to: its place and its Python."""
    return f"{VENV} {sys.version_info[:3]} {sys.base_prefix}"


def lock_file(level: str) -> Path:
    """Return the lock of a level."""
    return ROOT / "packaging" / LOCKS[level]


def stamp(level: str) -> str:
    """Return the content of a level's stamp file: it changes when there is something to install."""
    digest = hashlib.sha256()
    for path in (lock_file(level), ROOT / "pyproject.toml", ROOT / "app" / "__init__.py"):
        digest.update(path.read_bytes())
    return f"{environment_id()}\n{digest.hexdigest()}\n"


def stamp_file(level: str) -> Path:
    """Return where a level's stamp is kept."""
    return VENV / f".stamp-{level}"


def is_current(level: str) -> bool:
    """Tell whether the virtual environment has all that a level locks (`dev` includes `run`)."""
    return any(
        stamp_file(name).exists() and stamp_file(name).read_text() == stamp(name)
        for name in {level, "dev"}
    )


def create_environment() -> None:
    """Create `.venv`, anew where it belongs to another place or another Python.

    Raises:
        SetupError: Python could not make it.
    """
    note = VENV / ".made-by"
    if note.exists() and note.read_text() == environment_id():
        return
    if importlib.util.find_spec("ensurepip") is None:
        raise SetupError(f"{sys.executable} cannot make a virtual environment without ensurepip.")
    say("creating .venv")
    execute(sys.executable, "-m", "venv", "--clear", VENV)
    note.write_text(environment_id())


def set_up_python(level: str) -> None:
    """Install the locked packages and the project itself, editable, into `.venv`.

    Raises:
        SetupError: a package could not be installed.
    """
    if is_current(level):
        return
    create_environment()
    say(f"installing Python packages from packaging/{LOCKS[level]}")
    # The cache would lie outside the checkout; twice -q keeps errors only.
    pip = (VENV / "bin" / "python", "-m", "pip", "install", "-qq", "--no-cache-dir")
    execute(*pip, "--disable-pip-version-check", "--require-hashes", "-r", lock_file(level))
    # hatchling is locked too, so the project is built without fetching anything else.
    execute(*pip, "--no-deps", "--no-build-isolation", "--no-index", "--editable", ROOT)
    stamp_file(level).write_text(stamp(level))


def main(arguments: list[str]) -> int:
    """Set up for `run` or `dev`; return the exit status."""
    if len(arguments) != 1 or arguments[0] not in LOCKS:
        say(f"usage: bootstrap.py {'|'.join(LOCKS)}")
        return 2
    if sys.version_info < OLDEST_PYTHON:
        say("Python 3.11 or later is needed: name one with `make PYTHON=/path/to/python3 …`.")
        return 1
    LOCAL.mkdir(exist_ok=True)
    with LOCAL.joinpath("setup.lock").open("w") as lock:
        # Two commands started side by side must not install into one environment at once.
        fcntl.flock(lock, fcntl.LOCK_EX)
        try:
            set_up_system(arguments[0])
            set_up_python(arguments[0])
        except SetupError as error:
            say(str(error))
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

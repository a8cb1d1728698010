"""What the operating system says of this machine and of the account that runs the program."""

from __future__ import annotations

import getpass
import os
import socket
import sys

DEFAULT_DOMAIN = "LOCAL"


def local_host_name() -> str:
    """This machine's short name, upper case."""
    return _label(socket.gethostname(), 0) or "LOCALHOST"


def default_domain_name() -> str:
    """The first label of the domain that the machine's name carries, upper case, else `LOCAL`.

    Only the name itself is looked at: asking the resolver could block, and the answer would change
    with the network.
    """
    return _label(socket.gethostname(), 1) or DEFAULT_DOMAIN


def current_user_name() -> str:
    """The name of the account that this process runs as; `uid-<number>` where it has none."""
    if sys.platform == "win32":
        return getpass.getuser()
    # Not getpass: it believes the environment before it asks the system.
    import pwd  # noqa: PLC0415 - there is none on Windows

    identity = os.geteuid()
    try:
        return pwd.getpwuid(identity).pw_name
    except KeyError:
        return f"uid-{identity}"


def _label(name: str, position: int) -> str:
    labels = [label for label in name.strip(".").split(".") if label]
    return labels[position].upper() if len(labels) > position else ""

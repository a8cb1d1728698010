"""Composition root: wires store, providers and services; opens the console or runs a command."""

from __future__ import annotations

import logging
import os
import sys
from contextlib import ExitStack
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from app.domain.principals import Principal
    from app.services.backend import Backend
    from app.store.database import Database


def open_backend(home: Path) -> Backend:
    """Open a home: its database, its secrets and the services over them.

    Nothing is started: isolation processes begin with the first call to a library.

    Raises:
        HomeUnusable: the folder cannot be used, or its database is newer than this program.
    """
    # Imported here: every spawned child starts from `python -m app` and must stay light.
    from app.directory.host import (
        current_user_name,
        default_domain_name,
        local_host_name,
    )
    from app.directory.local import LocalDirectory
    from app.domain.clock import SystemClock
    from app.hsm.isolation import KeyIsolation
    from app.hsm.secret_store import open_secret_store
    from app.hsm.software import SoftwareKeyProvider
    from app.services.wiring import Parts, wire
    from app.store.database import open_database

    clock = SystemClock()
    with ExitStack() as stack:
        database = open_database(home, clock)
        stack.callback(database.close)
        isolation = KeyIsolation()
        stack.callback(isolation.close)
        secrets = open_secret_store(home)
        software = SoftwareKeyProvider(home / "keys", secrets)
        stack.callback(software.close)

        def added_principals() -> tuple[Principal, ...]:
            with database.read() as tx:
                return tx.principals.all()

        host, domain = _kept_names(database, local_host_name(), default_domain_name())
        directory = LocalDirectory(host, domain, current_user_name(), added_principals)
        parts = Parts(home, clock, database, directory, isolation, secrets, software)
        backend = wire(parts, stack.pop_all())
    backend.templates.install_builtin()
    return backend


def _kept_names(database: Database, host: str, domain: str) -> tuple[str, str]:
    """The names of host and directory as they were when the home was made.

    Permissions and template OIDs refer to them, so a renamed machine must not change them.
    """
    with database.read() as tx:
        kept = (tx.settings.get("directory.host"), tx.settings.get("directory.domain"))
    if kept[0] is None or kept[1] is None:
        with database.write() as tx:
            tx.settings.set("directory.host", host)
            tx.settings.set("directory.domain", domain)
        return host, domain
    return kept[0], kept[1]


def run_console(home: Path) -> int:
    """Open the console on a home; returns when its window is closed."""
    from app.gui.console import run
    from app.host.control import HostController

    return run(home, open_backend, HostController)


def main(arguments: list[str] | None = None) -> None:
    """Entry point of the command line; without a command it opens the console."""
    from app.cli.entry import run

    _open_standard_streams()
    _log_to_standard_error()
    given = sys.argv[1:] if arguments is None else arguments
    sys.exit(run(given, open_backend, run_console))


def console() -> None:
    """Entry point of the desktop's menu."""
    main(["console", *sys.argv[1:]])


def _open_standard_streams() -> None:
    """Give the null device to streams that whoever started this program closed (`<&-`).

    Otherwise the next files that are opened, the database's or a child's, would take their numbers.
    """
    for number, name, mode in ((0, "stdin", "r"), (1, "stdout", "w"), (2, "stderr", "w")):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # the lowest number that is free is this one
            os.set_inheritable(number, True)
            setattr(sys, name, os.fdopen(number, mode, closefd=False))


def _log_to_standard_error() -> None:
    """Standard output belongs to results; SEALKEEPER_LOG names the lowest level that is shown."""
    import structlog

    level = logging.getLevelNamesMapping().get(os.environ.get("SEALKEEPER_LOG", "").upper())
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(level or logging.WARNING),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )

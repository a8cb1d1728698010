"""Leases of processes that end without giving them back."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from datetime import timedelta
from typing import TYPE_CHECKING

from app.domain.clock import SystemClock
from app.store.database import open_database
from app.store.presence import PRESENCE_FOLDER

if TYPE_CHECKING:
    from pathlib import Path

LONG = timedelta(hours=1)
# Takes a lease and keeps it until it is killed.
HOLDER = """
import sys
from datetime import timedelta
from pathlib import Path
from app.domain.clock import SystemClock
from app.store.database import open_database
database = open_database(Path(sys.argv[1]), SystemClock())
with database.write() as tx:
    assert tx.leases.acquire("job", database.holder, timedelta(hours=1))
print("held", flush=True)
sys.stdin.read()
"""


def test_the_lease_of_a_killed_process_is_free_at_once(tmp_path: Path) -> None:
    database = open_database(tmp_path, SystemClock())
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == b"held\n"
    with database.write() as tx:
        assert not tx.leases.acquire("job", database.holder, LONG)
        assert f"process {process.pid} " in (tx.leases.holder("job") or "")
    process.send_signal(signal.SIGKILL)
    process.communicate()
    with database.write() as tx:
        assert tx.leases.holder("job") is None
        assert tx.leases.acquire("job", database.holder, LONG)
    database.close()
    assert list((tmp_path / PRESENCE_FOLDER).iterdir()) == []


def test_two_of_one_process_do_not_take_each_others_leases(tmp_path: Path) -> None:
    one, other = open_database(tmp_path, SystemClock()), open_database(tmp_path, SystemClock())
    with one.write() as tx:
        assert tx.leases.acquire("job", one.holder, LONG)
    with other.write() as tx:
        assert tx.leases.holder("job") == one.holder
        assert not tx.leases.acquire("job", other.holder, LONG)
    one.close()
    with other.write() as tx:
        assert tx.leases.acquire("job", other.holder, LONG)
    other.close()


def test_the_mark_is_for_this_account_alone(tmp_path: Path) -> None:
    database = open_database(tmp_path / "home", SystemClock())
    old = os.umask(0)
    try:
        assert database.holder
    finally:
        os.umask(old)
    folder = tmp_path / "home" / PRESENCE_FOLDER
    modes = [path.stat().st_mode & 0o777 for path in (folder, *folder.iterdir())]
    assert modes == [0o700, 0o600]
    database.close()

"""Keeps the libraries that this process uses to what is set: disabled, logged, loaded anew."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

import structlog

from app.domain.errors import SealkeeperError
from app.domain.events import Entity
from app.domain.keys import TokenIdentity
from app.domain.libraries import Library
from app.services.security_library.key_access import disabled_refusal

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    from app.domain.events import Change, Subscription
    from app.domain.ids import LibraryId
    from app.domain.tokens import LibrarySpec
    from app.hsm.isolation import IsolatedLibrary, KeyIsolation
    from app.store.database import Database, Transaction

log = structlog.get_logger(__name__)

LOG_FOLDER = "logs"


class LibraryLoading:
    """Applies what any process decides about a library to the one that is loaded here.

    It follows the change feed from the first library on that this process uses. May be used from
    any thread but the GUI's.
    """

    def __init__(self, database: Database, isolation: KeyIsolation, home: Path) -> None:
        self._database = database
        self._isolation = isolation
        self._home = home
        self._lock = threading.Lock()
        self._in_use: dict[LibrarySpec, _InUse] = {}
        self._subscription: Subscription | None = None

    def prepare(self, isolated: IsolatedLibrary) -> None:
        """Bring a library that was not used here yet to its settings; called by the isolation."""
        known = _InUse(isolated)
        with known.lock:
            with self._lock:
                if self._subscription is None:
                    self._subscription = self._database.feed.subscribe(self._changed)
                self._in_use[isolated.spec] = known
            settings = self._settings(isolated.spec)
            if settings is None:
                with self._lock:
                    del self._in_use[isolated.spec]
                return
            known.reloaded = settings.reloaded
            self._set(known, settings)

    def apply(self) -> None:
        """Bring every library that is used here to what the database says now.

        Raises:
            KeyStorageError: the call log of one cannot be written; the others are served first.
        """
        with self._lock:
            in_use = tuple(self._in_use.values())
        refusal: SealkeeperError | None = None
        for known in in_use:
            try:
                self._bring(known)
            except SealkeeperError as error:
                refusal = error
        if refusal is not None:
            raise refusal

    def _bring(self, known: _InUse) -> None:
        # Each under a lock of its own: one that hangs while it is loaded keeps nobody else.
        spec = known.isolated.spec
        with known.lock:
            settings = self._settings(spec)
            if settings is not None:
                self._set(known, settings)
                return
        with self._lock:
            self._in_use.pop(spec, None)
        self._isolation.forget(spec)

    def _settings(self, spec: LibrarySpec) -> _Settings | None:
        """What the database says of a library now; None when it is not loaded that way any more."""
        with self._database.read() as tx:
            library = tx.libraries.by_path(spec.path)
            if library is None or library.spec != spec:
                return None
            lanes = {
                token: settings.lanes
                for library_id, token, settings in tx.token_settings.all()
                if library_id == library.id
            }
            return _Settings(library, lanes, reloaded_at(tx, library.id))

    def log_file(self, library_id: LibraryId) -> Path:
        """Where the call log of a library is written, whether it is on or off."""
        return self._home / LOG_FOLDER / f"pkcs11-{library_id}.log"

    def _set(self, known: _InUse, settings: _Settings) -> None:
        library = settings.library
        if library.disabled_at != known.disabled_at:
            barred = library.disabled_at is not None
            known.isolated.bar((lambda: disabled_refusal(library)) if barred else None)
            known.disabled_at = library.disabled_at
        for token, lanes in settings.lanes.items():
            known.isolated.set_lanes(token, lanes)
        if settings.reloaded != known.reloaded:
            known.reloaded = settings.reloaded
            known.isolated.restart()
        path = ""
        if library.call_log:
            file = self.log_file(library.id)
            file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            path = str(file)
        if path != known.call_log:
            known.isolated.log_calls(path)
            known.call_log = path

    def _changed(self, changes: tuple[Change, ...]) -> None:
        """From the feed's thread, which must not wait for a library that ends."""
        if any(change.entity is Entity.LIBRARY for change in changes):
            threading.Thread(target=self._follow, name="library-settings", daemon=True).start()

    def _follow(self) -> None:
        try:
            self.apply()
        except SealkeeperError as error:  # the next change is tried again
            log.warning("the settings of a library were not applied", error=error.one_line())
        except Exception:  # the thread's edge
            log.exception("the settings of a library were not applied")


@dataclass(frozen=True, slots=True)
class _Settings:
    """What the database says of a library: itself, its tokens' lanes, the mark of its reload."""

    library: Library
    lanes: dict[TokenIdentity, int]
    reloaded: str


class _InUse:
    """A library that is used here, and what it was brought to last; `lock` is held meanwhile."""

    def __init__(self, isolated: IsolatedLibrary) -> None:
        self.isolated = isolated
        self.lock = threading.Lock()
        self.reloaded = ""
        self.call_log = ""
        self.disabled_at: datetime | None = None


def reloaded_at(tx: Transaction, library_id: LibraryId) -> str:
    """A mark that differs after each reload of a library; "" before the first."""
    return tx.settings.get(_reload_key(library_id)) or ""


def set_reloaded(tx: Transaction, library_id: LibraryId, mark: str) -> None:
    """Have every process load a library anew."""
    tx.settings.set(_reload_key(library_id), mark)


def _reload_key(library_id: LibraryId) -> str:
    return f"library/{library_id}/reloaded"

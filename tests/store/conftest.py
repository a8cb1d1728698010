"""Databases to test with: a fresh one a test, and one a module for properties."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from app.store.database import Database, open_database
from tests.store.records import SetClock, an_authority

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from app.domain.authorities import Authority


@pytest.fixture
def clock() -> SetClock:
    return SetClock()


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "a home"


@pytest.fixture
def database(home: Path, clock: SetClock) -> Iterator[Database]:
    opened = open_database(home, clock)
    yield opened
    opened.close()


@pytest.fixture
def authority(database: Database) -> Authority:
    with database.write() as store:
        return store.authorities.add(an_authority())


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    opened = open_database(tmp_path_factory.mktemp("shared"), SetClock())
    yield opened
    opened.close()

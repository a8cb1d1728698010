"""A backend on a home of its own, with a SoftHSM token that is not registered yet."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

from app.directory.local import LocalDirectory
from app.domain.clock import SystemClock
from app.domain.libraries import SOFTWARE_PROVIDER
from app.domain.principals import SYSTEM
from app.hsm.isolation import KeyIsolation
from app.hsm.secret_store import open_secret_store
from app.hsm.software import SoftwareKeyProvider
from app.services.security_library.libraries import RegisterLibrary
from app.services.security_library.slots import RegisterSlot
from app.services.wiring import Parts, wire
from app.store.database import open_database
from tests.softhsm import SoftHsm, make_softhsm

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from app.domain.libraries import Library, SlotRegistration
    from app.domain.principals import Principal
    from app.services.backend import Backend


@pytest.fixture
def parts(tmp_path: Path) -> Iterator[Parts]:
    """What the services are built on."""
    home = tmp_path / "services home"
    clock = SystemClock()
    with ExitStack() as stack:
        database = open_database(home, clock)
        stack.callback(database.close)
        isolation = KeyIsolation()
        stack.callback(isolation.close)
        secrets = open_secret_store(home)

        def added() -> tuple[Principal, ...]:
            with database.read() as tx:
                return tx.principals.all()

        yield Parts(
            home=home,
            clock=clock,
            database=database,
            directory=LocalDirectory("ocspserv", "test", "carol", added),
            isolation=isolation,
            secrets=secrets,
            software=SoftwareKeyProvider(home / "keys", secrets, SOFTWARE_PROVIDER),
        )


@pytest.fixture
def softhsm(tmp_path: Path) -> SoftHsm:
    """A SoftHSM of its own with one token."""
    return make_softhsm(tmp_path / "softhsm")


@pytest.fixture
def backend(parts: Parts) -> Backend:
    """All services over an empty home with the built-in templates."""
    made = wire(parts, ExitStack())
    made.templates.install_builtin()
    return made


@pytest.fixture
def library(backend: Backend, softhsm: SoftHsm) -> Library:
    """SoftHSM, registered."""
    return backend.libraries.register(
        RegisterLibrary(path=softhsm.spec.path, environment=softhsm.spec.environment)
    )


@pytest.fixture
def registrations(
    backend: Backend, library: Library, softhsm: SoftHsm
) -> tuple[SlotRegistration, ...]:
    """The token, registered for the current account and for SYSTEM."""
    return backend.slots.register(
        RegisterSlot(
            library_id=library.id,
            token=softhsm.token,
            accounts=(backend.directory.current_account(), SYSTEM),
            pin=softhsm.user_pin,
        )
    )

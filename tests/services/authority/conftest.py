"""A backend on a moving clock, with a CA on the software provider."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from app.domain.keys import KeyAlgorithm, KeySpec
from app.domain.libraries import SOFTWARE_PROVIDER
from app.services.authority.authorities import CreateAuthority
from app.services.wiring import Parts, wire
from tests.services.moving_clock import MovingClock

if TYPE_CHECKING:
    from app.domain.authorities import Authority
    from app.services.backend import Backend


@pytest.fixture
def clock() -> MovingClock:
    return MovingClock()


@pytest.fixture
def backend(parts: Parts, clock: MovingClock) -> Backend:
    made = wire(replace(parts, clock=clock), ExitStack())
    made.templates.install_builtin()
    return made


@pytest.fixture
def authority(backend: Backend) -> Authority:
    """A P-256 CA that issues Web Server and OCSP Response Signing."""
    made = backend.authorities.create(
        CreateAuthority(
            name="Test CA",
            provider=f"ECDSA_P256#{SOFTWARE_PROVIDER}",
            spec=KeySpec(KeyAlgorithm.ECDSA_P256, 256),
            ocsp_location=True,
            server_dns_name="127.0.0.1:8080",
        )
    )
    return backend.authorities.add_template(made.id, "WebServer", "OCSPResponseSigning")

"""The backend of the authority tests, with a CA that sends clients nowhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from app.domain.keys import KeyAlgorithm, KeySpec
from app.domain.libraries import SOFTWARE_PROVIDER
from app.services.authority.authorities import CreateAuthority
from tests.services.authority.conftest import backend, clock

if TYPE_CHECKING:
    from app.domain.authorities import Authority
    from app.services.backend import Backend

__all__ = ["backend", "clock"]


@pytest.fixture
def authority(backend: Backend) -> Authority:
    """A P-256 CA that issues OCSP Response Signing."""
    made = backend.authorities.create(
        CreateAuthority(
            name="Test CA",
            provider=f"ECDSA_P256#{SOFTWARE_PROVIDER}",
            spec=KeySpec(KeyAlgorithm.ECDSA_P256, 256),
        )
    )
    return backend.authorities.add_template(made.id, "WebServer", "OCSPResponseSigning")

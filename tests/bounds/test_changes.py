"""A revocation in one process is answered by another within a second."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from app.pki.serials import serial_hex
from tests.bench.asking import Asker, load
from tests.e2e.running import openssl_status, printed, sealkeeper, serving, tool, wait_until

if TYPE_CHECKING:
    from cryptography import x509

pytestmark = pytest.mark.bound
TIMES = 5
BOUND_SECONDS = 1.0


def leaves(home: Path, folder: Path) -> list[Path]:
    request = folder / "leaf.csr"
    tool(
        *("openssl", "req", "-new", "-nodes", "-subj", "/CN=leaf.test", "-newkey", "rsa:2048"),
        *("-keyout", str(folder / "leaf.key"), "-out", str(request)),
    )
    made = [folder / f"leaf-{number}.pem" for number in range(TIMES)]
    for path in made:
        sealkeeper(
            *(home, "certreq", "submit", "--attrib", "CertificateTemplate:WebServer"),
            *(str(request), str(path)),
        )
    return made


def seconds_until_revoked(home: Path, asker: Asker, leaf: x509.Certificate) -> float:
    # Asked twice, so that the answer that the change has to drop is in the cache.
    assert [asker.status(leaf, nonce=False) for _ in range(2)] == ["good", "good"]
    sealkeeper(home, "ca", "revoke", serial_hex(leaf.serial_number))
    began = time.monotonic()
    assert wait_until(lambda: asker.status(leaf, nonce=False) == "revoked", 10)
    return time.monotonic() - began


def test_revocation_reaches_other_processes(tmp_path: Path) -> None:
    facts: dict[str, Any] = printed(tmp_path / "home", "quickstart", "--port", "0")
    home = Path(facts["home"])
    certificates = leaves(home, tmp_path)
    with serving(home, "serve"):
        asker = Asker(facts)
        good = load(facts["good_certificate"])
        assert asker.wait_answered(good)
        took = [seconds_until_revoked(home, asker, load(str(path))) for path in certificates]
        assert openssl_status(facts, str(certificates[0]), nonce=False) == "revoked"
    print("seconds until revoked:", [round(seconds, 3) for seconds in took])  # noqa: T201
    assert max(took) <= BOUND_SECONDS, took

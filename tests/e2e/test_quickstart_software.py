"""The quick start where no token can be had."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from app.cli.quickstart.run import Quickstart, QuickstartRequest
from app.host.control import HostController
from app.main import open_backend

if TYPE_CHECKING:
    import pytest


def no_pin() -> NoReturn:
    raise AssertionError("nobody is asked for a PIN")


def test_the_software_provider_takes_the_place_of_the_token(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    with open_backend(tmp_path / "home") as backend:
        monkeypatch.setattr(backend.libraries, "found", lambda: ())
        host = HostController(backend)
        try:
            result = Quickstart(backend, host, said.append).run(
                QuickstartRequest(library="", token="", host="127.0.0.1", port=0, pin=no_pin)
            )
        finally:
            host.stop()
    assert result.verified
    nothing = (result.library, result.token, result.pin_file, result.softhsm2_conf)
    assert nothing == (None, None, None, None)
    assert any("software provider" in sentence for sentence in said)
    keys = list((tmp_path / "home" / "keys").glob("*"))
    assert keys
    for path in (path for path in keys if path.is_file()):
        assert b"BEGIN PRIVATE KEY" not in path.read_bytes()
    assert Path(result.good_certificate).is_file()

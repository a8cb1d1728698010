"""Files that this account may not read: the library says nothing of them, so the error does."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from app.domain.errors import LibraryUnusable, TokenAbsent, TokenError
from app.domain.keys import TokenIdentity
from app.domain.tokens import LibrarySpec
from app.hsm import loading
from tests.hsm.conftest import Pins

if TYPE_CHECKING:
    from collections.abc import Iterator

    from app.hsm.isolation import IsolatedLibrary, KeyIsolation
    from tests.faults.module import Faults
    from tests.softhsm import SoftHsm

# The administrator may read everything, so the question is asked as somebody else.
ASK = """
import os, sys
from app.domain.errors import TokenError
from app.domain.tokens import LibrarySpec
from app.hsm.loading import explained
if os.geteuid() == 0:
    os.setgroups([])
    os.seteuid(65534)
spec = LibrarySpec(sys.argv[1], tuple(tuple(item.split("=", 1)) for item in sys.argv[2:]))
error = TokenError("General.", ckr="CKR_GENERAL_ERROR", function="C_GetSlotList")
explained(error, spec)
print(error.cause)
print(error.remedy)
print(error.detail)
"""


@pytest.fixture
def home() -> Iterator[Path]:
    """A folder that everybody may enter, which pytest's own is not."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        tokens = Path(folder) / "tokens"
        (tokens / "one").mkdir(parents=True)
        (tokens / "one" / "token.object").write_bytes(b"")
        configuration = f"log.level = ERROR\ndirectories.tokendir = {tokens}\n"
        (Path(folder) / "softhsm2.conf").write_text(configuration)
        yield Path(folder)
        for path in (Path(folder), *Path(folder).rglob("*")):
            path.chmod(0o755)


def ask(library: str, *environment: str) -> str:
    """Cause, remedy and detail as another account gets them."""
    done = subprocess.run(
        [sys.executable, "-c", ASK, library, *environment],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


@pytest.mark.parametrize(
    "closed", ["softhsm2.conf", "tokens", "tokens/one", "tokens/one/token.object"]
)
def test_a_closed_file_of_a_soft_token_is_named_with_its_owner(home: Path, closed: str) -> None:
    path = home / closed
    path.chmod(0)
    answer = ask("/usr/lib/libsofthsm2.so", f"SOFTHSM2_CONF={home / 'softhsm2.conf'}")
    assert f"cannot read {path}, which belongs to {path.owner()}." in answer
    assert f"not readable: {path}" in answer
    assert "the right to read it" in answer


def test_the_folder_that_closes_a_path_is_named(home: Path) -> None:
    home.chmod(0o600)
    answer = ask("/usr/lib/libsofthsm2.so", f"SOFTHSM2_CONF={home / 'softhsm2.conf'}")
    assert f"cannot read {home}, which" in answer


def test_a_file_that_a_luna_configuration_names_is_found(home: Path) -> None:
    key = home / "client.key.pem"
    key.write_text("secret")
    key.chmod(0)
    (home / "Chrystoki.conf").write_text(
        "LunaSA Client = {\n   ServerPort00 = 1792;\n"
        f"   ClientPrivKeyFile = {key};\n   Toollib = /missing;\n}}\n"
    )
    answer = ask("/usr/lib/libCryptoki2_64.so", f"ChrystokiConfigurationPath={home}")
    assert f"cannot read {key}, which belongs to {key.owner()}." in answer


def test_any_variable_that_names_a_path_is_looked_at(home: Path) -> None:
    secret = home / "yubihsm.conf"
    secret.write_text("connector = http://127.0.0.1\n")
    secret.chmod(0)
    assert f"cannot read {secret}" in ask("/usr/lib/lib.so", f"YUBIHSM_PKCS11_CONF={secret}")


def test_nothing_is_accused_where_all_can_be_read(home: Path) -> None:
    environment = (f"SOFTHSM2_CONF={home / 'softhsm2.conf'}", "MODE=/missing", "DEBUG=1")
    answer = ask("/usr/lib/libsofthsm2.so", *environment)
    assert "cannot read" not in answer
    assert "not readable" not in answer


# --- through the key isolation ----------------------------------------------------------------


@pytest.fixture
def closed(softhsm: SoftHsm, monkeypatch: pytest.MonkeyPatch) -> Path:
    """SoftHSM's configuration, which this account may not read all of a sudden."""

    def readable(path: Path, mode: int) -> bool:
        return path != softhsm.conf and os.access(path, mode)

    monkeypatch.setattr(loading, "_readable", readable)
    return softhsm.conf


def test_a_library_that_does_not_start_names_the_closed_file(
    isolation: KeyIsolation, faults: Faults, closed: Path
) -> None:
    faults.set("C_Initialize fail CKR_GENERAL_ERROR")
    with pytest.raises(LibraryUnusable, match="refused to start") as caught:
        isolation.probe(faults.spec)
    assert str(closed) in caught.value.cause
    assert "CKR_GENERAL_ERROR" in caught.value.detail


def test_slots_that_cannot_be_listed_name_the_closed_file(
    faulty: IsolatedLibrary, faults: Faults, closed: Path
) -> None:
    faulty.info()
    faults.set("C_GetSlotList fail CKR_GENERAL_ERROR")
    with pytest.raises(TokenError) as caught:
        faulty.slots()
    assert str(closed) in caught.value.cause


def test_an_invisible_token_names_the_closed_file(
    library: IsolatedLibrary, softhsm: SoftHsm, closed: Path
) -> None:
    gone = TokenIdentity("0000", "invisible")
    provider = library.provider(gone, "Invisible", Pins(softhsm.user_pin))
    for call in (provider.keys, lambda: library.verify_pin(gone, softhsm.user_pin)):
        with pytest.raises(TokenAbsent) as caught:
            call()
        assert str(closed) in caught.value.cause


def test_an_answer_that_says_why_accuses_no_file(
    faulty: IsolatedLibrary, faults: Faults, closed: Path
) -> None:
    faulty.info()
    faults.set("C_GetSlotList fail CKR_HOST_MEMORY")
    with pytest.raises(TokenError) as caught:
        faulty.slots()
    assert str(closed) not in caught.value.cause


def test_a_spec_without_files_is_not_explained() -> None:
    error = TokenAbsent("No slot holds the token.", cause="It was removed.")
    spec = LibrarySpec("/usr/lib/lib.so", (("MODE", "fast"),))
    assert loading.explained(error, spec).cause == "It was removed."


def test_a_child_that_is_ended_while_it_loads_is_replaced_once(
    faulty: IsolatedLibrary, faults: Faults
) -> None:
    faults.set("C_Initialize crash-once")
    assert faulty.slots()
    assert faulty.process_id is not None

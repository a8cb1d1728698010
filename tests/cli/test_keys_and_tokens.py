"""`key` and `token` on a SoftHSM token that is registered: every command, and what it refuses."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from app.domain.responder import SignerState
from tests.services.certificates import a_certificate
from tests.softhsm import SoftHsm, make_softhsm
from tests.store.records import a_configuration, a_signer, an_authority

if TYPE_CHECKING:
    from pathlib import Path

    from app.domain.keys import KeyLocator
    from tests.cli.harness import Cli

P256 = ("--algorithm", "ecdsa_p256")


@pytest.fixture
def softhsm(tmp_path: Path) -> SoftHsm:
    return make_softhsm(tmp_path / "softhsm", "partition one")


@pytest.fixture
def ready(cli: Cli, softhsm: SoftHsm) -> Cli:
    """A home on which the token is registered."""
    environment = ("--env", f"SOFTHSM2_CONF={softhsm.conf}")
    cli.run("library", "register", str(softhsm.library), *environment)
    user = str(cli.backend.directory.current_account())
    cli.run("slot", "register", "--user", user, "--password-stdin", given=line(softhsm.user_pin))
    return cli


def line(*pins: object) -> str:
    values = [pin.reveal().decode() if hasattr(pin, "reveal") else str(pin) for pin in pins]
    return "".join(f"{value}\n" for value in values)


def locator(cli: Cli, label: str) -> KeyLocator:
    (library,) = cli.backend.libraries.list()
    row = cli.backend.slots.registered()[0]
    keys = cli.backend.keys.on_token(library.id, row.token)
    return next(key.description.locator for key in keys if key.description.locator.label == label)


def test_keys_are_made_tested_renamed_and_deleted(ready: Cli) -> None:
    made = ready.json("key", "generate", "--label", "one", *P256)
    assert (made["label"], made["algorithm"], made["token"]) == (
        "one",
        "ECDSA_P256",
        "partition one",
    )
    big = ready.run("key", "generate", "--label", "two", "--algorithm", "RSA", "--bits", "3072")
    assert "Generated the RSA 3072 key two in SoftHSM Key Storage Provider." in big.out
    taken = ready.refused("key", "generate", "--label", "one", *P256)
    assert "a key of that name already" in taken
    tested = ready.json("key", "test", "--label", "one")
    assert (tested["signs"], tested["algorithm"]) == (True, "ECDSA_P256, ECDSA with SHA256")
    renamed = ready.json("key", "rename", "--label", "one", "--to", "first")
    assert (renamed["label"], renamed["id"]) == ("first", made["id"])
    rows = ready.json("key", "list")
    assert {(row["label"], row["used_by"], row["retirable"]) for row in rows} == {
        ("first", "", False),
        ("two", "", False),
    }
    assert all(row["certificates"] == [] for row in rows)
    assert "Certificate until" in ready.run("key", "list").out
    ready.refused("key", "delete", "--label", "first", "--confirm", "one")
    ready.run("key", "delete", "--label", "first", "--confirm", "first")
    assert [row["label"] for row in ready.json("key", "list")] == ["two"]


def test_software_keys_too(cli: Cli) -> None:
    made = cli.json("key", "generate", "--label", "soft", "--software", "--algorithm", "Ed25519")
    assert (made["algorithm"], made["token"]) == ("Ed25519", None)
    assert cli.json("key", "test", "--software", "--label", "soft")["signs"]
    cli.run("key", "rename", "--software", "--label", "soft", "--to", "softer")
    assert [row["label"] for row in cli.json("key", "list", "--software")] == ["softer"]


@pytest.mark.parametrize(
    "arguments",
    [
        ("key", "generate", "--label", "x", "--algorithm", "ROT13"),
        ("key", "generate", "--label", "x", "--algorithm", "RSA", "--software", "--token", "y"),
        ("key", "generate", "--label", "x"),
        ("key", "retire-after", "soon"),
        ("key", "retire-after", "-1"),
        ("key", "retire-after", "1.5"),
        ("token", "change-pin", "old", "new"),
    ],
    ids=" ".join,
)
def test_wrong_usage(arguments: tuple[str, ...], cli: Cli) -> None:
    ended = cli.run(*arguments, expect=2)
    assert "Error: " in ended.err


def test_what_cannot_be_done_is_one_line_and_changes_nothing(ready: Cli) -> None:
    for arguments in (
        ("key", "test", "--label", "absent"),
        ("key", "rename", "--label", "absent", "--to", "x"),
        ("key", "retire", "--label", "absent"),
        ("key", "retire-after", "3651"),
        ("key", "generate", "--label", "x", "--algorithm", "RSA", "--bits", "1000"),
        ("key", "generate", "--label", " ", *P256),
        ("token", "memory", "--token", "other"),
    ):
        ready.refused(*arguments)
    ready.run("key", "generate", "--label", "orphan", *P256)
    assert "No certificate of it is known" in ready.refused("key", "retire", "--label", "orphan")


def test_a_key_of_a_past_certificate_is_retired(ready: Cli) -> None:
    ready.run("key", "generate", "--label", "ca", *P256)
    ready.run("key", "generate", "--label", "signer", *P256)
    end = datetime.now(UTC).replace(microsecond=0) - timedelta(days=1)
    begin = end - timedelta(days=14)
    with ready.backend.database.write() as tx:
        authority = tx.authorities.add(
            replace(
                an_authority("Test-CA"),
                key=locator(ready, "ca"),
                certificate=a_certificate("Test-CA"),
            )
        )
        configuration = tx.configurations.add(a_configuration(authority.id, "Test"))
        tx.signers.add(
            replace(
                a_signer(configuration.id, SignerState.EARLIER),
                key=locator(ready, "signer"),
                certificate=a_certificate("ocsp", begin, end),
                not_before=begin,
                not_after=end,
            )
        )
    rows = {row["label"]: row for row in ready.json("key", "list")}
    assert rows["signer"]["retirable"]
    assert rows["signer"]["certificate_until"] == f"{end.replace(tzinfo=None).isoformat()}Z"
    (certificate,) = rows["signer"]["certificates"]
    assert (certificate["owner"], certificate["state"]) == ("OCSPSvc\\Test", "expired")
    assert not rows["ca"]["retirable"]
    refused = ready.refused("key", "retire", "--label", "ca")
    assert "the current certificate of CA Test-CA" in refused
    retired = ready.json("key", "retire", "--label", "signer")
    assert retired["label"] == "signer"
    assert [row["label"] for row in ready.json("key", "list")] == ["ca"]
    events = [row["message"] for row in ready.json("event", "list")]
    assert any("The key “signer” of OCSPSvc\\Test was retired" in text for text in events)


def test_the_days_after_which_keys_retire(ready: Cli) -> None:
    chosen = ready.json("key", "retire-after", "30", "--token", "partition one")
    assert (chosen["token"], chosen["retire_after_days"]) == ("partition one", 30)
    assert "do not retire by themselves" in ready.run("key", "retire-after", "off").out


def test_pins_are_changed_and_unlocked(ready: Cli, softhsm: SoftHsm) -> None:
    ended = ready.run(
        "token", "change-pin", "--password-stdin", given=line(softhsm.user_pin, "another one")
    )
    assert "Changed the user PIN of partition one." in ended.out
    assert "The slot password was updated for" in ended.out
    assert "another one" not in ended.out + ended.err
    assert ready.json("slot", "test")["signs"]
    wrong = ready.refused(
        "token", "change-pin", "--password-stdin", given=line("wrong", "a third"), audited=True
    )
    assert "refused the PIN" in wrong
    changed = ready.json(
        *("token", "change-pin", "--officer", "--password-stdin"),
        given=line(softhsm.so_pin, "an officer"),
    )
    assert (changed["token"], changed["updated"]) == ("partition one", [])
    user = str(ready.backend.directory.current_account())
    unlocked = ready.json("token", "unlock", "--password-stdin", given=line("an officer", "fresh"))
    assert unlocked["updated"] == [user]
    assert ready.json("slot", "test")["signs"]
    assert "missing on standard input" in ready.refused(
        "token", "change-pin", "--password-stdin", given=line("fresh")
    )
    ready.refused("token", "change-pin", "--password-stdin", given=line("fresh", "123"))


def test_mechanisms_and_memory(ready: Cli) -> None:
    names = [row["name"] for row in ready.json("token", "mechanisms")]
    assert {"CKM_ECDSA", "CKM_RSA_PKCS"} <= set(names)
    room = ready.json("token", "memory")
    assert (room["total"], room["free"]) == (None, None)
    assert "Memory of partition one: not reported." in ready.run("token", "memory").out

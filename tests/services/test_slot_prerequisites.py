"""What is said of a slot and of the guide's prerequisites, from facts alone."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from app.domain.keys import TokenIdentity
from app.domain.libraries import TokenSettings
from app.domain.luna import HaGroup, LunaEvidence, NamedFile, NtlsServer
from app.domain.principals import SYSTEM
from app.domain.status import LinkState
from app.domain.tokens import PinState, SlotFacts, SlotTrial
from app.services.security_library.prerequisites import Prerequisite, prerequisites
from app.services.security_library.slot_sheet import sheet_of

TOKEN = TokenIdentity("1213475834492", "OCSP")
SLOT = SlotFacts(
    slot_id=0,
    description="Net Token Slot",
    manufacturer="SafeNet",
    token=TOKEN,
    token_present=True,
    initialised=True,
    model="LunaSA 7.3.0",
    firmware="7.3.0",
    pin_state=PinState.READY,
)
PATH = Path("/etc/Chrystoki.conf")
NOTHING = LunaEvidence(applies=False)
CLIENT = LunaEvidence(applies=True, path=PATH, servers=(NtlsServer("hsm1", "1792"),))
TRIAL = SlotTrial((), signed=True, algorithm="RSA", milliseconds=1.0, problem="", may_generate=True)


def value(slot: SlotFacts, evidence: LunaEvidence, name: str) -> str | None:
    return next(fact.value for fact in sheet_of(slot, evidence) if fact.name == name)


def check(
    name: str,
    evidence: LunaEvidence = CLIENT,
    slot: SlotFacts = SLOT,
    settings: TokenSettings = TokenSettings(),  # noqa: B008 - immutable
    trial: SlotTrial | None = None,
) -> Prerequisite:
    return next(e for e in prerequisites(slot, evidence, settings, trial) if e.name == name)


def test_the_seven_facts_of_the_vendors_list_come_first() -> None:
    facts = sheet_of(SLOT, NOTHING)
    assert [fact.name for fact in facts][:7] == [
        "Slot id",
        "Label",
        "Serial number",
        "Model",
        "Firmware version",
        "Configuration",
        "Slot description",
    ]
    assert [fact.value for fact in facts][:7] == [
        "0",
        "OCSP",
        "1213475834492",
        "LunaSA 7.3.0",
        "7.3.0",
        None,
        "Net Token Slot",
    ]
    assert all(fact.source for fact in facts)


@pytest.mark.parametrize(
    ("total", "free", "most", "now", "memory", "sessions"),
    [
        (None, None, None, None, None, None),
        (1000, 400, 0, 3, "400 of 1000 bytes free", "3 open, no limit"),
        (None, 400, 16, None, "400 bytes free", "at most 16"),
        (1000, None, None, 2, None, "2 open"),
    ],
)
def test_memory_and_sessions_are_told_as_far_as_they_are_reported(
    total: int | None,
    free: int | None,
    most: int | None,
    now: int | None,
    memory: str | None,
    sessions: str | None,
) -> None:
    slot = replace(SLOT, total_memory=total, free_memory=free, max_sessions=most, sessions=now)
    assert value(slot, NOTHING, "Memory") == memory
    assert value(slot, NOTHING, "Sessions") == sessions


def test_high_availability_comes_from_the_clients_file_alone() -> None:
    name = "High availability"
    assert value(SLOT, NOTHING, name) is None
    assert value(SLOT, CLIENT, name) == "in no group of this client"
    member = replace(CLIENT, ha_groups=(HaGroup("HA", "11213475834492", (TOKEN.serial, "2")),))
    assert value(SLOT, member, name) == "member of the group HA"
    group = replace(CLIENT, ha_groups=(HaGroup("HA", TOKEN.serial, ("1", "2")),))
    assert value(SLOT, group, name) == "group HA, members 1, 2"


def test_only_a_luna_client_has_prerequisites() -> None:
    assert prerequisites(SLOT, NOTHING, TokenSettings()) == ()


def test_the_connection_is_proved_by_servers_and_files() -> None:
    name = "NTLS connection"
    assert check(name).state is LinkState.OK
    assert "hsm1:1792" in check(name).evidence
    missing = replace(CLIENT, files=(NamedFile("ClientCertFile", "/cert/client.pem", False),))
    assert check(name, missing).state is LinkState.BAD
    assert "/cert/client.pem" in check(name, missing).evidence
    assert check(name, replace(CLIENT, servers=())).state is LinkState.WARNING
    assert check(name, replace(CLIENT, servers=(), cloud=True)).word == "cloud"
    unread = LunaEvidence(applies=True, problem="There is no file.")
    assert check(name, unread) == Prerequisite(
        name, LinkState.UNCHECKED, "not known", "There is no file."
    )


def test_the_role_is_told_by_the_test_alone() -> None:
    assert check("Role").state is LinkState.UNCHECKED
    assert check("Role", trial=TRIAL).word == "may generate"
    user = replace(TRIAL, signed=False, may_generate=False, problem="No.")
    assert check("Role", trial=user).state is LinkState.WARNING
    assert "cannot be renewed" in check("Role", trial=user).evidence
    unknown = replace(TRIAL, may_generate=None, problem="The token said nothing.")
    assert check("Role", trial=unknown).evidence == "The token said nothing."


def test_ha_needs_haonly() -> None:
    name, groups = "High availability", (HaGroup("HA", "1", ("2", "3")),)
    assert check(name).word == "no group"
    assert check(name, replace(CLIENT, ha_groups=groups)).state is LinkState.WARNING
    assert check(name, replace(CLIENT, ha_groups=groups, ha_only=True)).word == "HAOnly"
    assert check(name, LunaEvidence(applies=True)).state is LinkState.UNCHECKED


@pytest.mark.parametrize(
    ("token", "file", "word"),
    [
        (True, True, "PED"),
        (False, None, "password"),
        (True, False, "they differ"),
        (False, True, "they differ"),
    ],
)
def test_the_ped_flag_of_file_and_token_are_compared(
    token: bool, file: bool | None, word: str
) -> None:
    slot = replace(SLOT, protected_authentication_path=token)
    assert check("PED", replace(CLIENT, ped=file), slot).word == word


def test_policies_are_never_found_only_confirmed() -> None:
    name = "Policies 22 and 23"
    ped = replace(SLOT, protected_authentication_path=True)
    assert name not in [each.name for each in prerequisites(SLOT, CLIENT, TokenSettings())]
    open_one = check(name, slot=ped)
    assert (open_one.state, open_one.word) == (LinkState.WARNING, "not confirmed")
    assert open_one.confirmable
    at = datetime(2026, 11, 22, 12, 30, tzinfo=UTC)
    confirmed = TokenSettings(policies_confirmed_by=SYSTEM, policies_confirmed_at=at)
    done = check(name, slot=ped, settings=confirmed)
    assert done.word == "confirmed"
    assert f"Confirmed by {SYSTEM} at 2026-11-22 12:30 UTC" in done.evidence

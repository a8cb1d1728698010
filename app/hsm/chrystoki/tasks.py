"""The integration guide's changes of the file, as tasks with a state."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from app.domain.luna import ClientTask, SetValue, TaskName, TaskState
from app.hsm.chrystoki.reading import HA, MISC, flag, ha_groups, has_cloud, servers

if TYPE_CHECKING:
    from app.hsm.chrystoki.document import Document

Version = tuple[int, int]
UNIVERSAL = (10, 0)
"""First of the Universal Clients, which also take Luna Cloud HSM beside Luna Network HSMs."""
NO_CERTIFICATES = (10, 2)
"""From here on the guide's steps of copying certificates and changing their paths are skipped."""
REMAPPING = 7
"""The major version that RSAKeyGenMechRemap is for."""

_VERSION = re.compile(r"\s*v?(\d{1,3})(?:\.(\d{1,3}))?(?:[.\-]\S*)?\s*\Z")


def parse_version(text: str) -> Version | None:
    """Major and minor of a client version such as `10.2` or `7.3.0-165`; None for anything else."""
    match = _VERSION.match(text)
    return None if match is None else (int(match[1]), int(match[2] or 0))


def tasks(document: Document, version: Version | None) -> tuple[ClientTask, ...]:
    """All tasks for one file and one client version, None where that is not known."""
    return (_ped(document), _fips(document, version), _ha(document), _cloud(document, version))


def _ped(document: Document) -> ClientTask:
    done = flag(document, MISC, "ProtectedAuthenticationPathFlagStatus") is True
    return ClientTask(
        TaskName.PED,
        "PED authentication",
        "For a Luna HSM that is authenticated at a PED. It makes the client tell programs that the "
        "PIN is entered at the PED, so that none is asked for on this computer. Leave it alone "
        "for an HSM with passwords.",
        "all client versions",
        TaskState.DONE if done else TaskState.OPEN,
        "ProtectedAuthenticationPathFlagStatus is 1." if done else "",
        (SetValue(MISC, "ProtectedAuthenticationPathFlagStatus", "1"),),
    )


def _fips(document: Document, version: Version | None) -> ClientTask:
    done = flag(document, MISC, "RSAKeyGenMechRemap") is True
    state, reason = TaskState.OPEN, ""
    if done:
        state, reason = TaskState.DONE, "RSAKeyGenMechRemap is 1."
    if version is None and not done:
        state = TaskState.UNDECIDED
        reason = "It depends on the client's version, which is not known."
    elif version is not None and version[0] != REMAPPING:
        name = "the Universal Client" if version >= UNIVERSAL else "this client"
        state = TaskState.NOT_APPLICABLE
        reason = f"It is not required for {name} {_text(version)}."
        if done:
            reason += " RSAKeyGenMechRemap is 1 all the same."
    return ClientTask(
        TaskName.FIPS,
        "RSA keys in FIPS mode",
        "A Luna HSM in FIPS mode refuses the older mechanisms of RSA key generation. This makes "
        "the client use an approved mechanism (FIPS 186-3) in their place.",
        "Luna Client 7.x only",
        state,
        reason,
        (SetValue(MISC, "RSAKeyGenMechRemap", "1"),),
    )


def _ha(document: Document) -> ClientTask:
    groups = ha_groups(document)
    if flag(document, HA, "HAOnly") is True:
        state, reason = TaskState.DONE, "HAOnly is 1."
    elif groups:
        labels = ", ".join(group.label or group.serial for group in groups)
        state, reason = TaskState.OPEN, f"Configured groups: {labels}."
    else:
        state = TaskState.NOT_APPLICABLE
        reason = "No HA group is configured. Make one with lunacm first: hagroup creategroup."
    return ClientTask(
        TaskName.HA,
        "Fail-over of an HA group",
        "Programs see the slot of the HA group alone. Without it they may hold the slot of one "
        "member, and nothing fails over when that member goes down.",
        "all client versions",
        state,
        reason,
        (SetValue(HA, "HAOnly", "1"),),
    )


def _cloud(document: Document, version: Version | None) -> ClientTask:
    hybrid = bool(servers(document))
    state, reason = TaskState.OPEN, ""
    if has_cloud(document):
        state = TaskState.DONE
        reason = "The sections XTC and REST are there" + (
            ", beside Luna Network HSMs (hybrid mode)." if hybrid else "."
        )
        if hybrid and version is not None and version < UNIVERSAL:
            reason += f" Hybrid mode needs Luna Client 10 or later; this is {_text(version)}."
    elif hybrid and version is not None and version < UNIVERSAL:
        state = TaskState.NOT_APPLICABLE
        reason = (
            "Hybrid mode, Luna Network HSMs and Luna Cloud HSM in one client, needs Luna Client 10 "
            f"or later; this is {_text(version)}."
        )
    return ClientTask(
        TaskName.CLOUD,
        "Luna Cloud HSM in this client",
        "Takes the sections XTC and REST of a Luna Cloud HSM service client into this file. With "
        "Luna Network HSMs in it, that is hybrid mode.",
        "all client versions; hybrid mode from 10, from 10.2 without copying certificates",
        state,
        reason,
    )


def _text(version: Version) -> str:
    return f"{version[0]}.{version[1]}"

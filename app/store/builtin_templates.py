"""Reads the built-in certificate templates from the TOML files that come with the program."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

import msgspec

from app.domain.errors import EnvironmentFault, InvalidInput
from app.domain.keys import HashAlgorithm, KeyAlgorithm
from app.domain.periods import Period
from app.domain.principals import AccountName, TemplateAccess, TemplateRight
from app.domain.templates import (
    AlternateName,
    KeyUsage,
    SubjectFormat,
    SubjectSource,
    SubjectType,
    Template,
)

if TYPE_CHECKING:
    from pathlib import Path

_WELL_KNOWN = {"authenticated users": "NT AUTHORITY"}
# Microsoft's arc for templates; each forest appends 128 random bits in five parts of 24 and one
# of 8, then the number of the template.
_TEMPLATE_ARC = "1.3.6.1.4.1.311.21.8"
_PART_BITS = 24
_PARTS = 5
_LAST_PART_BITS = 8


class _TemplateFile(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """One file; `permissions` are names of rights by the name of a principal of the domain."""

    name: str
    display_name: str
    oid_suffix: str
    schema_version: int
    major_version: int
    minor_version: int
    subject_type: SubjectType
    validity: str
    renewal: str
    algorithm: KeyAlgorithm
    minimum_key_size: int
    request_hash: HashAlgorithm
    subject_source: SubjectSource
    key_usage: tuple[KeyUsage, ...]
    permissions: dict[str, tuple[str, ...]]
    subject_format: SubjectFormat = SubjectFormat.NONE
    alternate_names: tuple[AlternateName, ...] = ()
    application_policies: tuple[str, ...] = ()
    publish_to_directory: bool = False
    ocsp_no_check: bool = False


def load_builtin_templates(folder: Path, domain: str) -> tuple[Template, ...]:
    """The built-in templates by display name, with permissions for principals of that domain.

    Raises:
        EnvironmentFault: a file is missing or damaged.
    """
    try:
        files = sorted(folder.glob("*.toml"))
        found = [_read(file, domain) for file in files]
    except OSError as error:
        raise _damaged(str(folder), error) from error
    if not found:
        raise _damaged(str(folder), FileNotFoundError("no template is in it"))
    return tuple(sorted(found, key=lambda template: template.display_name.casefold()))


def template_oid_base(domain: str) -> str:
    """The arc of a domain's templates: the same for the same domain, another for another one."""
    number = uuid.uuid5(uuid.NAMESPACE_DNS, domain.casefold()).int
    shifts = [_LAST_PART_BITS + _PART_BITS * part for part in reversed(range(_PARTS))]
    parts = [(number >> shift) % (1 << _PART_BITS) for shift in shifts]
    return ".".join(map(str, (_TEMPLATE_ARC, *parts, number % (1 << _LAST_PART_BITS))))


def _read(file: Path, domain: str) -> Template:
    try:
        source = msgspec.toml.decode(file.read_bytes(), type=_TemplateFile)
        template = _template(source, domain)
    except (msgspec.DecodeError, InvalidInput, KeyError) as error:
        raise _damaged(str(file), error) from error
    problems = template.problems()
    if problems:
        raise _damaged(str(file), InvalidInput(problems[0][1]))
    return template


def _template(source: _TemplateFile, domain: str) -> Template:
    return Template(
        name=source.name,
        display_name=source.display_name,
        oid=f"{template_oid_base(domain)}.{source.oid_suffix}",
        schema_version=source.schema_version,
        major_version=source.major_version,
        minor_version=source.minor_version,
        subject_type=source.subject_type,
        validity=Period.parse(source.validity),
        renewal=Period.parse(source.renewal),
        publish_to_directory=source.publish_to_directory,
        algorithm=source.algorithm,
        minimum_key_size=source.minimum_key_size,
        request_hash=source.request_hash,
        subject_source=source.subject_source,
        subject_format=source.subject_format,
        alternate_names=source.alternate_names,
        key_usage=frozenset(source.key_usage),
        application_policies=source.application_policies,
        ocsp_no_check=source.ocsp_no_check,
        builtin=True,
        permissions=tuple(
            TemplateAccess(_account(name, domain), _rights(rights))
            for name, rights in source.permissions.items()
        ),
    )


def _account(name: str, domain: str) -> AccountName:
    return AccountName(_WELL_KNOWN.get(name.casefold(), domain), name)


def _rights(names: tuple[str, ...]) -> TemplateRight:
    allowed = TemplateRight.NONE
    for name in names:
        allowed |= TemplateRight[name.upper().replace(" ", "_")]
    return allowed


def _damaged(place: str, error: Exception) -> EnvironmentFault:
    return EnvironmentFault(
        "The built-in certificate templates cannot be read.",
        cause="The installation is damaged.",
        remedy="Install the program again.",
        detail=f"{place}\n{type(error).__name__}: {error}",
    )

"""What the Certificate Templates panel and its sheet show; knows nothing of Qt."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

from app.domain.keys import KEY_BITS, HashAlgorithm, KeyAlgorithm, current_first
from app.domain.principals import AccountName, Principal, PrincipalKind, TemplateRight
from app.domain.templates import (
    AlternateName,
    KeyUsage,
    SubjectFormat,
    SubjectSource,
    Template,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from app.services.backend import Backend

KEY_USAGES = {
    KeyUsage.DIGITAL_SIGNATURE: "Digital signature",
    KeyUsage.NON_REPUDIATION: "Signature is proof of origin (non-repudiation)",
    KeyUsage.KEY_ENCIPHERMENT: "Key encipherment",
    KeyUsage.DATA_ENCIPHERMENT: "Data encipherment",
    KeyUsage.KEY_AGREEMENT: "Key agreement",
    KeyUsage.KEY_CERT_SIGN: "Certificate signing",
    KeyUsage.CRL_SIGN: "CRL signing",
}
SUBJECT_FORMATS = {
    SubjectFormat.NONE: "None",
    SubjectFormat.COMMON_NAME: "Common name",
    SubjectFormat.DNS_NAME: "DNS name",
    SubjectFormat.FULLY_DISTINGUISHED: "Fully distinguished name",
}
ALTERNATE_NAMES = {
    AlternateName.DNS: "DNS name",
    AlternateName.UPN: "User principal name (UPN)",
    AlternateName.EMAIL: "E-mail name",
}
SUBJECT_SOURCES = {
    SubjectSource.SUPPLY_IN_REQUEST: "Supply in the request",
    SubjectSource.BUILD_FROM_DIRECTORY: "Build from this directory information",
}
ALGORITHMS = {algorithm: algorithm.text for algorithm in current_first(KeyAlgorithm)}
HASHES = {
    algorithm: algorithm.text for algorithm in sorted(HashAlgorithm, key=lambda each: each.outdated)
}
RIGHTS = {
    TemplateRight.READ: "Read",
    TemplateRight.WRITE: "Write",
    TemplateRight.ENROLL: "Enroll",
    TemplateRight.AUTOENROLL: "Autoenroll",
}
SMALLEST_RSA = 2048
KIND_ICONS = {
    PrincipalKind.USER: "user",
    PrincipalKind.COMPUTER: "computer",
    PrincipalKind.SERVICE_ACCOUNT: "services",
    PrincipalKind.GROUP: "users",
}


@dataclass(frozen=True, slots=True)
class SheetStart:
    """What the property sheet starts from."""

    template: Template
    providers: tuple[str, ...]
    principals: tuple[Principal, ...]


def sheet_start(backend: Backend, name: str) -> SheetStart:
    """Read a template and what its fields may be chosen from; for a task thread."""
    return SheetStart(
        backend.templates.get(name), backend.providers.names(), backend.principals.list()
    )


def version(template: Template) -> str:
    """`101.3`."""
    return f"{template.major_version}.{template.minor_version}"


def why_fixed(template: Template) -> str:
    """Why nothing but the permissions can be changed; "" when all can."""
    if template.schema_version > 1:
        return ""
    return (
        "It is a version 1 template, which other tools know by its name and take as it is. "
        "Duplicate it, and change the copy."
    )


def template_facts(template: Template) -> tuple[tuple[str, str], ...]:
    """The facts of the detail pane, as (name, value)."""
    return (
        ("Template name", template.name),
        ("Subject type", template.subject_type.value),
        ("Validity period", str(template.validity)),
        ("Renewal period", str(template.renewal)),
        ("Key", f"{template.algorithm}, {template.minimum_key_size} bits or more"),
        ("Providers", ", ".join(template.providers) or "any"),
        ("Subject name", SUBJECT_SOURCES[template.subject_source]),
        ("Issued", "after approval by a manager" if template.manager_approval else "at once"),
        ("May enroll", allowed(template, TemplateRight.ENROLL)),
        ("May autoenroll", allowed(template, TemplateRight.AUTOENROLL)),
    )


def allowed(template: Template, right: TemplateRight) -> str:
    """Who has a right, in words."""
    names = [account_name(row.account) for row in template.permissions if row.allow & right]
    return ", ".join(names) or "nobody"


def account_name(account: AccountName) -> str:
    """The name as lists show it: a computer without its `$`."""
    return account.name.removesuffix("$")


def changed_fields(before: Template, after: Template) -> frozenset[str]:
    """Names of the fields that differ."""
    names = (field.name for field in fields(Template))
    return frozenset(name for name in names if getattr(before, name) != getattr(after, name))


def key_size_for(algorithm: KeyAlgorithm, current: int) -> int:
    """The minimum key size to show once an algorithm is chosen."""
    sizes = KEY_BITS[algorithm]
    return min((bits for bits in sizes if bits >= current), default=sizes[-1])


def has_sizes(algorithm: KeyAlgorithm) -> bool:
    """Whether there is more than one key size to choose."""
    return len(KEY_BITS[algorithm]) > 1


def ordered_providers(chosen: Iterable[str], known: Iterable[str]) -> tuple[str, ...]:
    """The providers to list: those that are chosen first, in their order."""
    return tuple(dict.fromkeys((*chosen, *known)))


def rights_note(allow: TemplateRight) -> str:
    """What does not fit in one principal's rights; "" when all does."""
    if allow & TemplateRight.AUTOENROLL and not allow & TemplateRight.ENROLL:
        return "Autoenroll takes effect together with Enroll only."
    if allow & TemplateRight.ENROLL and not allow & TemplateRight.READ:
        return "Enroll takes effect together with Read only."
    return ""


def subject_note(template: Template) -> str:
    """What follows from names that the request supplies; "" when it is harmless."""
    if template.subject_source is SubjectSource.BUILD_FROM_DIRECTORY or template.manager_approval:
        return ""
    return (
        "Whoever may enroll gets a certificate for any name. "
        "Consider the approval of a manager on the tab Issuance Requirements."
    )


def default_copy_name(source: Template) -> str:
    """What a copy is called until it is given another name."""
    return f"Copy of {source.display_name}"

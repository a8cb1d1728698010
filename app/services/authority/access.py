"""Who may do what with a template or a certification authority."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from app.domain.commands import command_line
from app.domain.errors import Refused
from app.domain.principals import (
    AccountName,
    AuthorityAccess,
    AuthorityRight,
    TemplateAccess,
    TemplateRight,
)

_Right = TypeVar("_Right", TemplateRight, AuthorityRight)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from app.domain.authorities import Authority
    from app.domain.principals import Directory
    from app.domain.templates import Template

_WORDS = {
    AuthorityRight.READ: "Read",
    AuthorityRight.ISSUE_AND_MANAGE_CERTIFICATES: "Issue and Manage Certificates",
    AuthorityRight.MANAGE_CA: "Manage CA",
    AuthorityRight.REQUEST_CERTIFICATES: "Request Certificates",
}


def default_permissions(domain: str) -> tuple[AuthorityAccess, ...]:
    """Permissions of a new enterprise CA, as AD CS sets them."""
    administrators = AuthorityRight.ISSUE_AND_MANAGE_CERTIFICATES | AuthorityRight.MANAGE_CA
    return (
        AuthorityAccess(AccountName("BUILTIN", "Administrators"), administrators),
        AuthorityAccess(AccountName(domain, "Domain Admins"), administrators),
        AuthorityAccess(AccountName(domain, "Enterprise Admins"), administrators),
        AuthorityAccess(
            AccountName("NT AUTHORITY", "Authenticated Users"),
            AuthorityRight.READ | AuthorityRight.REQUEST_CERTIFICATES,
        ),
    )


def _granted(
    directory: Directory,
    entries: Iterable[tuple[AccountName, _Right]],
    account: AccountName,
    nothing: _Right,
) -> _Right:
    """All rights that the account has by itself and by its groups."""
    identities = {account.key, *(group.key for group in directory.groups_of(account))}
    rights = nothing
    for holder, allowed in entries:
        if holder.key in identities:
            rights |= allowed
    return rights


def template_rights(
    directory: Directory, entries: tuple[TemplateAccess, ...], account: AccountName
) -> TemplateRight:
    """All rights on a template that the account has by itself and by its groups."""
    pairs = ((entry.account, entry.allow) for entry in entries)
    return _granted(directory, pairs, account, TemplateRight.NONE)


def authority_rights(
    directory: Directory, entries: tuple[AuthorityAccess, ...], account: AccountName
) -> AuthorityRight:
    """All rights on a CA that the account has by itself and by its groups."""
    pairs = ((entry.account, entry.allow) for entry in entries)
    return _granted(directory, pairs, account, AuthorityRight.NONE)


def require_authority_right(
    directory: Directory, authority: Authority, account: AccountName, right: AuthorityRight
) -> None:
    """Pass when the account has the right.

    Raises:
        Refused: it has not.
    """
    if right not in authority_rights(directory, authority.permissions, account):
        raise Refused(
            f"{account} may not do this on {authority.name}.",
            cause=f"The permission “{_WORDS[right]}” is missing.",
            remedy="Grant it: "
            + command_line(
                *("ca", "permit", "--ca", authority.name),
                *(str(account), f"+{_command_word(right)}"),
            ),
        )


def require_enroll(directory: Directory, template: Template, account: AccountName) -> None:
    """Pass when the account may enroll for the template.

    Raises:
        Refused: it may not.
    """
    if TemplateRight.ENROLL not in template_rights(directory, template.permissions, account):
        raise Refused(
            f"{account} may not enroll for the template {template.display_name}.",
            cause="The permission Enroll is missing.",
            remedy="Grant it: "
            + command_line("template", "permit", template.name, str(account), "+enroll"),
        )


def _command_word(right: AuthorityRight) -> str:
    return _WORDS[right].lower().replace(" ", "-")

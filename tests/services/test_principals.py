from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from app.domain.errors import InUse, InvalidInput, NameInUse, NotFound, Refused
from app.domain.principals import SYSTEM, AccountName, PrincipalKind, TemplateRight
from tests.services.support import messages

if TYPE_CHECKING:
    from app.services.backend import Backend

COMPUTERS = AccountName("TEST", "Domain Computers")


def test_a_computer_is_added_with_its_dollar_and_found_without(backend: Backend) -> None:
    added = backend.principals.add(AccountName("TEST", "OCSPCL"), PrincipalKind.COMPUTER, "client")
    assert added.account.name == "OCSPCL$"
    found = backend.principals.find("ocspcl", frozenset({PrincipalKind.COMPUTER}))
    assert (found.account, found.description) == (added.account, "client")
    assert added in backend.principals.list()
    with pytest.raises(NotFound, match="not found among Users"):
        backend.principals.find("ocspcl", frozenset({PrincipalKind.USER}))
    assert messages(backend)[-1] == "The computer TEST\\OCSPCL$ was added."


def test_names_are_read_in_the_directorys_spelling(backend: Backend) -> None:
    parse = backend.principals.parse
    assert parse("NT_AUTHORITY\\SYSTEM") == SYSTEM
    assert parse("system") == SYSTEM
    assert parse("test\\CAROL") == backend.directory.current_account()
    assert parse("somebody") == AccountName("TEST", "somebody")
    with pytest.raises(InvalidInput):
        parse("a\\b\\c")


def test_a_taken_or_impossible_name_changes_nothing(backend: Backend) -> None:
    before = backend.principals.list()
    with pytest.raises(NameInUse):
        backend.principals.add(AccountName("test", "CAROL"), PrincipalKind.USER)
    for name in ("a/b", " ", "$", "x" * 300, "line\nbreak"):
        with pytest.raises(InvalidInput):
            backend.principals.add(AccountName("TEST", name), PrincipalKind.USER)
    assert backend.principals.list() == before


def test_members_of_own_and_built_in_groups(backend: Backend) -> None:
    service = backend.principals
    dave = service.add(AccountName("TEST", "dave"), PrincipalKind.USER).account
    ops = service.add(AccountName("TEST", "Operators"), PrincipalKind.GROUP).account
    admins = AccountName("TEST", "Domain Admins")
    assert service.add_member(ops, dave).members == (dave,)
    assert (
        dave in service.add_member(admins, ops).members
        or ops in service.find("Domain Admins").members
    )
    assert {ops, admins} <= backend.directory.groups_of(dave)
    with pytest.raises(InvalidInput, match="cannot become a member"):
        service.add_member(ops, admins)
    with pytest.raises(InvalidInput, match="cannot become a member"):
        service.add_member(ops, ops)
    assert service.remove_member(ops, dave).members == ()
    assert admins not in backend.directory.groups_of(dave)
    with pytest.raises(InvalidInput, match="no member"):
        service.remove_member(admins, backend.directory.current_account())


def test_authenticated_users_can_be_put_into_a_group(backend: Backend) -> None:
    service = backend.principals
    ops = service.add(AccountName("TEST", "Operators"), PrincipalKind.GROUP).account
    everybody = service.find("Authenticated Users").account
    assert service.add_member(ops, everybody).members == (everybody,)
    assert ops in backend.directory.groups_of(backend.directory.current_account())


def test_what_is_built_in_or_used_is_not_removed(backend: Backend) -> None:
    service = backend.principals
    with pytest.raises(Refused):
        service.remove(SYSTEM)
    with pytest.raises(NotFound):
        service.remove(AccountName("TEST", "nobody"))
    dave = service.add(AccountName("TEST", "dave"), PrincipalKind.USER).account
    backend.templates.permit("WebServer", dave, add=TemplateRight.ENROLL)
    with pytest.raises(InUse) as caught:
        service.remove(dave)
    assert "Web Server" in caught.value.cause
    backend.templates.permit("WebServer", dave, add=TemplateRight.NONE, remove=TemplateRight.ENROLL)
    service.remove(dave)
    with pytest.raises(NotFound):
        service.find("dave")

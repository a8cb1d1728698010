"""The local directory: who is found, who is in which group, who acts as whom."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

import pytest

from app.directory.host import current_user_name, default_domain_name, local_host_name
from app.directory.local import ANONYMOUS, LOCAL_SERVICE, LocalDirectory
from app.domain.errors import InvalidInput, NotFound
from app.domain.principals import (
    NETWORK_SERVICE,
    SYSTEM,
    AccountName,
    Directory,
    Principal,
    PrincipalKind,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

ANY = frozenset(PrincipalKind)
BY_DEFAULT = frozenset({PrincipalKind.USER, PrincipalKind.GROUP, PrincipalKind.SERVICE_ACCOUNT})
HOST_ACCOUNT = AccountName("CONTOSO", "OCSPSERV$")


def directory(*added: Principal) -> LocalDirectory:
    return LocalDirectory("ocspserv", "contoso", "maria", lambda: added)


def group(name: str, *members: str) -> Principal:
    accounts = tuple(AccountName.parse(member, "CONTOSO") for member in members)
    return Principal(AccountName("CONTOSO", name), PrincipalKind.GROUP, members=accounts)


def names(accounts: Iterable[AccountName]) -> set[str]:
    return {str(account) for account in accounts}


def test_it_is_a_directory() -> None:
    made: Directory = directory()
    assert (made.host, made.domain) == ("OCSPSERV", "CONTOSO")
    assert made.current_account() == AccountName("CONTOSO", "maria")


def test_built_in_principals_come_first_and_once() -> None:
    dave = Principal(AccountName("CONTOSO", "dave"), PrincipalKind.USER)
    principals = directory(dave).principals()
    assert principals[-1] == dave
    assert all(principal.builtin for principal in principals[:-1])
    assert len({principal.account.key for principal in principals}) == len(principals)
    assert names(principal.account for principal in principals[:-1]) == {
        "CONTOSO\\OCSPSERV$",
        "CONTOSO\\maria",
        "OCSPSERV\\ADMINISTRATOR",
        "CONTOSO\\Domain Admins",
        "CONTOSO\\Enterprise Admins",
        "CONTOSO\\Domain Users",
        "CONTOSO\\Domain Computers",
        "CONTOSO\\Domain Controllers",
        "BUILTIN\\Administrators",
        "NT AUTHORITY\\Authenticated Users",
        "NT AUTHORITY\\Everyone",
        "NT AUTHORITY\\SYSTEM",
        "NT AUTHORITY\\NETWORK SERVICE",
        "NT AUTHORITY\\LOCAL SERVICE",
    }


@pytest.mark.parametrize(
    "text", ["OCSPSERV", "ocspserv", "OcspServ$", "CONTOSO\\ocspserv", " contoso \\ OCSPSERV$ "]
)
def test_a_computer_is_found_only_among_computers(text: str) -> None:
    found = directory().find(text, ANY)
    assert (found.account, found.display_name) == (HOST_ACCOUNT, "OCSPSERV")
    with pytest.raises(NotFound, match="Users, Service Accounts and Groups") as missing:
        directory().find(text, BY_DEFAULT)
    assert "it is a computer" in missing.value.cause
    assert missing.value.remedy == "Choose Object Types and select Computers."


@pytest.mark.parametrize(
    ("text", "account"),
    [
        ("administrators", "BUILTIN\\Administrators"),
        ("NT_AUTHORITY\\system", "NT AUTHORITY\\SYSTEM"),
        ("Network Service", "NT AUTHORITY\\NETWORK SERVICE"),
        ("ocspserv\\administrator", "OCSPSERV\\ADMINISTRATOR"),
        ("MARIA", "CONTOSO\\maria"),
    ],
)
def test_names_are_found_without_regard_to_case(text: str, account: str) -> None:
    assert str(directory().find(text, BY_DEFAULT).account) == account


def test_ones_own_domain_comes_first() -> None:
    mine = Principal(AccountName("CONTOSO", "Administrator"), PrincipalKind.USER)
    assert directory(mine).find("administrator", ANY) == mine
    assert str(directory().find("administrator", ANY).account) == "OCSPSERV\\ADMINISTRATOR"


def test_a_name_of_another_domain_is_not_found() -> None:
    with pytest.raises(NotFound) as missing:
        directory().find("FABRIKAM\\maria", ANY)
    assert missing.value.cause == "No principal of the directory has that name."
    with pytest.raises(InvalidInput):
        directory().find("a\\b\\c", ANY)


def test_groups_of_built_in_accounts() -> None:
    everybody = {"NT AUTHORITY\\Authenticated Users", "NT AUTHORITY\\Everyone"}
    admin = {
        "CONTOSO\\Domain Admins",
        "CONTOSO\\Enterprise Admins",
        "CONTOSO\\Domain Users",
        "BUILTIN\\Administrators",
        *everybody,
    }
    made = directory()
    assert names(made.groups_of(HOST_ACCOUNT)) == {"CONTOSO\\Domain Computers", *everybody}
    assert names(made.groups_of(made.current_account())) == admin
    assert names(made.groups_of(AccountName("ocspserv", "Administrator"))) == admin
    assert names(made.groups_of(SYSTEM)) == {"BUILTIN\\Administrators", *everybody}
    assert names(made.groups_of(AccountName("X", "nobody"))) == everybody
    assert made.groups_of(ANONYMOUS) == frozenset()


def test_nested_groups_and_cycles() -> None:
    made = directory(
        Principal(AccountName("CONTOSO", "dave"), PrincipalKind.USER),
        group("Inner", "DAVE", "Outer"),
        group("Outer", "inner"),
        group("Readers", "NT AUTHORITY\\authenticated users"),
        group("Domain Admins", "OUTER"),
    )
    found = names(made.groups_of(AccountName("contoso", "Dave")))
    assert found == {
        "CONTOSO\\Inner",
        "CONTOSO\\Outer",
        "CONTOSO\\Readers",
        "CONTOSO\\Domain Admins",
        "CONTOSO\\Domain Users",
        "NT AUTHORITY\\Authenticated Users",
        "NT AUTHORITY\\Everyone",
    }
    assert "CONTOSO\\Domain Admins" in names(made.groups_of(made.current_account()))


def test_added_computers_belong_to_the_computers_of_their_domain() -> None:
    added = [
        Principal(AccountName(domain, "WEB$"), PrincipalKind.COMPUTER)
        for domain in ("contoso", "FABRIKAM")
    ]
    made = directory(*added)
    assert "CONTOSO\\Domain Computers" in names(made.groups_of(added[0].account))
    assert "CONTOSO\\Domain Computers" not in names(made.groups_of(added[1].account))
    assert made.find("web", ANY) == added[0]


def test_services_of_the_system_act_as_the_computer() -> None:
    made = directory()
    assert made.network_identity(SYSTEM) == HOST_ACCOUNT
    assert made.network_identity(AccountName("nt authority", "network service")) == HOST_ACCOUNT
    assert made.network_identity(NETWORK_SERVICE) == HOST_ACCOUNT
    assert made.network_identity(LOCAL_SERVICE) == ANONYMOUS
    assert made.network_identity(made.current_account()) == made.current_account()


@pytest.mark.parametrize(
    ("full", "host", "domain"),
    [
        ("ocspserv.contoso.example", "OCSPSERV", "CONTOSO"),
        ("ocspserv", "OCSPSERV", "LOCAL"),
        ("ocspserv.", "OCSPSERV", "LOCAL"),
        ("", "LOCALHOST", "LOCAL"),
    ],
)
def test_names_of_this_machine(
    monkeypatch: pytest.MonkeyPatch, full: str, host: str, domain: str
) -> None:
    monkeypatch.setattr(socket, "gethostname", lambda: full)
    assert (local_host_name(), default_domain_name()) == (host, domain)


def test_the_current_user_is_not_taken_from_the_environment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    before = current_user_name()
    for variable in ("LOGNAME", "USER", "LNAME"):
        monkeypatch.setenv(variable, "somebody-else")
    assert current_user_name() == before != ""

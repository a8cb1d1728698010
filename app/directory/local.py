"""The local directory: this host, its well-known accounts and groups, and what was added."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

from app.domain.errors import NotFound
from app.domain.principals import (
    NETWORK_SERVICE,
    SYSTEM,
    AccountName,
    Principal,
    PrincipalKind,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

LOCAL_SERVICE = AccountName("NT AUTHORITY", "LOCAL SERVICE")
ANONYMOUS = AccountName("NT AUTHORITY", "ANONYMOUS LOGON")
AUTHENTICATED_USERS = AccountName("NT AUTHORITY", "Authenticated Users")
EVERYONE = AccountName("NT AUTHORITY", "Everyone")
ADMINISTRATORS = AccountName("BUILTIN", "Administrators")

_KIND_NAMES = {
    PrincipalKind.USER: "Users",
    PrincipalKind.COMPUTER: "Computers",
    PrincipalKind.SERVICE_ACCOUNT: "Service Accounts",
    PrincipalKind.GROUP: "Groups",
}


class PrincipalSource(Protocol):
    """Where added principals come from."""

    def __call__(self) -> tuple[Principal, ...]:
        """All added principals as they are now."""
        ...


class LocalDirectory:
    """The directory of a machine that is in no Active Directory.

    A group that was added under the name of a built-in one adds its members to it; added users and
    computers of the domain belong to its Domain Users and Domain Computers. Any thread may call any
    method; each asks the source anew.
    """

    def __init__(self, host: str, domain: str, current_user: str, source: PrincipalSource) -> None:
        self._host = host.upper()
        self._domain = domain.upper()
        self._current = AccountName(self._domain, current_user)
        self._source = source
        self._primary = (
            (AccountName(self._domain, "Domain Users").key, PrincipalKind.USER),
            (AccountName(self._domain, "Domain Computers").key, PrincipalKind.COMPUTER),
        )
        self._builtin = _without_doubles(self._builtin_principals())

    @property
    def host(self) -> str:
        """This machine's short name, upper case."""
        return self._host

    @property
    def domain(self) -> str:
        """The directory's domain name, upper case (NetBIOS form)."""
        return self._domain

    @property
    def host_account(self) -> AccountName:
        r"""This machine's computer account, `DOMAIN\HOST$`."""
        return AccountName(self._domain, f"{self._host}$")

    def current_account(self) -> AccountName:
        """The account that this process runs as."""
        return self._current

    def network_identity(self, account: AccountName) -> AccountName:
        """Who an account is to others: services of the system act as the computer, as on Windows.

        `LOCAL SERVICE` is anonymous there.
        """
        if account.key in {SYSTEM.key, NETWORK_SERVICE.key}:
            return self.host_account
        return ANONYMOUS if account.key == LOCAL_SERVICE.key else account

    def principals(self) -> tuple[Principal, ...]:
        """All principals, built-in ones first."""
        added = {principal.account.key: principal for principal in self._source()}
        by_kind = {key: self._primary_members(added.values(), kind) for key, kind in self._primary}
        merged = [
            _merged(each, added.pop(each.account.key, None), by_kind.get(each.account.key, ()))
            for each in self._builtin
        ]
        return (*merged, *added.values())

    def find(self, text: str, kinds: frozenset[PrincipalKind]) -> Principal:
        r"""The principal of that name among those kinds; the domain may be left out.

        A computer is found with or without its `$`.

        Raises:
            NotFound: none; the remedy says so when it exists but is of another kind.
            InvalidInput: the text is no account name.
        """
        wanted = AccountName.parse(text, self._domain)
        any_domain = "\\" not in text
        named = [each for each in self.principals() if _is_named(each, wanted, any_domain)]
        # In one's own domain first, as Windows resolves a bare name.
        named.sort(key=lambda each: each.account.domain.casefold() != self._domain.casefold())
        for principal in named:
            if principal.kind in kinds:
                return principal
        raise _not_found(text.strip(), kinds, named)

    def groups_of(self, account: AccountName) -> frozenset[AccountName]:
        """All groups that hold the account, nested ones too, plus Authenticated Users."""
        if account.key == ANONYMOUS.key:
            return frozenset()
        parents = self._parents()
        held = {AUTHENTICATED_USERS.key: AUTHENTICATED_USERS, EVERYONE.key: EVERYONE}
        waiting = [account.key, *held]
        while waiting:
            for group in parents.get(waiting.pop(), ()):
                if group.key not in held:
                    held[group.key] = group
                    waiting.append(group.key)
        return frozenset(held.values())

    def _primary_members(
        self, added: Iterable[Principal], kind: PrincipalKind
    ) -> tuple[AccountName, ...]:
        own = self._domain.casefold()
        return tuple(
            each.account
            for each in added
            if each.kind is kind and each.account.domain.casefold() == own
        )

    def _parents(self) -> dict[str, list[AccountName]]:
        """The groups that hold an account directly, by the account's key."""
        parents: dict[str, list[AccountName]] = {}
        for principal in self.principals():
            for member in principal.members:
                parents.setdefault(member.key, []).append(principal.account)
        return parents

    def _builtin_principals(self) -> Iterable[Principal]:
        user, group = PrincipalKind.USER, PrincipalKind.GROUP
        administrator = AccountName(self._host, "ADMINISTRATOR")
        admins = (self._current, administrator)
        domain = self._domain
        yield _builtin(self.host_account, PrincipalKind.COMPUTER, "This computer")
        yield _builtin(self._current, user, "The account that runs this program")
        yield _builtin(administrator, user, "Administrator of this computer")
        yield _builtin(AccountName(domain, "Domain Admins"), group, "", admins)
        yield _builtin(AccountName(domain, "Enterprise Admins"), group, "", admins)
        yield _builtin(AccountName(domain, "Domain Users"), group, "", admins)
        yield _builtin(AccountName(domain, "Domain Computers"), group, "", (self.host_account,))
        yield _builtin(AccountName(domain, "Domain Controllers"), group)
        yield _builtin(ADMINISTRATORS, group, "", (*admins, SYSTEM))
        yield _builtin(AUTHENTICATED_USERS, group, "Everybody who has logged on")
        yield _builtin(EVERYONE, group, "Everybody")
        service = PrincipalKind.SERVICE_ACCOUNT
        yield _builtin(SYSTEM, service, "Local System account; acts as this computer")
        yield _builtin(NETWORK_SERVICE, service, "Acts as this computer")
        yield _builtin(LOCAL_SERVICE, service, "Acts anonymously")


def _builtin(
    account: AccountName,
    kind: PrincipalKind,
    description: str = "",
    members: tuple[AccountName, ...] = (),
) -> Principal:
    return Principal(account, kind, description, members, builtin=True)


def _without_doubles(principals: Iterable[Principal]) -> tuple[Principal, ...]:
    first: dict[str, Principal] = {}
    for principal in principals:
        first.setdefault(principal.account.key, principal)
    return tuple(first.values())


def _merged(
    builtin: Principal, added: Principal | None, primary: tuple[AccountName, ...]
) -> Principal:
    if builtin.kind is not PrincipalKind.GROUP:
        return builtin
    more = () if added is None else added.members
    members = {member.key: member for member in (*builtin.members, *more, *primary)}
    return replace(builtin, members=tuple(members.values()))


def _is_named(principal: Principal, wanted: AccountName, any_domain: bool) -> bool:
    names = {principal.account.name.casefold(), principal.display_name.casefold()}
    same_domain = principal.account.domain.casefold() == wanted.domain.casefold()
    return wanted.name.casefold() in names and (any_domain or same_domain)


def _not_found(text: str, kinds: frozenset[PrincipalKind], others: list[Principal]) -> NotFound:
    *first, last = [_KIND_NAMES[kind] for kind in PrincipalKind if kind in kinds] or ["nothing"]
    looked_among = f"{', '.join(first)} and {last}" if first else last
    message = f"“{text}” was not found among {looked_among}."
    if not others:
        return NotFound(
            message,
            cause="No principal of the directory has that name.",
            remedy="Check the spelling, or add the principal to the directory.",
        )
    kind = others[0].kind
    return NotFound(
        message,
        cause=f"{others[0].account} exists, but it is a {kind}.",
        remedy=f"Choose Object Types and select {_KIND_NAMES[kind]}.",
    )

"""Accounts, computers and groups, and what they may do."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Flag, StrEnum, auto
from typing import Protocol

from app.domain.errors import InvalidInput


class PrincipalKind(StrEnum):
    """What a principal is."""

    USER = "user"
    COMPUTER = "computer"
    SERVICE_ACCOUNT = "service account"
    GROUP = "group"


LONGEST_ACCOUNT = 256


@dataclass(frozen=True, slots=True)
class AccountName:
    r"""`DOMAIN\name`, compared without regard to case.

    `NT_AUTHORITY\SYSTEM`, as the guide writes it, is kept as `NT AUTHORITY\SYSTEM`.
    """

    domain: str
    name: str

    def __str__(self) -> str:
        return f"{self.domain}\\{self.name}"

    @property
    def key(self) -> str:
        """The form to compare and to store under."""
        return str(self).casefold()

    @classmethod
    def parse(cls, text: str, default_domain: str) -> AccountName:
        r"""Read `DOMAIN\name` or `name` (of the default domain).

        Raises:
            InvalidInput: empty, too long, with a control character or more than one backslash.
        """
        domain, separator, name = (part.strip() for part in text.strip().partition("\\"))
        if not separator:
            domain, name = default_domain, domain
        fits = len(text) <= LONGEST_ACCOUNT and text.isprintable()
        if not domain or not name or "\\" in name or not fits:
            raise InvalidInput(
                f"“{text}” is not an account name.", remedy="Write DOMAIN\\name or name."
            )
        return cls("NT AUTHORITY" if domain.upper() == "NT_AUTHORITY" else domain, name)


SYSTEM = AccountName("NT AUTHORITY", "SYSTEM")
NETWORK_SERVICE = AccountName("NT AUTHORITY", "NETWORK SERVICE")


@dataclass(frozen=True, slots=True)
class Principal:
    """A principal of the directory; `members` are account names, for groups only."""

    account: AccountName
    kind: PrincipalKind
    description: str = ""
    members: tuple[AccountName, ...] = ()
    builtin: bool = False

    @property
    def display_name(self) -> str:
        """The name as lists show it: a computer without its `$`."""
        is_computer = self.kind is PrincipalKind.COMPUTER
        return self.account.name.removesuffix("$") if is_computer else self.account.name


class TemplateRight(Flag):
    """Permissions on a certificate template."""

    NONE = 0
    READ = auto()
    WRITE = auto()
    ENROLL = auto()
    AUTOENROLL = auto()
    FULL_CONTROL = READ | WRITE | ENROLL | AUTOENROLL


class AuthorityRight(Flag):
    """Permissions on a certification authority."""

    NONE = 0
    READ = auto()
    ISSUE_AND_MANAGE_CERTIFICATES = auto()
    MANAGE_CA = auto()
    REQUEST_CERTIFICATES = auto()


@dataclass(frozen=True, slots=True)
class TemplateAccess:
    """What one principal may do with a template."""

    account: AccountName
    allow: TemplateRight


@dataclass(frozen=True, slots=True)
class AuthorityAccess:
    """What one principal may do with a CA."""

    account: AccountName
    allow: AuthorityRight


class Directory(Protocol):
    """Where principals are found; the local implementation comes first, Active Directory later."""

    @property
    def host(self) -> str:
        """This machine's short name, upper case."""
        ...

    @property
    def domain(self) -> str:
        """The directory's domain name, upper case (NetBIOS form)."""
        ...

    def current_account(self) -> AccountName:
        """The account that this process runs as."""
        ...

    def principals(self) -> tuple[Principal, ...]:
        """All principals, built-in ones first."""
        ...

    def find(self, text: str, kinds: frozenset[PrincipalKind]) -> Principal:
        """The principal of that name among those kinds.

        Raises:
            NotFound: none; the remedy says so when it exists but is of another kind.
        """
        ...

    def network_identity(self, account: AccountName) -> AccountName:
        """As whom an account acts towards a CA: SYSTEM and its kind as the host's computer."""
        ...

    def groups_of(self, account: AccountName) -> frozenset[AccountName]:
        """All groups that hold the account, nested ones too, plus Authenticated Users."""
        ...
